"""HL7 v2 data types as FHIR R4 data types: one function a pair, text in, plain dict out, ``{}`` when there is nothing to say.

Every function takes one repetition of a field as it stands in the message, and ``Text``, which knows the message's delimiters.
Source: HL7 v2-to-FHIR data type maps (XPN[HumanName], XAD[Address], XTN[ContactPoint], CX[Identifier], CWE[CodeableConcept], HD[uri] ...).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import NULL, Text
from hub.adapters.hl7v2.mappings.tables import TABLES
from hub.adapters.hl7v2.mappings.times import date_time, instant, span
from hub.identity import NO_BASIS

Json = dict[str, Any]
Made = TypeVar("Made")
EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URIS: Final = ("urn:", "http://", "https://")
_UNIVERSAL_TYPE: Final = f"{codes.TERMINOLOGY}v2-0301"
_KNOWN_MAX: Final = 1024  # texts remembered by each function ``remembered`` wraps
_LENGTH_MAX: Final = 120  # ... and how long one may be: longer ones hardly come twice


def remembered(make: Callable[[str, Text], Made]) -> Callable[[str, Text], Made]:
    """A function of coded or institutional text (codes, wards, professionals), which comes again and again: each is read once.

    What it gives is shared: never change it. Not for what is told of patients: that is not kept beyond its message.
    """
    known: dict[str, Made] = {}

    def made(raw: str, t: Text) -> Made:
        if not t.is_usual or len(raw) > _LENGTH_MAX or "\\" in raw:
            return make(raw, t)
        try:
            return known[raw]
        except KeyError:
            if len(known) >= _KNOWN_MAX:
                known.clear()
            found = known[raw] = make(raw, t)
            return found

    return made


def code(text: str) -> str:
    """A FHIR code: no white space but single spaces inside."""
    return " ".join(text.split())


def uri_of(namespace: str, universal: str, kind: str) -> str:
    """HD[uri]: an OID or UUID as its URN, a URI as it is, else the namespace; no white space (R4, "uri")."""
    kind = kind.upper()
    if kind in {"ISO", ""} and _OID.fullmatch(universal):
        return "urn:oid:" + universal
    if kind in {"UUID", "GUID"} and _UUID.fullmatch(universal):
        return "urn:uuid:" + universal.lower()
    if kind in {"URI", "URL", "HTTP"} and universal.startswith(("http://", "https://", "urn:")):
        return "%20".join(universal.split())
    if kind == "DNS" and universal and not namespace:
        return "urn:dns:" + "%20".join(universal.split())
    return "%20".join((namespace or universal).split())


def hd_uri(raw: str, t: Text, separator: str = "") -> str:
    """HD[uri] of a field (components) or, with the subcomponent separator, of a component."""
    if raw.isalnum() or not raw:
        return raw
    separator = separator or t.component
    if separator not in raw:
        return uri_of(t.leaf(raw), "", "")
    first, second, third = (t.leaf(p) for p in [*raw.split(separator), "", ""][:3])
    return uri_of(first, second, third)


def authority(raw: str, t: Text, kind: str = "") -> str:
    """HD[uri] of a component that says whose identifier it is, in the systems of no-basis where it is one of Norway's.

    kind: the identifier's type; where nobody is named it is enough if it is a Norwegian one (FNR, HPR, ENH ...).
    """
    system = _authority(raw, t)[0]
    return NO_BASIS.get(system or kind, system)


def assigner(raw: str, t: Text) -> Json:
    """What the same component says beside the system, as Identifier.assigner; what it gives is shared: never change it."""
    return _authority(raw, t)[1]


def _read_authority(raw: str, t: Text) -> tuple[str, Json]:
    system = hd_uri(raw, t, t.subcomponent)
    if t.subcomponent not in raw:
        return system, {}
    return system, beside(system, *[t.leaf(p) for p in [*raw.split(t.subcomponent), "", ""][:3]])


_authority: Final = remembered(_read_authority)


def beside(system: str, namespace: str, universal: str, kind: str) -> Json:
    """An assigner by what HD says besides the system (HD[Organization]): its namespace, or a universal id of a type that makes no URI."""
    if namespace and universal and system != "%20".join(namespace.split()):
        return {"identifier": {"value": namespace}}
    if (not kind and not (namespace and universal)) or system.startswith(_URIS):
        return {}
    said: Json = {"value": universal} if universal else {}
    return {"identifier": said | ({"type": {"coding": [coding_of(_UNIVERSAL_TYPE, code(kind))]}} if kind else {})}


def extension(url: str, key: str, value: Any) -> Json:
    """A FHIR extension of core's, by the last part of its URL; ``{}`` when there is no value."""
    return {"url": EXTENSION + url, key: value} if value else {}


