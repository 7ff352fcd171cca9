"""The transactions of delivery: settle what has ended, ask about what comes next, claim what may be sent.

One turn is one READ COMMITTED transaction. It settles the attempts that ended, takes the gate (advisory lock 7101, shared), reads the
deliveries asked about and the consents that concern their patients in later statements, and records what may be sent as claims before it
commits; nothing is sent before that. Whoever writes a consent holds the gate alone until its own commit, so a consent is either read here
or finds the claim there. Everything is keyed by place and may be written twice: a commit whose answer got lost is written again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from psycopg.rows import TupleRow

from hub.ledger.arrays import ints, texts
from hub.ledger.asking import ASK, PATIENTS_OF, asked, version_of
from hub.ledger.backlog import REDRIVE
from hub.ledger.connect import AsyncConn, connect_async, faults
from hub.ledger.consents import GATE
from hub.ledger.outbox import Asked, Attempted, Claim, Parcel, Place, Remainder
from hub.ledger.receipts import KEEP, kept_as
from hub.ledger.release import NOTED, noted
from hub.ledger.sent_copies import KEEP as KEEP_COPY
from hub.ledger.sent_copies import kept_as as copy_kept_as
from hub.model import Rule

# Every query of delivery is a few index look-ups, whatever the statistics say (see ``asking``).
# A turn need not wait for the disk: when the server (not
# only a process) dies, the last turns may be undone, and what they settled is asked about and sent again under the same id and bytes.
# A consent's own commit waits for the disk, and with it everything before it in the log, so what was claimed before a lock is never
# forgotten after it.
_SESSION: Final = "SET synchronous_commit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
# Of holds in a row for one reason the first is kept: they may go on for days.
_SETTLE: Final = """
WITH s AS (SELECT * FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                                %s::bigint[], %s::text[], %s::text[])
           AS s(part, off, recipient, n, started_us, ended_us, outcome, code, next_us, parked, effect)),
     recorded AS (INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
                  SELECT part, off, recipient, n, started_us, ended_us, outcome, code FROM s
                  WHERE outcome <> 'held' OR NOT coalesce(
                      (SELECT p.outcome = 'held' AND p.code = s.code FROM attempt p
                       WHERE p.part = s.part AND p.off = s.off AND p.recipient = s.recipient ORDER BY p.n DESC LIMIT 1), false)
                  ON CONFLICT DO NOTHING),
     ended AS (DELETE FROM claim WHERE id = ANY (%s::bigint[]))
SELECT count(outbox_settle(part, off, recipient, effect, n, next_us, parked)) FROM s WHERE effect <> ''"""
# A merge that was going on beside the turn that held it: the hold is over, and nobody else would say so.
_RESUME: Final = f"""
WITH resumed AS (UPDATE outbox o SET parked = '', next_us = 0
                 WHERE part = %s AND off = %s AND recipient = %s AND parked = '{Rule.PATIENT_UNRESOLVED}' AND {PATIENTS_OF} = 1
                 RETURNING recipient)
