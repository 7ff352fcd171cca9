"""A lock against sends under way: once its answer is given, no byte of the patient's starts towards whom it denies, but those it named."""

import asyncio
import random
import time

import pytest

from hub.ledger.connect import connect
from hub.ledger.consents import NewVersion, PutResult, put_consent
from tests.consents import simple
from tests.contracts.delivery_rig import Receiver, Row, attempts, delivering, drained, fill, locks, mllp, now_us, provider, query, until

PATIENTS, MESSAGES = 20, 10


def put(url: str, patient: str, wait_seconds_max: float) -> tuple[PutResult, float]:
    """The lock, and the moment at which its answer was there."""
    with connect(url) as conn:
        consent = simple(f"lock-{patient}")
        result = put_consent(conn, NewVersion(consent, locks(patient), {}, now_us()), lambda _b, _a: True, wait_seconds_max)
    return result, time.monotonic()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("mode", "seconds"), [("AA", 0.0), ("slow", 0.02), ("none", 0.0)])
def test_no_byte_starts_after_the_answer(database_url: str, seed: int, mode: str, seconds: float) -> None:
    chance = random.Random(seed)

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: mode, late_seconds=seconds).start()
        provider(database_url, "a", mllp(receiver, connections=8))
        order = [p for p in range(PATIENTS) for _ in range(MESSAGES)]
        chance.shuffle(order)
        answered: dict[int, tuple[PutResult, float]] = {}
        async with delivering(database_url):
            fill(database_url, [Row(p % 4, off, "a", f"p{p}", f"{p}-{off}") for off, p in enumerate(order)])
            for p in chance.sample(range(PATIENTS), 10):
                await asyncio.sleep(chance.random() * 0.03)
                answered[p] = await asyncio.to_thread(put, database_url, f"p{p}", 0.1 if mode == "none" else 2.0)
            if mode == "none":
                await asyncio.sleep(1.0)
            else:
                await drained(database_url)
        await receiver.stop()
        for p, (result, at) in answered.items():
            named = {int(event_id.replace("-", ""), 16) & (2**64 - 1) for event_id, _ in result.under_way}
            after = {int(i.split("-")[1]) for t, i in receiver.got if t > at and i.startswith(f"{p}-")}
            assert after <= named
            disclosed = {off for (off,) in query(database_url, "SELECT off FROM disclosure WHERE consent_id = %s", f"lock-p{p}")}
            assert disclosed == named
            if mode != "none":  # all of the patient's is accounted for
                got = {int(i.split("-")[1]) for _, i in receiver.got if i.startswith(f"{p}-")}
                withheld = {a[0] for a in attempts(database_url, "a") if a[2] == "withheld"}
                assert {off for off, patient in enumerate(order) if patient == p} == (got | withheld) & {
                    off for off, patient in enumerate(order) if patient == p
                }

    asyncio.run(run())


def test_the_answer_names_a_send_that_does_not_end(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "x"), Row(0, 2, "a", "p1", "y")])
        async with delivering(database_url, ack_seconds_max=1.0):
            await until(lambda: receiver.ids == ["x"])
            result, _ = await asyncio.to_thread(put, database_url, "p1", 0.1)
            assert [recipient for _, recipient in result.under_way] == ["a"]
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["x"]
        assert [a[1:] for a in attempts(database_url, "a")] == [
            (1, "failed", "timeout"),
            (2, "withheld", "11-locked"),
            (1, "withheld", "11-locked"),
        ]

    asyncio.run(run())


def test_a_send_of_an_owner_that_lost_its_partitions_is_waited_for_and_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two delivery processes the first loses its connection in the middle of a send, and the other takes over. Then the lock is set."""
    monkeypatch.setattr("hub.stream.delivery._RECONNECT_SECONDS", (2.0, 2.0))  # the first must not be back before the other

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "x"), Row(1, 1, "a", "p2", "y")])
        slow = {"ack_seconds_max": 3.0, "claim_seconds_max": 1.0}  # what took over claims nothing for a second
        async with delivering(database_url, **slow), delivering(database_url, **slow):
            await until(lambda: sorted(receiver.ids) == ["x", "y"])
            owner = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid >= 7200) AND datname = current_database()"
            query(database_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {owner}")
            await until(lambda: (1, 1, "unknown", "died") in attempts(database_url, "a"), 5.0)
            result, _ = await asyncio.to_thread(put, database_url, "p1", 0.2)
            assert [recipient for _, recipient in result.under_way] == ["a"]
            assert result.waited_seconds >= 0.2
            await until(lambda: (1, 2, "withheld", "11-locked") in attempts(database_url, "a"), 5.0)
            query(database_url, "DELETE FROM outbox RETURNING 1")
            await until(lambda: query(database_url, "SELECT count(*) FROM claim") == [(0,)])
        await receiver.stop()
        assert receiver.ids.count("x") == 1
        assert query(database_url, "SELECT off, recipient FROM disclosure") == [(1, "a")]

    asyncio.run(run())


def test_a_slow_neighbour_in_the_claim_does_not_hold_the_answer_up(database_url: str) -> None:
    """Another patient's send that hangs is in no lock's way, even if it was claimed together with the locked patient's."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "none" if i == "hangs" else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "hangs"), Row(0, 2, "a", "p2", "fine")])
        async with delivering(database_url, ack_seconds_max=3.0):
            await until(lambda: "fine" in receiver.ids and ((2, 1, "delivered", "AA") in attempts(database_url, "a")))
            await asyncio.sleep(0.8)
            result, _ = await asyncio.to_thread(put, database_url, "p2", 2.0)
            assert result.under_way == ()
            assert result.waited_seconds < 0.5
        await receiver.stop()

    asyncio.run(run())
