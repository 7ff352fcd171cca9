"""The elements that AuditEvents of every kind are made of: who, whom, when, for what; the Norwegian trust framework's extensions. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from hub.identity import HUB_PROVIDER

Json = dict[str, Any]

PATIENT: Final = "urn:hub:patient"  # the patient's key in the hub: a keyed hash, the same for all that is recorded of the patient
EVENT: Final = "urn:ietf:rfc:3986"
PAGE: Final = "urn:hub:page"
DELIVERY: Final = "urn:hub:delivery"  # a message to one recipient, where nobody knows by which event id it had it
BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
AUTHZ: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
REST: Final = "http://hl7.org/fhir/restful-interaction"
HUB: Final = MappingProxyType({"identifier": {"system": "urn:hub", "value": "hub"}, "display": "Care Pathway Hub"})
RECIPIENT: Final = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")
SOURCE_ROLE: Final = (DCM, "110153", "Source Role ID")
DESTINATION_ROLE: Final = (DCM, "110152", "Destination Role ID")
DISCLOSE: Final = ("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose", "Disclose Record Lifecycle Event")
CLIENT_NETWORK: Final = "2"  # network-type: an IP address
_NORWAY: Final = "urn:AuditEventNorwayCommonTrustFramework/StructureDefinition/"
_URI: Final = "5"  # network-type: a logical address, since where a receiver listens changes
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def trust_framework(key: str, decision: str, why: str, at_us: int, *, user_selected: bool = False) -> list[Json]:
    """The Norwegian trust framework's extensions: whose, by which decision, whether a person chose it, and when (whole seconds)."""
    relation = [
        {"url": "decision-ref-id", "valueString": decision},
        {"url": "decision-ref-description", "valueString": why},
        {"url": "decision-ref-user-selected", "valueBoolean": user_selected},
        {"url": "toa", "valueUnsignedInt": at_us // 1_000_000},
    ]
    return [
        {"url": f"{_NORWAY}auditevent-patient-extension", "valueReference": patient(key)},
        {"url": f"{_NORWAY}auditevent-carerelation-metadata-extension", "extension": relation},
    ]


def purpose(code: str) -> Json:
    """A v3-ActReason."""
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code}]}


def consents(because: Iterable[str]) -> list[tuple[str, int]]:
    """Consents with their versions among the reasons, which name them ``id/version``."""
    found = (word.rpartition("/") for word in because)
    return [(consent_id, int(version)) for consent_id, slash, version in found if slash and version.isdecimal()]


def consent(consent_id: str, version: int) -> Json:
    """The entity that is a version of a Consent."""
    return {
        "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Consent"},
        "what": {"reference": f"Consent/{consent_id}/_history/{version}"},
    }


def person(key: str) -> Json:
    """The entity that is the patient with this key."""
    return {"what": patient(key), "type": coding((ENTITY, "1", "Person")), "role": coding((ROLE, "1", "Patient"))}


def patient(key: str) -> Json:
    """A reference to the patient with this key."""
    return {"type": "Patient", "identifier": {"system": PATIENT, "value": key}}


def organisation(provider: str) -> Json:
    """A reference to a provider."""
    return {"type": "Organization", "identifier": {"system": HUB_PROVIDER, "value": provider}}


def address(provider: str) -> str:
    """Where a provider is, logically."""
    return f"{HUB_PROVIDER}:{provider}"


def agent(kind_of: tuple[str, str, str], who: Mapping[str, Any], *, requestor: bool = False, network: str = "", kind: str = _URI) -> Json:
    """Somebody who took part. network: where from; kind: of that address (network-type)."""
    found: Json = {"type": {"coding": [coding(kind_of)]}, "who": dict(who), "requestor": requestor}
    return found | ({"network": {"address": network, "type": kind}} if network else {})


def source(code: str, display: str) -> Json:
    """The hub, as what recorded it."""
    return {
        "observer": dict(HUB),
        "type": [coding(("http://terminology.hl7.org/CodeSystem/security-source-type", code, display))],
    }


def coding(words: tuple[str, str, str]) -> Json:
    """System, code and display."""
    system, code, display = words
    return {"system": system, "code": code, "display": display}


def instant(us: int) -> str:
    """A FHIR instant."""
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
