"""What came as HL7 v2 or FHIR, for a recipient that takes KITH: by the schemas, the same for the same, read back as the same event."""

import json
from collections import Counter
from typing import Any

import pytest

from hub.adapters import plo
from hub.adapters.kith.document import parse
from hub.adapters.kith.message import envelope
from hub.errors import Reason, Rejected
from hub.identity import kith_id
from hub.model import Channel, Deliver, Detail, Event, Form, Kind, Provider, ProviderKind
from tests.unit.adapters.fhir.made import bundle, raw_of
from tests.unit.adapters.kith.made import dialog, kith, logistics, xsd
from tests.unit.adapters.made import PV1, RECIPIENT, fhir, hl7v2, line, message, sample_messages

TRIGGERS = {
    "A01": ("LOG_INNLAGT", "N"),
    "A11": ("LOG_INNLAGT", "C"),
    "A16": ("LOG_UTSKRIVNINGSKLAR", "N"),
    "A25": ("LOG_AVMELDING", "N"),
    "A03": ("LOG_UTSKREVET", "N"),
    "A13": ("LOG_UTSKREVET", "C"),
}
EVN = "EVN||20261120083000||||20261120082500"


def root_of(raw: bytes) -> Any:
    return parse(raw)[0]


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_hl7_v2_as_patient_logistics(trigger: str, detail: Detail) -> None:
    m = hl7v2(message(f"ADT^{trigger}", EVN, PV1))
    made = m.render(Form.KITH, detail, RECIPIENT)
    assert xsd().faults(made) == []
    assert made == hl7v2(message(f"ADT^{trigger}", EVN, PV1)).render(Form.KITH, detail, RECIPIENT)
    root, event = root_of(made), kith(made).event()
    assert (root.value("MsgInfo", "Type"), next(root.below("Forsendelsesstatus")).value()) == TRIGGERS[trigger]
    assert (event.kind, event.occurred_us) == (m.event().kind, m.event().occurred_us)
    assert {i.value for i in event.identifiers} == {i.value for i in m.event().identifiers}
    assert root.text("MsgInfo", "MsgId") == kith_id(m.event().event_id, detail, RECIPIENT.id)
    assert root.text("MsgInfo", "GenDate") == "2026-11-20T08:30:15+01:00"
    assert root.text("MsgInfo", "Receiver", "Organisation", "OrganisationName") == "Trondheim kommune"
    assert root.value("MsgInfo", "Receiver", "Organisation", "Ident", "TypeId") == "ENH"
    assert root.text("MsgInfo", "Sender", "Organisation", "OrganisationName") == "STOLAV"
    assert (event.ward, event.municipality) == (("", "") if detail is Detail.NOTICE else ("MED3", "5001"))
    assert ("Søndre gate" in made.decode()) is (detail is not Detail.NOTICE)
    assert "9144889" not in made.decode()  # the doctor is nobody's business here


def test_a_local_number_keeps_the_name_of_whose_it_is() -> None:
    m = hl7v2(message("ADT^A01", PV1))
    assert set(envelope(m.render(Form.KITH, Detail.FULL, RECIPIENT)).identifiers) == set(m.event().identifiers)


def test_one_who_died_is_told_of_as_dead() -> None:
    fields = ["PID", "1", "", "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^FNR", *[""] * 26, "Y"]
    raw = message("ADT^A03", PV1).decode().split("\r")
    made = hl7v2("\r".join([raw[0], "|".join(fields), *raw[2:]]).encode()).render(Form.KITH, Detail.FULL, RECIPIENT)
    assert xsd().faults(made) == []
    assert root_of(made).value("MsgInfo", "Type") == "LOG_DOD"
    exitus = PV1.split("|")
    exitus += [""] * (37 - len(exitus))
    exitus[36] = "20"
    made = hl7v2(message("ADT^A03", "|".join(exitus))).render(Form.KITH, Detail.FULL, RECIPIENT)
    assert root_of(made).value("MsgInfo", "Type") == "LOG_DOD"


