"""What waits for more than its turn: a message of two patients, until a merge makes them one; and what nobody asks for any more."""

import asyncio
from collections.abc import Iterator

import pytest

from hub.ledger.batch import Merge, Writes
from hub.ledger.connect import connect
from hub.ledger.quarantine import find_parked, list_parked, redrive_delivery, release_delivery
from hub.ledger.transit import TransitLedger
from tests.contracts.delivery_rig import Receiver, Row, attempts, delivering, drained, fill, mllp, now_us, provider, query, until

UNRESOLVED = "1-patient-unresolved"
HELD = [(1, 1, "held", UNRESOLVED)]


@pytest.fixture
def transit(database_url: str) -> Iterator[TransitLedger]:
    ledger = TransitLedger(database_url)
    ledger.assign([0])
    yield ledger
    ledger.close()


def two_patients(url: str, *, third: bool = False) -> None:
    """A message whose identifiers are p1's and p2's (and p3's), and after it one of p1's own."""
    fill(url, [Row(0, 1, "a", "p1", "both"), Row(0, 2, "a", "p1", "own")])
    people = ["p1", "p2", "p3"][: 3 if third else 2]
    with connect(url) as conn:
        conn.execute("SET session_replication_role = replica")  # nobody may change it
        conn.execute("UPDATE decision SET result = 'hold', rule = %s WHERE off = 1", (UNRESOLVED,))
        conn.execute("INSERT INTO conflict VALUES (0, 1, %s)", (people,))
        for key in people:
            conn.execute("INSERT INTO identity VALUES (%s, %s, '{}')", (key, key))


def merge(transit: TransitLedger, retired: str, survivor: str, before_commit: object = None) -> None:
    writes = Writes(merges=[Merge((retired,), survivor, ())], nexts={0: 3})
    transit.write(writes, now_us(), lambda: None, before_commit if callable(before_commit) else lambda: None)


@pytest.mark.parametrize(("retired", "survivor"), [("p1", "p2"), ("p2", "p1")])
def test_a_message_of_two_patients_is_held_until_they_are_one(
    database_url: str, transit: TransitLedger, retired: str, survivor: str
) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        two_patients(database_url)
        async with delivering(database_url):
            await until(lambda: attempts(database_url, "a") == HELD)
            await asyncio.sleep(1.0)
            assert (receiver.ids, attempts(database_url, "a")) == ([], HELD)
            with connect(database_url) as conn:
                (held,) = list_parked(conn)
            assert (held.recipient, held.off, held.code) == ("a", 1, UNRESOLVED)
            await asyncio.to_thread(merge, transit, retired, survivor)
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["both", "own"]

    asyncio.run(run())


def test_a_merge_that_goes_on_while_it_is_held_ends_the_hold(database_url: str, transit: TransitLedger) -> None:
    """The delivery asks before the merge's COMMIT and holds after it, or before: either way nothing waits for a word that was said."""

    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        two_patients(database_url)
        loop, merging, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            merging.set()
            await go.wait()

        def before_commit() -> None:
            asyncio.run_coroutine_threadsafe(wait(), loop).result(10)

        task = loop.run_in_executor(None, merge, transit, "p2", "p1", before_commit)
        await merging.wait()
        async with delivering(database_url):
            await asyncio.sleep(0.7)
            assert receiver.ids == []
            go.set()
            await task
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["both", "own"]

    asyncio.run(run())


def test_a_merge_of_two_of_three_ends_nothing(database_url: str, transit: TransitLedger) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver, on_refusal="release"))
        two_patients(database_url, third=True)
        async with delivering(database_url):
            await until(lambda: receiver.ids == ["own"] and attempts(database_url, "a")[:1] == HELD)  # by the recipient's setting
            await asyncio.to_thread(merge, transit, "p2", "p1")
            await until(lambda: query(database_url, "SELECT attempts FROM outbox WHERE parked = %s", UNRESOLVED) == [(2,)])
            assert [row for row in attempts(database_url, "a") if row[0] == 1] == HELD  # of holds in a row the first is kept
            await asyncio.to_thread(merge, transit, "p3", "p1")
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["own", "both"]

    asyncio.run(run())


def test_a_hold_can_be_released_and_asked_about_again(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        two_patients(database_url)
        with connect(database_url) as conn:
            conn.execute("DELETE FROM conflict")  # as an earlier version left it: nobody knows whose the identifiers are
            async with delivering(database_url):
                await until(lambda: list_parked(conn))
                held = find_parked(conn, list_parked(conn)[0].id)
                assert held is not None
                assert redrive_delivery(conn, held)
                await until(lambda: list_parked(conn) and list_parked(conn)[0].attempts == 2)
                assert attempts(database_url, "a") == HELD
                assert release_delivery(conn, held, now_us())
                await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["own"]

    asyncio.run(run())


def test_holds_for_one_reason_are_one_line_of_the_record(database_url: str) -> None:
    async def run() -> None:
        receiver = await Receiver(answers=lambda _i, _n: "cut").start()
        provider(database_url, "a", mllp(receiver))
        query(database_url, "INSERT INTO consent_key VALUES ('lock-p1', 'lost') RETURNING 1")
        fill(database_url, [Row(0, 1, "a", "p1", "x")])
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT attempts FROM outbox")[0][0] >= 4)
            assert attempts(database_url, "a") == [(1, 1, "held", "2-consent-unreadable")]
            query(database_url, "DELETE FROM consent_key RETURNING 1")
            await until(lambda: "failed" in {row[2] for row in attempts(database_url, "a")})
            query(database_url, "INSERT INTO consent_key VALUES ('lock-p1', 'lost') RETURNING 1")
            await until(lambda: attempts(database_url, "a")[-1][2] == "held")  # after something else it is told again
        await receiver.stop()
        assert [row[2] for row in attempts(database_url, "a")].count("held") == 2

    asyncio.run(run())


@pytest.mark.parametrize("change", ["DELETE FROM subscription", 'UPDATE subscription SET body = body || \'{"detail": "minimal"}\''])
def test_what_waits_of_a_subscription_that_was_ended_is_withheld(database_url: str, change: str) -> None:
    async def run() -> None:
        receiver = await Receiver().start()
        await receiver.stop()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(0, off, "a", f"p{off}") for off in range(3)])
        async with delivering(database_url):
            await until(lambda: any(row[2] == "failed" for row in attempts(database_url, "a")))
            with connect(database_url) as conn, conn.transaction():
                conn.execute(change.encode())
                conn.execute("UPDATE directory_version SET version = version + 1")
            await receiver.start()
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == []
        assert {row[2:] for row in attempts(database_url, "a") if row[2] == "withheld"} == {("withheld", "subscription_ended")}

    asyncio.run(run())
