"""Observation: OBX with its notes. The value's type is OBX-2's; what cannot be read as that type is kept as text, never dropped."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, media
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date_time, time_of_day

NUMBER_MARK: Final = "\x00n"  # before a number's digits: written without quotes when the Bundle is, exactly as the sender wrote them
NOT_SAID: Final[Json] = {"coding": [{"system": f"{codes.TERMINOLOGY}v3-NullFlavor", "code": "NI"}]}
_ATTACHMENT: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value"
_NUMBER: Final = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?", re.ASCII)
_COMPARATORS: Final = frozenset({"<", "<=", ">=", ">"})
_KNOWN_INTERPRETATIONS: Final = frozenset(  # v3-ObservationInterpretation has these codes of table 0078
    {"L", "H", "LL", "HH", "N", "A", "AA", "U", "D", "B", "W", "S", "R", "I", "<", ">", "HX", "LX", "IND", "POS", "NEG", "DET", "ND", "NR"}
)  # fmt: skip
TEXT_TYPES: Final = frozenset({"ST", "TX", "FT"})
DIGITS_MAX: Final = 60


def number(text: str) -> str:
    """A v2 NM as a JSON number that keeps the sender's precision, marked for ``NUMBER_MARK``; "" when it is none."""
    found = _NUMBER.fullmatch(text) if len(text) <= DIGITS_MAX else None
    if found is None or not (found[2] or found[3] or "0" in text):
        return ""
    sign = "-" if found[1] == "-" else ""
    return f"{NUMBER_MARK}{sign}{found[2] or '0'}{'.' + found[3] if found[3] else ''}"


def _quantity(digits: str, units: Json, comparator: str = "") -> Json:
    value = number(digits)
    if not value:
        return {}
    out: Json = {"value": value} | units
    if comparator in _COMPARATORS:
        out["comparator"] = comparator
    return out


def units_of(raw: str, t: Text) -> Json:
    """OBX-6 as the unit of a Quantity: its system and code only where the system is a real one."""
    parts = t.parts(raw)
    code, display = datatypes.code(t.part(parts, 1)), t.part(parts, 2)
    if not code and not display:
        return {}
    out: Json = {"unit": display or code}
    system = codes.coding_system(t.part(parts, 3))
    if code and system and not system.startswith(f"{codes.TERMINOLOGY}v2-0396/"):
        out |= {"system": system, "code": code}
    return out


def _numeric(raw: str, t: Text, units: Json) -> Json:
    quantity = _quantity(t.leaf(raw), units)
    return {"valueQuantity": quantity} if quantity else {}


def _structured(raw: str, t: Text, units: Json) -> Json:
    parts = t.parts(raw)
    comparator, first, separator, second = (t.part(parts, n) for n in (1, 2, 3, 4))
    if comparator == "<>" or separator == "+":
        return {}
    low, high = _quantity(first, units), _quantity(second, units)
    if separator in {":", "/"} and low and high:
        return {"valueRatio": {"numerator": low, "denominator": high}}
    if separator == "-" and low and high:
        return {"valueRange": {"low": low, "high": high}}
    quantity = _quantity(first, units, comparator)
    return {"valueQuantity": quantity} if quantity and not separator and not second else {}


def _range(raw: str, t: Text, units: Json) -> Json:
    parts = t.parts(raw)
    ends = {"low": _quantity(t.part(parts, 1), units), "high": _quantity(t.part(parts, 2), units)}
    found = {k: v for k, v in ends.items() if v}
    return {"valueRange": found} if found else {}


def _coded(raw: str, t: Text, _units: Json) -> Json:
    concept = datatypes.cwe(raw, t)
    return {"valueCodeableConcept": concept} if concept else {}


def _moment(raw: str, t: Text, _units: Json) -> Json:
    value = date_time(t.part(t.parts(raw), 1))
    return {"valueDateTime": value} if value else {}


def _clock(raw: str, t: Text, _units: Json) -> Json:
    value = time_of_day(t.leaf(raw))
    return {"valueTime": value} if value else {}


def _span(raw: str, t: Text, _units: Json) -> Json:
    parts = t.parts(raw)
    value = datatypes.period(t.part(parts, 1), t.part(parts, 2))
    return {"valuePeriod": value} if value else {}