@pytest.mark.parametrize("detail", Detail)
def test_fhir_as_patient_logistics(detail: Detail) -> None:
    m = fhir(raw_of(bundle()))
    made = m.render(Form.KITH, detail, RECIPIENT)
    assert xsd().faults(made) == []
    root = root_of(made)
    assert root.value("MsgInfo", "Type") == "LOG_INNLAGT"
    assert root.text("MsgInfo", "Sender", "Organisation", "OrganisationName") == "St. Olavs hospital"
    assert root.text("MsgInfo", "Sender", "Organisation", "Ident", "Id") == "974749025"
    assert "CANARY" not in made.decode()  # nothing that is not who, what, when and where


def answered(**document: Any) -> bytes:
    """A municipality's answer as a FHIR message."""
    given = bundle()
    given["entry"][0]["resource"]["eventCoding"] = {"system": "urn:hub:event", "code": "discharge.answered"}
    made = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": "urn:uuid:pat"}} | document
    given["entry"].append({"fullUrl": "urn:uuid:doc", "resource": made})
    return raw_of(given)


@pytest.mark.parametrize("detail", Detail)
def test_an_answer_is_a_dialogue_under_its_theme(detail: Detail) -> None:
    text = {"attachment": {"contentType": "text/plain", "data": "S2FuIHRhIGltb3Qgb25zZGFnIDzDpsO4w6U+"}}
    about = [{"code": "appends", "target": {"identifier": {"value": "m-1"}}}]
    made = fhir(answered(content=[{"attachment": {}}, text], relatesTo=about)).render(Form.KITH, detail, RECIPIENT)
    assert xsd().faults(made) == []
    assert kith(made).event().kind is Kind.DISCHARGE_ANSWERED
    root = root_of(made)
    assert root.text("MsgInfo", "ConversationRef", "RefToParent") == "m-1"
    said = next(root.below("Notat")).text("TekstNotatInnhold")
    assert said == ("Kan ta imot onsdag <æøå>" if detail is Detail.FULL else "")


@pytest.mark.parametrize("data", [None, 1, "", "%%%", "/w==", ["x"]])
def test_an_answer_whose_text_cannot_be_read_has_none(data: Any) -> None:
    broken = [{"attachment": {"contentType": "text/plain", "data": data}}]
    made = fhir(answered(content=broken, relatesTo=[{"target": 1}, 2])).render(Form.KITH, Detail.FULL, RECIPIENT)
    assert xsd().faults(made) == []


@pytest.mark.parametrize("raw", [dialog("DIALOG_SVAR", theme="7"), logistics("LOG_TILBAKEMELDING")])
def test_an_answer_goes_on_as_a_dialogue(raw: bytes) -> None:
    made = kith(raw).render(Form.KITH, Detail.MINIMAL, RECIPIENT)
    assert kith(made).event().kind is Kind.DISCHARGE_ANSWERED


@pytest.mark.parametrize("kind", sorted(set(Kind) - {kind for row in plo._SENDINGS for kind in [row]} - {Kind.DISCHARGE_ANSWERED}))
def test_every_other_kind_has_no_such_form(kind: Kind) -> None:
    event = Event("e", kind, hl7v2(message("ADT^A01", PV1)).event().adapter, "p", "c", "k", (), 0, 0)
    with pytest.raises(Rejected) as caught:
        plo.compose(plo.Copy({}, {}, event, Detail.FULL, RECIPIENT))
    assert caught.value.reason is Reason.NO_TRANSLATION


