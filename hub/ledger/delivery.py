"""The transactions of delivery: settle what has ended, ask about what comes next, claim what may be sent.

One turn is one READ COMMITTED transaction. It settles the attempts that ended, takes the gate (advisory lock 7101, shared), reads the
deliveries asked about and the consents that concern their patients in later statements, and records what may be sent as claims before it
commits; nothing is sent before that. Whoever writes a consent holds the gate alone until its own commit, so a consent is either read here
or finds the claim there. Everything is keyed by place and may be written twice: a commit whose answer got lost is written again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from psycopg.rows import TupleRow

from hub.ledger.arrays import ints, texts
from hub.ledger.connect import AsyncConn, connect_async, faults
from hub.ledger.outbox import Asked, Attempted, Claim, Parcel, Place, Remainder
from hub.model import Consent, Identifier, Policy

GATE: Final = 7101
_SESSION: Final = (  # every query of delivery is a few index look-ups, whatever the statistics say
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)
_ASK: Final = """
SELECT o.part, o.off, o.recipient, o.event_id::text, o.patient_key, o.source, o.received_us, o.channel, o.form, o.detail, o.labels,
       o.purpose, o.kind, o.attempts, d.rule, d.because, o.lock_keys, i.keys, o.control_id, o.payload
FROM unnest(%s::int[], %s::bigint[], %s::text[]) WITH ORDINALITY AS w(part, off, recipient, n)
JOIN outbox o USING (part, off, recipient)
LEFT JOIN decision d USING (part, off, recipient)
LEFT JOIN LATERAL (SELECT array_agg(k) AS keys FROM identity, unnest(identity.lock_keys) AS k
                   WHERE identity.patient_key = o.patient_key) i ON true
