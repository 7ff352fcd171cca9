import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.mappings import DAVINCI, KINDS, OWN, V2
from hub.adapters.fhir.message import beside, envelope
from hub.adapters.hl7v2.mappings import KINDS as V2_KINDS
from hub.errors import Reason, Rejected
from hub.identity import FNR
from hub.model import Identifier, Kind
from tests.unit.adapters.fhir.made import bundle, entry, raw_of


def refusal(raw: bytes) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        envelope(raw)
    return caught.value.reason, caught.value.where


def test_the_envelope_of_an_admission() -> None:
    seen = envelope(raw_of(bundle()))
    assert (seen.kind, seen.trigger, seen.control_id, seen.application) == (Kind.ADMITTED, "notification-admit", "b-1", "EPJ")
    assert seen.senders == ("974749025", "urn:oid:2.16.578.1.12.4.1.4.101|974749025", "St. Olavs hospital", "EPJ", "urn:epj")
    assert seen.identifiers == (Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "13116900216"), Identifier("urn:mrn", "7"))


def test_both_versions_of_the_v2_events_mean_the_same() -> None:
    referrals = {t: k for t, k in V2_KINDS.items() if not t.startswith("RRI")}  # whose triggers are REF's, too: as a code they mean those
    assert {t.split("^")[1]: k for t, k in referrals.items()} == {code: k for (system, code), k in KINDS.items() if system == V2}


def test_every_own_kind_is_an_event_and_the_hubs_own_is_refused_at_the_door() -> None:
    assert {code for system, code in KINDS if system == OWN} == set(Kind)
    made = bundle()
    made["entry"][0]["resource"]["eventCoding"] = {"system": OWN, "code": Kind.DEADLINE_BREACHED}
    assert refusal(raw_of(made))[0] is Reason.UNSUPPORTED_EVENT


def test_an_event_may_be_a_uri() -> None:
    made = bundle()
    header = made["entry"][0]["resource"]
    del header["eventCoding"]
    header["eventUri"] = f"{DAVINCI}#notification-discharge"
    assert envelope(raw_of(made)).kind is Kind.DISCHARGED


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.BAD_JSON),
        (b"{", Reason.BAD_JSON),
        (b"\xff{}", Reason.BAD_JSON),
        (b'{"a":NaN}', Reason.BAD_JSON),
        (b'{"a":1e999}', Reason.BAD_JSON),
        (b'{"a":' + b"1" * 5000 + b"}", Reason.BAD_JSON),
        (b'{"a":1,"a":2}', Reason.BAD_JSON),
        (b'{"a":"\\ud800"}', Reason.BAD_JSON),
        (b'{"a":"\\u0000"}', Reason.BAD_JSON),
        (b"[" * 100_000, Reason.BAD_JSON),
        (b'{"a":' * 100_000, Reason.BAD_JSON),
        (b'{"a":' * 200 + b"1" + b"}" * 200, Reason.TOO_COMPLEX),
        (b"<Bundle/>", Reason.UNSUPPORTED_FORMAT),
        (b"[]", Reason.NOT_A_MESSAGE),
        (b'{"a":"\\\\u0000"}', Reason.NOT_A_MESSAGE),  # a backslash and letters, which is text
        (b'{"resourceType":"Bundle","type":"batch"}', Reason.NOT_A_MESSAGE),
        (b'{"resourceType":"Bundle","type":"message"}', Reason.NO_HEADER),
        (b'{"resourceType":"Bundle","type":"message","entry":7}', Reason.NO_HEADER),
    ],
)
def test_what_is_no_message(raw: bytes, reason: Reason) -> None:
    assert refusal(raw)[0] is reason


