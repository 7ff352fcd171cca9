"""What routing needs to know of a FHIR message, read from its resources."""

import re
from typing import Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.mappings import CLASSES
from hub.adapters.fhir.message import Message
from hub.adapters.labels import label_of
from hub.model import Identifier

_MUNICIPALITY: Final = re.compile(r"\d{4}", re.ASCII)
_BELOW_WARD: Final = frozenset({"bd", "ro", "lvl"})  # location-physical-type
_V2_CLASSES: Final = ("http://terminology.hl7.org/CodeSystem/v2-0004", "urn:oid:2.16.840.1.113883.18.5")
_LOCATIONS_MAX: Final = 8  # levels from a bed to its hospital; a circle ends here


def encounter(message: Message) -> Json:
    """The Encounter the message is about: its focus if that is one, else the first; ``{}`` for none."""
    focus = [message.entries.target(f) for f in objects(message.header.get("focus"))]
    found = [r for r in focus if r.get("resourceType") == "Encounter"] + message.entries.of("Encounter")
    return found[0] if found else {}


def addressed(message: Message) -> tuple[str, ...]:
    """Every name the sender gives a receiver: destination name and endpoint, the receiver's names and numbers."""
    found: list[str] = []
    for destination in objects(message.header.get("destination")):
        receiver = obj(destination.get("receiver"))
        target = message.entries.target(receiver)
        given = [obj(receiver.get("identifier")), *objects(target.get("identifier"))]
        found += [text(destination.get("name")), text(receiver.get("display")), text(target.get("name"))]
        found += [text(i.get("value")) for i in given]
        found.append(text(destination.get("endpoint")))
    return tuple(dict.fromkeys(name for name in found if name))


def municipality(patient: Json) -> str:
    """The municipality number of an address: the code beside the district (no-basis), else a four-digit district."""
    for address in objects(patient.get("address")):
        extensions = objects(obj(address.get("_district")).get("extension"))
        codes = [text(obj(e.get("valueCoding")).get("code")) for e in extensions] + [text(address.get("district"))]
        for code in codes:
            if _MUNICIPALITY.fullmatch(code):
                return code
    return ""


def gps(message: Message) -> tuple[Identifier, ...]:
    """The identifiers of Patient.generalPractitioner, given with the reference or in the resource it leads to."""
    found: list[Identifier] = []
    for reference in objects(message.patient.get("generalPractitioner")):
        target = message.entries.target(reference)
        sources = [target, *(message.entries.target(target.get(part)) for part in ("practitioner", "organization"))]
        given = [obj(reference.get("identifier")), *(i for s in sources for i in objects(s.get("identifier")))]
        found += [Identifier(text(i.get("system")), value) for i in given if (value := text(i.get("value")))]
    return tuple(dict.fromkeys(found))


def ward(visit: Json, entries: Entries) -> str:
    """The name of where the patient is: the active location's, from the bed outwards until it is no bed, room or floor."""
    places = objects(visit.get("location"))
    now = [p for p in places if p.get("status") == "active"] or [p for p in places if p.get("status") != "completed"]
    if not now:
        return ""
    reference = obj(now[0].get("location"))
    place = entries.target(reference)
    names = []
    for _ in range(_LOCATIONS_MAX):
        kinds = {text(c.get("code")) for c in objects(obj(place.get("physicalType")).get("coding"))}
        names.append(text(place.get("name")))
        if not kinds & _BELOW_WARD or not place.get("partOf"):
            break
        place = entries.target(place["partOf"])
    return next((name for name in reversed(names) if name), "") or text(reference.get("display"))


def encounter_class(visit: Json) -> str:
    """Encounter.class as a table 0004 code; "" where it has none."""
    given = obj(visit.get("class"))
    code = text(given.get("code"))
    return code if text(given.get("system")) in _V2_CLASSES else CLASSES.get(code, "")


def encounter_id(visit: Json) -> str:
    """The visit's number: the identifier of type VN, else the first."""
    given = [(i, value) for i in objects(visit.get("identifier")) if (value := text(i.get("value")))]
    visits = [v for i, v in given if any(c.get("code") == "VN" for c in objects(obj(i.get("type")).get("coding")))]
    return (visits or [v for _, v in given] or [""])[0]


def labels(message: Message) -> tuple[str, ...]:
    """Every security label of the Bundle and of any resource in it: an unknown one must be seen to be refused."""
    resources = (message.bundle, *message.entries.all)
    return tuple(dict.fromkeys(label for resource in resources for label in labels_of(resource)))


def labels_of(resource: Json) -> list[str]:
    """The labels that a resource, or the Bundle, bears itself or in what it contains."""
    found = _codes(obj(resource.get("meta")).get("security"))
    for concept in objects(resource.get("securityLabel")):  # DocumentReference
        found += _codes(concept.get("coding"))
    if resource.get("resourceType") == "Composition" and (secrecy := text(resource.get("confidentiality"))):
        found.append(label_of("", secrecy))
    for contained in objects(resource.get("contained")):
        found += labels_of(contained)
    return found


def _codes(codings: object) -> list[str]:
    return [_word(c) for c in objects(codings)]


def _word(coding: Json) -> str:
    code = text(coding.get("code"))
    return label_of(text(coding.get("system")), code) if code else text(coding.get("display")) or "unreadable"
