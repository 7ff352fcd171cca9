"""What waits in the outbox: reading it in the order of ``inbound``, owning partitions of it, and taking over from a worker that died."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from psycopg.rows import TupleRow

from hub.ledger.arrays import ints, texts
from hub.ledger.connect import AsyncConn, faults
from hub.ledger.outbox import FETCHER, TELLER, Place, Remainder, Waiting
from hub.ledger.sent_copies import OF_THE_DEAD

OWNER: Final = 7200  # + partition: the session advisory lock of its delivery process
NEWS: Final = "hub_outbox"  # NOTIFY by transit after it has committed new deliveries
REDRIVE: Final = "hub_redrive"  # NOTIFY with a recipient: its parked deliveries were changed by a person
MOVED: Final = "hub_moved"  # NOTIFY with a recipient: what waits for it of one patient is another's now

# The length of an uncompressed payload stands beside the pointer to it: the payload itself is not read.
_COLUMNS: Final = "o.off, o.recipient, o.patient_key, o.received_us, o.attempts, o.next_us, o.parked, octet_length(o.payload), o.fence"
_HEADS: Final = f"""
SELECT c.part, t.top, r.* FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS c(part, off, recipient)
CROSS JOIN LATERAL (SELECT max(off) AS top FROM outbox WHERE part = c.part AND off >= c.off) t
LEFT JOIN LATERAL (SELECT {_COLUMNS} FROM outbox o
                   WHERE o.part = c.part AND (o.off, o.recipient) > (c.off, c.recipient) AND o.recipient <> ALL (%s::text[])
                   ORDER BY o.off, o.recipient LIMIT %s) r ON true"""  # noqa: S608  # a constant
_BEHIND: Final = f"""
SELECT c.part, r.* FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[]) AS c(part, off, head, head_recipient)
CROSS JOIN LATERAL (SELECT {_COLUMNS} FROM outbox o
                    WHERE o.part = c.part AND o.off >= c.off AND (o.off, o.recipient) <= (c.head, c.head_recipient) AND o.recipient = %s
                    ORDER BY o.off LIMIT %s) r"""  # noqa: S608  # a constant
_CLAIM_AGAIN: Final = """
INSERT INTO claim (id, worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
VALUES (%s, %s, %s, %s::text[], '{}', %s::int[], %s::bigint[], %s::text[]) ON CONFLICT (id) DO NOTHING RETURNING id"""
_GONE: Final = ""  # the worker of claims whose owner lost its partitions: what it had begun may still be under way
_LEFTOVERS: Final = f"""
WITH left_over AS (SELECT c.id, c.claimed_us, u.* FROM claim c, unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
                   WHERE c.worker <> ALL (%(not_theirs)s) AND u.part = ANY (%(parts)s::int[])),
     raised AS (UPDATE outbox o SET attempts = o.attempts + 1 FROM left_over l
                WHERE o.part = l.part AND o.off = l.off AND o.recipient = l.recipient
                RETURNING o.part, o.off, o.recipient, o.attempts, o.copy_id, o.detail, o.dropped, l.claimed_us),
     {OF_THE_DEAD}
INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
SELECT part, off, recipient, attempts, claimed_us, greatest(claimed_us, %(now)s), 'unknown', 'died' FROM raised
ON CONFLICT DO NOTHING"""  # noqa: S608  # a constant
_REMEMBERED: Final = """
INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
SELECT %(gone)s, c.claimed_us, array_agg(u.patient_key), c.lock_keys, array_agg(u.part), array_agg(u.off), array_agg(u.recipient)
FROM claim c, unnest(c.parts, c.offs, c.recipients, c.patient_keys) AS u(part, off, recipient, patient_key)
WHERE c.worker <> ALL (%(not_theirs)s) AND u.part = ANY (%(parts)s::int[]) AND c.claimed_us >= %(since)s GROUP BY c.id"""
_KEPT: Final = """
UPDATE claim c SET parts = k.parts, offs = k.offs, recipients = k.recipients, patient_keys = k.patient_keys
FROM (SELECT c.id, array_agg(u.part) AS parts, array_agg(u.off) AS offs, array_agg(u.recipient) AS recipients,
             array_agg(u.patient_key) AS patient_keys
      FROM claim c, unnest(c.parts, c.offs, c.recipients, c.patient_keys) AS u(part, off, recipient, patient_key)
      WHERE c.worker <> ALL (%(not_theirs)s) AND c.parts && %(parts)s::int[] AND NOT u.part = ANY (%(parts)s::int[]) GROUP BY c.id) k
WHERE c.id = k.id"""
_COUNTS: Final = """
SELECT recipient, count(*), min(received_us) FILTER (WHERE parked = ''), count(*) FILTER (WHERE parked <> ''),
       count(*) FILTER (WHERE fence <> '{}' AND EXISTS (SELECT 1 FROM unpassed(fence))) FROM outbox
WHERE part = ANY (%s::int[]) GROUP BY recipient"""


_LEAVE: Final = """
UPDATE outbox o SET channel = 'poll' FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w(part, off, recipient)
WHERE o.part = w.part AND o.off = w.off AND o.recipient = w.recipient AND o.channel <> 'poll'"""


class Head(NamedTuple):
    """How far a partition has been read: everything up to and including this place."""

    off: int = -1
    recipient: str = ""


class Read(NamedTuple):
    """What one look at a partition found. top: the highest offset that waits, -1 = nothing."""

    top: int
    rows: list[Waiting]


class Counts(NamedTuple):
    """One recipient's deliveries in the ledger. oldest_us: received, of those that are not parked; None = all are."""

    recipient: str
    waiting: int
    oldest_us: int | None
    parked: int
    fenced: int = 0  # those that wait until messages before a merge have been decided


class BacklogReader:
    """Reads one worker's partitions. Raises Faulted when the ledger cannot be read; the connection is then of no use."""

    def __init__(self, conn: AsyncConn, worker: str) -> None:
        self._conn = conn
        self._worker = worker

    async def _fetch(self, query: str, values: Sequence[object]) -> list[TupleRow]:
        with faults():
            cursor = await self._conn.execute(query, values)
            return await cursor.fetchall()

    async def own(self, parts: Sequence[int]) -> set[int]:
        """Those of the partitions that no other process owns; they are this connection's until it closes."""
        rows = await self._fetch("SELECT p FROM unnest(%s::int[]) AS p WHERE pg_try_advisory_lock(%s + p)", (ints(parts), OWNER))
        return {part for (part,) in rows}

    async def take_over(self, parts: Sequence[int], now_us: int, send_us_max: int) -> bool:
        """End the claims that earlier owners of newly owned partitions left: what they claimed may have been sent, and is asked again.

        An owner that only lost its connection may be sending yet. For as long as a send may take after its claim (``send_us_max``) a lock
        must know of it: its claims stay, as nobody's, until ``forget_gone``. True when there were any: their sends may begin until a
        claim's time is over.
        """
        values = {
            "not_theirs": [self._worker, _GONE, FETCHER, TELLER],
            "gone": _GONE,
            "parts": ints(parts),
            "now": now_us,
            "since": now_us - send_us_max,
        }
        ended = "DELETE FROM claim WHERE worker <> ALL (%(not_theirs)s) AND parts <@ %(parts)s::int[]"
        with faults():
            async with self._conn.transaction():
                await self._conn.execute("DELETE FROM claim WHERE worker = %(gone)s AND claimed_us < %(since)s", values)
                await self._conn.execute(_LEFTOVERS, values)
                await self._conn.execute(_REMEMBERED, values)
                kept = await self._conn.execute(_KEPT, values)
                deleted = await self._conn.execute(ended, values)
        return kept.rowcount + deleted.rowcount > 0

    async def forget_gone(self, parts: Sequence[int]) -> None:
        """Remove what earlier owners of these partitions left, when nothing they began can be under way any more."""
        await self._fetch("DELETE FROM claim WHERE worker = %s AND parts && %s::int[] RETURNING id", (_GONE, ints(parts)))

    async def forget_claims_but(self, known: Sequence[int]) -> None:
        """Remove this worker's claims whose commit it never heard of: nothing was sent under them."""
        await self._fetch("DELETE FROM claim WHERE worker = %s AND id <> ALL (%s::bigint[]) RETURNING id", (self._worker, ints(known)))

    async def claim_again(self, claims: Iterable[tuple[Remainder, int]]) -> None:
        """Write claims that a server that died may have lost, for a turn does not wait for the disk: locks must know what is under way."""
        for left, claimed_us in claims:
            places = left.places
            values = (
                left.id,
                self._worker,
                claimed_us,
                texts(left.patient_keys),
                ints(p.part for p in places),
                ints(p.off for p in places),
            )
            await self._fetch(_CLAIM_AGAIN, (*values, texts([p.recipient for p in places])))

    async def heads(self, heads: Mapping[int, Head], behind: Sequence[str], limit: int) -> dict[int, Read]:
        """New deliveries of each partition after its head, at most ``limit`` each, without those of the recipients that are behind."""
        parts = list(heads)
        cursor = (ints(parts), ints(heads[p].off for p in parts), texts([heads[p].recipient for p in parts]))
        found: dict[int, Read] = {}
        for part, top, *columns in await self._fetch(_HEADS, (*cursor, texts(behind), limit)):
            read = found.setdefault(part, Read(-1 if top is None else top, []))
            if columns[0] is not None:
                read.rows.append(_waiting(part, columns))
        return found

    async def behind(self, recipient: str, resume: Mapping[int, int], heads: Mapping[int, Head], limit: int) -> dict[int, list[Waiting]]:
        """One recipient's deliveries from its own offsets up to the heads, at most ``limit`` a partition."""
        parts = list(resume)
        cursor = (
            ints(parts),
            ints(resume[p] for p in parts),
            ints(heads[p].off for p in parts),
            texts([heads[p].recipient for p in parts]),
        )
        found: dict[int, list[Waiting]] = {part: [] for part in parts}
        for part, *columns in await self._fetch(_BEHIND, (*cursor, recipient, limit)):
            found[part].append(_waiting(part, columns))
        return found

    async def nexts(self) -> dict[int, int]:
        """How far transit has decided each partition of topic ``inbound``: its next offset."""
        return dict(await self._fetch("SELECT part, next FROM partition_offset", ()))

    async def leave(self, places: Sequence[Place]) -> None:
        """Leave these to recipients that fetch: also what was made before they did is found by them."""
        arrays = (ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places]))
        with faults():
            await self._conn.execute(_LEAVE, arrays)

    async def counts(self, parts: Sequence[int]) -> list[Counts]:
        """What waits, by recipient."""
        return [Counts(*row) for row in await self._fetch(_COUNTS, (ints(parts),))]

    async def directory_version(self) -> int:
        """The version of the directory; it rises with every change."""
        ((version,),) = await self._fetch("SELECT version FROM directory_version", ())
        return int(version)

    async def providers(self) -> tuple[int, dict[str, dict[str, object]]]:
        """The directory's version and every provider's body as configured, of one moment."""
        query = "SELECT version, id, body FROM directory_version LEFT JOIN provider ON true"
        rows = await self._fetch(query, ())
        return rows[0][0], {provider: body for _, provider, body in rows if provider is not None}

    async def subscriptions(self, ids: Collection[str]) -> dict[str, dict[str, object]]:
        """The bodies, as configured, of those of these subscriptions that there are."""
        return dict(await self._fetch("SELECT id, body FROM subscription WHERE id = ANY (%s::text[])", (texts(ids),)))


def _waiting(part: int, columns: Sequence[object]) -> Waiting:
    off, recipient, *rest = columns
    return Waiting(Place(part, int(off), str(recipient)), *rest)  # type: ignore[arg-type, call-overload]


async def news(conn: AsyncConn) -> list[tuple[str, str]]:
    """The next notifications (channel, payload), as soon as there are any. Raises Faulted."""
    with faults():
        return [(n.channel, n.payload) async for n in conn.notifies(stop_after=1)]


async def listen(conn: AsyncConn) -> None:
    """Hear of new deliveries, of parked ones that a person changed, and of patients that became one. Raises Faulted."""
    with faults():
        await conn.execute(f"LISTEN {NEWS}; LISTEN {REDRIVE}; LISTEN {MOVED}")
