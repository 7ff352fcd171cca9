"""A record as a FHIR R4 AuditEvent. Pure: the same record is the same resource for ever. Never content: what kind of thing, not the thing.

Sources: IHE BALP 1.1.4 (PrivacyDisclosure.Source for what left the hub, AuthZconsent for a decision, PatientQuery and PatientRead for a
reading of the record); HL7 Norway's no-domain-Trustframework-Auditevent (purposeOfEvent, patient, careRelationMetaData) in its extensions:
the profile itself wants a person's role for each agent, and the hub knows organisations. One AuditEvent is of one patient. Those of
emergency access are in ``hub.web.audit_emergency``.
"""

import base64
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from hub.ledger.disclosures import Disclosure
from hub.ledger.record import Fact, Record
from hub.model import AttemptOutcome, Result, Rule
from hub.web import audit_elements as ae
from hub.web.audit_elements import Json
from hub.web.audit_emergency import emergency_event, to_its_organisation

_PROVIDER: Final = ("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider")
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
    if record.emergency is not None:
        return found | emergency_event(record.emergency)
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
    if record.emergency is not None:
        return {"resourceType": "AuditEvent", "id": record.recipients_id} | to_its_organisation(record.emergency)
    assert told is not None  # it is a disclosure
    found = _disclosed(record, replace(told, rule="", because=()))
    for agent in found["agent"]:
        agent.pop("policy", None)
    patient, relation = found["extension"]
    found["extension"] = [patient, relation | {"extension": [e for e in relation["extension"] if e["url"] in _UNTOUCHED]}]
    message = found["entity"][1]
    by_event = {"system": ae.EVENT, "value": f"urn:uuid:{record.known_as}"}
    message["what"] = {"identifier": by_event if record.known_as else {"system": ae.DELIVERY, "value": record.delivery}}
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
        [ae.consent(record.late.consent_id, record.late.version)]
        if record.late is not None
        else [ae.consent(*c) for c in ae.consents(told.because)]
    )
    agents = [
        ae.agent(ae.SOURCE_ROLE, ae.HUB, network="urn:hub"),
        ae.agent(ae.DESTINATION_ROLE, ae.organisation(told.recipient), network=ae.address(told.recipient))
        | {"policy": [f"urn:hub:rule:{told.rule}"]},
        ae.agent(("http://snomed.info/sct", "159541003", "Record keeping/library clerk"), ae.organisation(told.source)),
    ]
    if told.rule == Rule.EXPLICIT_PERMIT:  # otherwise the law is what authorises it, and stands as the policy above
        agents.append(ae.agent(("http://snomed.info/sct", "429577009", "Patient Advocate"), ae.patient(record.patient_key)))
    copy = told.copy_of(record.attempt) if record.attempt else None
    told = replace(told, detail=copy.detail) if copy else told  # what left, and not what was decided before something was locked
    return {
        "meta": {"profile": [f"{ae.BALP}PrivacyDisclosure.Source"]},
        "extension": _extensions(record, told),
        "type": ae.coding((ae.DCM, "110106", "Export")),
        "subtype": [ae.coding(ae.DISCLOSE)],
        "action": "R",
        "recorded": ae.instant(record.at_us),
        "outcome": outcome,
        "outcomeDesc": said,
        "purposeOfEvent": [ae.purpose(told.purpose)],
        "agent": agents,
        "source": ae.source("4", "Application Server"),
        "entity": [ae.person(record.patient_key), _message(told), *consents],
    }


