"""MessageHeader and the Bundle around it: MSH, SFT."""

from typing import Any, Final

from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coding_of, put
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import instant, iso_of
from hub.model import Kind, Received

EVENT_SYSTEM: Final = f"{codes.TERMINOLOGY}v2-0003"
PROVIDER: Final = "urn:hub:provider"
EVENT: Final = "urn:hub:event"  # the hub's own kinds, as the FHIR adapter reads them
_ANSWER: Final = "RRI"  # MSH-9.1
_ABSENT: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def message_header(draft: Draft, received: Received, sender: Json, focus: list[Json]) -> Json:
    """The MessageHeader: the v2 event, who sent it, what it is about. Its destination is written when a recipient is known.

    sender: a Reference to the Organization of MSH-4, ``{}`` when there is none.
    """
    content, t = draft.content, draft.text
    resource: Json = {"resourceType": "MessageHeader"}
    meta = _meta(draft)
    if meta:
        resource["meta"] = meta
    put(resource, "language", datatypes.code(content.value("MSH", 19)))
    resource["eventCoding"] = coding_of(EVENT_SYSTEM, draft.trigger, "^".join(p for p in t.parts(content.field("MSH", 9))[:3] if p))
    resource["source"] = _source(draft, received)
    if focus:
        resource["focus"] = focus
    if sender or received.sender:
        resource["sender"] = ({"display": received.sender} if received.sender else {}) | sender
    if received.provider:
        resource.setdefault("sender", {})["identifier"] = {"system": PROVIDER, "value": received.provider}
    responsible = content.field("MSH", 22)
    if responsible:
        put(resource, "responsible", draft.linked(actors.xon, responsible, "MSH-22"))
    return resource


def _source(draft: Draft, received: Received) -> Json:
    """The sending application: MSH-24 says where it is, else MSH-3; SFT what it is."""
    content, t = draft.content, draft.text
    network = content.field("MSH", 24)
    application = content.field("MSH", 3)
    endpoint = datatypes.hd_uri(network, t) or datatypes.hd_uri(application, t)
    out: Json = {}
    put(out, "name", received.application or content.value("MSH", 24))
    if content.segment("SFT") is not None:
        put(out, "software", content.value("SFT", 3))
        put(out, "version", content.value("SFT", 2))
    if "software" not in out:
        put(out, "software", content.value("MSH", 3, 2))
    if endpoint:
        out["endpoint"] = endpoint
    elif received.provider:
        out["endpoint"] = f"{PROVIDER}:{received.provider}"
    else:
        out["_endpoint"] = _ABSENT
    return out


def _meta(draft: Draft) -> Json:
    """Labels (MSH-8 where it is one, MSH-26, MSH-27) and what the message is for (MSH-11: production, test, training).

    Of an answer to a referral, whose event is the referral's (table 0003), also that it is one.
    """
    content, t = draft.content, draft.text
    out: Json = {}
    security = [label(word) for word in (content.value("MSH", 8),) if word in codes.HEADER_LABELS]
    for n in (26, 27):
        raw = content.field("MSH", n)
        if raw:
            security += [found for one in t.repetitions(raw) if (found := _security(one, t))]
    if security:
        out["security"] = security
    processing = t.parts(content.field("MSH", 11))
    tags = [coding_of(f"{codes.TERMINOLOGY}v2-0103", p) for p in processing[:1] if p in {"D", "P", "T", "N", "V"}]
    tags += [coding_of(f"{codes.TERMINOLOGY}v2-0207", p) for p in processing[1:2] if p in {"A", "R", "I", "T"}]
    if t.parts(content.field("MSH", 9))[0] == _ANSWER:
        tags.append(coding_of(EVENT, Kind.REFERRAL_ANSWERED.value))
    if tags:
        out["tag"] = tags
    return out


def label(word: str) -> Json:
    """A security label by its code: a confidentiality, a sensitivity, or a v2 word (table 0177)."""
    known = codes.LABEL.get(word, word)
    if known in {"U", "L", "M", "N", "R", "V"}:
        return coding_of(codes.CONFIDENTIALITY, known)
    system = codes.ACT_CODE if known in codes.HEADER_LABELS else f"{codes.TERMINOLOGY}v2-0177"
    return coding_of(system, datatypes.code(known))


def _security(raw: str, t: Text) -> Json:
    found: Json = datatypes.coding(raw, t)
    return found if "system" in found or not found else label(found["code"]) | {k: v for k, v in found.items() if k == "display"}


def sent(draft: Draft, received: Received) -> str:
    """When the sender made the message, as an instant; when the hub received it if the sender does not say."""
    return instant(draft.content.value("MSH", 7)) or iso_of(received.received_us)


def sender_of(draft: Draft, provider: str) -> Json:
    """Add the Organization of MSH-4, in the country of MSH-17; gives the Reference, ``{}`` when neither is said.

    provider: whom the hub knows the sender as, who is in that country where MSH-4 names nobody.
    """
    content = draft.content
    raw, country = content.field("MSH", 4), content.value("MSH", 17)
    if not country:
        return draft.linked(actors.organisation, raw, "MSH-4") if raw else {}
    known = {"resourceType": "Organization", "identifier": [{"system": PROVIDER, "value": provider or "unknown"}]}
    made: dict[str, Any] = (actors.organisation(raw, draft.text) if raw else {}) or known
    return draft.add("MSH-4", made | {"address": [{"country": country}]})
