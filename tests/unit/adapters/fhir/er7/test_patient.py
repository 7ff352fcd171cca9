from typing import Any

import pytest

from hub.adapters.fhir.er7.patient import MRG, PD1, PID
from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import (
    FNR,
    HL7,
    LOINC,
    SNOMED,
    V2,
    VISIT,
    coded,
    composed,
    field_of,
    lines,
    message,
    named,
    person,
    row_fields,
    to,
)

RACE = "http://hl7.org/fhir/StructureDefinition/patient-citizenship"


def extension(name: str, key: str, value: Any, part: str = "") -> dict[str, Any]:
    inner = {"url": part, key: value} if part else {key: value}
    return {"url": f"{HL7}patient-{name}"} | ({"extension": [inner]} if part else inner)


def test_who_the_patient_is_stands_in_pid() -> None:
    patient = {
        "resourceType": "Patient",
        "identifier": [FNR, {"system": "STOLAV", "value": "A77", "type": coded("0203", "MR")}],
        "name": [{"family": "Bjørnstad", "given": ["Åse"], "use": "official"}, {"family": "Berg", "use": "maiden"}],
        "birthDate": "1969-11-13",
        "_birthDate": {"extension": [{"url": f"{HL7}patient-birthTime", "valueDateTime": "1969-11-13T04:05:00+01:00"}]},
        "gender": "female",
        "address": [{"line": ["Søndre gate 12"], "city": "Trondheim", "district": "5001", "use": "home"}],
        "telecom": [
            {"value": "1", "system": "phone", "use": "home"},
            {"value": "2", "system": "phone", "use": "work"},
            {"value": "3", "use": "old"},
        ],
        "communication": [{"language": {"text": "engelsk"}}, {"language": coded("urn:ietf:bcp:47", "nb", "norsk"), "preferred": True}],
        "maritalStatus": coded("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M", "Married"),
        "deceasedDateTime": "2026-11-20",
        "multipleBirthInteger": 2,
        "extension": [
            extension("mothersMaidenName", "valueString", "Dahl"),
            extension("birthPlace", "valueAddress", {"text": "Røros"}),
            extension("religion", "valueCodeableConcept", coded("0006", "LUT")),
            extension("citizenship", "valueCodeableConcept", coded("urn:iso:std:iso:3166", "NO", "Norge"), "code"),
            extension("nationality", "valueCodeableConcept", coded("urn:iso:std:iso:3166", "NO"), "code"),
            extension("animal", "valueCodeableConcept", coded(SNOMED, "448771007", "Dog"), "species"),
            extension("animal", "valueCodeableConcept", coded(SNOMED, "1", "Elkhound"), "breed"),
        ],
    }
    assert row_fields(PID, patient) == {
        3: "13116900216^^^&2.16.578.1.12.4.1.4.1&ISO~A77^^^STOLAV^MR",
        5: "Bjørnstad^Åse^^^^^L~Berg^^^^^^M",
        6: "Dahl",
        7: "19691113040500+0100",
        8: "F",
        11: "Søndre gate 12^^Trondheim^^^^H^^5001",
        13: "1^PRN^PH",
        14: "2^WPN^PH",
        15: "nb^norsk",
        16: "M^Married^HL70002",
        17: "LUT^^HL70006",
        23: "Røros",
        24: "Y",
        25: "2",
        26: "NO^Norge^ISO3166_1",
        28: "NO^^ISO3166_1",
        29: "20261120",
        30: "Y",
        35: "448771007^Dog^SCT",
        36: "1^Elkhound^SCT",
    }


def test_a_patient_without_a_name_says_so() -> None:
    assert row_fields(PID, {"resourceType": "Patient", "identifier": [FNR]})[5] == "^^^^^^U"


