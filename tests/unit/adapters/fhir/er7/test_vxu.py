from typing import Any

import pytest

from hub.adapters.fhir.er7.vxu import RXA
from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import SNOMED, coded, composed, field_of, lines, message, much, named, person, row_fields, to
from tests.unit.adapters.fhir.er7.whole import VALUE, whole

CVX = "http://hl7.org/fhir/sid/cvx"
SHOT: dict[str, Any] = {
    "status": "completed",
    "patient": to("pat"),
    "vaccineCode": coded(CVX, "208", "COVID-19"),
    "occurrenceDateTime": "2026-11-20",
}


def test_what_was_given_stands_in_rxa() -> None:
    shot = SHOT | {
        "doseQuantity": much(0.5, "mL", "mL"),
        "primarySource": True,
        "note": [{"text": "venstre arm"}],
        "location": to("clinic"),
        "lotNumber": "L1",
        "expirationDate": "2027-01-31",
        "manufacturer": {"display": "Pfizer"},
        "reasonCode": [{"text": "reise"}],
        "recorded": "2026-11-21",
        "performer": [
            {"function": coded("0443", "AP"), "actor": to("doc")},
            {"function": coded("0443", "OP"), "actor": {"display": "Per Berg"}},
        ],
    }
    clinic = named(
        "clinic",
        "Location",
        name="Helsestasjonen",
        address={"line": ["Gata 1", "A"], "city": "Oslo", "postalCode": "0001", "country": "NOR", "use": "work"},
    )
    assert row_fields(RXA, shot, dict([clinic, person("doc", "9144889", "Lund", "Kari")])) == {
        3: "20261120",
        5: "208^COVID-19^CVX",
        6: "0.5",
        7: "mL^mL^UCUM",
        9: "00^New immunization record^NIP001~^venstre arm",
        10: "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO",
        11: "Helsestasjonen^^^^^^^^Gata 1^A^Oslo^^0001^NOR^B",
        15: "L1",
        16: "20270131",
        17: "^Pfizer",
        19: "^reise",
        20: "CP",
        21: "A",
        22: "20261121",
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, ("CP", "A")),
        ({"isSubpotent": True}, ("PA", "A")),
        ({"status": "not-done"}, ("NA", "A")),
        ({"status": "not-done", "statusReason": {"coding": [{"code": "PATOBJ"}]}}, ("RE", "A")),
        ({"status": "entered-in-error"}, ("CP", "D")),
    ],
)
def test_what_became_of_it_is_told(said: dict[str, Any], told: tuple[str, str]) -> None:
    made = row_fields(RXA, SHOT | said)
    assert (made[20], made[21]) == told


def test_where_a_record_comes_from_is_told() -> None:
    origin = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0396/NIP001", "code": "01", "display": "Historical"}]}
    assert row_fields(RXA, SHOT | {"primarySource": False, "reportOrigin": origin})[9] == "01^Historical^NIP001"


def test_an_amount_nobody_knows_is_999() -> None:
    told = composed(message(Kind.IMMUNIZATION_RECORDED, named("s", "Immunization", **SHOT)))
    assert field_of(told, "RXA-6") == "999"
    assert lines(told, "RXR") == []


def test_what_r4_has_elements_for_are_results_with_their_loinc_codes() -> None:
    more = {
        "fundingSource": coded("0064", "V01"),
        "programEligibility": [coded("0064", "V02")],
        "protocolApplied": [{"doseNumberPositiveInt": 2}],
        "education": [{"documentType": "VIS", "publicationDate": "2026-01-01", "presentationDate": "2026-11-20"}],
    }
    told = composed(message(Kind.IMMUNIZATION_RECORDED, named("s", "Immunization", **SHOT | more)))
    assert [
        (line.split("|")[2], line.split("|")[3].split("^")[0], line.split("|")[4], line.split("|")[5]) for line in lines(told, "OBX")
    ] == [
        ("CE", "30963-3", "", "V01^^HL70064"),
        ("CE", "64994-7", "", "V02^^HL70064"),
        ("NM", "30973-2", "", "2"),
        ("ST", "69764-9", "1", "VIS"),
        ("TS", "29768-9", "1", "20260101"),
        ("TS", "29769-7", "1", "20261120"),
    ]


def test_each_immunization_has_its_order_and_what_was_seen_of_it() -> None:
    told = lines(composed(whole(Kind.IMMUNIZATION_RECORDED)))
    assert [line[:3] for line in told] == ["MSH", "PID", "PV1", "IN1", "ORC", "RXA", "RXR", "OBX", "OBX", "NTE"]
    seen = named("fever", "Observation", **VALUE[1] | {"partOf": [to("b")]})
    two = composed(
        message(
            Kind.IMMUNIZATION_RECORDED,
            named("a", "Immunization", **SHOT),
            named("b", "Immunization", **SHOT, site=coded(SNOMED, "1"), route={"text": "im"}),
            seen,
        )
    )
    assert [line[:3] for line in lines(two)] == ["MSH", "PID", "ORC", "RXA", "ORC", "RXA", "RXR", "OBX", "NTE"]


def test_without_an_immunization_there_is_none() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.IMMUNIZATION_RECORDED, VALUE))
    assert refused.value.reason is Reason.NO_TRANSLATION
