"""Data types that only the clinical families need."""

import pytest

from hub.adapters.hl7v2.mappings import order_types
from tests.unit.adapters.made import content

T = content().text
HL7 = "http://terminology.hl7.org/CodeSystem/"


def kinds(found: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(i["value"], i["type"]["coding"][0]["code"]) for i in found]  # type: ignore[index]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("P1&LAB^F1&LAB", [("P1", "PGN"), ("F1", "FGN")]), ("P1", [("P1", "PGN")]), ("^F1&LAB", [("F1", "FGN")]), ("^", []), ("&LAB", [])],
)
def test_a_pair_of_numbers(raw: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(order_types.eip(raw, T)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"), [("G1^LAB", [("G1", "PGN")]), ("G1&LAB^H1&LAB", [("G1", "PGN"), ("H1", "FGN")]), ("", []), ("^LAB", [])]
)
def test_a_group_s_number_is_one_or_a_pair(raw: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(order_types.group_number(raw, T)) == expected


@pytest.mark.parametrize(
    ("raw", "system", "code"),
    [("V^Very restricted^HL70177", "v3-Confidentiality", "V"), ("R", "v3-Confidentiality", "R"), ("PSY", "v3-ActCode", "PSY"),
     ("HIV", "v3-ActCode", "HIV"), ("AID", "v3-ActCode", "HIV"), ("VIP", "v2-0177", "VIP"), ("XX", "v2-0177", "XX")],
)  # fmt: skip
def test_sensitivity_is_said_in_the_system_its_code_is_of(raw: str, system: str, code: str) -> None:
    made = order_types.sensitivity(raw, T)
    assert (made["system"], made["code"]) == (HL7 + system, code)


def test_nothing_said_is_nothing_made() -> None:
    assert order_types.sensitivity("^text", T) == order_types.coded_device("", T) == order_types.coded_organization("^^L", T) == {}
    assert order_types.logical({}, "Specimen") == order_types.typed("FILL")("", T) == {}


def test_a_coded_device_is_known_by_its_codes_and_names() -> None:
    made = order_types.coded_device("D1^Analysemaskin^L^D2^Analyser^99X", T)
    assert [i["value"] for i in made["identifier"]] == ["D1", "D2"]
    assert [n["name"] for n in made["deviceName"]] == ["Analysemaskin", "Analyser"]


def test_a_coded_organisation_has_its_code_and_its_name() -> None:
    made = order_types.coded_organization("974749025^Laboratorium Øst^L", T)
    assert (made["identifier"][0]["value"], made["name"]) == ("974749025", "Laboratorium Øst")
    assert order_types.coded_organization("^St. Olavs", T) == {"resourceType": "Organization", "name": "St. Olavs"}


def test_what_is_extended_with_nothing_stays_as_it_was() -> None:
    made: dict[str, object] = {}
    order_types.extended(made, "http://x", "valueString", "")
    assert made == {}
    order_types.extended(made, "http://x", "valueString", "å")
    assert made == {"extension": [{"url": "http://x", "valueString": "å"}]}
