"""A lock on a part of a message reaches what has not been sent yet, wherever it is: the rest goes, in order, and nothing of the part."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from hub.adapters.hl7v2.receive import Door
from hub.avro import Codec
from hub.errors import Reason
from hub.identity import derived_id
from hub.ledger.connect import Pool, connect
from hub.ledger.directory import load_directory
from hub.ledger.quarantine import allow_again, find_parked, list_kept, list_parked, redrive_delivery
from hub.ledger.trace import lives
from hub.model import Received, Refusal
from hub.routing.directory import Directory
from hub.stream import quarantine_tool as tool
from hub.stream.readers import read
from hub.stream.reread import Means, reread
from tests.contracts.delivery_rig import Receiver, attempts, delivering, drained, mllp, provider, query, until
from tests.contracts.items_rig import HIV, PSEUDONYMS, SODIUM, decided, lock, put, report

LEFT = [b"OBX|1|NM|2951-2^sodium^LN||140"]


def results(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\r") if line.startswith(b"OBX")]


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_a_lock_reaches_what_is_queued(database_url: str) -> None:
    """Decided when there was no consent, so nobody had looked at its items: they are looked at before anything is sent."""

    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"), report("2"), report("3"))
        put(database_url, lock(HIV))
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["1", "2", "3"]
        assert [results(body) for body in receiver.bodies] == [LEFT] * 3
        assert not any(b"CANARY" in body for body in receiver.bodies)
        assert [a[1:] for a in attempts(database_url, "a")] == [(1, "held", "made_anew"), (2, "delivered", "AA")] * 3
        copies = query(database_url, "SELECT off, n, copy_id <> '', detail, dropped FROM sent_copy ORDER BY off")
        assert copies == [(off, 2, True, "full", ["OBX[4]"]) for off in range(3)]

    run(work)


def test_a_lock_that_was_there_first_is_honoured_in_transit(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        provider(database_url, "b", mllp(receiver))
        put(database_url, lock(HIV, to=("a",)))
        decided(database_url, report("1"))
        found = query(database_url, "SELECT recipient, dropped, copy_id <> '' FROM outbox ORDER BY 1")
        assert found == [("a", ["OBX[4]"], True), ("b", [], False)]
        assert query(database_url, "SELECT recipient, result, rule, dropped FROM decision ORDER BY 1") == [
            ("a", "redact", "11-locked", ["OBX[4]"]), ("b", "permit", "13-treating-relation", []),
        ]  # fmt: skip
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert sorted(len(results(body)) for body in receiver.bodies) == [1, 2]
        assert [a[1:] for a in attempts(database_url, "a")] == [(1, "delivered", "AA")]

    run(work)


def test_a_second_lock_takes_more_and_one_on_all_of_it_withholds(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        put(database_url, lock(SODIUM))
        third = "OBX|3|NM|1-1^potassium^LN||4\r"
        decided(database_url, report("1", extra=third), report("2"))
        put(database_url, lock(HIV, consent_id="d"))
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert [results(body) for body in receiver.bodies] == [[b"OBX|1|NM|1-1^potassium^LN||4"]]
        assert [a[2:] for a in attempts(database_url, "a")] == [("held", "made_anew"), ("delivered", "AA"), ("withheld", "11-locked")]

    run(work)


def test_a_lock_reaches_what_is_being_tried_again(database_url: str) -> None:
    """The first attempts show everything and fail; those after the lock show what they may, before the later message."""

    async def work() -> None:
        is_up = False
        receiver = await Receiver(answers=lambda _id, _n: "AA" if is_up else "cut").start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"), report("2"))
        async with delivering(database_url):
            await until(lambda: len(receiver.bodies) > 1)
            await asyncio.to_thread(put, database_url, lock(HIV))
            before = len(receiver.bodies)
            is_up = True
            await drained(database_url)
        await receiver.stop()
        assert all(len(results(body)) == 2 for body in receiver.bodies[:before])
        assert not any(b"CANARY" in body for body in receiver.bodies[before:])
        assert receiver.ids[-2:] == ["1", "2"]

    run(work)


def test_a_lock_reaches_what_is_parked(database_url: str) -> None:
    async def work() -> None:
        is_kind = False
        receiver = await Receiver(answers=lambda _id, _n: "AA" if is_kind else "AE").start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"))
        async with delivering(database_url):
            await drained(database_url, parked=1)
            put(database_url, lock(HIV))
            is_kind = True
            with connect(database_url) as conn:
                assert redrive_delivery(conn, list_parked(conn)[0])
            await drained(database_url)
        await receiver.stop()
        assert [len(results(body)) for body in receiver.bodies] == [2, 1]
        assert b"CANARY" not in receiver.bodies[-1]

    run(work)


@pytest.mark.parametrize("releases", [False, True])
def test_what_was_left_out_comes_back_only_where_the_setting_says_so(database_url: str, releases: bool) -> None:  # noqa: FBT001
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        put(database_url, lock(HIV))
        decided(database_url, report("1"))
        put(database_url, lock(HIV, version=2, active=False))
        decided(database_url, report("2"))
        async with delivering(database_url, release_on_unlock=releases):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["1", "2"]
        assert [len(results(body)) for body in receiver.bodies] == [2 if releases else 1, 2]

    run(work)


def test_what_cannot_be_made_without_its_part_is_sent_to_nobody(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"), report("2"))
        put(database_url, lock(HIV))
        with connect(database_url) as conn:
            conn.execute("UPDATE message SET raw = 'MSH|' WHERE off = 0")
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT parked FROM outbox WHERE off = 0") == [("not_redactable",)])
            await asyncio.sleep(0.3)
            assert receiver.ids == []  # the patient's later ones wait behind it
            with connect(database_url) as conn:
                conn.execute("UPDATE message SET raw = %s WHERE off = 0", (report("1").raw,))
                found = find_parked(conn, f"{report('1').event_id}:a")
                assert found is not None
                assert redrive_delivery(conn, found)
            await drained(database_url)
        await receiver.stop()
        assert [results(body) for body in receiver.bodies] == [LEFT] * 2

    run(work)


def test_a_copy_is_found_by_the_ids_it_bears_and_by_no_other(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", {"channel": "mailbox"})
        decided(database_url, report("1"))
        before = query(database_url, "SELECT count(*) FROM bundle")
        put(database_url, lock(HIV))
        async with delivering(database_url):
            await until(lambda: query(database_url, "SELECT copy_id <> '' FROM outbox") == [(True,)])
        await receiver.stop()
        ((copy_id, whole),) = query(database_url, "SELECT o.copy_id, m.event_id::text FROM outbox o JOIN message m USING (part, off)")
        assert copy_id != whole
        with connect(database_url) as conn:
            (found,) = lives(conn, copy_id)
        assert found["event_id"] == whole
        (told,) = found["recipients"]
        assert told["left_out"] == ["OBX[4]"]
        assert told["bundle_id"] == derived_id(copy_id, "bundle", "full")
        assert before < query(database_url, "SELECT count(*) FROM bundle")

    run(work)


def test_what_is_made_anew_for_another_channel_is_without_what_was_left_out(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", {"channel": "fhir", "url": "http://127.0.0.1:1/fhir"})
        put(database_url, lock(HIV))
        decided(database_url, report("1"))
        provider(database_url, "a", mllp(receiver))
        provider(database_url, "olav", {"channel": "mailbox"}, senders=["OLAV"])
        async with delivering(database_url):
            await drained(database_url, parked=1)
            with connect(database_url) as conn:
                (parked,) = list_parked(conn)
                entries = load_directory(conn)
            assert parked.code == "form_changed"
            directory = Directory(entries.providers, entries.subscriptions, entries.version)
            means = Means(directory, PSEUDONYMS, Door(directory, PSEUDONYMS), Codec())
            pool = Pool(database_url, "test")
            desk = tool.Desk(pool, lambda content: reread(content, means), never, lambda: 99, read, directory.provider)
            await tool.redrive(desk, parked.id)
            await drained(database_url)
            await pool.close()
        await receiver.stop()
        assert [results(body) for body in receiver.bodies] == [LEFT]
        assert b"CANARY" not in receiver.bodies[0]

    run(work)


async def never(_received: Received) -> None:
    """A parked delivery is not sent through the hub again."""
    raise AssertionError


def test_a_lock_reaches_what_is_in_quarantine(database_url: str) -> None:
    """Refused when nothing was locked, and sent in again when something is."""

    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, replace(report("1"), refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4")))
        put(database_url, lock(HIV))
        with connect(database_url) as conn:
            (kept,) = list_kept(conn)
            allow_again(conn, kept.id, [report("1").event_id], (), 1)
        decided(database_url, report("1"))
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert [results(body) for body in receiver.bodies] == [LEFT]

    run(work)


def test_a_replay_of_the_past_shows_nothing_that_is_locked_by_now(database_url: str) -> None:
    """The same records once more at new places, as after a topic was restored: repeats lead nowhere, and what is waiting is asked about."""

    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"))
        put(database_url, lock(HIV))
        decided(database_url, report("1"), report("2"))
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["1", "2"]
        assert not any(b"CANARY" in body for body in receiver.bodies)

    run(work)


def test_a_lock_on_a_part_names_the_sends_under_way_that_show_it(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver(answers=lambda _id, _n: "none").start()
        provider(database_url, "a", mllp(receiver))
        decided(database_url, report("1"))
        async with delivering(database_url, ack_seconds_max=3.0):
            await until(lambda: receiver.bodies)
            found = await asyncio.to_thread(put, database_url, lock(HIV))
            assert found.under_way == ((report("1").event_id, "a"),)
        await receiver.stop()

    run(work)
