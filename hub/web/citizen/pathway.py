"""My pathway: what happened, where, and what comes next."""

from aiohttp import web

from hub.web.citizen.visit import enter


async def show(request: web.Request) -> web.Response:
    """``GET /me``."""
    visit = await enter(request)
    return visit.page("pathway.html")
