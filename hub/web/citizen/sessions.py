"""Who is logged in to the page: a cookie that says nothing, and a row in the ledger that says the rest.

The cookie's value is random, unlike every other id of the hub: it is a secret, and whoever could derive it would be somebody else.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from hub.ledger import sessions
from hub.ledger.sessions import StoredSession
from hub.model import Identifier
from hub.settings import Settings
from hub.web.citizen.oidc import Attempt, Person
from hub.web.state import STATE

LOGIN_SECONDS_MAX: Final = 600  # from leaving for the provider to coming back
_SESSION: Final = "hub-session"
_LOGIN: Final = "hub-login"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in. acting: the id of the representation they act by, "" = for themselves."""

    id: bytes = field(repr=False)
    who: Identifier
    name: str = field(repr=False)
    born: date | None = field(repr=False)
    csrf: str = field(repr=False)
    id_token: str = field(repr=False)
    acting: str


def base_url(settings: Settings) -> str:
    """Where browsers find the hub, without a slash at the end."""
    own = f"{'https' if settings.tls_certificate else 'http'}://{settings.http}"
    return (settings.web_url or own).rstrip("/")


def is_secure(settings: Settings) -> bool:
    """Whether browsers reach the hub by https. Without it, which is for loopback only, a cookie cannot be ``Secure``."""
    return urlsplit(base_url(settings)).scheme == "https"


def _named(settings: Settings, name: str) -> str:
    return f"__Host-{name}" if is_secure(settings) else name


def _give(request: web.Request, answer: web.StreamResponse, name: str, value: str, seconds: int | None) -> None:
    settings = request.app[STATE].settings
    answer.set_cookie(_named(settings, name), value, max_age=seconds, path="/", secure=is_secure(settings), httponly=True, samesite="Lax")


def _take_back(request: web.Request, answer: web.StreamResponse, name: str) -> None:
    settings = request.app[STATE].settings
    answer.del_cookie(_named(settings, name), path="/", secure=is_secure(settings), httponly=True, samesite="Lax")


def _id(request: web.Request, name: str) -> bytes | None:
    value = request.cookies.get(_named(request.app[STATE].settings, name), "")
    return sha256(value.encode()).digest() if value else None


async def begin_login(request: web.Request, answer: web.StreamResponse, attempt: Attempt) -> None:
    """Remember a login in this browser. Raises Faulted."""
    state, value = request.app[STATE], secrets.token_urlsafe(32)
    now_us = state.clock()
    body = {"state": attempt.state, "nonce": attempt.nonce, "verifier": attempt.verifier}
    oldest_us = now_us - LOGIN_SECONDS_MAX * 1_000_000
    await state.ledger.run(sessions.begin_login, sha256(value.encode()).digest(), body, now_us, oldest_us)
    _give(request, answer, _LOGIN, value, LOGIN_SECONDS_MAX)


async def take_login(request: web.Request) -> Attempt | None:
    """The login begun in this browser, once. Raises Faulted."""
    state, id_ = request.app[STATE], _id(request, _LOGIN)
    if id_ is None:
        return None
    body = await state.ledger.run(sessions.take_login, id_, state.clock() - LOGIN_SECONDS_MAX * 1_000_000)
    return Attempt(body["state"], body["nonce"], body["verifier"]) if body else None


async def start(request: web.Request, answer: web.StreamResponse, person: Person) -> None:
    """A session of its own for each login; the one the browser had before ends. Raises Faulted."""
    state, value = request.app[STATE], secrets.token_urlsafe(32)
    await end(request, answer)
    now_us = state.clock()
    body = {
        "system": person.identifier.system, "value": person.identifier.value, "name": person.name,
        "born": person.born.isoformat() if person.born else "", "csrf": secrets.token_urlsafe(32),
        "id_token": person.id_token, "acting": "",
    }  # fmt: skip
    person_key = state.pseudonyms.link(person.identifier, "")
    row = StoredSession(sha256(value.encode()).digest(), now_us, now_us, person_key, body)
    await state.ledger.run(sessions.start_session, row, now_us - _idle_us(state.settings))
    _take_back(request, answer, _LOGIN)
    _give(request, answer, _SESSION, value, None)


async def current(request: web.Request) -> Session | None:
    """Who is logged in in this browser; None = nobody, or for too long, or not seen for too long. Raises Faulted."""
    state, id_ = request.app[STATE], _id(request, _SESSION)
    if id_ is None:
        return None
    now_us, settings = state.clock(), state.settings
    oldest_us = now_us - int(settings.session_minutes_max * 60e6)
    row = await state.ledger.run(sessions.see_session, id_, now_us, now_us - _idle_us(settings), oldest_us)
    return _session(row.id, row.body) if row else None


async def all_of(request: web.Request, session: Session) -> list[tuple[bytes, int, int]]:
    """(id, started_us, seen_us) of each session of the same person. Raises Faulted."""
    state = request.app[STATE]
    now_us, settings = state.clock(), state.settings
    key, oldest_us = state.pseudonyms.link(session.who, ""), now_us - int(settings.session_minutes_max * 60e6)
    return await state.ledger.run(sessions.sessions_of, key, now_us - _idle_us(settings), oldest_us)


async def end_all(request: web.Request, session: Session, answer: web.StreamResponse) -> None:
    """From now on this person is logged in nowhere. Raises Faulted."""
    state = request.app[STATE]
    await state.ledger.run(sessions.end_sessions, state.pseudonyms.link(session.who, ""))
    _take_back(request, answer, _SESSION)


async def act_as(request: web.Request, session: Session, representation: str) -> None:
    """From now on the session acts by this representation. Raises Faulted."""
    await request.app[STATE].ledger.run(sessions.change_session, session.id, {"acting": representation})


async def end(request: web.Request, answer: web.StreamResponse) -> None:
    """Nobody is logged in in this browser any more. Raises Faulted."""
    id_ = _id(request, _SESSION)
    if id_ is not None:
        await request.app[STATE].ledger.run(sessions.end_session, id_)
        _take_back(request, answer, _SESSION)


def _idle_us(settings: Settings) -> int:
    return int(settings.session_idle_minutes * 60e6)


def _session(id_: bytes, body: Mapping[str, Any]) -> Session:
    born = date.fromisoformat(body["born"]) if body["born"] else None
    who = Identifier(body["system"], body["value"])
    return Session(id_, who, body["name"], born, body["csrf"], body["id_token"], body["acting"])
