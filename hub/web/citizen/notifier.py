"""Tells those who asked that somebody has received something of theirs: by e-mail or webhook, that it happened and never what or whom.

At least once: what was sent is written down after it was sent. A message that cannot be sent is tried again, later and later, for ever.
"""

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from email.message import EmailMessage
from ipaddress import ip_address
from socket import AddressFamily
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

from hub import telemetry
from hub.errors import Cause, Faulted
from hub.ledger.notices import BATCH, Notice, NoticeChannel, latest_access, not_told, take_notices, told
from hub.settings import Settings
from hub.web.citizen.render import words
from hub.web.citizen.sessions import base_url
from hub.web.citizen.vocabulary import Language
from hub.web.state import STATE, State

LOOK_SECONDS: Final = 5.0
RETRY_FIRST_SECONDS: Final = 60.0
RETRY_SECONDS_MAX: Final = 6 * 3600.0
_SECONDS_MAX: Final = 10.0
_SENT: Final = frozenset(range(200, 300))


class NotSentError(Exception):
    """The receiver did not take it."""


async def telling(app: web.Application) -> AsyncIterator[None]:
    """Tell while the app runs (an aiohttp cleanup context), where there is anybody to ask whether somebody wants to know."""
    state = app[STATE]
    if not state.settings.oidc_issuer:
        yield
        return

    async def run() -> None:
        while True:
            if await round_of(state) < BATCH:
                await asyncio.sleep(LOOK_SECONDS)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
    except (NotSentError, ClientError, OSError, TimeoutError, smtplib.SMTPException):
        telemetry.NOTICES.labels(notice.channel, "failed").inc()
        await state.ledger.run(not_told, notice, state.clock() + int(retry_seconds(notice.tries) * 1e6))
    except Exception as exc:  # noqa: BLE001  whatever it is, it is counted, and the next one is told
        telemetry.fault("web", Cause.INTERNAL)
        telemetry.log("notice_fault", place=telemetry.place(exc))
        await state.ledger.run(not_told, notice, state.clock() + int(RETRY_SECONDS_MAX * 1e6))
    else:
        telemetry.NOTICES.labels(notice.channel, "sent").inc()
        await state.ledger.run(told, notice, latest_us)


def retry_seconds(tries: int) -> float:
    """How long to wait after so many that failed before this one."""
    return min(RETRY_FIRST_SECONDS * 2.0 ** min(tries, 20), RETRY_SECONDS_MAX)


async def send(settings: Settings, notice: Notice) -> None:
    """One message. Raises NotSentError, ClientError, OSError, TimeoutError, SMTPException."""
    page = f"{base_url(settings)}/me/shared"
    if notice.channel is NoticeChannel.EMAIL:
        await asyncio.to_thread(_mail, settings, notice, page)
    else:
        await _post(settings, notice.address, {"event": "access", "page": page})


def _mail(settings: Settings, notice: Notice, page: str) -> None:
    if not settings.smtp:
        raise NotSentError
    language = Language(notice.language)
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_from, notice.address
    message["Subject"], message["Auto-Submitted"] = words(language, "mail_subject"), "auto-generated"
    message.set_content(words(language, "mail_text", page=page))
    host, _, port = settings.smtp.rpartition(":")
    with smtplib.SMTP(host.strip("[]"), int(port), timeout=_SECONDS_MAX) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value().decode())
        server.send_message(message)


async def _post(settings: Settings, url: str, body: dict[str, Any]) -> None:
    if not may_be_called(url, settings):
        raise NotSentError
    resolver = None if settings.notice_private_hosts else _Public()
    async with (
        ClientSession(timeout=ClientTimeout(total=_SECONDS_MAX), connector=TCPConnector(resolver=resolver)) as client,
        client.post(url, json=body, allow_redirects=False) as answer,
    ):
        if answer.status not in _SENT:
            raise NotSentError


def may_be_called(url: str, settings: Settings) -> bool:
    """Whether a webhook may be called at all: https to a name or a public address, unless the settings say that any will do."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if settings.notice_private_hosts:
        return parts.scheme in ("http", "https") and bool(host) and port != 0
    try:
        return parts.scheme == "https" and not parts.username and ip_address(host).is_global
    except ValueError:
        return parts.scheme == "https" and not parts.username and "." in host


class _Public(AbstractResolver):
    """Names that lead into no private network: the hub must not be made to knock at doors that its own network trusts."""

    def __init__(self) -> None:
        self._inner: Final = ThreadedResolver()

    @override
    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not found or not all(ip_address(a["host"]).is_global for a in found):
            raise OSError("not a public address")
        return found

    @override
    async def close(self) -> None:
        await self._inner.close()
