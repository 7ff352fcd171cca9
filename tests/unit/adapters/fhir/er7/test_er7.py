import json

import pytest

from hub.adapters.fhir.er7 import FAMILIES as COMPOSED
from hub.adapters.hl7v2.message import envelope
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Reason, Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, coded, composed, field_of, lines, message, named, to
from tests.unit.adapters.fhir.er7.whole import FAMILIES, SECRET, whole
from tests.unit.adapters.fhir.made import raw_of
from tests.unit.adapters.made import RECIPIENT, fhir, hl7v2, received

GENERAL = {"ORM"}  # only a sender who says so by its v2 event gets it: see test_orders


def test_every_family_has_a_message_here() -> None:
    types = {field_of(composed(whole(kind)), "MSH-9").partition("^")[0] for kind in FAMILIES}
    assert types | GENERAL | {"OMG"} == set(COMPOSED)


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_is_composed_is_valid_says_all_and_is_read_as_the_same_event(kind: Kind) -> None:
    raw = fhir(raw_of(whole(kind))).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    told = "".join(lines(composed(whole(kind)))[3:])
    assert SECRET in told
    assert hl7v2(raw).event().kind is kind or envelope(raw).trigger.startswith("RRI")
    assert raw == fhir(raw_of(whole(kind))).render(Form.HL7V2, Detail.FULL, RECIPIENT)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
def test_nothing_clinical_is_left_in_minimal_and_notice(kind: Kind, detail: Detail) -> None:
    out = fhir(raw_of(whole(kind))).render(Form.HL7V2, detail, RECIPIENT)
    assert SECRET.encode() not in out
    assert b"Q0FOQVJZ" not in out
    assert b"13116900216" in out
    assert {line[:3] for line in out.decode().split("\r") if line} <= {"MSH", "EVN", "PID", "PD1", "PV1", "MRG"}


@pytest.mark.parametrize("kind", FAMILIES)
def test_no_name_can_make_a_segment_a_field_or_a_component(kind: Kind) -> None:
    hostile = json.loads(json.dumps(whole(kind)).replace(SECRET, "CANARY|^&~\\\\\\rZZZ|x\\n"))
    before, after = ([line[:3] for line in lines(composed(b)) if not line.startswith("NTE")] for b in (whole(kind), hostile))
    assert before == after  # a line more of a comment may be a NTE more


def test_what_one_resource_says_is_not_told_without_end() -> None:
    names = [f"d{n}" for n in range(5)]
    doctors = [named(name, "Practitioner", name=[{"family": name + "x" * 950}]) for name in names]
    seen = {"status": "final", "subject": to("pat"), "code": coded(LOINC, "8867-4"), "performer": [to(name) for name in names]}
    bundle = message(Kind.OBSERVATION_REPORTED, *doctors, *(named(f"o{n}", "Observation", **seen) for n in range(300)))
    with pytest.raises(Rejected) as refused:
        fhir(raw_of(bundle)).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert refused.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_recipient_may_pass_it_on(kind: Kind) -> None:
    raw = fhir(raw_of(whole(kind))).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    again = Hl7v2Message(received(raw)).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert again.split(b"\r")[1:] == raw.split(b"\r")[1:]
