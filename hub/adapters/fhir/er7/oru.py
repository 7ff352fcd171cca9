"""Results: ORU^R01. Each DiagnosticReport is an OBR with the order behind it, each of its Observations an OBX."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, media, order
from hub.adapters.fhir.er7.actors import ndl
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.kin import nk1
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, notes, numbered
from hub.adapters.fhir.er7.patient import is_living_will, pd1, pid
from hub.adapters.fhir.er7.rows import Rows, coded, fields, one, refers, refers_once
from hub.adapters.fhir.er7.schedule import tq1
from hub.adapters.fhir.er7.specimen import OBR as SPECIMEN
from hub.adapters.fhir.er7.specimen import specimens_of, spm
from hub.adapters.fhir.er7.text import escape, lines, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2

_OBSERVATIONS: Final = "RE"  # ORC-1 (0119): observations follow
_FUNCTION: Final = "event-performerFunction"
_CONCLUSION: Final = "48767-8^Annotation comment^LN"


def _section(concept: Any) -> str:
    return escape(datatypes.code(concept, "0074"))


def _performs(*functions: str) -> Any:
    """Performers with one of these functions (v3-ParticipationType)."""

    def chosen(reference: Json) -> bool:
        given = datatypes.extension(reference, _FUNCTION).get("valueCodeableConcept")
        return any(text(c.get("code")) in functions for c in datatypes.codings(given))

    return chosen


OBR: Final[Rows] = (  # of the report; what it does not say, the order behind it may
    (2, order.placer),
    (3, order.filler),
    (4, one("code", datatypes.ce)),
    (7, one("effectiveDateTime", datatypes.moment)),
    (7, one("effectivePeriod.start", datatypes.moment)),
    (8, one("effectivePeriod.end", datatypes.moment)),
    (22, one("issued", datatypes.moment)),
    (24, one("category", _section)),
    (25, coded("status", codes.REPORT_STATUS)),
    (32, refers_once("resultsInterpreter", ndl)),
    (34, refers("performer", ndl, _performs("SPRF"))),
    (35, refers("performer", ndl, _performs("TRANS"))),
)


def segments(copy: Copy, _trigger: Trigger) -> Iterator[str]:
    """PID to PV2, then each report with its order, notes, results and specimens; observations that no report holds, each by itself.

    There is one OBR at least: results that hold nothing say that they do.
    """
    yield from (pid(copy), *pd1(copy), *nk1(copy), *pv1(copy, is_required=False), *pv2(copy))
    reports, results = copy.focus("DiagnosticReport"), Results(copy.entries)
    for number, report in enumerate(reports, 1):
        yield from _report(report, number, results)
    loose = list(_loose(copy, reports))
    loose += [] if reports or loose else [{}]
    for number, observation in enumerate(loose, len(reports) + 1):
        yield from _alone(observation, number, results)


def _loose(copy: Copy, reports: Iterable[Json]) -> Iterator[Json]:
    """The observations that stand in no report and no panel."""
    entries, every = copy.entries, [o for o in copy.entries.of("Observation") if not is_living_will(o)]
    held = {id(entries.target(r)) for report in reports for r in objects(report.get("result"))}
    held |= {id(entries.target(r)) for o in every for r in objects(o.get("hasMember"))}
    return (o for o in every if id(o) not in held)


def _report(report: Json, number: int, results: Results) -> Iterator[str]:
    entries = results.entries
    asked = asked_for(report, entries)
    taken = specimens_of(report, entries) or specimens_of(asked, entries)
    if asked:
        yield order.orc(asked, entries, _OBSERVATIONS)
    yield obr(report, asked, number, taken, entries)
    yield from notes(asked)
    if asked:
        yield from tq1(asked, entries)
    yield from found(report, results)
    yield from spm(taken, entries)


def asked_for(report: Json, entries: Entries) -> Json:
    """The order behind a report; ``{}`` for none."""
    behind = [entries.target(r) for r in objects(report.get("basedOn"))]
    return next((r for r in behind if r.get("resourceType") == "ServiceRequest"), {})


def found(report: Json, results: Results) -> list[str]:
    """OBX of a report's results, and of what it concludes."""
    entries = results.entries
    targets = {id(o): o for r in objects(report.get("result")) if (o := entries.target(r)).get("resourceType") == "Observation"}
    return numbered([*(line for o in targets.values() for line in results.of(o)), *_conclusions(report)])


def obr(report: Json, asked: Json, number: int, taken: Sequence[Json], entries: Entries) -> str:
    """OBR of the report; what it does not say, the order behind it and the one specimen it was made of may."""
    known = fields(SPECIMEN, taken[0], entries) if len(taken) == 1 else {}
    for n, said in (*(fields(order.OBR, asked, entries) if asked else {}).items(), *fields(OBR, report, entries).items()):
        known[n] = said or known.get(n, "")
    return segment("OBR", known | {1: str(number), 4: known[4] or NOT_SAID})


def _conclusions(report: Json) -> Iterator[str]:
    """What a report says beside its results: its conclusion, coded conclusions, and the report itself as a document."""
    code = datatypes.ce(report.get("code")) or NOT_SAID
    status = codes.REPORT_STATUS.get(text(report.get("status")), "F")
    done = status if status in {"F", "P", "C", "X"} else "F"
    said = lines(text(report.get("conclusion")))
    found = [("TX", said, _CONCLUSION)] if said else []
    found += [("CE", made, _CONCLUSION) for c in objects(report.get("conclusionCode")) if (made := datatypes.ce(c))]
    forms = [media.attached(a)[:2] for a in objects(report.get("presentedForm"))]
    found += [(kind, made, code) for kind, made in forms if made]
    return (segment("OBX", {2: kind, 3: what, 5: made, 11: done}) for kind, made, what in found)


def _alone(observation: Json, number: int, results: Results) -> Iterator[str]:
    """An observation without a report: its own code is what was asked for."""
    code = datatypes.ce(observation.get("code")) or NOT_SAID
    times = {7: datatypes.moment(observation.get("effectiveDateTime")), 22: datatypes.moment(observation.get("issued"))}
    status = codes.REPORT_STATUS.get(text(observation.get("status")), "")
    yield segment("OBR", {1: str(number), 4: code, 25: status} | times)
    yield from numbered(results.of(observation) if observation else [])
    yield from spm(specimens_of(observation, results.entries), results.entries)
