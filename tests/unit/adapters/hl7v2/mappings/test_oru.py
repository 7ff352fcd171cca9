"""Results: each OBR a report with its own results, specimens, order and people."""

from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

EXT = "http://hl7.org/fhir/StructureDefinition/"


def bundle(*segments: str, kind: str = "ORU^R01") -> dict[str, Any]:
    return rendered(hl7v2(message(kind, *segments)))


def report(fields: dict[int, str], *others: str) -> dict[str, Any]:
    return of(bundle(*others, line("OBR", {1: "1", 4: "1^x^LN"} | fields)), "DiagnosticReport")[0]


def numbers(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(i["value"], i["type"]["coding"][0]["code"]) for i in resource.get("identifier", ())]


def test_a_panel_of_a_norwegian_laboratory() -> None:
    made = bundle(
        PV1, "ORC|RE|P1^DIPS|F1^UNILAB|G1^DIPS||||||||9144889^Lund^Kari^^^Dr.|||||||||Ranheim legesenter",
        line("OBR", {1: "1", 2: "P1^DIPS", 3: "F1^UNILAB", 4: "NPU03230^Kalium og kreatinin^NPU", 7: "20261120081500", 22: "20261120103000",
                     24: "LAB", 25: "F"}),
        "NTE|1||Prøven var noe hemolysert", "OBX|1|NM|NPU03230^P-Kalium^NPU||4.10|mmol/L^^UCUM|3.5-5.0||||F", "NTE|1||Kontrollert",
        "OBX|2|SN|NPU01807^P-Kreatinin^NPU||>^90|µmol/L^^UCUM|45-90|H|||F", "SPM|1|S1&DIPS||119297000^Blod^SCT",
    )  # fmt: skip
    (found,), (request,), (specimen,) = of(made, "DiagnosticReport"), of(made, "ServiceRequest"), of(made, "Specimen")
    kalium, kreatinin = of(made, "Observation")
    assert (found["status"], found["code"]["text"], found["issued"]) == ("final", "Kalium og kreatinin", "2026-11-20T10:30:00+01:00")
    assert found["category"][0]["coding"][0]["code"] == "LAB"
    assert [r["reference"] for r in found["result"]] == [f"urn:uuid:{o['id']}" for o in (kalium, kreatinin)]
    assert found["basedOn"] == [{"reference": f"urn:uuid:{request['id']}"}]
    assert found["specimen"] == [kalium["specimen"]] == [{"reference": f"urn:uuid:{specimen['id']}"}]
    assert found["encounter"] == kalium["encounter"] == request["encounter"]
    assert numbers(found) == [*numbers(request), ("G1", "PGN")] == [("P1", "PLAC"), ("F1", "FILL"), ("G1", "PGN")]
    assert (kalium["note"], request["note"]) == ([{"text": "Kontrollert"}], [{"text": "Prøven var noe hemolysert"}])
    assert (request["requester"]["display"], request["requisition"]["value"]) == ("Dr. Kari Lund", "G1")
    assert kreatinin["valueQuantity"] == {"value": 90, "unit": "µmol/L", "system": "http://unitsofmeasure.org", "code": "µmol/L",
                                          "comparator": ">"}  # fmt: skip
    assert kalium["effectiveDateTime"] == "2026-11-20T08:15:00+01:00"


