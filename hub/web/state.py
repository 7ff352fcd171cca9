"""What the web needs of the rest of the hub. ``wiring`` gives it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from hub.adapters.kith.receipt import Receipt
from hub.delivery.pickup import Remake
from hub.identity import Pseudonyms
from hub.ledger.connect import Pool
from hub.ledger.directory import directory_version, load_directory
from hub.ledger.outbox import Said
from hub.ledger.stored import Stored
from hub.model import Message, Provider, Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.web.metrics import Missing
from hub.web.seal import Seal
from hub.web.tokens import Keys


class Intake(Protocol):
    """Where a received message becomes durable; the gateway's is one."""

    async def accept(self, received: Received) -> None:
        """Return when the broker has it for good. Raises Faulted; then nothing may be answered as done."""
        ...


class Receipts(Protocol):
    """Where a receiver's receipt is kept."""

    async def keep(self, receipt: Receipt, raw: bytes, provider: str) -> None:
        """Return when it is kept for good. Raises Rejected, Faulted; then nothing may be answered as done."""
        ...

    async def keep_of(self, event_id: str, said: Said, provider: str) -> None:
        """``keep`` of one about an event."""
        ...


class Region:
    """The directory in force at the moment it is asked for; read again only when its version has changed."""

    def __init__(self, ledger: Pool) -> None:
        self._ledger: Final = ledger
        self._known = Directory((), (), -1)

    async def now(self) -> Directory:
        """Raises Faulted."""
        if await self._ledger.run(directory_version) != self._known.version:
            found = await self._ledger.run(load_directory)
            self._known = Directory(found.providers, found.subscriptions, found.version)
        return self._known


def _no_objections(_: Provider) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class State:
    """Everything a handler may use. ``objections``: why an administrator's provider may not be taken, one line each."""

    settings: Settings
    clock: Callable[[], int]  # whole microseconds since 1970
    keys: Keys
    pseudonyms: Pseudonyms
    intake: Intake
    ledger: Pool
    region: Region
    missing: Missing
    objections: Callable[[Provider], Sequence[str]] = _no_objections
    receipts: Receipts | None = None  # None = receipts are not taken
    remake: Remake | None = None  # makes a document anew that shows more than it may; None = nobody fetches here
    seal: Seal | None = None  # signs checkpoints of the audit chain; None = none are made here
    recall: Callable[[Stored], Message] | None = None  # how a recorded message is read again; None = none is


STATE: Final = web.AppKey("state", State)
