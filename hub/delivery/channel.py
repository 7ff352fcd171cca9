"""What every way out of the hub has in common: a parcel goes in, how it ended comes out."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from hub.ledger.outbox import Parcel, Said
from hub.model import AttemptOutcome

MayStart = Callable[[], bool]  # False once the claim is too old to begin a send under it
LATE: Final = "late"


@dataclass(frozen=True, slots=True)
class Sent:
    """How one send ended. ``outcome`` None = not begun: no byte of it left the hub, ask again.

    code: closed vocabulary and protocol codes, never text of the receiver. unreachable: no connection could be made.
    retry_after_us: how long the receiver asked to be left alone. receipt: what its application said in the answer.
    """

    outcome: AttemptOutcome | None
    code: str
    unreachable: bool = False
    retry_after_us: int = 0
    receipt: Said | None = None


NOT_BEGUN: Final = Sent(None, LATE)


def failed(code: str, *, unreachable: bool = False, retry_after_us: int = 0) -> Sent:
    """The receiver did not do its part: another attempt follows."""
    return Sent(AttemptOutcome.FAILED, code, unreachable, retry_after_us)


class Way(Protocol):
    """An open channel to one provider."""

    async def send(self, parcel: Parcel, may_start: MayStart) -> Sent:
        """Send one parcel and wait for its answer. ``may_start`` is asked right before the first byte.

        Never raises for the receiver's faults.
        """
        ...

    async def reachable(self) -> bool:
        """Whether a connection can be made now; sends nothing."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Producer(Protocol):
    """Kafka as the mailbox needs it."""

    async def send(self, topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Return once the broker has the record durably. Raises Faulted."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What channels are built with. Seconds; files in PEM. ``mailbox`` names a provider's topic, ``ensure_topic`` makes it exist."""

    ack_seconds_max: float = 20.0
    connect_seconds_max: float = 5.0
    insecure_plaintext: bool = False
    certificate: str = ""  # of the hub itself, for receivers that ask for one
    key: str = field(default="", repr=False)
    producer: Producer | None = None
    mailbox: Callable[[str], str] = str
    ensure_topic: Callable[[str], Awaitable[None]] | None = None


def is_loopback(host: str) -> bool:
    """Whether an address never leaves the machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def client_tls(ca: str, means: Means) -> ssl.SSLContext:
    """TLS 1.2 or newer towards a receiver; its certificate is always verified, ours is shown when there is one. Raises OSError."""
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if means.certificate:
        context.load_cert_chain(means.certificate, means.key or None)
    return context


async def can_connect(host: str, port: int, seconds_max: float) -> bool:
    """Whether a TCP connection can be made now; it is closed again."""
    try:
        async with asyncio.timeout(seconds_max):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
