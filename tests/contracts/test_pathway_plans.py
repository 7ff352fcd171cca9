"""The pathway's statements over tables that have grown: what one event costs does not follow from how many patients there are."""

import asyncio
import uuid

from hub.ledger.episodes import Deadline, Episode
from hub.ledger.pathway import Change, PathwayLedger
from hub.model import Received
from hub.settings import Settings
from hub.stream.pathway import Deadlines
from tests.contracts.delivery_rig import query

FULL = 20_000
EVENTS = 20
READS_AN_EVENT_MAX = 5


def rows_read(url: str, table: str) -> int:
    """Rows of a table that all sessions have read so far."""
    ((count,),) = query(url, f"SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = '{table}'")
    return int(count)


def admission(patient: str) -> Change:
    """An event that calls for a deadline."""
    row = Episode(patient, "e", "admitted", "W", "5001", "st-olavs", 1, None, None, "patient.admitted", 1, 0, 1)
    due = Deadline(str(uuid.uuid5(uuid.NAMESPACE_OID, patient)), "municipality-notice", patient, "e", 10)
    return Change(patient, "e", lambda _rows, _merges: ([row], [due]))


def test_an_event_does_not_read_the_deadlines_of_others(database_url: str) -> None:
    query(
        database_url,
        f"""INSERT INTO deadline SELECT gen_random_uuid(), 'municipality-notice', 'p' || n, 'e', 5
                            FROM generate_series(1, {FULL}) n RETURNING 1""",
    )

    async def run() -> None:
        ledger = PathwayLedger(database_url)
        for n in range(EVENTS):
            assert await ledger.apply_all([admission(f"p{n}"), admission(f"q{n}")]) == [True, True]
        await ledger.close()  # its counts are told as it goes

    before = rows_read(database_url, "deadline")
    asyncio.run(run())
    assert rows_read(database_url, "deadline") - before <= READS_AN_EVENT_MAX * 2 * EVENTS


def test_each_open_deadline_is_looked_at_once_a_check_however_many_there_are(database_url: str) -> None:
    """Also those whose municipality was told, behind thousands that are neither told nor due."""
    many, told, due_us = 4_000, 1_000, 10**15
    query(database_url, """INSERT INTO provider VALUES ('trondheim', 'file', '{"kind": "municipality"}') RETURNING 1""")
    query(
        database_url,
        f"""INSERT INTO episode (patient_key, encounter, state, ward, municipality, source, last_kind, last_us, part, off, body)
        SELECT 'p' || n, 'e', 'admitted', 'W', '5001', 's', 'patient.admitted', 1, 0, n,
               jsonb_build_object('places', jsonb_build_array(jsonb_build_array(0, n)))
        FROM generate_series(1, {many}) n RETURNING 1""",
    )
    query(
        database_url,
        f"""INSERT INTO deadline SELECT gen_random_uuid(), 'municipality-notice', 'p' || n, 'e', {due_us} + n
                            FROM generate_series(1, {many}) n RETURNING 1""",
    )
    query(
        database_url,
        f"""INSERT INTO attempt SELECT 0, n, 'trondheim', 1, 5, 6, 'delivered', 'AA'
                            FROM generate_series({many - told + 1}, {many}) n RETURNING 1""",
    )

    async def publish(_received: Received) -> None:
        raise AssertionError("none is breached")

    async def run() -> None:
        deadlines = Deadlines(Settings(database_url=database_url), publish, lambda: due_us - 1, lambda: False)
        assert await deadlines.check() == 0
        await deadlines.close()

    before = rows_read(database_url, "episode")
    asyncio.run(run())
    assert query(database_url, "SELECT count(*), min(met_us) FROM deadline WHERE met_us IS NOT NULL") == [(told, 6)]
    assert rows_read(database_url, "episode") - before <= 2 * many


def test_its_sessions_say_whose_they_are(database_url: str) -> None:
    async def run() -> list[tuple[object, ...]]:
        ledger = PathwayLedger(database_url)
        await ledger.waiting()
        try:
            return query(database_url, "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
        finally:
            await ledger.close()

    assert ("hub pathway",) in asyncio.run(run())
