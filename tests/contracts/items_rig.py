"""Reports of two results for the tests of what is left out of a message: decided as transit decides, without a broker."""

from collections.abc import Sequence

from hub.avro import Codec
from hub.identity import FNR, Pseudonyms, event_id
from hub.ledger.connect import connect
from hub.ledger.consents import NewVersion, PutResult, put_consent
from hub.ledger.transit import TransitLedger
from hub.model import Actor, Adapter, Base, Consent, Identifier, Provision, Received
from hub.pipeline import TERMS, Terms
from hub.routing.directory import Directory
from hub.stream.readers import read
from hub.stream.walk import Walk, read_item, wanted
from tests.contracts.delivery_rig import now_us

PSEUDONYMS = Pseudonyms(b"a secret of the tests")
LOINC = "http://loinc.org"
SODIUM, HIV = "2951-2", "7917-8"
NUMBER = "13116900216"


def report(control_id: str, *, number: str = NUMBER, extra: str = "") -> Received:
    """Sodium, and an HIV test whose every word is CANARY."""
    raw = (
        f"MSH|^~\\&|LAB|OLAV|HUB|REGION|20260101120000||ORU^R01|{control_id}|P|2.5.1||||||UNICODE UTF-8\r"
        f"PID|1||{number}^^^NOR^NI||Test^Test||19691113|F\rOBR|1|||24323-8^panel^LN|||20260101\r"
        f"OBX|1|NM|{SODIUM}^sodium^LN||140\rOBX|2|CWE|{HIV}^CANARYname^LN||CANARYcode^CANARYword^L\rNTE|1||CANARYnote\r{extra}"
    ).encode()
    who = (Identifier(FNR, number),)
    return Received(
        event_id("hl7v2", "olav", "LAB", "OLAV", control_id, raw), Adapter.HL7V2, "olav", "LAB", "OLAV", control_id, "ORU^R01",
        PSEUDONYMS.of_message(who, "olav").patient, who, now_us(), "utf-8", raw, "AA",
    )  # fmt: skip


def decided(url: str, *messages: Received, terms: Terms = TERMS) -> None:
    """Take these through transit, in partition 0, after those that went before."""
    ledger = TransitLedger(url)
    try:
        ((first, _),) = ledger.assign([0]).values()
        items = [read_item((0, first + n), m, read(m), PSEUDONYMS) for n, m in enumerate(messages)]
        known, entries, now = ledger.read(wanted(items)), ledger.directory(), now_us()
        directory = Directory(entries.providers, entries.subscriptions, entries.version)
        walked = Walk(known, directory, Codec().encode_event, now, terms).all(items)
        ledger.write(walked.writes, now, lambda: None, lambda: None)
    finally:
        ledger.close()


def lock(*codes: str, version: int = 1, active: bool = True, to: Sequence[str] = (), consent_id: str = "c") -> Consent:
    """A lock on what bears one of these codes; on everything when there is none."""
    actors = tuple(Actor(Identifier("urn:hub:provider", name)) for name in to)
    return Consent(consent_id, version, active, Provision(True, actors=actors, codes=tuple((LOINC, code) for code in codes)), Base.LAW)


def put(url: str, consent: Consent, *, number: str = NUMBER) -> PutResult:
    """Bring a consent of the patient into force."""
    keys = PSEUDONYMS.locks_of_consent(Identifier(FNR, number))
    with connect(url) as conn:
        return put_consent(conn, NewVersion(consent, keys, {}, now_us()), lambda _before, _after: True, 1.0)
