"""Consents as IHE PCF (basic, intermediate, advanced) and HL7 Norway write them, and every element the hub would not do justice to."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.consent.fhir import consent_from_fhir
from hub.consent.provisions import Opinion, opinion
from hub.consent.question import LABELS, PURPOSES
from hub.errors import Reason, Rejected
from hub.identity import DNR, ENH, FHN, FNR, HER, HPR, HUB_PROVIDER
from hub.ledger.consent_rows import body_of, consent_of
from hub.model import Actor, ActorKind, Base, DataReference, Identifier, Item, Meaning, Provision, Span
from tests.unit.consent.test_provisions import BARE, KNOWN, OBSERVATION, case

T = "http://terminology.hl7.org/CodeSystem/"
LAW = {"coding": [{"system": "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis", "code": "PBRL5-3"}]}
OWN_TEXT = [{"uri": "http://example.org/policies/basePrivacyConsentPolicy.txt"}]
PCF = "https://profiles.ihe.net/ITI/PCF/"
TPO = [{"system": f"{T}v3-ActReason", "code": code} for code in ("TREAT", "HPAYMT", "HOPERAT")]
IRCP = {"coding": [{"system": f"{T}v3-ParticipationType", "code": "IRCP"}]}
N, R = ({"system": f"{T}v3-Confidentiality", "code": code} for code in "NR")
PSY = {"system": f"{T}v3-ActCode", "code": "PSY"}
GIVEN, JANUARY, DECEMBER = 1655157599_999_999, 1640991600_000_000, 1672527599_999_999  # ends of 2022-06-13 and 2022, start of 2022, in Oslo
PURPOSE = ("TREAT", "HPAYMT", "HOPERAT")


def resource(provision: object, **elements: Any) -> dict[str, Any]:
    """A Consent as PCF writes it; an element of None is left out."""
    made = {
        "resourceType": "Consent", "id": "c", "status": "active",
        "scope": {"coding": [{"system": f"{T}consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": FNR, "value": "15076500565"}}, "dateTime": "2022-06-13",
        "performer": [{"reference": "Patient/ex"}], "organization": [{"reference": "Organization/ex"}],
        "sourceReference": {"reference": "DocumentReference/ex"}, "policy": OWN_TEXT, "provision": provision,
    }  # fmt: skip
    return {name: value for name, value in (made | elements).items() if value is not None}


def read(provision: object, **elements: Any) -> Any:
    return consent_from_fhir(resource(provision, **elements), 1)[0]


def of(provision: dict[str, Any], deny: bool = True) -> Provision:  # noqa: FBT001, FBT002
    return read({"type": "deny" if deny else "permit"} | provision).provision


def reference(literal: str, **more: Any) -> dict[str, Any]:
    return {"reference": literal} | more


# the examples of IHE PCF, by name: provision || what it is
PCF_EXAMPLES = {
    "basic-treat": ({"type": "permit", "purpose": TPO}, Provision(False, purposes=PURPOSE)),
    "basic-reject": ({"type": "deny", "purpose": TPO}, Provision(True, purposes=PURPOSE)),
    "expired-treat": (
        {"type": "permit", "purpose": TPO, "period": {"end": "2022-12-31"}},
        Provision(False, Span(None, DECEMBER), purposes=PURPOSE)),
    "intermediate-timeframe": (
        {"type": "permit", "purpose": TPO, "dataPeriod": {"start": "2022-01", "end": "2022-12"}},
        Provision(False, data_period=Span(JANUARY, DECEMBER), purposes=PURPOSE)),
    "intermediate-not-timeframe": (
        {"type": "permit", "purpose": TPO, "provision": [{"type": "deny", "dataPeriod": {"start": "2022-01", "end": "2022-12"}}]},
        Provision(False, purposes=PURPOSE, exceptions=(Provision(True, data_period=Span(JANUARY, DECEMBER)),))),
    "intermediate-authoredby": (
        {"type": "permit", "purpose": TPO, "data": [{"meaning": "authoredby", "reference": reference("Practitioner/ex")}]},
        Provision(False, purposes=PURPOSE, data=(DataReference(Meaning.AUTHORED_BY, Identifier("", "Practitioner/ex")),))),
    "intermediate-not-encounter": (
        {"type": "permit", "purpose": TPO,
         "provision": [{"type": "deny", "data": [{"meaning": "related", "reference": reference("Encounter/ex")}]}]},
        Provision(False, purposes=PURPOSE, exceptions=(
            Provision(True, data=(DataReference(Meaning.RELATED, Identifier("", "Encounter/ex")),)),))),
    "intermediate-data": (
        {"type": "permit", "purpose": TPO, "data": [
            {"meaning": "instance", "reference": reference("Encounter/ex")},
            {"meaning": "instance", "reference": reference("Observation/a")}]},
        Provision(False, purposes=PURPOSE, data=(
            DataReference(Meaning.INSTANCE, Identifier("", "Encounter/ex")),
            DataReference(Meaning.INSTANCE, Identifier("", "Observation/a"))))),
    "advanced-normal": ({"type": "permit", "purpose": TPO, "securityLabel": [N]}, Provision(False, purposes=PURPOSE, labels=("N",))),
    "advanced-normal-restricted": (
        {"type": "permit", "purpose": TPO, "securityLabel": [N, R]}, Provision(False, purposes=PURPOSE, labels=("N", "R"))),
    "advanced-normal-not-restricted": (
        {"type": "permit", "purpose": TPO, "securityLabel": [N], "provision": [{"type": "deny", "securityLabel": [R]}]},
        Provision(False, purposes=PURPOSE, labels=("N",), exceptions=(Provision(True, labels=("R",)),))),
    "advanced-focused-psy": (
        {"type": "permit", "purpose": TPO, "securityLabel": [N], "provision": [{
            "type": "permit", "securityLabel": [PSY],
            "actor": [{"role": IRCP, "reference": reference("Practitioner/ex", identifier={"system": HPR, "value": "7"})}]}]},
        Provision(False, purposes=PURPOSE, labels=("N",), exceptions=(
            Provision(False, labels=("PSY",), actors=(Actor(Identifier(HPR, "7"), ActorKind.PERSON),)),))),
    "dissent-break-glass": (
        {"type": "deny", "provision": [{"type": "permit", "purpose": [{"system": f"{T}v3-ActReason", "code": "BTG"}]}]},
        Provision(True, exceptions=(Provision(False, purposes=("BTG",)),))),
}  # fmt: skip


@pytest.mark.parametrize(("provision", "expected"), PCF_EXAMPLES.values(), ids=PCF_EXAMPLES.keys())
def test_what_ihe_pcf_writes(provision: dict[str, Any], expected: Provision) -> None:
    found = read(provision)
    assert (found.provision, found.base, found.given_us, found.replaces) == (expected, Base.EXPLICIT, GIVEN, ())


# policyRule | policy | provision || base, root
NORMAL = {"labels": ("N",)}
BASES = {
    "the right to object": (LAW, None, {"type": "deny"}, Base.LAW, Provision(True)),
    "the right to object, with an exception": (
        LAW, OWN_TEXT, {"type": "deny", "provision": [{"type": "permit", "class": [{"code": "Observation"}]}]},
        Base.LAW, Provision(True, exceptions=(Provision(False, classes=("Observation",)),))),
    "the law gives it, but for some": (
        LAW, None, {"type": "permit", "provision": [{"type": "deny", "class": [{"code": "Observation"}]}]},
        Base.LAW, Provision(False, exceptions=(Provision(True, classes=("Observation",)),))),
    "a deny on nobody's base": (None, None, {"type": "deny"}, Base.LAW, Provision(True)),
    "a permit on nobody's base": (None, None, {"type": "permit"}, Base.EXPLICIT, Provision(False)),
    "opt out": ({"coding": [{"code": "OPTOUT"}]}, None, None, Base.EXPLICIT, Provision(True)),
    "opt in": ({"coding": [{"system": f"{T}v3-ActCode", "code": "OPTIN"}]}, None, None, Base.EXPLICIT, Provision(False)),
    "basic": (None, [{"uri": f"{PCF}Policy-basic-normal"}], None, Base.EXPLICIT, Provision(False, labels=("N",), purposes=("TREAT",))),
    "basic, said more closely": (
        None, [{"uri": f"{PCF}Policy-basic-normal"}], {"purpose": [TPO[1]], "securityLabel": [R]},
        Base.EXPLICIT, Provision(False, labels=("R",), purposes=("HPAYMT",))),
    "all": (None, [{"uri": f"{PCF}Policy-all-normal"}], None, Base.EXPLICIT, Provision(False, labels=("N",))),
    "all, said to be a permit": (
        None, [{"uri": f"{PCF}Policy-all-normal"}], {"type": "permit"}, Base.EXPLICIT, Provision(False, labels=("N",))),
    "basic, said to be a permit": (
        None, [{"uri": f"{PCF}Policy-basic-normal"}], {"type": "permit", "securityLabel": [R]},
        Base.EXPLICIT, Provision(False, labels=("R",), purposes=("TREAT",))),
    "a deny under a rule in words": ({"text": "share with nobody"}, None, {"type": "deny"}, Base.LAW, Provision(True)),
    "break-glass only": (None, [{"uri": f"{PCF}Policy-break-glass-only"}], None, Base.EXPLICIT, Provision(True)),
    "deny": (None, [{"uri": f"{PCF}Policy-deny"}], None, Base.EXPLICIT, Provision(True)),
    "deny, said to be one": (None, [{"uri": f"{PCF}Policy-deny"}], {"type": "deny"}, Base.EXPLICIT, Provision(True)),
    "opt out, and said so": ({"coding": [{"code": "OPTOUT"}]}, None, {"type": "deny"}, Base.EXPLICIT, Provision(True)),
    "authority without uri": (None, [{"authority": "http://x"}], {"type": "deny"}, Base.LAW, Provision(True)),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "policy", "provision", "base", "root"), BASES.values(), ids=BASES.keys())
def test_the_base_and_what_it_says_where_the_root_is_silent(rule: Any, policy: Any, provision: Any, base: Base, root: Provision) -> None:
    found = read(provision, policyRule=rule, policy=policy)
    assert (found.base, found.provision) == (base, root)


# reference of an actor || who it is
ACTORS = {
    "organisation by its type": ({"type": "Organization", "identifier": {"system": ENH, "value": "1"}}, ENH, "1", ActorKind.ORGANISATION),
    "by the reference": (reference("http://x/fhir/CareTeam/1", identifier={"system": "s", "value": "1"}), "s", "1", ActorKind.GROUP),
    "both": (reference("Group/1", type="Group", identifier={"value": "1"}), "", "1", ActorKind.GROUP),
    "practitioner": ({"type": "Practitioner", "identifier": {"system": HPR, "value": " 7 "}}, HPR, "7", ActorKind.PERSON),
    "a practitioner's number by its word": ({"identifier": {"system": "HPR", "value": "7"}}, HPR, "7", ActorKind.PERSON),
    "a practitioner's number by its system": ({"identifier": {"system": HPR, "value": "7"}}, HPR, "7", ActorKind.PERSON),
    "a reference that is no text": ({"reference": 5, "identifier": {"system": ENH, "value": "1"}}, ENH, "1", ActorKind.ORGANISATION),
    "a patient": ({"type": "Patient", "identifier": {"system": "s", "value": "1"}}, "s", "1", ActorKind.PERSON),
    "a practitioner": ({"type": "Practitioner", "identifier": {"system": "s", "value": "1"}}, "s", "1", ActorKind.PERSON),
    "a team": ({"type": "CareTeam", "identifier": {"system": "s", "value": "1"}}, "s", "1", ActorKind.GROUP),
    "a person by a national number": ({"identifier": {"system": FNR, "value": "15076500565"}}, FNR, "15076500565", ActorKind.PERSON),
    "a person by a D number": ({"identifier": {"system": DNR, "value": "55076500565"}}, DNR, "55076500565", ActorKind.PERSON),
    "a person by a help number": ({"identifier": {"system": FHN, "value": "1"}}, FHN, "1", ActorKind.PERSON),
    "somebody close": (
        {"type": "RelatedPerson", "identifier": {"system": "FNR", "value": "15076500565"}}, FNR, "15076500565", ActorKind.PERSON),
    "a role": ({"type": "PractitionerRole", "identifier": {"system": "s", "value": "1"}}, "s", "1", ActorKind.ROLE),
    "by the system alone": ({"identifier": {"system": HER, "value": "4711"}, "display": "x"}, HER, "4711", ActorKind.ORGANISATION),
    "an organisation by a word": ({"identifier": {"system": "ENH", "value": "1"}}, "ENH", "1", ActorKind.ORGANISATION),
    "a person without a system": ({"type": "Patient", "identifier": {"value": "15076500565"}}, "", "15076500565", ActorKind.PERSON),
    "an address of no type": (reference("http://x.org/1", identifier={"system": ENH, "value": "1"}), ENH, "1", ActorKind.ORGANISATION),
    "a word of no type": (reference("urn:uuid:1", identifier={"system": ENH, "value": "1"}), ENH, "1", ActorKind.ORGANISATION),
}  # fmt: skip


@pytest.mark.parametrize(("named", "system", "value", "kind"), ACTORS.values(), ids=ACTORS.keys())
def test_who_an_actor_is(named: dict[str, Any], system: str, value: str, kind: ActorKind) -> None:
    assert of({"actor": [{"reference": named}]}).actors == (Actor(Identifier(system, value), kind),)


def test_a_role_in_words_or_a_recipients_is_understood() -> None:
    """HL7 Norway's example: the role as text."""
    who = {"identifier": {"system": ENH, "value": "1"}}
    for role in ({"text": "Actor in some role"}, IRCP, {"coding": [{"code": "PRCP"}]}, {"coding": [{"display": "x", "code": "GRANTEE"}]}):
        assert len(of({"actor": [{"role": role, "reference": who}]}).actors) == 1


