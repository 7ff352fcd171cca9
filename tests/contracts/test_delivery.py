"""Delivery against a real database and real sockets: every kind of answer, lanes that do not disturb each other, order, restarts."""

import asyncio
import itertools

import pytest

from hub.ledger.backlog import BacklogReader, Counts
from hub.ledger.delivery import connect
from hub.stream.delivery_providers import Gauges
from hub.telemetry import OLDEST
from tests.contracts.delivery_rig import (
    Receiver,
    Row,
    attempts,
    delivering,
    drained,
    fill,
    lock,
    message,
    mllp,
    provider,
    query,
    until,
)


def test_delivered_in_order_with_a_receipt(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(off % 4, off, "a", f"p{off % 7}") for off in range(200)])
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert sorted(receiver.ids) == sorted(f"{off % 4}-{off}-a" for off in range(200))
        for part, patient in itertools.product(range(4), range(7)):
            mine = [int(i.split("-")[1]) for i in receiver.ids if int(i.split("-")[1]) % 7 == patient and i.startswith(f"{part}-")]
            assert mine == sorted(mine)
        rows = attempts(database_url, "a")
        assert len(rows) == 200
        assert {row[1:] for row in rows} == {(1, "delivered", "AA")}
        assert query(database_url, "SELECT count(*) FROM claim") == [(0,)]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("mode", "code"), [("none", "timeout"), ("late", "timeout"), ("wrong", "wrong_control_id"), ("garbage", "wrong_answer"), ("cut", "cut")]
)
def test_no_right_answer_is_tried_again_on_another_connection(database_url: str, mode: str, code: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _id, n: mode if n == 1 else "AA").start()
        provider(database_url, "a", mllp(receiver, connections=1))
        fill(database_url, [Row(0, 1, "a", "p1"), Row(0, 2, "a", "p2")])
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert attempts(database_url, "a") == [
            (1, 1, "failed", code),
            (1, 2, "delivered", "AA"),
            (2, 1, "failed", code),
            (2, 2, "delivered", "AA"),
        ]
        assert len(set(receiver.bodies)) == 2  # the same bytes at every attempt
        assert receiver.connections >= 3

    asyncio.run(run())


