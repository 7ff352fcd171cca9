import json
import warnings
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir import parts, submission
from hub.adapters.fhir.message import envelope
from hub.adapters.fhir.parts import digest_name
from hub.errors import Reason, Rejected
from hub.identity import FNR
from hub.model import Identifier, Kind, Refusal
from tests.unit.adapters.fhir.pushed import BASE, KARI, OLA, SENDER, UNA, bundle, entry, patient, raw_of, result, split, stay, to
from tests.unit.adapters.made import fhir, references

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

PLACE = {"resourceType": "Location", "id": "9", "name": "MED3"}
MERGED = patient("2", OLA, link=[{"type": "replaced-by", "other": to("1")}])
PUSHED = bundle(
    patient("1", KARI), MERGED, stay(location=[{"location": to("9", "Location")}]),
    entry(PLACE), entry(result("7", "2", valueQuantity={"value": 1.5}), "POST", "urn:uuid:5b0a3c1e-0000-4000-8000-000000000007"),
)  # fmt: skip


def of(part: parts.Part) -> dict[str, Any]:
    return dict(json.loads(part.raw))


def test_every_message_is_valid_holds_together_and_is_read_as_the_event_it_was_made_for() -> None:
    found = split(PUSHED)
    assert [p.kind for p in found.parts] == [Kind.MERGED, Kind.ADMITTED, Kind.OBSERVATION_REPORTED]
    for part in found.parts:
        made = of(part)
        Bundle.model_validate(made)
        assert len(made["entry"]) == len(part.places)
        inside = {e["fullUrl"] for e in made["entry"]}
        assert set(references([e["resource"].get("subject") for e in made["entry"]])) <= inside
        assert set(references(made["entry"][0])) <= inside
        message = fhir(part.raw)
        assert (message.event().kind, envelope(part.raw).kind) == (part.kind, part.kind)
        assert made["entry"][0]["resource"]["sender"]["identifier"]["value"] == SENDER


def test_the_same_bytes_give_the_same_messages_and_others_give_others() -> None:
    raw = raw_of(PUSHED)
    assert [p.raw for p in split(raw).parts] == [p.raw for p in split(raw).parts]
    ids = [
        {envelope(p.raw).control_id for p in split(body, sender).parts}
        for body, sender in ((raw, SENDER), (raw + b" ", SENDER), (raw, "b"))
    ]
    assert len(set.union(*ids)) == 9


def test_every_message_names_the_whole_it_was_cut_from() -> None:
    raw = raw_of(PUSHED)
    name = digest_name(sha256(raw).digest())
    assert name.startswith("ni:///sha-256;")
    assert len(name) == len("ni:///sha-256;") + 43
    for part in split(raw).parts:
        record = of(part)["entry"][-1]["resource"]
        assert record["entity"] == [{"role": "source", "what": {"identifier": {"system": "urn:ietf:rfc:3986", "value": name}}}]


def test_digits_are_kept_as_they_were_written() -> None:
    raw = raw_of(PUSHED).replace(b'"value": 1.5}', b'"value": 1.5000, "low": 1e3, "n": 12345678901234567890}')
    assert b'"value":1.5000,"low":1000.0,"n":12345678901234567890' in split(raw).parts[2].raw


def test_a_patient_known_by_a_number_only_gets_a_record_that_says_so() -> None:
    by_query = {"reference": f"Patient?identifier={FNR}|{UNA}"}
    by_number = {"type": "Patient", "identifier": {"system": FNR, "value": UNA}, "display": "Una"}
    for subject in (by_query, by_number):
        found = split(raw_of(stay(subject=subject)))
        assert envelope(found.parts[0].raw).identifiers == (
            Identifier("urn:oid:2.16.578.1.12.4.1.4.2", UNA),
        )  # a D-number, whatever it was called
    both = split(bundle(entry(stay("5", subject=by_query)), entry(result("7", subject=by_number)), entry(patient("1", UNA))))
    assert [p.changes for p in both.parts] == [(0,), (1,)]  # of one and the same, who is here
    assert all(of(p)["entry"][2]["resource"]["name"] == [{"family": "Moen"}] for p in both.parts)


def test_a_contained_patient_is_the_patient() -> None:
    made = result(
        subject={"reference": "#p"}, contained=[patient("p", UNA), {"resourceType": "Device", "id": "d"}], device={"reference": "#d"}
    )
    part = split(raw_of(made)).parts[0]
    assert [i.value for i in envelope(part.raw).identifiers] == [UNA]
    assert of(part)["entry"][1]["resource"]["device"] == {"reference": "#d"}


def test_a_conditional_reference_that_leads_nowhere_says_whom_it_means() -> None:
    made = stay(participant=[{"individual": {"reference": "Practitioner?identifier=urn:hpr|9144889"}}])
    shown = of(split(bundle(patient(), made)).parts[0])["entry"][1]["resource"]["participant"][0]["individual"]
    assert shown == {"type": "Practitioner", "identifier": {"system": "urn:hpr", "value": "9144889"}}


def test_versioned_and_absolute_references_lead_to_the_same() -> None:
    for name in (f"{BASE}Patient/1", "Patient/1/_history/3", f"{BASE}Patient/1/_history/3"):
        found = split(bundle(patient(), stay(subject={"reference": name})))
        assert [p.kind for p in found.parts] == [Kind.ADMITTED]