def test_codes_labels_and_references() -> None:
    code = [
        {"coding": [{"system": "s", "code": "1", "display": "x"}, {"code": "2"}], "text": "y"},
        {"coding": [{"system": "s", "code": "3"}]},
    ]
    assert of({"code": code}).codes == (("s", "1"), ("", "2"), ("s", "3"))
    labels = [{"code": "N"}, PSY, {"code": "HIV"}]
    assert of({"securityLabel": labels}).labels == ("N", "PSY", "HIV")
    both = {"meaning": "instance", "reference": reference("Observation/1", identifier={"system": "s", "value": "1"}, display="x")}
    assert [d.identifier for d in of({"data": [both]}).data] == [Identifier("", "Observation/1"), Identifier("s", "1")]
    types = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}, {"code": "Condition"}]
    assert of({"class": types}).classes == ("Observation", "Condition")


@pytest.mark.parametrize(
    ("extension", "replaces"),
    [
        ({"valueCanonical": "http://x/fhir/Consent/old-1"}, ("old-1",)),
        ({"valueUri": "Consent/old"}, ("old",)),
        ({"valueUrl": "http://x/Consent/old"}, ("old",)),
        ({"valueReference": {"reference": "Consent/old"}}, ("old",)),
    ],
)
def test_a_consent_names_what_it_stands_in_for(extension: dict[str, Any], replaces: tuple[str, ...]) -> None:
    named = {"url": "http://hl7.org/fhir/StructureDefinition/replaces"} | extension
    assert read({"type": "deny"}, extension=[{"url": "http://x", "valueString": "y"}, named]).replaces == replaces