def _decided(record: Record, told: Disclosure) -> Json:
    """Authorization decision; with BALP's profile where a Consent was part of it."""
    outcome, said = _RESULTS[told.result], f"{told.result}: {told.rule}"
    if record.attempt is not None:
        outcome, said = _OUTCOMES[record.attempt.outcome]
        said += f" ({record.attempt.code})"
    consents = [ae.consent(*c) for c in ae.consents(told.because)] if record.attempt is None else []
    is_by_consent = bool(consents) or (record.attempt is not None and record.attempt.code == Rule.LOCKED)
    purpose = ae.purpose(told.purpose)
    found: Json = {"meta": {"profile": [f"{ae.BALP}AuthZconsent"]}} if consents else {}
    return found | {
        "extension": _extensions(record, told),
        "type": ae.coding((ae.DCM, "110113", "Security Alert")),
        "subtype": [{"system": ae.AUTHZ, "code": "AuthZ-Consent" if is_by_consent else "AuthZ-Role"}],
        "action": "E",
        "recorded": ae.instant(record.at_us),
        "outcome": outcome,
        "outcomeDesc": said,
        "purposeOfEvent": [purpose],
        "agent": [
            ae.agent((ae.DCM, "110150", "Application"), ae.organisation(told.recipient), network=ae.address(told.recipient)),
            ae.agent(ae.RECIPIENT, ae.organisation(told.recipient), requestor=True) | {"purposeOfUse": [purpose]},
            ae.agent(_PROVIDER, ae.organisation(told.recipient)),
            ae.agent(("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver", "authorization server"), ae.HUB),
        ],
        "source": ae.source("6", "Security Server"),
        "entity": [ae.person(record.patient_key) | {"detail": _details(told)}, *consents],
    }


def _reading(record: Record) -> Json:
    """A reading of the record; BALP's profiles for what is of a patient, and for what is not."""
    access = record.access
    assert access is not None
    is_search = access.interaction == "search-type"
    profile = ("Patient" if record.patient_key else "") + ("Query" if is_search else "Read")
    asking, answering = (ae.SOURCE_ROLE, ae.DESTINATION_ROLE) if is_search else (ae.DESTINATION_ROLE, ae.SOURCE_ROLE)
    reader = {"identifier": {"system": "urn:hub:role", "value": access.role}}
    if access.who:
        reader = ae.patient(access.who) if access.role == "patient" else ae.organisation(access.who)
    query: Json = {"type": ae.coding((ae.ENTITY, "2", "System Object")), "role": ae.coding((ae.ROLE, "24", "Query"))}
    query |= {"query": base64.b64encode(access.query.encode()).decode(), "description": access.query}
    if not is_search:
        query = {"what": _read_thing(access.query), "type": ae.coding((ae.ENTITY, "2", "System Object"))}
        query["role"] = ae.coding((ae.ROLE, "4", "Domain Resource"))
    return {
        "meta": {"profile": [f"{ae.BALP}{profile}"]},
        "type": ae.coding(("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")),
        "subtype": [ae.coding((ae.REST, access.interaction, access.interaction))],
        "action": "E" if is_search else "R",
        "recorded": ae.instant(record.at_us),
        "outcome": "0",
        "agent": [
            ae.agent(asking, reader, network=access.address, kind="2"),
            ae.agent(answering, ae.HUB, network="urn:hub"),
            ae.agent(ae.RECIPIENT, reader, requestor=True) | {"role": [{"coding": [{"system": "urn:hub:role", "code": access.role}]}]},
        ],
        "source": ae.source("4", "Application Server"),
        "entity": [query, *([ae.person(record.patient_key)] if record.patient_key else [])],
    }


def _read_thing(query: str) -> Json:
    """A resource by its reference; a page, which is none, by its address."""
    return {"reference": query} if query.startswith("AuditEvent/") else {"identifier": {"system": ae.PAGE, "value": query}}


def _extensions(record: Record, told: Disclosure) -> list[Json]:
    why = " ".join((told.rule, *told.because))
    return ae.trust_framework(record.patient_key, f"{told.event_id}:{told.recipient}", why, record.at_us)


def _message(told: Disclosure) -> Json:
    """What was disclosed: its id and what kinds of thing were in it."""
    return {
        "what": {"identifier": {"system": ae.EVENT, "value": f"urn:uuid:{told.event_id}"}},
        "type": ae.coding((ae.ENTITY, "2", "System Object")),
        "role": ae.coding((ae.ROLE, "4", "Domain Resource")),
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
