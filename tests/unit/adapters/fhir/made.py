"""A FHIR admission with everything in it, to be changed by the tests."""

import json
from typing import Any

from hub.adapters.fhir.mappings import DAVINCI

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"


def entry(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{name}", "resource": resource}


def ref(name: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{name}"}


def place(name: str, kind: str, part_of: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Location", "name": name, "physicalType": {"coding": [{"system": PHYSICAL, "code": kind}]}}
    return made | ({"partOf": ref(part_of)} if part_of else {})


def bundle() -> dict[str, Any]:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": DAVINCI, "code": "notification-admit"},
        "source": {"name": "EPJ", "endpoint": "urn:epj"},
        "destination": [{"name": "Trondheim", "endpoint": "urn:trd", "receiver": {"identifier": {"value": "942110464"}}}],
        "sender": ref("org"),
        "focus": [ref("visit") | {"display": "CANARY1"}],
    }
    visit = {
        "resourceType": "Encounter", "status": "in-progress", "class": {"system": ACT, "code": "EMER"}, "subject": ref("pat"),
        "identifier": [{"system": "urn:v", "value": "V1"}], "period": {"start": "2026-11-20T08:25:00+01:00"},
        "location": [{"location": ref("bed"), "status": "active"}], "participant": [{"individual": ref("doc") | {"display": "Kari Lund"}}],
        "reasonCode": [{"text": "CANARY2"}], "type": [{"text": "CANARY3"}], "diagnosis": [{"condition": ref("ill")}],
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>CANARY4</div>"},
        "hospitalization": {"dietPreference": [{"text": "CANARY5"}], "admitSource": {"text": "home"}},
    }  # fmt: skip
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}, {"system": "urn:mrn", "value": "7"}],
        "name": [{"family": "Bjørnstad", "given": ["Åse", "Ødegård"], "use": "official"}],
        "birthDate": "1969-11-13",
        "gender": "female",
        "address": [{"line": ["Søndre gate 12"], "city": "Trondheim", "district": "5001", "postalCode": "7011"}],
        "generalPractitioner": [{"identifier": {"system": "urn:gp", "value": "1"}}],
        "extension": [{"url": "urn:x", "valueString": "CANARY6"}],
    }
    return {
        "resourceType": "Bundle", "id": "id-1", "type": "message", "identifier": {"system": "urn:b", "value": "b-1"},
        "timestamp": "2026-11-20T08:30:00Z", "meta": {"security": [{"code": "R"}]},
        "entry": [
            entry("head", header), entry("visit", visit), entry("pat", patient),
            entry("ill", {"resourceType": "Condition", "subject": ref("pat"), "code": {"text": "CANARY7"}}),
            entry("org", {"resourceType": "Organization", "name": "St. Olavs hospital",
                          "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "974749025"}]}),
            entry("doc", {"resourceType": "Practitioner", "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "9144889"}],
                          "name": [{"family": "Lund", "given": ["Kari"]}]}),
            entry("bed", place("2", "bd", "room")), entry("room", place("301", "ro", "ward")), entry("ward", place("MED3", "wa")),
        ],
    }  # fmt: skip


def raw_of(made: dict[str, Any]) -> bytes:
    return json.dumps(made, ensure_ascii=False).encode()
