"""A FHIR message without some of its items: it stays valid, and nothing tells what went, or that anything did."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.message import envelope
from hub.adapters.fhir.times import span_us
from hub.adapters.fhir.translate import FhirMessage
from hub.model import Detail, Form, Identifier
from tests.unit.adapters.fhir.made import bundle, entry, raw_of, ref
from tests.unit.adapters.invariants import broken
from tests.unit.adapters.made import RECIPIENT, fhir, references

V2 = "http://terminology.hl7.org/CodeSystem/v2-0003"
LOINC = "http://loinc.org"
MADE = "2026-11-20T08:30:00Z"


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code, "display": f"{code} {code}"}]}


def observation(name: str, code: str, word: str = "", **more: Any) -> dict[str, Any]:
    made = {"resourceType": "Observation", "status": "final", "code": concept(code), "subject": ref("pat"), "encounter": ref("visit")}
    return entry(name, made | ({"note": [{"text": word}]} if word else {}) | more)


def report(word: str = "CANARY") -> dict[str, Any]:
    """A report of two results, with their specimen, their laboratory and where they come from."""
    made = bundle()
    header = made["entry"][0]["resource"]
    header |= {"eventCoding": {"system": V2, "code": "R01"}, "focus": [ref("report")]}
    del made["entry"][3], made["entry"][1]["resource"]["diagnosis"]
    made["entry"][1]["resource"].pop("text")
    made["signature"] = {"data": "AAAA"}
    text = {"status": "generated", "div": f"<div>{word}</div>"}
    made["entry"] += [
        entry("report", {"resourceType": "DiagnosticReport", "status": "final", "code": concept("panel"), "subject": ref("pat"),
                         "text": text,
                         "result": [ref("hiv"), ref("na")], "conclusion": word, "presentedForm": [{"data": "AAAA", "title": word}],
                         "performer": [ref("lab")]}),
        observation("hiv", word, word, specimen=ref("blood"), performer=[ref("virologist")],
                    identifier=[{"system": "urn:lab", "value": word}], meta={"security": [{"code": "HIV"}]}),
        observation("na", "na", specimen=ref("serum"), performer=[ref("lab")]),
        observation("load", "load", derivedFrom=[ref("hiv")], note=[{"text": word}]),
        entry("blood", {"resourceType": "Specimen", "subject": ref("pat"), "note": [{"text": word}]}),
        entry("serum", {"resourceType": "Specimen", "subject": ref("pat")}),
        entry("virologist", {"resourceType": "Practitioner", "name": [{"text": word}]}),
        entry("lab", {"resourceType": "Organization", "name": "lab"}),
        entry("why", {"resourceType": "Provenance", "target": [ref("hiv")], "recorded": MADE, "agent": [{"who": ref("virologist")}]}),
        entry("also", {"resourceType": "Provenance", "target": [ref("report")], "recorded": MADE, "agent": [{"who": ref("lab")}],
                       "entity": [{"role": "source", "what": {"identifier": {"value": "ni:///sha-256;abc"}}}]}),
        entry("list", {"resourceType": "List", "status": "current", "mode": "working",
                       "entry": [{"item": ref("hiv")}, {"item": ref("na")}]}),
        entry("agreed", {"resourceType": "Consent", "status": "active", "patient": ref("pat")}),
        entry("task", {"resourceType": "Task", "status": "draft",
                       "focus": {"identifier": {"system": "urn:lab", "value": word}, "display": word}}),
    ]  # fmt: skip
    return made


def key(m: FhirMessage, name: str) -> str:
    """The key of an entry by the last part of its URL."""
    found = next(n for n, e in enumerate(json.loads(m.received.raw)["entry"]) if e["fullUrl"] == f"urn:uuid:{name}")
    return f"entry[{found}]"


def left(m: FhirMessage, *keys: str) -> dict[str, Any]:
    made = m.without(keys)
    assert made is not None
    return dict(json.loads(made.render(Form.FHIR, Detail.FULL, RECIPIENT)))


def test_the_items_are_the_clinical_resources_and_why_the_visit_is() -> None:
    m = fhir(raw_of(report()))
    found = {i.key: i for i in m.items()}
    assert [i.type for i in found.values()] == [
        "Encounter", "Condition", "DiagnosticReport", "Observation", "Observation", "Observation", "Specimen", "Specimen", "List", "Task",
    ]  # fmt: skip
    hiv = found[key(m, "hiv")]
    assert hiv.labels == ("R", "HIV")
    assert hiv.codes == ((LOINC, "CANARY"),)
    assert hiv.ids == (Identifier("urn:lab", "CANARY"), Identifier("", "urn:uuid:hiv"))
    assert hiv.links == (Identifier("urn:v", "V1"), Identifier("", "urn:uuid:visit"))
    assert hiv.authors[0] == Identifier("urn:hub:provider", "st-olavs")
    assert found[key(m, "visit")].first_us == span_us("2026-11-20T08:25:00+01:00")[0]  # type: ignore[index]


def test_a_result_goes_with_all_that_is_there_for_it_alone() -> None:
    m = fhir(raw_of(report()))
    bundle = left(m, key(m, "hiv"))
    names = [e["fullUrl"].removeprefix("urn:uuid:") for e in bundle["entry"]]
    assert names == ["head", "visit", "pat", "org", "doc", "bed", "room", "ward", "report", "na", "serum", "lab", "also", "list"]
    assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
    assert broken(bundle) == []
    text = json.dumps({"entry": bundle["entry"][7:]})
    assert "CANARY" not in text
    assert "sha-256" not in text
    assert "HIV" not in text
    assert "signature" not in bundle
    envelope(json.dumps(bundle).encode())  # it would be taken at the door


def test_what_was_sent_for_a_report_alone_is_not_sent_without_it() -> None:
    m = fhir(raw_of(report()))
    assert m.without([key(m, "report")]) is None
    assert m.without([key(m, "hiv"), key(m, "na")]) is None
    assert m.without([i.key for i in m.items()]) is None


def test_an_admission_without_its_diagnosis_is_one_still() -> None:
    made = bundle()
    made["entry"][1]["resource"]["diagnosis"] = [{"condition": ref("ill"), "rank": 1}, {"condition": ref("pneumonia"), "rank": 2}]
    made["entry"].append(entry("pneumonia", {"resourceType": "Condition", "subject": ref("pat"), "code": {"text": "J18"}}))
    m = fhir(raw_of(made))
    visit = left(m, key(m, "ill"), key(m, "visit") + ".reasonCode")["entry"][1]["resource"]
    assert visit["diagnosis"] == [{"condition": ref("pneumonia")}]
    assert not visit.keys() & {"text", "reasonCode"}
    assert m.without([key(m, "visit")]) is None


def test_numbers_keep_their_digits() -> None:
    made = report()
    made["entry"].append(observation("mg", "mg", valueQuantity={"value": 0}))
    raw = raw_of(made).replace(b'"value": 0}', b'"value": 1.50}')
    m = fhir(raw)
    copy = m.without([key(m, "hiv")])
    assert copy is not None
    assert b'{"value":1.50}' in copy.render(Form.FHIR, Detail.FULL, RECIPIENT)


def test_a_holder_without_what_it_must_refer_to_goes_too() -> None:
    made = report()
    made["entry"] += [
        entry("drug", {"resourceType": "Medication", "code": concept("drug")}),
        entry("rx", {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "medicationReference": ref("drug"),
                     "subject": ref("pat")}),
        entry("dispense", {"resourceType": "MedicationDispense", "status": "completed", "medicationCodeableConcept": concept("x"),
                           "subject": ref("pat"), "authorizingPrescription": [ref("rx")]}),
    ]  # fmt: skip
    m = fhir(raw_of(made))
    bundle = left(m, key(m, "drug"))
    kinds = [e["resource"]["resourceType"] for e in bundle["entry"]]
    assert "MedicationRequest" not in kinds
    assert "authorizingPrescription" not in bundle["entry"][kinds.index("MedicationDispense")]["resource"]


def test_a_document_that_an_attachment_leads_to_goes_with_it_and_it_with_the_document() -> None:
    made = report()
    attachment = {"contentType": "application/pdf", "url": "urn:uuid:pdf"}
    made["entry"] += [
        entry("letter", {"resourceType": "DocumentReference", "status": "current", "subject": ref("pat"), "type": concept("letter"),
                         "content": [{"attachment": attachment}]}),
        entry("pdf", {"resourceType": "Binary", "contentType": "application/pdf", "data": "Q0FOQVJZ"}),
    ]  # fmt: skip
    m = fhir(raw_of(made))
    for name in ("letter", "pdf"):
        kinds = {e["resource"]["resourceType"] for e in left(m, key(m, name))["entry"]}
        assert not kinds & {"DocumentReference", "Binary"}


def test_a_panel_of_which_a_member_went_stays_for_what_it_says_itself() -> None:
    made = report()
    made["entry"] += [
        observation("says", "says", hasMember=[ref("hiv")], component=[{"code": concept("c"), "valueString": "x"}]),
        observation("holds", "holds", hasMember=[ref("hiv")]),
    ]
    m = fhir(raw_of(made))
    names = [e["fullUrl"] for e in left(m, key(m, "hiv"))["entry"]]
    assert "urn:uuid:says" in names
    assert "urn:uuid:holds" not in names


SPEAKING = {
    "List": {"mode": "working", "title": "CANARY", "entry": [{"item": ref("hiv")}, {"item": ref("na")}]},
    "Procedure": {"reasonReference": [ref("hiv")], "reasonCode": [{"text": "CANARY"}], "note": [{"text": "CANARY"}]},
    "MedicationRequest": {
        "intent": "order", "medicationCodeableConcept": {"text": "x"}, "reasonReference": [ref("hiv")], "reasonCode": [{"text": "CANARY"}],
    },
    "ServiceRequest": {"intent": "order", "supportingInfo": [ref("hiv")], "patientInstruction": "CANARY"},
    "Appointment": {"participant": [], "supportingInformation": [ref("hiv")], "comment": "CANARY", "description": "CANARY"},
    "ImagingStudy": {"basedOn": [ref("hiv")], "description": "CANARY"},
}  # fmt: skip
ALONE = {
    "Task": {"intent": "order", "focus": ref("hiv"), "description": "CANARY"},
    "Communication": {"about": [ref("hiv")], "payload": [{"contentString": "CANARY"}]},
    "Condition": {"evidence": [{"detail": [ref("hiv")]}], "code": {"text": "CANARY"}},
}  # fmt: skip


@pytest.mark.parametrize("kind", [*SPEAKING, *ALONE])
def test_words_beside_a_reference_to_what_went_go_with_it_and_so_does_what_is_about_it_alone(kind: str) -> None:
    made = report()
    made["entry"].append(entry("speaks", {"resourceType": kind, "status": "x", "subject": ref("pat")} | (SPEAKING | ALONE)[kind]))
    made["entry"].append(entry("goal", {"resourceType": "Goal", "description": {"text": "x"}, "addresses": [ref("hiv")]}))
    m = fhir(raw_of(made))
    bundle = {e["fullUrl"]: e["resource"] for e in left(m, key(m, "hiv"))["entry"][7:]}
    assert "CANARY" not in json.dumps(bundle)
    assert ("urn:uuid:speaks" in bundle) == (kind in SPEAKING)
    assert bundle["urn:uuid:goal"]["description"] == {"text": "x"}  # R4 demands it


NAMES = ("report", "hiv", "na", "load", "blood", "serum", "list", "task", "visit")


def linked(links: list[tuple[str, str, str]], gone: set[str], word: str) -> dict[str, Any]:
    """The report with these references in it, and a word all over what is to go."""
    made = report("kept")
    by_name = {e["fullUrl"].removeprefix("urn:uuid:"): e["resource"] for e in made["entry"]}
    for holder, element, target in links:
        if holder != target:
            by_name[holder].setdefault(element, []).append(ref(target))
    more = {"id": word, "note": [{"text": word}], "identifier": [{"value": word}], "code": concept(word)}
    for name in gone:
        by_name[name] |= more | {"extension": [{"url": "urn:x", "valueString": word}]}
    return made


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.sampled_from(NAMES), min_size=1), st.data())
def test_no_copy_in_any_form_says_anything_of_what_is_missing(gone: set[str], data: st.DataObject) -> None:
    """Whatever is dropped: no word of it is left, and two messages that differ only in it give the same bytes."""
    elements = st.sampled_from(["partOf", "reasonReference"])
    links = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), elements, st.sampled_from(NAMES))))

    def built(word: str) -> FhirMessage:
        return fhir(raw_of(linked(links, gone, word)))

    one, other = (m.without([key(m, name) for name in gone]) for m in (built("CANARYone"), built("CANARYtwo")))
    assert (one is None) == (other is None)
    if one is None or other is None:
        return
    for form in (Form.FHIR, Form.HL7V2):
        for detail in Detail:
            bytes_one = one.render(form, detail, RECIPIENT)
            assert b"CANARYone" not in bytes_one
            assert bytes_one == other.render(form, detail, RECIPIENT)
    found = json.loads(one.render(Form.FHIR, Detail.FULL, RECIPIENT))
    assert set(references(found)) <= {e["fullUrl"] for e in found["entry"]}


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [("2026", "2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
     ("2026-12", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
     ("2026-03-29", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00")],
)  # fmt: skip
def test_a_date_is_as_long_as_it_is_vague(text: str, first: str, after: str) -> None:
    assert span_us(text) == (span_us(first)[0], span_us(after)[0] - 1)  # type: ignore[index]


def test_an_instant_is_itself_and_what_is_no_time_is_none() -> None:
    assert span_us("2026-11-20T08:25:00.5Z") == (1795163100500000,) * 2
    assert (span_us("soon"), span_us("9999"), span_us("")) == (None,) * 3
