"""One message to the world outside the hub, by e-mail or by a call to a web address; never with anything of a patient in it."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from ipaddress import ip_address
from socket import AddressFamily
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

from hub.settings import Settings

RETRY_FIRST_SECONDS: Final = 60.0
RETRY_SECONDS_MAX: Final = 6 * 3600.0
_SECONDS_MAX: Final = 10.0
_TAKEN: Final = frozenset(range(200, 300))


class NotSentError(Exception):
    """The receiver did not take it."""


FAILURES: Final = (NotSentError, ClientError, OSError, TimeoutError, smtplib.SMTPException)
"""What sending raises when it was not sent: it is tried again."""


def retry_seconds(tries: int) -> float:
    """How long to wait after so many that failed before this one."""
    return min(RETRY_FIRST_SECONDS * 2.0 ** min(tries, 20), RETRY_SECONDS_MAX)


async def mail(settings: Settings, to: str, subject: str, text: str) -> None:
    """By the mail server of the settings. Raises one of ``FAILURES``."""
    await asyncio.to_thread(_mail, settings, to, subject, text)


def _mail(settings: Settings, to: str, subject: str, text: str) -> None:
    if not settings.smtp:
        raise NotSentError
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_from, to
    message["Subject"], message["Auto-Submitted"] = subject, "auto-generated"
    message.set_content(text)
    host, _, port = settings.smtp.rpartition(":")
    with smtplib.SMTP(host.strip("[]"), int(port), timeout=_SECONDS_MAX) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value().decode())
        server.send_message(message)


async def call(url: str, body: dict[str, Any], *, anywhere: bool) -> None:
    """A POST of JSON; redirections are not followed. anywhere: into private networks too. Raises one of ``FAILURES``."""
    resolver = None if anywhere else _Public()
    async with (
        ClientSession(timeout=ClientTimeout(total=_SECONDS_MAX), connector=TCPConnector(resolver=resolver)) as client,
        client.post(url, json=body, allow_redirects=False) as answer,
    ):
        if answer.status not in _TAKEN:
            raise NotSentError


def may_be_called(url: str, settings: Settings) -> bool:
    """Whether a patient's webhook may be called at all: https to a name or a public address, unless the settings say that any will do."""
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
