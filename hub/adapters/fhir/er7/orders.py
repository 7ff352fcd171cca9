"""Orders: ORM^O01, OML^O21 and OMG^O19. Each ServiceRequest is an ORC and an OBR with what belongs to it."""

from collections.abc import Iterable, Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, objects, text
from hub.adapters.fhir.er7 import codes, medicine, order, oru
from hub.adapters.fhir.er7.clinical import al1, dg1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.insurance import in1
from hub.adapters.fhir.er7.kin import nk1
from hub.adapters.fhir.er7.negation import is_order
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, notes, numbered
from hub.adapters.fhir.er7.patient import pd1, pid
from hub.adapters.fhir.er7.rows import fields
from hub.adapters.fhir.er7.schedule import tq, tq1
from hub.adapters.fhir.er7.specimen import OBR as SPECIMEN
from hub.adapters.fhir.er7.specimen import specimens_of, spm
from hub.adapters.fhir.er7.text import segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_GENERAL: Final = "ORM"  # has neither NK1, TQ1 nor SPM; orders medicines, too
_MEDICINE: Final = "MedicationRequest"


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """PID to AL1, then each order. Raises Rejected(NO_TRANSLATION) when there is none, or one that asks for nothing yet."""
    is_general = trigger.type == _GENERAL
    requests = copy.focus("ServiceRequest", *([_MEDICINE] if is_general else []))
    if not requests or not all(map(is_order, requests)):
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    yield from (pid(copy), *pd1(copy), *(() if is_general else nk1(copy)))
    yield from (*pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()), *in1(copy), *al1(copy))
    results = Results(copy.entries)
    reasons = _reasons(requests, copy.entries)
    for number, request in enumerate(requests, 1):
        is_medicine = request.get("resourceType") == _MEDICINE
        yield from _medicine(request, results) if is_medicine else _order(request, number, results, is_general=is_general)
        yield from dg1(copy, [c for c in copy.entries.of("Condition") if reasons.get(id(c), 1) == number])
        taken = [] if is_general else specimens_of(request, copy.entries)
        earlier = [] if is_general else _earlier(request, results)
        seen = [(spm([s], copy.entries, n), numbered(results.of_specimens([s]))) for n, s in enumerate(taken, 1)]
        yield from numbered(_observed(request, results, is_last=number == len(requests)))
        yield from (line for specimen, observed in seen for line in (*specimen, *observed))
        yield from (pid(copy), *earlier) if earlier else ()


def _reasons(requests: Iterable[Json], entries: Entries) -> dict[int, int]:
    """Which order a Condition is the reason of; the others stand with the first."""
    found = [(id(entries.target(r)), n) for n, request in enumerate(requests, 1) for r in objects(request.get("reasonReference"))]
    return dict(reversed(found))


def common(request: Json, number: int, results: Results) -> Iterator[str]:
    """ORC, TQ1, OBR and NTE of an order that stands before something else (MDM)."""
    yield from _order(request, number, results, is_general=False)


def _order(request: Json, number: int, results: Results, *, is_general: bool) -> Iterator[str]:
    entries = results.entries
    yield order.orc(request, entries, timing=tq(request) if is_general else "")
    if not is_general:
        yield from tq1(request, entries)
    made = fields(order.OBR, request, entries)
    taken = specimens_of(request, entries)
    made |= fields(SPECIMEN, taken[0], entries) if len(taken) == 1 else {}
    urgency = {5: codes.PRIORITY.get(text(request.get("priority")), "")} if is_general else {}
    yield segment("OBR", made | urgency | {1: str(number), 4: made[4] or NOT_SAID})
    yield from notes(request)


def _medicine(request: Json, results: Results) -> Iterator[str]:
    """ORC, RXO and NTE."""
    yield order.orc(request, results.entries, timing=tq(request))
    yield medicine.rxo(request, results.entries)
    yield from notes(request)


def _earlier(request: Json, results: Results) -> list[str]:
    """PRIOR_RESULT: reports that come with the order. PID sets them off from it, and without ORC nobody can take them for orders."""
    entries, out = results.entries, []
    targets = [entries.target(r) for r in objects(request.get("supportingInfo"))]
    for number, report in enumerate((r for r in targets if r.get("resourceType") == "DiagnosticReport"), 1):
        asked = oru.asked_for(report, entries)
        found = oru.found(report, results)
        out += [oru.obr(report, asked, number, (), entries), *notes(asked), *found] if found else []
    return out


def _observed(request: Json, results: Results, *, is_last: bool) -> list[str]:
    """What the order rests on; what else the message says was seen stands with the last."""
    targets = [results.entries.target(r) for r in objects(request.get("supportingInfo"))]
    told = [line for o in targets if o.get("resourceType") == "Observation" for line in results.of(o)]
    return told + (results.alone() if is_last else [])
