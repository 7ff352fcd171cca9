"""Order through a merge: nothing of a merged patient is sent before what was acknowledged earlier in another partition. Real database."""

import asyncio
from collections.abc import Iterator

import pytest

from hub.ledger.batch import Merge, Writes
from hub.ledger.connect import connect
from hub.ledger.trace import lives
from hub.ledger.transit import TransitLedger
from tests.contracts.delivery_rig import Receiver, Row, delivering, drained, fill, mllp, now_us, provider, query, until, write

BEGUN = 1_700_000_000_000_000


@pytest.fixture
def transit(database_url: str) -> Iterator[TransitLedger]:
    ledger = TransitLedger(database_url)
    ledger.assign([0, 1, 2, 3])
    yield ledger
    ledger.close()


def row(part: int, off: int, name: str, at: int, fence: list[int] | None = None, patient: str = "p") -> Row:
    return Row(part, off, "a", patient, name, received_us=BEGUN + at, fence=fence)


def decided(transit: TransitLedger, part: int, upto: int) -> None:
    transit.write(Writes(nexts={part: upto}), now_us(), lambda: None, lambda: None)


def test_what_follows_a_merge_is_sent_after_what_another_partition_still_had(database_url: str, transit: TransitLedger) -> None:
    """The retired patient's partition is behind; what comes there last is decided last and sent first. Others' go on all the time."""

    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [row(0, 1, "before", 1), row(0, 5, "merge", 5, [1, 9]), row(0, 6, "after", 6, [])])
        async with delivering(database_url):
            await until(lambda: "before" in receiver.ids)
            fill(database_url, [row(0, 7, "other", 7, None, "another")])
            await until(lambda: "other" in receiver.ids)
            decided(transit, 1, 8)
            await asyncio.sleep(0.3)
            assert receiver.ids == ["before", "other"]
            fill(database_url, [row(1, 8, "late", 4, [])])
            await until(lambda: "late" in receiver.ids)
            decided(transit, 1, 9)
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["before", "other", "late", "merge", "after"]

    asyncio.run(run())


def test_it_waits_through_a_restart_too_and_many_of_them_at_once(database_url: str, transit: TransitLedger) -> None:
    """More patients than fit in memory; the late ones come to light in one commit with the end of the wait."""
    patients = 300

    async def run() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [row(0, n, f"after-{n}", 1000 + n, [1, patients], f"p{n}") for n in range(patients)])
        async with delivering(database_url):
            await asyncio.sleep(0.7)
        assert receiver.ids == []
        async with delivering(database_url):
            with connect(database_url) as conn, conn.transaction():
                late = [row(1, n, f"late-{n}", n, [], f"p{n}") for n in range(patients)]
                conn.execute("UPDATE partition_offset SET next = %s WHERE part = 1", (patients,))
                write(conn, late)
            await drained(database_url, 30)
        await receiver.stop()
        at = {name: n for n, name in enumerate(receiver.ids)}
        assert len(at) == 2 * patients
        assert all(at[f"late-{n}"] < at[f"after-{n}"] for n in range(patients))

    asyncio.run(run())


def test_a_delivery_that_waits_is_explained(database_url: str, transit: TransitLedger) -> None:
    fill(database_url, [row(2, 5, "merge", 5, [1, 9, 3, 0])])
    with connect(database_url) as conn:
        conn.execute(
            "INSERT INTO message SELECT part, off, event_id, 'hl7v2', 'a', '', '', control_id, '', kind, patient_key, received_us, 0, "
            "'AA', 'utf-8', 'routed', '', '', '' FROM outbox"
        )
        ((told,),) = [life["recipients"] for life in lives(conn, "merge")]
    assert told["delivery"] == {
        "state": "waiting", "channel": "mllp", "form": "hl7v2", "waits_for": [{"partition": 1, "offset": 9, "decided": 0}],
    }  # fmt: skip
    assert query(database_url, "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM unpassed(fence))) FROM outbox") == [(1,)]


def test_what_is_under_way_for_the_retired_ends_before_the_survivors_next(
    database_url: str, transit: TransitLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where delivery reads the survivor's next before it hears of the merge."""

    async def late(_: object) -> list[tuple[str, str]]:
        await asyncio.sleep(3600)
        return []

    monkeypatch.setattr("hub.stream.delivery.news", late)

    async def run() -> None:
        receiver = await Receiver(answers=lambda i, n: "none" if i == "retired" and n == 1 else "AA").start()
        provider(database_url, "a", mllp(receiver))
        fill(database_url, [Row(1, 1, "a", "r", "retired", received_us=BEGUN)])
        with connect(database_url) as conn:
            conn.execute("INSERT INTO identity VALUES ('r', 'r', '{}'), ('s', 's', '{}')")
        async with delivering(database_url, ack_seconds_max=1.5):
            await until(lambda: receiver.ids == ["retired"])
            transit.write(Writes(merges=[Merge(("r",), "s", ())], nexts={0: 2}), now_us(), lambda: None, lambda: None)
            fill(database_url, [Row(0, 1, "a", "s", "merge", received_us=BEGUN + 1, fence=[])])
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["retired", "retired", "merge"]

    asyncio.run(run())