def _attached(raw: str, t: Text, _units: Json) -> Json:
    made = media.ed(raw, t)
    return {"extension": [{"url": _ATTACHMENT, "valueAttachment": made}]} if made else {}


def _pointed(raw: str, t: Text, _units: Json) -> Json:
    made = media.rp(raw, t)
    return {"extension": [{"url": _ATTACHMENT, "valueAttachment": made}]} if made else {}


_CODED: Final = dict.fromkeys(("CE", "CWE", "CF", "CNE", "IS", "ID"), _coded)
VALUES: Final[Mapping[str, Callable[[str, Text, Json], Json]]] = MappingProxyType(
    {"NM": _numeric, "SN": _structured, "NR": _range, "DT": _moment, "DTM": _moment, "TS": _moment, "TM": _clock, "DR": _span,
     "ED": _attached, "RP": _pointed, **_CODED}
)  # fmt: skip


def value(kind: str, raw: str, t: Text, units: Json) -> Json:
    """One repetition of OBX-5 as Observation.value[x]; text when its type says nothing better."""
    make = VALUES.get(kind)
    made = make(raw, t, units) if make else {}
    if made:
        return made
    text = t.leaf(raw)
    if kind in {"VR", "SN"}:
        text = ("-" if kind == "VR" else " ").join(p for p in (t.leaf(p) for p in t.parts(raw)) if p)
    return {"valueString": text} if text else {}


def _interpretation(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0078")
    for coding in concept.get("coding", ()):
        if coding["code"] in _KNOWN_INTERPRETATIONS and coding.get("system", "").endswith("v2-0078"):
            coding["system"] = codes.INTERPRETATION_SYSTEM
    return concept


def _range_text(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"text": text} if text else {}


def _device(raw: str, t: Text) -> Json:
    made = datatypes.ei(raw, t)
    return {"identifier": made} if made else {}


def _status(raw: str, t: Text) -> str:
    return codes.RESULT_STATUS.get(t.leaf(raw), "")


OBX: Final[Rows] = (
    Row(3, "code", datatypes.cwe),
    Row(7, "referenceRange", _range_text, many=True),
    Row(8, "interpretation", _interpretation, many=True),
    Row(11, "status", _status),
    Row(14, "effectiveDateTime", datatypes.moment),
    Link(16, "performer", actors.xcn),
    Row(17, "method", datatypes.cwe),
    Row(18, "device", _device),
    Row(20, "bodySite", datatypes.cwe),
    Row(21, "identifier", datatypes.ei, many=True),
    Link(23, "performer", actors.xon),
)


def observation(draft: Draft, obx: Segment, about: Json, place: str) -> Json:
    """Add the Observation of an OBX; gives the Reference. ``about`` holds subject, encounter and what the order says of all."""
    made = apply(OBX, obx, {"resourceType": "Observation"}, draft, place)
    for key, known in about.items():
        if not (key.startswith("effective") and "effectiveDateTime" in made):
            made.setdefault(key, known)
    made.setdefault("status", "unknown")
    made.setdefault("code", NOT_SAID)
    if obx.field(11) == "N":
        made["dataAbsentReason"] = {"coding": [{"system": f"{codes.TERMINOLOGY}data-absent-reason", "code": "not-asked"}]}
    made |= _values(obx, draft.text, made["code"])
    return draft.add(place, made)


def _values(obx: Segment, t: Text, code: Any) -> Json:
    kind, units = t.leaf(obx.field(2)), units_of(obx.field(6), t)
    found = [v for v in (value(kind, raw, t, units) for raw in t.repetitions(obx.field(5))) if v]
    if not found:
        return {}
    if len(found) == 1:
        return found[0]
    if all("valueString" in v for v in found):
        return {"valueString": "\n".join(v["valueString"] for v in found)}
    return {"component": [{"code": code} | v for v in found]}


def note(draft: Draft, nte: Segment) -> Json:
    """NTE-3 as an Annotation; ``{}`` when it is empty."""
    lines = [line for line in map(draft.text.leaf, draft.text.repetitions(nte.field(3))) if line]
    return {"text": "\n".join(lines)} if lines else {}
