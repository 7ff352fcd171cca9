import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.er7 import FAMILIES as COMPOSED
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Reason, Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.fhir.er7.composed import FNR, LOINC, coded, composed, field_of, lines, message, named, to
from tests.unit.adapters.fhir.er7.trip import segments_of
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
    assert hl7v2(raw).event().kind is kind
    assert fhir(hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)).event().kind is kind  # and what is made of that
    assert raw == fhir(raw_of(whole(kind))).render(Form.HL7V2, Detail.FULL, RECIPIENT)


@pytest.mark.parametrize(
    "system",
    [
        "urn:oid:2.16.578.1.12.4.1.4.1",
        "urn:uuid:0a0b0c0d-0000-4000-8000-000000000001",
        "urn:uuid:0a0b",
        "https://sykehus.no/pasient",
        "urn:mrn",
        "STOLAV",
        "DIPS%20ARENA",
        "a&b",
        "",
    ],
)
def test_a_patient_has_the_same_identifiers_on_the_other_side(system: str) -> None:
    patient = named("pat", "Patient", identifier=[FNR, {"system": system, "value": "A|7"}])
    before = fhir(raw_of(message(Kind.UPDATED, patient)))
    after = hl7v2(before.render(Form.HL7V2, Detail.FULL, RECIPIENT))
    assert after.received.identifiers == before.received.identifiers


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


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place below a value, from the outside in."""
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, name)
        yield from places(inner, (*path, name))


PLACES = {kind: [p for p in places(whole(kind)["entry"]) if len(p) > 2] for kind in FAMILIES}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["coding", "code", "text", "value", "reference", "start"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(FAMILIES)), st.data())
def test_whatever_stands_in_a_resource_only_rejected_comes_out_and_no_other_segment(kind: Kind, data: st.DataObject) -> None:
    bundle = whole(kind)
    for _ in range(data.draw(st.integers(1, 3))):
        holder: Any = bundle["entry"]
        *way, last = data.draw(st.sampled_from(PLACES[kind]))
        for name in way:
            inside = (isinstance(holder, dict) and name in holder) or (
                isinstance(holder, list) and isinstance(name, int) and name < len(holder)
            )
            holder = holder[name] if inside else {}
        if isinstance(holder, dict):
            holder[str(last)] = data.draw(ANYTHING)
    try:
        out = fhir(raw_of(bundle)).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    except Rejected:
        return
    structure = Er7.from_bytes(out).segments("MSH")[0].value(9, 3)
    assert {line[:3] for line in out.decode().split("\r") if line} <= segments_of(structure)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_recipient_may_pass_it_on(kind: Kind) -> None:
    raw = fhir(raw_of(whole(kind))).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    again = Hl7v2Message(received(raw)).render(Form.HL7V2, Detail.FULL, RECIPIENT)
    assert again.split(b"\r")[1:] == raw.split(b"\r")[1:]
