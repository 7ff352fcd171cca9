import pytest
from hl7apy import load_reference

from hub.adapters.fhir.er7.adt import SHAPES
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import V2, coded, composed, lines, message, named, to
from tests.unit.adapters.fhir.er7.trip import segments_of
from tests.unit.adapters.fhir.er7.whole import AROUND, VALUE

FAMILIES = {"patient", "admission", "preadmission", "transfer", "discharge", "leave", "encounter"}
ADT = [k for k in Kind if k.value.partition(".")[0] in FAMILIES and k is not Kind.DISCHARGE_ANSWERED]  # v2 has no event for an answer


@pytest.mark.parametrize("structure", SHAPES)
def test_a_shape_has_only_segments_of_its_structure(structure: str) -> None:
    assert load_reference(structure, "Message", "2.5.1")
    assert {name.rstrip("?").replace("PID2", "PID").replace("ROL2", "ROL") for name in SHAPES[structure].split()} <= segments_of(structure)


@pytest.mark.parametrize("kind", ADT)
def test_every_event_of_administration_is_a_valid_message(kind: Kind) -> None:
    old = named("old", "Patient", identifier=[{"system": "urn:m", "value": "9"}], link=[{"other": to("pat"), "type": "replaced-by"}])
    pat = named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}], link=[{"other": to("old"), "type": "replaces"}])
    around = [r for r in AROUND if r[0] != "pat"]
    operation = named("op", "Procedure", status="completed", subject=to("pat"), code=coded("0230", "x"), performedDateTime="2026-11-20")
    told = composed(message(kind, pat, old, *around, VALUE, operation))
    assert lines(told, "EVN")[0].startswith(f"EVN|{lines(told, 'MSH')[0].split('|')[8].split('^')[1]}|")
    assert lines(told, "PID")


def test_a_link_names_both_patients() -> None:
    other = named("other", "Patient", identifier=[{"system": "urn:m", "value": "9"}], link=[{"other": to("pat"), "type": "replaced-by"}])
    told = composed(
        message(Kind.LINKED, other, named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}]), event=(f"{V2}0003", "A24"))
    )
    assert [line.split("|")[3] for line in lines(told, "PID")] == ["7^^^&urn:m&URI", "9^^^&urn:m&URI"]


def test_observations_of_administration_have_no_notes() -> None:
    told = composed(message(Kind.ADMITTED, *AROUND, VALUE))
    assert len(lines(told, "OBX")) == 1
    assert lines(told, "NTE") == []
