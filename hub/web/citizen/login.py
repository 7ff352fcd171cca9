"""In and out: the welcome page, the way to the provider and back, logout, and the language."""

import secrets
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from hub import telemetry
from hub.web.body import read_form
from hub.web.citizen import sessions
from hub.web.citizen.oidc import Attempt, LoginError
from hub.web.citizen.render import LANGUAGE_COOKIE, answer, language_of
from hub.web.citizen.sessions import base_url, is_secure
from hub.web.citizen.visit import OIDC, WELCOME, What, hold_back, is_own, submitted
from hub.web.citizen.vocabulary import Language
from hub.web.forwarded import client_address
from hub.web.state import STATE

CALLBACK: Final = "/me/callback"
HOME: Final = "/me"
_YEAR_SECONDS: Final = 365 * 24 * 3600
_CODES: Final = frozenset({"refused", "provider", "identity", "stale"})


async def welcome(request: web.Request) -> web.Response:
    """``GET /me/welcome``: what the page is, and the way in. ``?why=`` tells how a login ended."""
    base = base_url(request.app[STATE].settings)
    if request.host != urlsplit(base).netloc:
        raise web.HTTPSeeOther(base + WELCOME)  # where the cookies are given and the provider knows us
    why = request.query.get("why", "")
    is_open = OIDC in request.app
    return answer(language_of(request), "welcome.html", path=request.path, is_open=is_open, why=why if why in _CODES else "", session=None)


async def login(request: web.Request) -> web.Response:
    """``GET /me/login``: off to the provider. Raises HTTPNotFound where there is none, TooManyRequests, Faulted."""
    if OIDC not in request.app:
        raise web.HTTPNotFound
    if request.headers.get("Sec-Fetch-Site") == "cross-site":  # a login begins with somebody's own act, not with another site's link
        raise web.HTTPSeeOther(WELCOME)
    hold_back(request, What.LOGIN, client_address(request))
    attempt = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    try:
        url = await request.app[OIDC].login_url(attempt, language_of(request).value, request.app[STATE].clock())
    except LoginError as exc:
        _note(exc.code)
        raise web.HTTPSeeOther(f"{WELCOME}?why={exc.code}") from exc
    found = web.Response(status=303, headers={"Location": url})
    await sessions.begin_login(request, found, attempt)
    return found


async def callback(request: web.Request) -> web.Response:
    """``GET /me/callback``: back from the provider, logged in or with a reason why not."""
    if OIDC not in request.app:
        raise web.HTTPNotFound
    hold_back(request, What.LOGIN, client_address(request))
    attempt = await sessions.take_login(request)
    try:
        if attempt is None:
            raise LoginError("stale")  # noqa: TRY301  told like every other way a login ends
        person = await request.app[OIDC].person(str(request.url), attempt, request.app[STATE].clock())
    except LoginError as exc:
        _note(exc.code)
        raise web.HTTPSeeOther(f"{WELCOME}?why={exc.code}") from exc
    home = web.Response(status=303, headers={"Location": HOME})
    await sessions.start(request, home, person)
    _note("succeeded")
    return home


def _note(outcome: str) -> None:
    """How a login ended, and of nobody in particular."""
    telemetry.LOGINS.labels(outcome).inc()
    telemetry.log("login", outcome=outcome)


async def logout(request: web.Request) -> web.Response:
    """``POST /me/logout``: out here, and then at the provider."""
    visit, _ = await submitted(request)
    url = ""
    if OIDC in request.app:
        back = base_url(visit.state.settings) + WELCOME
        url = await request.app[OIDC].logout_url(visit.session.id_token, back, visit.now_us)
    found = web.Response(status=303, headers={"Location": url or WELCOME, "Clear-Site-Data": '"cache"'})
    await sessions.end(request, found)
    return found


async def logout_everywhere(request: web.Request) -> web.Response:
    """``POST /me/sessions``: every session of this person ends, in whatever browser."""
    visit, _ = await submitted(request)
    found = web.Response(status=303, headers={"Location": WELCOME, "Clear-Site-Data": '"cache"'})
    await sessions.end_all(request, visit.session, found)
    return found


async def language(request: web.Request) -> web.Response:
    """``POST /me/language``: what the page speaks in this browser. Nothing secret depends on it, so it needs no login."""
    form = await read_form(request)
    if not is_own(request) or form.get("language") not in set(Language):
        raise web.HTTPForbidden
    back = form.get("back", "")
    found = web.Response(status=303, headers={"Location": back if back in _PAGES else HOME})
    settings = request.app[STATE].settings
    found.set_cookie(
        LANGUAGE_COOKIE, form["language"], max_age=_YEAR_SECONDS, path="/me", secure=is_secure(settings), httponly=True, samesite="Lax"
    )
    return found


_PAGES: Final = frozenset({HOME, WELCOME, "/me/shared", "/me/access", "/me/acting", "/me/notices"})
