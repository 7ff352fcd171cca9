"""Delivery's statements over a queue that was empty when the planner looked: each row is looked up, none is come upon by reading all."""

import asyncio

import psycopg

from hub.ledger.backlog import BacklogReader, Head
from hub.ledger.delivery import Settlement, Turns, connect
from hub.ledger.outbox import Attempted, Place
from hub.model import AttemptOutcome
from tests.contracts.delivery_rig import Row, fill, query

BATCH = 100
FULL = 20_000
READS_A_ROW_MAX = 10  # asked about, settled or put off, and what the index passes on its way


def rows_read(url: str) -> int:
    """Rows of the outbox that all sessions have read so far."""
    ((count,),) = query(url, "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'outbox'")
    return int(count)


async def turn(url_conn: psycopg.AsyncConnection[tuple[object, ...]], offs: range) -> None:
    """Ask about some deliveries; then every second one of them is delivered, the others are to be tried again."""
    turns, places = Turns(url_conn, "worker"), [Place(0, off, "r") for off in offs]
    asked, _ = await turns.open(Settlement(), places)
    assert [a.parcel.place for a in asked] == places
    await turns.commit([[a.parcel for a in asked]], Settlement(), 1)
    ended = Settlement()
    for place in places:
        outcome = AttemptOutcome.DELIVERED if place.off % 2 else AttemptOutcome.FAILED
        ended.attempts.append(Attempted(place, 1, 1, 2, outcome, "AA", next_us=5))
    await turns.settle(ended)


def test_the_size_of_a_payload_is_known_without_reading_it(database_url: str) -> None:
    sizes = [1, 3_000, 4_000_000]
    fill(database_url, (Row(0, off, "r", "p", payload=b"x" * size) for off, size in enumerate(sizes)))

    def payload_reads() -> int:
        toast = "SELECT reltoastrelid FROM pg_class WHERE oid = 'outbox'::regclass"
        ((count,),) = query(database_url, f"SELECT seq_scan + idx_scan FROM pg_stat_all_tables WHERE relid = ({toast})")
        return int(count)

    async def run() -> list[int]:
        async with await connect(database_url) as conn:
            reader = BacklogReader(conn, "worker")
            heads = await reader.heads({0: Head()}, [], 10)
            behind = await reader.behind("r", {0: 0}, {0: Head(9)}, 10)
            await conn.execute("SELECT pg_stat_force_next_flush()")
            assert heads[0].rows == behind[0]
            return [row.size for row in behind[0]]

    before = payload_reads()
    assert asyncio.run(run()) == sizes
    assert payload_reads() == before


def test_a_full_queue_is_not_read_whole(database_url: str) -> None:
    async def run() -> int:
        conn = await connect(database_url)
        async with conn:
            for start in range(0, 80, 8):  # often enough for plans to be kept
                await turn(conn, range(start, start + 8))
            fill(database_url, (Row(0, off, "r", f"p{off}") for off in range(1_000, 1_000 + FULL)))
            await conn.execute("SELECT pg_stat_force_next_flush()")
            before = rows_read(database_url)
            await turn(conn, range(5_000, 5_000 + BATCH))
            await conn.execute("SELECT pg_stat_force_next_flush()")
            return rows_read(database_url) - before

    fill(database_url, (Row(1, off, "r", f"p{off}") for off in range(FULL)))
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("DELETE FROM outbox WHERE off < %s", (FULL - 1,))
        conn.execute("VACUUM ANALYZE outbox")  # many pages, hardly a row: what a queue that has been worked off looks like
    fill(database_url, (Row(0, off, "r", f"p{off}") for off in range(80)))
    assert asyncio.run(run()) <= BATCH * READS_A_ROW_MAX
    left = query(database_url, "SELECT off, attempts, next_us FROM outbox WHERE off BETWEEN 5000 AND 5005 ORDER BY off")
    assert left == [(5000, 1, 5), (5002, 1, 5), (5004, 1, 5)]
