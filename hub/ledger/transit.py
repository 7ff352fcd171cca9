"""The transactions of transit: own partitions, read what a batch needs to know, write a whole batch at once.

A batch is one READ COMMITTED transaction that begins by moving the next offsets under the epochs of this owner: the rows stay locked until
the commit, so a new owner waits for it and an old one finds its epoch gone. Everything else of the batch is new rows by binary COPY.
A key that another worker wrote first (the same control id or identifier, through another partition) undoes the batch: it is decided again.
So does a merge of one of its patients: batches share a lock that a batch with a merge takes alone, and each looks under it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import starmap
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors

from hub.errors import Cause, Faulted
from hub.ledger.arrays import ints, texts
from hub.ledger.backlog import NEWS
from hub.ledger.batch import Known, Merge, Wanted, Writes, own
from hub.ledger.chain import TRANSIT, Head, Link, added
from hub.ledger.connect import Conn, connect, faults
from hub.ledger.consents import BY_KEY, Consents
from hub.ledger.copying import file
from hub.ledger.directory import Entries, load_directory
from hub.ledger.merges import join_patients, part_patients
from hub.ledger.rows import COLUMNS, deliveries, records
from hub.model import Identifier, PatientState

_T = TypeVar("_T")
# Every query here is a few index look-ups, whatever the statistics of a growing table say.
_SESSION: Final = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
_ASSIGN: Final = """
INSERT INTO partition_offset AS p (part, epoch) SELECT n, 1 FROM unnest(%s::int[]) AS n ORDER BY n
ON CONFLICT (part) DO UPDATE SET epoch = p.epoch + 1 RETURNING part, next, epoch"""
_ADVANCE: Final = """
UPDATE partition_offset p SET next = n.next FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS n(part, next, epoch)
WHERE p.part = n.part AND p.epoch = n.epoch"""
_MERGES: Final = 7104  # advisory lock
_VERSIONS: Final = "SELECT version, (SELECT coalesce(max(version), 0) FROM merge) FROM directory_version"
_CHANGED: Final = """
SELECT 1 FROM (SELECT retired, patient FROM merge WHERE version > %s OFFSET 0) AS since
WHERE retired = ANY (%s::text[]) OR patient = ANY (%s::text[]) LIMIT 1"""
_HEADS: Final = f"""
SELECT p, l.n, l.total, l.hash FROM unnest(%s::int[]) AS p CROSS JOIN LATERAL
    (SELECT n, total, hash FROM audit_link WHERE chain = '{TRANSIT}' || p ORDER BY n DESC LIMIT 1) l"""  # noqa: S608  # a constant
_LINKS: Final = """
INSERT INTO audit_link (chain, n, form, count, total, rows, digest, hash)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::json[], %s::bytea[], %s::bytea[])"""
_SEEN: Final = "SELECT sender_key, digest FROM seen WHERE sender_key = ANY (%s::bytea[])"
# OFFSET 0: look up each, whatever the statistics say of a table that was small when they were taken
_RECORDED: Final = """
SELECT m.part, m.off FROM unnest(%s::int[], %s::bigint[]) AS w(part, off)
CROSS JOIN LATERAL (SELECT part, off FROM message WHERE part = w.part AND off = w.off OFFSET 0) m"""
_REDRIVES: Final = "SELECT event_id::text, recipients FROM redrive WHERE done_off IS NULL AND event_id = ANY (%s::uuid[])"
_IDENTITIES: Final = """
SELECT link_key, patient_key, lock_keys, origin FROM identity WHERE patient_key = ANY (%s::text[])
UNION ALL SELECT i.* FROM (SELECT DISTINCT patient_key FROM identity WHERE link_key = ANY (%s::text[])) w
CROSS JOIN LATERAL (SELECT link_key, patient_key, lock_keys, origin FROM identity WHERE patient_key = w.patient_key OFFSET 0) i"""
_SURVIVORS: Final = "SELECT retired, patient FROM merge WHERE in_force AND retired = ANY (%s::text[])"
_EDGES: Final = "SELECT retired, survivor, version FROM merge WHERE in_force AND retired = ANY (%s::text[])"
_STATES: Final = "SELECT patient_key, municipality, gps, pathway FROM patient WHERE patient_key = ANY (%s::text[])"
_PATIENTS: Final = """
INSERT INTO patient AS p (patient_key, municipality, gps, pathway)
SELECT key, municipality, gps, string_to_array(pathway, ' ') FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[])
    AS s(key, municipality, gps, pathway) ORDER BY key
