"""A FHIR patient-administration message as HL7 v2.5.1 ADT, for recipients that take v2: MSH, EVN, PID, PV1, and MRG of a merge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir import facts
from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.mappings import ADT_TRIGGERS, GENDERS
from hub.adapters.fhir.message import Message
from hub.adapters.fhir.times import civil, dtm
from hub.errors import Reason, Rejected
from hub.model import Detail, Event, Identifier, Kind, Provider

APPLICATION: Final = "CAREHUB"  # MSH-3 of everything the hub sends
STRUCTURES: Final[Mapping[str, str]] = MappingProxyType(  # HL7 2.5.1 table 0354
    {"A01": "ADT_A01", "A02": "ADT_A02", "A03": "ADT_A03", "A04": "ADT_A01", "A05": "ADT_A05", "A06": "ADT_A06", "A08": "ADT_A01",
     "A11": "ADT_A09", "A12": "ADT_A12", "A13": "ADT_A01", "A16": "ADT_A16", "A25": "ADT_A21", "A40": "ADT_A39"}
)  # fmt: skip
_ESCAPES: Final = str.maketrans(
    dict.fromkeys(map(chr, range(32)), "") | {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\"}
)
_LEVELS: Final[Mapping[str, int]] = MappingProxyType({"bd": 3, "ro": 2, "si": 4, "bu": 7, "lvl": 8})  # location-physical-type -> PL
_LEVELS_MAX: Final = 8
_ANY_SENDER: Final = "*"
_TAGS: Final = "http://terminology.hl7.org/CodeSystem/v2-0103"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a composed message is made of."""

    message: Message
    event: Event
    detail: Detail
    recipient: Provider


def compose(copy: Copy) -> bytes:
    """The message in UTF-8, segments ended by CR. Raises Rejected(NO_TRANSLATION) for kinds that are no patient administration."""
    trigger = ADT_TRIGGERS.get(copy.event.kind)
    if trigger is None:
        raise Rejected(Reason.NO_TRANSLATION)
    segments = [_msh(copy, trigger), _evn(copy, trigger), _pid(copy)]
    if copy.event.kind is Kind.MERGED:
        segments.append(_segment("MRG", {1: _repeat(map(_identifier, copy.event.merged))}))
    elif copy.detail is not Detail.NOTICE:
        segments.append(_pv1(copy))
    return "".join(f"{segment}\r" for segment in segments).encode()


def escape(value: str) -> str:
    r"""Text as it may stand in a field: delimiters as ``\F\`` and kin, line ends as ``\.br\``, no control characters."""
    return value.translate(_ESCAPES)


def _segment(name: str, fields: Mapping[int, str]) -> str:
    last = max((n for n, value in fields.items() if value), default=0)
    return "|".join([name, *(fields.get(n, "") for n in range(1, last + 1))])


def _components(values: Mapping[int, str]) -> str:
    last = max((n for n, value in values.items() if value), default=0)
    return "^".join(values.get(n, "") for n in range(1, last + 1))


def _repeat(values: Iterable[str]) -> str:
    return "~".join(v for v in values if v)


def _msh(copy: Copy, trigger: str) -> str:
    recipient, event = copy.recipient, copy.event
    deliver = recipient.deliver
    facility = deliver.facility or next((s for s in recipient.senders if s != _ANY_SENDER), "") or recipient.organisation or recipient.id
    tags = [t for t in objects(obj(copy.message.header.get("meta")).get("tag")) if t.get("system") == _TAGS]
    processing = text(tags[0].get("code")) if tags else "P"
    fields = {
        1: "^~\\&", 2: APPLICATION, 3: escape(event.provider), 4: escape(deliver.application or recipient.id), 5: escape(facility),
        6: dtm(text(copy.message.bundle.get("timestamp"))) or civil(event.received_us), 8: f"ADT^{trigger}^{STRUCTURES[trigger]}",
        9: escape(event.control_id), 10: processing if processing in {"P", "T", "D"} else "P", 11: "2.5.1", 17: "UNICODE UTF-8",
    }  # fmt: skip
    return _segment("MSH", fields)  # numbers one lower than HL7's: MSH-1 is the separator itself


def _evn(copy: Copy, trigger: str) -> str:
    return _segment("EVN", {1: trigger, 2: civil(copy.event.received_us), 6: civil(copy.event.occurred_us)})