@lru_cache(maxsize=1024)
def alternate(table: str, value: str) -> Json:
    """What stands beside an element whose FHIR code says less than the v2 code did; what it gives is shared: never change it."""
    concept = {"coding": [coding_of(f"{codes.TERMINOLOGY}v2-{table}", value)]}
    return {"extension": [extension("alternate-codes", "valueCodeableConcept", concept)]}


_CODINGS: Final = ((0, 6), (3, 7), (9, 12))  # where each coding starts (code, display, system), and where its version stands


def cwe(raw: str, t: Text, default_system: str = "") -> Json:
    """CE, CWE, CNE, IS, ID -> CodeableConcept: up to three codings and the text (CWE-9, else the first display)."""
    parts = t.parts(raw)
    size = len(parts)
    codings = []
    for n, version in _CODINGS:
        if n < size and (value := code(parts[n])):
            coding = {"code": value}
            system = codes.coding_system(parts[n + 2]) if n + 2 < size else ""
            put(coding, "system", system or ("" if n else default_system))
            put(coding, "display", parts[n + 1] if n + 1 < size else "")
            if version < size:
                put(coding, "version", parts[version])
            codings.append(coding)
    out: Json = {"coding": codings} if codings else {}
    text = t.part(parts, 9) or t.part(parts, 2) or t.part(parts, 5)
    if text:
        out["text"] = text
    return out


def coded(name: str, default_system: str = "") -> Callable[[str, Text], Json]:
    """CWE -> CodeableConcept by a map of the guide: the first coding in FHIR's code where the map has it, else as it came.

    What the maker gives is shared: never change it.
    """
    table = TABLES[name]
    default_system = default_system or table.v2

    def make(raw: str, t: Text) -> Json:
        concept = cwe(raw, t, default_system)
        first = concept["coding"][0] if "coding" in concept else {}
        known = table.codes.get(first.get("code", "")) if first.get("system") in {table.v2, default_system} else None
        if known:
            version = {"version": first["version"]} if "version" in first and known.system == table.v2 else {}
            concept["coding"][0] = coding_of(known.system, known.code, known.display) | version
        return concept

    return remembered(make)


def concept(default_system: str) -> Callable[[str, Text], Json]:
    """CWE -> CodeableConcept, in ``default_system`` where the message names none. What the maker gives is shared: never change it."""
    return remembered(lambda raw, t: cwe(raw, t, default_system))


def table_concept(number: str) -> Callable[[str, Text], Json]:
    """CWE -> CodeableConcept of a v2 table."""
    return concept(f"{codes.TERMINOLOGY}v2-{number}")


def mapped(table: codes.Table) -> Callable[[str, Text], str]:
    """CWE, ID, IS -> code by a table; "" for a code it does not have."""
    return lambda raw, t: table.get(leaf(raw, t), "")


def coding_of(system: str, value: str, shown: str = "") -> Json:
    """A Coding."""
    return {"system": system, "code": value, "display": shown} if shown else {"system": system, "code": value}


def coding(raw: str, t: Text, default_system: str = "") -> Json:
    """CWE -> Coding: the first."""
    found = cwe(raw, t, default_system).get("coding")
    return dict(found[0]) if found else {}


def xpn(raw: str, t: Text) -> Json:
    """XPN -> HumanName. The family name is the first subcomponent (FN-1); a second given name is kept as written."""
    return name_of(t.parts(raw), t, 1, raw)


_CALLED_BY: Final = 15  # XPN


