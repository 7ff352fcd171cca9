"""When and how often: TQ1, and the TQ data type that it replaced, as Timing, quantity, priority and text.

Source: HL7 v2-to-FHIR TQ1[ServiceRequest], TQ1[MedicationRequest], RPT[Timing], RI[Timing], TQ[ServiceRequest]. R4's invariants win over
the maps' wording: the number of occurrences is ``count`` as well (``countMax`` may not stand alone, tim-8), an offset needs an event
(tim-9), and an hour of the clock excludes an event (tim-10).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, order_codes, quantities
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, leaf, period
from hub.adapters.hl7v2.mappings.times import date_time, span, time_of_day

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # 0527 DW: the week begins with Monday
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800}
_LENGTH: Final = re.compile(r"([SMHDWLX])(\d{1,6})")  # TQ.3: D3 = three days, X4 = four times
_LENGTH_UNITS: Final = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}
_DAY_LENGTH: Final = 10  # of a FHIR date
_INTEGER_MAX: Final = 2**31 - 1  # FHIR's


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a TQ1 (or a TQ) says; empty where it says nothing."""

    timing: Json = field(default_factory=dict)
    quantity: Json = field(default_factory=dict)
    priority: str = ""
    condition: str = ""  # under which it is given: "smerter"
    text: str = ""


def priority(raw: str, t: Text) -> str:
    """A code of table 0485 (or 0027) as a request priority."""
    return order_codes.PRIORITY.get(leaf(raw, t), "")


def time_unit(texts: list[str]) -> str:
    """The UnitsOfTime code of a unit said as CWE components: its code, else its name; "" when it is no unit of time."""
    known = (order_codes.TIME_UNITS.get(text.lower().strip("."), "") for text in texts[:2])
    return next((k for k in known if k), "")


def duration(raw: str, t: Text) -> tuple[str, str]:
    """A CQ that is a length of time: its number and UnitsOfTime code, or two empty texts."""
    digits, unit = quantities.amount(raw, t)
    return _positive(digits, unit)


def _positive(digits: str, unit: list[str]) -> tuple[str, str]:
    """R4 tim-4 and tim-5: no time is less than none."""
    value, known = quantities.number(digits), time_unit(unit)
    return (value, known) if value and known and "-" not in value else ("", "")


def length(raw: str, t: Text) -> Json:
    """A CQ as a Duration (R4 drt-1: in UCUM); ``{}`` when it is no length of time."""
    value, unit = duration(raw, t)
    return {"value": value, "unit": unit, "system": quantities.UCUM, "code": unit} if unit else {}


