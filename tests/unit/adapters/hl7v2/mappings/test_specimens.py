"""SPM, SAC, and what an OBR says of the specimen of its order."""

from typing import Any

from tests.unit.adapters.made import hl7v2, line, message, of, rendered


def bundle(*segments: str) -> dict[str, Any]:
    return rendered(hl7v2(message("ORU^R01", *segments)))


def specimen(fields: dict[int, str], *behind: str) -> dict[str, Any]:
    return of(bundle("OBR|1|||1^x^LN", line("SPM", {1: "1"} | fields), *behind), "Specimen")[0]


def test_what_spm_says() -> None:
    made = specimen({2: "P1&LAB^F1&LAB", 4: "119297000^Blod^SCT", 6: "EDTA", 7: "VENIP^Venepunksjon^L", 8: "368209003^Høyre arm^SCT",
                     12: "5^mL", 14: "tatt fastende", 17: "20261120080000^20261120081000", 18: "20261120090000", 20: "Y",
                     24: "HEM^Hemolysert^L", 27: "TUBE^Rør^L", 30: "A1^^^LAB", 31: "Q1^^^LAB", 32: "S1^LAB"})  # fmt: skip
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in made["identifier"] if "type" in i] == [
        ("P1", "PGN"), ("F1", "FGN"), ("S1", "SHIP"),
    ]  # fmt: skip
    collection = made["collection"]
    assert collection["collectedPeriod"] == {"start": "2026-11-20T08:00:00+01:00", "end": "2026-11-20T08:10:00+01:00"}
    assert (collection["method"]["text"], collection["bodySite"]["text"], collection["quantity"]["value"]) == (
        "Venepunksjon",
        "Høyre arm",
        5,
    )
    assert (made["type"]["text"], made["status"], made["receivedTime"]) == ("Blod", "available", "2026-11-20T09:00:00+01:00")
    assert (made["accessionIdentifier"]["value"], made["condition"][0]["text"]) == ("A1", "Hemolysert")
    assert made["note"] == [{"text": "tatt fastende"}]
    (container,) = made["container"]
    assert (container["type"]["text"], "additiveCodeableConcept" in container) == ("Rør", True)


def test_a_refused_specimen_is_unsatisfactory_whatever_its_availability() -> None:
    assert specimen({20: "N"})["status"] == "unavailable"
    assert specimen({20: "Y", 21: "RB^Broken^HL70490"})["status"] == "unsatisfactory"
    assert "status" not in specimen({4: "BLD"})


def test_a_specimen_has_the_one_it_was_made_of() -> None:
    made = bundle("OBR|1|||1^x^LN", "SPM|1|S2&LAB|S1&LAB|BLD")
    child, parent = sorted(of(made, "Specimen"), key=lambda s: s["identifier"][0]["value"], reverse=True)
    assert child["parent"][0]["reference"].endswith(parent["id"])
    assert parent["identifier"][0]["value"] == "S1"


def test_the_first_container_is_the_specimen_s_own_and_others_stand_beside_it() -> None:
    sac = line("SAC", {2: "A1^LAB", 3: "C1^LAB", 9: "CAR^Carrier^L", 21: "10", 22: "4.5", 24: "mL^^UCUM"})
    made = specimen({27: "TUBE^Rør^L"}, sac, "SAC|||C2^LAB")
    first, second = made["container"]
    assert (first["type"]["text"], first["identifier"][0]["value"], second["identifier"][0]["value"]) == ("Rør", "C1", "C2")
    assert (first["capacity"]["value"], first["specimenQuantity"]["value"], first["capacity"]["code"]) == (10, 4.5, "mL")
    assert made["accessionIdentifier"]["value"] == "A1"


def test_observations_of_a_specimen_are_about_it() -> None:
    segments = (
        "OBR|1|||1^x^LN",
        "OBX|1|NM|1^x^LN||5||||||F",
        "SPM|1|S1&LAB",
        "OBX|1|ST|2^Lukt^LN||vond||||||F",
        "SAC|||C1",
        "OBX|1|ST|3^Farge^LN",
    )
    made = bundle(*segments)
    result, smell, colour = of(made, "Observation")
    (report,), (found,) = of(made, "DiagnosticReport"), of(made, "Specimen")
    url = f"urn:uuid:{found['id']}"
    assert "focus" not in result
    assert smell["focus"] == colour["focus"] == [smell["specimen"]] == [{"reference": url}]
    assert [r["reference"] for r in report["result"]] == [f"urn:uuid:{result['id']}"]


def test_results_behind_the_only_specimen_are_the_report_s() -> None:
    made = bundle("OBR|1|||1^x^LN", "SPM|1|S1&LAB", "OBX|1|NM|2^x^LN||5||||||F")
    (report,) = of(made, "DiagnosticReport")
    assert len(report["result"]) == 1


def test_an_obr_speaks_of_the_specimen_that_is_there() -> None:
    obr = line(
        "OBR",
        {1: "1", 4: "1^x^LN", 7: "20261120080000", 10: "7^Berg^Åse", 14: "20261120100000", 15: "BLD&Blod&L^EDTA^fra kateter^LA&Left arm"},
    )
    (made,) = of(bundle(obr, "SPM|1|S1&LAB||119297000^Blod^SCT||||||||||||||20261120090000"), "Specimen")
    assert made["receivedTime"] == "2026-11-20T09:00:00+01:00"  # SPM's word counts
    assert (made["collection"]["collector"]["display"], made["collection"]["collectedDateTime"]) == (
        "Åse Berg",
        "2026-11-20T08:00:00+01:00",
    )
    assert made["note"] == [{"text": "fra kateter"}]
    (alone,) = of(bundle(obr), "Specimen")
    assert (alone["type"]["text"], alone["receivedTime"]) == ("Blod", "2026-11-20T10:00:00+01:00")
    assert "additiveCodeableConcept" in alone["container"][0]


def test_an_order_without_a_specimen_has_none() -> None:
    assert of(bundle("OBR|1|||24642-7^Røntgen thorax^LN|||20261120080000"), "Specimen") == []


def test_an_obr_speaks_of_all_specimens_of_its_order() -> None:
    made = bundle("OBR|1|||1^x^LN||||||7^Berg^Åse", "SPM|1|S1&LAB", "SPM|2|S2&LAB")
    (report,) = of(made, "DiagnosticReport")
    assert len(report["specimen"]) == 2
    assert [s["collection"]["collector"]["display"] for s in of(made, "Specimen")] == ["Åse Berg", "Åse Berg"]
