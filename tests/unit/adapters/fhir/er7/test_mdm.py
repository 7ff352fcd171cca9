import pytest

from hub.adapters.fhir.er7.mdm import TXA
from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import HL7, LOINC, coded, composed, field_of, lines, message, named, row_fields, to
from tests.unit.adapters.fhir.er7.whole import LETTER, ORDER, whole

CONFIDENTIAL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def test_what_a_document_is_stands_in_txa() -> None:
    beside = {"extension": [{"url": f"{HL7}alternate-codes", "valueCodeableConcept": coded("0271", "LA")}]}
    document = {
        "type": coded(LOINC, "18842-5", "Discharge summary"),
        "content": [{"attachment": {"contentType": "application/pdf"}}],
        "date": "2026-11-20T09:00:00Z",
        "context": {"period": {"start": "2026-11-19"}},
        "author": [{"display": "Kari Lund"}],
        "authenticator": {"display": "Per Berg"},
        "masterIdentifier": {"system": "urn:oid:1.2", "value": "D1"},
        "identifier": [{"value": "epikrise.pdf"}],
        "relatesTo": [{"code": "replaces", "target": {"identifier": {"value": "D0"}}}],
        "docStatus": "final",
        "_docStatus": beside,
        "status": "superseded",
        "securityLabel": [{"coding": [{"system": CONFIDENTIAL, "code": "R"}]}],
    }
    assert row_fields(TXA, document) == {
        2: "DS",
        3: "AP",
        4: "20261119",
        6: "20261120090000+0000",
        9: "^Kari Lund",
        10: "^Per Berg",
        12: "D1^^1.2^ISO",
        13: "D0",
        16: "epikrise.pdf",
        17: "LA",
        18: "R",
        19: "OB",
    }


def test_a_text_is_told_as_lines_and_a_file_whole() -> None:
    document = {
        "content": [
            {"attachment": {"contentType": "text/plain", "data": "YQpi"}},
            {"attachment": {"contentType": "application/pdf", "data": "aGVp"}},
        ]
    }
    told = composed(message(Kind.DOCUMENT_PUBLISHED, named("d", "DocumentReference", status="current", subject=to("pat"), **document)))
    assert lines(told, "OBX") == ["OBX|1|TX|^Document||a~b||||||F", "OBX|2|ED|^Document||^AP^PDF^Base64^aGVp||||||F"]
    assert field_of(told, "TXA-2") == "UNK"
    assert field_of(told, "TXA-12") == "b-1"


def test_the_order_behind_a_document_stands_before_it() -> None:
    asked = named("letter", "DocumentReference", **LETTER[1] | {"context": {"related": [to("order")]}})
    told = lines(composed(message(Kind.DOCUMENT_PUBLISHED, asked, ORDER, named("org", "Organization", name="x"))))
    names = [line[:3] for line in told]
    assert names == ["MSH", "EVN", "PID", "PV1", "ORC", "TQ1", "OBR", "NTE", "TXA", "OBX"]


def test_what_a_document_contains_is_told_where_its_event_has_it() -> None:
    assert [line.split("|")[5] for line in lines(composed(whole(Kind.DOCUMENT_PUBLISHED)), "OBX")] == ["CANARY text"]
    empty = named(
        "d", "DocumentReference", status="current", subject=to("pat"), content=[{"attachment": {"contentType": "application/pdf"}}]
    )
    assert lines(composed(message(Kind.DOCUMENT_PUBLISHED, empty)), "OBX") == []


def test_two_documents_are_not_one() -> None:
    both = [named(n, "DocumentReference", status="current", subject=to("pat")) for n in "ab"]
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.DOCUMENT_PUBLISHED, *both))
    assert refused.value.reason is Reason.NO_TRANSLATION
    assert field_of(composed(message(Kind.DOCUMENT_PUBLISHED, *both, focus="b")), "MSH-9").startswith("MDM")