def minutes(digits: str, unit: list[str]) -> int | None:
    """A whole number of a unit as minutes; None when it is not."""
    value, seconds = quantities.count(digits), _SECONDS.get(time_unit(unit) or ("min" if not any(unit) else ""), 0)
    return min(value * seconds // 60, _INTEGER_MAX) if value is not None and seconds else None


def pattern_code(text: str, display: str = "", system: str = "") -> Json:
    """A repeat pattern (table 0335, unless it is of another system) as Timing.code."""
    known = order_codes.REPEATS.get(text)
    own = codes.coding_system(system) or f"{codes.TERMINOLOGY}v2-0335"
    coding = {"system": f"{codes.TERMINOLOGY}v3-GTSAbbreviation" if known else own, "code": known or " ".join(text.split())} if text else {}
    if coding and display:
        coding["display"] = display
    return ({"coding": [coding]} if coding else {"text": display}) if coding or display else {}


def of_tq1(tq1: Segment, t: Text) -> Schedule:
    """TQ1 as a Schedule."""
    fields = tq1.fields
    repeat: Json = {}
    code = _pattern(t.repetitions(tq1.field(3)), repeat, t)
    _clock(tq1.field(4), repeat, t)
    for number, write in _TQ1:
        if number < len(fields) and fields[number]:
            write(fields[number], repeat, t)
    bounds = _bounds(tq1, t)
    return Schedule(
        _timing(code, repeat | bounds),
        quantities.cq(tq1.field(2), t),
        priority(tq1.field(9), t),
        t.leaf(tq1.field(10)),
        t.leaf(tq1.field(11)),
    )


def of_tq(raw: str, t: Text) -> Schedule:
    """TQ (ORC-7, OBR-27, RXE-1 before version 2.5) as a Schedule."""
    parts = [*raw.split(t.component), *[""] * 12]
    pattern, _, hours = parts[1].partition(t.subcomponent)
    repeat: Json = {}
    times = [time for h in t.leaf(hours).split(",") if (time := time_of_day(h))]
    if times:
        repeat["timeOfDay"] = times
    bounds = period(t.leaf(parts[3]), t.leaf(parts[4]), t)
    found = _LENGTH.fullmatch(t.leaf(parts[2]))
    if bounds:
        repeat["boundsPeriod"] = bounds
    elif found and found[1] != "X":
        unit = _LENGTH_UNITS[found[1]]
        repeat["boundsDuration"] = {"value": int(found[2]), "unit": unit, "system": quantities.UCUM, "code": unit}
    times_in_all = quantities.count(t.leaf(parts[11])) or (int(found[2]) if found and found[1] == "X" else 0)
    if times_in_all:
        repeat["count"] = times_in_all
    return Schedule(
        _timing(pattern_code(t.leaf(pattern)), repeat),
        quantities.cq(parts[0].replace(t.subcomponent, t.component, 1), t),
        order_codes.PRIORITY.get(t.leaf(parts[5]), ""),
        t.leaf(parts[6]),
        t.leaf(parts[7]),
    )


def _timing(code: Json, repeat: Json) -> Json:
    return ({"repeat": repeat} if repeat else {}) | ({"code": code} if code else {})


def _pattern(raws: list[str], repeat: Json, t: Text) -> Json:
    """RPT[Timing] of the first pattern."""
    if not raws:
        return {}
    parts = [*raws[0].split(t.component), *[""] * 10]
    code, display, system = [*(t.leaf(p) for p in parts[0].split(t.subcomponent)), "", ""][:3]
    if t.leaf(parts[1]) == "DW":
        first, last = (quantities.count(t.leaf(p)) or 0 for p in parts[2:4])
        days = list(_DAYS[max(first, 1) - 1 : max(first, last)])
        if days:
            repeat["dayOfWeek"] = days
    every, unit = _positive(t.leaf(parts[4]), [t.leaf(p) for p in parts[5].split(t.subcomponent)])
    if unit:
        repeat |= {"period": every, "periodUnit": unit}
    event = t.leaf(parts[7])
    if event in order_codes.MEALS:
        repeat["when"] = [event]
        _place(minutes(t.leaf(parts[8]), [t.leaf(p) for p in parts[9].split(t.subcomponent)]), repeat)
    return pattern_code(code, display, system)


def _clock(raw: str, repeat: Json, t: Text) -> None:
    times = [time for one in t.repetitions(raw) if (time := time_of_day(t.leaf(one)))] if raw else []
    if times:
        repeat["timeOfDay"] = times
        repeat.pop("when", None)  # tim-10
        repeat.pop("offset", None)


def _offset(raw: str, repeat: Json, t: Text) -> None:
    _place(minutes(*quantities.amount(raw, t)), repeat)


def _place(after: int | None, repeat: Json) -> None:
    """So many minutes before or after an event; not during a meal (R4 tim-9)."""
    if after is not None and "when" in repeat and not order_codes.DURING.issuperset(repeat["when"]):
        repeat.setdefault("offset", after)


def _lasts(raw: str, repeat: Json, t: Text) -> None:
    value, unit = duration(raw, t)
    if unit:
        repeat |= {"duration": value, "durationUnit": unit}


def _occurs(raw: str, repeat: Json, t: Text) -> None:
    """As often as that, and no oftener."""
    times = quantities.count(leaf(raw, t))
    if times:
        repeat |= {"count": times, "countMax": times}


_TQ1: Final[tuple[tuple[int, Callable[[str, Json, Text], None]], ...]] = ((5, _offset), (13, _lasts), (14, _occurs))


def _bounds(tq1: Segment, t: Text) -> Json:
    """TQ1-6, 7 and 8: a period; of the three, two say the third; the length alone is one without a beginning."""
    start, end = date_time(t.at(leaf(tq1.field(7), t))), date_time(t.at(leaf(tq1.field(8), t)))
    raw = t.repetitions(tq1.field(6))
    if raw and not (start and end):
        value, unit = duration(raw[0], t)
        if not start and not end:
            return {"boundsDuration": made} if (made := length(raw[0], t)) else {}
        seconds = _SECONDS.get(unit, 0)
        whole = quantities.count(value.removeprefix(quantities.NUMBER_MARK)) or 0
        if start and not end:
            end = shifted(start, whole * seconds)
        else:
            start = shifted(end, -whole * seconds)
    return {"boundsPeriod": span(start, end)} if start or end else {}


def shifted(moment: str, seconds: int) -> str:
    """A FHIR dateTime so much later (or earlier); "" when nothing is added, or less than its precision."""
    if not seconds or len(moment) < _DAY_LENGTH:
        return ""
    try:
        if len(moment) > _DAY_LENGTH:
            return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()
        return (date.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat() if seconds % 86_400 == 0 else ""
    except (ValueError, OverflowError):
        return ""


def dosage(schedule: Schedule, into: Json) -> Json:
    """Write a Schedule into a Dosage; gives the Dosage."""
    coded: Any = schedule.timing.get("code", {}).get("coding", [{}])[0].get("code", "")
    if schedule.timing:
        into["timing"] = schedule.timing
    if schedule.quantity:
        amount = into.setdefault("doseAndRate", [{}])[0]
        if "doseRange" not in amount:
            amount.setdefault("doseQuantity", schedule.quantity)
    if schedule.condition:
        into.setdefault("additionalInstruction", []).append({"text": schedule.condition})
    if schedule.text:
        into["text"] = "\n".join(s for s in (into.get("text"), schedule.text) if s)
    if coded.startswith("PRN"):
        into["asNeededBoolean"] = True
    return into
