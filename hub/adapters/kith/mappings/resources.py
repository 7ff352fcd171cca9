"""People and organisations of MsgHead and felleskomponent1 as FHIR R4: one function a type, ``{}`` when there is nothing to say.

Systems and extensions are HL7 Norway's no-basis. A table's row is (element, key, function).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.bundle import Json
from hub.adapters.kith.message import chain, system_of
from hub.adapters.kith.times import date_time
from hub.adapters.markup import Element
from hub.adapters.volven import GENDERS, MUNICIPALITY
from hub.identity import derived_id
from hub.model import Identifier

NO_BASIS: Final = "http://hl7.no/fhir/StructureDefinition/"
_MUNICIPALITY: Final = re.compile(r"\d{4}", re.ASCII)
_TELECOM: Final[Mapping[str, str]] = MappingProxyType(
    {"tel": "phone", "callto": "phone", "fax": "fax", "mailto": "email", "http": "url", "https": "url"}
)
_TELECOM_USE: Final[Mapping[str, str]] = MappingProxyType({"HP": "home", "H": "home", "HV": "home", "WP": "work", "MC": "mobile"})  # 9061
_ADDRESS_USE: Final[Mapping[str, str]] = MappingProxyType({"H": "home", "HP": "home", "WP": "work", "TMP": "temp", "BAD": "old"})  # 3401


@dataclass(slots=True)
class Draft:
    """The entries of one message's Bundle, in order. Every id is derived from the event's id and the place in the message."""

    event_id: str
    entries: list[Json] = field(default_factory=list, repr=False)

    def add(self, place: str, resource: Json, shown: str = "") -> Json:
        """Put a resource into the Bundle; gives a Reference to it."""
        key = derived_id(self.event_id, place)
        self.entries.append({"fullUrl": f"urn:uuid:{key}", "resource": {"resourceType": resource["resourceType"], "id": key} | resource})
        return {"reference": f"urn:uuid:{key}"} | ({"display": shown} if shown else {})


def human_name(person: Element) -> Json:
    """FamilyName, GivenName, MiddleName -> HumanName: the middle name is the second given."""
    given = [name for name in (person.text("GivenName"), person.text("MiddleName")) if name]
    out: Json = {"family": family} if (family := person.text("FamilyName")) else {}
    return out | ({"given": given} if given else {})


def address(given: Element | None) -> Json:
    """Address -> Address. County is the municipality (Volven 3402), which no-basis puts beside the district."""
    if given is None:
        return {}
    lines = [line for line in (given.text("StreetAdr"), given.text("Postbox")) if line]
    county, country = given.first("County"), given.first("Country")
    number = given.value("County")
    out: Json = {"use": use} if (use := _ADDRESS_USE.get(given.value("Type"))) else {}
    out |= {"line": lines} if lines else {}
    out |= {key: text for key, name in (("city", "City"), ("postalCode", "PostalCode")) if (text := given.text(name))}
    if county is not None and number:
        out["district"] = _words(county) or number
        if _MUNICIPALITY.fullmatch(number):
            coding = {"system": f"urn:oid:{MUNICIPALITY}", "code": number}
            out["_district"] = {"extension": [{"url": f"{NO_BASIS}no-basis-municipality-code", "valueCoding": coding}]}
    if country is not None and (name := given.value("Country") or _words(country)):
        out["country"] = name
    return out if out.keys() - {"use"} else {}


def telecom(given: Element) -> Json:
    """TeleCom -> ContactPoint: the scheme of TeleAddress is the system."""
    scheme, colon, rest = given.value("TeleAddress").partition(":")
    system = _TELECOM.get(scheme.lower(), "other") if colon else "phone"
    value = rest if colon and system != "url" else given.value("TeleAddress")
    use = _TELECOM_USE.get(given.value("TypeTelecom"))
    return {"system": system, "value": value.strip()} | ({"use": use} if use else {}) if value.strip() else {}


def identifier(ident: Element) -> Json:
    """Ident -> Identifier, under its system in no-basis."""
    value, system = ident.text("Id"), system_of(ident)
    return {"value": value} | ({"system": "%20".join(system.split())} if system else {}) if value else {}


def _words(coded: Element) -> str:
    return coded.attributes.get("DN", "").strip()


def _address_list(person: Element) -> list[Json]:
    made = address(person.first("Address"))
    return [made] if made else []


def _name_list(person: Element) -> list[Json]:
    made = human_name(person)
    return [made] if made else []


def _each(name: str, make: Callable[[Element], Json]) -> Callable[[Element], list[Json]]:
    return lambda person: [made for e in person.all(name) if (made := make(e))]


# FHIR element, function of the person or unit
_PERSON: Final[tuple[tuple[str, Callable[[Element], Any]], ...]] = (
    ("name", _name_list),
    ("gender", lambda person: GENDERS.get(person.value("Sex"), "")),
    ("birthDate", lambda person: date_time(person.text("DateOfBirth"))[:10]),
    ("address", _address_list),
    ("telecom", _each("TeleCom", telecom)),
)
_UNIT: Final[tuple[tuple[str, Callable[[Element], Any]], ...]] = (
    ("identifier", _each("Ident", identifier)),
    ("name", lambda unit: unit.text("OrganisationName")),
    ("address", _address_list),
    ("telecom", _each("TeleCom", telecom)),
)


def _filled(rows: tuple[tuple[str, Callable[[Element], Any]], ...], source: Element) -> Json:
    return {key: value for key, make in rows if (value := make(source))}


def patient(given: Element, identifiers: tuple[Identifier, ...]) -> Json:
    """Patient -> Patient. The identifiers are those the gateway read."""
    ids = [{"value": i.value} | ({"system": "%20".join(i.system.split())} if i.system else {}) for i in identifiers]
    return {"resourceType": "Patient", "identifier": ids} | _filled(_PERSON, given)


def practitioner(draft: Draft, place: str, given: Element) -> Json:
    """Add a HealthcareProfessional as Practitioner; gives the Reference to it."""
    numbers = [made for e in given.all("Ident") if (made := identifier(e))]
    made = {"resourceType": "Practitioner"} | ({"identifier": numbers} if numbers else {}) | _filled(_PERSON, given)
    name = human_name(given)
    return draft.add(place, made, " ".join([*name.get("given", ()), *([name["family"]] if "family" in name else [])]))


def organisation(draft: Draft, place: str, outermost: Element | None) -> Json:
    """Add an organisation and its units, each part of the one around it; gives the Reference to the innermost, ``{}`` for none."""
    reference: Json = {}
    for n, unit in enumerate(reversed(list(chain(outermost)))):
        made: Json = {"resourceType": "Organization"} | _filled(_UNIT, unit)
        if not made.keys() & {"identifier", "name"}:
            continue
        if reference:
            made["partOf"] = reference
        reference = draft.add(f"{place}[{n}]", made, unit.text("OrganisationName"))
    return reference