ORG = {"reference": {"identifier": {"system": ENH, "value": "1"}}}
NOBODY = {"reference": {"identifier": {"value": "1"}}}
PLACE = "Consent.provision"
DATA = {"meaning": "instance", "reference": reference("Observation/1")}
# provision of a deny || place
REFUSED = {
    "a third level": ({"provision": [{"type": "permit", "provision": [{"type": "deny"}]}]}, "provision[0].provision"),
    "a third level, empty": ({"provision": [{"type": "permit"}, {"type": "permit", "provision": []}]}, "provision[1].provision"),
    "an exception without a type": ({"provision": [{}]}, "provision[0].type"),
    "an exception of no such type": ({"provision": [{"type": "forbid"}]}, "provision[0].type"),
    "an exception that does something": ({"provision": [{"type": "permit", "action": [{"text": "x"}]}]}, "provision[0].action"),
    "a permit in doubt inside": ({"provision": [{"type": "permit", "actor": [NOBODY]}]}, "provision[0].actor[0]"),
    "an action": ({"action": [{"coding": [{"code": "access"}]}]}, "action"),
    "an unknown purpose": ({"purpose": [{"system": "http://example.org/policies/purposeOfUse", "code": "FooBar"}]}, "purpose[0]"),
    "a known purpose of another system": ({"purpose": [TPO[0], {"system": "http://x", "code": "TREAT"}]}, "purpose[1]"),
    "a purpose that is no coding": ({"purpose": ["TREAT"]}, "purpose[0]"),
    "a purpose that says nothing": ({"purpose": [{"code": " "}]}, "purpose[0]"),
    "a purpose of a system that is no text": ({"purpose": [{"system": 5, "code": "TREAT"}]}, "purpose[0]"),
    "a purpose narrowed": ({"purpose": [{"code": "TREAT", "modifierExtension": []}]}, "purpose[0].modifierExtension"),
    "an unknown label": ({"securityLabel": [{"code": "TOPSECRET"}]}, "securityLabel[0]"),
    "a label of another system": ({"securityLabel": [{"system": "http://x", "code": "R"}]}, "securityLabel[0]"),
    "a sensitivity as confidentiality": ({"securityLabel": [{"system": f"{T}v3-Confidentiality", "code": "PSY"}]}, "securityLabel[0]"),
    "a confidentiality as sensitivity": ({"securityLabel": [{"system": f"{T}v3-ActCode", "code": "R"}]}, "securityLabel[0]"),
    "a label without code": ({"securityLabel": [{"display": "R"}]}, "securityLabel[0]"),
    "an unknown type": ({"class": [{"code": "Obsrevation"}]}, "class[0]"),
    "a type of another system": ({"class": [{"system": "urn:ietf:bcp:13", "code": "Observation"}]}, "class[0]"),
    "a type that no lock can keep back: the patient": ({"class": [{"code": "Observation"}, {"code": "Patient"}]}, "class[1]"),
    "and that of an author": ({"provision": [{"type": "deny", "class": [{"code": "Practitioner"}]}]}, "provision[0].class[0]"),
    "one thing that no lock can keep back": (
        {"data": [{"meaning": "instance", "reference": reference("http://x/fhir/Patient/1/_history/2")}]}, "data[0].reference"),
    "a code in words": ({"code": [{"text": "everything about my knee"}]}, "code[0]"),
    "a code without codings": ({"code": [{"coding": []}]}, "code[0]"),
    "a coding of an empty code": ({"code": [{"coding": [{"system": "s", "code": " "}]}]}, "code[0].coding[0]"),
    "a coding without code": ({"code": [{"coding": [{"system": "s"}]}]}, "code[0].coding[0]"),
    "a reference that depends": ({"data": [DATA | {"meaning": "dependents"}]}, "data[0].meaning"),
    "a reference whose meaning is a list": ({"data": [DATA | {"meaning": ["instance"]}]}, "data[0].meaning"),
    "a reference to a number that is not there": (
        {"data": [{"meaning": "instance", "reference": reference("Observation/1", identifier={"system": "s"})}]}, "data[0].reference"),
    "a reference without a letter": ({"data": [{"meaning": "instance", "reference": reference(" ")}]}, "data[0].reference"),
    "a reference without meaning": ({"data": [{"reference": reference("Observation/1")}]}, "data[0].meaning"),
    "a reference to nothing": ({"data": [{"meaning": "instance", "reference": {"display": "x"}}]}, "data[0].reference"),
    "a reference to something contained": ({"data": [{"meaning": "instance", "reference": reference("#1")}]}, "data[0].reference"),
    "a reference narrowed": ({"data": [DATA | {"modifierExtension": []}]}, "data[0].modifierExtension"),
    "no references would be everything": ({"data": []}, "data"),
    "an author's part": (
        {"actor": [ORG | {"role": {"coding": [{"system": f"{T}v3-ParticipationType", "code": "AUT"}]}}]}, "actor[0].role"),
    "a custodian's part": ({"actor": [ORG | {"role": {"coding": [{"code": "IRCP"}, {"code": "CST"}]}}]}, "actor[0].role"),
    "a recipient of another system": ({"actor": [ORG | {"role": {"coding": [{"system": "http://x", "code": "IRCP"}]}}]}, "actor[0].role"),
    "under a system that is no text": ({"actor": [{"reference": {"identifier": {"system": 5, "value": "1"}}}]}, "actor[0]"),
    "a device": ({"actor": [{"reference": {"type": "Device", "identifier": {"system": "s", "value": "1"}}}]}, "actor[0]"),
    "of two types": (
        {"actor": [{"reference": reference("Practitioner/1", type="Organization", identifier={"system": "s", "value": "1"})}]}, "actor[0]"),
    "a person by a hub id": (
        {"actor": [{"reference": {"type": "Practitioner", "identifier": {"system": HUB_PROVIDER, "value": "x"}}}]}, "actor[0]"),
    "an actor by reference only": ({"actor": [ORG, {"reference": reference("Practitioner/ex")}]}, "actor[1]"),
    "a period of the data backwards": ({"dataPeriod": {"start": "2026-02", "end": "2026-01"}}, "dataPeriod"),
    "a period of the data without ends": ({"dataPeriod": {}}, "dataPeriod"),
}  # fmt: skip


