"""What each family adds: results, orders, documents, appointments, referrals."""

from base64 import b64decode

import pytest

from hub.model import Detail, Form
from tests.unit.adapters.made import PID, PV1, RECIPIENT, hl7v2, message, of, rendered

ORC = "ORC|RE|P1^LAB|F1^LAB||CM"
OBR = "OBR|1|P1^LAB|F1^LAB|24323-8^Metabolsk panel^LN|||202611200815|||||||||||||||202611200830|||{status}"


def observation(*fields: str) -> dict[str, object]:
    obx = "|".join(["OBX", "1", *fields])
    return of(rendered(hl7v2(message("ORU^R01", OBR.format(status="F"), obx))), "Observation")[0]


@pytest.mark.parametrize(
    ("kind", "value", "units", "expected"),
    [
        ("NM", "5.40", "mmol/L^^UCUM", {"valueQuantity": {
            "value": 5.4, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}}),
        ("NM", "-.5", "", {"valueQuantity": {"value": -0.5}}),
        ("NM", "<5", "", {"valueQuantity": {"value": 5, "comparator": "<"}}),
        ("SN", ">^90", "mL", {"valueQuantity": {"value": 90, "unit": "mL", "comparator": ">"}}),
        ("SN", "^1^:^128", "", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        ("SN", "^1^-^3", "", {"valueRange": {"low": {"value": 1}, "high": {"value": 3}}}),
        ("SN", "<>^5", "", {"valueString": "<> 5"}),
        ("CWE", "27268008^Salmonella^SCT", "", {"valueCodeableConcept": {
            "coding": [{"code": "27268008", "system": "http://snomed.info/sct", "display": "Salmonella"}], "text": "Salmonella"}}),
        ("ST", "Å\\T\\B", "", {"valueString": "Å&B"}),
        ("TX", "line 1~line 2", "", {"valueString": "line 1\nline 2"}),
        ("FT", "a\\.br\\b", "", {"valueString": "a\nb"}),
        ("DT", "20261120", "", {"valueDateTime": "2026-11-20"}),
        ("TM", "0815", "", {"valueTime": "08:15:00"}),
        ("NR", "1^2", "", {"valueRange": {"low": {"value": 1}, "high": {"value": 2}}}),
        ("XX", "who^knows", "", {"valueString": "who^knows"}),
    ],
)  # fmt: skip
def test_every_kind_of_value(kind: str, value: str, units: str, expected: dict[str, object]) -> None:
    made = observation(kind, "1^x^LN", "", value, units, "", "", "", "", "F")
    assert {k: v for k, v in made.items() if k.startswith("value")} == expected


def test_a_number_keeps_the_precision_it_was_written_with() -> None:
    raw = message("ORU^R01", OBR.format(status="F"), "OBX|1|NM|1^x^LN||005.400||||||F")
    assert b'"value":5.400' in hl7v2(raw).render(Form.FHIR, Detail.FULL, RECIPIENT)


def test_repeated_numbers_become_components() -> None:
    made = observation("NM", "1^x^LN", "", "60~120", "", "", "", "", "", "F")
    assert [c["valueQuantity"]["value"] for c in made["component"]] == [60, 120]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "status"),
    [("F", "final"), ("P", "preliminary"), ("C", "corrected"), ("D", "entered-in-error"), ("X", "cancelled"), ("A", "amended"),
     ("S", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_result_status(code: str, status: str) -> None:
    assert observation("NM", "1^x^LN", "", "5", "", "", "", "", "", code)["status"] == status


@pytest.mark.parametrize(
    ("code", "status"), [("F", "final"), ("P", "preliminary"), ("C", "corrected"), ("X", "cancelled"), ("R", "partial"), ("", "unknown")]
)
def test_a_report_holds_its_results_its_order_and_its_notes(code: str, status: str) -> None:
    segments = [ORC, OBR.format(status=code), "NTE|1||haemolysed", "OBX|1|NM|1^x^LN||5||||||F|||202611200800", "NTE|1||checked twice",
                "OBX|2|NM|2^y^LN||6||||||F", "OBR|2|P2|F2|2^other^LN", "OBX|1|ST|3^z^LN||ok||||||F"]  # fmt: skip
    bundle = rendered(hl7v2(message("ORU^R01", PV1, *segments)))
    first, second = of(bundle, "DiagnosticReport")
    results = of(bundle, "Observation")
    assert (first["status"], len(first["result"]), len(second["result"])) == (status, 2, 1)
    assert (first["effectiveDateTime"], first["issued"]) == ("2026-11-20T08:15:00+01:00", "2026-11-20T08:30:00+01:00")
    assert [o["effectiveDateTime"] for o in results[:2]] == ["2026-11-20T08:00:00+01:00", "2026-11-20T08:15:00+01:00"]
    assert results[0]["note"] == [{"text": "checked twice"}]
    assert of(bundle, "ServiceRequest")[0]["note"] == [{"text": "haemolysed"}]
    focus = [f["reference"] for f in bundle["entry"][0]["resource"]["focus"]]
    assert focus == [e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DiagnosticReport"]


@pytest.mark.parametrize(
    ("control", "order", "status"),
    [("NW", "", "active"), ("CA", "", "revoked"), ("NW", "CM", "completed"), ("HD", "", "on-hold"), ("??", "", "unknown")],
)
def test_orders(control: str, order: str, status: str) -> None:
    raw = message(
        "ORM^O01", f"ORC|{control}|P1|||{order}||||202611200800", "OBR|1|P1||2^CT^LN||||||||||||9144889^Lund^Kari", "OBR|2|P2||3^MR^LN"
    )
    first, second = of(rendered(hl7v2(raw)), "ServiceRequest")
    assert (first["status"], first["intent"], first["code"]["text"], second["code"]["text"]) == (status, "order", "CT", "MR")
    assert first["requester"]["display"] == "Kari Lund"


def test_a_document_with_text_and_a_file() -> None:
    txa = "TXA|1|DS^Epikrise|TX|||202611201200||||||D1^STOLAV||||epikrise.pdf|AU|R|AV||||||Epikrise"
    raw = message("MDM^T02", txa, "OBX|1|TX|1^t||Innlagt med brystsmerter.~Bedre.", "OBX|2|ED|2^p||^application^pdf^Base64^JVBERi0=")
    document = of(rendered(hl7v2(raw)), "DocumentReference")[0]
    text, file = (c["attachment"] for c in document["content"])
    assert b64decode(text["data"]).decode() == "Innlagt med brystsmerter.\nBedre."
    assert (file["contentType"], file["data"]) == ("application/pdf", "JVBERi0=")
    assert (document["status"], document["docStatus"], document["securityLabel"][0]["coding"][0]["code"]) == ("current", "final", "R")


def test_a_withdrawn_document_is_an_error() -> None:
    document = of(rendered(hl7v2(message("MDM^T11", "TXA|1|DS|||||||||||D1"))), "DocumentReference")[0]
    assert (document["status"], document["docStatus"]) == ("entered-in-error", "entered-in-error")


@pytest.mark.parametrize(
    ("event", "said", "status"),
    [("S12", "", "booked"), ("S15", "Booked", "cancelled"), ("S26", "", "noshow"), ("S14", "Pending", "pending")],
)
def test_appointments(event: str, said: str, status: str) -> None:
    sch = f"SCH|P1|F1|||||CHECK^Kontroll||30|MIN|^^^20261201090000||||||||||||||{said}"
    raw = message(f"SIU^{event}", sch, "AIP|1||9144889^Lund^Kari", "AIL|1||POLI^2^^STOLAV")
    appointment = of(rendered(hl7v2(raw)), "Appointment")[0]
    assert (appointment["status"], appointment["start"], appointment["end"]) == (
        status,
        "2026-12-01T09:00:00+01:00",
        "2026-12-01T09:30:00+01:00",
    )
    assert [p["actor"].get("display") for p in appointment["participant"]] == [None, "Kari Lund", "2"]


@pytest.mark.parametrize(("event", "status"), [("I12", "active"), ("I13", "active"), ("I14", "revoked")])
def test_referrals(event: str, status: str) -> None:
    raw = message(
        f"REF^{event}", "RF1|A|R|MED^Medisinsk|||R1^GP|20261120", "PRD|RP|Lund^Kari", "PRD|RT|Berg^Nils", "DG1|1||I20.9^Angina^I10||||W"
    )
    bundle = rendered(hl7v2(raw))
    referral = of(bundle, "ServiceRequest")[0]
    assert (referral["status"], referral["priority"], referral["requester"]["display"]) == (status, "routine", "Kari Lund")
    assert [p["display"] for p in referral["performer"]] == ["Nils Berg"]
    assert of(bundle, "Condition")[0]["code"]["coding"][0]["code"] == "I20.9"


@pytest.mark.parametrize(
    ("event", "status", "with_end"),
    [("A01", "in-progress", "finished"), ("A02", "in-progress", "finished"), ("A03", "finished", "finished"),
     ("A04", "arrived", "finished"), ("A05", "planned", "planned"), ("A08", "unknown", "finished"), ("A11", "cancelled", "cancelled"),
     ("A12", "in-progress", "finished"), ("A13", "in-progress", "in-progress"), ("A14", "planned", "planned"),
     ("A21", "onleave", "onleave"), ("A23", "entered-in-error", "entered-in-error"), ("A38", "cancelled", "cancelled")],
)  # fmt: skip
def test_the_visit_s_status_is_the_event_s(event: str, status: str, with_end: str) -> None:
    for end, expected in (("", status), ("20261122", with_end)):
        visit = of(rendered(hl7v2(message(f"ADT^{event}", PV1 + end))), "Encounter")[0]
        assert visit["status"] == expected
        assert ("end" in visit["period"]) == (bool(end) and event != "A13")
        assert (visit["class"]["system"], visit["class"]["code"]) == ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP")


def test_one_person_and_one_place_are_one_resource() -> None:
    visit = PV1.replace("MED3^301^2^STOLAV|||", "MED3^301^2^STOLAV|||AKM^1^^STOLAV").replace("|||AKM", "|||AKM", 1)
    bundle = rendered(hl7v2(message("ADT^A02", "PD1||||9144889^Lund^Kari^^^Dr.", visit)))
    assert len(of(bundle, "Practitioner")) == 1
    assert sum(p["name"] == "STOLAV" for p in of(bundle, "Location")) == 1


@pytest.mark.parametrize(
    ("pid3", "system"),
    [
        ("4711^^^HPR", "urn:oid:2.16.578.1.12.4.1.4.4"),
        ("4711^^^^HPR", "urn:oid:2.16.578.1.12.4.1.4.4"),
        ("4711^^^&2.16.578.1.12.4.1.4.4&ISO^FNR", "urn:oid:2.16.578.1.12.4.1.4.4"),  # what is said outright counts
        ("4711^^^ELSEWHERE^HPR", "ELSEWHERE"),
        ("4711", None),
    ],
)
def test_norwegian_numbers_of_a_visit_and_of_next_of_kin_stand_in_their_systems(pid3: str, system: str | None) -> None:
    visit = "PV1|1|I|||||||||||||||||" + pid3
    bundle = rendered(hl7v2(message("ADT^A01", visit, "NK1|1|Berg^Ola|SPO" + "|" * 30 + pid3)))
    for resource in ("Encounter", "RelatedPerson"):
        (identifier,) = of(bundle, resource)[0]["identifier"]
        assert (identifier["value"], identifier.get("system")) == ("4711", system)


def test_practitioners_and_organisations_stand_in_the_systems_of_no_basis() -> None:
    pd1 = "PD1|||Legene^^^^^ENH^^^^974749025~Andre^^974749025~Tredje^^974749026|7^Lege^Lin^^^^^^^^^^HPR~8^Lege^Per^^^^^^HER"
    bundle = rendered(hl7v2(message("ADT^A01", pd1, PV1)))
    found = [(i["value"], i.get("system")) for kind in ("Organization", "Practitioner") for r in of(bundle, kind) for i in r["identifier"]]
    enh, hpr, her = (f"urn:oid:2.16.578.1.12.4.1.{rest}" for rest in ("4.101", "4.4", "2"))
    assert {("974749025", enh), ("974749026", None), ("7", hpr), ("8", her)} <= set(found)


def test_the_patient_s_other_numbers_keep_what_is_said_of_them() -> None:
    pid = f"PID|1|3^^^EXT^PT|7^^^HOSP^MR|9{'|' * 15}10915596784"
    raw = message("ADT^A01", PV1).replace(PID.encode(), pid.encode())
    patient = of(rendered(hl7v2(raw)), "Patient")[0]
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in patient["identifier"]] == [
        ("7", "MR"),
        ("3", "PT"),
        ("10915596784", "SS"),
    ]
