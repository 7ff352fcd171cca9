"""People, organisations, places and things as resources of their own: XCN, XON, HD, PL, EI."""

from typing import Final, NamedTuple

from hub.adapters.bundle import written
from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import (
    Json,
    assigner,
    authority,
    check_digit,
    coded,
    ei,
    identifier_type,
    leaf,
    name_of,
    put,
    uri_of,
)
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.identity import ENH
from hub.numbers import is_organisation_number

PHYSICAL: Final = ((3, "bd"), (2, "ro"), (8, "lvl"), (1, ""), (7, "bu"), (4, "si"))  # PL component -> location-physical-type
_PHYSICAL_SYSTEM: Final = f"{codes.TERMINOLOGY}location-physical-type"
_URI: Final = "urn:ietf:rfc:3986"
_PLACES_MAX: Final = 4096
_LENGTH_MAX: Final = 200
_degree: Final = coded("DegreeLicenseCertificate")


def xcn(raw: str, t: Text) -> Json:
    """XCN -> Practitioner (identifier XCN-1 in the system XCN-9, name XCN-2 to 7, qualification XCN-7)."""
    parts = t.parts(raw)
    value, name = t.part(parts, 1), name_of(parts, t, 2, raw)
    if not value and not name:
        return {}
    out: Json = {"resourceType": "Practitioner"}
    if value:
        out["identifier"] = [_number(value, raw, parts, t)]
    elif kind := t.part(parts, 13):
        out["identifier"] = [{"type": identifier_type(kind)}]
    if name:
        out["name"] = [name]
    degree = t.part(parts, 7)
    if degree:
        out["qualification"] = [{"code": _degree(degree, t)}]
    return out


def _number(value: str, raw: str, parts: list[str], t: Text) -> Json:
    kind = t.part(parts, 13)
    identifier: Json = {"value": value}
    whose = t.raw(raw, 9)
    put(identifier, "system", authority(whose, t, kind))
    put(identifier, "type", identifier_type(kind))
    put(identifier, "assigner", assigner(whose, t))
    put(identifier, "extension", check_digit(t.part(parts, 11), t.part(parts, 12)))
    return identifier


def related(raw: str, t: Text) -> Json:
    """XCN -> RelatedPerson, without the patient; who is no professional has a degree in the name."""
    made = xcn(raw, t)
    degree = t.part(t.parts(raw), 7)
    if made.pop("qualification", None) and "name" in made:
        made["name"][0].setdefault("suffix", []).append(degree)
    return made | {"resourceType": "RelatedPerson"} if made else {}


def xon(raw: str, t: Text) -> Json:
    """XON -> Organization (identifier XON-10, else XON-3, in the system XON-6; name XON-1).

    A number without a system whose control digit holds is an organisation number.
    """
    parts = t.parts(raw)
    name, value = t.part(parts, 1), t.part(parts, 10) or t.part(parts, 3)
    if not name and not value:
        return {}
    out: Json = {"resourceType": "Organization"}
    kind, whose = t.part(parts, 7), t.raw(raw, 6)
    if value or kind or whose:
        identifier: Json = {"value": value} if value else {}
        system = authority(whose, t, kind if value else "")
        put(identifier, "system", system or (ENH if is_organisation_number(value) else ""))
        put(identifier, "type", identifier_type(kind))
        put(identifier, "assigner", assigner(whose, t))
        put(identifier, "extension", check_digit(t.part(parts, 4), t.part(parts, 5)) if value else [])
        put(out, "identifier", [identifier] if identifier else [])
    put(out, "name", name)
    return out


def reached(office: Json, addresses: list[Json], contacts: list[Json]) -> None:
    """Write where an Organization is and how it is reached; R4 knows no home of an organisation (org-2, org-3)."""
    for key, values in (("address", addresses), ("telecom", contacts)):
        put(office, key, [{k: v for k, v in value.items() if (k, v) != ("use", "home")} for value in values])


def _identifiers(first: str, second: str, third: str) -> list[Json]:
    """HD -> identifiers: its namespace, and its universal id as the URI that it is, or with its type."""
    found: list[Json] = [{"value": first}] if first else []
    if second:
        uri = uri_of("", second, third)
        is_uri = uri.startswith(("urn:", "http://", "https://"))
        kind = {"coding": [{"system": f"{codes.TERMINOLOGY}v2-0301", "code": third}]} if third else {}
        universal: Json = {"system": _URI, "value": uri} if is_uri else {"value": second}
        found.append(universal | ({"type": kind} if kind else {}))
    return found


def _three(raw: str, t: Text) -> tuple[str, str, str]:
    parts = t.parts(raw)
    return t.part(parts, 1), t.part(parts, 2), t.part(parts, 3)


def organisation(raw: str, t: Text) -> Json:
    """HD -> Organization, known by its namespace and its universal id."""
    first, second, third = _three(raw, t)
    found = _identifiers(first, second, third)
    return {"resourceType": "Organization", "identifier": found, "name": first or second} if found else {}


