"""OBX as Observation: each kind of value, each status, who measured, with what, on which specimen."""

import json
from base64 import b64encode
from typing import Any

import pytest

from hub.adapters.bundle import to_bytes
from tests.unit.adapters.made import hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
EXT = "http://hl7.org/fhir/StructureDefinition/"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation."
CODE = "2951-2^Natrium^LN"


def observed(fields: dict[int, str]) -> dict[str, Any]:
    segments = ("OBR|1|||24323-8^Panel^LN|||20261120081500", line("OBX", {1: "1", 2: "NM", 3: CODE, 11: "F"} | fields))
    return of(rendered(hl7v2(message("ORU^R01", *segments))), "Observation")[0]


def value(kind: str, text: str, units: str = "") -> dict[str, Any]:
    made = observed({2: kind, 5: text, 6: units})
    return {k: v for k, v in made.items() if k.startswith(("value", "component", "extension"))}


@pytest.mark.parametrize(
    ("kind", "text", "units", "expected"),
    [
        ("SN", "^2^+", "", {"valueString": "2 +"}),
        ("SN", "<>^5", "mmol/L", {"valueString": "<> 5 mmol/L"}),
        ("SN", "^1^/^2", "", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 2}}}),
        ("SN", ">^1^:^128", "", {"valueRatio": {"numerator": {"value": 1, "comparator": ">"}, "denominator": {"value": 128}}}),
        ("SN", "=^5", "", {"valueQuantity": {"value": 5}}),
        ("SN", "^1^:", "", {"valueString": "1 :"}),
        ("SN", "^^-^3", "", {"valueString": "- 3"}),
        ("NR", "1.5^", "mm", {"valueRange": {"low": {"value": 1.5, "unit": "mm"}}}),
        ("NR", "a^b", "", {"valueString": "a^b"}),
        ("NR", "9^1", "", {"valueString": "9^1"}),
        ("SN", "^3^-^1", "", {"valueString": "3 - 1"}),
        ("DR", "20261122^20261120", "", {"valuePeriod": {"start": "2026-11-22"}}),
        ("VR", "a^b", "", {"valueString": "a-b"}),
        ("DTM", "20261120081530+0100", "", {"valueDateTime": "2026-11-20T08:15:30+01:00"}),
        ("TS", "202611", "", {"valueDateTime": "2026-11"}),
        ("DR", "20261120^20261122", "", {"valuePeriod": {"start": "2026-11-20", "end": "2026-11-22"}}),
        ("TM", "25:99", "", {"valueString": "25:99"}),
        ("CE", "A^Ja^L", "", {"valueCodeableConcept": {
            "coding": [{"code": "A", "system": f"{HL7}v2-0396/L", "display": "Ja"}], "text": "Ja"}}),
        ("IS", "J", "", {"valueCodeableConcept": {"coding": [{"code": "J"}]}}),
        ("TX", "Første linje~~Tredje\\.br\\linje", "", {"valueString": "Første linje\nTredje\nlinje"}),
        ("ED", "^application^pdf^Base64^", "", {}),
        ("RP", "^x", "", {}),
        ("NM", '""', "", {}),
        ("", "uten type", "", {"valueString": "uten type"}),
        ("", "uten type", "g", {"valueString": "uten type"}),
        ("", "5.4", "", {"valueString": "5.4"}),
        ("", "5.4", "mmol/L", {"valueQuantity": {"value": 5.4, "unit": "mmol/L"}}),
        ("NM", "<0.5", "mg/L", {"valueQuantity": {"value": 0.5, "unit": "mg/L", "comparator": "<"}}),
        ("NM", "\u2265 10", "mg/L", {"valueQuantity": {"value": 10, "unit": "mg/L", "comparator": ">="}}),
        ("NM", ">1.2.3", "mg/L", {"valueString": ">1.2.3 mg/L"}),
        ("NM", "1,5", "mg/L", {"valueQuantity": {"value": 1.5, "unit": "mg/L"}}),
        ("NM", "0,125", "mg/L", {"valueQuantity": {"value": 0.125, "unit": "mg/L"}}),
        ("NM", "1,500", "mg/L", {"valueString": "1,500 mg/L"}),
        ("NM", "1,2,3", "mg/L", {"valueString": "1,2,3 mg/L"}),
        ("NM", "1.5E3", "mg/L", {"valueString": "1.5E3 mg/L"}),
        ("NM", "hemolysert", "mg/L", {"valueString": "hemolysert"}),
        ("ST", "5.4", "mmol/L", {"valueString": "5.4 mmol/L"}),
        ("ST", "<5", "10*3/uL^tusen per \u00b5L^UCUM", {"valueString": "<5 tusen per \u00b5L"}),
        ("ST", "Negativ", "mmol/L", {"valueString": "Negativ"}),
        ("VR", "3^5", "mmol/L", {"valueString": "3-5 mmol/L"}),
        ("TX", "5.4~rest", "g", {"valueString": "5.4 g\nrest"}),
    ],
)  # fmt: skip
def test_every_kind_of_value(kind: str, text: str, units: str, expected: dict[str, Any]) -> None:
    assert value(kind, text, units) == expected


