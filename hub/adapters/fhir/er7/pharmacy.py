"""Medicines: RDE^O11 and RDE^O25 of a MedicationRequest, RDS^O13 of a MedicationDispense.

The request that a request or a dispense goes back to is what was ordered (RXO); the request itself is how the pharmacy takes it (RXE).
"""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, objects, text
from hub.adapters.fhir.er7 import medicine, order
from hub.adapters.fhir.er7.clinical import al1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.insurance import in1
from hub.adapters.fhir.er7.negation import is_order
from hub.adapters.fhir.er7.observation import Results, notes, numbered
from hub.adapters.fhir.er7.patient import pd1, pid
from hub.adapters.fhir.er7.schedule import tq1
from hub.adapters.fhir.er7.text import FIELD, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_RESOURCES: Final = {"RDE": "MedicationRequest", "RDS": "MedicationDispense"}
_REQUEST: Final = "MedicationRequest"
_ORDER: Final = "O11"
_ORDERED: Final = frozenset({"original-order", "order", "plan", "proposal"})  # intents of what a dispense goes back to that are RXO
_DISPENSED: Final = "RE"  # ORC-1 of what was handed out (0119)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """PID to AL1, then each order or dispense. Raises Rejected(NO_TRANSLATION) when there is none, or one that asks for nothing yet."""
    found = copy.focus(_RESOURCES[trigger.type])
    if not found or (trigger.event == _ORDER and not all(map(is_order, found))):
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    is_dispense = trigger.type == "RDS"
    visit = (*pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()))
    yield from (pid(copy), *pd1(copy))
    yield from (*al1(copy), *visit) if is_dispense else (*visit, *in1(copy), *al1(copy))
    results = Results(copy.entries)
    for one_of_them in found:
        yield from (_dispense if is_dispense else _prescription)(one_of_them, results)


def _prescription(request: Json, results: Results) -> Iterator[str]:
    entries = results.entries
    ordered = _behind(request, "basedOn", entries)
    yield order.orc(request, entries, behind=ordered)
    if ordered:
        yield from (*tq1(ordered, entries), medicine.rxo(ordered, entries), *_notes(ordered, request))
        yield from (*medicine.rxr(ordered, entries), *medicine.rxc(ordered, entries))
    yield from _encoded(request, ordered, entries)
    yield from _observed(request, results)


def _encoded(request: Json, ordered: Json, entries: Entries) -> Iterator[str]:
    """RXE with what belongs to it; one TQ1 and one RXR are required. When it is given is what the order does not say of that already."""
    yield medicine.rxe(request, entries)
    yield from notes(request)
    said = [_when(line) for line in tq1(ordered, entries)]
    times = tq1(request, entries)
    own = [line for line in times if _when(line) not in said] or times or [segment("TQ1", {1: "1"})]
    yield from (FIELD.join(["TQ1", str(n), *line.split(FIELD)[2:]]) for n, line in enumerate(own, 1))
    yield from (*medicine.rxr(request, entries), *medicine.rxc(request, entries))


def _dispense(dispense: Json, results: Results) -> Iterator[str]:
    entries = results.entries
    taken = _behind(dispense, "authorizingPrescription", entries)
    ordered = taken if text(taken.get("intent")) in _ORDERED else _behind(taken, "basedOn", entries)
    yield order.orc(taken or dispense, entries, _DISPENSED, behind=ordered)
    if ordered:
        yield from (*tq1(ordered, entries), medicine.rxo(ordered, entries))
    if taken and taken is not ordered:
        yield from _encoded(taken, ordered, entries)
    yield medicine.rxd(dispense, entries)
    yield from medicine.remarks(dispense)
    yield from (*medicine.rxr(dispense, entries), *medicine.rxc(dispense, entries))
    yield from _observed(dispense, results)


def _when(line: str) -> str:
    """TQ1 from the repeat pattern (TQ1-3) on."""
    return line.split(FIELD, 3)[-1]


def _behind(resource: Json, element: str, entries: Entries) -> Json:
    """The request that a resource goes back to; ``{}`` for none."""
    found = (entries.target(r) for r in objects(resource.get(element)))
    return next((r for r in found if r.get("resourceType") == _REQUEST), {})


def _notes(ordered: Json, request: Json) -> list[str]:
    """What the order says that the request made of it does not repeat."""
    repeated = objects(request.get("note"))
    return notes({"note": [n for n in objects(ordered.get("note")) if n not in repeated]})


def _observed(resource: Json, results: Results) -> Iterator[str]:
    """What was seen about a request, or about what was handed out against it."""
    entries = results.entries
    about = [id(resource), *(id(entries.target(r)) for r in objects(resource.get("authorizingPrescription")))]
    seen = [o for o in entries.of("Observation") if any(id(entries.target(r)) in about for r in objects(o.get("basedOn")))]
    yield from numbered([line for o in seen for line in results.of(o)])
