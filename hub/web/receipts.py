"""Receipts of receivers' applications: which delivery one is about, and that nobody else's is taken. The ledger keeps them."""

from collections.abc import Callable
from typing import Final

from hub.adapters.kith.receipt import ORIGINAL, PLACE, Receipt, Sent, correlate
from hub.delivery.heard import as_kept, tell
from hub.delivery.pickup import said_read
from hub.errors import Reason, Rejected
from hub.ledger import receipts as ledger
from hub.ledger.connect import Pool
from hub.ledger.delivery import connect
from hub.ledger.outbox import Said
from hub.ledger.receipts import Candidate
from hub.model import Adapter, Detail


class Receipts:
    """What is kept through one pool; database_url: that of its ledger."""

    def __init__(self, pool: Pool, clock: Callable[[], int], database_url: str) -> None:
        self._pool: Final = pool
        self._clock: Final = clock
        self._database_url: Final = database_url

    async def keep(self, receipt: Receipt, raw: bytes, provider: str) -> None:
        """Return when it is kept for good with the delivery it is about; the same receipt again has no new effect.

        A document that the provider fetched is read with it: delivered.

        Raises Rejected: BROKEN_REFERENCE for one about nothing that this provider was sent, be it there or not, DUPLICATE_CONTROL_ID for
        another one under an id that was used; Faulted.
        """
        found = await self._pool.run(ledger.candidates, receipt.original_id, provider)
        known = {_sent(c): c for c in reversed(found)}  # of several passages of one message the latest
        about = correlate(receipt, known)
        if about is None:
            raise Rejected(Reason.BROKEN_REFERENCE, ORIGINAL)
        await self._keep(known[about], as_kept(receipt, raw))

    async def keep_of(self, event_id: str, said: Said, provider: str) -> None:
        """``keep`` of one that names the event, or the copy."""
        found = await self._pool.run(ledger.sent_of, event_id, provider)
        if found is None:
            raise Rejected(Reason.BROKEN_REFERENCE, "id")
        await self._keep(found, said)

    async def _keep(self, about: Candidate, said: Said) -> None:
        place = about.place
        is_new = await self._pool.run(ledger.keep, about, said, self._clock())
        if is_new is None:
            raise Rejected(Reason.DUPLICATE_CONTROL_ID, f"{PLACE}/Id")
        if is_new:
            tell(said, about.event_id, place.recipient)
        if await self._pool.run(ledger.waits_to_be_read, place):
            async with await connect(self._database_url, durable=True) as conn:
                await said_read(conn, place.recipient, about.event_id, "apprec", self._clock)


def _sent(c: Candidate) -> Sent:
    control_id = c.control_id if c.adapter == Adapter.KITH and not c.copy_id else ""
    return Sent(c.known_as, c.recipient, Detail(c.detail), control_id, c.sender)
