"""The whole message as an R4 message Bundle: MessageHeader, Patient, the sender, the visit that logistics tell of, and the documents."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from hub.adapters.bundle import DESTINATION, PROVIDER, Json
from hub.adapters.kith.mappings.documents import document_reference
from hub.adapters.kith.mappings.resources import Draft, organisation, patient, practitioner
from hub.adapters.kith.message import Message, chain
from hub.adapters.kith.times import instant, instant_of
from hub.adapters.markup import Element
from hub.adapters.volven import DEAD, GP, LOGISTICS, MESSAGE, OUT_TO
from hub.identity import derived_id
from hub.model import Detail, Event, Kind, Received

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
OWN: Final = "urn:hub:event"
# The HL7 v2 event that says the same: one code for one thing, whatever protocol it came by. Kinds that v2 has none for keep the hub's own.
EVENTS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.ADMITTED: "A01",
        Kind.ADMISSION_CANCELLED: "A11",
        Kind.READY_FOR_DISCHARGE: "A16",
        Kind.NOT_READY_FOR_DISCHARGE: "A25",
        Kind.DISCHARGED: "A03",
        Kind.DISCHARGE_CANCELLED: "A13",
        Kind.DOCUMENT_PUBLISHED: "T02",
    }
)
# What a logistics message makes of the visit: Encounter.status
_STATUS: Final[Mapping[Kind, str]] = MappingProxyType({Kind.DISCHARGED: "finished", Kind.ADMISSION_CANCELLED: "cancelled"})
_PROCESSING: Final = frozenset({"P", "D", "T"})


def bundle(message: Message, received: Received, event: Event) -> Json:
    """The Bundle of a message; deterministic in its arguments."""
    draft = Draft(received.event_id)
    subject = draft.add("Patient", _patient(message, event))
    sender = organisation(draft, "Sender", message.info.first("Sender", "Organisation"))
    authors = [practitioner(draft, f"Sender/{n}", p) for n, p in enumerate(_professionals(message))]
    gps = [practitioner(draft, f"GP/{n}", p) for n, p in enumerate(general_practitioners(message.payload))]
    if gps:
        draft.entries[0]["resource"]["generalPractitioner"] = gps
    focus = [draft.add("Encounter", _encounter(draft, message, event, subject, sender))] if message.type in LOGISTICS else []
    documents = draft.add("DocumentReference", document_reference(message, received, subject, authors or ([sender] if sender else [])))
    focus = focus or [documents]
    _provenance(draft, received, [*focus, documents] if focus != [documents] else focus, sender)
    draft.add("MessageHeader", _header(message, received, event, focus, sender))
    return {
        "resourceType": "Bundle",
        "id": derived_id(received.event_id, "bundle", Detail.FULL.value),
        "identifier": {"system": f"{PROVIDER}:{received.provider or 'unknown'}", "value": received.control_id},
        "type": "message",
        "timestamp": instant(message.info.text("GenDate")) or instant_of(received.received_us),
        "entry": [draft.entries[-1], *draft.entries[:-1]],
    }


def is_dead(message: Message) -> bool:
    """Whether the message tells of a death: its own kind, or a discharge of one who died."""
    payload = message.payload
    return payload is not None and (
        message.type == "LOG_DOD" or payload.value("MeldingOmUtskrevetPasient", "UtskrevetTil", "Uttilstand") == DEAD
    )


def general_practitioners(payload: Element | None) -> list[Element]:
    """The professionals whom a dialogue names as the patient's GP (Volven 9034: 6)."""
    roles = list(payload.below("RollerRelatertNotat")) if payload is not None else []
    found = [(r, p) for r in roles if (p := r.first("HealthcareProfessional")) is not None]
    return [p for r, p in found if GP in (r.value("RoleToPatient"), p.value("RoleToPatient"))]


def _professionals(message: Message) -> list[Element]:
    units = chain(message.info.first("Sender", "Organisation"))
    return [p for unit in units if (p := unit.first("HealthcareProfessional")) is not None]


def _patient(message: Message, event: Event) -> Json:
    made = patient(message.patient, event.identifiers)
    if is_dead(message) and event.kind is Kind.DISCHARGED:
        made["deceasedDateTime"] = instant_of(event.occurred_us)
    return made


def _encounter(draft: Draft, message: Message, event: Event, subject: Json, sender: Json) -> Json:
    made: Json = {
        "resourceType": "Encounter",
        "status": _STATUS.get(event.kind, "in-progress"),
        "class": {"system": f"{TERMINOLOGY}v3-ActCode", "code": "IMP"},
        "subject": subject,
    }
    period = {key: instant_of(us) for key, us in (("start", event.admitted_us), ("end", event.discharged_us)) if us is not None}
    made |= {"period": period} if period else {}
    if event.ward:
        place = draft.add("StedForHendelse", {"resourceType": "Location", "name": event.ward}, event.ward)
        made["location"] = [{"location": place, "status": "completed" if event.kind is Kind.DISCHARGED else "active"}]
    stay = _stay(message) if event.kind is Kind.DISCHARGED else {}
    made |= {"hospitalization": stay} if stay else {}
    return made | ({"serviceProvider": sender} if sender else {})


def _stay(message: Message) -> Json:
    """Where to, or that the patient died: UtskrevetTil."""
    codings: list[Json] = [{"system": f"{TERMINOLOGY}discharge-disposition", "code": "exp"}] if is_dead(message) else []
    to = message.payload.first("MeldingOmUtskrevetPasient", "UtskrevetTil", "UtTil") if message.payload is not None else None
    if to is not None and to.value():
        words = to.attributes.get("DN", "").strip()
        codings.append({"system": f"urn:oid:{OUT_TO}", "code": to.value()} | ({"display": words} if words else {}))
    return {"dischargeDisposition": {"coding": codings}} if codings else {}


def _header(message: Message, received: Received, event: Event, focus: list[Json], sender: Json) -> Json:
    code = EVENTS.get(event.kind)
    processing = message.info.value("ProcessingStatus")
    tags = [{"system": f"{TERMINOLOGY}v2-0103", "code": processing}] if processing in _PROCESSING else []
    return {
        "resourceType": "MessageHeader",
        "meta": {"tag": [*tags, {"system": f"urn:oid:{MESSAGE}", "code": received.trigger}]},
        "eventCoding": {"system": f"{TERMINOLOGY}v2-0003", "code": code} if code else {"system": OWN, "code": event.kind.value},
        "destination": DESTINATION,
        "sender": sender | ({"identifier": {"system": PROVIDER, "value": received.provider}} if received.provider else {}),
        "source": {"endpoint": f"{PROVIDER}:{received.provider or 'unknown'}"},
        "focus": [{"reference": r["reference"]} for r in focus],
    }


def _provenance(draft: Draft, received: Received, target: list[Json], sender: Json) -> None:
    """Where it all comes from: the message's own bytes, by their SHA-256 as a name (RFC 6920)."""
    digest = urlsafe_b64encode(sha256(received.raw).digest()).decode().rstrip("=")
    source = {"type": "DocumentReference", "identifier": {"system": "urn:ietf:rfc:3986", "value": f"ni:///sha-256;{digest}"}}
    whole = {"type": "Bundle", "identifier": {"system": f"{PROVIDER}:{received.provider or 'unknown'}", "value": received.control_id}}
    made = {
        "resourceType": "Provenance",
        "target": [whole, *({"reference": r["reference"]} for r in target)],
        "recorded": instant_of(received.received_us),
        "agent": [{"who": sender or {"display": received.provider or "unknown"}}],
        "entity": [{"role": "source", "what": source}],
    }
    draft.add("Provenance", made)
