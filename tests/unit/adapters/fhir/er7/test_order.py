from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7.order import OBR, ORC, coded_device, orc
from tests.unit.adapters.fhir.er7.composed import HL7, LOINC, SNOMED, coded, named, person, row_fields, to

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ServiceRequest.supportingInfo"
BACK = f"{HL7}servicerequest-order-callback-phone-number"
LUND = "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"


def provenance(*agents: dict[str, object]) -> dict[str, object]:
    return {"resourceType": "Provenance", "target": [to("order")], "agent": list(agents)}


def test_who_asked_and_for_whom_stands_in_orc() -> None:
    event = {
        "url": f"{HL7}businessEvent",
        "extension": [{"url": "value", "valueCodeableConcept": coded("0119", "XO")}, {"url": "date", "valueDateTime": "2026-11-20"}],
    }
    order = {
        "resourceType": "ServiceRequest",
        "status": "on-hold",
        "requester": to("role"),
        "identifier": [
            {"system": "R", "value": "P1", "type": coded("0203", "PLAC")},
            {"system": "L", "value": "F1", "type": coded("0203", "FILL")},
        ],
        "requisition": {"value": "G1"},
        "extension": [event, {"url": BACK, "valueContactPoint": {"value": "73"}}],
        "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]},
        "locationCode": [coded("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "OF")],
    }
    role = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    others = dict(
        [
            ("order", order),
            person("doc", "9144889", "Lund", "Kari"),
            named("dev", "Device", identifier=[{"value": "PC"}]),
            named("role", "PractitionerRole", practitioner=to("doc"), organization=to("org")),
            named("org", "Organization", name="Legene", address=[{"city": "Oslo"}], telecom=[{"value": "22"}]),
            (
                "prov",
                provenance(
                    {"type": coded(role, "enterer"), "who": to("doc"), "onBehalfOf": to("org")},
                    {"type": coded(role, "verifier"), "who": to("doc")},
                    {"who": to("dev")},
                ),
            ),
        ]
    )
    entries = Entries({"entry": [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in others.items()]})
    told = orc(order, entries).split("|")
    assert {n: said for n, said in enumerate(told) if n and said} == {
        1: "XO",
        2: "P1^R",
        3: "F1^L",
        4: "G1",
        5: "HD",
        9: "20261120",
        10: LUND,
        11: LUND,
        12: LUND,
        14: "73",
        17: "^Legene",
        18: "PC",
        21: "Legene",
        22: "^^Oslo",
        23: "22",
        28: "R^^HL70177",
        29: "O^^HL70482",
    }


def test_what_an_order_is_is_its_status_unless_it_says_so_itself() -> None:
    entries = Entries({})
    for status, control, state in (
        ("active", "NW", ""),
        ("on-hold", "HD", "HD"),
        ("revoked", "CA", "CA"),
        ("stopped", "DC", "DC"),
        ("x", "NW", ""),
    ):
        assert row_fields(ORC, {"status": status}) == {1: control} | ({5: state} if state else {})
    assert orc({"status": "active"}, entries, "RE") == "ORC|RE"
    assert orc({}, entries, "RE", behind={"authoredOn": "2026-11-20"}) == "ORC|RE||||||||20261120"


def test_what_is_asked_for_stands_in_obr() -> None:
    order = {
        "identifier": [{"value": "P1"}],
        "code": coded(LOINC, "57698-3", "Lipid panel"),
        "occurrenceDateTime": "2026-11-20",
        "intent": "reflex-order",
        "requester": {"display": "Per Berg", "extension": [{"url": BACK, "valueContactPoint": {"value": "73"}}]},
        "reasonCode": [{"text": "fett"}, {"text": "mer"}],
        "basedOn": [
            {"type": "ServiceRequest", "identifier": {"value": "A", "type": coded("0203", "PLAC")}},
            {"type": "ServiceRequest", "identifier": {"value": "B", "type": coded("0203", "FILL")}},
        ],
        "orderDetail": [coded(SNOMED, "1", "fastende"), coded(SNOMED, "2", "haster")],
        "extension": [{"url": R5, "extension": [{"url": "concept", "valueCodeableConcept": {"text": "gravid"}}]}],
    }
    assert row_fields(OBR, order) == {
        2: "P1",
        4: "57698-3^Lipid panel^LN",
        6: "20261120",
        11: "G",
        13: "gravid",
        16: "^Per Berg",
        17: "73",
        29: "A^B",
        31: "^fett~^mer",
        46: "1^fastende^SCT",
        47: "2^haster^SCT",
    }


def test_a_device_is_its_numbers_and_names() -> None:
    device = {
        "identifier": [{"value": "1", "system": "http://terminology.hl7.org/CodeSystem/v2-0396/X"}, {"value": "2"}],
        "deviceName": [{"name": "a"}, {"name": "b"}],
    }
    assert coded_device(device) == "1^a^X^2^b"
    assert coded_device({}) == ""
