"""Delivery by HTTP, what every kind of it has in common: a body is POSTed to the provider's URL exactly as it is configured.

2xx delivers; 4xx refuses, except 408, 409, 423, 425 and 429, which like 3xx, 5xx and no answer are tried again, not before Retry-After.
No redirect is followed, no proxy of the environment used, and what the receiver writes back is neither kept nor logged.
"""

import email.utils
from abc import ABC, abstractmethod
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from typing_extensions import override

from hub.delivery.channel import NOT_BEGUN, MayStart, Means, Sent, can_connect, client_tls, failed, is_loopback
from hub.ledger.outbox import Parcel
from hub.model import AttemptOutcome, Deliver

_AGAIN: Final = frozenset({408, 409, 423, 425, 429})  # 423: EDI 2.0 locks a receiver while it works on it
_BODY_BYTES_MAX: Final = 65_536
_PAUSE_SECONDS_MAX: Final = 3600
_LATE_MAX: Final = 3


class _Gated(BytesPayload):
    """A body whose first byte asks whether it may still go: connecting can have taken longer than a claim lasts.

    A receiver that is always too slow counts as one that cannot be reached, so that it is seen and not asked for again and again.
    """

    def __init__(self, value: bytes, content_type: str, may_start: MayStart) -> None:
        super().__init__(value, content_type=content_type)
        self._may_start = may_start
        self.late = False

    @override
    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may_start():
            self.late = True
            raise ConnectionAbortedError
        await super().write_with_length(writer, content_length)


class PostWay(ABC):
    """The connections to one receiver. content_type: of what is sent; accept: of what may be answered."""

    content_type: str
    accept: str

    @abstractmethod
    def body(self, parcel: Parcel) -> bytes:
        """What is sent of a parcel: the same bytes at every attempt."""

    def __init__(self, deliver: Deliver, provider: str, means: Means) -> None:
        del provider
        self._deliver = deliver
        self._means = means
        self._session: aiohttp.ClientSession | None = None
        self._late = 0  # connections in a row that took longer than a claim lasts

    def _is_allowed(self) -> bool:
        url = urlsplit(self._deliver.url)
        plain = url.scheme == "http" and (self._means.insecure_plaintext or is_loopback(url.hostname or ""))
        return url.scheme == "https" or plain

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            is_https = self._deliver.url.startswith("https:")
            tls = client_tls(self._deliver.tls_ca, self._means) if is_https else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._deliver.connections, ssl=tls, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=self._means.ack_seconds_max, connect=self._means.connect_seconds_max),
                trust_env=False,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def send(self, parcel: Parcel, may_start: MayStart) -> Sent:
        """POST one message and wait for the status, ``ack_seconds_max`` at most."""
        if not self._is_allowed():
            return failed("plaintext", unreachable=True)
        if not may_start():
            return NOT_BEGUN
        body = _Gated(self.body(parcel), self.content_type, may_start)
        try:
            return await self._post(body, {"X-Request-Id": parcel.known_as, "Accept": self.accept})
        except TimeoutError as problem:
            is_early = isinstance(problem, aiohttp.ConnectionTimeoutError)
            return failed("connect", unreachable=True) if is_early else failed("timeout")
        except (aiohttp.ClientError, OSError) as problem:
            self._late = self._late + 1 if body.late else 0
            if 0 < self._late < _LATE_MAX:
                return NOT_BEGUN
            return _broken(problem, is_late=body.late)

    async def _post(self, body: _Gated, headers: dict[str, str]) -> Sent:
        async with self._open().post(self._deliver.url, data=body, headers=headers, allow_redirects=False) as response:
            self._late = 0
            await _drain(response)
            return outcome(response.status, _pause_us(response.headers.get("Retry-After", ""), response.headers.get("Date", "")))

    async def reachable(self) -> bool:
        """Whether the host takes connections; the request makes its own."""
        url = urlsplit(self._deliver.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        return self._is_allowed() and await can_connect(url.hostname or "", port, self._means.connect_seconds_max)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _broken(problem: Exception, *, is_late: bool) -> Sent:
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return failed("tls", unreachable=True)
    if is_late or isinstance(problem, aiohttp.ClientConnectorError | aiohttp.InvalidURL | FileNotFoundError):
        return failed("connect", unreachable=True)
    return failed("cut")


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a short body so that the connection can be used again; leave a long one."""
    read = 0
    async for chunk in response.content.iter_any():
        read += len(chunk)
        if read > _BODY_BYTES_MAX:
            response.close()
            return


def outcome(status: int, pause_us: int) -> Sent:
    """What an HTTP status means for the delivery."""
    if 200 <= status < 300:
        return Sent(AttemptOutcome.DELIVERED, str(status))
    if 400 <= status < 500 and status not in _AGAIN:
        return Sent(AttemptOutcome.REFUSED, str(status))
    return failed(str(status), retry_after_us=pause_us)


def _pause_us(retry_after: str, date: str) -> int:
    """Retry-After in microseconds: seconds, or an HTTP date told against the answer's own Date (RFC 9110 10.2.3). 0 = none."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(int(retry_after[:6]), _PAUSE_SECONDS_MAX) * 1_000_000
    try:
        wait = email.utils.parsedate_to_datetime(retry_after) - email.utils.parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return 0
    return int(max(0.0, min(wait.total_seconds(), _PAUSE_SECONDS_MAX)) * 1_000_000)