def test_a_late_answer_is_not_the_next_messages(database_url: str) -> None:
    """The first message's answer comes while the second waits for its own, which never comes: only the first may be delivered."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda i, n: ("late" if n == 1 else "AA") if i == "first" else "none").start()
        provider(database_url, "a", mllp(receiver, connections=1))
        fill(database_url, [Row(0, 1, "a", "p1", "first"), Row(0, 2, "a", "p2", "second")])
        async with delivering(database_url):
            await until(lambda: receiver.ids.count("second") >= 3 and (1, 2, "delivered", "AA") in attempts(database_url, "a"))
        await receiver.stop()
        assert {row[2] for row in attempts(database_url, "a") if row[0] == 2} == {"failed"}

    asyncio.run(run())


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_a_refusal_parks_the_message_and_holds_the_patient(database_url: str, code: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: code if i == "bad" else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "bad"), Row(0, 2, "a", "p1", "after"), Row(0, 3, "a", "p2", "other")])
        async with delivering(database_url):
            await until(lambda: "other" in receiver.ids and query(database_url, "SELECT 1 FROM outbox WHERE parked = %s", code))
            await asyncio.sleep(0.3)
        assert "after" not in receiver.ids
        assert receiver.ids.count("bad") == 1
        async with delivering(database_url):  # holds through a restart
            await asyncio.sleep(0.8)
            assert "after" not in receiver.ids
            query(database_url, "DELETE FROM outbox WHERE parked <> '' RETURNING 1")
            query(database_url, "SELECT pg_notify('hub_redrive', 'a')")
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids.count("after") == 1
        assert (1, 1, "refused", code) in attempts(database_url, "a")

    asyncio.run(run())


def test_a_refusal_releases_the_patient_where_the_provider_wants_it(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "AE" if i == "bad" else "AA").start()
        provider(database_url, "a", mllp(receiver, on_refusal="release"))
        fill(database_url, [Row(0, 1, "a", "p1", "bad"), Row(0, 2, "a", "p1", "after")])
        async with delivering(database_url):
            await drained(database_url, parked=1)
            query(database_url, "UPDATE outbox SET parked = '' RETURNING 1")  # a person sends it again
            query(database_url, "SELECT pg_notify('hub_redrive', 'a')")
            await until(lambda: receiver.ids.count("bad") == 2)
        await receiver.stop()
        assert receiver.ids[:2] == ["bad", "after"]

    asyncio.run(run())


def test_one_provider_in_trouble_delays_nobody(database_url: str) -> None:
    """Down, silent, refusing, slow, wrong: the sixth gets everything at once."""

    async def run() -> None:
        modes = {"silent": "none", "refusing": "AE", "slow": "slow", "wrong": "wrong", "well": "AA"}
        receivers = {name: await Receiver(answers=lambda _i, _n, mode=mode: mode).start() for name, mode in modes.items()}  # type: ignore[misc]
        for name, receiver in receivers.items():
            provider(database_url, name, mllp(receiver, connections=2))
        provider(database_url, "down", {"channel": "mllp", "host": "127.0.0.1", "port": 1})
        async with delivering(database_url):
            fill(database_url, [Row(0, off, name, f"p{off}") for off in range(100) for name in [*modes, "down"]])
            await until(lambda: len(receivers["well"].ids) == 100, 3.0)
            assert len(attempts(database_url, "down")) < 30  # tried, not hammered
        for receiver in receivers.values():
            await receiver.stop()

    asyncio.run(run())


def test_a_provider_that_comes_back_gets_everything_in_order(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        await receiver.stop()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, off, "a", f"p{off % 5}") for off in range(100)])
        async with delivering(database_url):
            await asyncio.sleep(1.0)
            await receiver.start()
            await drained(database_url)
        await receiver.stop()
        for patient in range(5):
            mine = [int(i.split("-")[1]) for i in receiver.ids if int(i.split("-")[1]) % 5 == patient]
            assert mine == sorted(mine)

    asyncio.run(run())


def test_retries_survive_a_restart(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, n: "AA" if n >= 3 else "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "x"), Row(0, 2, "a", "p1", "y")])
        while len(query(database_url, "SELECT 1 FROM outbox")) == 2:
            async with delivering(database_url):
                await asyncio.sleep(0.2)
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["x", "x", "x", "y", "y", "y"]
        assert [row[1:3] for row in attempts(database_url, "a")] == [(1, "failed"), (2, "failed"), (3, "delivered")] * 2

    asyncio.run(run())


def test_a_lock_between_two_deliveries_is_honoured_and_recorded(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, n: "none" if i == "two" and n == 1 else "AA").start()
        other = await Receiver().start()
        provider(database_url, "a", mllp(receiver), organisation="974749025")
        provider(database_url, "b", mllp(other))
        fill(database_url, [Row(0, 1, "a", "p1", "one")])
        async with delivering(database_url):
            await drained(database_url)
            fill(database_url, [Row(0, 2, "a", "p1", "two")])
            await until(lambda: "two" in receiver.ids)  # under way, and will be tried again
            lock(database_url, "p1", actors=[("", "974749025")])
            fill(database_url, [Row(0, 3, "a", "p1", "three"), Row(0, 3, "b", "p1", "three"), Row(0, 4, "a", "p2", "four")])
            await drained(database_url)
        await receiver.stop()
        await other.stop()
        assert receiver.ids == ["one", "two", "four"] or sorted(receiver.ids) == ["four", "one", "two"]
        assert other.ids == ["three"]
        withheld = (3, 1, "withheld", "11-locked")
        assert withheld in attempts(database_url, "a")
        assert (2, 2, "withheld", "11-locked") in attempts(database_url, "a")

    asyncio.run(run())


def test_a_suspended_or_removed_recipient_gets_nothing(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver), suspended=True)
        fill(database_url, [Row(0, 1, "a", "p1"), Row(0, 1, "nobody", "p1")])
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == []
        assert attempts(database_url, "nobody") == attempts(database_url, "a") == [(1, 1, "withheld", "3-recipient-unknown")]

    asyncio.run(run())


def test_unreadable_consents_hold_and_never_permit(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        query(database_url, "INSERT INTO consent_key VALUES ('lock-p1', 'lost') RETURNING 1")
        fill(database_url, [Row(0, 1, "a", "p1", "x")])
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT attempts FROM outbox") >= [(2,)])
            assert attempts(database_url, "a") == [(1, 1, "held", "2-consent-unreadable")]
            assert receiver.ids == []
            query(database_url, "DELETE FROM consent_key RETURNING 1")
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["x"]

    asyncio.run(run())


def test_enhanced_mode_takes_the_accept_answer_and_passes_over_the_applications(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "CA+AA").start()
        provider(database_url, "a", mllp(receiver, connections=1))
        rows = [Row(0, off, "a", f"p{off}", f"m{off}", payload=message(f"m{off}", acks="AL|AL")) for off in range(20)]
        fill(database_url, rows)
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert {row[1:] for row in attempts(database_url, "a")} == {(1, "delivered", "CA")}
        assert sorted(receiver.ids) == sorted(f"m{off}" for off in range(20))

    asyncio.run(run())


@pytest.mark.parametrize("acks", ["NE|NE", "ER|NE", "NE|", "|ER", "AL|AL", ""])
def test_silence_is_never_an_answer(database_url: str, acks: str) -> None:
    """Whatever the message's own sender wanted to hear of the hub: a receiver that reads nothing has nothing delivered."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "none").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, 1, "a", "p1", "x", payload=message("x", acks=acks))])
        async with delivering(database_url, ack_seconds_max=1.2):
            await until(lambda: attempts(database_url, "a"))
        await receiver.stop()
        assert attempts(database_url, "a")[0] == (1, 1, "failed", "timeout")

    asyncio.run(run())