def test_a_series_of_numbers_is_sampled_data() -> None:
    made = value("NA", "1^2.50^3", "mV^^UCUM")["valueSampledData"]
    assert (made["data"], made["dimensions"], made["origin"]["unit"]) == ("1 2.50 3", 3, "mV")
    assert made["_period"]["extension"][0]["valueCode"] == "unknown"
    assert value("NA", "1^2~3^4")["valueSampledData"]["data"] == "1 2 3 4"
    assert value("NA", "1^x") == {"valueString": "1^x"}


def test_a_document_is_an_attachment_as_r5_has_it() -> None:
    made = value("ED", "DIPS^application^pdf^Base64^JVBERi0=")["extension"][0]
    assert made == {"url": f"{R5}value", "valueAttachment": {"data": "JVBERi0=", "contentType": "application/pdf"}}
    assert value("ED", "^^^Base64^QUJD")["extension"][0]["valueAttachment"]["contentType"] == "application/octet-stream"
    made = value("RP", "http://pacs.example.no/1 2^PACS^IM^jpeg")["extension"][0]["valueAttachment"]
    assert made == {"url": "http://pacs.example.no/1%202", "contentType": "image/jpeg"}


@pytest.mark.parametrize(
    ("text", "data"),
    [("^TX^plain^A^Blåbær", b64encode("Blåbær".encode()).decode()), ("^AP^octet-stream^Hex^4a56", "SlY="), ("^AP^pdf^Base64^not base64!",
      b64encode(b"not base64!").decode()), ("^AP^pdf^Base64^JVBE\\.br\\Ri0=", "JVBERi0="), ("^AP^pdf^Hex^4a5", "NGE1")],
)  # fmt: skip
def test_data_come_out_as_base64_whatever_they_were(text: str, data: str) -> None:
    assert value("ED", text)["extension"][0]["valueAttachment"]["data"] == data


def test_several_values_are_components_with_the_code_and_the_range_of_the_whole() -> None:
    made = observed({5: "60~120", 6: "/min", 7: "50-90"})
    assert [(c["valueQuantity"]["value"], c["code"]["text"], c["referenceRange"]) for c in made["component"]] == [
        (60, "Natrium", [{"text": "50-90"}]), (120, "Natrium", [{"text": "50-90"}]),
    ]  # fmt: skip
    assert "referenceRange" not in made
    files = observed({2: "RP", 5: "http://x/1~http://x/2"})["component"]
    assert [f["extension"][0]["url"] for f in files] == [f"{R5}component.value"] * 2


@pytest.mark.parametrize(
    ("code", "status"),
    [("F", "final"), ("P", "preliminary"), ("C", "corrected"), ("D", "entered-in-error"), ("A", "amended"), ("B", "amended"),
     ("X", "cancelled"), ("W", "entered-in-error"), ("U", "final"), ("V", "final"), ("R", "preliminary"), ("I", "registered"),
     ("O", "registered"), ("S", "unknown"), ("N", "unknown"), ("?", "unknown")],
)  # fmt: skip
def test_a_status_that_says_less_than_its_code_has_the_code_beside_it(code: str, status: str) -> None:
    made = observed({5: "5", 11: code})
    assert made["status"] == status
    said = [e["valueCodeableConcept"]["coding"] for e in made.get("_status", {}).get("extension", ())]
    assert said == ([] if code in "ACDFP" else [[{"system": f"{HL7}v2-0085", "code": code}]])


