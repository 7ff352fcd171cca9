"""Whatever an administrative message holds, its Bundle is valid R4, holds together, and is the same every time."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.hl7v2.mappings import KINDS
from hub.errors import Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.made import PV1, RECIPIENT, fhir, hl7v2, message, of, references, rendered

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

EVENTS = sorted(trigger for trigger in KINDS if trigger[:3] in {"ADT", "BAR", "DFT"})
SEGMENTS = (
    "SFT", "EVN", "PID", "PD1", "ARV", "ROL", "PRT", "NK1", "MRG", "PV1", "PV2", "DB1", "OBX", "AL1", "IAM", "IAR", "NTE",
    "DG1", "DRG", "PR1", "GT1", "IN1", "IN2", "IN3", "ACC", "PDA", "CON", "FT1", "UB1", "UB2", "ZZZ",
)  # fmt: skip
VALUES = (
    '""', "^", "A", "1", "Y", "D", "SEL", "PP^^HL70443", "AT^Attending^HL70443", "Berg^Ole^^jr.^Dr.^MD^L", "7^^^STOLAV^MR~8", "20261120",
    "202611200830+0100", "2026", "3.5&NOK", "A&B^C&D^E&F~G", "X^Y^L^Z^W^SCT", "Gata 1&Gata&1^^Oslo^^0150^NOR^H", "22^WPN^PH^^47^22^33",
    "MED3^301^2^STOLAV", "a\\T\\b", "\\.br\\", "<b>&</b>", "Å", "9144889^Lund^Kari^^^Dr.^MD^^HPR&2.16.578.1.12.4.1.4.4&ISO", "DA", "SV",
    "Legene^^^^^ENH^^^^974749025", "HD^2.999.1^ISO", "\u00a0", "-1", "x" * 300, "R", "^^^^", "C", "I", "E",
)  # fmt: skip
SEGMENT = st.builds(
    lambda name, fields: "|".join([name, *fields]), st.sampled_from(SEGMENTS), st.lists(st.sampled_from(("", "", *VALUES)), max_size=56)
)


def empty(value: Any) -> Iterator[Any]:
    """What says nothing, which R4 forbids (ele-1) and its models let pass."""
    if value in ({}, [], ""):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from empty(inner)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(EVENTS), st.lists(SEGMENT, max_size=8))
def test_every_bundle_is_valid_and_holds_together(kind: str, segments: list[str]) -> None:
    raw = message(kind, *segments)
    try:
        m = hl7v2(raw)
        m.event()
    except Rejected:
        return
    for detail in Detail:
        data = m.render(Form.FHIR, detail, RECIPIENT)
        assert data == hl7v2(raw).render(Form.FHIR, detail, RECIPIENT)
        bundle = json.loads(data)
        Bundle.model_validate(bundle)
        urls = [e["fullUrl"] for e in bundle["entry"]]
        assert all(url == f"urn:uuid:{e['resource']['id']}" for url, e in zip(urls, bundle["entry"], strict=True))
        assert len(set(urls)) == len(urls)
        assert set(references(bundle)) <= set(urls)
        assert bundle["entry"][0]["resource"]["resourceType"] == "MessageHeader"
        assert not list(empty(bundle))
        assert (b"sha-256" in data) == (detail is Detail.FULL)


MOVED = "MRG|B88^^^STOLAV^MR~99^^^OTHER||||V66^^^STOLAV"


def test_whose_a_moved_visit_was_is_told_without_a_second_patient() -> None:
    """A45: the visit was written on another record of the patient; the Bundle is about the one who has it now."""
    raw = message("ADT^A45", "EVN||20261120", MOVED.replace("99^^^OTHER", "A77^^^STOLAV"), PV1)
    bundle = rendered(hl7v2(raw))
    (patient,) = of(bundle, "Patient")
    assert "link" not in patient
    (visit,) = of(bundle, "Encounter")
    (told,) = [p for p in of(bundle, "Provenance") if p["target"] == [{"reference": f"urn:uuid:{visit['id']}"}]]
    assert [(e["role"], e["what"]["type"], e["what"]["identifier"]["value"]) for e in told["entity"]] == [
        ("revision", "Patient", "B88"), ("revision", "Patient", "A77"), ("revision", "Encounter", "V66"),
    ]  # fmt: skip
    back = fhir(json.dumps(bundle).encode())
    assert back.event().kind is Kind.ENCOUNTER_MOVED
    after = back.render(Form.HL7V2, Detail.FULL, RECIPIENT).decode()
    assert next(s for s in after.split("\r") if s.startswith("MRG")) == "MRG|B88^^^STOLAV^MR~A77^^^STOLAV||||V66^^^STOLAV"


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_whose_a_moved_visit_was_is_not_told_when_that_is_somebody_else(detail: Detail, end: str) -> None:
    """A45 of two patients: whoever may know of the one who has the visit now is not told of the other, whose locks nobody asked about."""
    other = "MRG|B88^^^STOLAV^MR~99^^^OTHER|B2|ACC9|B4|V66^^^STOLAV||Vik^Vilhelmine"
    raw = end.join([*message("ADT^A45", "EVN||20261120", other, PV1).decode().split("\r")[:-1], ""]).encode()
    made = hl7v2(raw)
    copies = [made.render(form, detail, RECIPIENT) for form in (Form.HL7V2, Form.FHIR)]
    assert not [word for word in (b"B88", b"99^^^", b"B2|", b"ACC9", b"B4", b"Vilhelmine", b'"99"') if any(word in c for c in copies)]
    if detail is Detail.FULL:
        assert all(b"V66" in copy for copy in copies)
        assert copies[0].split(end.encode())[3] == b"MRG|||||V66^^^STOLAV||"
    assert made.received.raw == raw


def test_a_merge_that_moves_nothing_has_no_such_record() -> None:
    bundle = rendered(hl7v2(message("ADT^A40", MOVED, PV1)))
    assert not any(e["role"] == "revision" for p in of(bundle, "Provenance") for e in p.get("entity", ()))
