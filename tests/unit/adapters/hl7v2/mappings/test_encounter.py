"""The visit: PV1 and PV2, and what belongs to it."""

import json
from typing import Any

import pytest

from tests.unit.adapters.made import hl7v2, message, of, rendered


def visit(kind: str = "ADT^A01", *others: str, **fields: str) -> dict[str, Any]:
    """The Bundle of a message whose PV1 has these fields (``f3="..."``)."""
    numbered = {int(k[1:]): v for k, v in ({"f2": "I"} | fields).items()}
    pv1 = "|".join(["PV1", *(numbered.get(n, "") for n in range(1, max(numbered) + 1))])
    return rendered(hl7v2(message(kind, pv1, *others)))


def encounter(*args: str, **fields: str) -> dict[str, Any]:
    return of(visit(*args, **fields), "Encounter")[0]


@pytest.mark.parametrize(
    ("code", "system", "expected", "status"),
    [("E", "v3-ActCode", "EMER", "in-progress"), ("O", "v3-ActCode", "AMB", "in-progress"), ("P", "v3-ActCode", "PRENC", "planned"),
     ("B", "v2-0004", "B", "in-progress"), ("U", "v2-0004", "U", "unknown"), ("X", "v2-0004", "X", "in-progress"),
     ("", "v3-NullFlavor", "NI", "unknown")],
)  # fmt: skip
def test_class_and_the_status_it_says_where_the_event_says_none(code: str, system: str, expected: str, status: str) -> None:
    made = encounter("ORU^R01", "OBR|1|||1^x^LN|||||||||||||||||||||F", f2=code)
    assert (made["class"]["system"].rpartition("/")[2], made["class"]["code"], made["status"]) == (system, expected, status)


@pytest.mark.parametrize(
    ("event", "field", "status"),
    [("A01", "f3", "active"), ("A01", "f6", "completed"), ("A01", "f11", "active"), ("A01", "f42", "reserved"), ("A01", "f43", "completed"),
     ("A12", "f3", "active"), ("A12", "f6", None), ("A26", "f42", None), ("A26", "f3", "active")],
)  # fmt: skip
def test_places_of_the_stay(event: str, field: str, status: str | None) -> None:
    made = encounter(f"ADT^{event}", **{field: "MED3^301^2^STOLAV"})
    assert [place["status"] for place in made.get("location", [])] == ([status] if status else [])
    assert bool(made.get("location") and "extension" in made["location"][0]) == (field in {"f11", "f43"})


def test_a_preadmitted_patient_is_planned_for_a_bed() -> None:
    assert encounter("ADT^A05", f2="P", f3="MED3^301^2")["location"][0]["status"] == "planned"


def test_a_bed_is_part_of_a_room_and_has_a_status() -> None:
    bundle = visit(f3="MED3^301^2^STOLAV&2.999.1&ISO^^^Bygg A^3^by the window^B-7", f40="O")
    by_url = {e["fullUrl"]: e["resource"] for e in bundle["entry"]}
    place = by_url[of(bundle, "Encounter")[0]["location"][0]["location"]["reference"]]
    assert (place["operationalStatus"]["code"], place["description"], place["identifier"][-1]["value"]) == ("O", "by the window", "B-7")
    names = []
    while True:
        names.append((place["name"], place.get("physicalType", {}).get("coding", [{}])[0].get("code")))
        if "partOf" not in place:
            break
        place = by_url[place["partOf"]["reference"]]
    assert names == [("2", "bd"), ("301", "ro"), ("3", "lvl"), ("MED3", None), ("Bygg A", "bu"), ("STOLAV", "si")]
    assert place["identifier"][1]["value"] == "urn:oid:2.999.1"


@pytest.mark.parametrize(("field", "code"), [("f7", "ATND"), ("f8", "REF"), ("f9", "CON"), ("f17", "ADM"), ("f52", "PART")])
def test_who_takes_part(field: str, code: str) -> None:
    (person,) = encounter(**{field: "9144889^Lund^Kari"})["participant"]
    assert (person["type"][0]["coding"][0]["code"], person["individual"]["display"]) == (code, "Kari Lund")


def test_a_visit_number_is_one_whatever_else_it_is_called() -> None:
    (number,) = encounter(f19="V7^^^STOLAV^AM")["identifier"]
    assert [c["code"] for c in number["type"]["coding"]] == ["VN", "AM"]
    assert number["type"]["text"] == "visit number"


def test_coverage_episode_and_history() -> None:
    bundle = visit(f20="4^Self^L", f43="MED3^301^2", f53="Hip", f54="E7^^^STOLAV")
    assert of(bundle, "Coverage")[0]["type"]["coding"][0]["code"] == "4"
    (episode,) = of(bundle, "EpisodeOfCare")
    assert (episode["identifier"][0]["value"], episode["extension"][0]["valueString"]) == ("E7", "Hip")
    assert of(bundle, "Encounter")[0]["episodeOfCare"][0]["reference"].endswith(episode["id"])
    assert of(bundle, "Basic")[0]["code"]["coding"][0]["code"] == "EncounterHistory"


@pytest.mark.parametrize(
    ("written", "name", "system"),
    [
        ("3^20261120", "3", "http://terminology.hl7.org/CodeSystem/v2-0113"),
        ("257622000&Helsehus&SCT", "Helsehus", "http://snomed.info/sct"),
    ],
)
def test_where_the_patient_went_is_a_kind_of_place_in_its_own_code_system(written: str, name: str, system: str) -> None:
    (place,) = of(visit("ADT^A03", f37=written), "Location")
    assert (place["name"], place["type"][0]["coding"][0]["system"]) == (name, system)


def test_pv2() -> None:
    pv2 = "PV2|MED4^401^1||I10^High blood pressure^I10|||||20261120|20261123|3|3|a < b|9144889^Lund^Kari|||||||||R|||2"
    made = encounter("ADT^A01", pv2 + "|" * 13 + "A")
    assert made["location"][0]["status"] == "planned"
    assert made["reasonCode"][0]["coding"][0]["code"] == "I10"
    assert [e["url"].rpartition(".")[2] for e in made["extension"][:2]] == ["plannedStartDate", "plannedEndDate"]
    assert (made["length"]["value"], made["length"]["code"]) == (3, "d")
    assert "a &lt; b" in made["text"]["div"]
    assert made["participant"][0]["type"][0]["text"] == "referrer"
    assert made["meta"]["security"][0]["code"] == "R"
    assert made["priority"]["coding"][0]["code"] == "UR"
    assert made["extension"][2]["valueCoding"]["code"] == "A"


def test_a_change_of_class_tells_since_when() -> None:
    made = encounter("ADT^A06", "EVN|A06|20261120083000||||20261120082500")
    assert made["classHistory"] == [{"class": made["class"], "period": {"start": "2026-11-20T08:25:00+01:00"}}]
    assert "classHistory" not in encounter("ADT^A01", "EVN|A01|20261120083000")


def test_the_second_patient_of_a_swap_is_not_told_of() -> None:
    second = ("PID|1||A77^^^STOLAV||Other^Person", "PV1|1|I|SECRET^1^1", "OBX|1|ST|1^x^LN||SECRET||||||F")
    assert "SECRET" not in json.dumps(visit("ADT^A17", *second))
    assert "SECRET" in json.dumps(visit("ADT^A02", *second))


@pytest.mark.parametrize("text", ["~", "~~", '~""'])
def test_repetitions_that_say_nothing_are_nothing(text: str) -> None:
    bundle = visit(f20=text, f3=text, f7=text, f9=text, f16=text, f43=text, f54=text)
    assert of(bundle, "Coverage") == []