def test_a_message_answered_twice_does_not_answer_the_next(database_url: str) -> None:
    """Two senders happened to choose the same control id. The receiver answers the first twice and the second never."""

    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, n: "AA+AA" if n == 1 else "none").start()
        provider(database_url, "a", mllp(receiver, connections=1))
        fill(database_url, [Row(0, 1, "a", "p1", "same"), Row(0, 2, "a", "p2", "same")])
        async with delivering(database_url):
            await until(lambda: len(attempts(database_url, "a")) >= 2)
        await receiver.stop()
        assert attempts(database_url, "a")[:2] == [(1, 1, "delivered", "AA"), (2, 1, "failed", "timeout")]

    asyncio.run(run())


def test_a_connection_remembers_what_it_carried_and_is_then_replaced(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda i, _n: "AA+AA" if i.endswith("50-a") else "AA").start()
        provider(database_url, "a", mllp(receiver, connections=1))
        fill(database_url, [Row(0, off, "a", f"p{off}") for off in range(600)])
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert {row[1:] for row in attempts(database_url, "a")} == {(1, "delivered", "AA")}
        assert receiver.connections == 3

    asyncio.run(run())


def test_a_provider_that_changed_its_channel_is_not_starved_by_what_was_made_for_the_old_one(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver, connections=2))
        old = [Row(0, off, "a", f"p{off}", channel="fhir", form="fhir", payload=b"{}") for off in range(1, 30)]
        fill(database_url, [*old, Row(0, 30, "a", "p1", "behind"), Row(0, 31, "a", "q", "new")])
        async with delivering(database_url):
            await until(lambda: receiver.ids == ["new"] and query(database_url, "SELECT count(*) FROM outbox") == [(30,)])
            await asyncio.sleep(0.5)
        await receiver.stop()
        assert receiver.ids == ["new"]
        assert query(database_url, "SELECT parked, count(*) FROM outbox GROUP BY 1 ORDER BY 1") == [("", 1), ("form_changed", 29)]
        assert {row[1:] for row in attempts(database_url, "a") if row[0] < 30} == {(1, "held", "form_changed")}

    asyncio.run(run())


def test_what_a_person_must_look_at_is_no_age_of_what_waits(database_url: str) -> None:
    fill(database_url, [Row(0, 1, "a", "p1", received_us=1), Row(0, 2, "a", "p2", received_us=5), Row(0, 3, "b", "p1", received_us=1)])
    query(database_url, "UPDATE outbox SET parked = 'AE' WHERE off <> 2 RETURNING 1")

    async def run() -> list[Counts]:
        async with await connect(database_url) as conn:
            return await BacklogReader(conn, "").counts([0])

    counts = sorted(asyncio.run(run()))
    assert counts == [Counts("a", 2, 5, 1), Counts("b", 1, None, 1)]
    Gauges().show(counts, 3_000_005)
    shown = [OLDEST.labels(name)._value.get() for name in "ab"]
    assert shown == [3.0, 0.0]


def test_a_second_process_stands_by_and_takes_over(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "slow", late_seconds=0.02).start()
        provider(database_url, "a", mllp(receiver))
        async with delivering(database_url):
            async with delivering(database_url):
                fill(database_url, [Row(off % 4, off, "a", f"p{off}") for off in range(100)])
                await until(lambda: len(receiver.ids) > 20)
            await drained(database_url)
        await receiver.stop()
        assert sorted(receiver.ids) == sorted({f"{off % 4}-{off}-a" for off in range(100)})  # each once

    asyncio.run(run())
