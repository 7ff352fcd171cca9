"""The whole message as an R4 message Bundle: MessageHeader, Patient, Encounter, what the message's family adds, and where it comes from."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.bundle import DESTINATION
from hub.adapters.hl7v2.mappings import adt, immunization, mdm, orm, oru, pharmacy, problems, ref, siu
from hub.adapters.hl7v2.mappings.around import around
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.encounter import encounter
from hub.adapters.hl7v2.mappings.header import PROVIDER, message_header, sender_of, sent
from hub.adapters.hl7v2.mappings.patient import patient, retired
from hub.adapters.hl7v2.mappings.provenance import sources
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.errors import Reason, Rejected
from hub.identity import derived_id
from hub.model import Detail, Event, Received

# message type (MSH-9.1) -> what it adds to header, patient and visit; gives what the message is about
FAMILIES: Final[Mapping[str, Callable[[Draft, Json, Json], list[Json]]]] = MappingProxyType(
    {
        "ADT": adt.resources,
        "BAR": adt.resources,
        "DFT": adt.charges,
        "ORU": oru.resources,
        "OUL": oru.resources,
        "MDM": mdm.resources,
        "REF": ref.resources,
        "RRI": ref.resources,
        "ORM": orm.resources,
        "OML": orm.resources,
        "OMG": orm.resources,
        "RDE": pharmacy.resources,
        "RDS": pharmacy.resources,
        "VXU": immunization.resources,
        "PPR": problems.resources,
        "SIU": siu.resources,
    }
)


def bundle(content: Content, received: Received, event: Event) -> Json:
    """The Bundle of a message; deterministic in its arguments. Raises Rejected(UNSUPPORTED_TYPE)."""
    family, _, trigger = received.trigger.partition("^")
    add = FAMILIES.get(family)
    if add is None:
        raise Rejected(Reason.UNSUPPORTED_TYPE, "MSH-9")
    draft = Draft(received.event_id, content, content.text, trigger)
    subject = patient(draft, received.identifiers)
    retired(draft, subject, event.merged)
    visit = encounter(draft, subject)
    around(draft, subject, visit, received.received_us)
    focus = [{"reference": r["reference"]} for r in add(draft, subject, visit)]
    sender = sender_of(draft, received.provider)
    header = message_header(draft, received, sender, focus) | {"destination": DESTINATION}
    place = len(draft.entries)
    sources(draft, received, draft.add("MSH", header), sender)
    entries = draft.entries
    return {
        "resourceType": "Bundle",
        "id": derived_id(received.event_id, "bundle", Detail.FULL.value),
        "identifier": {"system": f"{PROVIDER}:{received.provider or 'unknown'}", "value": received.control_id},
        "type": "message",
        "timestamp": sent(draft, received),
        "entry": [entries[place], *entries[:place], *entries[place + 1 :]],
    }
