"""Kills, a ledger that goes away, and stopping: nothing is lost, nothing is out of order, and every doubtful send is on record."""

import asyncio
import os
import signal
import subprocess
import sys

import psycopg
import pytest

from hub.ledger.backlog import BacklogReader
from hub.ledger.delivery import connect
from tests.contracts.delivery_rig import Receiver, Row, attempts, delivering, drained, fill, lock, mllp, provider, query, until

MESSAGES = 150


def worker(url: str, faultpoint: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.contracts.delivery_worker", url], env=os.environ | {"HUB_FAULTPOINT": faultpoint})


def in_order(ids: list[str]) -> bool:
    """Whether each patient's messages first arrived in the order of their offsets."""
    for patient in range(10):
        first = list(dict.fromkeys(int(i) for i in ids if int(i) % 10 == patient))
        if first != sorted(first):
            return False
    return True


@pytest.mark.parametrize("faultpoint", ["delivery.after_claim:3", "delivery.after_send:20", "delivery.before_settle:4"])
def test_killed_at_a_named_point(database_url: str, faultpoint: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "slow", late_seconds=0.002).start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(off % 10 % 4, off, "a", f"p{off % 10}", f"{off}") for off in range(MESSAGES)])
        killed = worker(database_url, faultpoint)
        assert await asyncio.to_thread(killed.wait, 30) == -signal.SIGKILL
        assert query(database_url, "SELECT count(*) > 0 FROM claim") == [(True,)]
        async with delivering(database_url):
            await drained(database_url)
            await until(lambda: query(database_url, "SELECT count(*) FROM claim") == [(0,)])
        await receiver.stop()
        assert set(receiver.ids) == {str(off) for off in range(MESSAGES)}
        assert in_order(receiver.ids)
        doubtful = query(database_url, "SELECT count(DISTINCT off) FROM attempt WHERE outcome = 'unknown'")[0][0]
        assert doubtful > 0
        assert len(receiver.ids) <= MESSAGES + doubtful
        assert query(database_url, "SELECT count(*) FROM attempt WHERE outcome = 'delivered'") == [(MESSAGES,)]

    asyncio.run(run())