def nickname(raw: str, t: Text) -> Json:
    """XPN-15 -> HumanName: what the person is called by, beside the name it stands in; ``{}`` for nothing."""
    called = t.part(t.parts(raw), _CALLED_BY) if raw.count(t.component) >= _CALLED_BY - 1 else ""
    return {"use": "nickname", "given": [called]} if called else {}


# the parts of FN (subcomponents from the second on) that FHIR keeps beside the family name
_FAMILY: Final = ("humanname-own-prefix", "humanname-own-name", "humanname-partner-prefix", "humanname-partner-name")


def name_of(parts: list[str], t: Text, first: int, raw: str = "") -> Json:
    """The HumanName whose family name is component ``first``: 1 in XPN, 2 in XCN. ``raw``: the repetition, for what FN says besides.

    The degree is a suffix in XPN; in XCN it is a qualification of the person, and none of the name.
    """
    family, given, second, suffix, prefix, degree = [*parts[first - 1 : first + 5], "", "", "", "", "", ""][:6]
    out: Json = {}
    put(out, "family", family)
    put(out, "given", [v for v in (given, second) if v] if given or second else [])
    put(out, "prefix", [prefix] if prefix else [])
    suffixes = (suffix, degree) if first == 1 else (suffix,)
    put(out, "suffix", [v for v in suffixes if v])
    if not out:
        return out
    kind = code(t.part(parts, 7 if first == 1 else 10))
    if kind:
        put(out, "use", codes.NAME_USE.get(kind, ""))
        if kind not in codes.NAME_SAID:
            out["_use"] = alternate("0200", kind)
    if t.subcomponent in raw:
        _family(out, t.raw(raw, first), t)
    if len(parts) > 9:
        _name_more(out, parts, t, first, raw)
    return out


def _family(out: Json, raw: str, t: Text) -> None:
    own = [t.leaf(p) for p in raw.split(t.subcomponent)[1:5]]
    said = [extension(url, "valueString", value) for url, value in zip(_FAMILY, own, strict=False) if value]
    if said:
        out["_family"] = {"extension": said}


_ORDER: Final = {"F": "NL1", "G": "NL3"}  # 0444 -> name-assembly-order, to which R4 binds the extension (the guide leaves F and G)


def _name_more(out: Json, parts: list[str], t: Text, first: int, raw: str) -> None:
    """XPN-10 to 14, XCN-17 to 21: when the name holds, in which order it is read, and a last suffix."""
    at = 10 if first == 1 else 17  # period as DR, assembly order, start, end, professional suffix
    span = [t.leaf(p) for p in t.raw(raw, at).split(t.subcomponent)[:2]] if raw else []
    start, end = t.part(parts, at + 2) or t.part(span, 1), t.part(parts, at + 3) or t.part(span, 2)
    put(out, "period", period(start, end, t))
    order = _ORDER.get(t.part(parts, at + 1), "")
    if order:
        out["extension"] = [extension("humanname-assembly-order", "valueCode", order)]
    last = t.part(parts, at + 4)
    if last:
        out.setdefault("suffix", []).append(last)


def xad(raw: str, t: Text) -> Json:
    """XAD -> Address. XAD-9, the county or parish, is the district; a Norwegian municipality number stands there."""
    parts = t.parts(raw)
    out: Json = {}
    kind = t.part(parts, 7)
    put(out, "use", codes.ADDRESS_USE.get(kind, ""))
    put(out, "type", codes.ADDRESS_TYPE.get(kind, ""))
    lines = [line for line in (*_street(t.raw(raw, 1), t), t.part(parts, 2), t.part(parts, 19)) if line]
    if lines:
        out["line"] = lines
    for key, n in (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6)):
        put(out, key, t.part(parts, n))
    put(out, "district", _text(t.raw(raw, 9), t))
    if not out.keys() - {"use", "type"}:
        return {}
    if kind and kind not in codes.ADDRESS_SAID:
        out["_use"] = alternate("0190", code(kind))
    if kind == "HV":
        out["extension"] = [extension("iso21090-AD-use", "valueCode", kind)]
    if len(parts) > 9:
        _address_more(out, parts, t, raw)
    return out


