from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7.specimen import OBR, SPM, specimens_of
from tests.unit.adapters.fhir.er7.composed import SNOMED, coded, much, named, row_fields, to

BLOOD = {
    "resourceType": "Specimen",
    "identifier": [{"value": "F1", "type": coded("0203", "FGN")}, {"value": "P1", "type": coded("0203", "PGN")}],
    "parent": [to("whole"), {"identifier": {"value": "X", "type": coded("0203", "FGN")}}],
    "type": coded("0487", "BLD", "Blood"),
    "container": [{"additiveCodeableConcept": coded("0371", "EDTK"), "type": {"text": "rør"}}],
    "condition": [coded("0493", "HEM")],
    "collection": {
        "method": coded(SNOMED, "129314006"),
        "bodySite": coded(SNOMED, "368208006", "Arm"),
        "quantity": much(5, "mL", "mL"),
        "collectedDateTime": "2026-11-20T08:00:00+01:00",
        "collector": {"display": "Kari"},
    },
    "note": [{"text": "fastende"}],
    "receivedTime": "2026-11-20",
    "status": "available",
}
WHOLE = {"whole": {"resourceType": "Specimen", "identifier": [{"value": "W"}]}}


def test_a_specimen_is_told_with_its_numbers_kind_and_time() -> None:
    assert row_fields(SPM, BLOOD, WHOLE) == {
        2: "P1^F1",
        3: "W~^X",
        4: "BLD^Blood^HL70487",
        6: "EDTK^^HL70371",
        7: "BIO^^HL70488",
        8: "368208006^Arm^SCT",
        12: "5^mL&mL&UCUM",
        14: "fastende",
        17: "20261120080000+0100",
        18: "20261120",
        20: "Y",
        24: "HEM^^HL70493",
        27: "^rør",
    }
    assert row_fields(OBR, BLOOD) == {9: "5^mL&mL&UCUM", 10: "^Kari", 14: "20261120"}


def test_when_it_was_taken_may_be_a_while() -> None:
    assert row_fields(SPM, {"collection": {"collectedPeriod": {"start": "2026-11-20", "end": "2026-11-21"}}})[17] == "20261120^20261121"


def test_specimens_are_those_that_are_referred_to_and_not_there_by_mistake() -> None:
    given = dict([named("a", "Specimen"), named("b", "Specimen", status="entered-in-error"), named("c", "Device")])
    entries = Entries({"entry": [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in given.items()]})
    assert specimens_of({"specimen": [to("a"), to("b"), to("c"), to("d")]}, entries) == [given["a"]]
    assert specimens_of({"specimen": to("a")}, entries) == [given["a"]]
    assert specimens_of({}, entries) == []