SELECT pg_notify(%s, recipient) FROM resumed"""  # noqa: S608  # constants
_CLAIM: Final = """
INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
SELECT %s, %s, patients::text[], keys::text[], parts::int[], offs::bigint[], recipients::text[]
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS g(patients, keys, parts, offs, recipients, n)
ORDER BY n RETURNING id, recipients[1]"""
_SHRINK: Final = """
UPDATE claim SET patient_keys = %s::text[], parts = %s::int[], offs = %s::bigint[], recipients = %s::text[] WHERE id = %s"""


@dataclass(slots=True)
class Settlement:
    """What ended since the last turn: attempts, claims all of whose sends have ended, claims of which a part has."""

    attempts: list[Attempted] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    remainders: list[Remainder] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.attempts or self.claims or self.remainders)


class Opened(NamedTuple):
    """What an open turn has read: the deliveries asked about, and the version of the directory to decide them by (None: there are none)."""

    asked: list[Asked]
    directory_version: int | None


async def connect(url: str, *, durable: bool = False) -> AsyncConn:
    """A connection set up for delivery. durable: its commits wait for the disk, for one that writes nothing again. Raises Faulted."""
    conn = await connect_async(url, "delivery")
    with faults():
        await conn.execute(_SESSION)
        if durable:
            await conn.execute("SET synchronous_commit = on")
    return conn


class Turns:
    """The turns of one worker on one connection.

    Any failure leaves nothing half done and raises Faulted; the connection is then of no use.
    """

    def __init__(self, conn: AsyncConn, worker: str) -> None:
        self._conn = conn
        self._worker = worker

    @property
    def conn(self) -> AsyncConn:
        """For what is done between two turns."""
        return self._conn

    async def settle(self, settlement: Settlement) -> None:
        """Write what has ended, when there is nothing to ask about."""
        with faults():
            async with self._conn.transaction():
                await self._settle(settlement)

    async def open(self, settlement: Settlement, wanted: Sequence[Place]) -> Opened:
        """Begin a turn: write the settlement, take the gate, read what is wanted.

        A delivery that is gone or parked is not in the answer.
        """
        with faults():
            async with self._conn.pipeline():
                await self._conn.execute("BEGIN")
                await self._settle(settlement)
                await self._conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (GATE,))
                found = await self._conn.execute(ASK, _places(wanted), binary=True)
                rows = await found.fetchall()
        return Opened(list(map(asked, rows)), version_of(rows[0]) if rows else None)

    async def commit(self, permitted: Sequence[Sequence[Parcel]], answered: Settlement, now_us: int) -> list[Claim]:
        """End the turn: record what was denied or held, claim what was permitted (one claim a recipient), and commit."""
        rows: list[TupleRow] = []
        with faults():
            async with self._conn.pipeline():
                await self._settle(answered)
                made = await self._conn.execute(_CLAIM, self._claims(permitted, now_us)) if permitted else None
                await self._conn.execute("COMMIT")
                rows = await made.fetchall() if made else []
        ids = {recipient: claim_id for claim_id, recipient in rows}
        return [Claim(ids[group[0].place.recipient], tuple(group)) for group in permitted]

    def _claims(self, groups: Sequence[Sequence[Parcel]], now_us: int) -> tuple[object, ...]:
        patients = [texts([p.patient_key for p in group]) for group in groups]
        keys = [texts(list({key for p in group for key in p.lock_keys})) for group in groups]
        places = zip(*(_places([p.place for p in group]) for group in groups), strict=True)
        return (self._worker, now_us, texts(patients), texts(keys), *(texts(column) for column in places))

    async def _settle(self, settlement: Settlement) -> None:
        attempts = settlement.attempts
        if attempts or settlement.claims:
            last = {a.place: a.n for a in attempts}  # of two attempts of one delivery the later says what becomes of it
            effects = ["" if last[a.place] != a.n else "settled" if a.settles else "again" for a in attempts]
            times = (ints(a.n for a in attempts), ints(a.started_us for a in attempts), ints(a.ended_us for a in attempts))
            words = (texts([a.outcome for a in attempts]), texts([a.code for a in attempts]))
            then = (ints(a.next_us for a in attempts), texts([a.parked for a in attempts]), texts(effects))
            places = _places([a.place for a in attempts])
            await self._conn.execute(_SETTLE, (*places, *times, *words, *then, ints(settlement.claims)))
        kept_back = [(consent_id, *a.place) for a in attempts for consent_id in a.consents]
        if kept_back:
            await self._conn.execute(NOTED, noted(kept_back))
        for ended in attempts:
            if ended.parked == Rule.PATIENT_UNRESOLVED:
                await self._conn.execute(_RESUME, (*ended.place, REDRIVE))
            if ended.copy is not None:
                await self._conn.execute(KEEP_COPY, copy_kept_as(ended, ended.copy))
            if ended.receipt is not None:
                await self._conn.execute(KEEP, kept_as(ended.place, ended.n, ended.receipt, ended.ended_us))
        for rest in settlement.remainders:
            await self._conn.execute(_SHRINK, (texts(rest.patient_keys), *_places(rest.places), rest.id))


def _places(places: Sequence[Place]) -> tuple[str, str, str]:
    return ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places])
