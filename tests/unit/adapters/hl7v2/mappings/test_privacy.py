"""What a recipient who may not see everything sees of an administrative message: in FHIR no more than in v2."""

import json
import re

import pytest

from hub.adapters.hl7v2.address import KEPT
from hub.model import Detail, Form
from tests.unit.adapters.made import PID, PV1, RECIPIENT, hl7v2, message, of, rendered

SEGMENTS = {  # name -> fields
    "SFT": 6, "EVN": 7, "PID": 40, "PD1": 22, "ARV": 6, "ROL": 14, "NK1": 41, "PV1": 54, "PV2": 50, "PRT": 24, "DB1": 8, "MRG": 7, "AL1": 6,
    "IAM": 30, "IAR": 4, "DG1": 26, "DRG": 33, "PR1": 25, "GT1": 57, "IN1": 55, "IN2": 72, "IN3": 28, "ACC": 12, "PDA": 9, "CON": 27,
    "FT1": 43, "OBX": 29, "NTE": 9, "UB1": 23, "UB2": 17,
}  # fmt: skip
SHAPES = ("{0}", "{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}^{0}", "{0}&{0}^{0}&{0}~{0}^{0}")
FIXED = {"PID": {3: "A77^^^STOLAV^MR", 5: "Bjørnstad^Åse"}, "MRG": {1: "B88^^^STOLAV^MR"}, "OBX": {2: "ST"}}


def filled(name: str, shown: frozenset[int], shape: str) -> str:
    """A segment whose every field that the detail does not show in v2 is a canary."""
    fields = [FIXED.get(name, {}).get(n) or ("" if n in shown else shape.format(f"CANARY{name}{n}")) for n in range(1, SEGMENTS[name] + 1)]
    return "|".join([name, *fields])


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A02", "ADT^A06", "ADT^A40", "ADT^A60", "BAR^P01", "DFT^P03"])
@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
@pytest.mark.parametrize("shape", SHAPES)
def test_fhir_shows_no_field_that_v2_would_not(kind: str, detail: Detail, shape: str) -> None:
    kept = KEPT[detail]
    order = ["SFT", "EVN", "PID", "PD1", "ARV", "ROL", "PRT", "NK1", "PV1", "PV2", "ARV", "ROL", "PRT", *list(SEGMENTS)[11:]]
    segments = [filled(name, kept.get(name, frozenset()), shape) for name in order if name != "MRG" or kind == "ADT^A40"]
    raw = message(kind, *segments).replace(f"{PID}\r".encode(), b"", 1)
    m = hl7v2(raw)
    assert b"CANARY" in m.render(Form.FHIR, Detail.FULL, RECIPIENT)
    for form in Form if kind == "ADT^A01" else [Form.HL7V2, Form.FHIR]:  # KITH tells of an admission, and of nothing else here
        assert set(re.findall(rb"CANARY\w+", m.render(form, detail, RECIPIENT))) == set()


@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
def test_no_provenance_and_no_hash_of_the_message_is_shown(detail: Detail) -> None:
    m = hl7v2(message("ADT^A01", "EVN|A01|20261120083015|||9144889^Lund^Kari", PV1))
    assert {"Provenance", "Device"} & {e["resource"]["resourceType"] for e in rendered(m, Detail.FULL)["entry"]}
    shown = m.render(Form.FHIR, detail, RECIPIENT)
    assert b"Provenance" not in shown
    assert b"sha-256" not in shown
    assert b"sha-256" in m.render(Form.FHIR, Detail.FULL, RECIPIENT)


@pytest.mark.parametrize("detail", [Detail.MINIMAL, Detail.NOTICE])
def test_a_label_says_how_secret_and_not_of_what(detail: Detail) -> None:
    raw = message("ADT^A01", "ARV|1|A|DEM|PSY^Psychiatry", PV1, "PV2||||||||||||||||||||||R")
    m = hl7v2(raw)
    assert b"Psychiatry" in m.render(Form.FHIR, Detail.FULL, RECIPIENT)
    bundle = rendered(m, detail)
    assert "PSY" not in json.dumps(bundle)
    (label,) = of(bundle, "Patient")[0]["meta"]["security"]
    assert label == {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


def test_a_driving_licence_is_not_what_a_patient_is_known_by() -> None:
    raw = message("ADT^A01", PV1).replace(PID.encode(), (PID + "|" * 6 + "DL-1^NO^20300102").encode())
    m = hl7v2(raw)
    assert b"DL-1" in m.render(Form.FHIR, Detail.FULL, RECIPIENT)
    for detail in (Detail.MINIMAL, Detail.NOTICE):
        assert b"DL-1" not in m.render(Form.FHIR, detail, RECIPIENT)
        assert [i["value"] for i in of(rendered(m, detail), "Patient")[0]["identifier"]] == ["13116900216", "A77"]
