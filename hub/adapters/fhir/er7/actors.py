"""People, organisations and places that a Reference leads to, as XCN, XON, NDL and PL.

A reference may lead to a resource of the Bundle, say who it means by an identifier, or only show a name; each is told as far as it goes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7.codes import coding_system
from hub.adapters.fhir.er7.datatypes import authority, code, extension, hd_of, identifier_type, string, xpn
from hub.adapters.fhir.er7.text import COMPONENT, SUBCOMPONENT, components, escape, subcomponents
from hub.adapters.fhir.times import dtm
from hub.errors import Reason, Rejected
from hub.identity import canonical

_LEVELS: Final[Mapping[str, int]] = MappingProxyType({"bd": 3, "ro": 2, "si": 4, "bu": 7, "lvl": 8})  # location-physical-type -> PL
_POINT_OF_CARE: Final = 1  # any other kind of place
_FACILITY: Final = 4
_LEVELS_MAX: Final = 8  # a circle ends here
_NAME_PARTS: Final = 14  # of XPN
_TEXT_MAX: Final = 1000  # of one of them: many references may lead to one resource, and each tells all of it


def person(reference: Any, entries: Entries) -> Json:
    """The Practitioner, Patient or RelatedPerson a reference leads to, through a PractitionerRole if need be; ``{}`` for none."""
    target = entries.target(reference)
    if target.get("resourceType") == "PractitionerRole":
        found = entries.target(target.get("practitioner"))
        return found or _shown(obj(target.get("practitioner")), "Practitioner")
    if text(target.get("resourceType")) in {"Practitioner", "Patient", "RelatedPerson"}:
        return target
    return {} if target else _shown(obj(reference), "Practitioner")


def organisation(reference: Any, entries: Entries) -> Json:
    """The Organization a reference leads to, through a PractitionerRole if need be; ``{}`` for none."""
    target = entries.target(reference)
    if target.get("resourceType") == "PractitionerRole":
        found = entries.target(target.get("organization"))
        return found or _shown(obj(target.get("organization")), "Organization")
    if target.get("resourceType") == "Organization":
        return target
    return {} if target else _shown(obj(reference), "Organization")


def _shown(reference: Json, kind: str) -> Json:
    """What a reference says by itself, if it may mean a resource of this kind."""
    named = text(reference.get("type")) or text(reference.get("reference")).rpartition("/")[0].rpartition("/")[2]
    if named not in {"", kind}:
        return {}
    name, identifier = text(reference.get("display")), obj(reference.get("identifier"))
    out: Json = {"identifier": [identifier]} if identifier else {}
    if name:
        out["name"] = name if kind == "Organization" else [{"text": name}]
    return out


def xcn(reference: Any, entries: Entries) -> str:
    """Reference -> XCN of the person."""
    return xcn_of(person(reference, entries))


def xcn_of(resource: Json) -> str:
    """Practitioner -> XCN: number, name, whose number it is and of what type."""
    number = _first(resource)
    name = next((made for n in objects(resource.get("name")) if (made := xpn(n))), "")
    parts = (name.split(COMPONENT) + [""] * _NAME_PARTS)[:_NAME_PARTS]
    family, given, second, suffix, prefix, more, use = parts[:7]
    value = canonical(text(number.get("system")), text(number.get("value")))
    if not (value.value or family or given):
        return ""
    titles = [code(obj(q).get("code"), "0360") for q in objects(resource.get("qualification"))]
    check, scheme = (string(extension(number, url).get("valueString")) for url in ("identifier-checkDigit", "namingsystem-checkDigit"))
    return _bounded(
        escape(value.value), family, given, second, suffix, prefix, escape("".join(titles[:1])), "", authority(number, value.system), use,
        check, scheme, identifier_type(number), "", "", "", "", parts[10], parts[11], parts[12], " ".join(filter(None, (more, parts[13]))),
    )  # fmt: skip


def _first(resource: Json) -> Json:
    given = objects(resource.get("identifier"))
    return next((i for i in given if text(i.get("value"))), given[0] if given else {})


def xon(reference: Any, entries: Entries) -> str:
    """Reference -> XON of the organisation."""
    return xon_of(organisation(reference, entries))


def xon_of(resource: Json) -> str:
    """Organization -> XON: name, whose number it is, its type, and the number (XON-10)."""
    number = _first(resource)
    value = canonical(text(number.get("system")), text(number.get("value")))
    name = string(resource.get("name"))
    if not (name or value.value):
        return ""
    kind = identifier_type(number)
    return _bounded(name, "", "", "", "", authority(number, value.system), kind, "", "", escape(value.value))


def coded_organisation(reference: Any, entries: Entries) -> str:
    """Reference to an Organization -> CE: its number and its name."""
    found = organisation(reference, entries)
    number = _first(found)
    return _bounded(string(number.get("value")), string(found.get("name")), escape(coding_system(text(number.get("system")))))


def name_of(reference: Any, entries: Entries) -> str:
    """What an organisation is called, else its number."""
    found = organisation(reference, entries)
    return string(found.get("name")) or string(_first(found).get("value"))


def ndl(reference: Any, entries: Entries) -> str:
    """Reference to a PractitionerRole or Practitioner -> NDL: who, from when, to when, where."""
    parts = (xcn(reference, entries).split(COMPONENT) + [""] * 9)[:9]
    if not any(parts):
        return ""
    names = [p.partition(SUBCOMPONENT)[0] for p in parts[:7]]
    who = subcomponents(*names, "", *parts[8].split(SUBCOMPONENT))
    target = entries.target(reference)
    period, places = obj(target.get("period")), objects(target.get("location"))
    place = ((pl(places[0], entries) if places else "").split(COMPONENT) + [""] * 8)[:8]
    return components(who, dtm(text(period.get("start"))), dtm(text(period.get("end"))), *place[:4], "", "", *place[6:])


def pl(reference: Any, entries: Entries) -> str:
    """Reference to a Location -> PL: the names from the bed outwards, each at the place of its physical type."""
    parts: dict[int, str] = {}
    innermost = place = entries.target(reference)
    for _ in range(_LEVELS_MAX):
        kinds = [text(c.get("code")) for c in objects(obj(place.get("physicalType")).get("coding"))]
        level = _LEVELS.get(kinds[0] if kinds else "", _POINT_OF_CARE)
        parts.setdefault(level, _place_name(place, level))
        if not place.get("partOf"):
            break
        place = entries.target(place["partOf"])
    if not any(parts.values()):
        parts = {_POINT_OF_CARE: string(obj(reference).get("display")) or string(obj(obj(reference).get("identifier")).get("value"))}
    if any(parts.values()):
        parts[9] = string(innermost.get("description"))
    return _bounded(*(parts.get(n, "") for n in range(1, 10)))


def _bounded(*parts: str) -> str:
    made = components(*parts)
    if len(made) > _TEXT_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "Bundle.entry")
    return made


def _place_name(place: Json, level: int) -> str:
    """What a place is called; a facility, which is an HD, with its universal id."""
    name = string(place.get("name")) or string(_first(place).get("value"))
    return name if level != _FACILITY else subcomponents(name, *hd_of(place).split(COMPONENT)[1:])