def test_a_document_in_the_bundle_is_put_where_it_belongs() -> None:
    binary = {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "SGVp"}
    document = {"resourceType": "DocumentReference", "status": "current", "subject": to("1"),
                "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/b"}},
                            {"attachment": {"contentType": "text/plain", "url": "https://elsewhere/1"}}]}  # fmt: skip
    part = split(bundle(patient(), entry(binary), entry(document, "POST"))).parts[0]
    assert [c["attachment"] for c in of(part)["entry"][1]["resource"]["content"]] == [
        {"contentType": "text/plain", "data": "SGVp"}, {"contentType": "text/plain", "url": "https://elsewhere/1"},
    ]  # fmt: skip


def test_a_merge_shows_both_records_tied_to_each_other() -> None:
    made = of(split(PUSHED).parts[0])
    survivor, retired = (e["resource"] for e in made["entry"][1:3])
    assert survivor["link"] == [{"other": {"reference": f"{BASE}Patient/2"}, "type": "replaces"}]
    assert retired["link"] == [{"other": {"reference": f"{BASE}Patient/1"}, "type": "replaced-by"}]
    event = fhir(split(PUSHED).parts[0].raw).event()
    assert ([i.value for i in event.identifiers], [i.value for i in event.merged]) == ([KARI], [OLA])


def test_a_merge_of_a_record_with_itself_is_none() -> None:
    gone = patient("2", KARI, link=[{"type": "replaced-by", "other": to("1")}])
    assert split(bundle(patient("1", KARI), gone)).refused == dict.fromkeys((0, 1), Refusal(Reason.MISSING_FIELD, "Patient.link"))


def test_a_link_to_a_record_that_does_not_come_along_says_whose_it_is() -> None:
    made = bundle(entry(patient("1", KARI, link=[{"type": "seealso", "other": to("2")}]), "POST"), patient("2", OLA))
    linked = split(made).parts[0]
    assert linked.kind is Kind.LINKED
    assert of(linked)["entry"][1]["resource"]["link"] == [
        {"type": "seealso", "other": {"type": "Patient", "identifier": {"system": FNR, "value": OLA}}}
    ]


def test_labels_of_the_whole_are_labels_of_every_message() -> None:
    made = bundle(patient(), stay(), meta={"security": [{"code": "R"}]})
    assert fhir(split(made).parts[0].raw).event().labels == ("R",)


@pytest.mark.parametrize(
    ("resource", "whole", "expected"),
    [
        (stay(meta={"lastUpdated": "2026-11-20T07:00:00Z"}), "2026-11-20T08:30:00Z", "2026-11-20T07:00:00Z"),
        (stay(), "2026-11-20T08:30:00Z", "2026-11-20T08:30:00Z"),
        (stay(), "2026-11-20", None),
        (stay(), "2026-11-20T08:30:00", None),
    ],
)
def test_a_change_is_as_old_as_whoever_noted_it_says(resource: dict[str, Any], whole: str, expected: str | None) -> None:
    made = of(split(bundle(patient(), resource, timestamp=whole)).parts[0])
    assert made.get("timestamp") == expected
    Bundle.model_validate(made)


def test_a_place_in_a_message_is_told_as_the_place_in_what_was_sent() -> None:
    part = split(bundle(patient(), stay())).parts[0]
    assert part.place("Bundle.entry[2].resource.identifier[0]") == "Bundle.entry[0].resource.identifier[0]"
    assert part.place("Bundle.entry[1].resource") == "Bundle.entry[1].resource"
    assert part.place("Bundle.entry[0].resource.sender") == "Bundle.entry[0].resource.sender"
    assert (
        split(raw_of(stay(subject={"identifier": {"value": UNA}}))).parts[0].place("Bundle.entry[1].resource.status") == "Encounter.status"
    )


def test_many_messages_of_little_are_bounded() -> None:
    document = {"resourceType": "DocumentReference", "status": "current", "subject": to("1"), "custodian": to("o", "Organization")}
    documents = [entry(document, "POST")] * 900
    shared = {"resourceType": "Organization", "id": "o", "name": "x" * 100_000}
    with pytest.raises(Rejected) as caught:
        split(bundle(patient(), shared, *documents))
    assert caught.value.reason is Reason.TOO_COMPLEX
    with pytest.raises(Rejected):
        split(bundle(patient(), *documents, *documents))


NAMES = ["reference", "value", "identifier", "type", "other", "url", "contentType", "id"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "resourceType", "id", "meta", "subject", "link", "identifier", "contained", "participant", "status", "class", "location", "hasMember",
    "encounter", "target", "patient", "category",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(KEYS), JSON), max_size=6), st.lists(JSON, max_size=2), JSON)
def test_whatever_stands_where_only_rejected_comes_out(changes: list[tuple[int, str, Any]], more: list[Any], meta: Any) -> None:
    made = json.loads(json.dumps(PUSHED)) | {"meta": meta}
    for n, key, value in changes:
        made["entry"][n]["resource"][key] = value
    made["entry"] += more
    for shape in ("transaction", "collection", "history"):
        try:
            found = parts.split(submission.read(raw_of(made | {"type": shape})), SENDER)
        except Rejected:
            continue
        for part in found.parts:
            assert fhir(part.raw).event().kind is part.kind
            people = [e["resource"] for e in of(part)["entry"] if e["resource"].get("resourceType") == "Patient"]
            assert len(people) == 1 or part.kind is Kind.MERGED
