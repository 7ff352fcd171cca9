"""What a subscription was told, and may be told, of events that were delivered or withheld before (``hub.delivery.events``).

A delivery leaves the outbox when it is settled, so these are found in the record: ``attempt``, or ``withheld``. Found ones are kept in
``told``, each once, without a number until it is told. Everything sent stands in ``attempt`` or is claimed: so what was delivered up to a
little before the oldest claim, and a little before now, need not be looked for again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hub.ledger.anew import KNOWN_AS
from hub.ledger.arrays import ints, texts
from hub.ledger.asking import ASK_AGAIN, asked
from hub.ledger.connect import AsyncConn, Conn, faults
from hub.ledger.consents import GATE
from hub.ledger.itemised import packed
from hub.ledger.outbox import QUERIED, TELLER, Asked, Place
from hub.model import AttemptOutcome, Item

LOOK_ROWS: Final = 2_000
CLOCKS_US: Final = 600 * 1_000_000  # by which the clocks of two machines of one installation may differ
_ATTEMPTS: Final = 7107  # advisory lock: the next number of a settled delivery's attempts is one writer's
_FOUND: Final = """
SELECT %(recipient)s, %(subscription)s, f.event_id, f.part, f.off, %(released)s
FROM (SELECT DISTINCT ON (m.event_id) m.event_id, s.* FROM {} s
      JOIN LATERAL (SELECT subscription FROM decision
                    WHERE part = s.part AND off = s.off AND recipient = %(recipient)s OFFSET 0) d ON d.subscription = %(subscription)s
      JOIN LATERAL (SELECT event_id, labels FROM message WHERE part = s.part AND off = s.off OFFSET 0) m ON m.labels IS NOT NULL
      ORDER BY m.event_id, s.at_us, s.part, s.off) f
ORDER BY f.at_us, f.part, f.off"""
_KEEP: Final = "INSERT INTO told AS t (recipient, subscription, event_id, part, off, released)"
_SENT: Final = f"""
WITH s AS (SELECT part, off, ended_us AS at_us FROM attempt
           WHERE recipient = %(recipient)s AND ended_us >= %(from_us)s AND outcome = '{AttemptOutcome.DELIVERED}'
                 AND NOT starts_with(code, '{QUERIED}')
           ORDER BY ended_us FETCH FIRST {LOOK_ROWS} ROWS WITH TIES),
     kept AS ({_KEEP} {_FOUND.format("s")} ON CONFLICT (recipient, subscription, event_id)
              DO UPDATE SET part = EXCLUDED.part, off = EXCLUDED.off, released = true WHERE NOT t.released)
SELECT count(*), max(at_us) FROM s"""  # noqa: S608  # constants
_KEPT_BACK: Final = """(SELECT DISTINCT w.part, w.off, m.received_us AS at_us FROM withheld w JOIN message m USING (part, off)
                         WHERE w.recipient = %(recipient)s)"""
_WITHHELD: Final = f"{_KEEP} {_FOUND.format(_KEPT_BACK)} ON CONFLICT DO NOTHING"
_BOUND: Final = "SELECT min(claimed_us) FROM claim WHERE %s = ANY (recipients)"
_LOOKED: Final = """
INSERT INTO telling AS t (recipient, subscription, looked_us) VALUES (%s, %s, %s)
ON CONFLICT (recipient, subscription) DO UPDATE SET looked_us = greatest(t.looked_us, EXCLUDED.looked_us)"""
_NUMBERED: Final = """
SELECT event_id::text, part, off, n FROM told WHERE recipient = %s AND subscription = %s AND n BETWEEN %s AND %s ORDER BY n LIMIT %s"""
_NEVER: Final = """
SELECT event_id::text, part, off, seq FROM told
WHERE recipient = %s AND subscription = %s AND n IS NULL AND seq > %s AND (released OR %s) ORDER BY seq LIMIT %s"""
_NUMBERS: Final = "SELECT event_id::text, n FROM told WHERE recipient = %s AND subscription = %s AND event_id = ANY (%s::uuid[])"
_GIVEN: Final = """
UPDATE told t SET n = w.n, released = true FROM unnest(%s::uuid[], %s::bigint[]) AS w(event_id, n)
WHERE t.recipient = %s AND t.subscription = %s AND t.event_id = w.event_id"""
_NEXT: Final = "UPDATE telling SET next_n = %s WHERE recipient = %s AND subscription = %s"
_CLAIM: Final = """
INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
VALUES (%s, %s, %s::text[], %s::text[], %s::int[], %s::bigint[], %s::text[]) RETURNING id"""
_LEAVING: Final = """
INSERT INTO leaving (claim, part, off, recipient, rule, copy_id, detail, dropped, items)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::text[], %s)"""
_LAST: Final = "(SELECT max(n) FROM attempt a WHERE a.part = l.part AND a.off = l.off AND a.recipient = l.recipient)"
_TOLD: Final = f"""
INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
SELECT part, off, recipient, 1 + coalesce({_LAST}, 0),
       %(from)s, %(to)s, %(outcome)s, coalesce(%(code)s::text, %(queried)s || rule) FROM leaving l WHERE claim = %(claim)s"""  # noqa: S608  # a constant
# What left in these attempts, now the last, that was not as it was decided. After them, as in delivery: chains are locked in turn.
_COPIES: Final = f"""
INSERT INTO sent_copy (part, off, recipient, n, copy_id, detail, dropped)
SELECT part, off, recipient, {_LAST}, copy_id, detail, dropped FROM leaving l
WHERE claim = %(claim)s AND (copy_id <> '' OR detail <> (
    SELECT d.detail FROM decision d WHERE d.part = l.part AND d.off = l.off AND d.recipient = l.recipient))"""  # noqa: S608  # a constant
_GONE: Final = "DELETE FROM claim WHERE worker = %s AND claimed_us < %s RETURNING id, claimed_us"


class Candidate(NamedTuple):
    """An event that may be told. number: under which it was told before, None = never. cursor: where the next are looked for after it."""

    event_id: str
    part: int
    off: int
    number: int | None
    cursor: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as it is about to be told. is_new: for the first time. rule: that let it. items: that it was asked about; None = as a whole.

    copy_id: the event id that a copy bears that is without something, "" = the message's own. known_as: every id that it is known by then.
    """

    asked: Asked
    number: int
    is_new: bool
    rule: str
    copy_id: str
    detail: str
    dropped: tuple[str, ...]
    items: tuple[Item, ...] | None = field(repr=False)
    known_as: tuple[str, ...] = field(repr=False)


