"""A record as a FHIR R4 AuditEvent. Pure: the same record is the same resource for ever. Never content: what kind of thing, not the thing.

Sources: IHE BALP 1.1.4 (PrivacyDisclosure.Source for what left the hub, AuthZconsent for a decision, PatientQuery and PatientRead for a
reading of the record); HL7 Norway's no-domain-Trustframework-Auditevent (purposeOfEvent, patient, careRelationMetaData) in its extensions:
the profile itself wants a person's role for each agent, and the hub knows organisations. One AuditEvent is of one patient.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from hub.identity import HUB_PROVIDER
from hub.ledger.disclosures import Disclosure
from hub.ledger.record import Fact, Record
from hub.model import AttemptOutcome, Result, Rule

Json = dict[str, Any]

PATIENT: Final = "urn:hub:patient"  # the patient's key in the hub: a keyed hash, the same for all that is recorded of the patient
EVENT: Final = "urn:ietf:rfc:3986"
PAGE: Final = "urn:hub:page"
DELIVERY: Final = "urn:hub:delivery"  # a message to one recipient, where nobody knows by which event id it had it
_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_AUTHZ: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
_NORWAY: Final = "urn:AuditEventNorwayCommonTrustFramework/StructureDefinition/"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_REST: Final = "http://hl7.org/fhir/restful-interaction"
_URI: Final = "5"  # network-type: a logical address, since where a receiver listens changes
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HUB: Final = MappingProxyType({"identifier": {"system": "urn:hub", "value": "hub"}, "display": "Care Pathway Hub"})
_RECIPIENT: Final = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")
_SOURCE_ROLE: Final = (_DCM, "110153", "Source Role ID")
_DESTINATION_ROLE: Final = (_DCM, "110152", "Destination Role ID")

# How an attempt ended -> AuditEvent.outcome (0 success, 4 minor, 8 serious failure) and what is said.
_OUTCOMES: Final = MappingProxyType(
    {
        AttemptOutcome.DELIVERED.value: ("0", "sent, and taken by the recipient"),
        AttemptOutcome.REFUSED.value: ("4", "sent, and refused by the recipient"),
        AttemptOutcome.FAILED.value: ("4", "it may have been sent: there was no answer, or not the right one"),
        AttemptOutcome.UNKNOWN.value: ("8", "it may have been sent: the sending process died"),
        AttemptOutcome.WITHHELD.value: ("8", "withheld: asked again before sending, the answer was no"),
        AttemptOutcome.HELD.value: ("4", "not sent: asked before sending, the answer was not now"),
        AttemptOutcome.DISCARDED.value: ("8", "not sent: given up by an operator"),
    }
)
_RESULTS: Final = MappingProxyType({Result.PERMIT.value: "0", Result.REDACT.value: "0", Result.HOLD.value: "4", Result.DENY.value: "8"})
# What a recipient is told of what it was sent
_ITS_OWN: Final = frozenset({"kind", "detail", "subscription"})
_UNTOUCHED: Final = frozenset({"decision-ref-user-selected", "toa"})


def audit_event(record: Record) -> Json:
    """The resource."""
    found: Json = {"resourceType": "AuditEvent", "id": record.id}
    if record.access is not None:
        return found | _reading(record)
    assert record.told is not None  # every other record is of a message
    if record.is_disclosure or record.fact is Fact.LATE:
        return found | _disclosed(record, record.told)
    return found | _decided(record, record.told)


def to_its_recipient(record: Record) -> Json:
    """A disclosure as its recipient reads it: the same of a copy that something was left out of as of a whole message.

    So without the row and the consents that decided, which for a copy are those of what was left out, and under the event id that the copy
    bears: that of the whole message is a print of it, by which whoever has the rest could try out what is missing.
    """
    told = record.told
    assert told is not None  # it is a disclosure
    found = _disclosed(record, replace(told, rule="", because=()))
    for agent in found["agent"]:
        agent.pop("policy", None)
    patient, relation = found["extension"]
    found["extension"] = [patient, relation | {"extension": [e for e in relation["extension"] if e["url"] in _UNTOUCHED]}]
    message = found["entity"][1]
    known = {"system": EVENT, "value": f"urn:uuid:{record.known_as}"} if record.known_as else {"system": DELIVERY, "value": record.delivery}
    message["what"] = {"identifier": known}
    message["detail"] = [d for d in message["detail"] if d["type"] in _ITS_OWN]
    return {"resourceType": "AuditEvent", "id": record.recipients_id} | found


def _disclosed(record: Record, told: Disclosure) -> Json:
    """Privacy disclosure, as recorded by its source: the hub. What was asked for again went by the rule of that answer."""
    if record.attempt is not None and record.attempt.rule not in {"", told.rule}:
        told = replace(told, rule=record.attempt.rule, because=tuple(word for word in told.because if "/" not in word))
    if record.late is not None:
        outcome, said = "0", f"it was under way when Consent/{record.late.consent_id} version {record.late.version} came into force"
    else:
        outcome, said = _OUTCOMES[record.attempt.outcome] if record.attempt else ("0", "")
        said += f" ({record.attempt.word})" if record.attempt else ""
    consents = (
        [_consent(record.late.consent_id, record.late.version)]
        if record.late is not None
        else [_consent(*c) for c in _consents(told.because)]
    )
    agents = [
        _agent(_SOURCE_ROLE, _HUB, network="urn:hub"),
        _agent(_DESTINATION_ROLE, _organisation(told.recipient), network=_address(told.recipient))
        | {"policy": [f"urn:hub:rule:{told.rule}"]},
        _agent(("http://snomed.info/sct", "159541003", "Record keeping/library clerk"), _organisation(told.source)),
    ]
    if told.rule == Rule.EXPLICIT_PERMIT:  # otherwise the law is what authorises it, and stands as the policy above
        agents.append(_agent(("http://snomed.info/sct", "429577009", "Patient Advocate"), _patient(record.patient_key)))
    copy = told.copy_of(record.attempt) if record.attempt else None
    told = replace(told, detail=copy.detail) if copy else told  # what left, and not what was decided before something was locked
    return {
        "meta": {"profile": [f"{_BALP}PrivacyDisclosure.Source"]},
        "extension": _extensions(record, told),
        "type": _coding((_DCM, "110106", "Export")),
        "subtype": [_coding(("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event"))],
        "action": "R",
        "recorded": _instant(record.at_us),
        "outcome": outcome,
        "outcomeDesc": said,
        "purposeOfEvent": [_purpose(told)],
        "agent": agents,
        "source": _source("4", "Application Server"),
        "entity": [_person(record.patient_key), _message(told), *consents],
    }


def _decided(record: Record, told: Disclosure) -> Json:
    """Authorization decision; with BALP's profile where a Consent was part of it."""
    outcome, said = _RESULTS[told.result], f"{told.result}: {told.rule}"
    if record.attempt is not None:
        outcome, said = _OUTCOMES[record.attempt.outcome]
        said += f" ({record.attempt.code})"
    consents = [_consent(*c) for c in _consents(told.because)] if record.attempt is None else []
    is_by_consent = bool(consents) or (record.attempt is not None and record.attempt.code == Rule.LOCKED)
    purpose = _purpose(told)
    found: Json = {"meta": {"profile": [f"{_BALP}AuthZconsent"]}} if consents else {}
    return found | {
        "extension": _extensions(record, told),
        "type": _coding((_DCM, "110113", "Security Alert")),
        "subtype": [{"system": _AUTHZ, "code": "AuthZ-Consent" if is_by_consent else "AuthZ-Role"}],
        "action": "E",
        "recorded": _instant(record.at_us),
        "outcome": outcome,
        "outcomeDesc": said,
        "purposeOfEvent": [purpose],
        "agent": [
            _agent((_DCM, "110150", "Application"), _organisation(told.recipient), network=_address(told.recipient)),
            _agent(_RECIPIENT, _organisation(told.recipient), requestor=True) | {"purposeOfUse": [purpose]},
            _agent(("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider"), _organisation(told.recipient)),
            _agent(("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver", "authorization server"), _HUB),
        ],
        "source": _source("6", "Security Server"),
        "entity": [_person(record.patient_key) | {"detail": _details(told)}, *consents],
    }