@pytest.mark.parametrize(
    ("code", "status"),
    [("O", "registered"), ("I", "registered"), ("S", "registered"), ("P", "preliminary"), ("A", "partial"), ("R", "partial"),
     ("C", "corrected"), ("M", "preliminary"), ("F", "final"), ("X", "cancelled"), ("N", "registered"),
     ("Y", "unknown"), ("Z", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_a_report_s_status(code: str, status: str) -> None:
    assert report({25: code})["status"] == status


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [("20261120", "", {"effectiveDateTime": "2026-11-20"}), ("20261120", "20261120", {"effectiveDateTime": "2026-11-20"}),
     ("20261120", "20261121", {"effectivePeriod": {"start": "2026-11-20", "end": "2026-11-21"}}),
     ("", "20261121", {"effectivePeriod": {"end": "2026-11-21"}}), ("", "", {}), ("junk", "", {})],
)  # fmt: skip
def test_when_it_is_true_of_the_patient(start: str, end: str, expected: dict[str, Any]) -> None:
    made = report({7: start, 8: end})
    assert {k: v for k, v in made.items() if k.startswith("effective")} == expected


def test_numbers_of_the_obr_where_the_orc_has_none() -> None:
    assert numbers(report({2: "P1", 3: "F1"})) == [("P1", "PLAC"), ("F1", "FILL")]
    assert numbers(report({2: "P1", 3: "F1"}, "ORC|RE|P9")) == [("F1", "FILL"), ("P9", "PLAC")]


def test_why_its_status_changed_and_how_secret_it_is() -> None:
    made = report({}, line("ORC", {1: "RE", 16: "K1^Feil rør^L", 28: "R"}))
    assert made["extension"][0] == {"url": f"{EXT}event-statusReason", "valueCodeableConcept": made["extension"][0]["valueCodeableConcept"]}
    assert made["extension"][0]["valueCodeableConcept"]["text"] == "Feil rør"
    assert made["meta"]["security"][0]["code"] == "R"


def test_who_interpreted_measured_and_wrote() -> None:
    made = report({32: "1&Lund&Kari~2&Berg&Åse", 34: "3&Dahl&Eva", 35: "4&Moe&Ida"})
    assert [p["display"] for p in made["resultsInterpreter"]] == ["Kari Lund", "Åse Berg"]
    assert [(p["display"], p["extension"][0]["valueCodeableConcept"]["coding"][0]["code"]) for p in made["performer"]] == [
        ("Eva Dahl", "SPRF"), ("Ida Moe", "TRANS"),
    ]  # fmt: skip


def test_a_bare_obr_has_no_order_behind_it() -> None:
    made = bundle("OBR|1|P1|F1|1^x^LN", "OBX|1|NM|1^x^LN||5||||||F")
    assert of(made, "ServiceRequest") == []
    assert "basedOn" not in of(made, "DiagnosticReport")[0]


def test_results_without_an_order_are_what_the_message_is_about() -> None:
    made = bundle("OBX|1|NM|1^x^LN||5||||||F", "OBX|2|NM|2^y^LN||6||||||F")
    assert of(made, "DiagnosticReport") == []
    assert len(made["entry"][0]["resource"]["focus"]) == 2


def test_each_order_keeps_to_itself() -> None:
    made = bundle("ORC|RE|P1", "OBR|1|||1^x^LN", "OBX|1|NM|1^x^LN||1||||||F", "OBR|2|||2^y^LN", "OBX|1|NM|2^y^LN||2||||||F",
                  "ORC|RE|P3", "OBR|3|||3^z^LN", "OBX|1|NM|3^z^LN||3||||||F", "OBX|2|NM|4^z^LN||4||||||F")  # fmt: skip
    reports, values = of(made, "DiagnosticReport"), {f"urn:uuid:{o['id']}": o["valueQuantity"]["value"] for o in of(made, "Observation")}
    assert [[values[r["reference"]] for r in found["result"]] for found in reports] == [[1], [2], [3, 4]]
    assert [len(numbers(found)) for found in reports] == [1, 0, 1]


def test_answers_that_came_with_the_order_are_no_results() -> None:
    asked = line("OBX", {1: "1", 2: "ST", 3: "1^Fastende?^L", 5: "ja", 11: "F", 29: "QST"})
    made = bundle("OBR|1|||1^x^LN", asked, "OBX|2|NM|2^y^LN||5||||||F")
    (found,), (request,) = of(made, "DiagnosticReport"), of(made, "ServiceRequest")
    answer, result = of(made, "Observation")
    if answer["code"]["text"] != "Fastende?":
        answer, result = result, answer
    assert [r["reference"] for r in found["result"]] == [f"urn:uuid:{result['id']}"]
    assert [r["reference"] for r in request["supportingInfo"]] == [f"urn:uuid:{answer['id']}"]


def test_a_document_that_came_with_the_order() -> None:
    order = ("ORC|RE|P1", "OBX|1|TX|1^Henvisning^L||Se røntgen||||||F", "TXA|1|DS|TX|||||||||D1")
    made = bundle(*order, "OBR|1|||1^x^LN", "OBX|1|NM|2^y^LN||5||||||F")
    (document,), (request,), (result,) = of(made, "DocumentReference"), of(made, "ServiceRequest"), of(made, "Observation")
    assert request["supportingInfo"] == [{"reference": f"urn:uuid:{document['id']}"}]
    assert of(made, "DiagnosticReport")[0]["result"] == [{"reference": f"urn:uuid:{result['id']}"}]


def test_the_patient_s_own_observations_are_no_report_s() -> None:
    made = bundle("OBX|1|NM|29463-7^Vekt^LN||72||||||F", "OBR|1|||1^x^LN", "OBX|1|NM|2^y^LN||5||||||F")
    assert len(of(made, "DiagnosticReport")[0]["result"]) == 1
    assert len(of(made, "Observation")) == 2


@pytest.mark.parametrize("event", ["R22", "R23"])
def test_a_specimen_and_the_orders_it_was_taken_for(event: str) -> None:
    made = bundle("SPM|1|S1&LAB||BLD", "OBX|1|ST|1^Lukt^L||vond||||||F", "SAC|||C1", "OBR|1|P1||1^x^LN", "ORC|RE|P1",
                  "OBX|1|NM|1^x^LN||1||||||F", "OBR|2|P2||2^y^LN", "ORC|RE|P2", "OBX|1|NM|2^y^LN||2||||||F",
                  "SPM|2|S2&LAB||UR", "ORC|RE|P3", "OBR|3|P3||3^z^LN",
                  "OBX|1|NM|3^z^LN||3||||||F", kind=f"OUL^{event}")  # fmt: skip
    specimens = {f"urn:uuid:{s['id']}": s["identifier"][0]["value"] for s in of(made, "Specimen")}
    reports = of(made, "DiagnosticReport")
    assert [(numbers(r)[0][0], [specimens[s["reference"]] for s in r["specimen"]]) for r in reports] == [
        ("P1", ["S1"]), ("P2", ["S1"]), ("P3", ["S2"]),
    ]  # fmt: skip
    assert [len(r["result"]) for r in reports] == [1, 1, 1]


def test_an_order_and_the_specimens_taken_for_it() -> None:
    made = bundle("OBR|1|P1||1^x^LN", "ORC|RE|P1", "SPM|1|S1&LAB||BLD", "OBX|1|ST|1^Lukt^L||vond||||||F", "SAC|||C1",
                  "OBX|1|NM|1^x^LN||1||||||F", "OBR|2|P2||2^y^LN", "ORC|RE|P2", kind="OUL^R24")  # fmt: skip
    first, second = of(made, "DiagnosticReport")
    results = {f"urn:uuid:{o['id']}": o["code"]["text"] for o in of(made, "Observation")}
    assert [results[r["reference"]] for r in first["result"]] == ["x"]
    assert ("specimen" in first, "specimen" in second, numbers(second)[0][0]) == (True, False, "P2")


def cultured(*antibiogram: str) -> dict[str, tuple[str, ...]]:
    """Which germ each antibiotic was tried on, in a report of two."""
    culture = (
        "OBR|1|P1^DIPS|F1^LAB|600-7^Culture^LN|||20261120", "OBX|1|CWE|600-7^Culture^LN|1|112283007^E. coli^SCT||||||F",
        "OBX|2|ST|564-5^Colonies^LN|1|>100000||||||F", "OBX|3|CWE|600-7^Culture^LN|2|78065002^Enterococcus^SCT||||||F",
    )  # fmt: skip
    bundle = rendered(hl7v2(message("ORU^R01", *culture, *antibiogram)))
    by_url = {e["fullUrl"]: e["resource"] for e in bundle["entry"]}
    return {
        o["code"]["text"]: tuple(by_url[r["reference"]]["valueCodeableConcept"]["text"] for r in o.get("derivedFrom", ()))
        for o in of(bundle, "Observation")
    }


def tried(name: str, germ: str, order: str) -> tuple[str, str]:
    return (
        line("OBR", {1: "2", 3: f"F{name}^LAB", 4: "29576-6^Susceptibility^LN", 26: germ, 29: order}),
        f"OBX|1|SN|1-8^{name}^LN|1|<=^2|mg/L||S|||F",
    )


def test_an_antibiotic_is_told_with_the_germ_it_was_tried_on() -> None:
    """OBR-26 and 29: the reports of two germs are alike but for that."""
    made = cultured(
        *tried("Ampicillin", "600-7&Culture&LN^1^E. coli", "P1&DIPS^F1&LAB"),
        *tried("Vancomycin", "600-7&Culture&LN^2", "^F1&LAB"),
        *tried("Gentamicin", "600-7^1", ""),
        *tried("Penicillin", "600-7^3", "P1"),  # nothing of that name
        *tried("Meropenem", "600-7^1", "P9"),  # another order's
        *tried("Linezolid", "", "P1"),
    )
    assert {k: v for k, v in made.items() if k not in {"Culture", "Colonies"}} == {
        "Ampicillin": ("E. coli",), "Vancomycin": ("Enterococcus",), "Gentamicin": ("E. coli",), "Penicillin": (), "Meropenem": (),
        "Linezolid": (),
    }  # fmt: skip
    assert made["Culture"] == made["Colonies"] == ()


def test_of_two_results_of_the_same_name_none_is_meant() -> None:
    twice = "OBX|4|CWE|600-7^Culture^LN|1|3092008^S. aureus^SCT||||||F"
    assert cultured(twice, *tried("Ampicillin", "600-7^1", "P1^F1"))["Ampicillin"] == ()