@pytest.mark.parametrize(("provision", "place"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_change_the_meaning_is_refused_at_its_place(provision: dict[str, Any], place: str) -> None:
    with pytest.raises(Rejected) as found:
        of(provision)
    assert found.value.where == f"{PLACE}.{place}"


WHO = {"identifier": {"system": ENH, "value": "1"}}
# provision of a deny || place
ILL_MADE = {
    "a period": ({"period": "2026"}, "period"),
    "an exception's type": ({"provision": [{"type": "forbid"}]}, "provision[0].type"),
    "who": ({"actor": [{"reference": "x"}]}, "actor[0]"),
    "whose number": ({"actor": [{"reference": {"identifier": "x"}}]}, "actor[0]"),
    "as what": ({"actor": [{"reference": WHO, "role": "x"}]}, "actor[0].role"),
    "as what, by no code": ({"actor": [{"reference": WHO, "role": {"coding": [1]}}]}, "actor[0].role.coding[0]"),
    "what": ({"data": [{"meaning": "instance", "reference": "x"}]}, "data[0].reference"),
    "what number": ({"data": [{"meaning": "instance", "reference": {"identifier": "x"}}]}, "data[0].reference"),
    "a code": ({"code": [{"coding": [1]}]}, "code[0].coding[0]"),
}


@pytest.mark.parametrize(("provision", "place"), ILL_MADE.values(), ids=ILL_MADE.keys())
def test_what_is_not_made_as_the_standard_has_it_is_refused_as_such_at_its_place(provision: dict[str, Any], place: str) -> None:
    with pytest.raises(Rejected) as found:
        of(provision)
    assert (found.value.reason, found.value.where) == (Reason.BAD_VALUE, f"{PLACE}.{place}")


# elements with everything in them; in each, what changes nothing
FULL = {
    "type": "deny", "period": {"start": "2022"}, "dataPeriod": {"end": "2022"}, "purpose": [{"code": "TREAT"}],
    "securityLabel": [{"code": "N"}], "class": [{"code": "Observation"}], "code": [{"coding": [{"code": "1"}]}],
    "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": WHO}],
    "data": [{"meaning": "instance", "reference": {"reference": "Encounter/1"}}],
    "provision": [{"type": "permit"}],
}  # fmt: skip
PLAIN, CODED, POINTED = ("id", "extension"), ("id", "extension", "display"), ("id", "extension", "display", "type")
ROOMS: dict[tuple[Any, ...], tuple[str, ...]] = {
    (): PLAIN, ("period",): PLAIN, ("dataPeriod",): PLAIN, ("purpose", 0): CODED, ("securityLabel", 0): CODED, ("class", 0): CODED,
    ("code", 0): (*PLAIN, "text"), ("code", 0, "coding", 0): CODED, ("actor", 0): PLAIN, ("actor", 0, "role"): (*PLAIN, "text"),
    ("actor", 0, "reference"): POINTED, ("data", 0): PLAIN, ("data", 0, "reference"): POINTED, ("provision", 0): PLAIN,
}  # fmt: skip


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in ROOMS.items() for name in names])
def test_what_changes_nothing_is_let_be_and_what_could_is_refused(path: tuple[Any, ...], name: str) -> None:
    def at(whole: Any) -> Any:
        for step in path:
            whole = whole[step]
        return whole

    spare, narrowed = deepcopy(FULL), deepcopy(FULL)
    at(spare)[name] = "Organization" if "actor" in path else "Encounter"
    assert of(spare) == of(FULL)
    at(narrowed)["action"] = []
    with pytest.raises(Rejected) as found:
        of(narrowed)
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    assert (found.value.reason, found.value.where) == (Reason.UNSUPPORTED_CONSENT, f"{PLACE}{place}.action")


