"""What waits to be fetched: found for its recipient, in each patient's order. It is asked about in ``hub.ledger.delivery``'s turns."""

import re
from typing import Any, Final, NamedTuple

from hub.ledger.arrays import ints, texts
from hub.ledger.connect import AsyncConn, faults
from hub.ledger.outbox import FETCHER, Place, Waiting
from hub.ledger.sent_copies import OF_THE_DEAD

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The first of each patient: within a partition by its place, between partitions by the time of receipt (``delivery.destination.precedes``).
# What is parked holds its patient's later ones up, unless they are to be released; so does what waits for a merge (0011).
_FIRSTS: Final = """
SELECT part, off, recipient, patient_key, received_us, attempts, next_us, parked, size
FROM (SELECT DISTINCT ON (patient_key) * FROM (
          SELECT DISTINCT ON (patient_key, part)
                 part, off, recipient, patient_key, received_us, attempts, next_us, parked, octet_length(payload) AS size,
                 event_id::text, copy_id, fence
          FROM outbox WHERE channel = 'poll' AND recipient = %(recipient)s AND (parked = '' OR %(hold)s)
          ORDER BY patient_key, part, off) f
      ORDER BY patient_key, received_us, part, off) o
WHERE parked = '' AND next_us <= %(now)s AND (%(event)s = '' OR %(event)s IN (event_id, copy_id))
      AND NOT EXISTS (SELECT 1 FROM unpassed(fence))
ORDER BY received_us, part, off LIMIT %(limit)s"""
_CLAIMED: Final = """
SELECT w.part, w.off, w.recipient FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w(part, off, recipient)
WHERE EXISTS (SELECT 1 FROM claim c, unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
              WHERE u.part = w.part AND u.off = w.off AND u.recipient = w.recipient)"""
# Given away: an attempt says so, or a claim does, of one that is being handed over and whose attempt is not written down yet.
_FETCHED: Final = """
SELECT o.part, o.off, o.recipient, o.attempts, o.received_us,
       EXISTS (SELECT 1 FROM attempt a WHERE a.part = o.part AND a.off = o.off AND a.recipient = o.recipient AND a.outcome = 'unknown'),
       EXISTS (SELECT 1 FROM claim c, unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
               WHERE u.part = o.part AND u.off = o.off AND u.recipient = o.recipient)
FROM outbox o WHERE o.channel = 'poll' AND o.recipient = %(recipient)s AND %(event)s IN (o.event_id::text, o.copy_id)
ORDER BY o.part, o.off LIMIT 1"""
_DELIVERED: Final = """
SELECT EXISTS (SELECT 1 FROM attempt a JOIN message m USING (part, off)
               WHERE m.event_id = %(event)s::uuid AND a.recipient = %(recipient)s AND a.outcome = 'delivered')
    OR EXISTS (SELECT 1 FROM bundle b JOIN sent_copy s USING (part, off) JOIN attempt a USING (part, off, recipient)
               WHERE b.bundle_id = %(event)s::uuid AND s.copy_id = %(event)s::text AND s.recipient = %(recipient)s
                     AND a.outcome = 'delivered')"""
# As an owner of partitions does with what the one before left (``backlog``): it may have been handed over.
_LEFTOVERS: Final = f"""
WITH gone AS (DELETE FROM claim WHERE worker = %(worker)s AND claimed_us < %(before)s RETURNING claimed_us, parts, offs, recipients),
     left_over AS (SELECT g.claimed_us, u.* FROM gone g, unnest(g.parts, g.offs, g.recipients) AS u(part, off, recipient)),
     raised AS (UPDATE outbox o SET attempts = o.attempts + 1 FROM left_over l
                WHERE o.part = l.part AND o.off = l.off AND o.recipient = l.recipient
                RETURNING o.part, o.off, o.recipient, o.attempts, o.copy_id, o.detail, o.dropped, l.claimed_us),
     {OF_THE_DEAD}
INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
SELECT part, off, recipient, attempts, claimed_us, %(now)s, 'unknown', 'died' FROM raised ON CONFLICT DO NOTHING"""  # noqa: S608  # a constant


class Given(NamedTuple):
    """A delivery that waits to be said to be read. was_given: it may have been handed to its recipient; is_leaving: it is being, now."""

    place: Place
    attempts: int
    received_us: int
    was_given: bool
    is_leaving: bool


class Polling:
    """Reads for one recipient. Raises Faulted when the ledger cannot be read; the connection is then of no use."""

    def __init__(self, conn: AsyncConn, recipient: str) -> None:
        self._conn = conn
        self._recipient = recipient

    async def _fetch(self, query: str, values: Any) -> list[Any]:
        with faults():
            return await (await self._conn.execute(query.encode(), values)).fetchall()

    async def firsts(self, limit: int, now_us: int, *, hold: bool, event_id: str = "") -> list[Waiting]:
        """The first delivery of each patient that may be asked about now, the oldest first; or that of this event or copy, if it is one."""
        values = {"recipient": self._recipient, "hold": hold, "now": now_us, "limit": limit, "event": event_id}
        return [Waiting(Place(*row[:3]), *row[3:]) for row in await self._fetch(_FIRSTS, values)]

    async def claimed(self, places: list[Place]) -> set[Place]:
        """Those of them that are being handed over."""
        asked = (ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places]))
        return {Place(*row) for row in await self._fetch(_CLAIMED, asked)}

    async def given(self, event_id: str) -> Given | None:
        """The delivery of an event or a copy, None when it waits no more, or never did."""
        rows = await self._fetch(_FETCHED, {"recipient": self._recipient, "event": event_id})
        return Given(Place(*rows[0][:3]), *rows[0][3:]) if rows else None

    async def was_delivered(self, event_id: str) -> bool:
        """Whether the event, or the copy of this id, was delivered to the recipient."""
        values = {"recipient": self._recipient, "event": event_id.lower()}
        return _UUID.fullmatch(event_id) is not None and bool((await self._fetch(_DELIVERED, values))[0][0])

    async def provider(self) -> dict[str, object] | None:
        """The recipient's entry as configured, None when there is none."""
        rows = await self._fetch("SELECT body FROM provider WHERE id = %s", (self._recipient,))
        return dict(rows[0][0]) if rows else None

    async def end_leftovers(self, now_us: int, longest_us: int) -> None:
        """End the claims that a web process left when it died: they were made longer ago than a handing over takes."""
        with faults():
            await self._conn.execute(_LEFTOVERS, {"worker": FETCHER, "before": now_us - longest_us, "now": now_us})
