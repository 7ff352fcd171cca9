from typing import Any

import pytest

from hub.adapters.fhir.er7.ref import RF1
from hub.errors import Reason, Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, SNOMED, coded, composed, field_of, lines, message, named, person, row_fields, to
from tests.unit.adapters.fhir.er7.whole import whole
from tests.unit.adapters.fhir.made import raw_of
from tests.unit.adapters.made import RECIPIENT, fhir, hl7v2
from tests.unit.adapters.made import message as hl7_message

REQUEST: dict[str, Any] = {"status": "active", "intent": "order", "subject": to("pat"), "code": coded(SNOMED, "394579002", "Cardiology")}


def test_what_is_referred_for_stands_in_rf1() -> None:
    request = REQUEST | {
        "category": [coded("0284", "O")],
        "identifier": [{"value": "R1", "type": coded("0203", "PLAC")}, {"value": "F1", "type": coded("0203", "FILL")}],
        "occurrencePeriod": {"start": "2026-12-01", "end": "2026-12-31"},
        "authoredOn": "2026-11-20",
        "reasonCode": [{"text": "brystsmerter"}],
        "priority": "asap",
        "orderDetail": [coded("0282", "WR")],
    }
    assert row_fields(RF1, request) == {
        2: "A^ASAP^HL70280",
        3: "394579002^Cardiology^SCT",
        4: "WR^^HL70282",
        5: "O^^HL70284",
        6: "R1",
        7: "20261201",
        8: "20261231",
        9: "20261120",
        10: "^brystsmerter",
        11: "F1",
    }


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        (Kind.REFERRAL_SENT, "active", "P^Pending^HL70283"),
        (Kind.REFERRAL_UPDATED, "on-hold", "P^Pending^HL70283"),
        (Kind.REFERRAL_ANSWERED, "active", "A^Accepted^HL70283"),
        (Kind.REFERRAL_ANSWERED, "on-hold", "P^Pending^HL70283"),
        (Kind.REFERRAL_CANCELLED, "revoked", "R^Rejected^HL70283"),
    ],
)
def test_a_referral_is_accepted_once_that_is_the_answer(kind: Kind, status: str, told: str) -> None:
    assert field_of(composed(message(kind, named("r", "ServiceRequest", **REQUEST | {"status": status}))), "RF1-1") == told


def test_who_refers_and_to_whom_stand_in_prd() -> None:
    role = named(
        "role",
        "PractitionerRole",
        practitioner=to("doc"),
        organization=to("org"),
        telecom=[{"value": "73"}],
        period={"start": "2026-01-01"},
    )
    clinic = named(
        "clinic",
        "Organization",
        name="Poliklinikken",
        identifier=[{"system": "urn:oid:1.2", "value": "9", "period": {"end": "2030-01-01"}}],
    )
    request = named("r", "ServiceRequest", **REQUEST | {"requester": to("role"), "performer": [to("clinic")]})
    told = composed(
        message(
            Kind.REFERRAL_SENT, request, role, clinic, person("doc", "9144889", "Lund", "Kari"), named("org", "Organization", name="Legene")
        )
    )
    assert lines(told, "PRD") == [
        "PRD|RP^Referring Provider^HL70286|Lund^Kari||^^^Legene|73||9144889^^2.16.578.1.12.4.1.4.4|20260101",
        "PRD|RT^Referred to Provider^HL70286|||^^^Poliklinikken|||9^^1.2^20300101",
    ]


def test_where_nobody_is_named_the_sender_refers() -> None:
    told = lines(composed(message(Kind.REFERRAL_SENT, named("r", "ServiceRequest", **REQUEST))), "PRD")
    assert told == ["PRD|RP^Referring Provider^HL70286|||^^^st-olavs"]


def test_reports_stand_under_their_own_heading_and_loose_results_under_the_referral_s() -> None:
    told = lines(composed(whole(Kind.REFERRAL_SENT)))
    assert [line[:3] for line in told] == [
        "MSH",
        "RF1",
        "PRD",
        "PRD",
        "PID",
        "IN1",
        "DG1",
        "AL1",
        "OBR",
        "NTE",
        "OBX",
        "NTE",
        "OBX",
        "OBX",
        "PV1",
        "NTE",
    ]
    loose = named("o", "Observation", status="final", subject=to("pat"), code=coded(LOINC, "8867-4"), valueInteger=70)
    alone = composed(message(Kind.REFERRAL_SENT, named("r", "ServiceRequest", **REQUEST), loose))
    assert lines(alone, "OBR") == ["OBR|1|||394579002^Cardiology^SCT"]


def test_an_answer_has_no_kin_and_no_payer() -> None:
    told = composed(whole(Kind.REFERRAL_ANSWERED))
    assert lines(told, "NK1", "IN1") == []
    assert field_of(told, "MSH-9") == "RRI^I12^RRI_I12"


def test_two_referrals_are_not_one() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.REFERRAL_SENT, *(named(n, "ServiceRequest", **REQUEST) for n in "ab")))
    assert refused.value.reason is Reason.NO_TRANSLATION


@pytest.mark.parametrize("event", ["I12", "I13", "I14"])
def test_an_answer_stays_an_answer_under_a_referrals_event(event: str) -> None:
    """Table 0003 has one code for a referral and the answer to it; MSH-9.1 tells them apart, and in FHIR the hub's own tag."""
    raw = hl7_message(f"RRI^{event}", "RF1|A|R|||||20261120||||R-1", "PRD|RT|Lund^Kari")
    bundle = hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)
    assert fhir(bundle).event().kind is Kind.REFERRAL_ANSWERED
    assert f"||RRI^{event}^RRI_I12|".encode() in fhir(bundle).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    referral = hl7v2(raw.replace(b"RRI", b"REF")).render(Form.FHIR, Detail.FULL, RECIPIENT)
    assert fhir(referral).event().kind in {Kind.REFERRAL_SENT, Kind.REFERRAL_UPDATED, Kind.REFERRAL_CANCELLED}


def test_a_tag_changes_no_other_event() -> None:
    made = message(Kind.REFERRAL_SENT, named("r", "ServiceRequest", **REQUEST))
    header = made["entry"][0]["resource"]
    header["eventCoding"] = {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A01"}
    header["meta"] = {"tag": [{"system": "urn:hub:event", "code": "referral.answered"}]}
    assert fhir(raw_of(made)).event().kind is Kind.ADMITTED
