from typing import Any

import pytest

from hub.adapters.fhir.er7.visit import PV1, PV2
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import SNOMED, VISIT, coded, composed, field_of, lines, message, named, person, row_fields, to

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter."
PEOPLE = dict(person(f"p{n}", str(n), f"F{n}", "G") for n in range(1, 6))
PLACES = {name: {"resourceType": "Location", "name": name} for name in ("now", "before", "planned", "held", "xray")}


def who(n: int) -> str:
    return f"{n}^F{n}^G^^^^^^&2.16.578.1.12.4.1.4.4&ISO"


def test_everything_of_a_visit_stands_in_pv1() -> None:
    temporary = {"extension": [{"url": "urn:x", "valueCodeableConcept": {"coding": [{"code": "temporary"}]}}]}
    visit = {
        "resourceType": "Encounter",
        "class": {"system": ACT, "code": "IMP"},
        "type": [coded("0007", "E")],
        "serviceType": coded("0069", "MED"),
        "identifier": [{"system": "urn:v", "value": "V1", "type": coded("0203", "VN")}, {"system": "urn:w", "value": "W1"}],
        "participant": [
            {"type": [coded(PART, "ATND")], "individual": to("p1")},
            {"type": [coded(PART, "REF")], "individual": to("p2")},
            {"type": [coded(PART, "CON")], "individual": to("p3")},
            {"type": [coded(PART, "ADM")], "individual": to("p4")},
            {"type": [coded(PART, "PART")], "individual": to("p5")},
        ],
        "location": [
            {"location": to("now"), "status": "active"},
            {"location": to("before"), "status": "completed"},
            {"location": to("held"), "status": "reserved"},
            {"location": to("xray"), "status": "active"} | temporary,
        ],
        "hospitalization": {
            "preAdmissionIdentifier": {"value": "P1"},
            "reAdmission": coded("0092", "R"),
            "admitSource": coded("0023", "7"),
            "specialArrangement": [coded("http://terminology.hl7.org/CodeSystem/encounter-special-arrangements", "wheel")],
            "specialCourtesy": [coded("0099", "VIP")],
            "dischargeDisposition": coded("0112", "01"),
            "destination": {"display": "Sykehjem"},
            "dietPreference": [coded("0114", "V", "Vegan")],
        },
        "period": {"start": "2026-11-20T08:25:00+01:00", "end": "2026-11-22"},
    }
    assert row_fields(PV1, visit, PEOPLE | PLACES) == {
        2: "I",
        3: "now",
        4: "E",
        5: "P1",
        6: "before",
        7: who(1),
        8: who(2),
        9: who(3),
        10: "MED",
        11: "xray",
        13: "R",
        14: "7",
        15: "A2",
        16: "VIP",
        17: who(4),
        19: "V1^^^&urn:v&URI^VN",
        36: "01",
        37: "Sykehjem",
        38: "V^Vegan^HL70114",
        42: "held",
        44: "20261120082500+0100",
        45: "20261122",
        50: "W1^^^&urn:w&URI",
        52: who(5),
    }


def test_more_of_a_visit_stands_in_pv2() -> None:
    visit = {
        "resourceType": "Encounter",
        "location": [{"location": to("now"), "status": "active"}, {"location": to("planned"), "status": "planned"}],
        "reasonCode": [coded(SNOMED, "140004", "Chronic pharyngitis")],
        "length": {"value": 2, "code": "d"},
        "meta": {"security": [{"code": "R"}]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">halsbrann &amp; hoste</div>'},
        "priority": coded("http://terminology.hl7.org/CodeSystem/v3-ActPriority", "UR"),
        "extension": [
            {"url": f"{R5}plannedStartDate", "valueDateTime": "2026-11-20"},
            {"url": f"{R5}plannedEndDate", "valueDateTime": "2026-11-22"},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/encounter-modeOfArrival",
                "valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0430", "code": "A"},
            },
        ],
    }
    assert row_fields(PV2, visit, PLACES) == {
        1: "planned",
        3: "140004^Chronic pharyngitis^SCT",
        8: "20261120",
        9: "20261122",
        11: "2",
        12: "halsbrann \\T\\ hoste",
        22: "Y",
        25: "2",
        38: "A^^HL70430",
    }


@pytest.mark.parametrize(
    ("locations", "here"),
    [
        ([{"location": to("before"), "status": "completed"}, {"location": to("now")}], "now"),
        ([{"location": to("planned"), "status": "planned"}], "planned"),
        ([], ""),
    ],
)
def test_where_the_patient_is_is_the_active_place_or_the_only_one_known(locations: list[Any], here: str) -> None:
    visit = {"resourceType": "Encounter", "location": locations}
    assert row_fields(PV1, visit, PLACES).get(3, "") == here


def test_who_has_no_role_attends() -> None:
    assert row_fields(PV1, {"participant": [{"individual": to("p1")}]}, PEOPLE)[7] == who(1)


def test_a_structure_that_wants_a_visit_has_one_that_says_there_is_none() -> None:
    assert lines(composed(message(Kind.ADMITTED)), "PV1") == ["PV1|1|N"]


def test_a_visit_is_told_in_each_event_of_it() -> None:
    for kind in (Kind.ADMITTED, Kind.TRANSFERRED, Kind.DISCHARGED, Kind.READY_FOR_DISCHARGE, Kind.LEAVE_STARTED, Kind.ADMISSION_CANCELLED):
        told = composed(message(kind, VISIT, named("loc", "Location", name="x")))
        assert field_of(told, "PV1-19") == "V1^^^&urn:v&URI"