def test_who_the_patient_is_must_be_clear() -> None:
    nobody = bundle()
    nobody["entry"] = [e for e in nobody["entry"] if e["resource"]["resourceType"] != "Patient"]
    assert refusal(raw_of(nobody)) == (Reason.MISSING_PATIENT, "Bundle.entry")
    two = bundle()
    two["entry"].append(entry("p2", {"resourceType": "Patient", "identifier": [{"value": "9"}]}))
    assert refusal(raw_of(two)) == (Reason.SEVERAL_PATIENTS, "Bundle.entry")
    nameless = bundle()
    nameless["entry"][2]["resource"]["identifier"] = [{"system": "urn:x"}]
    assert refusal(raw_of(nameless)) == (Reason.MISSING_PATIENT, "Patient.identifier")


def test_a_patient_has_so_many_identifiers() -> None:
    made = bundle()
    patient = made["entry"][2]["resource"]
    patient["identifier"] = [{"value": str(n)} for n in range(1, 101)]
    assert len(envelope(raw_of(made)).identifiers) == 100
    patient["identifier"] = [{"value": str(n)} for n in range(1, 102)]
    assert refusal(raw_of(made)) == (Reason.TOO_COMPLEX, "Patient.identifier")
    patient["identifier"] = [{"system": "urn:x" * 100, "value": f"{n}{'x' * 500}"} for n in range(20)]
    assert refusal(raw_of(made)) == (Reason.TOO_COMPLEX, "Patient.identifier")


def test_what_names_nobody_or_others_too_does_not_tell_who_the_patient_is() -> None:
    def typed(value: str, kind: str) -> dict[str, Any]:
        return {"system": "urn:x", "value": value, "type": {"coding": [{"code": kind}]}}

    made = bundle()
    patient = made["entry"][2]["resource"]
    patient["identifier"] = [typed("7", "MR"), typed("8", "AN"), typed("W1", "MB"), typed("UNKNOWN", "MR"), typed("000-00-0000", "SS")]
    assert envelope(raw_of(made)).identifiers == (Identifier("urn:x", "7"),)
    patient["identifier"] = [typed("8", "AN"), typed("W1", "MB")]
    assert envelope(raw_of(made)).identifiers == (Identifier("urn:x", "8"),)
    made_up = {"system": FNR, "value": "01018000100"}  # of a date of birth: it does not hold
    patient["identifier"] = [made_up, typed("7", "MR")]
    assert envelope(raw_of(made)).identifiers == (Identifier("urn:x", "7"),)
    assert beside(patient, (Identifier("urn:x", "7"),)) == (Identifier(FNR, "01018000100"),)  # a lock that names it holds
    patient["identifier"] = [made_up]
    assert beside(patient, (Identifier(FNR, "01018000100"),)) == ()
    assert envelope(raw_of(made)).identifiers == (Identifier(FNR, "01018000100"),)
    patient["identifier"] = [typed("W1", "MB"), typed("0", "MR")]
    assert refusal(raw_of(made)) == (Reason.MISSING_PATIENT, "Patient.identifier")


def test_a_social_security_number_of_no_register_names_nobody_beside_another_number() -> None:
    made = bundle()
    loose = {"value": "123-45-6789", "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS"}]}}
    patient = made["entry"][2]["resource"]
    patient["identifier"] = [loose, {"system": "urn:x", "value": "7"}]
    assert envelope(raw_of(made)).identifiers == (Identifier("urn:x", "7"),)
    patient["identifier"] = [loose]
    assert envelope(raw_of(made)).identifiers == (Identifier("", "123-45-6789"),)
    patient["identifier"] = [loose | {"value": "13116900216"}, {"system": "urn:x", "value": "7"}]
    assert len(envelope(raw_of(made)).identifiers) == 2


def test_a_merge_that_retires_nobody_is_refused_at_the_door() -> None:
    made = bundle()
    made["entry"][0]["resource"]["eventCoding"] = {"system": OWN, "code": Kind.MERGED}
    assert refusal(raw_of(made)) == (Reason.MISSING_FIELD, "Patient.link")
    patient = made["entry"][2]["resource"]
    patient["link"] = [{"type": "replaces", "other": {"identifier": patient["identifier"][0]}}]  # itself
    assert refusal(raw_of(made)) == (Reason.MISSING_FIELD, "Patient.link")
    patient["link"] = [{"type": "replaces", "other": {"identifier": {"value": "8"}}}]
    assert envelope(raw_of(made)).kind is Kind.MERGED


