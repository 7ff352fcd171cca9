"""ORC, OBR and TQ1 as the ServiceRequest."""

from typing import Any

import pytest

from tests.unit.adapters.made import hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
EXT = "http://hl7.org/fhir/StructureDefinition/"
OBR = {1: "1", 4: "1^x^LN"}


def request(orc: dict[int, str], obr: dict[int, str], *behind: str) -> dict[str, Any]:
    segments = [line("ORC", orc)] if orc else []
    return of(rendered(hl7v2(message("ORM^O01", *segments, line("OBR", OBR | obr), *behind))), "ServiceRequest")[0]


def extensions(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {e["url"].removeprefix(EXT): e for e in made.get("extension", ())}


@pytest.mark.parametrize(
    ("control", "status"),
    [("NW", "active"), ("OK", "active"), ("SC", "unknown"), ("RE", "unknown"), ("CA", "revoked"), ("DC", "revoked"), ("OC", "revoked"),
     ("CR", "revoked"), ("HD", "on-hold"), ("RL", "active"), ("??", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_status_by_what_is_done_with_the_order(control: str, status: str) -> None:
    made = request({1: control, 2: "P1"}, {})
    assert made["status"] == status
    said = extensions(made).get("businessEvent", {"extension": []})["extension"]
    assert [c["valueCodeableConcept"]["coding"][0]["code"] for c in said] == ([control] if control else [])


@pytest.mark.parametrize(
    ("code", "status"),
    [("A", "active"), ("CA", "revoked"), ("CM", "completed"), ("DC", "revoked"), ("ER", "entered-in-error"), ("HD", "on-hold"),
     ("IP", "active"), ("RP", "revoked"), ("SC", "active")],
)  # fmt: skip
def test_the_order_s_own_status_counts_first(code: str, status: str) -> None:
    assert request({1: "NW", 2: "P1", 5: code}, {})["status"] == status


def test_its_numbers() -> None:
    made = request({1: "NW", 2: "P1^DIPS", 3: "F1^LAB", 4: "G1^DIPS", 33: "X1^^^LAB", 38: "H1^LAB"}, {2: "P9", 3: "F9", 53: "Y1^^^LAB"})
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in made["identifier"]] == [
        ("P1", "PLAC"), ("F1", "FILL"), ("H1", "FGN"), ("X1", "PLAC"), ("Y1", "PLAC"),
    ]  # fmt: skip
    assert made["requisition"]["value"] == "G1"
    assert [i["value"] for i in request({}, {2: "P9", 3: "F9"})["identifier"]] == ["P9", "F9"]


def test_a_pair_of_group_numbers() -> None:
    made = request({1: "NW", 4: "G1&DIPS^H1&LAB"}, {})
    assert (made["requisition"]["value"], made["identifier"][0]["value"]) == ("G1", "H1")


def test_what_is_asked_for_why_and_how() -> None:
    made = request({1: "NW", 9: "20261120080000", 16: "K1^Endret^L", 28: "PSY", 29: "I"},
                   {5: "S", 13: "Gravid", 31: "R07.4^Brystsmerter^I10", 46: "D1^Liggende^L", 47: "D2^Uten kontrast^L"})  # fmt: skip
    assert (made["code"]["text"], made["priority"], made["reasonCode"][0]["text"]) == ("x", "stat", "Brystsmerter")
    assert [d["text"] for d in made["orderDetail"]] == ["Liggende", "Uten kontrast"]
    assert made["meta"]["security"] == [{"system": f"{HL7}v3-ActCode", "code": "PSY"}]
    assert made["locationCode"][0]["coding"]
    assert made["authoredOn"] == "2026-11-20T08:00:00+01:00"
    found = extensions(made)
    assert found["request-statusReason"]["valueCodeableConcept"]["text"] == "Endret"
    assert {"url": "date", "valueDateTime": "2026-11-20T08:00:00+01:00"} in found["businessEvent"]["extension"]
    relevant = next(e for u, e in found.items() if u.endswith("ServiceRequest.supportingInfo"))
    assert relevant["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "Gravid"


def test_when_an_old_order_changes_it_was_not_written_then() -> None:
    assert "authoredOn" not in request({1: "XO", 9: "20261120080000"}, {})


def test_details_need_a_code() -> None:
    assert request({}, {4: "", 46: "D1"})["code"]["coding"][0]["code"] == "NI"


@pytest.mark.parametrize(("code", "intent"), [("G", "reflex-order"), ("A", "order"), ("L", "order"), ("", "order")])
def test_a_reflex_order(code: str, intent: str) -> None:
    assert request({}, {11: code})["intent"] == intent


def test_the_order_it_comes_from() -> None:
    made = request({}, {29: "P0&DIPS^F0&LAB"})
    assert [(b["type"], b["identifier"]["value"]) for b in made["basedOn"]] == [("ServiceRequest", "P0"), ("ServiceRequest", "F0")]
    assert "basedOn" not in request({}, {29: "P0", 50: "P1"})


@pytest.mark.parametrize(
    ("orc", "obr", "of_requester"),
    [({1: "NW", 14: "73000000^WPN^PH"}, {}, False), ({1: "NW", 12: "1^Lund^Kari"}, {17: "73000000^WPN^PH"}, True),
     ({1: "NW"}, {17: "73000000^WPN^PH"}, False)],
)  # fmt: skip
def test_whom_to_call(orc: dict[int, str], obr: dict[int, str], of_requester: object) -> None:
    made = request(orc, obr)
    holder = made["requester"] if of_requester else made
    phone = next(e for e in holder["extension"] if e["url"].endswith("callback-phone-number"))
    assert phone["valueContactPoint"]["value"] == "73000000"


def test_when_by_tq1() -> None:
    tq1 = line("TQ1", {1: "1", 2: "2", 3: "BID", 9: "A", 10: "ved smerter", 11: "Etter mat"})
    made = request({1: "NW", 7: "1^QD"}, {6: "20261120"}, tq1)
    assert made["occurrenceTiming"]["code"]["coding"][0]["code"] == "BID"
    assert (made["quantityQuantity"]["value"], made["priority"]) == (2, "asap")
    assert made["asNeededCodeableConcept"] == {"text": "ved smerter"}
    assert made["note"] == [{"text": "Etter mat"}]
    assert "occurrenceDateTime" not in made


@pytest.mark.parametrize(("orc", "obr"), [({1: "NW", 7: "1^BID^^20261120^^R"}, {}), ({}, {27: "1^BID^^20261120^^R"})])
def test_when_before_tq1(orc: dict[int, str], obr: dict[int, str]) -> None:
    made = request(orc, obr)
    assert made["occurrenceTiming"]["repeat"] == {"boundsPeriod": {"start": "2026-11-20"}}
    assert made["priority"] == "routine"


def test_when_by_obr_6() -> None:
    assert request({}, {6: "20261120"})["occurrenceDateTime"] == "2026-11-20"
