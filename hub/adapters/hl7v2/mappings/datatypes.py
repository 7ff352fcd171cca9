"""HL7 v2 data types as FHIR R4 data types: one function a pair, text in, plain dict out, ``{}`` when there is nothing to say.

Every function takes one repetition of a field as it stands in the message, and ``Text``, which knows the message's delimiters.
Source: HL7 v2-to-FHIR data type maps (XPN[HumanName], XAD[Address], XTN[ContactPoint], CX[Identifier], CWE[CodeableConcept], HD[uri] ...).
"""

import re
from typing import Any, Final

from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.times import date_time, instant
from hub.identity import NO_BASIS

Json = dict[str, Any]
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


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
    system = hd_uri(raw, t, t.subcomponent)
    return NO_BASIS.get(system or kind, system)


def cwe(raw: str, t: Text, default_system: str = "") -> Json:
    """CE, CWE, CNE, IS, ID -> CodeableConcept: up to three codings and the text (CWE-9, else the first display)."""
    parts = t.parts(raw)
    size = len(parts)
    codings = []
    for n in (0, 3, 9):  # where each coding starts: code, display, system
        if n < size and (value := code(parts[n])):
            coding = {"code": value}
            system = codes.coding_system(parts[n + 2]) if n + 2 < size else ""
            put(coding, "system", system or ("" if n else default_system))
            put(coding, "display", parts[n + 1] if n + 1 < size else "")
            codings.append(coding)
    out: Json = {"coding": codings} if codings else {}
    text = t.part(parts, 9) or t.part(parts, 2) or t.part(parts, 5)
    if text:
        out["text"] = text
    return out


def xpn(raw: str, t: Text) -> Json:
    """XPN -> HumanName. The family name is the first subcomponent (FN-1); a second given name is kept as written."""
    return name_of(t.parts(raw), t, 1)


def name_of(parts: list[str], t: Text, first: int) -> Json:
    """The HumanName whose family name is component ``first``: 1 in XPN, 2 in XCN."""
    family, given, second, suffix, prefix, degree = [*parts[first - 1 : first + 5], "", "", "", "", "", ""][:6]
    out: Json = {}
    use = codes.NAME_USE.get(t.part(parts, 7 if first == 1 else 10))
    if use:
        out["use"] = use
    if family:
        out["family"] = family
    if given or second:
        out["given"] = [v for v in (given, second) if v]
    if prefix:
        out["prefix"] = [prefix]
    if suffix or degree:
        out["suffix"] = [v for v in (suffix, degree) if v]
    return out if out.keys() - {"use"} else {}


def xad(raw: str, t: Text) -> Json:
    """XAD -> Address. XAD-9, the county or parish, is the district; a Norwegian municipality number stands there."""
    parts = t.parts(raw)
    out: Json = {}
    kind = t.part(parts, 7)
    put(out, "use", codes.ADDRESS_USE.get(kind, ""))
    put(out, "type", codes.ADDRESS_TYPE.get(kind, ""))
    lines = [line for line in (_street(t.raw(raw, 1), t), t.part(parts, 2), t.part(parts, 19)) if line]
    if lines:
        out["line"] = lines
    for key, n in (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6), ("district", 9)):
        put(out, key, t.part(parts, n))
    return out if out.keys() - {"use", "type"} else {}


def _street(raw: str, t: Text) -> str:
    if t.subcomponent not in raw:
        return t.leaf(raw)
    street, name, number = (t.leaf(p) for p in [*raw.split(t.subcomponent), "", ""][:3])
    return street or " ".join(p for p in (name, number) if p)


def xtn(raw: str, t: Text) -> Json:
    """XTN -> ContactPoint: e-mail from XTN-4 (else XTN-1), telephone from XTN-1, else XTN-12, else put together from its parts."""
    parts = t.parts(raw)
    use, equipment, email = t.part(parts, 2), t.part(parts, 3), t.part(parts, 4)
    system = codes.TELECOM_SYSTEM.get(equipment, "email" if use == "NET" else "phone")
    value = (email or t.part(parts, 1)) if system == "email" else t.part(parts, 1) or t.part(parts, 12) or _number(parts, t)
    if not value:
        system, value = ("email", email) if email else ("", "")
    if not value:
        return {}
    out: Json = {"system": system, "value": value}
    put(out, "use", "mobile" if equipment == "CP" else codes.TELECOM_USE.get(use, ""))
    return out


def _number(parts: list[str], t: Text) -> str:
    country, area, local, extension = (t.part(parts, n) for n in (5, 6, 7, 8))
    if not local:
        return ""
    country = f"+{country.removeprefix('+')}" if country else ""
    return " ".join(p for p in (country, area, local, f"x{extension}" if extension else "") if p)


def cx(raw: str, t: Text) -> Json:
    """CX -> Identifier with system (CX-4), type (CX-5, table 0203), period (CX-7, 8) and assigner."""
    parts = t.parts(raw)
    value = t.part(parts, 1)
    if not value:
        return {}
    out: Json = {"value": value}
    put(out, "system", authority(t.raw(raw, 4), t, t.part(parts, 5)))
    put(out, "type", identifier_type(t.part(parts, 5)))
    put(out, "period", period(t.part(parts, 7), t.part(parts, 8)))
    put(out, "assigner", {"display": name} if (name := t.part(parts, 6)) else {})
    return out


def ei(raw: str, t: Text, kind: str = "") -> Json:
    """EI -> Identifier; ``kind`` is its table 0203 type (PLAC, FILL)."""
    parts = t.parts(raw)
    value = t.part(parts, 1)
    if not value:
        return {}
    out: Json = {"value": value}
    put(out, "system", uri_of(t.part(parts, 2), t.part(parts, 3), t.part(parts, 4)))
    put(out, "type", identifier_type(kind))
    return out


def identifier_type(kind: str) -> Json:
    """A table 0203 code as Identifier.type."""
    return {"coding": [{"system": f"{codes.TERMINOLOGY}v2-0203", "code": code(kind)}]} if kind else {}


def period(start: str, end: str) -> Json:
    """Two DTM texts as a Period; either may be open."""
    out: Json = {}
    put(out, "start", date_time(start))
    put(out, "end", date_time(end))
    return out


def leaf(raw: str, t: Text) -> str:
    """The first component's text: ST, ID, IS, NM and whatever is used as one."""
    return raw if raw.isalnum() else t.part(t.parts(raw), 1)


def moment(raw: str, t: Text) -> str:
    """TS, DTM -> dateTime."""
    return date_time(leaf(raw, t))


def point(raw: str, t: Text) -> str:
    """TS, DTM -> instant."""
    return instant(leaf(raw, t))


def placer(raw: str, t: Text) -> Json:
    """EI -> Identifier of whoever ordered."""
    return ei(raw, t, "PLAC")


def filler(raw: str, t: Text) -> Json:
    """EI -> Identifier of whoever carries the order out."""
    return ei(raw, t, "FILL")


def put(out: dict[str, Any], key: str, value: str | Json) -> None:
    """Set an element, unless there is nothing to set: FHIR has no empty ones."""
    if value:
        out[key] = value
