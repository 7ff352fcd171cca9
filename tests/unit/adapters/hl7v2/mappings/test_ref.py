"""Referrals and their answers: what is asked for, by whom, of whom, and what was sent along."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
RF1 = {1: "P^Pending^HL70283", 2: "R", 3: "MED^Medisinsk^HL70281", 6: "R1^GP", 7: "20261120"}


def bundle(rf1: dict[int, str], *behind: str, kind: str = "REF^I12") -> dict[str, Any]:
    return rendered(hl7v2(message(kind, line("RF1", RF1 | rf1), *behind)))


def referral(rf1: dict[int, str], *behind: str, kind: str = "REF^I12") -> dict[str, Any]:
    return of(bundle(rf1, *behind, kind=kind), "ServiceRequest")[0]


def test_a_referral_from_a_general_practitioner() -> None:
    made = bundle(
        {4: "WR^Skriftlig svar^HL70282", 5: "A^Ambulatory^HL70284", 8: "20270120", 9: "20261119", 10: "S^Second opinion^HL70336",
         11: "X1^HOSP", 15: "3^konsultasjoner", 24: "Tolk trengs"},
        "PRD|RP|Lund^Kari^^^Dr.^^^^L|Gata 1^^Trondheim^^7030||73000000^WPN^PH||9144889^HPR~4711^HER",
        line("CTD", {1: "PC", 2: "Moe^Ida", 5: "73000001^WPN^PH"}), line("PRD", {1: "RT", 2: "Berg^Åse", 10: "St. Olavs^^^^^^^^^9"}),
        "PRD|PP|Fastlege^Per", "DG1|1||I20.9^Angina pectoris^I10||||W", "AL1|1|DA|1^Penicillin^L", "OBR|1|||1^EKG^LN",
        "OBX|1|ST|1^EKG^LN||ST-senkning||||||F", PV1, "NTE|1||Haster noe",
    )  # fmt: skip
    (found,) = of(made, "ServiceRequest")
    assert (found["status"], found["priority"], found["code"]["text"], found["intent"]) == ("active", "routine", "Medisinsk", "order")
    assert found["occurrencePeriod"] == {"start": "2026-11-20", "end": "2027-01-20"}
    assert (found["authoredOn"], found["quantityQuantity"]["value"]) == ("2026-11-19", 3)
    assert (found["category"][0]["text"], found["orderDetail"][0]["text"]) == ("Ambulatory", "Skriftlig svar")
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in found["identifier"]] == [("R1", "PLAC"), ("X1", "FILL")]
    assert [n["text"] for n in found["note"]] == ["Tolk trengs", "Haster noe"]
    assert (found["requester"]["display"], [p["display"] for p in found["performer"]]) == ("Dr. Kari Lund", ["Åse Berg"])
    kinds = {f"urn:uuid:{e['resource']['id']}": e["resource"]["resourceType"] for e in made["entry"]}
    assert [kinds[i["reference"]] for i in found["supportingInfo"]] == ["PractitionerRole", "DiagnosticReport"]
    assert of(made, "AllergyIntolerance")
    assert of(made, "Condition")[0]["code"]["text"] == "Angina pectoris"
    gp = next(p for p in of(made, "Practitioner") if p["name"][0]["family"] == "Lund" and "address" in p)
    assert [(i["value"], i["system"]) for i in gp["identifier"]] == [
        ("9144889", "urn:oid:2.16.578.1.12.4.1.4.4"), ("4711", "urn:oid:2.16.578.1.12.4.1.2"),
    ]  # fmt: skip
    role = next(r for r in of(made, "PractitionerRole") if r["practitioner"]["display"] == "Dr. Kari Lund")
    assert [p["value"] for p in role["telecom"]] == ["73000000", "73000001"]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [("REF^I12", "P", "active"), ("REF^I12", "A", "active"), ("REF^I13", "R", "revoked"), ("REF^I14", "A", "revoked"),
     ("REF^I12", "E", "revoked"), ("REF^I12", "", "active"), ("REF^I12", "??", "active"),
     ("RRI^I12", "A", "active"), ("RRI^I12", "R", "revoked")],
)  # fmt: skip
def test_where_it_stands(kind: str, code: str, status: str) -> None:
    assert referral({1: code}, kind=kind)["status"] == status


def test_what_was_done_before_comes_along() -> None:
    made = bundle({}, "PR1|1||FNG00^Angiografi^L||20261101")
    (done,) = of(made, "Procedure")
    assert of(made, "ServiceRequest")[0]["supportingInfo"] == [{"reference": f"urn:uuid:{done['id']}"}]


def test_when_it_was_made_where_only_its_start_is_said() -> None:
    assert referral({})["authoredOn"] == "2026-11-20"


def test_how_it_is_answered_needs_what_is_asked_for() -> None:
    made = referral({3: "", 4: "WR"})
    assert made["code"]["coding"][0]["code"] == "NI"
    assert "occurrencePeriod" not in referral({7: ""})


def test_who_may_carry_it_out() -> None:
    made = referral({19: "St. Olavs^^^^^^^^^9", 20: "7^Berg^Åse"})
    assert [p["display"] for p in made["performer"]] == ["St. Olavs", "Åse Berg"]


def test_a_provider_has_a_role_a_place_a_time_and_an_organisation() -> None:
    prd = line("PRD", {1: "RT", 2: "Berg^Åse", 4: "POLI^2", 8: "20260101", 9: "20271231", 10: "St. Olavs", 11: "Gata 2^^Trondheim"})
    made = bundle({}, prd)
    (role,) = of(made, "PractitionerRole")
    assert (role["code"][0]["coding"][0], role["period"]) == (
        {"code": "RT", "system": f"{HL7}v2-0286"}, {"start": "2026-01-01", "end": "2027-12-31"},
    )  # fmt: skip
    assert (role["organization"]["display"], role["location"][0]["display"]) == ("St. Olavs", "2")
    assert next(o for o in of(made, "Organization") if o.get("name") == "St. Olavs")["address"][0]["city"] == "Trondheim"


def test_what_the_payer_agreed_to() -> None:
    aut = line("AUT", {1: "P1", 2: "HELFO^Helfo^L", 3: "Helfo", 4: "20261120", 5: "20270120", 6: "A77^HELFO", 10: "20261119"})
    made = bundle({}, aut)
    (answer,), (found,) = of(made, "ClaimResponse"), of(made, "ServiceRequest")
    assert found["insurance"] == [{"reference": f"urn:uuid:{answer['id']}"}]
    assert (answer["preAuthRef"], answer["use"], answer["insurer"]["display"], answer["created"]) == (
        "A77", "preauthorization", "Helfo", "2026-11-19",
    )  # fmt: skip
    assert answer["preAuthPeriod"] == {"start": "2026-11-20", "end": "2027-01-20"}
    assert of(bundle({}, "AUT|P1"), "ClaimResponse") == []


def test_a_message_without_an_rf1_is_a_referral_all_the_same() -> None:
    (made,) = of(rendered(hl7v2(message("REF^I12", "PRD|RP|Lund^Kari"))), "ServiceRequest")
    assert (made["status"], made["requester"]["display"]) == ("active", "Kari Lund")
