"""The order of one patient's messages where it is easily lost: refusals and redrives at one moment, patients who become one, restarts."""

import asyncio

import psycopg
import pytest

from hub.delivery.channel import Means
from hub.ledger.backlog import REDRIVE
from hub.ledger.batch import Merge
from hub.ledger.merges import join_patients
from hub.pipeline import TERMS
from hub.stream.delivery_rounds import Delivery
from hub.stream.delivery_turn import Parts
from hub.stream.readers import read
from tests.contracts.delivery_rig import Receiver, Row, delivering, drained, fill, mllp, now_us, provider, query, settings, until, write


def merge(url: str, retired: str, survivor: str, *rows: Row) -> None:
    """What transit writes of a merge, the messages of the same batch included."""
    with psycopg.connect(url) as conn:
        join_patients(conn.cursor(), Merge((retired,), survivor, ()))
        write(conn, rows)


def test_a_redrive_at_the_moment_of_a_refusal_lets_nothing_past_it(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "AE" if i == "bad" else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "bad"), Row(0, 2, "a", "p1", "after"), Row(0, 3, "a", "p2", "other")])

        def reach(point: str) -> None:
            if point == "delivery.after_send":  # known to this process, and not to the ledger yet
                delivery.tell([(REDRIVE, "a")])

        async with asyncio.TaskGroup() as sends:
            delivery = Delivery(Parts(settings(database_url), now_us, reach, read, TERMS), Means(ack_seconds_max=1.0), sends)
            session = sends.create_task(delivery.session(range(4)))
            await until(lambda: "other" in receiver.ids and query(database_url, "SELECT 1 FROM outbox WHERE parked = 'AE'"))
            await asyncio.sleep(0.5)
            delivery.stop()
            await session
        await receiver.stop()
        assert sorted(receiver.ids) == ["bad", "other"]

    asyncio.run(run())


def test_patients_who_become_one_are_sent_as_one(database_url: str) -> None:
    """What waits of the retired key goes before what comes under the surviving one, though it has been in a lane of its own."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "slow" if i == "r1" else "AA", late_seconds=0.4).start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(1, 1, "a", "retired", "r1"), Row(1, 2, "a", "retired", "r2"), Row(1, 3, "a", "retired", "r3")])
        async with delivering(database_url, ack_seconds_max=2.0):
            await until(lambda: receiver.ids == ["r1"])
            merge(database_url, "retired", "survivor", Row(0, 7, "a", "survivor", "m1"))
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["r1", "r2", "r3", "m1"]

    asyncio.run(run())


def test_one_of_them_held_holds_the_later_ones_of_both(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "AE" if i == "bad" else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "retired", "bad")])
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT 1 FROM outbox WHERE parked = 'AE'"))
            merge(database_url, "retired", "survivor", Row(1, 1, "a", "survivor", "after"), Row(1, 1, "b", "survivor", "x"))
            fill(database_url, [Row(1, 2, "a", "other", "other")])
            await until(lambda: "other" in receiver.ids)
            await asyncio.sleep(0.3)
        await receiver.stop()
        assert receiver.ids == ["bad", "other"]

    asyncio.run(run())


@pytest.mark.parametrize("count", [3, 1300])
def test_after_a_restart_a_patient_of_two_partitions_is_sent_in_the_order_of_receipt(database_url: str, count: int) -> None:
    """Also where more waits than is read at once: one partition is full of others' messages before the patient's."""

    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        begun = now_us() - 10_000_000
        rows = [Row(1, off, "a", f"other{off}", received_us=begun + off) for off in range(count)]
        rows += [Row(1, count, "a", "p", "first", received_us=begun + count), Row(2, 1, "a", "p", "third", received_us=begun + count + 2)]
        rows += [Row(0, 1, "a", "p", "second", received_us=begun + count + 1), Row(0, 2, "a", "p", "fourth", received_us=begun + count + 3)]
        fill(database_url, rows)
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert [i for i in receiver.ids if "-" not in i] == ["first", "second", "third", "fourth"]

    asyncio.run(run())


def test_a_redrive_that_nobody_heard_of_is_found(database_url: str) -> None:
    """The connection that listens is cut at the moment of the notification."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda i, n: "AE" if i == "bad" and n == 1 else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "bad"), Row(0, 2, "a", "p1", "after")])
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT 1 FROM outbox WHERE parked = 'AE'"))
            listening = "FROM pg_stat_activity WHERE datname = current_database() AND starts_with(query, 'LISTEN')"
            await until(lambda: query(database_url, f"SELECT 1 {listening}"))
            query(database_url, f"SELECT pg_terminate_backend(pid) {listening}")
            query(database_url, "UPDATE outbox SET parked = '', next_us = 0 RETURNING pg_notify('hub_redrive', 'a')")
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["bad", "bad", "after"]

    asyncio.run(run())
