"""The patient's record: PID, PD1, NK1 and what MRG retires."""

import json
from typing import Any

import pytest

from tests.unit.adapters.made import PID, PV1, hl7v2, message, of, rendered

EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


def bundle_of(pid: dict[int, str], *segments: str) -> dict[str, Any]:
    """The Bundle of an admission whose PID has these fields."""
    fields = {3: "A77^^^STOLAV^MR", 5: "Berg^Ole"} | pid
    text = "|".join(["PID", *(fields.get(n, "") for n in range(1, max(fields) + 1))])
    return rendered(hl7v2(message("ADT^A01", *segments).replace(PID.encode(), text.encode())))


def patient_of(pid: dict[int, str], *segments: str) -> dict[str, Any]:
    return of(bundle_of(pid, *segments), "Patient")[0]


@pytest.mark.parametrize(
    ("fields", "element", "expected"),
    [
        ({7: "19691113"}, "birthDate", "1969-11-13"),
        ({7: "196911131530"}, "_birthDate", {"extension": [{
            "url": f"{EXTENSION}patient-birthTime", "valueDateTime": "1969-11-13T15:30:00+01:00"}]}),
        ({9: "Bergen^Olle"}, "name", [{"family": "Berg", "given": ["Ole"]}, {"family": "Bergen", "given": ["Olle"]}]),
        ({12: "0301"}, "address", [{"district": "0301"}]),
        ({11: "Gata 1", 12: "0301"}, "address", [{"line": ["Gata 1"], "district": "0301"}]),
        ({11: "Gata 1^^^^^^^^4601&Bergen"}, "address", [{"line": ["Gata 1"], "district": "Bergen"}]),
        ({11: "Gata 1^^^^^^^^4601&Bergen&&&&&&&Bergen kommune"}, "address", [{"line": ["Gata 1"], "district": "Bergen kommune"}]),
        ({5: "Berg^Ole" + "^" * 13 + "Olemann"}, "name", [{"family": "Berg", "given": ["Ole"]}, {"use": "nickname", "given": ["Olemann"]}]),
        ({11: "Gata 1^^^^^^^^4601", 12: "0301"}, "address", [{"line": ["Gata 1"], "district": "4601"}, {"district": "0301"}]),
        ({24: "Y"}, "multipleBirthBoolean", True),
        ({24: "Y", 25: "2"}, "multipleBirthInteger", 2),
        ({30: "N"}, "deceasedBoolean", False),
        ({29: "20261120", 30: "Y"}, "deceasedDateTime", "2026-11-20"),
        ({40: "90000001^PRN^CP"}, "telecom", [{"system": "phone", "value": "90000001", "use": "mobile"}]),
    ],
)  # fmt: skip
def test_fields_of_pid(fields: dict[int, str], element: str, expected: object) -> None:
    made = patient_of(fields)
    assert made[element] == expected
    assert not {"multipleBirthBoolean", "multipleBirthInteger"} <= made.keys()
    assert not {"deceasedBoolean", "deceasedDateTime"} <= made.keys()


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({6: "Lund^Kari"}, "patient-mothersMaidenName", "Kari Lund"),
        ({17: "LUT"}, "patient-religion", "v3-ReligiousAffiliation"),
        ({23: "Trondheim"}, "patient-birthPlace", "Trondheim"),
        ({26: "NO^Norway^ISO3166_1"}, "patient-citizenship", "urn:iso:std:iso:3166"),
        ({28: "NO^Norway^ISO3166_1"}, "patient-nationality", "Norway"),
        ({39: "X^Sami^L"}, "patient-citizenship", "Sami"),
        ({35: "125097000^Goat^SCT", 36: "1^Dwarf^L"}, "patient-animal", "Dwarf"),
    ],
)
def test_extensions_of_pid(fields: dict[int, str], name: str, value: str) -> None:
    (found,) = [e for e in patient_of(fields)["extension"] if e["url"] == EXTENSION + name]
    assert value in json.dumps(found)


def test_account_mother_and_living_will() -> None:
    bundle = bundle_of({18: "4000^^^STOLAV^AN", 21: "M1^^^STOLAV"}, "PD1|||||||Y^Yes^HL70315|||||||Nidaros", PV1)
    (account,) = of(bundle, "Account")
    (mother,) = of(bundle, "RelatedPerson")
    (will,) = of(bundle, "Observation")
    assert (account["identifier"][0]["value"], account["status"]) == ("4000", "active")
    assert of(bundle, "Encounter")[0]["account"][0]["reference"].endswith(account["id"])
    assert (mother["identifier"][0]["value"], mother["relationship"][0]["coding"][0]["code"]) == ("M1", "MTH")
    assert (will["code"]["coding"][0]["code"], will["valueCodeableConcept"]["coding"][0]["code"]) == ("75320-2", "Y")
    assert of(bundle, "Patient")[0]["extension"] == [{"url": f"{EXTENSION}patient-congregation", "valueString": "Nidaros"}]


