"""A KITH message as an event, as FHIR, as HL7 v2 and as KITH: valid, deterministic, and no more than a recipient may see."""

import json
import warnings
from typing import Any

import pytest

from hub.adapters.hl7v2.message import envelope as hl7v2_envelope
from hub.adapters.kith.message import envelope
from hub.adapters.kith.translate import KithMessage
from hub.errors import Reason, Rejected
from hub.model import Adapter, Detail, Event, Form, Kind
from tests.unit.adapters.kith.made import ELEMENTS, FNR, dialog, kith, logistics, received, xsd
from tests.unit.adapters.made import RECIPIENT, fhir, of, references, rendered

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

TYPES = [t for t in ELEMENTS if t != "LOG_TILBAKEMELDING"]
EVERY = [*(logistics(t, s) for t in TYPES for s in "NC"), logistics("LOG_TILBAKEMELDING"), dialog(), dialog(theme="7")]


def test_an_event() -> None:
    raw = logistics("LOG_UTSKREVET")
    assert kith(raw).event() == Event(
        event_id=received(raw).event_id, kind=Kind.DISCHARGED, adapter=Adapter.KITH, provider="st-olavs", control_id="m-1",
        patient_key="0" * 32, identifiers=received(raw).identifiers, received_us=received(raw).received_us,
        occurred_us=1_795_159_500_000_000, addressed=kith(raw).event().addressed, municipality="5001",
        ward="Medisinsk sengepost 3, Nordøst", encounter_class="I", discharged_us=1_795_159_500_000_000,
    )  # fmt: skip


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("raw", EVERY)
def test_every_bundle_is_valid_holds_together_and_is_always_the_same(raw: bytes, detail: Detail) -> None:
    bundle = rendered(kith(raw), detail)
    Bundle.model_validate(bundle)
    assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
    assert kith(raw).render(Form.FHIR, detail, RECIPIENT) == kith(raw).render(Form.FHIR, detail, RECIPIENT)
    text = json.dumps(bundle, ensure_ascii=False)
    assert ("Søndre gate" in text) is (detail is not Detail.NOTICE)
    assert ("Hører gjerne" not in text) or detail is Detail.FULL
    assert bool(of(bundle, "Provenance")) is bool(of(bundle, "DocumentReference")) is (detail is Detail.FULL)


@pytest.mark.parametrize("raw", EVERY)
def test_the_bundle_says_what_the_message_says(raw: bytes) -> None:
    """Whoever reads the Bundle, this hub or another, finds the same event."""
    ours = kith(raw).event()
    again = fhir(kith(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)).event()
    for name in ("kind", "identifiers", "municipality", "encounter_class", "admitted_us", "discharged_us"):
        assert getattr(again, name) == getattr(ours, name), name
    assert again.ward == ours.ward or ours.kind is Kind.DISCHARGED  # where the patient was; there is nobody there now
    assert set(ours.gps) <= set(again.gps)


def test_a_bundle_in_full() -> None:
    bundle = rendered(kith(logistics("LOG_UTSKREVET")), Detail.FULL)
    (patient,), (visit,), header = of(bundle, "Patient"), of(bundle, "Encounter"), bundle["entry"][0]["resource"]
    assert patient["name"] == [{"family": "Bjørnstad", "given": ["Åse", "Ødegård"]}]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1969-11-13")
    assert patient["telecom"] == [{"system": "phone", "value": "90000001", "use": "mobile"}]
    assert patient["address"][0]["_district"]["extension"][0]["valueCoding"]["code"] == "5001"
    assert (visit["status"], visit["class"]["code"], visit["period"]) == ("finished", "IMP", {"end": "2026-11-20T08:25:00+01:00"})
    assert [c["code"] for c in visit["hospitalization"]["dischargeDisposition"]["coding"]] == ["1"]
    assert [o["name"] for o in of(bundle, "Organization")] == ["St. Olavs hospital HF", "Medisinsk avdeling, Østmarka"]
    assert header["eventCoding"]["code"] == "A03"
    assert {"system": "urn:oid:2.16.578.1.12.4.1.1.8279", "code": "LOG_UTSKREVET"} in header["meta"]["tag"]
    assert header["sender"]["identifier"] == {"system": "urn:hub:provider", "value": "st-olavs"}
    assert bundle["timestamp"] == "2026-11-20T08:30:15+01:00"


