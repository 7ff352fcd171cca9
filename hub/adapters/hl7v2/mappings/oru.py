"""Results: ORU^R01. Each OBR is a DiagnosticReport, each OBX an Observation, each ORC the ServiceRequest behind the report."""

from dataclasses import dataclass, field
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.observation import NOT_SAID, note, observation
from hub.adapters.hl7v2.mappings.orm import service_request
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date_time


def _category(raw: str, t: Text) -> Json:
    return datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0074")


def _status(raw: str, t: Text) -> str:
    return codes.REPORT_STATUS.get(t.leaf(raw), "")


OBR: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(4, "code", datatypes.cwe),
    Row(22, "issued", datatypes.point),
    Row(24, "category", _category, many=True),
    Row(25, "status", _status),
)


@dataclass(slots=True)
class _Group:
    """One order's segments: its ORC, its OBR with notes, and each OBX with its notes."""

    orc: Segment | None = None
    obr: Segment | None = None
    notes: list[Segment] = field(default_factory=list)
    results: list[tuple[Segment, list[Segment]]] = field(default_factory=list)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the reports and observations of the message; gives References to the reports, or to the observations if there are none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    reports: list[Json] = []
    loose: list[Json] = []
    for n, group in enumerate(_groups(draft)):
        place = f"result[{n}]"
        if group.obr is None:
            loose += _observations(draft, group, about, place)
        else:
            reports.append(_report(draft, group, group.obr, about, place))
    return reports or loose


def _groups(draft: Draft) -> list[_Group]:
    groups = [_Group()]
    for segment in draft.content:
        last = groups[-1]
        match segment.name:
            case "ORC":
                groups.append(_Group(orc=segment))
            case "OBR" if last.obr is None and not last.results:
                last.obr = segment
            case "OBR":
                groups.append(_Group(obr=segment))
            case "OBX":
                last.results.append((segment, []))
            case "NTE" if last.results:
                last.results[-1][1].append(segment)
            case "NTE" if last.obr is not None:
                last.notes.append(segment)
            case _:
                pass
    return [g for g in groups if g.obr is not None or g.results]


def _report(draft: Draft, group: _Group, obr: Segment, about: Json, place: str) -> Json:
    made = apply(OBR, obr, {"resourceType": "DiagnosticReport"} | about, draft, place)
    made.setdefault("status", "unknown")
    made.setdefault("code", NOT_SAID)
    made |= _effective(obr, draft.text)
    if group.orc is not None or group.notes:
        order = service_request(draft, group.orc, obr, about, place)
        notes = [text for nte in group.notes if (text := note(draft, nte))]
        if notes:
            order["note"] = notes
        made["basedOn"] = [draft.add(f"{place}/order", order)]
    found = _observations(draft, group, about | _effective(obr, draft.text) | {"code": made["code"]}, place)
    if found:
        made["result"] = found
    return draft.add(place, made)


def _effective(obr: Segment, t: Text) -> Json:
    start, end = (date_time(t.part(t.parts(obr.field(n)), 1)) for n in (7, 8))
    if start and end and start != end:
        return {"effectivePeriod": {"start": start, "end": end}}
    return {"effectiveDateTime": start or end} if start or end else {}


def _observations(draft: Draft, group: _Group, about: Json, place: str) -> list[Json]:
    out = []
    for n, (obx, notes) in enumerate(group.results):
        texts = [text for nte in notes if (text := note(draft, nte))]
        out.append(observation(draft, obx, about | ({"note": texts} if texts else {}), f"{place}/OBX[{n}]"))
    return out
