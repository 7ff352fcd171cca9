"""Appointments: SIU. SCH is the Appointment; the AIS, AIG, AIL and AIP resources take part in it."""

from datetime import datetime, timedelta
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.encounter import location
from hub.adapters.hl7v2.mappings.observation import note, observation
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import instant

_UNITS: Final = {  # seconds
    "": 60, "M": 60, "MIN": 60, "MINUTE": 60, "MINUTES": 60, "H": 3600, "HR": 3600, "HOUR": 3600, "HOURS": 3600, "S": 1, "SEC": 1,
}  # fmt: skip
_DIGITS_MAX: Final = 6
_TIMELESS: Final = frozenset({"proposed", "cancelled", "waitlist"})  # R4 app-3: only these may lack a time


def _status(raw: str, t: Text) -> str:
    return codes.APPOINTMENT_STATUS.get(t.part(t.parts(raw), 1).replace(" ", "").lower(), "")


def _order(raw: str, t: Text) -> Json:
    made = datatypes.ei(raw, t)
    return {"identifier": made} if made else {}


def _takes_part(reference: Json) -> Json:
    return {"actor": reference, "status": "accepted"}


SCH: Final[Rows] = (
    Row(1, "identifier", datatypes.placer, many=True),
    Row(2, "identifier", datatypes.filler, many=True),
    Row(7, "reasonCode", datatypes.cwe, many=True),
    Row(8, "appointmentType", datatypes.cwe),
    Row(25, "status", _status),
    Row(26, "basedOn", _order, many=True),
    Row(27, "basedOn", _order, many=True),
)
AIP: Final[Rows] = (Link(3, "participant", actors.xcn, _takes_part),)
AIS: Final[Rows] = (Row(3, "serviceType", datatypes.cwe, many=True),)


def resources(draft: Draft, subject: Json, _visit: Json) -> list[Json]:
    """Add the Appointment with who and what takes part; gives a Reference to it."""
    made: Json = {"resourceType": "Appointment", "participant": [_takes_part(subject)]}
    sch = draft.content.segment("SCH")
    if sch is not None:
        apply(SCH, sch, made, draft, "SCH")
    for n, segment in enumerate(draft.content):
        match segment.name:
            case "AIS":
                apply(AIS, segment, made, draft, f"AIS[{n}]")
            case "AIP":
                apply(AIP, segment, made, draft, f"AIP[{n}]")
            case "AIL" if levels := actors.pl(segment.field(3), draft.text):
                made["participant"].append(_takes_part(location(draft, levels, f"AIL[{n}]")))
            case "OBX":
                found = observation(draft, segment, {"subject": subject}, f"OBX[{n}]")
                made.setdefault("supportingInformation", []).append(found)
            case "NTE" if text := note(draft, segment).get("text"):
                made["comment"] = f"{made['comment']}\n{text}" if "comment" in made else text
            case _:
                pass
    made |= _times(draft, sch)
    made["status"] = _final_status(draft.trigger, made)
    return [draft.add("SCH", made)]


def _final_status(trigger: str, made: Json) -> str:
    said = str(made.get("status", ""))
    event = codes.APPOINTMENT_EVENT.get(trigger, "proposed")
    status = event if event in {"cancelled", "noshow"} or not said else said
    return status if "start" in made or status in _TIMELESS else "proposed"


def _times(draft: Draft, sch: Segment | None) -> Json:
    """Start, end and length; an end that nobody gives follows from the length, and is the start when that is not known either."""
    t = draft.text
    timing = t.parts(sch.field(11)) if sch is not None else []
    start, end = instant(t.part(timing, 4)), instant(t.part(timing, 5))
    tq1 = draft.content.segment("TQ1")
    if tq1 is not None:
        start, end = start or instant(t.leaf(tq1.field(7))), end or instant(t.leaf(tq1.field(8)))
    minutes = _minutes(sch, 9, 10, t)
    for name in ("AIS", "AIP", "AIL", "AIG"):
        first = draft.content.segment(name)
        if first is not None:
            at = {"AIS": 4, "AIP": 6, "AIL": 6, "AIG": 8}[name]
            start, minutes = start or instant(t.leaf(first.field(at))), minutes or _minutes(first, at + 3, at + 4, t)
    out: Json = {"minutesDuration": minutes} if minutes else {}
    if start:
        out |= {"start": start, "end": end or (datetime.fromisoformat(start) + timedelta(minutes=minutes)).isoformat()}
    return out


def _minutes(segment: Segment | None, number: int, unit: int, t: Text) -> int:
    if segment is None:
        return 0
    digits, name = t.leaf(segment.field(number)), t.part(t.parts(segment.field(unit)), 1).upper()
    if not digits.isascii() or not digits.isdigit() or len(digits) > _DIGITS_MAX:
        return 0
    return int(digits) * _UNITS.get(name, 0) // 60