def test_a_death() -> None:
    for raw in (logistics("LOG_DOD"), logistics("LOG_UTSKREVET", extra='<UtskrevetTil><Uttilstand V="2"/></UtskrevetTil>')):
        bundle = rendered(kith(raw), Detail.FULL)
        assert of(bundle, "Patient")[0]["deceasedDateTime"] == "2026-11-20T08:25:00+01:00"
        assert of(bundle, "Encounter")[0]["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "exp"
        assert b'"LOG_DOD"' in kith(raw).render(Form.KITH, Detail.MINIMAL, RECIPIENT)


def test_a_dialogue_with_what_is_attached_to_it() -> None:
    parent = "<ConversationRef><RefToParent>m-0</RefToParent><RefToConversation>m-0</RefToConversation></ConversationRef>"
    bundle = rendered(kith(dialog("DIALOG_SVAR", conversation=parent)), Detail.FULL)
    (document,) = of(bundle, "DocumentReference")
    kinds = [c["attachment"]["contentType"] for c in document["content"]]
    assert kinds == ["text/plain; charset=utf-8", "application/xml", "application/pdf"]
    pdf = document["content"][2]["attachment"]
    assert (pdf["title"], pdf["creation"], pdf["data"]) == ("epikrise.pdf", "2026-11-20T08:00:00+01:00", "JVBERi0xLjQgLi4u")
    assert document["relatesTo"] == [{"code": "appends", "target": {"identifier": {"value": "m-0"}}}]
    assert document["description"] == "Mottak av pasient"
    assert document["author"][0]["display"] == "Kåre Lund"
    assert of(bundle, "Encounter") == []


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("raw", EVERY)
def test_kith_to_kith(raw: bytes, detail: Detail) -> None:
    message = kith(raw)
    if detail is Detail.FULL:
        assert message.render(Form.KITH, detail, RECIPIENT) == raw
        return
    if message.event().kind is Kind.DOCUMENT_PUBLISHED:
        with pytest.raises(Rejected) as caught:
            message.render(Form.KITH, detail, RECIPIENT)
        assert caught.value.reason is Reason.NO_TRANSLATION
        return
    made = message.render(Form.KITH, detail, RECIPIENT)
    assert xsd().faults(made) == []
    assert made == kith(raw).render(Form.KITH, detail, RECIPIENT)
    again, ours = kith(made).event(), message.event()
    shown = {"kind", "identifiers"} | ({"municipality"} if detail is Detail.MINIMAL else set())
    shown |= {"occurred_us"} if ours.kind is not Kind.DISCHARGE_ANSWERED else set()
    assert {n: getattr(again, n) for n in shown} == {n: getattr(ours, n) for n in shown}
    assert (b"Nord" in made) is (detail is Detail.MINIMAL and ours.ward != "")
    assert b"gjerne" not in made


@pytest.mark.parametrize(
    ("type_", "status", "trigger"),
    [
        ("LOG_INNLAGT", "N", "ADT^A01"),
        ("LOG_INNLAGT", "C", "ADT^A11"),
        ("LOG_UTSKRIVNINGSKLAR", "N", "ADT^A16"),
        ("LOG_AVMELDING", "N", "ADT^A25"),
        ("LOG_UTSKREVET", "N", "ADT^A03"),
        ("LOG_UTSKREVET", "C", "ADT^A13"),
        ("LOG_DOD", "N", "ADT^A03"),
    ],
)
def test_a_recipient_of_hl7_v2_gets_the_event_that_says_the_same(type_: str, status: str, trigger: str) -> None:
    made = kith(logistics(type_, status)).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    seen = hl7v2_envelope(made)
    assert (seen.trigger, seen.control_id, [i.value for i in seen.identifiers]) == (trigger, "m-1", [FNR])
    segments = {line[:3]: line.split("|") for line in made.decode().split("\r")}
    assert segments["EVN"][6] == "20261120082500+0100"  # when it happened, not when it was told
    assert segments["PID"][5].startswith("Bjørnstad^Åse^Ødegård")


def test_without_a_way_onward_there_is_no_hl7_v2() -> None:
    with pytest.raises(Rejected) as caught:
        KithMessage(received(logistics("LOG_INNLAGT"))).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert caught.value.reason is Reason.NO_TRANSLATION


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "windows-1252"])
def test_the_encoding_of_the_sender_changes_nothing_but_the_bytes(encoding: str) -> None:
    raw = logistics("LOG_INNLAGT", encoding=encoding)
    assert envelope(raw).identifiers == envelope(logistics("LOG_INNLAGT")).identifiers
    names: list[Any] = [of(rendered(kith(raw), Detail.FULL), "Patient")[0]["name"] for _ in range(2)]
    assert names[0] == names[1] == [{"family": "Bjørnstad", "given": ["Åse", "Ødegård"]}]
