from typing import Any

import pytest

from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7.observation import OBX, Results, notes, numbered, value_of
from hub.errors import Reason, Rejected
from tests.unit.adapters.fhir.er7.composed import HL7, LOINC, SNOMED, coded, much, named, person, row_fields, to

PULSE = coded(LOINC, "8867-4", "Heart rate")


@pytest.mark.parametrize(
    ("holder", "told"),
    [
        ({"valueQuantity": much(72, "/min", "/min")}, ("NM", "72", "/min^/min^UCUM")),
        ({"valueQuantity": much(5, "mg", "mg") | {"comparator": "<"}}, ("SN", "<^5", "mg^mg^UCUM")),
        ({"valueQuantity": {"unit": "mg"}}, ("", "", "")),
        ({"valueCodeableConcept": coded(SNOMED, "27268008", "Salmonella")}, ("CE", "27268008^Salmonella^SCT", "")),
        ({"valueCodeableConcept": coded(SNOMED, "27268008", "Salmonella", "funn")}, ("CWE", "27268008^Salmonella^SCT^^^^^^funn", "")),
        ({"valueString": "frisk|glad"}, ("ST", "frisk\\F\\glad", "")),
        ({"valueString": "a\nb"}, ("TX", "a~b", "")),
        ({"valueString": "x" * 200}, ("TX", "x" * 200, "")),
        ({"valueBoolean": True}, ("CE", "Y^Yes^HL70136", "")),
        ({"valueInteger": 5}, ("NM", "5", "")),
        ({"valueRange": {"low": much(1, "g"), "high": much(2, "g")}}, ("SN", "^1^-^2", "g")),
        ({"valueRange": {"low": much(1, "g")}}, ("SN", ">=^1", "g")),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, ("SN", "^1^:^128", "")),
        ({"valueRatio": {"numerator": {"value": 1}}}, ("", "", "")),
        ({"valueSampledData": {"data": "1 2 E"}}, ("NA", "1^2^E", "")),
        ({"valueTime": "08:30:00"}, ("TM", "083000", "")),
        ({"valueDateTime": "2026-11-20"}, ("DT", "20261120", "")),
        ({"valueDateTime": "2026-11-20T08:30:00Z"}, ("TS", "20261120083000+0000", "")),
        ({"valuePeriod": {"start": "2026-11-20"}}, ("DR", "20261120", "")),
        ({"valueAttachment": {"contentType": "image/jpeg", "data": "aGVp"}}, ("ED", "^IM^JPEG^Base64^aGVp", "")),
        (
            {
                "extension": [
                    {"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value", "valueAttachment": {"url": "u:1"}}
                ]
            },
            ("RP", "u:1", ""),
        ),
        ({}, ("", "", "")),
    ],
)
def test_the_kind_of_a_value_is_its_type(holder: dict[str, Any], told: tuple[str, str, str]) -> None:
    assert value_of(holder) == told


def test_what_belongs_to_a_result_stands_beside_it() -> None:
    result = {
        "code": PULSE,
        "status": "final",
        "referenceRange": [{"low": much(50, "/min"), "high": much(90, "/min")}],
        "interpretation": [coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H")],
        "effectiveDateTime": "2026-11-20T08:30:00+01:00",
        "performer": [to("doc"), to("producer"), to("role")],
        "method": coded(SNOMED, "1", "palpasjon"),
        "device": to("dev"),
        "extension": [{"url": f"{HL7}observation-analysis-date-time", "valueDateTime": "2026-11-20"}],
    }
    others = dict(
        [
            person("doc", "9144889", "Lund", "Kari"),
            person("boss", "1", "Berg", "Per"),
            named("producer", "Organization", name="Poliklinikken"),
            named("role", "PractitionerRole", practitioner=to("boss"), organization=to("lab"), code=[coded("0912", "MDIR")]),
            named("lab", "Organization", name="Lab", address=[{"city": "Trondheim"}]),
            named("dev", "Device", identifier=[{"value": "D1"}]),
        ]
    )
    assert row_fields(OBX, result, others) == {
        3: "8867-4^Heart rate^LN",
        7: "50-90",
        8: "H",
        11: "F",
        14: "20261120083000+0100",
        15: "^Poliklinikken",
        16: "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO",
        17: "1^palpasjon^SCT",
        18: "D1",
        19: "20261120",
        23: "Lab",
        24: "^^Trondheim",
        25: "1^Berg^Per^^^^^^&2.16.578.1.12.4.1.4.4&ISO",
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"status": "final"}, "F"),
        ({"status": "preliminary"}, "P"),
        ({"status": "corrected"}, "C"),
        ({"status": "cancelled"}, "X"),
        ({"status": "entered-in-error"}, "D"),
        ({"status": "what"}, "R"),
        ({"status": "cancelled", "dataAbsentReason": {"coding": [{"code": "not-asked"}]}}, "N"),
        (
            {"status": "unknown", "_status": {"extension": [{"url": f"{HL7}alternate-codes", "valueCodeableConcept": coded("0085", "S")}]}},
            "S",
        ),
    ],
)
def test_how_far_a_result_is_is_its_status(said: dict[str, Any], told: str) -> None:
    assert row_fields(OBX, {"code": PULSE} | said)[11] == told


