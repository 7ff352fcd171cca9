"""One visit of somebody logged in: who, for whom, in which language; and what a form must bring with it before it is believed."""

import hmac
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.ledger.representations import Basis, Representation, find_representation
from hub.model import Identifier
from hub.web.body import Form, read_form
from hub.web.citizen import sessions
from hub.web.citizen.oidc import Oidc
from hub.web.citizen.render import answer, language_of
from hub.web.citizen.sessions import Session, base_url
from hub.web.citizen.vocabulary import Language
from hub.web.limits import Limiter
from hub.web.state import STATE, State
from hub.web.tokens import Principal, Role

WELCOME: Final = "/me/welcome"
OIDC: Final = web.AppKey("oidc", Oidc)
LIMITS: Final = web.AppKey("limits", dict)


class What(StrEnum):
    """What is limited, each by its own count."""

    LOGIN = "login"
    READ = "read"
    WRITE = "write"
    DOWNLOAD = "download"


# In a minute: logins by address, the rest by session.
PER_MINUTE: Final = {What.LOGIN: 30, What.READ: 240, What.WRITE: 60, What.DOWNLOAD: 10}


class TooManyRequests(web.HTTPTooManyRequests):
    """Asked more often than a person does."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the page is about. basis: None = the one who is logged in."""

    identifier: Identifier
    name: str = field(repr=False)
    born: date | None = field(repr=False)
    basis: Basis | None = None
    protected: bool = False
    withheld: bool = False

    @property
    def principal(self) -> Principal:
        """As the bearer of a token for this patient."""
        return Principal(Role.PATIENT, f"{self.identifier.system}|{self.identifier.value}")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody logged in."""

    request: web.Request
    session: Session
    subject: Subject
    language: Language
    now_us: int

    @property
    def state(self) -> State:
        """Everything the hub has."""
        return self.request.app[STATE]

    def page(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page of this visit."""
        oidc = self.request.app.get(OIDC)
        return answer(
            self.language, template, status=status, may_lead_to=(oidc.origin,) if oidc else (), csrf=self.session.csrf,
            session=self.session, subject=self.subject, path=self.request.path, **values,
        )  # fmt: skip


def limits() -> dict[What, Limiter]:
    """The limits of one process."""
    return {what: Limiter(count, 60) for what, count in PER_MINUTE.items()}


def hold_back(request: web.Request, what: What, key: str) -> None:
    """Raises TooManyRequests when it has been asked too often."""
    seconds = request.app[LIMITS][what].wait_seconds(key, request.app[STATE].clock())
    if seconds:
        raise TooManyRequests(headers={"Retry-After": str(seconds)})


async def enter(request: web.Request, what: What = What.READ) -> Visit:
    """Who visits. Raises HTTPSeeOther to the welcome page for nobody, TooManyRequests, Faulted."""
    session = await sessions.current(request)
    if session is None:
        raise web.HTTPSeeOther(WELCOME)
    hold_back(request, what, session.id.hex())
    subject = Subject(session.who, session.name, session.born)
    now_us = request.app[STATE].clock()
    if session.acting:
        state = request.app[STATE]
        key = state.pseudonyms.link(session.who, "")
        found = await state.ledger.run(find_representation, session.acting, key, now_us)
        if found is not None:
            subject = acted_for(found)
        else:  # it has ended since: nobody is acted for
            await sessions.act_as(request, session, "")
    return Visit(request, session, subject, language_of(request), now_us)


def acted_for(found: Representation) -> Subject:
    """The one acted for."""
    return Subject(found.patient, found.name, found.born, found.basis, found.protected, found.withheld)


async def submitted(request: web.Request) -> tuple[Visit, Form]:
    """Who visits, and the form they sent from one of our own pages. Raises as ``enter``, and HTTPForbidden for one from elsewhere."""
    visit = await enter(request, What.WRITE)
    form = await read_form(request)
    if not is_own(request) or not hmac.compare_digest(form.get("csrf", "").encode(), visit.session.csrf.encode()):
        telemetry.log("form_refused")
        raise web.HTTPForbidden
    return visit, form


def is_own(request: web.Request) -> bool:
    """Whether the browser says that the request comes from a page of ours (Fetch Metadata, else Origin); one that says nothing may."""
    site, origin = request.headers.get("Sec-Fetch-Site", "same-origin"), request.headers.get("Origin", "")
    return site == "same-origin" and origin in ("", base_url(request.app[STATE].settings))