@pytest.mark.parametrize(
    ("organisation", "kind", "value"),
    [
        ("942110464", "ENH", "942110464"),
        ("8143060", "HER", "8143060"),
        ("urn:oid:2.16.578.1.12.4.1.2|8143060", "HER", "8143060"),
        ("urn:oid:2.16.578.1.12.4.1.4.102|4000", "RSH", "4000"),
        ("urn:x|1", "LIN", "p"),
        ("", "LIN", "p"),
    ],
)
def test_the_receiver_by_the_number_the_hub_knows(organisation: str, kind: str, value: str) -> None:
    recipient = Provider("p", "", ProviderKind.MUNICIPALITY, organisation, (), Deliver(Channel.MAILBOX))
    made = hl7v2(message("ADT^A01", PV1)).render(Form.KITH, Detail.FULL, recipient)
    assert xsd().faults(made) == []
    ident = root_of(made).first("MsgInfo", "Receiver", "Organisation", "Ident")
    assert (ident.value("TypeId"), ident.text("Id")) == (kind, value)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"entry": [{"resource": {"resourceType": "Patient", "name": [{"given": 1}], "birthDate": "1969", "address": [{"line": [1]}]}}]},
        {"entry": 1, "timestamp": "yesterday"},
        {"entry": [1, {}, {"resource": 1}], "timestamp": "2026-11-20T08:30:15"},
        {"entry": [{"resource": {"resourceType": "MessageHeader", "sender": {"reference": "Organization/1"}, "meta": {"tag": [1]}}},
                   {"resource": {"resourceType": "Organization", "id": "1", "partOf": {"reference": "Organization/1"}}}]},
        {"entry": [{"resource": {"resourceType": "Patient", "telecom": [{"system": "phone", "value": "\x01 9 0"}, {"system": "sms"}],
                                 "name": [{"text": "A\x00B\ud800"}]}}], "timestamp": "9999-12-31T23:59:59-14:00"},
    ],
)  # fmt: skip
def test_whatever_a_bundle_holds_the_message_is_by_the_schema(spoiled: Any) -> None:
    event = hl7v2(message("ADT^A01", PV1)).event()
    for detail in Detail:
        assert xsd().faults(plo.compose(plo.Copy(spoiled, spoiled, event, detail, RECIPIENT))) == []


def test_real_messages_as_patient_logistics_are_by_the_schema() -> None:
    made: Counter[str] = Counter()
    for _name, raw in sample_messages():
        try:
            m = hl7v2(raw)
            copy = m.render(Form.KITH, Detail.FULL, RECIPIENT)
        except Rejected:
            continue
        assert xsd().faults(copy) == []
        assert kith(copy).event().kind is m.event().kind
        made[m.event().kind] += 1
    assert made.total() > 80
    assert json.dumps(made)


@pytest.mark.parametrize(
    ("trigger", "stay", "when"),
    [
        ("A01", {44: "20261118071500"}, "2026-11-18T07:15:00+01:00"),  # told two days later
        ("A01", {44: "20261118"}, "2026-11-18T00:00:00+01:00"),
        ("A01", {44: "20261120"}, "2026-11-20T08:30:00+01:00"),  # on the day that it was told, and only the event has a time
        ("A01", {}, "2026-11-20T08:30:00+01:00"),
        ("A03", {44: "20261118071500", 45: "20261119120000"}, "2026-11-19T12:00:00+01:00"),
        ("A16", {44: "20261118071500"}, "2026-11-20T08:30:00+01:00"),
        ("A11", {44: "20261118071500"}, "2026-11-20T08:30:00+01:00"),
    ],
)
def test_an_admission_is_told_with_the_time_of_the_admission(trigger: str, stay: dict[int, str], when: str) -> None:
    """EVN-2 is when it was recorded."""
    made = hl7v2(message(f"ADT^{trigger}", "EVN||20261120083000", line("PV1", {2: "I", 3: "MED3"} | stay)))
    for detail in (Detail.FULL, Detail.MINIMAL):
        assert next(root_of(made.render(Form.KITH, detail, RECIPIENT)).below("TidspunktForHendelse")).value() == when
    notice = root_of(made.render(Form.KITH, Detail.NOTICE, RECIPIENT))
    assert next(notice.below("TidspunktForHendelse")).value() == "2026-11-20T08:30:00+01:00"
