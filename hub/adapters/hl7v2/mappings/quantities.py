"""Numbers with their units: NM, CQ and the CWE that says a unit, as decimal and Quantity."""

import re
from decimal import Decimal
from typing import Final

from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json

NUMBER_MARK: Final = "\x00n"  # before a number's digits: written without quotes when the Bundle is, exactly as the sender wrote them
UCUM: Final = "http://unitsofmeasure.org"
_NUMBER: Final = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?(?:0+,\d+|\d+,(?!\d{3}\Z)\d+)", re.ASCII)
_DIGITS_MAX: Final = 60
_COUNT_MAX: Final = 9  # digits of a FHIR integer that always fit
LENGTH_MAX: Final = 1_000_000  # minutes an appointment may last, so that no calendar runs out
_COMPARATORS: Final = frozenset({"<", "<=", ">=", ">"})


def number(text: str) -> str:
    """A v2 NM as a JSON number that keeps the sender's precision, marked for ``NUMBER_MARK``; "" when it is none.

    A comma that can be nothing else is a decimal point: not before three digits, where it may part thousands, unless a zero is before it.
    """
    text = text.replace(",", ".") if _COMMA.fullmatch(text) else text
    found = _NUMBER.fullmatch(text) if len(text) <= _DIGITS_MAX else None
    if found is None or not (found[2] or found[3] or "0" in text):
        return ""
    sign = "-" if found[1] == "-" else ""
    return f"{NUMBER_MARK}{sign}{found[2] or '0'}{'.' + found[3] if found[3] else ''}"


def count(text: str) -> int | None:
    """A v2 NM as a FHIR unsignedInt; None when it is no whole number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _COUNT_MAX else None


def quantity(digits: str, units: Json, comparator: str = "") -> Json:
    """NM[Quantity] with its unit; ``{}`` when the digits are no number."""
    value = number(digits)
    if not value:
        return {}
    out: Json = {"value": value} | units
    if comparator in _COMPARATORS:
        out["comparator"] = comparator
    return out


def is_ordered(low: Json, high: Json) -> bool:
    """Whether two Quantities are the ends of a Range (R4 rng-2)."""
    if not low or not high:
        return False
    least, most = (Decimal(q["value"].removeprefix(NUMBER_MARK)) for q in (low, high))
    return least <= most


def units_of(raw: str, t: Text) -> Json:
    """CWE[Quantity]: the unit of a Quantity; its code where the coding system is named."""
    return _units(t.parts(raw), t) if raw else {}


def _units(parts: list[str], t: Text) -> Json:
    code, display = datatypes.code(t.part(parts, 1)), t.part(parts, 2)
    if not code and not display:
        return {}
    out: Json = {"unit": display or code}
    system = codes.coding_system(t.part(parts, 3))
    if code and system:
        out |= {"system": system, "code": code}
    elif code and display and code != display:  # R4 qty-3: a code is of a system
        concept = {"coding": [{"code": code}]}
        out["_unit"] = {"extension": [datatypes.extension("alternate-codes", "valueCodeableConcept", concept)]}
    return out


def amount(raw: str, t: Text) -> tuple[str, list[str]]:
    """A CQ taken apart: its digits, and its unit's CWE components."""
    digits, _, unit = raw.partition(t.component)
    return t.leaf(digits), [t.leaf(p) for p in unit.split(t.subcomponent)]


def cq(raw: str, t: Text) -> Json:
    """CQ[Quantity]; ``{}`` when it has no number."""
    digits, unit = amount(raw, t)
    return quantity(digits, _units(unit, t))