def test_killed_and_locked_before_the_next_start(database_url: str) -> None:
    """What a dead process may have sent is asked about again before it is sent again."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "1")])
        process = worker(database_url)
        await until(lambda: receiver.ids == ["1"])
        process.kill()
        await asyncio.to_thread(process.wait)
        lock(database_url, "p1")
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["1"]
        assert [a[2] for a in attempts(database_url, "a")] == ["unknown", "withheld"]

    asyncio.run(run())


def test_what_an_earlier_owner_claimed_stays_known_for_as_long_as_a_send_may_take(database_url: str) -> None:
    """Partition by partition, once: the attempt that nobody knows the end of is counted by the first who takes over."""
    fill(database_url, [Row(part, 1, "a", f"p{part}") for part in range(2)])
    claims = "SELECT worker, patient_keys, parts, offs, recipients, lock_keys FROM claim ORDER BY parts"
    keys = ["lock-p0", "lock-p1"]
    columns = "worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients"
    query(
        database_url,
        f"INSERT INTO claim ({columns}) VALUES (%s, 100, %s, %s, %s, %s, %s) RETURNING 1",
        "old", ["p0", "p1"], keys, [0, 1], [1, 1], ["a", "a"],
    )  # fmt: skip

    async def run() -> None:
        async with await connect(database_url) as conn:
            second, third = BacklogReader(conn, "second"), BacklogReader(conn, "third")
            assert await second.take_over([0], 110, 50)
            gone, kept = ("", ["p0"], [0], [1], ["a"], keys), ("old", ["p1"], [1], [1], ["a"], keys)
            assert query(database_url, claims) == [gone, kept]
            assert not await third.take_over([0], 120, 50)
            assert query(database_url, claims) == [gone, kept]
            assert [row[:2] for row in attempts(database_url, "a")] == [(1, 1)]
            assert await third.take_over([1], 151, 50)  # too long ago to be under way; so is what was left before
            assert query(database_url, claims) == []
            assert query(database_url, "SELECT part, n, outcome FROM attempt ORDER BY 1") == [(0, 1, "unknown"), (1, 1, "unknown")]

    asyncio.run(run())


def test_terminated_it_settles_what_is_under_way(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "slow", late_seconds=0.1).start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(off % 4, off, "a", f"p{off}", f"{off}") for off in range(MESSAGES)])
        process = worker(database_url)
        await until(lambda: len(receiver.ids) > 20)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 10) == 0
        sent = len(receiver.ids)
        assert sent < MESSAGES
        assert query(database_url, "SELECT count(*) FROM attempt WHERE outcome = 'delivered'") == [(sent,)]
        assert query(database_url, "SELECT count(*) FROM claim") == [(0,)]
        await receiver.stop()

    asyncio.run(run())


def test_the_ledger_goes_away_and_comes_back(database_url: str) -> None:
    """Connections are cut again and again while it runs."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "slow", late_seconds=0.005).start()
        provider(database_url, "a", mllp(receiver, connections=4))
        async with delivering(database_url):
            fill(database_url, [Row(off % 10 % 4, off, "a", f"p{off % 10}", f"{off}") for off in range(MESSAGES)])
            for _ in range(6):
                await asyncio.sleep(0.15)
                with psycopg.connect(database_url) as conn:
                    others = "datname = current_database() AND pid <> pg_backend_pid()"
                    conn.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            await drained(database_url)
        await receiver.stop()
        assert len(receiver.ids) >= MESSAGES
        assert set(receiver.ids) == {str(off) for off in range(MESSAGES)}
        assert in_order(receiver.ids)
        assert query(database_url, "SELECT count(*) FROM claim") == [(0,)]
        assert query(database_url, "SELECT count(*) FROM attempt WHERE outcome = 'delivered'") == [(MESSAGES,)]

    asyncio.run(run())


def test_nothing_is_sent_while_consents_cannot_be_read(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        async with delivering(database_url):
            await asyncio.sleep(0.3)
            with psycopg.connect(database_url) as gate:
                gate.execute("SELECT pg_advisory_xact_lock(7101)")  # a consent is being written
                fill(database_url, [Row(0, 1, "a", "p1", "1")])
                await asyncio.sleep(1.0)
                assert receiver.ids == []
            await drained(database_url)
        await receiver.stop()

    asyncio.run(run())


def test_what_a_server_forgot_when_it_died_is_written_again(database_url: str) -> None:
    """A turn does not wait for the disk: a lock written after the server is back must not make of the delivered a withheld one."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda control_id, _n: "AA" if control_id == "1" else "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "1"), Row(1, 2, "a", "p2", "2")])
        with psycopg.connect(database_url) as conn:
            conn.execute("CREATE TABLE before AS SELECT * FROM outbox WHERE off = 1")
        async with delivering(database_url, ack_seconds_max=8.0):
            await until(lambda: [a[2] for a in attempts(database_url, "a")] == ["delivered"] and sorted(receiver.ids) == ["1", "2"])
            with psycopg.connect(database_url, autocommit=True) as conn, conn.transaction():  # as recovery would leave it
                claims = conn.execute("SELECT id FROM claim WHERE 2 = ANY (offs)").fetchall()
                conn.execute("LOCK TABLE outbox, attempt, claim")
                conn.execute("SET session_replication_role = replica")  # nobody may change it
                conn.execute("DELETE FROM attempt; DELETE FROM claim; INSERT INTO outbox SELECT * FROM before")
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            lock(database_url, "p1")
            await until(lambda: [a[2] for a in attempts(database_url, "a")] == ["delivered"])
            assert query(database_url, "SELECT off FROM outbox") == [(2,)]
            assert query(database_url, "SELECT id, parts, offs FROM claim") == [(claims[0][0], [1], [2])]
            assert sorted(receiver.ids) == ["1", "2"]
        await receiver.stop()

    asyncio.run(run())
