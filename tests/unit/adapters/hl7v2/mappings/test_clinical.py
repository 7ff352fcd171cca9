"""What an administrative message tells of health: diagnoses, allergies, procedures, accidents, deaths."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered


def told(kind: str, *segments: str) -> list[dict[str, Any]]:
    return of(rendered(hl7v2(message("ADT^A01", *segments))), kind)


DG1 = "DG1|1||I21.9^Infarction^I10|Heart attack|20261120|{use}|||||||||2|7^Berg^Per|||20261121|D7^STOLAV|{action}|D1^STOLAV"


@pytest.mark.parametrize(("use", "action", "status"), [("F", "", "confirmed"), ("W", "", "unconfirmed"), ("F", "D", "entered-in-error")])
def test_a_diagnosis(use: str, action: str, status: str) -> None:
    bundle = rendered(hl7v2(message("ADT^A01", PV1, DG1.format(use=use, action=action))))
    (made,), (visit,) = of(bundle, "Condition"), of(bundle, "Encounter")
    assert (made["code"]["coding"][0]["code"], made["code"]["text"]) == ("I21.9", "Heart attack")
    assert made["verificationStatus"]["coding"][0]["code"] == status
    assert ("clinicalStatus" in made) == (status != "entered-in-error")
    assert (made["onsetDateTime"], made["recordedDate"], made["asserter"]["display"]) == ("2026-11-20", "2026-11-21", "Per Berg")
    assert made["identifier"][0]["value"] == "D7"
    assert made["extension"][1]["valueReference"]["identifier"]["value"] == "D1"
    (diagnosis,) = visit["diagnosis"]
    assert diagnosis["condition"]["reference"].endswith(made["id"])
    assert (diagnosis["rank"], diagnosis["use"]["coding"][0]["code"]) == (2, use)


def test_the_episode_has_the_diagnosis_too() -> None:
    visit = "PV1|1|I" + "|" * 52 + "E7^^^STOLAV"
    bundle = rendered(hl7v2(message("ADT^A01", visit, "DG1|1||I21.9^x^I10|||A")))
    (episode,) = of(bundle, "EpisodeOfCare")
    assert [c["code"] for c in episode["diagnosis"][0]["role"]["coding"]] == ["AD", "A"]


@pytest.mark.parametrize(
    ("al1", "expected"),
    [
        ("AL1|1|DA|N1^Penicillin^L|SV|rash~itch|20200101", ("allergy", ["medication"], "high", "severe", ["rash", "itch"])),
        ("AL1|1|FA|N1^Nuts^L|MO", ("allergy", ["food"], "high", None, [])),
        ("AL1|1|MC|N1^X^L|U", (None, None, "unable-to-assess", None, [])),
    ],
)  # fmt: skip
def test_an_allergy(al1: str, expected: tuple[object, ...]) -> None:
    (made,) = told("AllergyIntolerance", al1)
    reaction = made.get("reaction", [{}])[0]
    assert (
        made.get("type"), made.get("category"), made.get("criticality"), reaction.get("severity"),
        [m["text"] for m in reaction.get("manifestation", [])],
    ) == expected  # fmt: skip
    assert made["clinicalStatus"]["coding"][0]["code"] == "active"


def test_an_allergy_to_nothing_is_none() -> None:
    assert told("AllergyIntolerance", "AL1|1|DA||SV", "IAM|1|DA||SV") == []


def test_a_relation_that_says_nothing_is_none() -> None:
    bundle = rendered(hl7v2(message("ADT^A60", "IAM|1|FA|N1^Peanut^L|MI||A|56||||20180501||20201010|Lund^Kari|\u00a0")))
    assert "relationship" not in of(bundle, "RelatedPerson")[0]


@pytest.mark.parametrize(("relation", "kind"), [("", "Practitioner"), ("SEL", "Patient"), ("SPO^Spouse^HL70063", "RelatedPerson")])
def test_an_adverse_reaction_with_its_story(relation: str, kind: str) -> None:
    iam = f"IAM|1|FA|N1^Peanut^L|MI|1^Rash^L|A|56^STOLAV||||20180501||20201010|Lund^Kari|{relation}||C"
    segments = ("IAR|2^Swelling^L|SV||kept under watch", "NTE|1||seen twice")
    bundle = rendered(hl7v2(message("ADT^A60", iam, *segments)))
    (made,) = of(bundle, "AllergyIntolerance")
    assert (made["onsetDateTime"], made["recordedDate"], made["identifier"][0]["value"]) == ("2018-05-01", "2020-10-10", "56")
    assert made["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert [r["severity"] for r in made["reaction"]] == ["mild", "severe"]
    assert made["reaction"][1]["description"] == "kept under watch"
    assert made["note"] == [{"text": "seen twice"}]
    (recorder,) = [e["resource"] for e in bundle["entry"] if e["fullUrl"] == made["recorder"]["reference"]]
    assert recorder["resourceType"] == kind
    assert {"family": "Lund", "given": ["Kari"]} in recorder["name"]


@pytest.mark.parametrize(
    ("status", "verification", "clinical"),
    [("C", "confirmed", "active"), ("I", "confirmed", "inactive"), ("E", "entered-in-error", None), ("D", "unconfirmed", "active"),
     ("resolved", None, "resolved"), ("odd^Odd^L", None, "active"), ("", None, "active")],
)  # fmt: skip
def test_how_sure_an_allergy_is_and_whether_it_still_is(status: str, verification: str | None, clinical: str | None) -> None:
    (made,) = told("AllergyIntolerance", "IAM|1|FA|N1^Peanut^L" + "|" * 14 + status)
    said = [made.get(key, {}).get("coding", [{}])[0].get("code") for key in ("verificationStatus", "clinicalStatus")]
    assert said == [verification, clinical]


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [("20261120", "", {"performedDateTime": "2026-11-20"}), ("20261120", "45", {"performedDateTime": "2026-11-20"}),
     ("202611200830", "45", {"performedPeriod": {"start": "2026-11-20T08:30:00+01:00", "end": "2026-11-20T09:15:00+01:00"}}),
     ("", "45", {})],
)  # fmt: skip
def test_when_a_procedure_was_done(start: str, minutes: str, expected: dict[str, Any]) -> None:
    (made,) = told("Procedure", f"PR1|1||FNG00^Angiography^L||{start}||{minutes}")
    assert {k: v for k, v in made.items() if k.startswith("performed")} == expected


def test_a_procedure_with_who_did_it_where_and_why() -> None:
    pr1 = (
        "PR1|1||FNG00^Angiography^L|Of the heart|20261120|D||1^Sleep|||2^Knife~3^Other|4^Help|||I20^Angina^I10|LT^Left^L|||"
        "P7^STOLAV||||LAB^2||P1"
    )
    rol = "ROL|R1|AD|AT^Attending^HL70443|5^Hand^Per"
    bundle = rendered(hl7v2(message("ADT^A01", PV1, pr1, rol)))
    (made,) = of(bundle, "Procedure")
    assert [c["code"] for c in made["code"]["coding"]] == ["FNG00", "FNG00:LT"]
    assert (made["code"]["text"], made["category"]["coding"][0]["code"]) == ("Of the heart", "D")
    assert [p["actor"].get("display") for p in made["performer"]] == ["Sleep", "Knife", "Other", "Help", None]
    assert [p["function"]["coding"][0]["code"] for p in made["performer"][:3]] == ["88189002", "304292004", "304292004"]
    assert (made["reasonCode"][0]["text"], made["identifier"][0]["value"]) == ("Angina", "P7")
    assert made["partOf"][0]["identifier"]["value"] == "P1"
    assert made["location"]["display"] == "2"


def test_an_accident_and_a_death() -> None:
    acc = "ACC|20260317|TR^Traffic^L|Route 50||Y|N|7^Gold^Lud|hit a moose|Y|||5348"
    pda = "PDA|I21^Infarct^I10||Y|20261102123000|8^Doc^Tor|Y|20261102103000^20261102113000|9^Path^Olo|N"
    bundle = rendered(hl7v2(message("ADT^A03", PV1, acc, pda)))
    accident, cause, *flags = of(bundle, "Observation")
    assert (accident["effectiveDateTime"], accident["note"][0]["text"], len(accident["component"])) == ("2026-03-17", "hit a moose", 3)
    assert cause["valueCodeableConcept"]["coding"][0]["code"] == "I21"
    assert [f["valueCodeableConcept"]["coding"][0]["code"] for f in flags] == ["Y", "Y", "N"]
    certified, autopsy = of(bundle, "Procedure")
    assert certified["performedDateTime"] == "2026-11-02T12:30:00+01:00"
    assert autopsy["performer"][0]["actor"]["display"] == "Olo Path"


@pytest.mark.parametrize("said", ["", "C", "I", "active"])
def test_an_allergy_that_is_deleted_is_none_whatever_it_was(said: str) -> None:
    """IAM-6 (0323)."""
    (made,) = told("AllergyIntolerance", "IAM|1|DA|PEN^Penicillin^L|SV|Rash|D^Delete^HL70323" + "|" * 11 + said)
    assert made["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in made


@pytest.mark.parametrize(("action", "status"), [("A", "unknown"), ("U", "unknown"), ("", "unknown"), ("D", "entered-in-error")])
def test_a_procedure_that_is_deleted_was_not_done(action: str, status: str) -> None:
    (made,) = told("Procedure", line("PR1", {1: "1", 3: "JDB00^Gastrostomy^NCSP", 5: "20261120", 20: action}))
    assert made["status"] == status