def results(*observations: tuple[str, dict[str, Any]]) -> tuple[Results, list[dict[str, Any]]]:
    entries = Entries({"entry": [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in observations]})
    return Results(entries), [r for _, r in observations]


def test_values_of_one_code_are_one_result_and_others_are_its_parts() -> None:
    parts = [{"code": PULSE, "valueInteger": 70}, {"code": {"text": "rytme"}, "valueString": "jevn"}]
    told, (whole,) = results(named("o", "Observation", status="final", code=PULSE, valueInteger=60, component=parts))
    assert told.of(whole) == ["OBX||NM|8867-4^Heart rate^LN||60~70||||||F", "OBX||ST|^rytme|1.1|jevn||||||F"]


def test_the_members_of_a_panel_are_tied_to_it_and_told_once() -> None:
    member = named("m", "Observation", status="final", code={"text": "del"}, valueInteger=1)
    told, (panel, _, other) = results(
        named("p", "Observation", status="final", code={"text": "panel"}, hasMember=[to("m")], note=[{"text": "se\nher"}]),
        member,
        named("q", "Observation", status="final", code={"text": "annet"}, hasMember=[to("m")]),
    )
    assert told.of(panel) == ["OBX|||^panel||||||||F", "NTE|1||se~her", "OBX||NM|^del|1.1|1||||||F"]
    assert told.of(other) == ["OBX|||^annet||||||||F"]
    assert told.alone() == []


def test_panels_in_a_circle_end() -> None:
    told, (first, _) = results(
        named("a", "Observation", status="final", code={"text": "a"}, hasMember=[to("b")]),
        named("b", "Observation", status="final", code={"text": "b"}, hasMember=[to("a")]),
    )
    assert len(told.of(first)) == 2


def test_panels_of_panels_of_panels_are_too_deep() -> None:
    chain = [named(f"o{n}", "Observation", status="final", code={"text": "x"}, hasMember=[to(f"o{n + 1}")]) for n in range(10)]
    told, found = results(*chain)
    with pytest.raises(Rejected) as refused:
        told.of(found[0])
    assert refused.value.reason is Reason.TOO_COMPLEX


def test_a_sub_id_comes_back_as_it_was() -> None:
    said = {"url": f"{HL7}observation-v2-subid", "extension": [{"url": "original-sub-identifier", "valueString": "1a"}]}
    told, (one,) = results(named("o", "Observation", status="final", code=PULSE, extension=[said]))
    assert told.of(one) == ["OBX|||8867-4^Heart rate^LN|1a|||||||F"]


def test_results_and_notes_are_counted_anew_for_each() -> None:
    assert numbered(["OBX||NM", "NTE|9||a", "NTE|9||b", "OBX||ST", "NTE|9||c"]) == [
        "OBX|1|NM",
        "NTE|1||a",
        "NTE|2||b",
        "OBX|2|ST",
        "NTE|1||c",
    ]
    assert notes({"note": [{"text": "a"}, {"text": ""}, {"text": "b"}]}) == ["NTE|1||a", "NTE|2||b"]
