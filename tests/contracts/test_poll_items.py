"""What a recipient fetches is asked about item by item too: made anew without what was locked meanwhile, or not to be had."""

import asyncio

from hub.delivery.pickup import Pickup
from hub.identity import FNR, event_id
from hub.ledger.delivery import connect
from hub.model import Actor, Adapter, Base, Channel, Consent, Deliver, Identifier, Provider, ProviderKind, Provision, Received
from hub.pipeline import TERMS
from hub.stream.delivery_anew import Anew
from hub.stream.readers import read
from tests.contracts.delivery_rig import attempts, now_us, provider, query, settings
from tests.contracts.items_rig import NUMBER, PSEUDONYMS, decided, put

ICD10 = "http://hl7.org/fhir/sid/icd-10"
WHO = (Identifier(FNR, NUMBER),)
RECIPIENT = Provider("a", "a", ProviderKind.OTHER, "org-a", (), Deliver(Channel.POLL))


def admission() -> Received:
    raw = (
        f"MSH|^~\\&|EPJ|OLAV|HUB|REGION|20260101120000||ADT^A01|1|P|2.5.1||||||UNICODE UTF-8\rEVN||20260101120000\r"
        f"PID|1||{NUMBER}^^^NOR^NI||Test^Test||19691113|F\rPV1|1|I|MED||||||||||||||||V1\rDG1|1||B20^CANARY^I10\rDG1|2||J18^Pneumoni^I10\r"
    ).encode()
    return Received(
        event_id("hl7v2", "olav", "EPJ", "OLAV", "1", raw), Adapter.HL7V2, "olav", "EPJ", "OLAV", "1", "ADT^A01",
        PSEUDONYMS.of_message(WHO, "olav").patient, WHO, now_us(), "utf-8", raw, "AA",
    )  # fmt: skip


def lock(*codes: str) -> Consent:
    actors = (Actor(Identifier("urn:hub:provider", "a")),)
    return Consent("c", 1, True, Provision(True, actors=actors, codes=tuple((ICD10, code) for code in codes)), Base.LAW)


def test_what_is_locked_in_part_is_fetched_without_it(database_url: str) -> None:
    async def run() -> None:
        provider(database_url, "a", {"channel": "poll"})
        decided(database_url, admission())
        assert query(database_url, "SELECT form, items = '' FROM outbox") == [("kith", True)]
        put(database_url, lock("B20"))
        async with await connect(database_url) as conn:
            pickup = Pickup(conn, RECIPIENT, settings(database_url), now_us, Anew(read, TERMS, releases=False))
            handed = await pickup.hand_over(admission().event_id)
        assert handed is not None
        assert handed.parcel.dropped == ("DG1[4]",)
        assert b"CANARY" not in handed.parcel.payload
        assert [a[2:] for a in attempts(database_url, "a")][:1] == [("held", "made_anew")]

    asyncio.run(run())
