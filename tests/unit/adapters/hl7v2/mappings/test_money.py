"""Insurance, accounts and charges: IN1 to IN3, GT1, BAR and DFT."""

from typing import Any

import pytest

from hub.model import Detail, Form
from tests.unit.adapters.made import PV1, RECIPIENT, hl7v2, message, of, rendered


def told(kind: str, *segments: str) -> dict[str, Any]:
    raw = message(kind, *segments).decode()
    pid = raw.split("\r")[1]
    return rendered(hl7v2(raw.replace(pid, "PID|1||A77^^^STOLAV^MR||Berg^Ole" + "|" * 13 + "4000^^^STOLAV^AN").encode()))


def resolved(bundle: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    return next(e["resource"] for e in bundle["entry"] if e["fullUrl"] == reference["reference"])


IN1 = (
    (
        "IN1|1|P1^Gold^L|C9^^^REG^NIIP|Company|Gata 1^^Oslo|Agent^Per|22000000|G7|Group|E5^^^WORK^SN|Employer|20260101|20261231||"
        "HMO^Health^L|"
        "{name}|{relation}|19750228|Gata 2^^Bergen"
    )
    + "|" * 17
    + "POL-7"
    + "|" * 7
    + "F"
    + "|" * 6
    + "S-1^^^REG^NI"
)


def test_a_coverage_with_everybody_in_it() -> None:
    bundle = told(
        "ADT^A01", PV1, IN1.format(name="Berg^Kari", relation="SPO^Spouse^HL70063"), "IN2|" + "|" * 4 + "|MC-1", "IN3|1" + "|" * 20 + "Anne"
    )
    (made,) = of(bundle, "Coverage")
    assert (made["status"], made["beneficiary"]["reference"][-36:]) == ("active", of(bundle, "Patient")[0]["id"])
    assert [i["value"] for i in made["identifier"]] == ["P1", "POL-7", "MC-1"]
    assert [(c["type"]["coding"][0]["code"], c["value"]) for c in made["class"]] == [("plan", "P1"), ("group", "G7")]
    assert made["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert [e["valueIdentifier"]["value"] for e in made["extension"]] == ["S-1", "E5"]
    payor, holder = resolved(bundle, made["payor"][0]), resolved(bundle, made["policyHolder"])
    assert (payor["name"], payor["identifier"][0]["value"], payor["address"][0]["city"]) == ("Company", "C9", "Oslo")
    assert (holder["name"], holder["identifier"][0]["value"]) == ("Employer", "E5")
    insured = resolved(bundle, made["subscriber"])
    assert (insured["resourceType"], insured["name"][0]["family"], insured["birthDate"], insured["gender"]) == (
        "RelatedPerson", "Berg", "1975-02-28", "female",
    )  # fmt: skip
    (team,) = of(bundle, "CareTeam")
    assert (team["participant"][0]["role"][0]["text"], team["participant"][0]["member"]["display"]) == ("case manager", "Anne")
    (account,) = of(bundle, "Account")
    assert account["coverage"][0]["coverage"]["reference"].endswith(made["id"])


@pytest.mark.parametrize("relation", ["SEL^Self^HL70063", "patient"])
def test_who_is_insured_may_be_the_patient(relation: str) -> None:
    bundle = told("ADT^A01", PV1, IN1.format(name="Berg^Ole", relation=relation))
    assert resolved(bundle, of(bundle, "Coverage")[0]["subscriber"])["resourceType"] == "Patient"
    assert of(bundle, "RelatedPerson") == []


def test_a_coverage_without_a_company_says_so() -> None:
    (made,) = of(told("ADT^A01", "IN1|1|P1^Gold^L|"), "Coverage")
    assert made["payor"] == [{"display": "unknown"}]  # R4 demands one


@pytest.mark.parametrize(
    ("relation", "found"),
    [
        ("SPO^Spouse^HL70063", ["SPS", "spouse"]),
        ("CHD", ["CHILD", "child"]),
        ("FCH^Foster child^HL70063", ["CHLDFOST"]),
        ("CHD^Child^LOCAL", ["CHD"]),
    ],
)
def test_the_relation_to_the_subscriber_is_in_fhir_s_words_where_it_has_them(relation: str, found: list[str]) -> None:
    (made,) = of(told("ADT^A01", PV1, IN1.format(name="Berg^Kari", relation=relation)), "Coverage")
    assert [c["code"] for c in made["relationship"]["coding"]] == found


@pytest.mark.parametrize(
    ("gt1", "kind"),
    [("GT1|1||Berg^Kari||Gata 1^^Oslo|22000000|||F||SPO|", "RelatedPerson"), ("GT1|1||Berg^Ole||||||||SEL|", "Patient"),
     ("GT1|1||" + "|" * 18 + "Company^^^^^^^^^9", "Organization")],
)  # fmt: skip
def test_who_guarantees_for_the_account(gt1: str, kind: str) -> None:
    bundle = told("BAR^P01", PV1, gt1)
    (account,) = of(bundle, "Account")
    assert resolved(bundle, account["guarantor"][0]["party"])["resourceType"] == kind


@pytest.mark.parametrize(
    ("event", "status"), [("P01", "active"), ("P02", "inactive"), ("P05", "active"), ("P06", "inactive"), ("P12", "active")]
)
def test_an_account_by_its_event(event: str, status: str) -> None:
    bundle = told(f"BAR^{event}", PV1)
    (account,) = of(bundle, "Account")
    assert (account["identifier"][0]["value"], account["status"]) == ("4000", status)
    assert of(bundle, "Encounter")[0]["account"][0]["reference"].endswith(account["id"])


FT1 = (
    "FT1|1|T7|B1|20261122^20261123|20261124|{kind}|71045^Chest X-ray^C4|||2|100.50&NOK|50&NOK|RAD^^^^^^^^^5||||||"
    "I20^Angina^I10|7^Doc^Tor|||"
    "|8^Clerk^Ann|FNG00^Done^L||||N1^Aspirin^NDC|Perf^^^^^^^^^6|Req^^^^^^^^^7"
)


@pytest.mark.parametrize(("event", "kind", "status"), [("P03", "CG", "billable"), ("P11", "CD", "not-billable"), ("P03", "PY", "unknown")])
def test_a_charge(event: str, kind: str, status: str) -> None:
    raw = message(f"DFT^{event}", PV1, FT1.format(kind=kind))
    assert b'"value":100.50' in hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)
    bundle = told(f"DFT^{event}", PV1, FT1.format(kind=kind))
    (made,) = of(bundle, "ChargeItem")
    assert (made["status"], made["identifier"][0]["value"], made["code"]["text"], made["quantity"]["value"]) == (
        status,
        "T7",
        "Chest X-ray",
        2,
    )
    assert made["occurrencePeriod"] == {"start": "2026-11-22", "end": "2026-11-23"}
    assert (made["priceOverride"]["currency"], made["enteredDate"], made["enterer"]["display"]) == ("NOK", "2026-11-24", "Ann Clerk")
    assert (made["performingOrganization"]["display"], made["requestingOrganization"]["display"]) == ("Perf", "Req")
    assert resolved(bundle, made["service"][0])["code"]["text"] == "Done"
    assert made["account"][0]["reference"].endswith(of(bundle, "Account")[0]["id"])
    focus = of(bundle, "MessageHeader")[0]["focus"]
    assert [f["reference"][-36:] for f in focus] == [made["id"]]