ON CONFLICT (patient_key) DO UPDATE SET municipality = EXCLUDED.municipality, gps = EXCLUDED.gps,
    pathway = ARRAY(SELECT DISTINCT unnest(p.pathway || EXCLUDED.pathway))"""
_REDRIVEN: Final = "UPDATE redrive SET done_part = %s, done_off = %s WHERE event_id = %s AND done_off IS NULL"


class RacedError(Exception):
    """Another worker wrote one of the batch's keys first: read and decide it again."""


class UnwritableError(Exception):
    """PostgreSQL does not take what is to be written: something in one of the messages, or a bug. Nothing was written."""


class TransitLedger:
    """Transit's one connection, made when needed and given up at every failure. Not thread-safe.

    Every method raises Faulted(LEDGER_UNAVAILABLE) when the server cannot be asked; asking again is then safe.
    """

    def __init__(self, url: str) -> None:
        self._url: Final = url
        self._conn: Conn | None = None
        self._epochs: dict[int, int] = {}

    def close(self) -> None:
        """Give the connection back; a transaction under way is undone."""
        if self._conn is not None:
            with suppress(psycopg.Error):
                self._conn.close()
        self._conn = None

    def _on_connection(self, work: Callable[[Conn], _T]) -> _T:
        try:
            if self._conn is None:
                self._conn = connect(self._url, "transit")
                with faults():
                    self._conn.execute(_SESSION)
            with faults():
                return work(self._conn)
        except Faulted:
            self.close()
            raise

    def assign(self, parts: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Become the owner of these partitions: partition -> (next offset, epoch). From now on an earlier owner cannot write."""
        found = self._on_connection(lambda conn: conn.execute(_ASSIGN, (ints(parts),)).fetchall())
        self._epochs |= {part: epoch for part, _, epoch in found}
        return {part: (start, epoch) for part, start, epoch in found}

    def release(self, parts: Sequence[int]) -> None:
        """No longer write for these partitions."""
        for part in parts:
            self._epochs.pop(part, None)

    def directory(self) -> Entries:
        """All providers and subscriptions."""
        return self._on_connection(load_directory)

    def nexts(self) -> dict[int, int]:
        """How far every partition has been decided: its next offset."""
        return self._on_connection(lambda conn: dict(conn.execute("SELECT part, next FROM partition_offset").fetchall()))

    def read(self, wanted: Wanted) -> Known:
        """What the ledger knows of a batch: two round trips."""
        return self._on_connection(lambda conn: _read(conn, wanted))

    def write(self, writes: Writes, decided_us: int, when_sure: Callable[[], None], before_commit: Callable[[], None]) -> None:
        """The transaction of a batch. Both calls may raise.

        when_sure: called when this owner is the owner, no race is lost and the server has taken the messages: what is begun here goes on
        beside the rest, which waits for nobody. before_commit: called when everything but the COMMIT is done.
        Raises Faulted(FENCED) when a partition has a newer owner, RacedError, UnwritableError.
        """
        self._on_connection(lambda conn: self._write(conn, writes, decided_us, when_sure, before_commit))

    def _write(self, conn: Conn, writes: Writes, decided_us: int, when_sure: Callable[[], None], before_commit: Callable[[], None]) -> None:
        try:
            with conn.transaction():
                self._advance(conn, writes.nexts)
                heads = _take_turns(conn, writes)
                tables = records(writes, decided_us)
                _copy(conn, tables)
                _change(conn, writes, [a.link(f"{TRANSIT}{part}", heads.get(part, Head())) for part, a in added(writes, tables).items()])
                when_sure()
                _copy(conn, deliveries(writes))
                before_commit()
        except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure):
            raise RacedError from None
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error:
            raise UnwritableError from None

    def _advance(self, conn: Conn, nexts: Mapping[int, int]) -> None:
        epochs = [self._epochs.get(part, -1) for part in nexts]
        if conn.execute(_ADVANCE, (ints(nexts), ints(nexts.values()), ints(epochs))).rowcount != len(nexts):
            raise Faulted(Cause.FENCED)


def _read(conn: Conn, w: Wanted) -> Known:
    with conn.pipeline():
        survivors: dict[str, str] = dict(conn.execute(_SURVIVORS, (texts(w.patients),)).fetchall()) if w.patients else {}
        named = w.patients.union(survivors.values())
        versions = conn.execute(_VERSIONS)
        seen = conn.execute(_SEEN, (_blobs(w.sender_keys),), binary=True)
        recorded = conn.execute(_RECORDED, (ints(p for p, _ in w.spots), ints(o for _, o in w.spots)), binary=True)
        redrives = conn.execute(_REDRIVES, (texts(w.event_ids),))
        identities = conn.execute(_IDENTITIES, (texts(named), texts(w.links)), binary=True)
        owners, locks, origins, link_locks = dict[str, str](), dict[str, set[str]](), dict[str, str](), dict[str, tuple[str, ...]]()
        for link, patient, keys, origin in identities.fetchall():
            owners[link] = patient
            if origin is not None and origin != patient:
                origins[link] = origin
            locks.setdefault(patient, set()).update(keys)
            if w.unmerges:
                link_locks[link] = tuple(keys)
        people = named | set(locks) | w.links
        if origins:
            people |= {own(key) for key in (*locks, *origins.values())}
        states = conn.execute(_STATES, (texts(people),), binary=True)
        edges = conn.execute(_EDGES, (texts(set(origins.values())),)).fetchall() if w.unmerges else ()
        consents = conn.execute(BY_KEY, (texts(w.locks.union(*locks.values())),), binary=True)
        directory, merges = versions.fetchone() or (0, 0)
        return Known(
            directory,
            set(starmap(_spot, recorded.fetchall())),
            dict(seen.fetchall()),
            {event_id: tuple(recipients) for event_id, recipients in redrives.fetchall()},
            owners,
            locks,
            {key: _state(*columns) for key, *columns in states.fetchall()},
            Consents(consents.fetchall()),
            origins,
            merges,
            survivors,
            {retired: (survivor, version) for retired, survivor, version in edges},
            link_locks,
        )


def _spot(part: int, off: int) -> tuple[int, int]:
    return part, off


def _state(municipality: str, gps: Any, pathway: list[str]) -> PatientState:
    return PatientState(municipality, tuple(Identifier(str(s), str(v)) for s, v in gps), frozenset(pathway))


def _blobs(values: Iterable[bytes]) -> str:
    return "{" + ",".join(f'"\\\\x{v.hex()}"' for v in values) + "}"


def _take_turns(conn: Conn, writes: Writes) -> dict[int, Head]:
    """Beside other batches, but not beside a merge: partition -> the end of its chain.

    Raises RacedError when a merge has changed a patient since this batch was decided.
    """
    lock = "pg_advisory_xact_lock" if writes.merges else "pg_advisory_xact_lock_shared"
    with conn.pipeline():
        conn.execute(f"SELECT {lock}(%s)", (_MERGES,))
        patients = texts(writes.patients)
        changed = conn.execute(_CHANGED, (writes.merges_known, patients, patients))  # sees what the lock waited for
        ends = conn.execute(_HEADS, (ints(writes.nexts),), binary=True)  # nobody else adds to these: the next offsets are ours
        found = changed.fetchone()
        heads = {part: Head(*end) for part, *end in ends.fetchall()}
    if found:
        raise RacedError
    return heads


def _copy(conn: Conn, tables: Mapping[str, Sequence[bytes]]) -> None:
    with conn.cursor() as cursor:
        for name, new in tables.items():
            if new:
                with cursor.copy(f"COPY {name} ({COLUMNS[name]}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
                    copy.write(file(new))


def _change(conn: Conn, writes: Writes, links: Sequence[Link]) -> None:
    """What is not a row of the batch."""
    with conn.pipeline(), conn.cursor() as cursor:
        for merge in writes.merges:
            if isinstance(merge, Merge):
                join_patients(cursor, merge)
            else:
                part_patients(cursor, merge)
        if links:
            cursor.execute(_LINKS, _columns(links))
        if writes.states:
            cursor.execute(_PATIENTS, _states(writes.states))
        for event_id, (part, off) in writes.redriven:
            cursor.execute(_REDRIVEN, (part, off, event_id))
        if any(entry.plan.deliveries for entry in writes.entries):
            cursor.execute(f"NOTIFY {NEWS}")


def _columns(links: Sequence[Link]) -> tuple[str, ...]:
    numbers = (ints(link.n for link in links), ints(link.form for link in links), ints(link.count for link in links))
    words = (ints(link.total for link in links), texts([link.rows for link in links]))
    return texts([link.chain for link in links]), *numbers, *words, _blobs(x.digest for x in links), _blobs(x.hash for x in links)


def _states(states: Mapping[str, PatientState]) -> tuple[str, str, str, str]:
    """Keys, municipalities, GPs and pathways as arrays; the ids on a pathway have no spaces."""
    gps = [json.dumps([[i.system, i.value] for i in s.gps]) if s.gps else "[]" for s in states.values()]
    municipalities = [_clean(s.municipality) for s in states.values()]
    return texts(states), texts(municipalities), texts(gps), texts([" ".join(sorted(s.pathway)) for s in states.values()])


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
