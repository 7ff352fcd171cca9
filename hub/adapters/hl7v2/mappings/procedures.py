"""Procedures: PR1."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, datatypes
from hub.adapters.hl7v2.mappings.datatypes import Json, coding_of, put, table_concept
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply

_SNOMED: Final = "http://snomed.info/sct"
_DELETED: Final = "D"  # 0206
_MINUTES_MAX: Final = 100_000
_procedure: Final = datatypes.concept("")


def _performs(code: str, shown: str) -> Callable[[Json], Json]:
    function = {"coding": [coding_of(_SNOMED, code, shown)]}
    return lambda reference: {"function": function, "actor": reference}


PR1: Final[Rows] = (
    Row(3, "code", _procedure),
    Row(6, "category", table_concept("0230")),
    Link(8, "performer", actors.xcn, _performs("88189002", "Anesthesiologist")),
    Link(11, "performer", actors.xcn, _performs("304292004", "Surgeon")),
    Link(12, "performer", actors.xcn, lambda reference: {"actor": reference}),
    Row(15, "reasonCode", datatypes.concept(""), many=True),
    Row(19, "identifier", datatypes.ei, many=True),
)


def procedure(draft: Draft, pr1: Segment, about: Json, place: str) -> Json:
    """Add the Procedure of a PR1; gives the Reference, ``{}`` when the segment names no procedure."""
    t = draft.text
    made = apply(PR1, pr1, {"resourceType": "Procedure", "status": "unknown"} | about, draft, place)
    concept, text = made.get("code", {}), t.leaf(pr1.field(4))
    modifiers = [c for raw in t.repetitions(pr1.field(16)) for c in _procedure(raw, t).get("coding", ())] if pr1.field(16) else []
    if modifiers:  # "71045:26": the code as it was modified, beside the code itself
        first = concept.get("coding", [{}])[0]
        joined = {**first, "code": ":".join([first.get("code", ""), *(m["code"] for m in modifiers)])}
        joined.pop("display", None)
        concept = {**concept, "coding": [*concept.get("coding", ()), joined]}
    if text and not t.part(t.parts(pr1.field(3)), 9):
        concept = {**concept, "text": text}
    if not concept:
        return {}
    made["code"] = concept
    made |= _when(pr1, draft)
    if datatypes.leaf(pr1.field(20), t) == _DELETED:
        made["status"] = "entered-in-error"
    if pr1.field(23):
        put(made, "location", actors.location(draft, pr1.field(23), f"{place}-23"))
    parents = [{"type": "Procedure", "identifier": number} for raw in t.repetitions(pr1.field(25)) if (number := datatypes.ei(raw, t))]
    put(made, "partOf", parents if pr1.field(25) else [])
    return draft.add(place, made)


def _when(pr1: Segment, draft: Draft) -> Json:
    """PR1-5, and with the minutes of PR1-7 from when to when."""
    start = datatypes.moment(pr1.field(5), draft.text)
    if not start:
        return {}
    minutes = datatypes.positive(draft.text.leaf(pr1.field(7)))
    if not minutes or minutes > _MINUTES_MAX or len(start) <= 10:
        return {"performedDateTime": start}
    end = datetime.fromisoformat(start) + timedelta(minutes=minutes)
    return {"performedPeriod": {"start": start, "end": end.isoformat()}}
