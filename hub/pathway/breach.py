"""A missed deadline as a message: a small FHIR R4 message Bundle that goes into the hub like any other.

Bytes and ids are derived from the deadline and the admission alone, so that raising a breach twice is a repeat, which transit answers
again without a new effect. No clinical content: whom it is about, what was missed, and who sent the admission.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from hub.identity import event_id
from hub.ledger.episodes import Episode
from hub.model import Adapter, Identifier, Kind, Received

HUB: Final = "hub"  # provider id, application and sender of what the hub itself raises
EVENT_SYSTEM: Final = "urn:hub:event"
_URI: Final = ("urn:", "http://", "https://")


def breach_of(deadline_id: str, due_us: int, episode: Episode, now_us: int) -> Received:
    """The message that says this deadline was missed, as the gateway would have taken it."""
    identifiers = tuple(_qualified(system, value, episode.source) for system, value in episode.body.get("identifiers", ()))
    bundle = _bundle(deadline_id, due_us, episode.source, identifiers)
    raw = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()
    return Received(
        event_id=event_id(Adapter.FHIR, HUB, HUB, HUB, deadline_id, raw), adapter=Adapter.FHIR, provider=HUB, application=HUB, sender=HUB,
        control_id=deadline_id, trigger=Kind.DEADLINE_BREACHED.value, patient_key=episode.patient_key, identifiers=identifiers,
        received_us=now_us, encoding="utf-8", raw=raw, answer="200",
    )  # fmt: skip


def _bundle(deadline_id: str, due_us: int, source: str, identifiers: tuple[Identifier, ...]) -> dict[str, Any]:
    head, patient = f"urn:uuid:{event_id('derived', HUB, '', '', deadline_id, b'header')}", f"urn:uuid:{deadline_id}"
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": EVENT_SYSTEM, "code": Kind.DEADLINE_BREACHED.value},
        "destination": [{"name": source, "endpoint": f"urn:hub:provider:{source}"}],
        "sender": {"identifier": {"system": "urn:hub:provider", "value": HUB}, "display": HUB},
        "source": {"name": HUB, "endpoint": "urn:hub:provider:hub"},
        "focus": [{"reference": patient}],
    }
    about = {"resourceType": "Patient", "identifier": [_identifier(i) for i in identifiers]}
    return {
        "resourceType": "Bundle",
        "id": deadline_id,
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{deadline_id}"},
        "type": "message",
        "timestamp": datetime.fromtimestamp(due_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entry": [{"fullUrl": head, "resource": header}, {"fullUrl": patient, "resource": about}],
    }


def _qualified(system: str, value: str, source: str) -> Identifier:
    """A v2 namespace means something only where it was written: two hospitals' numbers must not become one patient here."""
    return Identifier(system if system.startswith(_URI) else f"urn:hub:provider:{source}:{system}", value)


def _identifier(i: Identifier) -> dict[str, str]:
    return {"system": i.system, "value": i.value}