def _pid(copy: Copy) -> str:
    patient = copy.message.patient
    names = objects(patient.get("name"))
    fields = {
        1: "1",
        3: _repeat(map(_identifier, copy.event.identifiers)),
        5: _repeat(map(_name, names)),
        7: dtm(text(patient.get("birthDate"))),
        8: GENDERS.get(text(patient.get("gender")), ""),
    }
    if copy.detail is not Detail.NOTICE:
        fields[11] = _repeat(map(_address, objects(patient.get("address"))))
        fields[13] = _repeat(escape(text(t.get("value"))) for t in objects(patient.get("telecom")) if t.get("system") == "phone")
        fields[29] = dtm(text(patient.get("deceasedDateTime")))
        fields[30] = "Y" if fields[29] or patient.get("deceasedBoolean") is True else ""
    return _segment("PID", fields)


def _pv1(copy: Copy) -> str:
    message, event = copy.message, copy.event
    visit = facts.encounter(message)
    fields = {
        1: "1",
        2: escape(event.encounter_class) or "U",
        3: _place(visit, "active", message.entries),
        6: _place(visit, "completed", message.entries),
        7: _repeat(_doctor(p, message.entries) for p in objects(visit.get("participant"))),
        19: escape(event.encounter_id),
        44: dtm(text(obj(visit.get("period")).get("start"))),
        45: dtm(text(obj(visit.get("period")).get("end"))),
    }
    return _segment("PV1", fields)


def _identifier(known: Identifier) -> str:
    return _components({1: escape(known.value), 4: _authority(known.system)})


def _authority(system: str) -> str:
    """A system as HD: OIDs and UUIDs by their type, other URIs as URI, the rest as a namespace."""
    for prefix, kind in (("urn:oid:", "ISO"), ("urn:uuid:", "UUID")):
        if system.startswith(prefix):
            return f"&{escape(system.removeprefix(prefix))}&{kind}"
    return f"&{escape(system)}&URI" if system.startswith(("http://", "https://", "urn:")) else escape(system)


def _name(name: Json) -> str:
    given = [escape(text(g)) for g in name.get("given", ()) if isinstance(g, str)] if isinstance(name.get("given"), list) else []
    prefix = [escape(text(p)) for p in name.get("prefix", ()) if isinstance(p, str)] if isinstance(name.get("prefix"), list) else []
    kind = {"official": "L", "usual": "D", "maiden": "M", "nickname": "N"}.get(text(name.get("use")), "")
    parts = {1: escape(text(name.get("family"))), 2: "".join(given[:1]), 3: " ".join(given[1:]), 5: " ".join(prefix)}
    return _components(parts | {7: kind}) if any(parts.values()) else escape(text(name.get("text")))


def _address(address: Json) -> str:
    lines = [escape(text(line)) for line in address["line"]] if isinstance(address.get("line"), list) else []
    kind = {"home": "H", "work": "B", "temp": "C", "billing": "BI", "old": "BA"}.get(text(address.get("use")), "")
    parts = {1: "".join(lines[:1]), 2: " ".join(lines[1:])}
    parts |= {n: escape(text(address.get(key))) for n, key in ((3, "city"), (4, "state"), (5, "postalCode"), (6, "country"))}
    return _components(parts | {7: kind, 9: escape(facts.municipality({"address": [address]}) or text(address.get("district")))})


def _place(visit: Json, status: str, entries: Entries) -> str:
    """A location of a status as PL; one without a status is where the patient is."""
    for place in objects(visit.get("location")):
        if text(place.get("status")) in ({status, ""} if status == "active" else {status}):
            return _levels(obj(place.get("location")), entries)
    return ""


def _levels(reference: Json, entries: Entries) -> str:
    parts: dict[int, str] = {}
    place = entries.target(reference)
    for _ in range(_LEVELS_MAX):
        kinds = [text(c.get("code")) for c in objects(obj(place.get("physicalType")).get("coding"))]
        parts.setdefault(_LEVELS.get(kinds[0] if kinds else "", 1), escape(text(place.get("name"))))
        if not place.get("partOf"):
            break
        place = entries.target(place["partOf"])
    if not any(parts.values()):
        parts = {1: escape(text(reference.get("display")))}
    return _components(parts)


def _doctor(participant: Json, entries: Entries) -> str:
    """An attending practitioner (ATND, or no role given) as XCN."""
    roles = {text(c.get("code")) for t in objects(participant.get("type")) for c in objects(t.get("coding"))}
    target = entries.target(participant.get("individual"))
    if (roles and "ATND" not in roles) or target.get("resourceType") != "Practitioner":
        return ""
    numbers = objects(target.get("identifier"))
    name = _name(objects(target.get("name"))[0]).split("^") if objects(target.get("name")) else []
    parts = {1: escape(text(numbers[0].get("value"))) if numbers else ""} | dict(enumerate(name[:5], 2))
    return _components(parts | {9: _authority(text(numbers[0].get("system"))) if numbers else ""})