@pytest.mark.parametrize(
    ("element", "where"),
    [("subject", "Bundle.entry[1].resource.subject"), ("focus", "Bundle.entry[0].resource.focus[0]")],
)
def test_a_reference_that_leads_nowhere(element: str, where: str) -> None:
    made = bundle()
    gone: Any = {"reference": "urn:uuid:gone"}
    made["entry"][0 if element == "focus" else 1]["resource"][element] = [gone] if element == "focus" else gone
    assert refusal(raw_of(made)) == (Reason.BROKEN_REFERENCE, where)


THEIRS = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}
ANOTHERS = {"system": "urn:mrn", "value": "8"}


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": THEIRS},
        {"identifier": {"value": "13116900216"}},  # by whatever system, it is theirs
        {"identifier": {"value": "7"}},
        {"identifier": THEIRS, "reference": "urn:uuid:pat"},
        {"identifier": {"assigner": {"display": "x"}}, "reference": "urn:uuid:pat"},
        {"identifier": ANOTHERS, "type": "Device"},
        {"identifier": ANOTHERS, "reference": "urn:uuid:org"},
        {"display": "x"},
    ],
)
def test_a_patient_named_by_identifier_is_the_one_the_message_is_about(subject: dict[str, Any]) -> None:
    made = bundle()
    made["entry"][1]["resource"]["subject"] = subject
    assert envelope(raw_of(made)).identifiers[0].value == "13116900216"


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": ANOTHERS},
        {"identifier": ANOTHERS, "type": "Patient"},
        {"identifier": THEIRS | {"value": "17054026641"}},
        {"identifier": THEIRS | {"system": "urn:mrn"}},
        {"identifier": ANOTHERS, "reference": "urn:uuid:pat"},
    ],
)
@pytest.mark.parametrize("element", ["subject", "patient"])
def test_another_patient_named_by_identifier_is_refused(subject: dict[str, Any], element: str) -> None:
    made = bundle()
    made["entry"][3]["resource"][element] = subject
    assert refusal(raw_of(made)) == (Reason.SEVERAL_PATIENTS, f"Bundle.entry[3].resource.{element}")


def test_the_control_id_falls_back_and_is_required() -> None:
    made = bundle()
    del made["identifier"]
    assert envelope(raw_of(made)).control_id == "id-1"
    del made["id"]
    assert refusal(raw_of(made)) == (Reason.MISSING_CONTROL_ID, "Bundle.identifier")
    made["entry"][0]["resource"]["id"] = "h-1"
    assert envelope(raw_of(made)).control_id == "h-1"
    made["identifier"] = {"value": "a\x07b"}
    assert refusal(raw_of(made)) == (Reason.BAD_VALUE, "Bundle.identifier")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["reference", "value", "coding", "code", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PLACES = [
    (n, key)
    for n, keys in enumerate((("focus", "sender", "source", "eventCoding"), ("subject", "location"), ("identifier", "link")))
    for key in keys
]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), max_size=4), JSON)
def test_whatever_stands_where_only_rejected_comes_out(changes: list[tuple[tuple[int, str], Any]], identifier: Any) -> None:
    made = bundle()
    made["identifier"] = identifier
    for (n, key), value in changes:
        made["entry"][n]["resource"][key] = value
    try:
        seen = envelope(raw_of(made))
    except Rejected:
        return
    assert seen.identifiers


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_whatever_bytes_come_only_rejected_comes_out(raw: bytes) -> None:
    with pytest.raises(Rejected):
        envelope(raw)


def test_refusals_name_places_never_values() -> None:
    made = bundle()
    made["entry"][1]["resource"]["subject"] = {"reference": "urn:uuid:SECRET"}
    reason, where = refusal(raw_of(made))
    assert "SECRET" not in f"{reason} {where}"
    assert json.dumps(made)