def _reading(record: Record) -> Json:
    """A reading of the record; BALP's profiles for what is of a patient, and for what is not."""
    access = record.access
    assert access is not None
    is_search = access.interaction == "search-type"
    profile = ("Patient" if record.patient_key else "") + ("Query" if is_search else "Read")
    asking, answering = (_SOURCE_ROLE, _DESTINATION_ROLE) if is_search else (_DESTINATION_ROLE, _SOURCE_ROLE)
    reader = {"identifier": {"system": "urn:hub:role", "value": access.role}}
    if access.who:
        reader = _patient(access.who) if access.role == "patient" else _organisation(access.who)
    query: Json = {"type": _coding((_ENTITY, "2", "System Object")), "role": _coding((_ROLE, "24", "Query"))}
    query |= {"query": base64.b64encode(access.query.encode()).decode(), "description": access.query}
    if not is_search:
        query = {"what": _read_thing(access.query), "type": _coding((_ENTITY, "2", "System Object"))}
        query["role"] = _coding((_ROLE, "4", "Domain Resource"))
    return {
        "meta": {"profile": [f"{_BALP}{profile}"]},
        "type": _coding(("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")),
        "subtype": [_coding((_REST, access.interaction, access.interaction))],
        "action": "E" if is_search else "R",
        "recorded": _instant(record.at_us),
        "outcome": "0",
        "agent": [
            _agent(asking, reader, network=access.address, kind="2"),
            _agent(answering, _HUB, network="urn:hub"),
            _agent(_RECIPIENT, reader, requestor=True) | {"role": [{"coding": [{"system": "urn:hub:role", "code": access.role}]}]},
        ],
        "source": _source("4", "Application Server"),
        "entity": [query, *([_person(record.patient_key)] if record.patient_key else [])],
    }