NK1 = "NK1|1|Berg^Kari|{relation}|Gata 1^^Oslo|22000000|33000000|N^Next of kin^HL70131|20200101|20301231|||7^^^STOLAV|||F|19700102"


def test_next_of_kin_is_a_related_person_and_a_contact() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", NK1.format(relation="SPO^Spouse^HL70063"), PV1)))
    (person,), (contact,) = of(bundle, "RelatedPerson"), of(bundle, "Patient")[0]["contact"]
    assert (person["name"][0]["family"], person["birthDate"], person["gender"]) == ("Berg", "1970-01-02", "female")
    assert [c["value"] for c in person["telecom"]] == ["22000000", "33000000"]
    assert [r["coding"][0]["code"] for r in person["relationship"]] == ["SPS", "N"]
    assert person["period"] == contact["period"] == {"start": "2020-01-01", "end": "2030-12-31"}
    assert (contact["name"]["family"], contact["address"]["city"]) == ("Berg", "Oslo")
    assert not {"birthDate", "identifier"} & contact.keys()


@pytest.mark.parametrize(("relation", "count"), [("EMR", 0), ("E", 0), ("EMC", 1), ("SPO", 1), ("", 1)])
def test_who_is_a_contact_only_is_no_relation(relation: str, count: int) -> None:
    bundle = rendered(hl7v2(message("ADT^A01", NK1.format(relation=relation), PV1)))
    assert (len(of(bundle, "RelatedPerson")), len(of(bundle, "Patient")[0]["contact"])) == (count, 1)


def test_an_organisation_can_be_next_of_kin() -> None:
    nk1 = "NK1|1||EMR|||||||||Work^^^^^^^^^9" + "|" * 17 + "Lund^Per|44000000|Kontorgata 1^^Oslo"
    bundle = rendered(hl7v2(message("ADT^A01", nk1.replace("|Work", "||Work", 1), PV1)))
    (contact,) = of(bundle, "Patient")[0]["contact"]
    (organisation,) = [o for o in of(bundle, "Organization") if o["name"] == "Work"]
    assert contact["organization"]["reference"].endswith(organisation["id"])
    assert organisation["contact"][0]["name"]["family"] == "Lund"
    assert organisation["contact"][0]["address"]["city"] == "Oslo"


def test_a_next_of_kin_without_a_name_is_whom_one_can_reach() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", "NK1|1||SPO^Spouse^HL70063||22000000", PV1)))
    (person,), (contact,) = of(bundle, "RelatedPerson"), of(bundle, "Patient")[0]["contact"]
    assert (person["telecom"][0]["value"], contact["telecom"]) == ("22000000", person["telecom"])
    elsewhere = rendered(hl7v2(message("ADT^A01", "NK1|1||SPO^Spouse^HL70063" + "|" * 29 + "Gata 1^^Oslo", PV1)))
    assert of(elsewhere, "RelatedPerson")[0]["address"][0]["city"] == "Oslo"
    assert "contact" not in of(elsewhere, "Patient")[0]


def test_a_relation_to_nobody_is_none() -> None:
    bundle = rendered(hl7v2(message("ADT^A01", "NK1|1||SPO^Spouse^HL70063|||||20200101|20301231", PV1)))
    assert "contact" not in of(bundle, "Patient")[0]
    assert not of(bundle, "RelatedPerson")


def test_the_account_of_a_retired_record_is_told() -> None:
    bundle = rendered(hl7v2(message("ADT^A40", "MRG|B88^^^STOLAV||4001^^^STOLAV")))
    (account,) = of(bundle, "Account")
    assert (account["identifier"][0]["value"], account["status"]) == ("4001", "unknown")


def test_a_very_important_person_is_one_whatever_the_visit() -> None:
    visit = PV1.split("|")
    visit[16] = "VIP^Important^L"
    bundle = rendered(hl7v2(message("ADT^A01", "|".join(visit))))
    assert of(bundle, "Patient")[0]["extension"][0]["url"] == f"{EXTENSION}patient-importance"
    assert of(bundle, "Encounter")[0]["hospitalization"]["specialCourtesy"][0]["text"] == "Important"


def test_numbers_that_do_not_name_the_patient_are_told_as_what_they_are() -> None:
    found = patient_of({3: "7^^^HOSP^MR~W1^^^INSURER^MB~8^^^HOSP^AN~000000000^^^&1.2&ISO^SS"})
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in found["identifier"]] == [
        ("7", "MR"), ("W1", "MB"), ("8", "AN"), ("000000000", "SS"),
    ]  # fmt: skip
