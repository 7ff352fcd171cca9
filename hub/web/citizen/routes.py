"""Every address of the patient's page, and what stands around them."""

from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final

from aiohttp import web

from hub.web.citizen import access, acting, login, notices, notifier, pathway, shared
from hub.web.citizen.oidc import Oidc
from hub.web.citizen.render import answer, language_of
from hub.web.citizen.sessions import base_url
from hub.web.citizen.visit import LIMITS, OIDC, WELCOME, limits
from hub.web.state import STATE

_PROBLEM: Final = "application/problem+json"
_SAID: Final = frozenset({400, 403, 404, 409, 422, 429, 500, 503})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes() -> list[web.RouteDef]:
    """The pages. Without a session: the welcome page, the way to the provider and back, the language; all else begins with ``enter``."""
    return [
        web.get(WELCOME, login.welcome),
        web.get("/me/login", login.login),
        web.get(login.CALLBACK, login.callback),
        web.post("/me/logout", login.logout),
        web.post("/me/sessions", login.logout_everywhere),
        web.post("/me/language", login.language),
        web.get("/me/style.css", stylesheet),
        web.get("/me", pathway.show),
        web.get("/me/bundle.json", pathway.bundle),
        web.get("/me/pathway.pdf", pathway.pdf),
        web.get("/me/shared", shared.show),
        web.get("/me/access", access.show),
        web.post("/me/access/preview", access.preview),
        web.post("/me/access", access.confirm),
        web.get("/me/notices", notices.show),
        web.post("/me/notices", notices.save),
        web.get("/me/acting", acting.show),
        web.post("/me/acting", acting.change),
    ]


def prepare(app: web.Application) -> None:
    """What the pages need beside the state: the provider, if there is one, and the limits."""
    settings = app[STATE].settings
    app[LIMITS] = limits()
    if settings.oidc_issuer:
        app[OIDC] = Oidc(settings, base_url(settings) + login.CALLBACK)
    app.cleanup_ctx.append(notifier.telling)


@web.middleware
async def for_people(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Under ``/me`` a problem is a page, not a document; outside ``answers.errors``, which has counted it."""
    found = await handler(request)
    if not request.path.startswith("/me") or found.content_type != _PROBLEM:
        return found
    code = found.status if found.status in _SAID else 500 if found.status >= 500 else 400
    page = answer(language_of(request), "error.html", status=found.status, code=str(code), path="/me", session=None)
    page.headers.update({name: value for name, value in found.headers.items() if name == "Retry-After"})
    if not found.keep_alive:
        page.force_close()
    return page


async def stylesheet(_: web.Request) -> web.Response:
    """``GET /me/style.css``."""
    return web.Response(body=(resources.files("hub.web") / "static" / "citizen.css").read_bytes(), content_type="text/css", charset="utf-8")
