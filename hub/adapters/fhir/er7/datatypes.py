"""FHIR R4 data types as HL7 v2.5.1 data types: one function a pair, any JSON in, escaped text out, "" when there is nothing to say.

The inverse of the data type maps of HL7 v2-to-FHIR (XPN[HumanName], XAD[Address], XTN[ContactPoint], CX[Identifier] ...).
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from hub.adapters.fhir.document import Json, Number, obj, objects, text
from hub.adapters.fhir.er7 import codes
from hub.adapters.fhir.er7.concepts import CONCEPTS
from hub.adapters.fhir.er7.text import COMPONENT, SUBCOMPONENT, components, escape, subcomponents
from hub.adapters.fhir.facts import municipality
from hub.adapters.fhir.times import dt, dtm
from hub.identity import canonical

_DIGITS_MAX: Final = 60
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_UNIVERSAL: Final = {  # table 0301
    "ISO": re.compile(r"urn:oid:([0-2](?:\.(?:0|[1-9]\d*))+)", re.ASCII),
    "UUID": re.compile(r"urn:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"),
}
_URI: Final = "urn:ietf:rfc:3986"
_LOCAL: Final = f"{codes.V2}0396/"  # a coding system that only the sender knows
_ORDER: Final = {"NL1": "F", "NL3": "G"}  # name-assembly-order -> 0444
_DIALS: Final = ("country", "area", "local", "extension")  # XTN-5 to 8, as extensions of ContactPoint
_OWN_NAME: Final = ("own-prefix", "own-name", "partner-prefix", "partner-name")  # FN-2 to 5, as extensions of HumanName.family


def texts(value: Any) -> list[str]:
    """The strings of a list."""
    return [found for v in value if (found := text(v))] if isinstance(value, list) else []


def extension(holder: Any, url: str) -> Json:
    """The first extension with this address, or with this name under HL7's; ``{}`` for none."""
    return next((e for e in objects(obj(holder).get("extension")) if text(e.get("url")) in (url, codes.EXTENSION + url)), {})


def string(value: Any) -> str:
    """string, markdown, uri, code -> ST, TX, FT, ID."""
    return escape(text(value))


def moment(value: Any) -> str:
    """dateTime, instant -> TS."""
    return dtm(text(value))


def born(person: Json, _entries: object) -> str:
    """The time of birth where it is told, else the day, as TS."""
    whole = extension(person.get("_birthDate"), "patient-birthTime")
    return moment(whole.get("valueDateTime")) or moment(person.get("birthDate"))


def day(value: Any) -> str:
    """date, dateTime -> DT."""
    return dt(text(value))


def number(value: Any) -> str:
    """decimal, integer -> NM: no exponent, the precision that was written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    written = value.digits if isinstance(value, Number) else str(value)
    if "e" in written.lower():
        exact = Decimal(written)
        if abs(exact.adjusted()) > _DIGITS_MAX:
            return ""
        written = f"{exact:f}"
    return written if len(written) <= _DIGITS_MAX and _NUMBER.fullmatch(written) else ""


def flag(value: Any) -> str:
    """Boolean -> ID of table 0136."""
    return {True: "Y", False: "N"}[value] if isinstance(value, bool) else ""


def hd(system: str, separator: str = SUBCOMPONENT) -> str:
    """A system as HD: OIDs and UUIDs by their type, other URIs as URI, the rest as a namespace."""
    system = system.removeprefix(_LOCAL)
    for kind, form in _UNIVERSAL.items():
        if found := form.fullmatch(system):
            return separator.join(("", found[1], kind))
    if system.startswith(("http://", "https://", "urn:")):
        return separator.join(("", escape(system), "URI"))
    return escape(system.replace("%20", " "))


def authority(identifier: Json, system: str, separator: str = SUBCOMPONENT) -> str:
    """Whose number an Identifier is, as HD: its system, and the other name that the assigner has in no system.

    That is a namespace beside a universal id; beside a namespace an id of a type that makes no system, or the system would be another.
    """
    told, other = hd(system, separator), obj(obj(identifier.get("assigner")).get("identifier"))
    name = escape(text(other.get("value"))) if "system" not in other else ""
    kind = next((text(c.get("code")) for c in codings(other.get("type"))), "") if other else ""
    if not (name or kind) or not told:
        return told
    if told.startswith(separator):
        return name + told
    if separator in told or _is_system(text(other.get("value")), kind.upper()):
        return told
    return separator.join(("" if told == name else told, name, *([escape(kind)] if kind else [])))


def _is_system(universal: str, kind: str) -> bool:
    """Whether a reader takes a universal id for the system, whatever namespace stands beside it."""
    if kind in {"URI", "URL", "HTTP"}:
        return universal.startswith(("http://", "https://", "urn:"))
    prefix = {"": "urn:oid:", "ISO": "urn:oid:", "UUID": "urn:uuid:", "GUID": "urn:uuid:"}.get(kind, "")
    return any(form.fullmatch(prefix + universal) for form in _UNIVERSAL.values())


def codings(concept: Any) -> list[Json]:
    """The codings of a CodeableConcept, or a Coding alone, that have a code or a display."""
    value = obj(concept)
    given = objects(value.get("coding")) if "coding" in value or "text" in value else [value]
    return [c for c in given if text(c.get("code")) or text(c.get("display"))]


def code(concept: Any, table: str) -> str:
    """A concept as a code of a v2 table: in the table's own system, by the guide's map, in no system, or a word of the sender's own."""
    given, known = codings(concept), CONCEPTS.get(table, {})
    mapped = (known.get((text(c.get("system")), text(c.get("code"))), "") for c in given)
    own, plain = ([text(c.get("code")) for c in given if text(c.get("system")) == system] for system in (f"{codes.V2}{table}", ""))
    local = (text(c.get("code")) for c in given if text(c.get("system")).startswith(_LOCAL))
    return next((found for found in (*own, *mapped, *plain, *local) if found), "")