# element | system | code
WORDS = [
    ("purpose", "", "TREAT"), ("purpose", f"{T}v3-ActReason", "TREAT"),
    ("securityLabel", "", "R"), ("securityLabel", f"{T}v3-Confidentiality", "R"),
    ("securityLabel", "", "PSY"), ("securityLabel", f"{T}v3-ActCode", "PSY"),
    ("class", "", "Observation"), ("class", "http://hl7.org/fhir/resource-types", "Observation"),
    *(("role", system, code)
      for system in ("", f"{T}v3-ParticipationType", f"{T}v3-RoleCode") for code in ("IRCP", "PRCP", "GRANTEE")),
]  # fmt: skip


@pytest.mark.parametrize(("element", "system", "code"), WORDS)
def test_a_word_is_known_under_its_own_system_or_without_one(element: str, system: str, code: str) -> None:
    for found in ({"code": code, "system": system}, {"code": code} if not system else {"code": code, "system": system}):
        written = {element: [found]} if element != "role" else {"actor": [{"role": {"coding": [found]}, "reference": WHO}]}
        assert of(written) != Provision(True)
        found["system"] = "urn:x"
        with pytest.raises(Rejected):
            of(written)


def test_what_a_reference_is_of_needs_no_element() -> None:
    with pytest.raises(Rejected) as found:
        of({"data": [{"meaning": "instance"}]})
    assert (found.value.reason, found.value.where) == (Reason.UNSUPPORTED_CONSENT, f"{PLACE}.data[0].reference")


