"""Every computable row of the official v2-to-FHIR maps is mapped, or stands in ``exceptions.toml`` with its reason."""

import sys
from functools import cache

import pytest

from tests.conformance import data_types, guide, report
from tests.conformance.condition import demands
from tests.conformance.element import Resources, steps
from tests.conformance.judge import Verdict, verdicts
from tests.conformance.row_coverage import Exception_, exceptions, shares, stale, table, types_line, unexplained

# Data type maps held to their rows; the others are judged and shown
HELD = {
    "CQ[Quantity]", "CQ[code]", "CQ[decimal]", "CWE[Device]", "CWE[Organization]", "CWE[Quantity]", "DTM[Annotation-Time]",
    "EIP[Identifier-FillerAssignedIdentifier]", "EIP[Identifier-PlacerAssignedIdentifier]", "EI[Identifier-Organization]",
    "FT[Annotation-Comment]", "ID[code]", "NDL[PractitionerRole]", "RPT[Timing]", "SPS[Specimen-Source]", "ST[Identifier]",
    "TQ[Appointment]", "TQ[ServiceRequest]", "XCN[Annotation-Author]", "XCN[RelatedPerson]", "XON[Location]",
    "CNE[CodeableConcept]", "CWE[CodeableConcept]", "CWE[Coding]", "CWE[Identifier]", "CWE[PractitionerRole]", "CWE[code]",
    "CX[Identifier]", "CX[RelatedPerson-Mother]", "DLD[Location-Discharge]", "DLN[Identifier]", "DTM[dateTime]", "EI[Condition]",
    "EI[Identifier-Extension]", "HD[Location]", "HD[MessageHeader.source-endpoint]", "HD[MessageHeader.source-name]",
    "HD[Organization]", "ID[CodeableConcept]", "ID[Coding]", "MSG[Coding]", "MSG[code]", "PLN[Identifier]", "PL[Location]", "PT[Meta]",
    "ST[CodeableConcept]", "XAD[Address]", "XCN[PractitionerRole]", "XCN[Practitioner]", "XON[Organization]", "XON[string]",
    "XPN[HumanName]", "XPN[string]", "XTN[ContactPoint]",
}  # fmt: skip


@cache
def types() -> tuple[Verdict, ...]:
    if not guide.is_here():
        pytest.skip(f"the guide's tables are not at {guide.GUIDE}: set HUB_V2_TO_FHIR")
    return tuple(data_types.verdicts())


@cache
def found() -> tuple[Verdict, ...]:
    if not guide.is_here():
        pytest.skip(f"the guide's tables are not at {guide.GUIDE}: set HUB_V2_TO_FHIR")
    return tuple(verdicts())


def test_every_row_is_mapped_or_excepted_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{table(found())}\n")
    assert unexplained(found(), exceptions()) == []


def test_every_component_is_mapped_or_excepted_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{types_line(types())}\n")
    assert unexplained([v for v in types() if v.group in HELD], exceptions()) == []


def test_no_exception_has_outlived_its_reason() -> None:
    assert stale((*found(), *types()), exceptions()) == []
    assert all(len(e.reason) > 20 for e in exceptions())


def test_the_page_shows_what_was_measured() -> None:
    page = report.PAGE.read_text("utf-8")
    assert report.totals(table(found())) in page, "python -m tests.conformance.report --write"
    assert types_line(types()) in page


def test_every_condition_of_the_guide_can_be_read() -> None:
    assert [v.key for v in found() if v.note == "the condition cannot be read"] == []


def test_an_exception_for_a_mapped_row_is_stale() -> None:
    mapped = Verdict("PID[Patient] PID-5 name[1]", "PID", "ADT_A01.PID", True)
    missing = Verdict("PID[Patient] PID-6 extension[1].url", "PID", "ADT_A01.PID", False)
    assert stale([mapped, missing], [Exception_("PID[Patient] PID-5 *", "no reason")]) == [
        "mapped: ADT_A01.PID: PID[Patient] PID-5 name[1]"
    ]
    assert stale([mapped, missing], [Exception_("PID[Patient] PID-6 *", "no reason")]) == []
    assert stale([mapped], [Exception_("PV1*", "no reason")]) == ["no such row: PV1* *"]
    assert unexplained([mapped, missing], []) == ["ADT_A01.PID: PID[Patient] PID-6 extension[1].url"]
    assert unexplained([mapped, missing], [Exception_("PID[Patient] PID-6 *", "no reason", "ADT_A01*")]) == []
    assert shares([mapped, missing], []) == {"PID": (1, 2)}
    elsewhere = Verdict(mapped.key, "PID", "ADT_A17.PID(2)", False)
    assert shares([mapped, elsewhere], []) == {"PID": (0, 1)}
    assert shares([mapped, elsewhere], [Exception_("*", "no reason", "ADT_A17.*(2)")]) == {"PID": (1, 1)}


def test_elements_are_found_by_the_guide_s_paths() -> None:
    place = {"resourceType": "Location", "id": "l", "name": "Ward", "operationalStatus": {"code": "O"}}
    visit = {
        "resourceType": "Encounter", "id": "e", "location": [{"location": {"reference": "urn:uuid:l"}, "status": "active"}],
        "_status": {"extension": [{"url": "x", "valueCode": "y"}]}, "period": {"start": "2026"},
    }  # fmt: skip
    found = Resources({"resourceType": "Bundle", "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in (place, visit)]})

    def leaves(element: str) -> list[str]:
        return [leaf for node in found.find("Encounter[1]", element) for leaf in found.leaves(node)]

    assert leaves("location[1].location(Location.operationalStatus)") == ["O"]
    assert leaves("location[1].location(Location)") == ["Ward", "O"]
    assert leaves("location[1].status") == ["active"]
    assert leaves("status.extension[1].url") == ["x"]
    assert leaves("period.start") == ["2026"]
    assert leaves("period.end") == leaves("location(Practitioner)") == []
    assert [s.name for s in steps('participant[5].type.coding.code="PART"')] == ["participant", "type", "coding", "code"]


def test_conditions_become_demands() -> None:
    read = demands("IF PID-33 AND PID-34 VALUED") or ()
    assert [(d.segment, d.number, d.kind) for d in read] == [("PID", 33, "valued"), ("PID", 34, "valued")]
    read = demands('IF IAM-15 VALUED AND NOT "SEL"') or ()
    assert [(d.number, d.kind, d.values) for d in read] == [(15, "valued", ()), (15, "not", ("SEL",))]
    assert demands("IF THE MOON IS FULL") is None
