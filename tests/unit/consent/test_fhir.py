"""FHIR consents: the four Norwegian shapes, the edges of time, and everything that must be refused rather than half understood."""

import re
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.consent.decide import decide
from hub.consent.fhir import consent_from_fhir
from hub.consent.question import Question
from hub.errors import Reason, Rejected
from hub.identity import ENH, FNR, HUB_PROVIDER
from hub.model import Base, Channel, Consent, Deliver, Identifier, Policy, Provider, ProviderKind, Relation, Rule, Span
from hub.routing.directory import Directory
from tests.consents import simple

TRONDHEIM = Provider("trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", (), Deliver(Channel.MAILBOX))
PATIENT = Identifier(FNR, "15076500565")
RIGHT_TO_OBJECT = {"coding": [{"system": "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis", "code": "PBRL5-3"}]}
ORGANISATION = {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"identifier": {"system": ENH, "value": "942110464"}}}
PERIOD = {"start": "2026-03-01", "end": "2026-03-29"}
OSLO = ZoneInfo("Europe/Oslo")


def consent(provision: object = None, **elements: Any) -> dict[str, Any]:
    """A whole Norwegian Consent with this root provision; an element of None is left out."""
    resource = {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": FNR, "value": "15076500565"}},
        "policyRule": RIGHT_TO_OBJECT,
        "provision": provision,
    }
    return {name: value for name, value in (resource | elements).items() if value is not None}


def us(text: str) -> int:
    """Microseconds of a civil time in Oslo."""
    return round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() * 1_000_000)


START, END = us("2026-03-01T00:00:00"), us("2026-03-30T00:00:00") - 1
SHAPES = {
    "deny all": ({"type": "deny"}, simple("c1", 3)),
    "deny all in a period": ({"type": "deny", "period": PERIOD}, simple("c1", 3, start_us=START, end_us=END)),
    "deny an organisation": (
        {"type": "deny", "actor": [ORGANISATION]}, simple("c1", 3, actors=(Identifier(ENH, "942110464"),))),
    "deny an organisation in a period": (
        {"type": "deny", "actor": [ORGANISATION], "period": PERIOD},
        simple("c1", 3, actors=(Identifier(ENH, "942110464"),), start_us=START, end_us=END)),
}  # fmt: skip


