"""What becomes of a delivery that is to be made anew before anything of it may leave. The making itself reads messages: ``hub.stream``."""

from enum import Enum
from typing import Protocol

from hub.consent.question import Verdict
from hub.delivery.gate import Directory, Moment
from hub.ledger.connect import AsyncConn
from hub.ledger.outbox import Asked


class Became(Enum):
    """READY: to be asked about once more."""

    READY = "ready"
    DENIED = "denied"  # nothing of it may be sent
    STUCK = "stuck"  # what may be sent cannot be made


class Maker(Protocol):
    """Makes deliveries anew."""

    @property
    def releases(self) -> bool:
        """Whether what was left out comes back when it may be shown again."""
        ...

    async def make(self, conn: AsyncConn, asked: Asked, directory: Directory, moment: Moment) -> tuple[Became, Verdict]:
        """Look at the message and change its delivery; the verdict is the one it was looked at by. Raises Faulted."""
        ...
