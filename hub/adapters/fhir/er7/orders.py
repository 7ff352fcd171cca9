"""Orders: ORM^O01, OML^O21 and OMG^O19. Each ServiceRequest is an ORC and an OBR with what belongs to it."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Json, objects
from hub.adapters.fhir.er7 import order
from hub.adapters.fhir.er7.clinical import al1, dg1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, notes, numbered
from hub.adapters.fhir.er7.patient import nk1, pd1, pid
from hub.adapters.fhir.er7.rows import fields
from hub.adapters.fhir.er7.specimen import specimens_of, spm
from hub.adapters.fhir.er7.text import segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_GENERAL: Final = "ORM"  # has neither NK1, TQ1 nor SPM


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """PID to AL1, then each order. Raises Rejected(NO_TRANSLATION) when there is none."""
    requests = copy.focus("ServiceRequest")
    if not requests:
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    is_general = trigger.type == _GENERAL
    yield from (pid(copy), *pd1(copy), *(() if is_general else nk1(copy)))
    yield from (*pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()), *al1(copy))
    results = Results(copy.entries)
    for number, request in enumerate(requests, 1):
        yield from _order(request, number, results, is_general=is_general)
        yield from dg1(copy) if number == 1 else ()
        yield from numbered(_observed(request, results))
        if not is_general:
            yield from spm(specimens_of(request, copy.entries), copy.entries)


def _order(request: Json, number: int, results: Results, *, is_general: bool) -> Iterator[str]:
    entries = results.entries
    yield order.orc(request, entries)
    if not is_general:
        yield from order.tq1(request, entries)
    made = fields(order.OBR, request, entries)
    urgency = {5: fields(order.TQ1, request, entries)[9]} if is_general else {}
    yield segment("OBR", made | urgency | {1: str(number), 4: made[4] or NOT_SAID})
    yield from notes(request)


def _observed(request: Json, results: Results) -> list[str]:
    targets = [results.entries.target(r) for r in objects(request.get("supportingInfo"))]
    return [line for o in targets if o.get("resourceType") == "Observation" for line in results.of(o)]