WHERE o.parked = '' ORDER BY w.n"""
_CONSENTS: Final = """
SELECT k.key, k.consent_id, c.version, c.active, c.deny, c.actors, c.start_us, c.end_us FROM consent_key k
LEFT JOIN LATERAL (SELECT * FROM consent WHERE id = k.consent_id ORDER BY version DESC LIMIT 1) c ON true
WHERE k.key = ANY (%s::text[])"""
_ATTEMPTS: Final = """
INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
SELECT * FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING"""
_SETTLED: Final = """
DELETE FROM outbox o USING unnest(%s::int[], %s::bigint[], %s::text[]) AS s(part, off, recipient)
WHERE o.part = s.part AND o.off = s.off AND o.recipient = s.recipient"""
_AGAIN: Final = """
UPDATE outbox o SET attempts = s.n, next_us = s.next_us, parked = s.parked
FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::text[]) AS s(part, off, recipient, n, next_us, parked)
WHERE o.part = s.part AND o.off = s.off AND o.recipient = s.recipient"""
_CLAIM: Final = """
INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
VALUES (%s, %s, %s::text[], %s::text[], %s::int[], %s::bigint[], %s::text[]) RETURNING id"""
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
    """What an open turn has read: the deliveries asked about, and the version of the directory they must be decided by."""

    asked: list[Asked]
    directory_version: int


async def connect(url: str) -> AsyncConn:
    """A connection set up for delivery. Raises Faulted."""
    conn = await connect_async(url, "delivery")
    with faults():
        await conn.execute(_SESSION)
    return conn


class Turns:
    """The turns of one worker on one connection.

    Any failure leaves nothing half done and raises Faulted; the connection is then of no use.
    """

    def __init__(self, conn: AsyncConn, worker: str) -> None:
        self._conn = conn
        self._worker = worker

    async def open(self, settlement: Settlement, wanted: Sequence[Place]) -> Opened:
        """Begin a turn: write the settlement, take the gate, read what is wanted.

        A delivery that is gone or parked is not in the answer.
        """
        with faults():
            async with self._conn.pipeline():
                await self._conn.execute("BEGIN")
                await self._settle(settlement)
                await self._conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (GATE,))
                version = await self._conn.execute("SELECT version FROM directory_version")
                rows = await self._conn.execute(_ASK, _places(wanted), binary=True)
                parcels = [(_parcel(row), row[16] + (row[17] or [])) for row in await rows.fetchall()]
                (directory_version,) = await version.fetchone() or (0,)
            consents, unreadable = await self._consents({key for _, keys in parcels for key in keys})
        return Opened([Asked(p, _policy(keys, consents, unreadable)) for p, keys in parcels], directory_version)

    async def commit(self, permitted: Sequence[Sequence[Parcel]], answered: Settlement, now_us: int) -> list[Claim]:
        """End the turn: record what was denied or held, claim what was permitted (one claim a group), and commit."""
        with faults():
            async with self._conn.pipeline():
                await self._settle(answered)
                made = [await self._conn.execute(_CLAIM, self._claim(group, now_us)) for group in permitted]
                await self._conn.execute("COMMIT")
                ids = [await cursor.fetchone() for cursor in made]
        return [Claim(row[0], tuple(group)) for row, group in zip(ids, permitted, strict=True) if row]

    def _claim(self, group: Sequence[Parcel], now_us: int) -> tuple[object, ...]:
        keys = texts(list({key for parcel in group for key in parcel.lock_keys}))
        return (self._worker, now_us, texts([p.patient_key for p in group]), keys, *_places([p.place for p in group]))

    async def _settle(self, settlement: Settlement) -> None:
        attempts = settlement.attempts
        if attempts:
            times = (ints(a.n for a in attempts), ints(a.started_us for a in attempts), ints(a.ended_us for a in attempts))
            words = (texts([a.outcome for a in attempts]), texts([a.code for a in attempts]))
            await self._conn.execute(_ATTEMPTS, (*_places([a.place for a in attempts]), *times, *words))
        if settled := [a.place for a in attempts if a.settles]:
            await self._conn.execute(_SETTLED, _places(settled))
        if again := [a for a in attempts if not a.settles]:
            state = (ints(a.n for a in again), ints(a.next_us for a in again), texts([a.parked for a in again]))
            await self._conn.execute(_AGAIN, (*_places([a.place for a in again]), *state))
        if settlement.claims:
            await self._conn.execute("DELETE FROM claim WHERE id = ANY (%s::bigint[])", (ints(settlement.claims),))
        for rest in settlement.remainders:
            await self._conn.execute(_SHRINK, (texts(rest.patient_keys), *_places(rest.places), rest.id))

    async def _consents(self, keys: set[str]) -> tuple[dict[str, list[Consent]], set[str]]:
        """The consents in force under each key, and the keys under which one could not be read."""
        found: dict[str, list[Consent]] = {}
        unreadable: set[str] = set()
        if keys:
            rows = await self._conn.execute(_CONSENTS, (texts(list(keys)),))
            for key, *columns in await rows.fetchall():
                try:
                    found.setdefault(key, []).append(_consent(*columns))
                except (TypeError, ValueError):
                    unreadable.add(key)
        return found, unreadable


def _consent(consent_id: str, version: int, active: bool, deny: bool, actors: Any, start: int, end: int) -> Consent:  # noqa: PLR0913, PLR0917, FBT001  # a row
    if version is None:
        raise ValueError
    return Consent(consent_id, version, active, deny, tuple(Identifier(str(s), str(v)) for s, v in actors), start, end)


def _policy(keys: Iterable[str], consents: dict[str, list[Consent]], unreadable: set[str]) -> Policy:
    of_patient = {c.id: c for key in keys for c in consents.get(key, ())}
    return Policy(tuple(of_patient.values()), readable=unreadable.isdisjoint(keys))


def _parcel(row: TupleRow) -> Parcel:
    part, off, recipient, event_id, patient, source, received, channel, form, detail, labels, purpose, kind, attempts, *rest = row
    rule, because, own_keys, identity_keys, control_id, payload = rest
    return Parcel(
        Place(part, off, recipient), event_id, patient, source, received, channel, form, detail, tuple(labels), purpose, kind, attempts,
        rule or "", tuple(because or ()), frozenset(own_keys + (identity_keys or [])), control_id, bytes(payload),
    )  # fmt: skip


def _places(places: Sequence[Place]) -> tuple[str, str, str]:
    return ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places])
