"""A receipt that names a copy, of which something was left out, is about the delivery of that copy, and about the attempt it left in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hub.adapters.kith import receipt, reply
from hub.delivery.pickup import Handed, Pickup
from hub.errors import Reason, Rejected
from hub.identity import FNR
from hub.ledger.connect import Pool
from hub.ledger.connect import connect as connect_ledger
from hub.ledger.delivery import connect
from hub.ledger.outbox import Said
from hub.ledger.receipts import list_answered
from hub.ledger.trace import lives
from hub.model import Identifier, ReceiptStatus, Refusal
from hub.pipeline import TERMS
from hub.stream.delivery_anew import Anew
from hub.stream.readers import read
from hub.web.receipts import Receipts
from tests.contracts.delivery_rig import now_us, provider, query, settings
from tests.contracts.items_rig import PSEUDONYMS, decided, put
from tests.contracts.test_poll_items import NUMBER, RECIPIENT, admission, lock

Url = str


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


async def fetched(url: Url, any_id: str = "") -> Handed:
    """The recipient lists what waits for it, and fetches it."""
    async with await connect(url) as conn:
        pickup = Pickup(conn, RECIPIENT, settings(url), now_us, Anew(read, TERMS, releases=False))
        handed = await pickup.hand_over(any_id or (await pickup.offered(1))[0].known_as)
        assert handed is not None
        await pickup.handed_over(handed)
        return handed


async def answered(url: Url, payload: bytes, reason: Reason | None = None, who: str = "a") -> None:
    """Its application says what it makes of a document."""
    refusal = Refusal(reason, "MsgHead/MsgInfo/Patient") if reason else None
    raw = reply.acknowledge(payload, reply.verdict(refusal), now_us())
    await _receipts(url, lambda r: r.keep(receipt.read(raw), raw, who))


async def _receipts(url: Url, work: Callable[[Receipts], Coroutine[Any, Any, None]]) -> None:
    pool = Pool(url, "test")
    try:
        await work(Receipts(pool, now_us, url))
    finally:
        await pool.close()


def told(url: Url) -> dict[str, Any]:
    with connect_ledger(url) as conn:
        (life,) = lives(conn, admission().event_id)
    return next(r for r in life["recipients"] if r["recipient"] == "a")


@pytest.mark.parametrize(("reason", "status"), [(None, "accepted"), (Reason.MISSING_PATIENT, "rejected")])
def test_a_receipt_to_a_copy_is_kept_with_its_delivery(database_url: Url, reason: Reason | None, status: str) -> None:
    """Good and bad alike, as of a whole one: a refusal is for a person."""

    async def work() -> None:
        provider(database_url, "a", {"channel": "poll"})
        put(database_url, lock("B20"))
        decided(database_url, admission())
        handed = await fetched(database_url)
        assert handed.parcel.known_as != admission().event_id
        await answered(database_url, handed.parcel.payload, reason)
        await answered(database_url, handed.parcel.payload, reason)
        found = told(database_url)
        assert found["delivery"] == {"state": "delivered", "application": status}
        assert [(r["status"], r["attempt"]) for r in found["application_receipts"]] == [(status, 1)]
        assert found["left_out"] == ["DG1[4]"]
        with connect_ledger(database_url) as conn:
            assert [(a.event_id, a.recipient, a.status) for a in list_answered(conn)] == (
                [(admission().event_id, "a", "rejected")] if reason else []
            )
        with pytest.raises(Rejected) as caught:
            await answered(database_url, handed.parcel.payload, who="b")
        assert caught.value.reason is Reason.BROKEN_REFERENCE

    run(work)


def test_of_a_whole_message_and_a_copy_each_receipt_is_about_the_attempt_it_answers(database_url: Url) -> None:
    """Fetched whole; locked; fetched again without what was locked: the receiver's application answers both."""

    async def work() -> None:
        provider(database_url, "a", {"channel": "poll"})
        decided(database_url, admission())
        whole = await fetched(database_url)
        put(database_url, lock("B20"))
        copy = await fetched(database_url, whole.parcel.event_id)
        assert copy.parcel.known_as != whole.parcel.known_as
        await answered(database_url, copy.parcel.payload)
        await answered(database_url, whole.parcel.payload, Reason.MISSING_PATIENT)
        found = told(database_url)
        assert [(a["n"], a["code"], a.get("left_out")) for a in found["attempts"]] == [
            (1, "fetched", None), (2, "made_anew", None), (3, "fetched", ["DG1[4]"]), (4, "apprec", None),
        ]  # fmt: skip
        assert [(r["status"], r["attempt"]) for r in found["application_receipts"]] == [("accepted", 3), ("rejected", 1)]

    run(work)


def test_the_copys_id_is_what_its_recipient_is_told_and_may_speak_of(database_url: Url) -> None:
    """The id of the whole is a print of what was left out (0019)."""

    async def work() -> None:
        provider(database_url, "a", {"channel": "poll"})
        put(database_url, lock("B20"))
        decided(database_url, admission())
        known_as = (await fetched(database_url)).parcel.known_as
        said = Said("r-1", ReceiptStatus.REJECTED, ("E35",), 0, b"{}")
        await _receipts(database_url, lambda r: r.keep_of(known_as, said, "a"))
        found = told(database_url)
        assert found["delivery"] == {"state": "delivered", "application": "rejected"}
        assert [(r["codes"], r["attempt"]) for r in found["application_receipts"]] == [(["E35"], 1)]
        assert query(database_url, "SELECT count(*) FROM outbox") == [(0,)]

    run(work)


def test_what_died_while_it_sent_a_copy_may_be_answered_too(database_url: Url) -> None:
    async def work() -> None:
        provider(database_url, "a", {"channel": "poll"})
        put(database_url, lock("B20"))
        decided(database_url, admission())
        async with await connect(database_url) as conn:
            pickup = Pickup(conn, RECIPIENT, settings(database_url), now_us, Anew(read, TERMS, releases=False))
            handed = await pickup.hand_over((await pickup.offered(1))[0].known_as)
            assert handed is not None
            await pickup.end_leftovers(-10_000_000)  # as if long ago
        await answered(database_url, handed.parcel.payload)
        found = told(database_url)
        assert [(a["code"], a.get("left_out")) for a in found["attempts"]] == [("died", ["DG1[4]"]), ("apprec", None)]
        assert [(r["status"], r["attempt"]) for r in found["application_receipts"]] == [("accepted", 1)]

    run(work)


def test_whose_the_message_is_stays_the_hubs_own_matter(database_url: Url) -> None:
    """The document that is handed over names no id of the whole."""

    async def work() -> None:
        provider(database_url, "a", {"channel": "poll"})
        put(database_url, lock("B20"))
        decided(database_url, admission())
        payload = (await fetched(database_url)).parcel.payload
        assert admission().event_id.encode() not in payload
        assert PSEUDONYMS.of_message((Identifier(FNR, NUMBER),), "olav").patient.encode() not in payload

    run(work)