class Telling:
    """One subscription of one recipient, on one connection. Raises Faulted when the ledger is away; the connection is then of no use."""

    def __init__(self, conn: AsyncConn, recipient: str, subscription: str) -> None:
        self.conn: Final = conn
        self._who: Final = (recipient, subscription)
        self._named: Final = {"recipient": recipient, "subscription": subscription}

    async def _fetch(self, query: str, values: Sequence[object] | Mapping[str, object]) -> list[Any]:
        with faults():
            return await (await self.conn.execute(query.encode(), values)).fetchall()

    async def begin(self) -> int:
        """From when deliveries are to be looked for."""
        await self._keep_looked(0)
        ((looked_us,),) = await self._fetch("SELECT looked_us FROM telling WHERE recipient = %s AND subscription = %s", self._who)
        return int(looked_us)

    async def look(self, from_us: int, now_us: int) -> int | None:
        """Find some of what was delivered from then on; from when the next look is to be, None = that was all."""
        ((claimed_us,),) = await self._fetch(_BOUND, self._who[:1])  # before the look: what is settled meanwhile is found by it
        ((count, latest_us),) = await self._fetch(_SENT, self._named | {"from_us": from_us, "released": True})
        is_all = count < LOOK_ROWS
        sure_us = min(now_us, now_us if claimed_us is None else claimed_us) - CLOCKS_US
        await self._keep_looked(min(sure_us, now_us if is_all else latest_us))
        return None if is_all else int(latest_us) + 1

    async def _keep_looked(self, looked_us: int) -> None:
        with faults():
            await self.conn.execute(_LOOKED, (*self._who, max(0, looked_us)))

    async def look_for_withheld(self) -> None:
        """Find what locks kept from the subscription."""
        with faults():
            await self.conn.execute(_WITHHELD.encode(), self._named | {"released": False})

    async def numbered(self, since: int, until: int, limit: int) -> list[Candidate]:
        """Events told before under these numbers, both ends inclusive, in their order."""
        found = await self._fetch(_NUMBERED, (*self._who, since, until, limit))
        return [Candidate(event_id, part, off, n, n + 1) for event_id, part, off, n in found]

    async def never_told(self, cursor: int, limit: int, *, withheld: bool) -> list[Candidate]:
        """Events found after the cursor and not told yet, in their order; withheld: those too that were withheld."""
        found = await self._fetch(_NEVER, (*self._who, cursor, withheld, limit))
        return [Candidate(event_id, part, off, None, seq) for event_id, part, off, seq in found]

    async def ask(self, places: Sequence[Place]) -> list[Asked]:
        """These with everything that decides them, as of now; without what nobody can decide any more."""
        with faults():
            found = await self.conn.execute(ASK_AGAIN.encode(), _places(places), binary=True)
            return [asked(row) for row in await found.fetchall()]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All of it or nothing."""
        with faults():
            async with self.conn.transaction():
                yield

    async def turn(self) -> int:
        """Within a transaction: this subscription's alone until its end, then the gate, shared. The next number that is free.

        In this order: who has the gate never waits for a subscription, so a consent that is written waits for neither.
        """
        ((next_n,),) = await self._fetch("SELECT next_n FROM telling WHERE recipient = %s AND subscription = %s FOR UPDATE", self._who)
        with faults():
            await self.conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (GATE,))
        return int(next_n)

    async def next_number(self) -> int:
        """The number of the next event that is told."""
        found = await self._fetch("SELECT next_n FROM telling WHERE recipient = %s AND subscription = %s", self._who)
        return int(found[0][0]) if found else 1

    async def numbers(self, event_ids: Sequence[str]) -> dict[str, int | None]:
        """Under which number each was told, None = never."""
        return dict(await self._fetch(_NUMBERS, (*self._who, texts(event_ids))))

    async def provider(self) -> dict[str, object] | None:
        """The recipient's entry as configured, None when there is none."""
        rows = await self._fetch("SELECT body FROM provider WHERE id = %s", self._who[:1])
        return dict(rows[0][0]) if rows else None

    async def subscription(self) -> dict[str, object] | None:
        """The subscription's entry as configured, None when there is none."""
        rows = await self._fetch("SELECT body FROM subscription WHERE id = %s", self._who[1:])
        return dict(rows[0][0]) if rows else None

    async def claim(self, shown: Sequence[Shown], next_n: int, now_us: int) -> int:
        """Within the turn's transaction: number what is new, remember what is shown, and claim all of it; the claim's id."""
        parcels, new = [s.asked.parcel for s in shown], [s for s in shown if s.is_new]
        keys = texts(sorted({key for p in parcels for key in p.lock_keys}))
        values = (TELLER, now_us, texts([p.patient_key for p in parcels]), keys, *_places([p.place for p in parcels]))
        ((claim_id,),) = await self._fetch(_CLAIM, values)
        with faults():
            async with self.conn.pipeline():
                if new:
                    given = (texts([s.asked.parcel.event_id for s in new]), ints(s.number for s in new))
                    await self.conn.execute(_GIVEN, (*given, *self._who))
                    await self.conn.execute(_NEXT, (next_n, *self._who))
                for s in shown:
                    place, items = s.asked.parcel.place, b"" if s.items is None else packed(s.items)
                    await self.conn.execute(_LEAVING, (claim_id, *place, s.rule, s.copy_id, s.detail, list(s.dropped), items))
                    for name in s.known_as:
                        await self.conn.execute(KNOWN_AS, (name, *place[:2]))
        return int(claim_id)

    async def ended(self, claim_id: int, times_us: tuple[int, int], outcome: AttemptOutcome | None) -> None:
        """The telling under a claim has ended: from, to. outcome: None = no byte of it left."""
        with faults():
            async with self.conn.transaction():
                await self._end(claim_id, times_us, outcome)
                await self.conn.execute("DELETE FROM claim WHERE id = %s", (claim_id,))

    async def _end(self, claim_id: int, times_us: tuple[int, int], outcome: AttemptOutcome | None, code: str | None = None) -> None:
        if outcome is not None:
            values = {"claim": claim_id, "from": times_us[0], "to": times_us[1], "outcome": outcome, "code": code, "queried": QUERIED}
            await self.conn.execute("SELECT pg_advisory_xact_lock(%s)", (_ATTEMPTS,))
            await self.conn.execute(_TOLD, values)
            await self.conn.execute(_COPIES, values)
        await self.conn.execute("DELETE FROM leaving WHERE claim = %s", (claim_id,))

    async def end_leftovers(self, now_us: int, longest_us: int) -> None:
        """End the claims that a web process left when it died: what was claimed longer ago than a telling takes may have been told."""
        with faults():
            async with self.conn.transaction():
                for claim_id, claimed_us in await self._fetch(_GONE, (TELLER, now_us - longest_us)):
                    await self._end(claim_id, (claimed_us, max(claimed_us, now_us)), AttemptOutcome.UNKNOWN, "died")


def subscriptions_of(conn: Conn, provider: str) -> dict[str, dict[str, object]]:
    """The bodies, as configured, of a provider's subscriptions, by id. Raises Faulted."""
    query = "SELECT id, body FROM subscription WHERE body ->> 'provider' = %s ORDER BY id"
    with faults():
        return {subscription: dict(body) for subscription, body in conn.execute(query, (provider,))}


def next_numbers(conn: Conn, provider: str) -> dict[str, int]:
    """The number of the next event, by subscription, of those that were told anything. Raises Faulted."""
    with faults():
        return dict(conn.execute("SELECT subscription, next_n FROM telling WHERE recipient = %s", (provider,)).fetchall())


def _places(places: Sequence[Place]) -> tuple[str, str, str]:
    return ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places])
