"""The pathway's rows in PostgreSQL: a transaction for some events, or for one, deadlines, and the counts people watch.

Two processes may hold the same event for a moment (a rebalance), and a merge joins patients of different partitions. So a
transaction holds a lock on each of its patients and shares a lock that a merge, or an event of a patient once merged, takes alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, fields
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hub.errors import Cause, Faulted
from hub.ledger.connect import connect_async
from hub.ledger.episodes import Deadline, Episode, Merge, Open

_T = TypeVar("_T")
_MERGES_LOCK: Final = 7102  # shared by events of one patient key, alone for merges
_PATIENT_LOCK: Final = 7103  # with the hash of a patient key
_COLUMNS: Final = ", ".join(f.name for f in fields(Episode))
_SELECT: Final = f"SELECT {_COLUMNS} FROM episode"  # noqa: S608  # column names of a dataclass
_LOCK_ONE: Final = "SELECT pg_advisory_xact_lock_shared(%s), pg_advisory_xact_lock(%s, hashtext(%s))"
_READ_ONE: Final = f"""
SELECT EXISTS (SELECT 1 FROM episode_merge WHERE retired = %s OR survivor = %s), {_COLUMNS}
FROM (VALUES (1)) one LEFT JOIN episode ON patient_key = %s AND encounter = %s
"""  # noqa: S608
_LOCK_ALL: Final = "SELECT pg_advisory_xact_lock(%s, h) FROM (SELECT DISTINCT hashtext(k) AS h FROM unnest(%s::text[]) k ORDER BY h) one"
_MERGED: Final = "SELECT EXISTS (SELECT 1 FROM episode_merge WHERE retired = ANY(%s) OR survivor = ANY(%s))"
_READ_ALL: Final = f"""
SELECT e.* FROM unnest(%s::text[], %s::text[]) AS w(key, name)
CROSS JOIN LATERAL ({_SELECT} WHERE patient_key = w.key AND encounter = w.name OFFSET 0) e
"""  # noqa: S608
_UPSERT: Final = (
    f"INSERT INTO episode ({_COLUMNS}) VALUES ({', '.join(['%s'] * len(fields(Episode)))}) "  # noqa: S608
    f"ON CONFLICT (patient_key, encounter) DO UPDATE SET ({_COLUMNS}) = ({', '.join('EXCLUDED.' + f.name for f in fields(Episode))})"
)
_PERSON: Final = """
WITH RECURSIVE person (key) AS (
    SELECT unnest(%s::text[])
    UNION
    SELECT CASE WHEN m.retired = p.key THEN m.survivor ELSE m.retired END
    FROM person p JOIN episode_merge m ON m.retired = p.key OR m.survivor = p.key
)
"""
_MERGES_OF: Final = (
    _PERSON
    + "SELECT DISTINCT m.retired, m.survivor, m.received_us, m.part, m.off "
    + "FROM person p JOIN episode_merge m ON m.retired = p.key"
)
_KEEP_MERGE: Final = """
INSERT INTO episode_merge AS m VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (retired, survivor) DO UPDATE SET received_us = EXCLUDED.received_us, part = EXCLUDED.part, off = EXCLUDED.off
WHERE (EXCLUDED.received_us, EXCLUDED.part, EXCLUDED.off) > (m.received_us, m.part, m.off)
"""
_KEEP_DEADLINE: Final = """
INSERT INTO deadline AS d (id, name, patient_key, encounter, due_us) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET patient_key = EXCLUDED.patient_key, encounter = EXCLUDED.encounter,
    due_us = CASE WHEN d.met_us IS NULL AND d.breached_us IS NULL THEN EXCLUDED.due_us ELSE d.due_us END
"""
# OFFSET 0: looked up by the patient. With all conditions in one place the planner reads every open deadline there is (docs/decisions/0007).
_DROP_DEADLINES: Final = """
DELETE FROM deadline WHERE id IN (
    SELECT d.id FROM unnest(%s::text[]) AS w(key)
    CROSS JOIN LATERAL (SELECT id, encounter, met_us, breached_us FROM deadline WHERE patient_key = w.key OFFSET 0) d
    WHERE d.encounter = ANY(%s) AND NOT (d.id = ANY(%s)) AND d.met_us IS NULL AND d.breached_us IS NULL)
"""
_TOLD: Final = f"""
SELECT d.id::text, d.due_us, t.told_us, {", ".join("e." + f.name for f in fields(Episode))}
FROM (SELECT id, due_us, patient_key, encounter FROM deadline WHERE met_us IS NULL AND breached_us IS NULL AND (due_us, id) > (%s, %s::uuid)
      ORDER BY due_us, id LIMIT %s) d
