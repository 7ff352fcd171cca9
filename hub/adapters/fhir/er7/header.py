"""What every message begins with: MSH, and EVN of those that have it."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import name_of, organisation, xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.rows import Rows, each, fields, in_extension, one, refers_once
from hub.adapters.fhir.er7.text import components, escape, header_segment, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.times import civil, dtm

APPLICATION: Final = "CAREHUB"  # MSH-3 of everything the hub sends
VERSION: Final = "2.5.1"
_ANY_SENDER: Final = "*"
_PROCESSING: Final = ("P", "T", "D")
_NOT_KNOWN: Final = "unknown"  # SFT-4 is required
_INSTALLED: Final = f"{codes.EXTENSION_R5}extension-Device.version.installDate"
_MODE: Final = "0207"
_EVENT_WORDS: Final = ("event", "message")  # activity of the Provenance that EVN becomes


def msh(copy: Copy, trigger: Trigger) -> str:
    """MSH: from the hub on behalf of the source to the recipient; the control id is the sender's own."""
    recipient, event, header = copy.recipient, copy.event, copy.message.header
    deliver = recipient.deliver
    facility = deliver.facility or next((s for s in recipient.senders if s != _ANY_SENDER), "") or recipient.organisation or recipient.id
    meta = obj(header.get("meta"))
    tags = {text(t.get("system")): text(t.get("code")) for t in reversed(objects(meta.get("tag")))}
    processing = tags.get(f"{codes.V2}0103", "")
    return header_segment(
        {
            3: APPLICATION,
            4: escape(event.provider),
            5: escape(deliver.application or recipient.id),
            6: escape(facility),
            7: dtm(text(copy.message.bundle.get("timestamp"))) or civil(event.received_us),
            8: _label(meta),
            9: components(trigger.type, trigger.event, trigger.structure),
            10: escape(event.control_id),
            11: components(processing if processing in _PROCESSING else "P", escape(tags.get(f"{codes.V2}{_MODE}", ""))),
            12: VERSION,
            17: _country(header, copy.entries),
            18: "UNICODE UTF-8",
            19: datatypes.string(header.get("language")),
        }
    )


def _country(header: Json, entries: Entries) -> str:
    """MSH-17: the country of the sender."""
    addresses = each(organisation(header.get("sender"), entries).get("address"))
    return next((code for a in addresses if (code := datatypes.string(obj(a).get("country")))), "")


def sft(copy: Copy) -> Iterator[str]:
    """SFT for each software that the message went through before: the sources first."""
    entries = copy.entries
    named = [e for record in entries.of("Provenance") for e in objects(record.get("entity"))]
    told = [(text(e.get("role")) != "source", entries.target(e.get("what"))) for e in named]
    devices = [d for _, d in sorted(told, key=lambda t: t[0]) if d.get("resourceType") == "Device" and d.get("version")]
    for device in devices:
        made = fields(SFT, device, entries)
        if all(made[n] for n in (1, 2, 3)):
            yield segment("SFT", made | {4: made[4] or _NOT_KNOWN})


def _label(meta: Json) -> str:
    """A security label of the header; the many other uses of MSH-8 are between two parties who agreed on them."""
    return next((escape(code) for label in objects(meta.get("security")) if (code := text(label.get("code")))), "")


SFT: Final[Rows] = (
    (1, one("manufacturer", datatypes.string)),
    (2, one("version.value", datatypes.string)),
    (3, one("deviceName.name", datatypes.string)),
    (4, one("modelNumber", datatypes.string)),
    (5, one("note.text", datatypes.string)),
    (6, lambda device, _entries: _installed(device)),
)


def _installed(device: Json) -> str:
    versions = objects(device.get("version"))
    given = datatypes.extension(versions[0] if versions else {}, _INSTALLED).get("valueDateTime")
    return datatypes.moment(given)


def _facility(place: Json, entries: Entries) -> str:
    return datatypes.hd_of(entries.target(place)) or name_of(place, entries)


EVN: Final[Rows] = (
    (2, one("recorded", datatypes.moment)),
    (4, one("reason", datatypes.is_code("0062"))),
    (5, refers_once("agent.who", xcn)),
    (6, one("occurredDateTime", datatypes.moment)),
    (6, one("occurredPeriod.start", datatypes.moment)),
    (6, in_extension("provenance-occurred", "valueDateTime", datatypes.moment)),
    (7, refers_once("location", _facility)),
)


def evn(copy: Copy, trigger: Trigger) -> str:
    """EVN: what the source recorded of the event, else when the hub took it and when it happened."""
    made = fields(EVN, _event_record(copy), copy.entries)
    known = {1: trigger.event, 2: made[2] or civil(copy.event.received_us), 6: made[6] or civil(copy.event.occurred_us)}
    return segment("EVN", made | known)


def _event_record(copy: Copy) -> Json:
    """The Provenance of the event itself (EVN[Provenance]); ``{}`` for none."""
    for record in copy.entries.of("Provenance"):
        activity = obj(record.get("activity"))
        words = [text(c.get("display")) for c in objects(activity.get("coding"))] + [text(activity.get("text"))]
        if any(word.startswith(_EVENT_WORDS[0]) for word in words):
            return record
    return {}