def is_code(table: str) -> Callable[[Any], str]:
    """CodeableConcept or Coding -> IS, ID of a table."""
    return lambda concept: escape(code(concept, table))


def shown(concept: Any) -> str:
    """What a concept is called: the first display, else its text."""
    return next((d for c in codings(concept) if (d := text(c.get("display")))), "") or text(obj(concept).get("text"))


def ce(concept: Any, table: str = "") -> str:
    """CodeableConcept or Coding -> CE: two codings; the text where a display is missing. ``table``: in whose words, if it can be."""
    return components(*_coded(concept, table))


def ce_of(table: str) -> Callable[[Any], str]:
    """CodeableConcept or Coding -> CE in the words of a v2 table."""
    return lambda concept: ce(concept, table)


def cwe(concept: Any, table: str = "") -> str:
    """CodeableConcept or Coding -> CWE: two codings with their versions, and the text (CWE-9)."""
    given = codings(concept)[:2]
    versions = [escape(text(c.get("version"))) for c in given] + [""] * (2 - len(given))
    said = text(obj(concept).get("text"))
    told = _coded(concept, table)
    original = escape(said) if given and escape(said) not in {told[1], told[4]} else ""
    return components(*told, *versions, original)


def cwe_of(table: str) -> Callable[[Any], str]:
    """CodeableConcept or Coding -> CWE in the words of a v2 table."""
    return lambda concept: cwe(concept, table)


def _coded(concept: Any, table: str) -> list[str]:
    """The six components of a CE. A code that the guide had changed is told as the v2 code it was, under the words it came with."""
    given = codings(concept)[:2]
    said = text(obj(concept).get("text"))
    if not given:
        return ["", escape(said), "", "", "", ""]
    known = CONCEPTS.get(table, {})
    parts = []
    for n, c in enumerate(given):
        was = known.get((text(c.get("system")), text(c.get("code"))), "")
        name = (said if was and said and not n else "") or text(c.get("display"))
        system = f"HL7{table}" if was else codes.coding_system(text(c.get("system")))
        parts += [escape(was) or string(c.get("code")), escape(name), escape(system)]
    if not any(text(c.get("display")) for c in given):
        parts[1] = escape(said)
    return (parts + [""] * 3)[:6]


def original(resource: Json, element: str, table: str = "") -> str:
    """The v2 code that stands beside an element whose FHIR code says less (extension alternate-codes); ``table``: one of this table."""
    beside = resource.get(f"_{element}")
    for holder in beside if isinstance(beside, list) else [beside]:
        given = codings(extension(holder, "alternate-codes").get("valueCodeableConcept"))
        said = (text(c.get("code")) for c in given if not table or text(c.get("system")) == f"{codes.V2}{table}")
        found = next((escape(c) for c in said if c), "")
        if found:
            return found
    return ""


def cx(identifier: Any) -> str:
    """Identifier -> CX: value, check digit, authority in the system the hub knows it by, type, assigner, period."""
    given = obj(identifier)
    value = text(given.get("value"))
    if not value:
        return ""
    known = canonical(text(given.get("system")), value)
    period = obj(given.get("period"))
    check, scheme = (string(extension(given, url).get("valueString")) for url in ("identifier-checkDigit", "namingsystem-checkDigit"))
    facility = string(obj(given.get("assigner")).get("display"))
    return components(
        escape(known.value), check, scheme, authority(given, known.system), identifier_type(given), facility,
        day(period.get("start")), day(period.get("end")),
    )  # fmt: skip


def identifier_type(identifier: Json) -> str:
    """Identifier.type as a code of table 0203, where it has one."""
    return escape(code(identifier.get("type"), "0203"))