def _read_thing(query: str) -> Json:
    """A resource by its reference; a page, which is none, by its address."""
    return {"reference": query} if query.startswith("AuditEvent/") else {"identifier": {"system": PAGE, "value": query}}


def _extensions(record: Record, told: Disclosure) -> list[Json]:
    """The Norwegian trust framework's: whose, by which decision, and when (whole seconds)."""
    relation = [
        {"url": "decision-ref-id", "valueString": f"{told.event_id}:{told.recipient}"},
        {"url": "decision-ref-description", "valueString": " ".join((told.rule, *told.because))},
        {"url": "decision-ref-user-selected", "valueBoolean": False},
        {"url": "toa", "valueUnsignedInt": record.at_us // 1_000_000},
    ]
    return [
        {"url": f"{_NORWAY}auditevent-patient-extension", "valueReference": _patient(record.patient_key)},
        {"url": f"{_NORWAY}auditevent-carerelation-metadata-extension", "extension": relation},
    ]


def _consents(because: Iterable[str]) -> list[tuple[str, int]]:
    """Consents with their versions among the reasons, which name them ``id/version``."""
    found = (word.rpartition("/") for word in because)
    return [(consent_id, int(version)) for consent_id, slash, version in found if slash and version.isdecimal()]


def _consent(consent_id: str, version: int) -> Json:
    return {
        "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Consent"},
        "what": {"reference": f"Consent/{consent_id}/_history/{version}"},
    }


def _message(told: Disclosure) -> Json:
    """What was disclosed: its id and what kinds of thing were in it."""
    return {
        "what": {"identifier": {"system": EVENT, "value": f"urn:uuid:{told.event_id}"}},
        "type": _coding((_ENTITY, "2", "System Object")),
        "role": _coding((_ROLE, "4", "Domain Resource")),
        "detail": _details(told),
    }


def _details(told: Disclosure) -> list[Json]:
    said = {
        "event": f"urn:uuid:{told.event_id}",
        "kind": told.kind,
        "detail": told.detail,
        "subscription": told.subscription,
        "rule": told.rule,
    }
    return [{"type": name, "valueString": value} for name, value in said.items() if value]


def _person(key: str) -> Json:
    return {"what": _patient(key), "type": _coding((_ENTITY, "1", "Person")), "role": _coding((_ROLE, "1", "Patient"))}


def _patient(key: str) -> Json:
    return {"type": "Patient", "identifier": {"system": PATIENT, "value": key}}


def _organisation(provider: str) -> Json:
    return {"type": "Organization", "identifier": {"system": HUB_PROVIDER, "value": provider}}


def _address(provider: str) -> str:
    return f"{HUB_PROVIDER}:{provider}"


def _agent(kind_of: tuple[str, str, str], who: Mapping[str, Any], *, requestor: bool = False, network: str = "", kind: str = _URI) -> Json:
    found: Json = {"type": {"coding": [_coding(kind_of)]}, "who": dict(who), "requestor": requestor}
    return found | ({"network": {"address": network, "type": kind}} if network else {})


def _source(code: str, display: str) -> Json:
    return {
        "observer": dict(_HUB),
        "type": [_coding(("http://terminology.hl7.org/CodeSystem/security-source-type", code, display))],
    }


def _purpose(told: Disclosure) -> Json:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": told.purpose}]}


def _coding(words: tuple[str, str, str]) -> Json:
    system, code, display = words
    return {"system": system, "code": code, "display": display}


def _instant(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
