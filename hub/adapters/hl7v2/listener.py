"""The MLLP server: the listening socket and its connections, their deadlines, and a stop that answers what is under way."""

import asyncio
import ipaddress
import ssl
from typing import Final

from hub import telemetry
from hub.adapters.hl7v2.budget import Budget
from hub.adapters.hl7v2.connection import Connection, ConnectionLimits, Handler

_SWEEP_SECONDS: Final = 0.25
_HANDSHAKE_SECONDS: Final = 10.0
_BACKLOG: Final = 1024


class InsecureDoorError(ValueError):
    """Plaintext on an address that is not loopback, and nobody said that this is meant."""


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` (an IPv6 host in brackets). Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)  # noqa: S104  # ":2575" asks for every address


def is_loopback(host: str) -> bool:
    """True for localhost and loopback addresses; a name that is not an address is not trusted to be one."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls(certificate: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    """The server's side of TLS 1.2 or later; None without a certificate. ``client_ca`` demands client certificates it has signed.

    Raises OSError or ssl.SSLError for files that cannot be used.
    """
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key or None)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Listener:
    """One listening socket (shared with other processes by SO_REUSEPORT) and the connections it has taken."""

    def __init__(self, handler: Handler, limits: ConnectionLimits) -> None:
        self._handler: Final = handler
        self._limits: Final = limits
        self.budget: Final = Budget(max(limits.held_bytes_max, 2 * limits.frame_bytes_max))
        self._connections: Final[set[Connection]] = set()
        self._server: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self, place: str, context: ssl.SSLContext | None, *, insecure_plaintext: bool = False) -> tuple[str, int]:
        """Listen at ``HOST:PORT`` (0 = any free port); the address listened at. Raises OSError, InsecureDoorError."""
        host, port = address(place)
        if context is None and not insecure_plaintext and not is_loopback(host):
            raise InsecureDoorError(f"MLLP without TLS on {place}: set a certificate, or insecure_plaintext = true if this is meant")
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self, self._handler, self._limits),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if context else None,
            reuse_port=True,
            backlog=_BACKLOG,
        )
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._check)
        bound: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
        return bound

    async def stop(self, grace_seconds: float) -> None:
        """Take no more, answer what is under way for at most so long, then close everything."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_seconds
        while self._connections and loop.time() < deadline:  # noqa: ASYNC110  # the end of the last one, however it comes
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()
        telemetry.CONNECTIONS.set(0)
        telemetry.PARTIAL_FRAMES.set(0)

    def joined(self, connection: Connection) -> bool:
        """Take a new connection; False = there is no room for it."""
        if len(self._connections) >= self._limits.connections_max:
            return False
        self._connections.add(connection)
        telemetry.CONNECTIONS.set(len(self._connections))
        return True

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        telemetry.CONNECTIONS.set(len(self._connections))

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections):
            connection.check_deadlines(now)
        self.budget.sweep()
        telemetry.PARTIAL_FRAMES.set(sum(c.is_partial for c in self._connections))
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._check)