def test_a_type_that_is_no_text_is_refused_at_its_place() -> None:
    with pytest.raises(Rejected) as found:
        of({"class": [{"system": 5, "code": "Observation"}]})
    assert found.value.where == f"{PLACE}.class[0]"


def test_a_permit_names_what_it_opens_under_a_system() -> None:
    coded = {"code": [{"coding": [{"system": "s", "code": "1"}]}]}
    pointed = {"data": [{"meaning": "instance", "reference": {"identifier": {"system": "s", "value": "1"}}}]}
    assert of(coded, deny=False).codes == (("s", "1"),)
    assert of(pointed, deny=False).data == (DataReference(Meaning.INSTANCE, Identifier("s", "1")),)


def test_periods_may_be_open_and_a_scope_may_be_left_out() -> None:
    assert of({"period": {"start": "2022"}, "dataPeriod": {"end": "2022"}}) == Provision(True, Span(JANUARY, None), Span(None, DECEMBER))
    assert read({"type": "deny"}, scope=None).active


@pytest.mark.parametrize(
    ("provision", "place"),
    [
        ({"code": [{"coding": [{"code": "1"}]}]}, "code[0].coding[0]"),
        ({"data": [{"meaning": "instance", "reference": {"identifier": {"value": "1"}}}]}, "data[0].reference"),
        ({"actor": [NOBODY]}, "actor[0]"),
    ],
)
def test_a_permit_names_what_it_opens_without_a_doubt(provision: dict[str, Any], place: str) -> None:
    assert of(provision)
    with pytest.raises(Rejected) as found:
        of(provision, deny=False)
    assert found.value.where == f"{PLACE}.{place}"


