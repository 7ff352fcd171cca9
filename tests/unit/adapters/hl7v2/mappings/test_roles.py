"""Who takes part in the care: ROL and PRT behind patient, visit and procedure; who may not know, and who consented."""

from typing import Any

import pytest

from hub.adapters.hl7v2.mappings.gp import NOBODY
from tests.unit.adapters.made import PV1, hl7v2, message, of, rendered

PERSON = "9144889^Lund^Kari^^^Dr."


def told(*segments: str) -> dict[str, Any]:
    return rendered(hl7v2(message("ADT^A01", *segments)))


def resolved(bundle: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    return next(e["resource"] for e in bundle["entry"] if e["fullUrl"] == reference["reference"])


ROL = (
    f"ROL|R1^STOLAV|AD|{{role}}|{PERSON}|20260101|20261231||I10^Why^I10|GP^General^L|1^Clinic^HL70406|Gata 1^^Oslo^^^^{{kind}}|"
    "90000001^PRN^CP|MED3|Legene^^^^^^^^^8"
)


@pytest.mark.parametrize(("kind", "where"), [("H", "practitioner"), ("M", "location"), ("B", "organization")])
def test_the_general_practitioner_with_an_address_where_it_belongs(kind: str, where: str) -> None:
    bundle = told(ROL.format(role="PP^Primary^HL70443", kind=kind), PV1)
    (reference,) = of(bundle, "Patient")[0]["generalPractitioner"]
    role = resolved(bundle, reference)
    assert (role["resourceType"], role["identifier"][0]["value"]) == ("PractitionerRole", "R1")
    assert role["code"][0]["coding"][0] == {
        "system": "http://snomed.info/sct", "code": "446050000", "display": "PCP - Primary care physician",
    }  # fmt: skip
    assert role["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert role["specialty"][0]["coding"][0]["code"] == "GP"  # ROL-9
    assert resolved(bundle, role["organization"])["type"][0]["coding"][0]["code"] == "1"  # ROL-10
    found = {
        "practitioner": resolved(bundle, role["practitioner"]), "organization": resolved(bundle, role["organization"]),
        "location": resolved(bundle, role["location"][0]),
    }  # fmt: skip
    assert [name for name, r in found.items() if "address" in r] == [where]
    assert of(bundle, "CareTeam") == []


def test_a_kind_of_unit_alone_is_nobody() -> None:
    assert of(told("ROL|R1|AD|PP^Primary^HL70443|||||||1^Clinic^HL70406", PV1), "PractitionerRole") == []


def test_the_others_behind_the_patient_are_the_care_team() -> None:
    bundle = told(ROL.format(role="AT^Attending^HL70443", kind="H"), "ROL|R2|AD|RP^Referring^HL70443|||||||||||Ward^^^^^^^^^7", PV1)
    (team,) = of(bundle, "CareTeam")
    first, second = team["participant"]
    assert [r["coding"][0]["code"] for r in first["role"]] == ["ATND", "GP"]
    assert (first["member"]["display"], second["member"]["display"]) == ("Dr. Kari Lund", "Ward")
    assert resolved(bundle, first["onBehalfOf"])["type"][0]["coding"][0]["code"] == "1"
    assert (team["reasonCode"][0]["text"], team["telecom"][0]["value"]) == ("Why", "90000001")
    assert "generalPractitioner" not in of(bundle, "Patient")[0]


def test_a_role_behind_the_visit_takes_part_in_it() -> None:
    bundle = told(PV1, "PV2|", ROL.format(role="AT^Attending^HL70443", kind="H"))
    person = of(bundle, "Encounter")[0]["participant"][-1]
    assert person["type"][0]["coding"][0]["code"] == "ATND"
    assert person["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert resolved(bundle, resolved(bundle, person["individual"])["practitioner"])["name"][0]["family"] == "Lund"


def test_a_person_alone_is_the_general_practitioner_without_a_role() -> None:
    bundle = told(f"PRT|1|AD||PP|{PERSON}", PV1)
    (reference,) = of(bundle, "Patient")[0]["generalPractitioner"]
    assert (resolved(bundle, reference)["resourceType"], reference["display"]) == ("Practitioner", "Dr. Kari Lund")


@pytest.mark.parametrize(("chosen", "preferred"), [("C", ["90000001"]), ("B", ["73000000"]), ("", [])])
def test_a_participation_with_everything(chosen: str, preferred: list[str]) -> None:
    prt = (
        f"PRT|1|AD||PP^Primary^HL70912|{PERSON}|GP^General^L|1|Legene^^^^^^^^^8|MED3^301||20260101|20261231||Gata 1^^Oslo|"
        "90000001^PRN^CP~73000000^WPN^PH"
    )
    bundle = told(prt + "|" * 8 + f"{chosen}|L7^MD^^20300101", PV1)
    (reference,) = of(bundle, "Patient")[0]["generalPractitioner"]
    role = resolved(bundle, reference)
    assert [c["value"] for c in role["telecom"] if "extension" in c] == preferred
    assert (role["identifier"][0]["value"], role["identifier"][0]["period"]) == ("L7", {"end": "2030-01-01"})
    assert resolved(bundle, role["practitioner"])["address"][0]["city"] == "Oslo"
    assert resolved(bundle, role["organization"])["type"][0]["coding"][0]["code"] == "1"
    assert role["location"][0]["display"] == "301"
    (member,) = of(bundle, "CareTeam")[0]["participant"]
    role = resolved(bundle, member["member"])
    assert role["code"][0]["text"] == "General"
    assert "onBehalfOf" not in member  # R4 ctm-1: of a Practitioner only
    assert resolved(bundle, role["organization"])["name"] == "Legene"


def test_an_organisation_is_at_home_nowhere() -> None:
    """R4 org-2 and org-3, whatever kind the message gives the address and the number."""
    office = f"PRT|1|AD||RP^Referring^HL70912|{PERSON}|||Legene^^^^^^^^^8||||||Gata 1^^Oslo^^^^H|90000001^PRN^PH"
    insurer = "IN1|1|P1^Gold^L|C9|Company|Gata 2^^Oslo^^^^H||22000000^PRN^PH"
    bundle = told(office, PV1, insurer)
    offices = [r for r in of(bundle, "Organization") if "address" in r]
    assert sorted(r["name"] for r in offices if "telecom" in r) == ["Company", "Legene"]
    assert all("use" not in found for r in offices for found in (*r["address"], *r.get("telecom", ())))
    assert any(r["address"][0].get("use") == "home" for r in of(bundle, "Practitioner") if "address" in r)


def test_restrictions_stand_on_what_they_restrict() -> None:
    bundle = told("ARV|1|A|DEM|PAT", PV1, "ARV|1|A|LOC|PHY", "ARV|2|D|ALL|PHY")
    patient, visit = of(bundle, "Patient")[0], of(bundle, "Encounter")[0]
    assert [c["code"] for c in patient["meta"]["security"]] == ["R", "DEM", "PAT"]
    assert [c["code"] for c in visit["meta"]["security"]] == ["R", "LOC", "PHY"]


def test_a_disability_and_a_consent() -> None:
    con = "CON|1|001^Treatment^L|F1||||||||A|20261101|20261102|20261101|20271101"
    bundle = told(PV1, "DB1|1|PT||Y", con)
    assert of(bundle, "Patient")[0]["extension"][0]["url"].endswith("patient-disability")
    (consent,) = of(bundle, "Consent")
    assert (consent["status"], consent["dateTime"], consent["identifier"][0]["value"]) == ("active", "2026-11-02", "F1")
    assert consent["provision"]["period"] == {"start": "2026-11-01", "end": "2027-11-01"}


@pytest.mark.parametrize("action", ["DE", "UN", "D"])
@pytest.mark.parametrize("role", ["ROL|R1|{0}|PP^Primary^HL70443|9144889^Lund^Kari", "PRT|R1|{0}||PP^Primary^HL70443|9144889^Lund^Kari"])
def test_whoever_is_taken_out_of_a_role_has_it_no_longer(role: str, action: str) -> None:
    """Nothing is sent to a general practitioner that the patient has no more (0287)."""
    over = hl7v2(message("ADT^A08", role.format(action), PV1))
    assert over.event().gps == (NOBODY,)
    assert "generalPractitioner" not in of(rendered(over), "Patient")[0]
    assert not of(rendered(over), "PractitionerRole") + of(rendered(over), "CareTeam")
    changed = hl7v2(message("ADT^A08", role.format(action), role.format("AD").replace("9144889", "7"), PV1))
    assert [gp.value for gp in changed.event().gps] == ["7"]


def test_whoever_is_taken_out_of_an_order_a_result_or_a_procedure_is_not_in_it() -> None:
    prt = "PRT||{0}||{1}|9144889^Lund^Kari"
    results = ("OBR|1|||1-8^Urea^LN", prt.format("DE", "TN"), "OBX|1|NM|1-8^Urea^LN||5|mmol/L|||||F", prt.format("DE", "RO"))
    bundle = rendered(hl7v2(message("ORU^R01", *results)))
    assert not any("performer" in r for r in of(bundle, "DiagnosticReport") + of(bundle, "Observation"))
    (done,) = of(told("PR1|1||JDB00^Gastrostomy^NCSP||20261120", "ROL|R1|DE|AT|9144889^Lund^Kari"), "Procedure")
    assert "performer" not in done
