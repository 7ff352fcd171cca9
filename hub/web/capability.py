"""What the FHIR door can do, said in FHIR: the CapabilityStatement of ``GET /fhir/metadata``."""

from typing import Any

from aiohttp import web

from hub.web.answers import fhir
from hub.web.subscription import TOPIC

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"
_TOPIC = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_EVENTS = (
    "Each event is decided anew. includeReleased=true: also what was withheld once and may be shown now. At most 50 in an answer: ask again"
    " from the number after the last."
)
_DATE = "2026-11-01"
_WRITES = (
    "POST to the base URL: a transaction, batch or collection Bundle, one resource, or a notification of a subscription with full-resource"
    " content. Each change is told to those who may know of it, as the event it means; nothing is stored to be read. JSON only."
)
_EMERGENCY = (
    "Parameters patient, practitioner, role and reason or template in; the access, its end and where to read out. For personnel in an"
    " emergency; GET lists, GET and DELETE of /{access} read and close."
)


def statement() -> dict[str, Any]:
    """The CapabilityStatement (FHIR R4); it claims what the routes do and no more."""
    consent = {
        "type": "Consent",
        "documentation": "As IHE PCF and HL7 Norway write it; what the hub would not do justice to is refused at its place.",
        "interaction": [{"code": "read"}, {"code": "update"}, {"code": "search-type"}],
        "versioning": "versioned-update",
        "updateCreate": True,
        "searchParam": [{"name": "patient.identifier", "type": "token"}],
    }
    audit_event = {
        "type": "AuditEvent",
        "documentation": "Decisions, disclosures and readings of this record. Patients see their own, providers what they were given.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [
            {"name": "patient", "type": "reference", "documentation": "[system|]value of an identifier; patient.identifier is the same"},
            {"name": "patient.identifier", "type": "token"},
            {"name": "agent", "type": "reference", "documentation": "a provider's id in the hub: receiver or source; agent.identifier too"},
            {"name": "date", "type": "date"},
            {"name": "entity", "type": "reference", "documentation": "Consent/id, with /_history/version or without, or urn:uuid:event"},
        ],
    }
    security = {"cors": False, "description": "Bearer tokens made by: hub token --as admin|patient:<id>|provider:<id>"}
    rest = {
        "mode": "server",
        "documentation": _WRITES,
        "security": security,
        "resource": [consent, audit_event, _subscription()],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "operation": [
            {"name": "process-message", "definition": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"},
            {"name": "emergency-access", "definition": "urn:hub:OperationDefinition:emergency-access", "documentation": _EMERGENCY},
        ],
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "software": {"name": "Care Pathway Hub"},
        "implementation": {"description": "Care Pathway Hub"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [rest],
    }


def _subscription() -> dict[str, Any]:
    return {
        "type": "Subscription",
        "documentation": "A provider's own, as administrators have written them: which events it is sent, and these again when it asks.",
        "extension": [{"url": _TOPIC, "valueCanonical": TOPIC}],
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "operation": [
            {"name": "status", "definition": f"{_BACKPORT}backport-subscription-status"},
            {"name": "events", "definition": f"{_BACKPORT}backport-subscription-events", "documentation": _EVENTS},
        ],
    }


async def metadata(_: web.Request) -> web.Response:
    """``GET /fhir/metadata``."""
    return fhir(statement())