def test_what_was_not_asked_for_has_no_value() -> None:
    assert observed({11: "N"})["dataAbsentReason"]["coding"][0]["code"] == "not-asked"
    assert "dataAbsentReason" not in observed({5: "5", 11: "N"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [("1", [("original-sub-identifier", "valueString", "1")]),
     ("1.2^2^3^x", [("original-sub-identifier", "valueString", "1.2"), ("group", "valueDecimal", 2), ("sequence", "valueDecimal", 3),
                    ("identifier", "valueString", "x")])],
)  # fmt: skip
def test_the_sub_id_keeps_its_parts(text: str, parts: list[tuple[str, str, Any]]) -> None:
    (extension,) = observed({4: text, 5: "5"})["extension"]
    assert extension["url"] == f"{EXT}observation-v2-subid"
    assert [(p["url"], *(item for item in p.items() if item[0] != "url")) for p in extension["extension"]] == [
        (url, (key, said)) for url, key, said in parts
    ]


def test_what_is_said_of_the_result() -> None:
    made = observed({5: "5", 7: "135-145", 8: "H~A", 10: "A~S", 14: "20261120070000", 17: "M^Metode^L", 19: "20261120073000",
                     20: "368209003^Høyre arm^SCT", 21: "E1^LAB", 29: "RSLT", 30: "IND"})  # fmt: skip
    assert made["referenceRange"] == [{"text": "135-145"}]
    assert [i["coding"][0]["code"] for i in made["interpretation"]] == ["H", "A"]
    assert (made["method"]["text"], made["bodySite"]["text"]) == ("Metode", "Høyre arm")
    assert (made["identifier"][0]["value"], made["identifier"][0]["type"]["coding"][0]["code"]) == ("E1", "FILL")
    assert made["category"][0]["coding"][0] == {"system": f"{HL7}v2-0936", "code": "RSLT"}
    assert made["effectiveDateTime"] == "2026-11-20T07:00:00+01:00"
    found = {e["url"].rpartition("/")[2]: e for e in made["extension"]}
    assert found["observation-analysis-date-time"]["valueDateTime"] == "2026-11-20T07:30:00+01:00"
    assert found.keys() == {"observation-nature-of-abnormal-test", "observation-analysis-date-time", "observation-structure-type"}


def test_who_answers_for_it_and_with_what_it_was_measured() -> None:
    bundle = rendered(hl7v2(message("ORU^R01", line("OBX", {
        2: "NM", 3: CODE, 5: "5", 11: "F", 15: "L1^Lab^L", 16: "9144889^Lund^Kari~7^Berg^Åse", 18: "ANALYSE1^LAB",
        23: "St. Olavs^^^^^^^^^9", 24: "Gata 1^^Trondheim^^7030", 25: "8^Dahl^Eva",
    }))))  # fmt: skip
    (made,) = of(bundle, "Observation")
    assert [p.get("display") for p in made["performer"]] == ["Lab", "Kari Lund", "Åse Berg", "Eva Dahl"]
    roles = {r["practitioner"]["display"]: r for r in of(bundle, "PractitionerRole")}
    assert roles["Kari Lund"]["code"][0]["coding"][0]["code"] == "responsibleObserver"
    assert (roles["Eva Dahl"]["code"][0]["coding"][0]["code"], roles["Eva Dahl"]["organization"]["display"]) == ("MDIR", "St. Olavs")
    house = next(o for o in of(bundle, "Organization") if o["name"] == "St. Olavs")
    assert house["address"][0]["city"] == "Trondheim"
    assert of(bundle, "Device")[0]["identifier"][0]["value"] == "ANALYSE1"


def test_the_specimen_it_names_is_the_message_s_or_is_known_by_its_number() -> None:
    segments = ("OBR|1|||1^x^LN", line("OBX", {2: "NM", 3: CODE, 5: "1", 11: "F", 33: "S2&LAB"}),
                line("OBX", {2: "NM", 3: CODE, 5: "2", 11: "F", 33: "S9&LAB~S1&LAB"}), "SPM|1|S1&LAB||BLD", "SPM|2|S2&LAB||UR")  # fmt: skip
    bundle = rendered(hl7v2(message("ORU^R01", *segments)))
    one, two = of(bundle, "Observation")
    urls = {e["resource"]["identifier"][0]["value"]: e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Specimen"}
    assert one["specimen"] == {"reference": urls["S2"]}
    unknown, known = (e["valueReference"] for e in two["extension"])
    assert (unknown["identifier"]["value"], unknown["type"], known["reference"]) == ("S9", "Specimen", urls["S1"])


def test_an_observation_without_anything_is_still_one() -> None:
    made = of(rendered(hl7v2(message("ORU^R01", "OBX|1"))), "Observation")[0]
    assert (made["status"], made["code"]["coding"][0]["code"]) == ("unknown", "NI")


def test_a_scanned_document_of_the_largest_frame_comes_out_whole_and_once() -> None:
    data = b64encode(bytes(range(256)) * 12_000).decode()
    raw = message("ORU^R01", "OBR|1", line("OBX", {2: "ED", 3: CODE, 5: f"^application^pdf^Base64^{data}", 11: "F"}))
    out = to_bytes(hl7v2(raw).bundle())
    assert out.count(data.encode()) == 1
    assert json.loads(out)["entry"]