def _text(raw: str, t: Text) -> str:
    """CWE -> string, the CWE a component: the original text (9), else the text (2), else the code."""
    if t.subcomponent not in raw:
        return t.leaf(raw)
    parts = [t.leaf(p) for p in raw.split(t.subcomponent)]
    return t.part(parts, 9) or t.part(parts, 2) or parts[0]


def _address_more(out: Json, parts: list[str], t: Text, raw: str) -> None:
    """XAD-10 (census tract) and XAD-12 to 14 (when the address holds)."""
    tract = t.part(parts, 10)
    if tract:
        out["extension"] = [*out.get("extension", ()), extension("iso21090-ADXP-censusTract", "valueString", tract)]
    span = [t.leaf(p) for p in t.raw(raw, 12).split(t.subcomponent)[:2]]
    put(out, "period", period(t.part(parts, 13) or t.part(span, 1), t.part(parts, 14) or t.part(span, 2), t))


def _street(raw: str, t: Text) -> list[str]:
    """SAD -> lines: the street address, and street and number where they do not only say it again."""
    if t.subcomponent not in raw:
        return [t.leaf(raw)]
    whole, *parts = [t.leaf(p) for p in raw.split(t.subcomponent)[:3]]
    return [whole] if whole and all(p in whole for p in parts) else [whole, *parts]


def xtn(raw: str, t: Text) -> Json:
    """XTN -> ContactPoint: e-mail from XTN-4 (else XTN-1), telephone from XTN-12, else put together from its parts, else XTN-1."""
    parts = t.parts(raw)
    use, equipment, email = t.part(parts, 2), t.part(parts, 3), t.part(parts, 4)
    system = codes.TELECOM_SYSTEM.get(equipment, "email" if use == "NET" else "phone")
    value = (email or parts[0]) if system == "email" else (_number(parts, t) if len(parts) > 6 else "") or parts[0]
    if not value:
        system, value = ("email", email) if email else ("", "")
    if not value:
        return {}
    out: Json = {"system": system, "value": value}
    is_mobile = equipment == "CP"
    put(out, "use", "mobile" if is_mobile else codes.TELECOM_USE.get(use, ""))
    if use and (use != "NET" if system == "email" else use != "PRN" if is_mobile else use not in codes.TELECOM_USE_SAID):
        out["_use"] = alternate("0201", code(use))
    if equipment and equipment not in codes.TELECOM_SYSTEM_SAID:
        out["_system"] = alternate("0202", code(equipment))
    if len(parts) > 4:
        _telecom_more(out, parts, t)
    return out


_TELECOM_PARTS: Final = ((5, "contactpoint-country"), (6, "contactpoint-area"), (7, "contactpoint-local"), (8, "contactpoint-extension"))


def _telecom_more(out: Json, parts: list[str], t: Text) -> None:
    """XTN-5 to 8 (the number's parts), XTN-13 and 14 (when it holds), XTN-18 (which to try first)."""
    said = [extension(url, "valueString", value) for n, url in _TELECOM_PARTS if (value := t.part(parts, n))]
    if said:
        out["extension"] = said
    put(out, "period", period(t.part(parts, 13), t.part(parts, 14), t))
    rank = positive(t.part(parts, 18))
    if rank:
        out["rank"] = rank


def _number(parts: list[str], t: Text) -> str:
    """The number as XTN-12 has it, else by its parts where area and local number are there, or nothing else is."""
    whole = t.part(parts, 12)
    country, area, local, extended = (t.part(parts, n) for n in (5, 6, 7, 8))
    if whole or not local or (parts[0] and not area):
        return whole
    country = f"+{country.removeprefix('+')}" if country else ""
    return " ".join(p for p in (country, area, local, f"X{extended}" if extended else "") if p)