@pytest.mark.parametrize(("provision", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_the_four_norwegian_shapes(provision: dict[str, Any], expected: Consent) -> None:
    assert consent_from_fhir(consent(provision), 3) == (expected, PATIENT)


def test_several_actors_are_each_denied() -> None:
    other = {"reference": {"reference": "Organization/1", "identifier": {"system": HUB_PROVIDER, "value": " malvik "}}}
    found, _ = consent_from_fhir(consent({"type": "deny", "actor": [ORGANISATION, other]}), 1)
    assert [a.identifier for a in found.provision.actors] == [Identifier(ENH, "942110464"), Identifier(HUB_PROVIDER, "malvik")]


@pytest.mark.parametrize("status", ["inactive", "entered-in-error", "draft", "proposed", "rejected"])
def test_only_active_has_force_and_the_others_can_always_be_stored(status: str) -> None:
    found, patient = consent_from_fhir(consent({"type": "deny", "actor": [ORGANISATION]}, status=status), 2)
    assert (found, patient) == (simple("c1", 2, active=False, actors=(Identifier(ENH, "942110464"),)), PATIENT)
    muddled, _ = consent_from_fhir(consent({"type": "deny", "purpose": [{"code": "CURIOSITY"}]}, status=status), 2)
    assert muddled == simple("c1", 2, active=False)


def test_a_permit_for_everyone_and_for_one() -> None:
    for rule in (None, {"coding": [{"code": "OPTIN"}]}):
        assert not consent_from_fhir(consent({"type": "permit"}, policyRule=rule), 1)[0].provision.deny
        assert not consent_from_fhir(consent({"type": "permit", "actor": [ORGANISATION]}, policyRule=rule), 1)[0].provision.deny


@pytest.mark.parametrize(("code", "deny"), [("OPTOUT", True), ("OPTIN", False)])
def test_without_a_root_type_the_policy_rule_says_it(code: str, deny: bool) -> None:  # noqa: FBT001
    rule = {"coding": [{"code": code}]}
    assert consent_from_fhir(consent(policyRule=rule), 1)[0] == replace(simple("c1", deny=deny), base=Base.EXPLICIT)
    found, _ = consent_from_fhir(consent({"period": PERIOD}, policyRule=rule), 1)
    assert found == replace(simple("c1", deny=deny, start_us=START, end_us=END), base=Base.EXPLICIT)


def test_a_deny_under_any_base_is_a_lock() -> None:
    for rule in (None, RIGHT_TO_OBJECT, {"coding": [{"code": "OPTIN"}]}, {"coding": [{"code": "OPTOUT"}]}, {"text": "x"}):
        assert consent_from_fhir(consent({"type": "deny"}, policyRule=rule), 1)[0].provision.deny


CODE = [{"coding": [{"code": "x"}]}]
UNKNOWN_HUB_ID = {"reference": {"identifier": {"system": f" {HUB_PROVIDER}", "value": "nowhere"}}}
REPLACES = {"url": "http://hl7.org/fhir/StructureDefinition/replaces"}
UNSUPPORTED, BAD, MISSING, NOBODY = Reason.UNSUPPORTED_CONSENT, Reason.BAD_VALUE, Reason.MISSING_FIELD, Reason.MISSING_PATIENT
REFUSED = {
    "action": (consent({"type": "deny", "action": CODE}), UNSUPPORTED, "Consent.provision.action"),
    "modifier in the provision": (consent({"type": "deny", "modifierExtension": [{}]}), UNSUPPORTED, "Consent.provision.modifierExtension"),
    "modifier": (consent({"type": "deny"}, modifierExtension=[{}]), UNSUPPORTED, "Consent.modifierExtension"),
    "implicit rules": (consent({"type": "deny"}, implicitRules="http://x"), UNSUPPORTED, "Consent.implicitRules"),
    "unknown element, not repeated": (consent({"type": "deny", "15076500565": 1}), UNSUPPORTED, "Consent.provision"),
    "a type said by extension": (consent({"_type": {}}), UNSUPPORTED, "Consent.provision.type"),
    "another scope": (consent({"type": "deny"}, scope={"coding": [{"code": "research"}]}), UNSUPPORTED, "Consent.scope"),
    "no type, no base": (consent({"period": PERIOD}, policyRule=None), UNSUPPORTED, "Consent.provision.type"),
    "no type, the right to object": (consent({"period": PERIOD}), UNSUPPORTED, "Consent.provision.type"),
    "no provision, the right to object": (consent(), UNSUPPORTED, "Consent.provision"),
    "no type, two bases": (
        consent({"period": PERIOD}, policyRule={"coding": [{"code": "OPTIN"}, {"code": "OPTOUT"}]}),
        UNSUPPORTED, "Consent.provision.type"),
    "permit as an exception to the right to object": (consent({"type": "permit"}), UNSUPPORTED, "Consent.policyRule"),
    "permit as an exception to a lock": (
        consent({"type": "permit", "actor": [ORGANISATION]}, policyRule={"coding": [{"code": "OPTOUT"}]}),
        UNSUPPORTED, "Consent.policyRule"),
    "actor by reference": (
        consent({"type": "deny", "actor": [ORGANISATION, {"reference": {"reference": "Organization/1"}}]}),
        UNSUPPORTED, "Consent.provision.actor[1]"),
    "actor without reference": (consent({"type": "deny", "actor": [{"role": {}}]}), UNSUPPORTED, "Consent.provision.actor[0]"),
    "actor without value": (
        consent({"type": "deny", "actor": [{"reference": {"identifier": {"system": ENH, "value": " "}}}]}),
        UNSUPPORTED, "Consent.provision.actor[0]"),
    "actor with a number": (
        consent({"type": "deny", "actor": [{"reference": {"identifier": {"system": ENH, "value": 942110464}}}]}),
        UNSUPPORTED, "Consent.provision.actor[0]"),
    "permit for an actor without system": (
        consent({"type": "permit", "actor": [{"reference": {"identifier": {"value": "942110464"}}}]}, policyRule=None),
        UNSUPPORTED, "Consent.provision.actor[0]"),
    "actor that is narrowed": (
        consent({"type": "deny", "actor": [ORGANISATION | {"modifierExtension": []}]}),
        UNSUPPORTED, "Consent.provision.actor[0].modifierExtension"),
    "actor the hub does not know": (
        consent({"type": "deny", "actor": [UNKNOWN_HUB_ID]}), UNSUPPORTED, "Consent.provision.actor[0]"),
    "no actors would be everyone": (consent({"type": "permit", "actor": []}, policyRule=None), BAD, "Consent.provision.actor"),
    "actors that are no list": (consent({"type": "deny", "actor": ORGANISATION}), BAD, "Consent.provision.actor"),
    "actor that is no object": (consent({"type": "deny", "actor": ["x"]}), BAD, "Consent.provision.actor[0]"),
    "provision that is no object": (consent([{"type": "deny"}]), BAD, "Consent.provision"),
    "type that is none": (consent({"type": "forbid"}), BAD, "Consent.provision.type"),
    "type that is no text": (consent({"type": ["deny"]}), BAD, "Consent.provision.type"),
    "empty period": (consent({"type": "deny", "period": {}}), MISSING, "Consent.provision.period"),
    "period by extension": (consent({"type": "deny", "period": {"_start": {}}}), UNSUPPORTED, "Consent.provision.period"),
    "period backwards": (consent({"type": "deny", "period": {"start": "2026-02", "end": "2026-01"}}), BAD, "Consent.provision.period"),
    "start that is no date": (consent({"type": "deny", "period": {"start": "1.3.2026"}}), BAD, "Consent.provision.period.start"),
    "end that is no date": (consent({"type": "deny", "period": {"end": "2026-02-29"}}), BAD, "Consent.provision.period.end"),
    "end that is no text": (consent({"type": "deny", "period": {"end": 2026}}), BAD, "Consent.provision.period.end"),
    "time without zone": (consent({"type": "deny", "period": {"end": "2026-02-01T00:00:00"}}), BAD, "Consent.provision.period.end"),
    "time without seconds": (consent({"type": "deny", "period": {"end": "2026-02-01T00:00Z"}}), BAD, "Consent.provision.period.end"),
    "month zero": (consent({"type": "deny", "period": {"end": "2026-00"}}), BAD, "Consent.provision.period.end"),
    "year zero": (consent({"type": "deny", "period": {"end": "0000"}}), BAD, "Consent.provision.period.end"),
    "date that is no text": (consent({"type": "deny"}, dateTime=2026), BAD, "Consent.dateTime"),
    "date that is none": (consent({"type": "deny"}, dateTime="13.6.2022"), BAD, "Consent.dateTime"),
    "policy that is no text": (consent({"type": "deny"}, policy=[{"uri": 1}]), BAD, "Consent.policy[0].uri"),
    "replaces what is no reference": (
        consent({"type": "deny"}, extension=[REPLACES | {"valueReference": "x"}]), BAD, "Consent.extension[0]"),
    "replaces a number": (consent({"type": "deny"}, extension=[REPLACES | {"valueUri": 1}]), UNSUPPORTED, "Consent.extension[0]"),
    "permit for whom the hub does not know": (
        consent({"type": "permit", "actor": [UNKNOWN_HUB_ID]}, policyRule=None), UNSUPPORTED, "Consent.provision.actor[0]"),
    "no type, for whom the hub does not know": (
        consent({"actor": [UNKNOWN_HUB_ID]}, policyRule={"coding": [{"code": "OPTOUT"}]}), UNSUPPORTED, "Consent.provision.actor[0]"),
    "but for whom the hub does not know": (
        consent({"type": "deny", "provision": [{"type": "permit", "actor": [UNKNOWN_HUB_ID]}]}),
        UNSUPPORTED, "Consent.provision.provision[0].actor[0]"),
    "no type, and an empty period": (
        consent({"period": {}}, policyRule={"coding": [{"code": "OPTOUT"}]}), MISSING, "Consent.provision.period"),
    "patient that is no object": (consent({"type": "deny"}, patient="x"), BAD, "Consent.patient"),
    "patient's number that is no object": (consent({"type": "deny"}, patient={"identifier": "x"}), BAD, "Consent.patient.identifier"),
    "no patient": (consent({"type": "deny"}, patient=None), NOBODY, "Consent.patient.identifier"),
    "a patient of no number": (
        consent({"type": "deny"}, patient={"identifier": {"system": FNR, "value": "00000000000"}}), NOBODY, "Consent.patient.identifier"),
    "patient by reference": (consent({"type": "deny"}, patient={"reference": "Patient/1"}), NOBODY, "Consent.patient.identifier"),
    "patient without value": (
        consent({"type": "deny"}, patient={"identifier": {"system": FNR}}), NOBODY, "Consent.patient.identifier"),
    "patient without a number in it": (
        consent({"type": "deny"}, patient={"identifier": {"system": FNR, "value": " "}}), NOBODY, "Consent.patient.identifier"),
    "patient by a number that is no text": (
        consent({"type": "deny"}, patient={"identifier": {"system": FNR, "value": 1}}), NOBODY, "Consent.patient.identifier"),
    "patient under a system that is no text": (
        consent({"type": "deny"}, patient={"identifier": {"system": 1, "value": "1"}}), NOBODY, "Consent.patient.identifier"),
    "no id": (consent({"type": "deny"}, id=None), MISSING, "Consent.id"),
    "id with odd letters": (consent({"type": "deny"}, id="a/b"), BAD, "Consent.id"),
    "id that is a person's number": (consent({"type": "deny"}, id="15076500565"), BAD, "Consent.id"),
    "no status": (consent({"type": "deny"}, status=None), MISSING, "Consent.status"),
    "empty status": (consent({"type": "deny"}, status=""), BAD, "Consent.status"),
    "unknown status": (consent({"type": "deny"}, status="on"), BAD, "Consent.status"),
    "status that is no text": (consent({"type": "deny"}, status=True), BAD, "Consent.status"),
    "another resource": (consent({"type": "deny"}, resourceType="Patient"), UNSUPPORTED, "Consent"),
    "scope that is no concept": (consent({"type": "deny"}, scope="patient-privacy"), BAD, "Consent.scope"),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "reason", "where"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_understood_is_refused_at_its_place(resource: dict[str, Any], reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as refused:
        consent_from_fhir(resource, 1, Directory([TRONDHEIM], [], 1))
    assert (refused.value.reason, refused.value.where) == (reason, where)


def test_ids_and_extensions_change_no_meaning() -> None:
    spare = {"id": "1", "extension": [{"url": "http://x", "valueString": "y"}]}
    found, _ = consent_from_fhir(consent({"type": "deny", "period": PERIOD | spare, "actor": [ORGANISATION | spare]} | spare), 1)
    assert found == simple("c1", actors=(Identifier(ENH, "942110464"),), start_us=START, end_us=END)


# what FHIR R4 has beside what the hub reads, and what no use of changes the meaning of the rest
SPARE = {
    "meta": {"profile": ["http://x"]},
    "language": "nb",
    "text": {"status": "empty"},
    "contained": [{"resourceType": "Organization"}],
    "extension": [{"url": "http://x", "valueString": "y"}],
    "identifier": [{"value": "1"}],
    "category": [{"coding": [{"code": "x"}]}],
    "performer": [{"reference": "Patient/1"}],
    "organization": [{"reference": "Organization/1"}],
    "sourceAttachment": {"title": "x"},
    "sourceReference": {"reference": "Consent/2"},
    "policy": [{"id": "1", "extension": [], "authority": "http://x"}],
    "verification": [{"verified": True}],
    "_language": {},
    "_status": {},
    "_dateTime": {},
}


@pytest.mark.parametrize("name", SPARE)
def test_what_changes_no_meaning_is_let_be(name: str) -> None:
    assert consent_from_fhir(consent({"type": "deny"}, **{name: SPARE[name]}), 1) == (simple("c1"), PATIENT)


def test_a_known_hub_id_is_accepted_and_without_a_directory_any_is() -> None:
    known = {"reference": {"identifier": {"system": HUB_PROVIDER, "value": "trondheim"}}}
    assert consent_from_fhir(consent({"type": "deny", "actor": [known]}), 1, Directory([TRONDHEIM], [], 1))
    assert consent_from_fhir(consent({"type": "deny", "actor": [UNKNOWN_HUB_ID]}), 1)


@pytest.mark.parametrize(
    ("system", "value", "expected"),
    [
        (None, "15076500565", Identifier("", "15076500565")),  # everyone who has the value, under whatever system
        ("", " 15076500565 ", Identifier("", "15076500565")),
        ("FNR", "15076500565", PATIENT),
        ("urn:oid:1.2.3", "15076500565", Identifier("urn:oid:1.2.3", "15076500565")),
        (None, "4711", Identifier("", "4711")),
    ],
)
def test_the_patient_is_the_one_the_messages_speak_of(system: str | None, value: str, expected: Identifier) -> None:
    identifier = {"value": value} | ({} if system is None else {"system": system})
    assert consent_from_fhir(consent({"type": "deny"}, patient={"identifier": identifier}), 1)[1] == expected


# period's end || last microsecond inside, as civil time in Oslo plus microseconds
ENDS = [
    ("2026-03-28", "2026-03-29T00:00:00"),
    ("2026-03-29", "2026-03-30T00:00:00"),  # clocks go forward: 23 hours
    ("2026-10-25", "2026-10-26T00:00:00"),  # clocks go back: 25 hours
    ("2026-12-31", "2027-01-01T00:00:00"),
    ("2028-02-29", "2028-03-01T00:00:00"),
    ("2026-02", "2026-03-01T00:00:00"),
    ("2028-02", "2028-03-01T00:00:00"),
    ("2026-12", "2027-01-01T00:00:00"),
    ("2026", "2027-01-01T00:00:00"),
    ("2028", "2029-01-01T00:00:00"),
]


@pytest.mark.parametrize(("end", "first_outside"), ENDS)
def test_a_date_covers_the_whole_of_itself_in_oslo(end: str, first_outside: str) -> None:
    lock, _ = consent_from_fhir(consent({"type": "deny", "period": {"end": end}}), 1)
    question = Question("st-olavs", TRONDHEIM, relations=(Relation.GP,))
    outside = us(first_outside)
    assert decide(question, Policy((lock,)), outside - 1).rule is Rule.LOCKED
    assert decide(question, Policy((lock,)), outside).rule is Rule.TREATING_RELATION


def test_the_days_clocks_change_are_23_and_25_hours_long() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)):
        lock, _ = consent_from_fhir(consent({"type": "deny", "period": {"start": day, "end": day}}), 1)
        period = lock.provision.period
        assert period.start_us == us(f"{day}T00:00:00")
        assert period.end_us - period.start_us + 1 == hours * 3_600_000_000


@pytest.mark.parametrize(
    ("text", "first_us", "last_us"),
    [
        ("2026-10-25T02:30:00+02:00", 1792888200_000_000, 1792888200_999_999),  # the first half past two of that night
        ("2026-10-25T02:30:00+01:00", 1792891800_000_000, 1792891800_999_999),  # the second
        ("2026-10-25T00:30:00.5Z", 1792888200_500_000, 1792888200_599_999),
        ("2026-10-25T00:30:00.1234569Z", 1792888200_123_456, 1792888200_123_456),
    ],
)
def test_a_second_or_a_part_of_one_is_whole_between_both_ends(text: str, first_us: int, last_us: int) -> None:
    lock, _ = consent_from_fhir(consent({"type": "deny", "period": {"start": text, "end": text}}), 1)
    assert lock.provision.period == Span(first_us, last_us)


@pytest.mark.parametrize(
    ("end", "is_open"),
    [("9999", True), ("9999-12", True), ("9999-12-31", True), ("9998", False), ("9999-11", False), ("9999-12-30", False)],
)
def test_the_end_of_the_calendar_is_no_end(end: str, *, is_open: bool) -> None:
    lock, _ = consent_from_fhir(consent({"type": "deny", "period": {"end": end}}), 1)
    assert (lock.provision.period == Span()) is is_open


NAMES = ["type", "period", "actor", "start", "end", "reference", "identifier", "value", "system", "coding", "code", "x"]
WORDS = ["deny", "permit", "2026-01-01", "active", "99999"]
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(consent({}))), json, json)
def test_whatever_stands_there_is_read_or_refused_and_never_shown(name: str, value: object, provision: object) -> None:
    resource = deepcopy(consent(provision)) | {name: value}
    try:
        found, _ = consent_from_fhir(resource, 1)
    except Rejected as refused:
        assert re.fullmatch(r"Consent(\.[a-zA-Z]+(\[\d\])?)*", refused.where)
        return
    # nothing that was not understood is in force: an active consent is made only of the elements the hub reads
    if found.active and isinstance(resource.get("provision"), dict):
        assert set(resource["provision"]) <= {"type", "period", "actor", "code"}
