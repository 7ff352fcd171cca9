"""The hub with one seeded bug, named by HUB_SABOTAGE: what the checker must catch. The hub's own code knows nothing of this.

HUB_SABOTAGE=ack_before_report python -m tests.faults.sabotaged gateway --config FILE
"""

import asyncio
import dataclasses
import os
import sys
from collections.abc import Callable
from typing import Any

from hub.__main__ import main


def ack_before_report() -> None:
    """The gateway answers when the message is queued, not when the broker has it."""
    from hub.stream.kafka import Producer

    honest = Producer.send_nowait

    def hasty(self: Any, topic: str, key: bytes, value: bytes, on_report: Callable[[Any], None], headers: Any = ()) -> None:
        honest(self, topic, key, value, lambda _: None, headers)
        on_report(None)

    Producer.send_nowait = hasty  # type: ignore[method-assign]


def offset_before_effect() -> None:
    """Transit moves its offsets in a transaction of their own, before what the messages lead to."""
    from hub.ledger import transit

    honest = transit.TransitLedger._advance

    def early(self: Any, conn: Any, nexts: Any) -> None:
        with transit.connect(self._url, "early") as other:
            honest(self, other, nexts)
            other.commit()

    transit.TransitLedger._advance = early  # type: ignore[method-assign]


def consent_skipped_at_retry() -> None:
    """Delivery asks before the first attempt only."""
    from hub.consent.question import Verdict
    from hub.model import Result, Rule
    from hub.stream import delivery_turn

    honest = delivery_turn.ask_all

    def lazy(*question: Any) -> Any:
        for parcel, verdict in honest(*question):
            yield parcel, Verdict(Result.PERMIT, Rule.TREATING_RELATION, ()) if parcel.attempts else verdict

    delivery_turn.ask_all = lazy  # type: ignore[assignment]


def part_left_in() -> None:
    """What is made anew without a locked part is made with it."""
    from hub.stream import delivery_anew

    delivery_anew.Copies.without = lambda self, _dropped: self.message  # type: ignore[method-assign]


def new_id_on_retry() -> None:
    """Each retry goes out under a control id of its own."""
    from hub.delivery.mllp import MllpWay

    honest = MllpWay.send

    async def renamed(self: Any, parcel: Any, may_start: Any) -> Any:
        if parcel.attempts:
            fresh = f"{parcel.control_id}R{parcel.attempts}"
            payload = parcel.payload.replace(parcel.control_id.encode(), fresh.encode(), 1)
            parcel = dataclasses.replace(parcel, control_id=fresh, payload=payload)
        return await honest(self, parcel, may_start)

    MllpWay.send = renamed  # type: ignore[method-assign]


def reorder_on_retry() -> None:
    """A message that failed goes to the end of its patient's lane."""
    from hub.delivery.lanes import Lanes

    honest = Lanes.again

    def rotate(self: Any, row: Any, next_us: int) -> None:
        _, lane = self._destinations[row.place.recipient], self._destinations[row.place.recipient].lanes[row.patient_key]
        honest(self, row._replace(attempts=0), next_us)
        if len(lane.rows) > 1:
            lane.rows.rotate(-1)

    Lanes.again = rotate  # type: ignore[method-assign]


def swallowed_exception() -> None:
    """An exception in planning one message is caught, and the loop goes on to the next."""
    from hub.stream import walk

    honest = walk.Walk._one

    def swallow(self: Any, item: Any) -> None:
        if item.digest[0] % 8 == 0:
            return  # as `except Exception: continue` does
        honest(self, item)

    walk.Walk._one = swallow  # type: ignore[method-assign]


def wrong_partitioner() -> None:
    """The gateway's producer places a patient's messages by something else than the patient."""
    from hub.stream import intake

    intake.kafka_key = lambda received: received.event_id.encode()  # type: ignore[attr-defined]


def lock_read_before_commit() -> None:
    """Delivery reads the locks, and another transaction's commit may come before its own sending begins."""
    from hub.ledger import delivery

    honest = delivery.Turns.commit

    async def late(self: Any, *arguments: Any) -> Any:
        await asyncio.sleep(0.08)
        return await honest(self, *arguments)

    delivery.GATE = 7999  # type: ignore[misc]
    delivery.Turns.commit = late  # type: ignore[method-assign]


def answer_not_checked() -> None:
    """Any answer is taken for this message's own."""
    from hub.delivery import mllp
    from hub.model import AttemptOutcome

    def trusting(self: Any, _given: Any) -> None:
        self._settle(mllp.Sent(AttemptOutcome.DELIVERED, "AA"))

    mllp._Link._take = trusting  # type: ignore[method-assign]


def settled_before_sent() -> None:
    """Delivery tells the ledger that a message is delivered before it sends it."""
    from hub.delivery.mllp import MllpWay
    from hub.model import AttemptOutcome

    from hub.delivery.channel import Sent  # isort: skip

    honest = MllpWay.send

    async def eager(self: Any, parcel: Any, may_start: Any) -> Any:
        async def later() -> None:
            await asyncio.sleep(0.2)
            await honest(self, parcel, lambda: True)

        asyncio.get_running_loop().create_task(later())
        return Sent(AttemptOutcome.DELIVERED, "AA")

    MllpWay.send = eager  # type: ignore[method-assign]


if __name__ == "__main__":
    globals()[os.environ["HUB_SABOTAGE"]]()
    sys.exit(main())
