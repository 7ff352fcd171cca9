"""Immunizations: VXU^V04. Each Immunization is an ORC, an RXA and its RXR."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, order
from hub.adapters.fhir.er7.actors import organisation, pl, xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.observation import NOT_SAID, Results, numbered
from hub.adapters.fhir.er7.patient import nk1, pd1, pid
from hub.adapters.fhir.er7.rows import Maker, Rows, coded, fields, many, one
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_OBSERVATIONS: Final = "RE"  # ORC-1 of a vaccine that was given (0119)
_UNKNOWN_AMOUNT: Final = "999"  # RXA-6 is required; 999 is "not known" (2.5.1, 4.14.7.6)
_ORDERS: Final = "OP"  # immunization-function (0443): ordering and administering provider
_GIVES: Final = "AP"
_ACTION: Final = {"entered-in-error": "D"}  # 0323


def _performers(*functions: str) -> Maker:
    def maker(immunization: Json, entries: Entries) -> str:
        found = []
        for performer in objects(immunization.get("performer")):
            given = {text(c.get("code")) for c in datatypes.codings(performer.get("function"))}
            if given & set(functions) or (not given and _GIVES in functions):
                found.append(xcn(performer.get("actor"), entries))
        return repetitions(dict.fromkeys(found))

    return maker


def _manufacturer(immunization: Json, entries: Entries) -> str:
    """RXA-17: the manufacturer's number and name."""
    found = organisation(immunization.get("manufacturer"), entries)
    number = next((i for i in objects(found.get("identifier")) if text(i.get("value"))), {})
    system = escape(codes.coding_system(text(number.get("system"))))
    return components(datatypes.string(number.get("value")), datatypes.string(found.get("name")), system)


def _place(immunization: Json, entries: Entries) -> str:
    """RXA-11 (LA2): where it was given."""
    return pl(immunization.get("location"), entries)


def _completion(immunization: Json, _entries: Entries) -> str:
    """RXA-20 (0322): not given because it was refused, if that is the reason."""
    reasons = {text(c.get("code")) for c in datatypes.codings(immunization.get("statusReason"))}
    status = text(immunization.get("status"))
    return "RE" if status == "not-done" and reasons & {"PATOBJ", "RELIG", "PHILISOP"} else codes.COMPLETION.get(status, "")


RXA: Final[Rows] = (
    (3, one("occurrenceDateTime", datatypes.moment)),
    (5, one("vaccineCode", datatypes.ce)),
    (6, one("doseQuantity", lambda q: datatypes.quantity(q)[0])),
    (7, one("doseQuantity", lambda q: datatypes.quantity(q)[1])),
    (9, many("note", lambda n: components("", escape(text(obj(n).get("text")))))),
    (10, _performers(_GIVES)),
    (11, _place),
    (15, one("lotNumber", datatypes.string)),
    (16, one("expirationDate", datatypes.moment)),
    (17, _manufacturer),
    (18, one("statusReason", datatypes.ce)),
    (19, many("reasonCode", datatypes.ce)),
    (20, _completion),
    (21, coded("status", _ACTION)),
    (22, one("recorded", datatypes.moment)),
)
RXR: Final[Rows] = (
    (1, one("route", datatypes.ce)),
    (2, one("site", datatypes.cwe)),
)
_ORC: Final[Rows] = (
    (2, order.placer),
    (3, order.filler),
    (9, one("recorded", datatypes.moment)),
    (12, _performers(_ORDERS)),
)


def segments(copy: Copy, _trigger: Trigger) -> Iterator[str]:
    """PID to PV2, then each immunization. Raises Rejected(NO_TRANSLATION) when there is none."""
    found = copy.focus("Immunization")
    if not found:
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    yield from (pid(copy), *pd1(copy), *nk1(copy), *pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()))
    results = Results(copy.entries)
    for immunization in found:
        yield from _given(immunization, results)


def _given(immunization: Json, results: Results) -> Iterator[str]:
    entries = results.entries
    yield segment("ORC", fields(_ORC, immunization, entries) | {1: _OBSERVATIONS})
    made = fields(RXA, immunization, entries)
    amount = made[6] or _UNKNOWN_AMOUNT
    yield segment("RXA", made | {1: "0", 2: "1", 4: made[3], 5: made[5] or NOT_SAID, 6: amount})
    route = fields(RXR, immunization, entries)
    if route[1]:
        yield segment("RXR", route)
    seen = [entries.target(obj(r).get("detail")) for r in objects(immunization.get("reaction"))]
    yield from numbered([line for o in seen if o.get("resourceType") == "Observation" for line in results.of(o)])