def device(raw: str, t: Text) -> Json:
    """HD -> Device: an application."""
    first, second, third = _three(raw, t)
    found = _identifiers(first, second, third)
    named = {"deviceName": [{"name": first, "type": "user-friendly-name"}]} if first else {}
    return {"resourceType": "Device", "identifier": found, **named} if found else {}


def instrument(raw: str, t: Text) -> Json:
    """EI, repeated -> Device: an apparatus, known by all its numbers; of a number that is empty, whose it would be."""
    found: list[Json] = []
    for one in t.repetitions(raw):
        made = ei(one, t)
        system = "" if made else uri_of(*(t.part(t.parts(one), n) for n in (2, 3, 4)))
        made = made or ({"system": system} if system else {})
        if made and made not in found:
            found.append(made)
    return {"resourceType": "Device", "identifier": found} if found else {}


def site(raw: str, t: Text) -> Json:
    """HD -> Location: a facility."""
    first, second, third = _three(raw, t)
    if not first and not second:
        return {}
    out: Json = {"resourceType": "Location", "name": first or second}
    put(out, "identifier", _identifiers("", second, third))
    return out | {"mode": "instance", "physicalType": {"coding": [{"system": _PHYSICAL_SYSTEM, "code": "si"}]}}


class _Level(NamedTuple):
    """A place in a chain of places: what it is known by, the Location, its JSON."""

    key: tuple[str, ...]
    made: Json
    text: str


def pl(raw: str, t: Text) -> list[Json]:
    """PL -> Locations from the bed outwards, each with its physical type; each is part of the next.

    PL-9 describes the innermost, and PL-10 is a number of it.
    """
    parts = t.parts(raw)
    out: list[Json] = []
    for n, kind in PHYSICAL:
        name = t.part(parts, n)
        if name:
            known = _place_identifiers(name, t.raw(raw, n), t) if t.subcomponent in raw else [{"value": name}]
            made: Json = {"resourceType": "Location", "identifier": known, "name": name, "mode": "instance"}
            if kind:
                made["physicalType"] = {"coding": [{"system": _PHYSICAL_SYSTEM, "code": kind}]}
            out.append(made)
    if len(parts) > 8:
        described, number = t.part(parts, 9), t.part(parts, 10)
        if described and not out:
            out.append({"resourceType": "Location", "name": described, "mode": "instance"})
        elif described:
            out[0]["description"] = described
        if number and out:
            out[0]["identifier"] = [*out[0].get("identifier", ()), {"value": number}]
    return out


def _place_identifiers(name: str, raw: str, t: Text) -> list[Json]:
    """A part of a PL that is an HD: its namespace and its universal id."""
    _, second, third = [*(t.leaf(p) for p in raw.split(t.subcomponent)), "", ""][:3]
    return _identifiers(name, second, third)


_PLACES: dict[str, tuple[_Level, ...]] = {}  # wards and beds read before; never changed


def location(draft: Draft, raw: str, place: str) -> Json:
    """Add the chain of Locations of a PL, the innermost first; gives the Reference to the innermost, ``{}`` when there is none."""
    return _chained(draft, _levels(raw, draft.text), place)


def chain(draft: Draft, levels: list[Json], place: str) -> Json:
    """Add Locations, each part of the next; gives the Reference to the first."""
    return _chained(draft, _as_levels(levels), place)


def _as_levels(levels: list[Json]) -> tuple[_Level, ...]:
    """Outermost first, each with the key that tells it from others of its name elsewhere."""
    found: list[_Level] = []
    key: tuple[str, ...] = ("PL",)
    for level in reversed(levels):
        key = (*key, level["name"], level["physicalType"]["coding"][0]["code"] if "physicalType" in level else "")
        found.append(_Level(key, level, written(level)))
    return tuple(found)


def _levels(raw: str, t: Text) -> tuple[_Level, ...]:
    if not t.is_usual or "\\" in raw or len(raw) > _LENGTH_MAX:
        return _as_levels(pl(raw, t))
    known = _PLACES.get(raw)
    if known is None:
        if len(_PLACES) >= _PLACES_MAX:
            _PLACES.clear()
        known = _PLACES[raw] = _as_levels(pl(raw, t))
    return known


def _chained(draft: Draft, levels: tuple[_Level, ...], place: str) -> Json:
    reference: Json = {}
    for n, level in enumerate(levels):
        known = draft.known(level.key)
        if known is None:
            made, text = level.made, level.text
            if reference:
                made = {**made, "partOf": reference}
                text = f"{text},{written({'partOf': reference})[1:]}"
            known = draft.keep(level.key, draft.add_written(f"{place}/{n}", made, level.made["name"], text))
        reference = known
    return reference


def named(raw: str, t: Text) -> Json:
    """A place known by its name alone."""
    name = leaf(raw, t)
    return {"resourceType": "Location", "name": name} if name else {}
