"""When and how often: TQ1 of a ServiceRequest's timing, and of each dosage of a MedicationRequest."""

from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.rows import Maker, Rows, fields, one
from hub.adapters.fhir.er7.text import COMPONENT, components, escape, inner, repetitions, segment, subcomponents
from hub.adapters.fhir.times import tm

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # 0527 DW: the week begins with Monday
_MINUTES: Final = "min"
_LENGTHS: Final = {"s": "S", "min": "M", "h": "H", "d": "D", "wk": "W", "mo": "L"}  # of TQ-3


def _repeat(plan: Json) -> Json:
    return obj(obj(plan.get("timing")).get("repeat"))


def _pattern(plan: Json, _entries: Entries) -> str:
    """TQ1-3 (RPT): the pattern by its name, on which days, every so many of a unit, and at which event of the day."""
    repeat = _repeat(plan)
    name = inner(datatypes.cwe(obj(plan.get("timing")).get("code"), "0335"))
    days = [_DAYS.index(d) + 1 for d in datatypes.texts(repeat.get("dayOfWeek")) if d in _DAYS]
    aligned = ("DW", str(min(days)), str(max(days)) if len(days) > 1 else "") if days else ("", "", "")
    period, unit = datatypes.number(repeat.get("period")), datatypes.string(repeat.get("periodUnit"))
    when = datatypes.texts(repeat.get("when"))
    offset = datatypes.number(repeat.get("offset")) if when else ""
    return components(name, *aligned, period, unit if period else "", "", escape("".join(when[:1])), offset, _MINUTES if offset else "")


def _hours(plan: Json, _entries: Entries) -> str:
    return repetitions(tm(hour) for hour in datatypes.texts(_repeat(plan).get("timeOfDay")))


def _lasts(plan: Json, _entries: Entries) -> str:
    """TQ1-13: how long each time."""
    repeat = _repeat(plan)
    amount, unit = datatypes.number(repeat.get("duration")), datatypes.string(repeat.get("durationUnit"))
    return components(amount, unit) if amount else ""


def _count(plan: Json, _entries: Entries) -> str:
    repeat = _repeat(plan)
    return datatypes.number(repeat.get("count")) or datatypes.number(repeat.get("countMax"))


def _bounds(end: str) -> Maker:
    return lambda plan, _entries: datatypes.moment(obj(_repeat(plan).get("boundsPeriod")).get(end))


def _priority(plan: Json, _entries: Entries) -> str:
    code = codes.PRIORITY.get(text(plan.get("priority")), "")
    return components(code, codes.PRIORITY_NAMES[code], "HL70485") if code else ""


TQ1: Final[Rows] = (  # over {timing, quantity, priority, condition, text}
    (2, one("quantity", datatypes.cq)),
    (3, _pattern),
    (4, _hours),
    (6, lambda plan, _entries: datatypes.cq(_repeat(plan).get("boundsDuration"))),
    (7, _bounds("start")),
    (8, _bounds("end")),
    (9, _priority),
    (10, one("condition", datatypes.string)),
    (11, one("text", datatypes.string)),
    (13, _lasts),
    (14, _count),
)


def tq1(request: Json, entries: Entries) -> list[str]:
    """TQ1 of a request, where it says when or how urgently; one for each dosage."""
    made = [known for plan in _plans(request) if any((known := fields(TQ1, plan, entries)).values())]
    return [segment("TQ1", {1: str(n)} | known) for n, known in enumerate(made, 1)]


def tq(request: Json) -> str:
    """The first plan of a request as TQ, for structures that have no TQ1 (ORC-7 of ORM)."""
    plan = _plans(request)[0]
    repeat = _repeat(plan)
    name = escape(datatypes.code(obj(plan.get("timing")).get("code"), "0335"))
    hours = ",".join(tm(hour) for hour in datatypes.texts(repeat.get("timeOfDay")))
    length, unit = datatypes.quantity(repeat.get("boundsDuration"))
    letter = _LENGTHS.get(unit.partition(COMPONENT)[0], "")
    ends = (datatypes.moment(obj(repeat.get("boundsPeriod")).get(end)) for end in ("start", "end"))
    said = (datatypes.string(plan.get(key)) for key in ("condition", "text"))
    amount, measured = datatypes.quantity(plan.get("quantity"))
    much = subcomponents(amount, measured.partition(COMPONENT)[0] if amount else "")
    urgency = codes.PRIORITY.get(text(plan.get("priority")), "")
    lasts = f"{letter}{length}" if letter else ""
    return components(much, subcomponents(name, hours), lasts, *ends, urgency, *said, "", "", "", _count(plan, Entries({})))


def _plans(request: Json) -> list[Json]:
    return [_of_dosage(d, request) for d in objects(request.get("dosageInstruction"))] or [_of_request(request)]


def _of_request(request: Json) -> Json:
    condition = datatypes.shown(request.get("asNeededCodeableConcept"))
    return {"timing": request.get("occurrenceTiming"), "quantity": request.get("quantityQuantity"), "priority": request.get("priority"),
            "condition": condition}  # fmt: skip


def _of_dosage(dosage: Json, request: Json) -> Json:
    amounts: list[Any] = [d.get("doseQuantity") for d in objects(dosage.get("doseAndRate"))]
    condition = datatypes.shown(dosage.get("asNeededCodeableConcept"))
    return {"timing": dosage.get("timing"), "quantity": amounts[0] if amounts else None, "priority": request.get("priority"),
            "condition": condition, "text": dosage.get("text")}  # fmt: skip
