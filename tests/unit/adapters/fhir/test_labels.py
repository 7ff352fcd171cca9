"""Which labels a FHIR message bears: on the Bundle, on any resource, in what is contained in one."""

from typing import Any

import pytest

from hub.adapters.fhir.facts import labels_of
from tests.unit.adapters.fhir.made import bundle, entry, raw_of
from tests.unit.adapters.made import fhir

V3 = "http://terminology.hl7.org/CodeSystem/v3-"
VOLVEN = "urn:oid:2.16.578.1.12.4.1.1."


@pytest.mark.parametrize(
    ("coding", "label"),
    [
        ({"system": f"{V3}Confidentiality", "code": "N"}, "N"),
        ({"system": f"{V3}ActCode", "code": "HIV"}, "HIV"),
        ({"code": "R"}, "R"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0717", "code": "ALL"}, "R"),
        ({"system": f"{VOLVEN}9603", "code": "N"}, "N"),
        ({"system": f"{VOLVEN}9603", "code": "NORS"}, "NORS"),
        ({"system": f"{VOLVEN}9603", "code": "NORN_ANG"}, "NORN_ANG"),
        ({"system": f"{VOLVEN}7608", "code": "SP"}, "NORS"),
        ({"system": "http://hospital/labels", "code": "R"}, "R"),
        ({"system": "http://hospital/labels", "code": "N"}, "of-an-unknown-system"),
        ({"display": "secret"}, "secret"),
        ({"system": "x"}, "unreadable"),
    ],
)
def test_a_code_is_a_label_of_its_system(coding: dict[str, Any], label: str) -> None:
    assert labels_of({"meta": {"security": [coding]}}) == [label]


def test_labels_are_found_wherever_they_stand() -> None:
    made = bundle()
    made["meta"]["security"] = [{"code": "N"}]
    contained = {"resourceType": "Observation", "meta": {"security": [{"code": "PSY"}]}}
    made["entry"] += [
        entry("doc1", {"resourceType": "DocumentReference", "securityLabel": [{"coding": [{"code": "V"}]}], "contained": [contained]}),
        entry("comp", {"resourceType": "Composition", "confidentiality": "R"}),
    ]
    assert fhir(raw_of(made)).event().labels == ("N", "V", "PSY", "R")
