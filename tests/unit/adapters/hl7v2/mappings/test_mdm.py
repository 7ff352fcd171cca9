"""Documents: what they say, what became of them, and which others they change."""

from base64 import b64decode
from typing import Any

import pytest

from tests.unit.adapters.made import PV1, hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
TXA = {1: "1", 2: "DS^Epikrise^L", 12: "D2^DIPS", 17: "AU"}


def bundle(txa: dict[int, str], *behind: str, event: str = "T02", before: tuple[str, ...] = ()) -> dict[str, Any]:
    return rendered(hl7v2(message(f"MDM^{event}", *before, line("TXA", TXA | txa), *behind)))


def document(txa: dict[int, str], *behind: str, event: str = "T02") -> dict[str, Any]:
    return of(bundle(txa, *behind, event=event), "DocumentReference")[0]


def texts(made: dict[str, Any]) -> list[str]:
    return [b64decode(c["attachment"]["data"]).decode() for c in made["content"]]


def test_a_discharge_summary() -> None:
    made = bundle(
        {3: "TX", 6: "20261120113000", 9: "9144889^Lund^Kari^^^Dr.", 10: "7^Berg^Åse", 16: "epikrise.txt",
         18: "R", 19: "AV", 25: "Epikrise"},
        "OBX|1|TX|1^Sykehistorie^L||Innlagt med brystsmerter.~Utskrevet i bedring.", "OBX|2|FT|2^Plan^L||Kontroll\\.br\\hos fastlege.",
        "NTE|1||Kopi sendt", "OBX|3|NM|29463-7^Vekt^LN||72|kg|||||F",
        before=(PV1,),
    )  # fmt: skip
    (found,), (weight,) = of(made, "DocumentReference"), of(made, "Observation")
    assert (found["status"], found["docStatus"], found["date"]) == ("current", "final", "2026-11-20T11:30:00+01:00")
    assert (found["type"]["text"], found["description"], found["masterIdentifier"]["value"]) == ("Epikrise", "Epikrise", "D2")
    assert (found["author"][0]["display"], found["authenticator"]["display"]) == ("Dr. Kari Lund", "Åse Berg")
    assert texts(found) == ["Innlagt med brystsmerter.\nUtskrevet i bedring.\nKontroll\nhos fastlege.", "Kopi sendt"]
    assert {c["attachment"]["contentType"] for c in found["content"]} == {"text/plain; charset=utf-8"}
    assert [(c["system"], c["code"]) for c in found["securityLabel"][0]["coding"]] == [
        (f"{HL7}v3-Confidentiality", "R"), (f"{HL7}v2-0272", "R"),
    ]  # fmt: skip
    assert found["context"]["related"] == [{"reference": f"urn:uuid:{weight['id']}"}]
    assert found["context"]["encounter"][0]["reference"].startswith("urn:uuid:")


@pytest.mark.parametrize(
    ("event", "relation"),
    [("T05", "appends"), ("T06", "appends"), ("T09", "replaces"), ("T10", "replaces"), ("T01", None), ("T02", None), ("T11", None)],
)
def test_what_it_does_to_the_document_before_it(event: str, relation: str | None) -> None:
    found = document({13: "D1^DIPS"}, event=event).get("relatesTo", [])
    assert [(r["code"], r["target"]["identifier"]["value"]) for r in found] == ([(relation, "D1")] if relation else [])


@pytest.mark.parametrize(
    ("completion", "availability", "statuses"),
    [("DI", "AV", ("preliminary", "current")), ("DO", "", ("preliminary", "current")), ("IN", "UN", ("preliminary", "current")),
     ("IP", "OB", ("preliminary", "superseded")), ("PA", "CA", ("preliminary", "entered-in-error")), ("AU", "AV", ("final", "current")),
     ("LA", "AV", ("final", "current")), ("??", "??", (None, "current"))],
)  # fmt: skip
def test_how_far_it_is_and_whether_it_holds(completion: str, availability: str, statuses: tuple[str | None, str]) -> None:
    made = document({17: completion, 19: availability})
    assert (made.get("docStatus"), made["status"]) == statuses
    assert ("_docStatus" in made, "_status" in made) == (completion != "AU", availability not in {"AV", ""})


def test_a_document_taken_back_is_an_error_whatever_it_was() -> None:
    made = document({17: "AU", 19: "AV"}, event="T11")
    assert (made["status"], made["docStatus"]) == ("entered-in-error", "entered-in-error")


