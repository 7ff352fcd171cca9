"""The operator's page and its style sheet, and the snapshots behind it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from aiohttp import web

from hub.web.access import require_operator
from hub.web.metrics import metrics, snapshot
from hub.web.page import page, style
from hub.web.panels import Snapshot, views
from hub.web.state import STATE
from hub.web.tokens import Unauthorized

SAMPLE_SECONDS: Final = 5.0
SAMPLES_MAX: Final = 180  # fifteen minutes

HISTORY: Final = web.AppKey("history", deque[Snapshot])


async def sampling(app: web.Application) -> AsyncIterator[None]:
    """Take a snapshot every five seconds while the app runs (an aiohttp cleanup context)."""
    app[HISTORY] = deque([snapshot(app[STATE].clock())], SAMPLES_MAX)

    async def run() -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            app[HISTORY].append(snapshot(app[STATE].clock()))

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def figures(request: web.Request) -> web.Response:
    """``GET /metrics``."""
    require_operator(request)
    return await metrics(request)


async def home(request: web.Request) -> web.Response:
    """``GET /``: the operator's page. ``?refresh=off`` stands still. Others are led to the patient's, where there is one."""
    state = request.app[STATE]
    try:
        require_operator(request)
    except Unauthorized:
        if not state.settings.oidc_issuer:
            raise
        raise web.HTTPSeeOther("/me") from None
    history = (*request.app[HISTORY], snapshot(state.clock()))
    text = page(views(history), await state.missing(), refresh=request.query.get("refresh") != "off")
    return web.Response(text=text, content_type="text/html", charset="utf-8")


async def stylesheet(_: web.Request) -> web.Response:
    """``GET /style.css``."""
    return web.Response(body=style(), content_type="text/css", charset="utf-8")
