"""What a lock kept back, when it is lifted: it stays back, unless the setting says so; then it goes to those it was kept from, in order."""

import asyncio

import pytest

from hub.ledger.connect import Pool
from hub.model import Received
from hub.stream.release import run_release
from tests.contracts.delivery_rig import Receiver, delivering, drained, mllp, now_us, provider, query, until
from tests.contracts.items_rig import HIV, decided, lock, put, report


async def swept(url: str, *, releases: bool) -> list[Received]:
    """Look after what was lifted until there is nothing left; what came onto topic inbound."""
    stop, found, pool = asyncio.Event(), list[Received](), Pool(url, "test", 1)

    async def accept(received: Received) -> None:
        found.append(received)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_release(pool, accept, now_us, stop, releases=releases))
        await until(lambda: query(url, "SELECT * FROM lifted") == [])
        stop.set()
    await pool.close()
    return found


@pytest.mark.parametrize("releases", [False, True])
def test_what_was_withheld_is_released_in_order_to_whom_it_was_kept_from(database_url: str, releases: bool) -> None:  # noqa: FBT001
    """One was denied in transit, one at the attempt; the other recipient had both and gets neither again."""

    async def work() -> None:
        one, other = await Receiver().start(), await Receiver().start()
        provider(database_url, "a", mllp(one))
        provider(database_url, "b", mllp(other))
        decided(database_url, report("1"))
        put(database_url, lock(to=("a",)))
        decided(database_url, report("2"))
        async with delivering(database_url):
            await drained(database_url)
            assert (one.ids, other.ids) == ([], ["1", "2"])
            put(database_url, lock(version=2, active=False, to=("a",)))
            again = await swept(database_url, releases=releases)
            assert [r.control_id for r in again] == (["1", "2"] if releases else [])
            if again:
                decided(database_url, *again)
            await drained(database_url)
        await one.stop()
        await other.stop()
        assert (one.ids, other.ids) == (["1", "2"] if releases else [], ["1", "2"])
        assert query(database_url, "SELECT count(*) FROM withheld") == [(0 if releases else 2,)]

    asyncio.run(work())


def test_what_another_lock_keeps_back_stays_back_and_is_found_by_that(database_url: str) -> None:
    async def work() -> None:
        receiver = await Receiver().start()
        provider(database_url, "a", mllp(receiver))
        put(database_url, lock(consent_id="c"))
        put(database_url, lock(consent_id="d"))
        decided(database_url, report("1"))
        put(database_url, lock(version=2, active=False, consent_id="c"))
        decided(database_url, *await swept(database_url, releases=True))
        assert query(database_url, "SELECT consent_id, off FROM withheld") == [("d", 1)]
        put(database_url, lock(HIV, version=2, consent_id="d"))  # narrowed: the rest may go
        decided(database_url, *await swept(database_url, releases=True))
        async with delivering(database_url):
            await drained(database_url)
        await receiver.stop()
        assert receiver.ids == ["1"]
        assert b"CANARY" not in receiver.bodies[0]
        assert query(database_url, "SELECT count(*) FROM withheld") == [(0,)]

    asyncio.run(work())
