"""A Bundle in plain words: values and units as they were sent, dates as people write them, and nothing invented."""

from base64 import b64encode
from itertools import product
from typing import Any

import pytest

from hub.web.citizen.plain import READERS, actors, told
from hub.web.citizen.vocabulary import Language, say

NB, EN = Language.NORWEGIAN, Language.ENGLISH


def one(resource: dict[str, Any], language: Language = NB) -> tuple[str, str, dict[str, str]]:
    """(sort, name, facts) of the one thing a resource tells."""
    (found,) = told({"entry": [{"resource": resource}]}, language)
    return say(found.sort, language), found.name, {say(label, language): text for label, text in found.facts}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"valueQuantity": {"value": "1.50", "unit": "mmol/L"}}, "1.50 mmol/L"),
        ({"valueQuantity": {"value": 182, "unit": "mg/L", "comparator": ">"}}, "> 182 mg/L"),
        ({"valueQuantity": {"value": 0, "unit": "mg/L"}}, "0 mg/L"),
        ({"valueString": "Negativ"}, "Negativ"),
        ({"valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]}}, "Negative"),
        ({"valueCodeableConcept": {"text": "Ja", "coding": [{"display": "Yes"}]}}, "Ja"),
        ({"valueBoolean": True}, "ja"),
        ({"valueBoolean": False}, "nei"),
        ({"valueInteger": 7}, "7"),
        ({"valueDateTime": "2026-11-26"}, "26. november 2026"),
        ({"valueRange": {"low": {"value": 1, "unit": "g"}, "high": {"value": 2, "unit": "g"}}}, "1 g – 2 g"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1 / 128"),
        ({"dataAbsentReason": {"coding": [{"code": "not-asked"}]}}, "not-asked"),
    ],
)
def test_values_as_they_were_sent(given: dict[str, Any], expected: str) -> None:
    assert one({"resourceType": "Observation", "code": {"text": "X"}} | given)[2]["Svar"] == expected


def test_a_result_with_everything() -> None:
    resource = {
        "resourceType": "Observation", "status": "corrected", "code": {"text": "CRP"}, "valueQuantity": {"value": "182", "unit": "mg/L"},
        "interpretation": [{"coding": [{"code": "HH"}, {"code": "unknown-to-us"}]}], "referenceRange": [{"text": "<5"}],
        "effectiveDateTime": "2026-11-01T12:00:00+01:00", "note": [{"text": "Tatt fastende"}],
    }  # fmt: skip
    assert one(resource) == (
        "Prøve eller måling", "CRP",
        {
            "Svar": "182 mg/L (svært høy)", "Vanlig område": "<5", "Når": "1. november 2026 kl. 12.00", "Merknad": "Tatt fastende",
            "Status": "rettet",
        },
    )  # fmt: skip
    assert one(resource, EN)[2]["When"] == "1 November 2026, 12:00"
    assert one(resource, EN)[2]["Status"] == "corrected"


def test_parts_of_a_result() -> None:
    parts = [{"code": {"text": "Over"}, "valueQuantity": {"value": 120, "unit": "mmHg"}}, {"code": {"text": "Under"}, "valueInteger": 80}]
    (found,) = told({"entry": [{"resource": {"resourceType": "Observation", "code": {"text": "BT"}, "component": parts}}]}, NB)
    assert [text for _, text in found.facts] == ["Over: 120 mmHg", "Under: 80"]


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("text/plain; charset=utf-8", b64encode("Åpent sår".encode()).decode(), "Åpent sår"),
        ("text/plain", "not base64!", "text/plain"),
        ("text/plain", b64encode(b"\xff\xfe").decode(), "text/plain"),
        ("application/pdf", b64encode(b"%PDF").decode(), "application/pdf"),
    ],
)
def test_a_document_shows_its_text_or_what_it_is(kind: str, data: str, expected: str) -> None:
    resource = {
        "resourceType": "DocumentReference",
        "type": {"text": "Epikrise"},
        "content": [{"attachment": {"contentType": kind, "data": data}}],
    }
    assert one(resource)[2]["Tekst"] == expected


def test_a_stay_that_says_only_that_it_began_is_not_told() -> None:
    begun = {"resourceType": "Encounter", "status": "in-progress", "period": {"start": "2026-11-01T12:00:00+01:00"}}
    assert told({"entry": [{"resource": begun}]}, NB) == []
    assert one(begun | {"reasonCode": [{"text": "Feber"}]})[2] == {"Når": "1. november 2026 kl. 12.00", "Hvorfor": "Feber"}


def test_a_date_that_is_none_is_shown_as_written() -> None:
    assert one({"resourceType": "Immunization", "vaccineCode": {"text": "MMR"}, "occurrenceDateTime": "2026-11"})[2]["Når"] == "2026-11"


