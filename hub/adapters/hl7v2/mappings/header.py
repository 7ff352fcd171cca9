"""MessageHeader and the Bundle around it: MSH."""

from typing import Final

from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import instant, iso_of
from hub.model import Received

EVENT_SYSTEM: Final = f"{codes.TERMINOLOGY}v2-0003"
PROVIDER: Final = "urn:hub:provider"


def message_header(draft: Draft, received: Received, focus: list[Json]) -> Json:
    """The MessageHeader: the v2 event, who sent it, what it is about. Its destination is written when a recipient is known."""
    endpoint = datatypes.hd_uri(draft.content.field("MSH", 3), draft.text) or f"{PROVIDER}:{received.provider or 'unknown'}"
    source: Json = {"endpoint": endpoint}
    if received.application:
        source["name"] = received.application
    resource: Json = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": EVENT_SYSTEM, "code": draft.trigger},
        "source": source,
    }
    if focus:
        resource["focus"] = focus
    if received.sender:
        resource["sender"] = {"display": received.sender}
    if received.provider:
        resource.setdefault("sender", {})["identifier"] = {"system": PROVIDER, "value": received.provider}
    processing = draft.content.value("MSH", 11)
    if processing in {"D", "P", "T"}:
        resource["meta"] = {"tag": [{"system": f"{codes.TERMINOLOGY}v2-0103", "code": processing}]}
    return resource


def sent(draft: Draft, received: Received) -> str:
    """When the sender made the message, as an instant; when the hub received it if the sender does not say."""
    return instant(draft.content.value("MSH", 7)) or iso_of(received.received_us)
