import json

import pytest

from hub.adapters.fhir.er7.oru import OBR
from hub.model import Detail, Form, Kind
from tests.unit.adapters import made as v2
from tests.unit.adapters.fhir.er7.composed import HL7, LOINC, SNOMED, coded, composed, lines, message, named, person, row_fields, to
from tests.unit.adapters.fhir.er7.whole import BLOOD, ORDER, REPORT, VALUE, whole

PULSE = coded(LOINC, "8867-4", "Heart rate")


def names(*told: str) -> list[str]:
    return [line.partition("|")[0] for line in told]


def test_a_report_says_what_was_found_when_and_by_whom() -> None:
    part = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
    report = {
        "identifier": [{"value": "F1", "type": coded("0203", "FILL")}],
        "code": PULSE,
        "effectivePeriod": {"start": "2026-11-20", "end": "2026-11-21"},
        "issued": "2026-11-22T10:00:00Z",
        "category": [coded("0074", "CH")],
        "status": "amended",
        "resultsInterpreter": [{"display": "Kari Lund"}],
        "performer": [
            {"display": n, "extension": [{"url": f"{HL7}event-performerFunction", "valueCodeableConcept": coded(part, n)}]}
            for n in ("SPRF", "TRANS")
        ],
    }
    assert row_fields(OBR, report) == {
        3: "F1",
        4: "8867-4^Heart rate^LN",
        7: "20261120",
        8: "20261121",
        22: "20261122100000+0000",
        24: "CH",
        25: "C",
        32: "&Kari Lund",
        34: "&SPRF",
        35: "&TRANS",
    }


def test_order_report_result_and_specimen_stand_together() -> None:
    told = lines(composed(whole(Kind.OBSERVATION_REPORTED)))
    assert names(*told) == ["MSH", "PID", "PV1", "ORC", "OBR", "NTE", "TQ1", "OBX", "NTE", "OBX", "OBX", "SPM"]
    assert [line for line in told if line.startswith("ORC")] == ["ORC|RE|P1||||||||||9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"]
    results = [line.split("|") for line in told if line.startswith("OBX")]
    assert [(r[1], r[2], r[5]) for r in results] == [
        ("1", "NM", "4.1"),
        ("2", "TX", "CANARY conclusion"),
        ("3", "ED", "^AP^PDF^Base64^Q0FOQVJZ"),
    ]


def test_a_result_that_no_report_holds_is_reported_by_itself() -> None:
    told = composed(message(Kind.OBSERVATION_REPORTED, VALUE, BLOOD))
    assert names(*lines(told)) == ["MSH", "PID", "OBR", "OBX", "NTE", "SPM"]
    both = composed(
        message(
            Kind.OBSERVATION_REPORTED, REPORT, VALUE, BLOOD, ORDER, named("p", "Observation", status="final", subject=to("pat"), code=PULSE)
        )
    )
    assert [line.split("|")[1] for line in lines(both, "OBR")] == ["1", "2"]


def test_results_that_hold_nothing_say_so() -> None:
    told = composed(message(Kind.OBSERVATION_REPORTED, named("p", "Procedure", status="completed", subject=to("pat"))))
    assert lines(told, "OBR", "OBX") == ["OBR|1|||NI^no information^NULLFL"]


def test_a_coded_conclusion_is_a_result() -> None:
    report = named("r", "DiagnosticReport", status="final", subject=to("pat"), code=PULSE, conclusionCode=[coded(SNOMED, "1", "frisk")])
    assert lines(composed(message(Kind.OBSERVATION_REPORTED, report)), "OBX") == [
        "OBX|1|CE|48767-8^Annotation comment^LN||1^frisk^SCT||||||F"
    ]


def test_whoever_reads_a_report_has_a_place() -> None:
    role = named("role", "PractitionerRole", practitioner=to("doc"), location=[{"display": "Røntgen"}])
    told = row_fields(OBR, {"resultsInterpreter": [to("role")]}, dict([role, person("doc", "1", "Lund", "Kari")]))
    assert told[32] == "1&Lund&Kari&&&&&&&2.16.578.1.12.4.1.4.4&ISO^^^Røntgen"


@pytest.mark.parametrize("status", ["F", "P", "C", "D", "W", "X", "A", "I", "R", "N"])
def test_what_was_said_of_a_result_is_said_again(status: str) -> None:
    """A result that is deleted (D) is not one that was told of the wrong patient (W)."""
    raw = v2.message("ORU^R01", "OBR|1|P1|F1|1-8^Urea^LN", f"OBX|1|NM|1-8^Urea^LN||5|mmol/L|||||{status}")
    back = v2.fhir(json.dumps(v2.rendered(v2.hl7v2(raw))).encode()).render(Form.HL7V2, Detail.FULL, v2.RECIPIENT).decode()
    (obx,) = [line.split("|") for line in back.split("\r") if line.startswith("OBX")]
    assert obx[11] == ("C" if status == "A" else status)
