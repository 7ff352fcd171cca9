"""A sender's FHIR messages: what is refused, what does not work, what was agreed; never a value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.fhir.check import NEEDS, judge
from hub.adapters.finding import Severity
from hub.adapters.profile import Profile, Terms
from hub.model import Kind
from hub.numbers import PersonNumbers
from hub.stream.message_report import Source, report, text
from tests.unit.adapters.fhir.made import bundle, raw_of
from tests.unit.adapters.made import samples

TERMS = Terms()
HPR = "urn:oid:2.16.578.1.12.4.1.4.4"


def good() -> dict[str, Any]:
    made = bundle()
    patient(made)["generalPractitioner"] = [{"identifier": {"system": HPR, "value": "9144889"}}]
    return made


def of(made: dict[str, Any], kind: str) -> Any:
    return next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == kind)


def patient(made: dict[str, Any]) -> Any:
    return of(made, "Patient")


def found(made: dict[str, Any], terms: Terms = TERMS) -> set[str]:
    return {f"{f.code} {f.place}" for f in judge(raw_of(made), terms).findings}


def test_the_good_message_is_good() -> None:
    assert found(good()) == set()


BROKEN = {
    "identity.no-authority Patient.identifier[1].system": lambda b: patient(b)["identifier"][1].pop("system"),
    "identity.not-a-person-number Patient.identifier[0].value": lambda b: patient(b)["identifier"][0].update(value="13116900217"),
    "identity.no-person-number Patient.identifier": lambda b: patient(b)["identifier"].pop(0),
    "identity.names-nobody Patient.identifier[1]": lambda b: patient(b)["identifier"][1].update(value="000000"),
    "routing.no-municipality Patient.address.district": lambda b: patient(b).pop("address"),
    "routing.no-gp Patient.generalPractitioner": lambda b: patient(b).pop("generalPractitioner"),
    "routing.gp-unknown Patient.generalPractitioner.identifier.system": lambda b: patient(b).update(
        generalPractitioner=[{"identifier": {"system": "urn:gp", "value": "1"}}]
    ),
    "routing.no-receiver MessageHeader.destination": lambda b: of(b, "MessageHeader").pop("destination"),
    "pathway.no-class Encounter.class": lambda b: of(b, "Encounter").pop("class"),
    "pathway.no-ward Encounter.location": lambda b: of(b, "Encounter").pop("location"),
    "pathway.no-visit-number Encounter.identifier": lambda b: of(b, "Encounter").pop("identifier"),
    "pathway.no-period Encounter.period.start": lambda b: of(b, "Encounter").pop("period"),
    "time.no-event-time Bundle.timestamp": lambda b: b.pop("timestamp"),
    "consent.unknown-label meta.security": lambda b: b["meta"]["security"].append({"code": "SECRET"}),
    "hl7v2.no-translation MessageHeader.event": lambda b: of(b, "MessageHeader").update(
        eventCoding={"system": "urn:hub:event", "code": Kind.ACCOUNT_OPENED.value}
    ),
}


def test_there_is_a_message_for_every_need() -> None:
    assert {code.split()[0] for code in BROKEN} == {need.code for need in NEEDS}


@pytest.mark.parametrize("expected", BROKEN)
def test_what_is_broken_is_told_at_its_place(expected: str) -> None:
    made = good()
    BROKEN[expected](made)
    assert expected in found(made)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (Profile(applications=("OTHER",)), "agreed.application MessageHeader.source.name"),
        (Profile(facilities=("OTHER",)), "refused.unknown_sender MessageHeader.sender"),
        (Profile(messages=("notification-discharge",)), "agreed.message MessageHeader.event"),
        (Profile(person_numbers=PersonNumbers.SYNTHETIC), "refused.unwelcome_person_number Bundle.entry[2].resource.identifier[0]"),
    ],
)
def test_what_was_agreed_is_held_against_it(profile: Profile, expected: str) -> None:
    assert expected in found(good(), Terms(profile=profile))


def test_an_agreement_that_is_kept() -> None:
    profile = Profile(applications=("EPJ",), facilities=("St. Olavs hospital",), messages=("notification-admit",))
    assert found(good(), Terms(profile=profile)) == set()


def pushed(shape: str, *resources: dict[str, Any]) -> bytes:
    """Resources as a FHIR server pushes them."""
    entries = [
        {"fullUrl": f"urn:uuid:{n}", "resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{n}"}}
        for n, r in enumerate(resources)
    ]
    return json.dumps({"resourceType": "Bundle", "type": shape, "entry": entries}).encode()


@pytest.mark.parametrize("shape", ["transaction", "batch", "collection"])
def test_what_a_fhir_server_pushes_is_judged_by_the_messages_that_are_made_of_it(shape: str) -> None:
    somebody = {"resourceType": "Patient", "identifier": [{"value": "A77"}], "name": [{"family": "Qvz"}]}
    stay = {"resourceType": "Encounter", "status": "in-progress", "subject": {"reference": "urn:uuid:0"}}
    judged = judge(pushed(shape, somebody, stay), TERMS)
    assert not judged.is_refused
    codes = {f.code for f in judged.findings}
    assert {"identity.no-authority", "pathway.no-class", "pathway.no-ward", "pathway.no-visit-number"} <= codes
    assert "Qvz" not in repr(judged)


def test_changes_that_the_hub_refuses_are_told_by_their_place() -> None:
    (finding,) = judge(pushed("batch", {"resourceType": "Encounter", "subject": {"reference": "urn:uuid:9"}}), TERMS).findings
    assert finding.severity is Severity.ERROR
    assert finding.place.startswith("Bundle.entry[0]")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"<Bundle/>", b'{"resourceType":"Bundle","type":"document"}', b"\xff"])
def test_what_is_no_message_is_one_error(raw: bytes) -> None:
    (finding,) = judge(raw, TERMS).findings
    assert finding.severity is Severity.ERROR
    assert finding.code.startswith("refused.")


def test_a_message_larger_than_the_hub_takes() -> None:
    assert "refused.too_large Bundle" in found(good(), Terms(frame_bytes_max=10))


def test_notifications_of_others_are_taken() -> None:
    for path in samples("davinci-alerts").glob("*.json"):
        assert not judge(path.read_bytes(), TERMS).is_refused, path.name


_KEYS = st.sampled_from(["identifier", "system", "value", "address", "location", "meta", "security", "code"])
_ANY = st.recursive(
    st.none() | st.booleans() | st.text(max_size=4), lambda v: st.lists(v, max_size=3) | st.dictionaries(_KEYS, v, max_size=4)
)


@given(_ANY, st.data())
def test_whatever_stands_in_an_element_findings_come_out(value: Any, data: st.DataObject) -> None:
    made = good()
    resource = data.draw(st.sampled_from([made, *(e["resource"] for e in made["entry"])]))
    resource[data.draw(st.sampled_from(sorted(resource)))] = value
    judge(json.dumps(made).encode(), TERMS)


def test_no_value_of_a_message_is_ever_repeated() -> None:
    raw = raw_of(good())
    for word in ("13116900216", "Bjørnstad", "Søndre", "CANARY", "9144889"):
        assert word in raw.decode()
    made = good()
    patient(made)["identifier"] = [{"value": "Qvzx"}, {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "Qvz12345678"}]
    patient(made)["address"] = [{"district": "Qvz"}]
    made["meta"]["security"] = [{"code": "Qvz"}]
    source = Source("f", 1, raw_of(made))
    assert "Qvz" not in text(report([(source, judge(source.raw, TERMS))], Profile()), "")