CROSS JOIN LATERAL (SELECT * FROM episode WHERE patient_key = d.patient_key AND encounter = d.encounter OFFSET 0) e
LEFT JOIN LATERAL (
    SELECT min(a.ended_us) AS told_us FROM jsonb_array_elements(e.body->'places') place
    CROSS JOIN LATERAL (SELECT recipient, ended_us, outcome FROM attempt
                        WHERE part = (place->>0)::int AND off = (place->>1)::bigint OFFSET 0) a
    JOIN provider p ON p.id = a.recipient AND p.body->>'kind' = 'municipality'
    WHERE a.outcome = 'delivered'
) t ON true
ORDER BY d.due_us, d.id
"""  # noqa: S608

NO_DEADLINE: Final = (-(2**63), "00000000-0000-0000-0000-000000000000")  # before every deadline there can be

# What the rows of one person become, and the deadlines they call for: None = those they called for before.
Compute = Callable[[Sequence[Episode], Sequence[Merge]], tuple[Sequence[Episode], Sequence[Deadline] | None]]


@dataclass(frozen=True, slots=True)
class Change:
    """One event of one patient's encounter: what it makes of the rows it is shown."""

    key: str
    encounter: str
    compute: Compute


@asynccontextmanager
async def _ours() -> AsyncIterator[None]:
    """A server that is away is our fault and passes; anything else the server says is about this event."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
        raise Faulted(Cause.LEDGER_UNAVAILABLE) from exc


class PathwayLedger:
    """The pathway's one connection. Not for concurrent use: the caller's events come one by one. Raises Faulted(LEDGER_UNAVAILABLE)."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._conn: psycopg.AsyncConnection[Any] | None = None

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._conn is None or self._conn.closed:
            self._conn = await connect_async(self._url, "pathway")
        return self._conn

    async def close(self) -> None:
        """Give the connection back; a transaction under way is undone."""
        if self._conn is not None:
            await self._conn.close()

    async def _in_transaction(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[_T]]) -> _T:
        conn = await self._open()
        try:
            async with _ours(), conn.transaction():
                return await work(conn)
        except Faulted:
            await self.close()  # a connection that failed once is not asked again
            raise

    async def apply(self, change: Change) -> bool:
        """One event of one patient: read the row, compute, write. False when the row did not change."""
        key, encounter, compute = change.key, change.encounter, change.compute

        async def work(conn: psycopg.AsyncConnection[Any]) -> bool | None:
            await conn.execute(_LOCK_ONE, (_MERGES_LOCK, _PATIENT_LOCK, key))  # by itself: the next statement sees what it waited for
            cursor = await conn.execute(_READ_ONE, (key, key, key, encounter))
            found = await cursor.fetchone()
            if found is None or found[0]:
                return None
            before = [] if found[1] is None else [Episode(*found[1:])]
            return await _write(conn, [key], before, compute(before, ()))

        changed = await self._in_transaction(work)
        return await self._apply_person((key,), (), encounter, compute) if changed is None else changed

    async def apply_all(self, changes: Sequence[Change]) -> list[bool] | None:
        """Several events in their order, in one transaction: whether each changed its row.

        None, and nothing is written, when one is of a patient once merged: then they must be applied one by one.
        """
        places = list(dict.fromkeys((c.key, c.encounter) for c in changes))
        keys, encounters = [k for k, _ in places], [e for _, e in places]

        async def work(conn: psycopg.AsyncConnection[Any]) -> list[bool] | None:
            await conn.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_MERGES_LOCK,))
            await conn.execute(_LOCK_ALL, (_PATIENT_LOCK, keys))  # in one order everywhere: no two transactions wait for each other
            merged = await (await conn.execute(_MERGED, (keys, keys))).fetchone()
            if merged is None or merged[0]:
                return None
            async with conn.cursor(row_factory=class_row(Episode)) as cursor:
                before = {(e.patient_key, e.encounter): e for e in await (await cursor.execute(_READ_ALL, (keys, encounters))).fetchall()}
            now, deadlines, changed = dict(before), dict[tuple[str, str], Sequence[Deadline]](), list[bool]()
            for c in changes:
                own = now.get((c.key, c.encounter))
                after, called = c.compute([own] if own else [], ())
                changed.append(bool(after) and after[0] != own)
                now.update({(e.patient_key, e.encounter): e for e in after})
                if called is not None:
                    deadlines[c.key, c.encounter] = called
            async with conn.pipeline():
                await _upsert(conn, (e for place, e in now.items() if before.get(place) != e))
                for (key, encounter), called in deadlines.items():
                    known = [key] if (key, encounter) in before else []  # a row that is new had none
                    await _keep_deadlines(conn, known, [encounter], called)
            return changed

        return await self._in_transaction(work)

    async def merge(self, merges: Sequence[Merge], compute: Compute) -> bool:
        """Patient keys that turn out to be one person: every row of that person is computed again."""
        return await self._apply_person(tuple(k for m in merges for k in (m.retired, m.survivor)), merges, None, compute)

    async def _apply_person(self, keys: Sequence[str], merges: Sequence[Merge], encounter: str | None, compute: Compute) -> bool:
        async def work(conn: psycopg.AsyncConnection[Any]) -> bool:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_MERGES_LOCK,))
            for m in merges:
                await conn.execute(_KEEP_MERGE, astuple(m))
            async with conn.cursor(row_factory=class_row(Merge)) as cursor:
                known = await (await cursor.execute(_MERGES_OF, (list(keys),))).fetchall()
            person = sorted({*keys, *(k for m in known for k in (m.retired, m.survivor))})
            async with conn.cursor(row_factory=class_row(Episode)) as cursor:
                wanted = f"{_SELECT} WHERE patient_key = ANY(%s) AND (%s::text IS NULL OR encounter = %s) ORDER BY patient_key, encounter"
                before = await (await cursor.execute(wanted, (person, encounter, encounter))).fetchall()
            return await _write(conn, person, before, compute(before, known))

        return await self._in_transaction(work)

    async def note_poison(self, part: int, off: int, reason: str, now_us: int) -> None:
        """Explain an event that could not be applied, by its place in topic events."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> None:
            row = (part, off, reason, now_us)
            await conn.execute("INSERT INTO pathway_poison VALUES (%s, %s, %s, %s) ON CONFLICT (part, off) DO NOTHING", row)

        await self._in_transaction(work)

    async def open_deadlines(self, after: tuple[int, str], limit: int) -> list[Open]:
        """Deadlines not settled, the earliest first, after this one (due in microseconds, id); ``NO_DEADLINE`` = from the first."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> list[Open]:
            cursor = await conn.execute(_TOLD, (*after, limit))
            return [Open(row[0], row[1], row[2], Episode(*row[3:])) for row in await cursor.fetchall()]

        return await self._in_transaction(work)

    async def meet_deadlines(self, told_us: Mapping[str, int]) -> None:
        """Write of these deadlines that they were met, and when; the first word stands."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> None:
            await conn.execute(
                "UPDATE deadline d SET met_us = t.told_us FROM unnest(%s::uuid[], %s::bigint[]) t (id, told_us) "
                "WHERE d.id = t.id AND met_us IS NULL AND breached_us IS NULL",
                (list(told_us), list(told_us.values())),
            )

        await self._in_transaction(work)

    async def breach_deadline(self, deadline_id: str, breached_us: int) -> None:
        """Write that a deadline was breached; the first word stands."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> None:
            await conn.execute(
                "UPDATE deadline SET breached_us = %s WHERE id = %s AND met_us IS NULL AND breached_us IS NULL", (breached_us, deadline_id)
            )

        await self._in_transaction(work)

    async def occupancy(self) -> dict[str, int]:
        """Patients in bed by ward, the fullest wards first."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> dict[str, int]:
            cursor = await conn.execute(
                "SELECT ward, count(*) FROM episode WHERE state IN ('admitted', 'ready') GROUP BY ward ORDER BY 2 DESC, 1"
            )
            return dict(await cursor.fetchall())

        return await self._in_transaction(work)

    async def waiting(self) -> int:
        """Patients ready for discharge and still in hospital."""

        async def work(conn: psycopg.AsyncConnection[Any]) -> int:
            row = await (await conn.execute("SELECT count(*) FROM episode WHERE state = 'ready'")).fetchone()
            return int(row[0]) if row else 0

        return await self._in_transaction(work)


async def _write(
    conn: psycopg.AsyncConnection[Any], person: Sequence[str], before: Sequence[Episode],
    wanted: tuple[Sequence[Episode], Sequence[Deadline] | None],
) -> bool:  # fmt: skip
    """Write the rows that differ, remove those that are gone, keep the deadlines they call for."""
    after, deadlines = wanted
    old = {(e.patient_key, e.encounter): e for e in before}
    new = {(e.patient_key, e.encounter): e for e in after}
    changed = [e for place, e in new.items() if old.get(place) != e]
    gone = [place for place in old if place not in new]
    if not changed and not gone:
        return False
    await _upsert(conn, changed)
    for place in gone:
        await conn.execute("DELETE FROM episode WHERE patient_key = %s AND encounter = %s", place)
    if deadlines is None:
        return True
    encounters = sorted({e.encounter for e in (*before, *after)})
    await _keep_deadlines(conn, list(person), encounters, deadlines)
    return True


async def _upsert(conn: psycopg.AsyncConnection[Any], episodes: Iterable[Episode]) -> None:
    for e in episodes:
        await conn.execute(_UPSERT, (*(getattr(e, f.name) for f in fields(Episode) if f.name != "body"), Jsonb(dict(e.body))))


async def _keep_deadlines(
    conn: psycopg.AsyncConnection[Any], person: list[str], encounters: list[str], deadlines: Sequence[Deadline]
) -> None:
    if person:
        await conn.execute(_DROP_DEADLINES, (person, encounters, [d.id for d in deadlines]))
    for d in deadlines:
        await conn.execute(_KEEP_DEADLINE, astuple(d))