def test_what_people_need_not_see_is_left_out() -> None:
    others = [{"resourceType": t} for t in ("Patient", "Organization", "Provenance", "MessageHeader", "Location", "Practitioner")]
    assert told({"entry": [{"resource": r} for r in others] + [{"fullUrl": "urn:x"}]}, NB) == []


@pytest.mark.parametrize("type_", sorted(READERS))
def test_nothing_that_is_missing_is_missed(type_: str) -> None:
    assert told({"entry": [{"resource": {"resourceType": type_}}]}, NB) == []


OTHERS = {
    "a report's conclusion": (
        {"resourceType": "DiagnosticReport", "code": {"text": "CT"}, "conclusion": "Ingen blødning", "conclusionCode": [{"text": "Normal"}],
         "status": "preliminary", "effectiveDateTime": "2026-11-26"},
        ("Rapport", "CT", {"Svar": "Ingen blødning\nNormal", "Når": "26. november 2026", "Status": "foreløpig"})),
    "a procedure": (
        {"resourceType": "Procedure", "code": {"text": "Koloskopi"}, "performedPeriod": {"start": "2026-11-26", "end": "2026-11-27"}},
        ("Inngrep eller undersøkelse", "Koloskopi", {"Når": "26. november 2026"})),
    "a goal": ({"resourceType": "Goal", "description": {"text": "Gå selv"}, "startDate": "2026-11-26"},
        ("Mål", "Gå selv", {"Når": "26. november 2026"})),
    "a plan": (
        {"resourceType": "CarePlan", "title": "Opptrening", "activity": [{"detail": {"code": {"text": "Gange"}}}]},
        ("Plan", "Opptrening", {"Tekst": "Gange"})),
    "a message": (
        {"resourceType": "Communication", "payload": [{"contentString": "Ring oss"}], "sent": "2026-11-26"},
        ("Melding", "", {"Tekst": "Ring oss", "Når": "26. november 2026"})),
    "a medicine given": ({"resourceType": "MedicationAdministration", "medicationCodeableConcept": {"text": "Morfin"}},
        ("Legemiddel, gitt", "Morfin", {})),
    "anything else": ({"resourceType": "FamilyMemberHistory", "code": {"text": "Brystkreft"}, "note": [{"text": "Mor"}]},
        ("Annet", "Brystkreft", {"Merknad": "Mor"})),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "expected"), OTHERS.values(), ids=OTHERS.keys())
def test_whatever_is_clinical_is_told(resource: dict[str, Any], expected: tuple[str, str, dict[str, str]]) -> None:
    assert one(resource) == expected


@pytest.mark.parametrize("kind", ["Patient", "Practitioner", "MessageHeader", "Specimen", "Coverage"])
def test_who_where_and_on_what_is_for_the_download(kind: str) -> None:
    assert told({"entry": [{"resource": {"resourceType": kind, "code": {"text": "x"}}}]}, NB) == []


ELEMENTS = (
    "code", "type", "status", "interpretation", "component", "referenceRange", "valueQuantity", "valueRange", "note", "content", "author",
    "period", "participant", "dosageInstruction", "dosage", "reasonCode", "activity", "payload", "conclusion", "title", "description",
    "identifier", "start", "verificationStatus", "effectivePeriod", "effectiveDateTime", "date", "patientInstruction",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None,
    0,
    True,
    "x",
    [],
    ["x"],
    [None],
    [[]],
    {},
    {"coding": "x"},
    {"coding": [[]]},
    [{"coding": {}}],
    [{"actor": "x"}],
)


@pytest.mark.parametrize("kind", [*READERS, "Flag"])
def test_what_is_no_valid_resource_does_not_keep_the_patient_from_the_rest(kind: str) -> None:
    """The door hands on what it is sent, and judges no resource."""
    good = {"resourceType": "Observation", "code": {"text": "CRP"}}
    for element, odd in product(ELEMENTS, ODD):
        bad = {"resourceType": kind, element: odd}
        assert told({"entry": [{"resource": bad}, {"resource": good}]}, NB)[-1].name == "CRP"
        assert all(isinstance(name, str) for name in actors(bad))


def test_a_text_that_is_cut_short_says_so() -> None:
    def text(length: int) -> str:
        data = b64encode(b"x" * length).decode()
        content = [{"attachment": {"contentType": "text/plain", "data": data}}]
        return one({"resourceType": "DocumentReference", "type": {"text": "Epikrise"}, "content": content})[2]["Tekst"]

    assert text(20_000) == "x" * 20_000
    assert text(20_001) == "x" * 20_000 + " …"