@pytest.mark.parametrize(
    ("label", "coding"),
    [("V", [("v3-Confidentiality", "V"), ("v2-0272", "V")]), ("U", [("v3-Confidentiality", "N"), ("v2-0272", "U")]),
     ("PSY", [("v3-ActCode", "PSY"), ("v2-0272", "PSY")]), ("X", [("v2-0272", "X")])],
)  # fmt: skip
def test_its_label_in_the_system_it_is_of(label: str, coding: list[tuple[str, str]]) -> None:
    assert [(c["system"].removeprefix(HL7), c["code"]) for c in document({18: label})["securityLabel"][0]["coding"]] == coding


def test_files_come_after_the_text_with_the_document_s_own_media_type_where_they_have_none() -> None:
    made = document({3: "AP", 25: "Svar"}, "OBX|1|ED|1^pdf^L||^application^pdf^Base64^JVBERi0=", "OBX|2|TX|2^t^L||Se vedlegg",
                    "OBX|3|RP|3^bilde^L||http://pacs.example.no/1^PACS^IM^jpeg")  # fmt: skip
    text, file, image = (c["attachment"] for c in made["content"])
    assert b64decode(text["data"]).decode() == "Se vedlegg"
    assert (file["contentType"], file["data"], file["title"]) == ("application/pdf", "JVBERi0=", "Svar")
    assert (image["contentType"], image["url"]) == ("image/jpeg", "http://pacs.example.no/1")


def test_a_document_without_content_still_has_the_content_that_r4_asks_for() -> None:
    assert document({}, event="T01")["content"] == [{"attachment": {"title": "document"}}]
    assert document({25: "Epikrise"}, event="T01")["content"] == [{"attachment": {"title": "Epikrise"}}]


def test_who_changed_it_why_and_who_got_copies() -> None:
    made = bundle({8: "20261121090000", 9: "1^Lund^Kari", 21: "Rettet dose", 23: "2^Fastlege^Per"}, event="T09")
    found = next(p for p in of(made, "Provenance") if p.get("reason"))
    assert (found["recorded"], found["reason"]) == ("2026-11-21T09:00:00+01:00", [{"text": "Rettet dose"}])
    assert [a["who"]["display"] for a in found["agent"]] == ["Kari Lund", "Per Fastlege"]
    assert found["agent"][1]["role"][0]["coding"][0]["code"] == "IRCP"
    assert found["target"][0]["reference"] == f"urn:uuid:{of(made, 'DocumentReference')[0]['id']}"


@pytest.mark.parametrize("date", ["20261120", "2026", ""])
def test_a_date_that_is_no_instant(date: str) -> None:
    made = document({6: date})
    assert "date" not in made or len(made["date"]) > len("2026-11-20T")


def test_the_orders_it_answers() -> None:
    order = ("ORC|RE|P1^DIPS|F1||CM||||||||9144889^Lund^Kari", "OBR|1|P1^DIPS|F1|1^CT^LN")
    made = bundle({14: "P1^DIPS"}, before=order)
    (request,) = of(made, "ServiceRequest")
    assert of(made, "DocumentReference")[0]["context"]["related"] == [{"reference": f"urn:uuid:{request['id']}"}]
    related = document({14: "P1^DIPS"})["context"]["related"]
    assert [(r["type"], r["identifier"]["value"]) for r in related] == [("ServiceRequest", "P1")]
    assert [r["identifier"]["value"] for r in document({15: "F1^LAB"})["context"]["related"]] == ["F1"]


def test_each_header_is_a_document_of_its_own() -> None:
    first = ("OBX|1|TX|1^t^L||Epikrise", line("TXA", {2: "OP^Operasjon^L", 12: "D3"}), "OBX|1|TX|1^t^L||Operasjon")
    made = bundle({}, *first)
    assert [(d["type"]["text"], texts(d)) for d in of(made, "DocumentReference")] == [
        ("Epikrise", ["Epikrise"]), ("Operasjon", ["Operasjon"]),
    ]  # fmt: skip
    assert len(made["entry"][0]["resource"]["focus"]) == 2


def test_content_without_a_txa_is_a_document_all_the_same() -> None:
    made = of(rendered(hl7v2(message("MDM^T02", "OBX|1|TX|1^t^L||Bare tekst"))), "DocumentReference")[0]
    assert (made["status"], texts(made)) == ("current", ["Bare tekst"])