def hd_of(resource: Json) -> str:
    """An Organization, Device or Location as HD: its namespace, and the universal id that it is also known by."""
    numbers = [(text(i.get("system")), text(i.get("value"))) for i in objects(resource.get("identifier"))]
    space = next((v for system, v in numbers if system != _URI and v), "") or text(resource.get("name"))
    uri = next((v for system, v in numbers if system == _URI), "")
    universal = hd(uri, COMPONENT).split(COMPONENT) if uri else []
    return components(escape(space), *universal[1:])


def ei(identifier: Any) -> str:
    """Identifier -> EI."""
    given = obj(identifier)
    value = text(given.get("value"))
    return components(escape(value), whose_number(given)) if value else ""


def whose_number(identifier: Any) -> str:
    """Identifier -> EI-2 to 4, though it be a number nobody wrote."""
    given = obj(identifier)
    return authority(given, text(given.get("system")), COMPONENT)


def has_type(identifier: Json, *kinds: str) -> bool:
    """Whether an Identifier is of one of these types (table 0203)."""
    return any(text(c.get("code")) in kinds for c in codings(identifier.get("type")))


def fn(name: Json) -> str:
    """HumanName.family -> FN: the surname, and own and partner's surname where they are told apart."""
    parts = [string(extension(name.get("_family"), f"humanname-{part}").get("valueString")) for part in _OWN_NAME]
    return subcomponents(string(name.get("family")), *parts)


def xpn(name: Any) -> str:
    """HumanName -> XPN: all given names but the first are one; a second suffix is a degree; a name that is only text is a family name."""
    given = obj(name)
    names, suffixes, period = texts(given.get("given")), texts(given.get("suffix")), obj(given.get("period"))
    family, first, more = fn(given), *(escape(" ".join(n)) for n in (names[:1], names[1:]))
    suffix, degree, last = (escape(" ".join(part)) for part in (suffixes[:1], suffixes[1:2], suffixes[2:]))
    if not (family or first or more):
        family = string(given.get("text"))
    if not (family or first):
        return ""
    return components(
        family, first, more, suffix, escape(" ".join(texts(given.get("prefix")))), degree,
        original(given, "use", "0200") or codes.NAME_USE.get(text(given.get("use")), ""),
        "", "", "", _ORDER.get(text(extension(given, "humanname-assembly-order").get("valueCode")), ""),
        moment(period.get("start")), moment(period.get("end")), last,
    )  # fmt: skip


def xad(address: Any) -> str:
    """Address -> XAD: the first line is the street, a Norwegian municipality number the county (XAD-9)."""
    given = obj(address)
    street, *others = texts(given.get("line")) or [""]
    kind = original(given, "use", "0190") or string(extension(given, "iso21090-AD-use").get("valueCode"))
    kind = kind or codes.ADDRESS_USE.get(text(given.get("use"))) or codes.ADDRESS_TYPE.get(text(given.get("type")), "")
    period = obj(given.get("period"))
    parts = [escape(street), escape(" ".join(others)), *(string(given.get(key)) for key in ("city", "state", "postalCode", "country"))]
    county = escape(municipality({"address": [given]})) or string(given.get("district"))
    tract = string(extension(given, "iso21090-ADXP-censusTract").get("valueString"))
    if not (any(parts) or county or tract):
        parts[0] = string(given.get("text"))
    if not (any(parts) or county or tract):
        return ""
    return components(*parts, kind, "", county, tract, "", "", moment(period.get("start")), moment(period.get("end")))


def xtn(point: Any) -> str:
    """ContactPoint -> XTN: the number or address, what it is used for and what it is, and the number's parts where they are told."""
    given = obj(point)
    value, use, kind = string(given.get("value")), text(given.get("use")), text(given.get("system"))
    if not value or kind == "url" or use == "old":
        return ""
    parts = [string(extension(given, f"contactpoint-{part}").get("valueString")) for part in _DIALS]
    said, equipment = original(given, "use", "0201"), original(given, "system", "0202")
    if kind == "email":
        return components("", said or "NET", equipment or "Internet", value, *parts)
    equipment = equipment or ("CP" if use == "mobile" and kind in {"", "phone"} else codes.TELECOM_SYSTEM.get(kind, ""))
    return components(value, said or codes.TELECOM_USE.get(use, ""), equipment, "", *parts)


def quantity(value: Any) -> tuple[str, str]:
    """Quantity -> NM and the CE of its unit."""
    given = obj(value)
    known, unit = string(given.get("code")) or original(given, "unit"), string(given.get("unit"))
    system = escape(codes.coding_system(text(given.get("system"))))
    return number(given.get("value")), components(known or unit, unit if known else "", system if known else "")


def cq(value: Any) -> str:
    """Quantity -> CQ."""
    amount, unit = quantity(value)
    return components(amount, unit.replace(COMPONENT, SUBCOMPONENT)) if amount else ""


def dr(period: Any) -> str:
    """Period -> DR."""
    given = obj(period)
    return components(moment(given.get("start")), moment(given.get("end")))
