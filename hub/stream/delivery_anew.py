"""Making the bytes of a delivery anew, when it turns out at an attempt that they show more than they may, or that nobody knows.

The order stands: the delivery keeps its place, and its patient's later ones wait behind it. What is made is asked about again before it is
sent. Where it cannot be made, nothing is sent and a person is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hub import telemetry
from hub.consent.question import Verdict
from hub.delivery.book import Became
from hub.delivery.gate import Directory, Moment, answer, must_be_made_anew
from hub.errors import Faulted
from hub.identity import derived_id, kith_id
from hub.ledger.anew import Made, stored, write
from hub.ledger.connect import AsyncConn
from hub.ledger.outbox import Asked, Parcel
from hub.model import Detail, Form, Item, Message, Provider, Received, Result, Rule
from hub.pipeline import Copies, Terms, least
from hub.stream.recall import recalled

Read = Callable[[Received], Message]


@dataclass(frozen=True, slots=True)
class Anew:
    """Makes deliveries anew. read: a message by its adapter. releases: what was left out comes back when it may be shown again."""

    read: Read
    terms: Terms
    releases: bool

    async def make(self, conn: AsyncConn, asked: Asked, directory: Directory, moment: Moment) -> tuple[Became, Verdict]:
        """Look at the message and change its delivery; the verdict is the one it was looked at by. Raises Faulted."""
        parcel, recipient = asked.parcel, directory.get(asked.parcel.place.recipient)
        try:
            message, items = await self._items(conn, parcel)
            seen = replace(parcel, items=items)
            verdict = answer(seen, asked.policy, directory, moment)
            if recipient is None or verdict.result not in (Result.PERMIT, Result.REDACT):
                return (Became.DENIED if verdict.result is Result.DENY else Became.READY), verdict
            if not must_be_made_anew(seen, verdict, releases=self.releases):
                await write(conn, parcel.place, items, None)
                return Became.READY, verdict
            made = self._made(message, seen, verdict, recipient)
        except Faulted:
            raise
        except Exception as exc:  # noqa: BLE001  # whatever is wrong with one message, it must not stop the others, nor be sent as it is
            telemetry.log("not_redactable", event_id=parcel.event_id, error=type(exc).__name__)
            return Became.STUCK, Verdict(Result.HOLD, Rule.LOCKED)
        if made is None:
            return Became.DENIED, replace(verdict, result=Result.DENY, dropped=())
        await write(conn, parcel.place, items, made)
        return Became.READY, verdict

    async def _items(self, conn: AsyncConn, parcel: Parcel) -> tuple[Message, tuple[Item, ...]]:
        """The message, and its items: as they were recorded, so that the answer does not change with the table of sensitive codes."""
        found = await stored(conn, parcel.place)
        if found is None or not found.raw:
            raise LookupError
        message = self.read(recalled(found))
        return message, self.terms.sensitive.labelled(message.items()) if parcel.items is None else parcel.items

    def _made(self, message: Message, parcel: Parcel, verdict: Verdict, recipient: Provider) -> Made | None:
        """The bytes of what may be shown; None when nothing is left. Raises Rejected, and whatever a bug in making it raises."""
        before = () if self.releases else parcel.dropped
        dropped = tuple(dict.fromkeys((*before, *verdict.dropped)))
        detail, form = least(Detail(parcel.detail), verdict.detail), Form(parcel.form)
        copy = Copies(message).without(dropped)
        if copy is None:
            return None
        known = copy.received.event_id
        own = {Form.FHIR: derived_id(known, "bundle", detail), Form.KITH: kith_id(known, detail, recipient.id)}.get(form)
        names = tuple(name for name in (own, known if dropped else None) if name)
        return Made(copy.render(form, detail, recipient), detail, dropped, known if dropped else "", names)
