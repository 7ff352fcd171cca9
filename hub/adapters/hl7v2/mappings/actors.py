"""People, organisations and places as resources of their own: XCN, XON, PL."""

from typing import Final

from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, authority, identifier_type, name_of, put
from hub.identity import ENH
from hub.numbers import is_organisation_number

PHYSICAL: Final = ((3, "bd"), (2, "ro"), (8, "lvl"), (1, ""), (7, "bu"), (4, "si"))  # PL component -> location-physical-type


def xcn(raw: str, t: Text) -> Json:
    """XCN -> Practitioner (identifier XCN-1 in the system XCN-9, name XCN-2 to 7)."""
    parts = t.parts(raw)
    value, name = t.part(parts, 1), name_of(parts, t, 2)
    if not value and not name:
        return {}
    out: Json = {"resourceType": "Practitioner"}
    if value:
        identifier: Json = {"value": value}
        put(identifier, "system", authority(t.raw(raw, 9), t, t.part(parts, 13)))
        put(identifier, "type", identifier_type(t.part(parts, 13)))
        out["identifier"] = [identifier]
    if name:
        out["name"] = [name]
    return out


def xon(raw: str, t: Text) -> Json:
    """XON -> Organization (identifier XON-10, else XON-3, in the system XON-6; name XON-1).

    A number without a system whose control digit holds is an organisation number.
    """
    parts = t.parts(raw)
    name, value = t.part(parts, 1), t.part(parts, 10) or t.part(parts, 3)
    if not name and not value:
        return {}
    out: Json = {"resourceType": "Organization"}
    if value:
        identifier: Json = {"value": value}
        system = authority(t.raw(raw, 6), t, t.part(parts, 7))
        put(identifier, "system", system or (ENH if is_organisation_number(value) else ""))
        put(identifier, "type", identifier_type(t.part(parts, 7)))
        out["identifier"] = [identifier]
    put(out, "name", name)
    return out


def pl(raw: str, t: Text) -> list[Json]:
    """PL -> Locations from the bed outwards, each with its physical type; each is part of the next."""
    parts = t.parts(raw)
    out: list[Json] = []
    for n, kind in PHYSICAL:
        name = t.part(parts, n)
        if name:
            physical = {"coding": [{"system": f"{codes.TERMINOLOGY}location-physical-type", "code": kind}]} if kind else {}
            made: Json = {"resourceType": "Location", "name": name, "mode": "instance"}
            put(made, "physicalType", physical)
            out.append(made)
    return out