def test_account_mother_and_last_change_stand_in_resources_of_their_own() -> None:
    told = composed(
        message(
            Kind.ADMITTED,
            VISIT,
            named("acc", "Account", status="active", identifier=[{"system": "KONTO", "value": "55", "type": coded("0203", "AN")}]),
            named(
                "mum",
                "RelatedPerson",
                patient=to("pat"),
                identifier=[FNR | {"value": "05073500186"}],
                relationship=[coded("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")],
            ),
            named(
                "prov",
                "Provenance",
                target=[to("pat")],
                recorded="2026-11-01T10:00:00Z",
                occurredDateTime="2026-11-01T11:00:00+01:00",
                activity=coded("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "UPDATE"),
                agent=[{"who": to("org")}],
            ),
            named("org", "Organization", name="St. Olavs", identifier=[{"value": "STOLAV"}]),
        )
    )
    assert [field_of(told, f"PID-{n}") for n in (18, 21, 33, 34)] == [
        "55^^^KONTO^AN",
        "05073500186^^^&2.16.578.1.12.4.1.4.1&ISO",
        "20261101110000+0100",
        "STOLAV",
    ]


def test_the_general_practitioner_is_a_person_or_an_organisation() -> None:
    patient = {
        "generalPractitioner": [to("doc"), to("org")],
        "meta": {"security": [{"code": "R"}]},
        "extension": [
            extension("congregation", "valueString", "Nidaros"),
            extension("disability", "valueCodeableConcept", coded("0295", "D")),
        ],
    }
    others = dict([person("doc", "9144889", "Lund", "Kari"), named("org", "Organization", name="Legene")])
    assert row_fields(PD1, patient, others) == {
        3: "Legene",
        4: "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO",
        6: "D",
        12: "Y",
        14: "Nidaros",
    }


def test_a_living_will_is_no_result() -> None:
    will = named(
        "w", "Observation", status="final", subject=to("pat"), code=coded(LOINC, "75320-2"), valueCodeableConcept=coded("0315", "Y")
    )
    told = composed(message(Kind.OBSERVATION_REPORTED, will))
    assert field_of(told, "PD1-7") == "Y"
    assert lines(told, "OBX") == []


def merge(*links: dict[str, Any], event: str = "A40") -> Any:
    pat = named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}], name=[{"family": "Berg"}], link=list(links))
    old = named(
        "old",
        "Patient",
        identifier=[{"system": "urn:m", "value": "9", "type": coded("0203", "MR")}],
        name=[{"family": "Dahl"}],
        link=[{"other": to("pat"), "type": "replaced-by"}],
    )
    return composed(
        message(Kind.MERGED, pat, *([old] if any("reference" in link["other"] for link in links) else []), event=(f"{V2}0003", event))
    )


def test_a_merge_names_whom_it_retires_with_name_and_type_of_number() -> None:
    assert field_of(merge({"other": to("old"), "type": "replaces"}), "MRG-1") == "9^^^&urn:m&URI^MR"
    assert field_of(merge({"other": to("old"), "type": "replaces"}), "MRG-7") == "Dahl"


def test_a_merge_may_know_no_more_than_a_number() -> None:
    gone = {"other": {"identifier": {"system": "urn:m", "value": "9"}}, "type": "replaces"}
    assert lines(merge(gone), "MRG") == ["MRG|9^^^&urn:m&URI"]


def test_a_merge_of_accounts_retires_the_account() -> None:
    pat = named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}])
    accounts = [
        named(name, "Account", status=status, identifier=[{"value": name}]) for name, status in (("new", "active"), ("old", "unknown"))
    ]
    told = composed(message(Kind.MERGED, pat, *accounts, event=(f"{V2}0003", "A41")))
    assert (field_of(told, "PID-18"), field_of(told, "MRG-1"), field_of(told, "MRG-3")) == ("new", "7^^^&urn:m&URI", "old")


def test_a_change_of_class_names_the_account_it_retires() -> None:
    accounts = [
        named(name, "Account", status=status, identifier=[{"value": name}]) for name, status in (("new", "active"), ("old", "unknown"))
    ]
    told = composed(message(Kind.CLASS_CHANGED, VISIT, *accounts))
    assert field_of(told, "MRG-3") == "old"
    assert lines(composed(message(Kind.CLASS_CHANGED, VISIT)), "MRG") == []


def test_a_merge_of_nobody_is_none() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.ENCOUNTER_MOVED, VISIT))
    assert refused.value.reason is Reason.NO_TRANSLATION


def test_names_of_a_merge_are_the_retired_patient_s() -> None:
    assert row_fields(MRG, {"identifier": [{"value": "9"}], "name": [{"family": "Dahl"}]}) == {1: "9", 7: "Dahl"}