def cx(raw: str, t: Text) -> Json:
    """CX -> Identifier with system (CX-4), type (CX-5, table 0203), period (CX-7, 8), assigner, and check digit (CX-2, 3)."""
    parts = t.parts(raw)
    size = len(parts)
    value = parts[0]
    if not value:
        return {}
    out: Json = {"value": value}
    if size > 3:
        kind, whose = parts[4] if size > 4 else "", t.raw(raw, 4)
        put(out, "system", authority(whose, t, kind))
        put(out, "type", identifier_type(kind))
        put(out, "assigner", assigner(whose, t) | ({"display": parts[5]} if size > 5 and parts[5] else {}))
        if size > 5:
            put(out, "period", period(t.part(parts, 7), t.part(parts, 8), t))
    if size > 1:
        put(out, "extension", check_digit(parts[1], parts[2] if size > 2 else ""))
    return out


def check_digit(digit: str, scheme: str) -> list[Json]:
    """The check digit of an identifier and how it is reckoned, as core's extensions."""
    found = (extension("identifier-checkDigit", "valueString", digit), extension("namingsystem-checkDigit", "valueString", scheme))
    return [e for e in found if e]


def ei(raw: str, t: Text, kind: str = "") -> Json:
    """EI -> Identifier; ``kind`` is its table 0203 type (PLAC, FILL)."""
    parts = t.parts(raw)
    value = t.part(parts, 1)
    if not value:
        return {}
    out: Json = {"value": value}
    space, universal, form = t.part(parts, 2), t.part(parts, 3), t.part(parts, 4)
    system = uri_of(space, universal, form)
    put(out, "system", system)
    put(out, "type", identifier_type(kind))
    put(out, "assigner", beside(system, space, universal, form))
    return out


def dln(raw: str, t: Text) -> Json:
    """DLN -> Identifier: a driver's licence, who issued it, until when."""
    parts = t.parts(raw)
    value = t.part(parts, 1)
    if not value:
        return {}
    out: Json = {"value": value, "type": identifier_type("DL")}
    put(out, "system", "%20".join(t.part(parts, 2).split()))
    put(out, "period", period("", t.part(parts, 3), t))
    return out


@lru_cache(maxsize=1024)
def identifier_type(kind: str) -> Json:
    """A table 0203 code as Identifier.type; what it gives is shared: never change it."""
    known = _IDENTIFIER_TYPES.codes.get(kind)
    return {"coding": [coding_of(_IDENTIFIER_TYPES.v2, code(kind), known.display if known else "")]} if kind else {}


_IDENTIFIER_TYPES: Final = TABLES["IdentifierType"]


def period(start: str, end: str, t: Text) -> Json:
    """Two DTM texts as a Period; either may be open."""
    return span(date_time(t.at(start)), date_time(t.at(end))) if start or end else {}


def leaf(raw: str, t: Text) -> str:
    """The first component's text: ST, ID, IS, NM and whatever is used as one."""
    return raw if raw.isalnum() else t.part(t.parts(raw), 1)


def text(raw: str, t: Text) -> str:
    """The whole repetition as text: ST, TX, FT."""
    return t.leaf(raw)


def moment(raw: str, t: Text) -> str:
    """TS, DTM -> dateTime."""
    return date_time(t.at(leaf(raw, t)))


def point(raw: str, t: Text) -> str:
    """TS, DTM -> instant."""
    return instant(t.at(leaf(raw, t)))


def placer(raw: str, t: Text) -> Json:
    """EI -> Identifier of whoever ordered."""
    return ei(raw, t, "PLAC")


def filler(raw: str, t: Text) -> Json:
    """EI -> Identifier of whoever carries the order out."""
    return ei(raw, t, "FILL")


def positive(text: str) -> int:
    """NM -> positiveInt; 0 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def flag(raw: str, t: Text) -> bool | None:
    """ID of table 0136 -> boolean."""
    return _YES_NO.get(leaf(raw, t))


_YES_NO: Final = {"Y": True, "N": False}


def is_said(raw: str) -> bool:
    """Whether a field says anything: it is neither empty nor the v2 null."""
    return bool(raw) and raw != NULL


def put(out: dict[str, Any], key: str, value: str | Json | list[Json] | list[str]) -> None:
    """Set an element, unless there is nothing to set: FHIR has no empty ones."""
    if value:
        out[key] = value