OPTOUT = {"coding": [{"code": "OPTOUT"}]}
# the whole resource || place
WHOLE = {
    "R5: decision": ({"decision": "deny"}, "Consent.decision"),
    "R5: provisions": ({"provision": [{"type": "deny"}]}, "Consent.provision"),
    "an unknown element": ({"15076500565": 1}, "Consent"),
    "a date that is none": ({"dateTime": "13.6.2022"}, "Consent.dateTime"),
    "an agreement to a deny": ({"policy": [{"uri": f"{PCF}Policy-deny"}]}, "Consent.policy"),
    "a permit under an unknown base": ({"policyRule": {"coding": [{"code": "WHO-KNOWS"}]}}, "Consent.policyRule"),
    "a permit under another's base": ({"policyRule": {"coding": [{"system": "http://x", "code": "OPTIN"}]}}, "Consent.policyRule"),
    "a permit under a denying base": ({"policyRule": OPTOUT}, "Consent.policyRule"),
    "a permit that the law gives": ({"policyRule": LAW}, "Consent.policyRule"),
    "a policy narrowed": ({"policy": [{"uri": "x", "modifierExtension": []}]}, "Consent.policy[0].modifierExtension"),
    "a permit that could not be verified": ({"verification": [{"verified": True}, {"verified": False}]}, "Consent.verification[1]"),
    "replaces something else": (
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/replaces", "valueCanonical": "Contract/1"}]},
        "Consent.extension[0]"),
    "a base that is no text": ({"policyRule": {"coding": [{"code": 5}]}}, "Consent.policyRule.coding[0]"),
    "a base of a system that is no text": ({"policyRule": {"coding": [{"system": 5, "code": "OPTIN"}]}}, "Consent.policyRule.coding[0]"),
    "replaces what cannot be an id": (
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/replaces", "valueUri": "Consent/a b"}]}, "Consent.extension[0]"),
    "replaces nothing": ({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/replaces"}]}, "Consent.extension[0]"),
    "no type, one's own text": ({"provision": {"purpose": TPO}}, "Consent.provision.type"),
    "no type, two policies": (
        {"provision": {"purpose": TPO}, "policy": [{"uri": f"{PCF}Policy-deny"}, {"uri": f"{PCF}Policy-all-normal"}]},
        "Consent.provision.type"),
    "no type, and a base nobody knows": (
        {"provision": None, "policy": [{"uri": f"{PCF}Policy-all-normal"}, *OWN_TEXT]}, "Consent.provision"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "place"), WHOLE.values(), ids=WHOLE.keys())
def test_what_would_change_the_whole_is_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Rejected) as found:
        read(**({"provision": {"type": "permit"}} | change))
    assert found.value.where == place


def test_a_lock_nobody_verified_is_a_lock() -> None:
    assert read({"type": "deny"}, verification=[{"verified": False}]).active


CODES = [*sorted(PURPOSES), *sorted(LABELS), "Observation", "Condition", "F20", "?"]
SYSTEMS = [f"{T}v3-ActReason", f"{T}v3-Confidentiality", f"{T}v3-ActCode", "urn:x"]
codings = st.fixed_dictionaries({"code": st.sampled_from(CODES)}, optional={"system": st.sampled_from(SYSTEMS)})
numbers = st.fixed_dictionaries(
    {"value": st.sampled_from(["942110464", "7", "town"])}, optional={"system": st.sampled_from([ENH, HPR, HUB_PROVIDER, ""])}
)
named = st.fixed_dictionaries(
    {"identifier": numbers},
    optional={
        "type": st.sampled_from(["Organization", "Practitioner", "Group", "Device"]),
        "reference": st.sampled_from(["Group/1", "x"]),
    },
)
moments = st.sampled_from(["2022", "1970-01-01T00:00:00.000015Z", "1970-01-01T00:00:00.001Z", "2022-02-30"])
periods = st.fixed_dictionaries({}, optional={"start": moments, "end": moments})
several = st.lists(codings, min_size=1, max_size=2)
meanings = st.sampled_from(["instance", "related", "authoredby", "dependents"])
ELEMENTS = {
    "period": periods,
    "dataPeriod": periods,
    "purpose": several,
    "securityLabel": several,
    "class": several,
    "code": st.lists(st.fixed_dictionaries({"coding": several}), min_size=1, max_size=2),
    "actor": st.lists(st.fixed_dictionaries({"reference": named}), min_size=1, max_size=2),
    "data": st.lists(st.fixed_dictionaries({"meaning": meanings, "reference": named}), min_size=1, max_size=2),
    "more": st.just(1),
}
kinds = st.sampled_from(["deny", "permit"])
nested = st.fixed_dictionaries({"type": kinds}, optional=ELEMENTS)
roots = st.fixed_dictionaries({"type": kinds}, optional=ELEMENTS | {"provision": st.lists(nested, min_size=1, max_size=2)})


@given(roots, st.sampled_from([None, LAW, OPTOUT]), st.sampled_from([BARE, OBSERVATION]), st.sampled_from(["TREAT", "HRESCH"]))
def test_what_is_taken_means_the_same_when_it_comes_back_and_is_never_wider(root: Any, rule: Any, item: Item, purpose: str) -> None:
    """What is accepted comes back from its row as it was. Each element of a permit narrows it: without the element it opens no less."""
    try:
        found = read(root, policyRule=rule)
    except Rejected as refused:
        assert refused.reason in (Reason.UNSUPPORTED_CONSENT, Reason.BAD_VALUE, Reason.MISSING_FIELD)
        return
    assert "more" not in root
    again = consent_of((found.id, found.version, found.active, json.loads(json.dumps(body_of(found)))))
    assert again == found
    asked = case(item, replace(KNOWN, purpose=purpose))
    if opinion(found, asked) is Opinion.PERMIT and root["type"] == "permit":
        for element in set(root) - {"type", "provision"}:
            wider = {name: value for name, value in root.items() if name != element}
            assert opinion(read(wider, policyRule=rule), asked) is Opinion.PERMIT


M = [{"url": "http://x/not-for", "valueString": "y"}]
# elements of an active permit || place
MODIFIED = {
    "a rule in words": ({"policyRule": {"text": "deny unless the patient was asked"}}, "policyRule"),
    "a rule without a code": ({"policyRule": {"coding": [{"display": "OPTIN"}]}}, "policyRule"),
    "a rule of nothing": ({"policyRule": {}}, "policyRule"),
    "a rule modified": ({"policyRule": {"coding": [{"code": "OPTIN", "modifierExtension": M}]}}, "policyRule"),
    "a scope in words": ({"scope": {"text": "research"}}, "scope"),
    "a patient modified": ({"patient": {"identifier": {"system": FNR, "value": "15076500565"}, "modifierExtension": M}}, "patient"),
    "a verification modified": ({"verification": [{"verified": True, "modifierExtension": M}]}, "verification"),
    "a source modified": ({"sourceAttachment": {"modifierExtension": M}}, "sourceAttachment"),
    "an extension modified": ({"extension": [{"url": "x", "extension": [{"url": "y", "modifierExtension": M}]}]}, "extension"),
}  # fmt: skip


@pytest.mark.parametrize(("elements", "place"), MODIFIED.values(), ids=MODIFIED.keys())
def test_what_modifies_anything_is_refused_wherever_it_stands(elements: dict[str, Any], place: str) -> None:
    with pytest.raises(Rejected) as found:
        read({"type": "permit"}, **elements)
    assert (found.value.reason, found.value.where) == (Reason.UNSUPPORTED_CONSENT, f"Consent.{place}")
    assert not read({"type": "permit"}, **elements, status="inactive").active


def test_an_actor_modified_is_refused_and_what_is_contained_is_its_own_affair() -> None:
    who = {"reference": {"identifier": {"system": ENH, "value": "1", "assigner": {"modifierExtension": M}}}}
    with pytest.raises(Rejected) as found:
        of({"actor": [who]})
    assert found.value.where == "Consent.provision"
    assert read({"type": "deny"}, contained=[{"resourceType": "Basic", "modifierExtension": M}]).provision == Provision(True)
