from datetime import datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.er7.triggers import TRIGGERS
from hub.adapters.fhir.mappings import OWN, V2
from hub.adapters.hl7v2.message import envelope
from hub.errors import Rejected
from hub.model import Detail, Form, Identifier, Kind
from tests.unit.adapters.fhir.made import bundle, entry, raw_of, ref
from tests.unit.adapters.made import PV1, RECIPIENT, fhir, hl7v2, message, references, rendered

FNR = Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "13116900216")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_an_admission_says_all_that_routing_needs() -> None:
    event = fhir(raw_of(bundle())).event()
    assert (event.kind, event.control_id, event.ward, event.encounter_class, event.encounter_id) == (
        Kind.ADMITTED,
        "b-1",
        "MED3",
        "E",
        "V1",
    )
    assert (event.municipality, event.gps, event.labels) == ("5001", (Identifier("urn:gp", "1"),), ("R",))
    assert event.addressed == ("Trondheim", "942110464", "urn:trd")
    assert (event.occurred_us, event.admitted_us) == (us("2026-11-20T08:30:00+00:00"), us("2026-11-20T08:25:00+01:00"))


def test_the_sender_s_bytes_are_what_a_fhir_recipient_gets() -> None:
    raw = raw_of(bundle())
    assert fhir(raw).render(Form.FHIR, Detail.FULL, RECIPIENT) == raw


@pytest.mark.parametrize(("detail", "form"), list(product([Detail.MINIMAL, Detail.NOTICE], [Form.HL7V2, Form.FHIR])))
def test_nothing_clinical_is_left_in_minimal_and_notice(detail: Detail, form: Form) -> None:
    out = fhir(raw_of(bundle())).render(form, detail, RECIPIENT)
    assert b"CANARY" not in out
    assert FNR.value.encode() in out
    assert ("Bjørnstad".encode() in out) and b"b-1" in out
    assert out == fhir(raw_of(bundle())).render(form, detail, RECIPIENT)


def test_minimal_shows_the_stay_and_notice_who() -> None:
    m = fhir(raw_of(bundle()))
    minimal, notice = rendered(m, Detail.MINIMAL), rendered(m, Detail.NOTICE)
    assert [e["resource"]["resourceType"] for e in minimal["entry"]] == ["MessageHeader", "Encounter", "Patient"]
    assert minimal["entry"][1]["resource"]["participant"] == [{"individual": {"display": "Kari Lund"}}]
    assert minimal["entry"][1]["resource"]["hospitalization"] == {"admitSource": {"text": "home"}}
    assert [e["resource"]["resourceType"] for e in notice["entry"]] == ["MessageHeader", "Patient"]
    for made in (minimal, notice):
        assert set(references(made)) <= {e["fullUrl"] for e in made["entry"]}
        assert made["entry"][0]["resource"]["destination"][0]["name"] == "Trondheim kommune"


def test_a_v2_recipient_gets_an_adt_that_says_the_same() -> None:
    m = fhir(raw_of(bundle()))
    out = m.render(Form.HL7V2, Detail.FULL, RECIPIENT)
    seen, again = envelope(out), hl7v2(out).event()
    assert (seen.trigger, seen.control_id, seen.application, seen.sender, seen.receiver) == ("ADT^A01", "b-1", "CAREHUB", "st-olavs", "TRD")
    assert seen.identifiers == (FNR, Identifier("urn:mrn", "7"))
    event = m.event()
    same = ("kind", "ward", "encounter_class", "encounter_id", "municipality", "occurred_us", "admitted_us", "identifiers")
    assert {n: getattr(again, n) for n in same} == {n: getattr(event, n) for n in same}
    assert "Bjørnstad^Åse^Ødegård".encode() in out


def test_merged_accounts_may_retire_no_identifier_of_the_patient() -> None:
    made = bundle()
    made["entry"][0]["resource"]["eventCoding"] = {"system": V2, "code": "A41"}
    assert fhir(raw_of(made)).event().merged == ()


def test_a_merge_names_whom_it_retires() -> None:
    made = bundle()
    made["entry"][0]["resource"]["eventCoding"] = {"system": OWN, "code": Kind.MERGED}
    with pytest.raises(Rejected):
        fhir(raw_of(made)).event()
    made["entry"].append(entry("old", {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": "8"}],
                                       "link": [{"type": "replaced-by", "other": ref("pat")}]}))  # fmt: skip
    m = fhir(raw_of(made))
    assert m.event().merged == (Identifier("urn:mrn", "8"),)
    assert hl7v2(m.render(Form.HL7V2, Detail.FULL, RECIPIENT)).event().merged == (Identifier("urn:mrn", "8"),)


def test_our_own_bundles_of_v2_messages_are_read_as_the_same_event() -> None:
    v2 = hl7v2(message("ADT^A02", PV1))
    again = fhir(v2.render(Form.FHIR, Detail.FULL, RECIPIENT)).event()
    event = v2.event()
    same = ("kind", "control_id", "ward", "encounter_class", "encounter_id", "municipality", "admitted_us", "identifiers")
    assert {n: getattr(again, n) for n in same} == {n: getattr(event, n) for n in same}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "value", "coding", "code", "location", "individual", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "resourceType", "id", "fullUrl", "meta", "location", "period", "class", "participant", "hospitalization", "name", "address", "telecom",
    "generalPractitioner", "link", "destination", "source", "sender", "partOf", "physicalType", "identifier", "extension",
]  # fmt: skip
CHANGES = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(KEYS), JSON), max_size=5)


@settings(max_examples=300, deadline=None)
@given(CHANGES, st.lists(JSON, max_size=2), st.sampled_from(sorted(TRIGGERS)))
def test_whatever_stands_where_only_rejected_comes_out(changes: list[tuple[int, str, Any]], entries: list[Any], kind: Kind) -> None:
    made = bundle()
    made["entry"][0]["resource"]["eventCoding"] = {"system": OWN, "code": kind.value}
    for n, key, value in changes:
        made["entry"][n]["resource"][key] = value
    made["entry"] += entries
    try:
        m = fhir(raw_of(made))
        m.event()
        for form, detail in product(Form, Detail):
            m.render(form, detail, RECIPIENT)
    except Rejected:
        return
