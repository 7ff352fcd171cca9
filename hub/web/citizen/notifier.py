"""Tells those who asked that somebody has received something of theirs: by e-mail or webhook, that it happened and never what or whom.

At least once: what was sent is written down after it was sent. A message that cannot be sent is tried again, later and later, for ever.
"""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from hub import telemetry
from hub.errors import Cause, Faulted
from hub.ledger.notices import BATCH, Notice, NoticeChannel, latest_access, not_told, take_notices, told
from hub.settings import Settings
from hub.web.citizen.render import words
from hub.web.citizen.sessions import base_url
from hub.web.citizen.vocabulary import Language
from hub.web.rounds import rounds
from hub.web.sending import FAILURES, RETRY_SECONDS_MAX, NotSentError, call, mail, may_be_called, retry_seconds
from hub.web.state import STATE, State

LOOK_SECONDS: Final = 5.0


async def telling(app: web.Application) -> AsyncIterator[None]:
    """Tell while the app runs (an aiohttp cleanup context), where there is anybody to ask whether somebody wants to know."""
    state = app[STATE]
    if not state.settings.oidc_issuer:
        yield
        return

    async with rounds(lambda: round_of(state), BATCH, LOOK_SECONDS):
        yield


async def round_of(state: State) -> int:
    """One look at those whose time has come: how many there were."""
    now_us = state.clock()
    try:
        taken = await state.ledger.run(take_notices, now_us, now_us + int(state.settings.notice_minutes * 60e6))
        for notice in taken:
            await _one(state, notice)
    except Faulted as exc:
        telemetry.fault("web", exc.cause)
        return 0
    return len(taken)


async def _one(state: State, notice: Notice) -> None:
    latest_us = await state.ledger.run(latest_access, notice)
    if latest_us is None:
        return
    try:
        await send(state.settings, notice)
    except FAILURES:
        telemetry.NOTICES.labels(notice.channel, "failed").inc()
        await state.ledger.run(not_told, notice, state.clock() + int(retry_seconds(notice.tries) * 1e6))
    except Exception as exc:  # noqa: BLE001  whatever it is, it is counted, and the next one is told
        telemetry.fault("web", Cause.INTERNAL)
        telemetry.log("notice_fault", place=telemetry.place(exc))
        await state.ledger.run(not_told, notice, state.clock() + int(RETRY_SECONDS_MAX * 1e6))
    else:
        telemetry.NOTICES.labels(notice.channel, "sent").inc()
        await state.ledger.run(told, notice, latest_us)


async def send(settings: Settings, notice: Notice) -> None:
    """One message. Raises one of ``FAILURES``."""
    page = f"{base_url(settings)}/me/shared"
    if notice.channel is NoticeChannel.EMAIL:
        language = Language(notice.language)
        await mail(settings, notice.address, words(language, "mail_subject"), words(language, "mail_text", page=page))
    elif may_be_called(notice.address, settings):
        await call(notice.address, {"event": "access", "page": page}, anywhere=settings.notice_private_hosts)
    else:
        raise NotSentError
