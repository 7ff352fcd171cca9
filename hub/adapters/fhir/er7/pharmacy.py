"""Medicines: RDE^O11 and RDE^O25 of a MedicationRequest, RDS^O13 of a MedicationDispense."""

from collections.abc import Iterator
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, order
from hub.adapters.fhir.er7.actors import xcn
from hub.adapters.fhir.er7.clinical import al1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.observation import notes
from hub.adapters.fhir.er7.patient import pd1, pid
from hub.adapters.fhir.er7.rows import Rows, fields, many, one, refers
from hub.adapters.fhir.er7.text import escape, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.errors import Reason, Rejected

_NOT_SAID: Final = "NI^no information^NULLFL"  # of what is required: medicine, unit and route
_UNKNOWN_AMOUNT: Final = "0"  # RXE-3 is required
_ALWAYS: Final = "1"  # RXD-1, the dispense's number
_RESOURCES: Final = {"RDE": "MedicationRequest", "RDS": "MedicationDispense"}


def _medicine(resource: Json, entries: Entries) -> Json:
    """The Medication, or the code in its place as one."""
    found = entries.target(resource.get("medicationReference"))
    if found.get("resourceType") == "Medication":
        return found
    return {"code": resource.get("medicationCodeableConcept") or {"text": text(obj(resource.get("medicationReference")).get("display"))}}


def _code(resource: Json, entries: Entries) -> str:
    return datatypes.ce(_medicine(resource, entries).get("code")) or _NOT_SAID


def _form(resource: Json, entries: Entries) -> str:
    medicine = _medicine(resource, entries)
    return datatypes.ce(medicine.get("form")) or datatypes.ce(medicine.get("doseForm"))


def _dose(resource: Json) -> tuple[str, str, str]:
    """Least and greatest amount to give, and the unit."""
    doses = [d for i in objects(resource.get("dosageInstruction")) for d in objects(i.get("doseAndRate"))]
    for dose in doses:
        amount, unit = datatypes.quantity(dose.get("doseQuantity"))
        if amount:
            return amount, "", unit
        (low, unit), (high, other) = (datatypes.quantity(obj(dose.get("doseRange")).get(end)) for end in ("low", "high"))
        if low or high:
            return low or high, high, unit or other
    return "", "", ""


def _strength(part: str, n: int) -> Any:
    def maker(resource: Json, entries: Entries) -> str:
        given = objects(_medicine(resource, entries).get("ingredient"))
        return datatypes.quantity(obj(obj(given[0].get("strength")).get(part)))[n] if given else ""

    return maker


RXE: Final[Rows] = (
    (2, _code),
    (3, lambda r, _entries: _dose(r)[0] or _UNKNOWN_AMOUNT),
    (4, lambda r, _entries: _dose(r)[1]),
    (5, lambda r, _entries: _dose(r)[2] or _NOT_SAID),
    (6, _form),
    (7, one("dosageInstruction", lambda d: datatypes.ce({"text": text(obj(d).get("text"))}))),
    (9, one("substitution.allowedCodeableConcept", lambda v: datatypes.mapped(v, codes.SUBSTITUTION, "0167"))),
    (10, one("dispenseRequest.quantity", lambda q: datatypes.quantity(q)[0])),
    (11, one("dispenseRequest.quantity", lambda q: datatypes.quantity(q)[1])),
    (12, one("dispenseRequest.numberOfRepeatsAllowed", datatypes.number)),
    (13, refers("requester", xcn)),
    (25, _strength("numerator", 0)),
    (26, _strength("numerator", 1)),
    (27, one("reasonCode", datatypes.ce)),
    (28, _strength("denominator", 0)),
    (29, _strength("denominator", 1)),
)
RXR: Final[Rows] = (
    (1, one("dosageInstruction.route", datatypes.ce)),
    (2, one("dosageInstruction.site", datatypes.cwe)),
    (4, one("dosageInstruction.method", datatypes.cwe)),
    (5, one("dosageInstruction.additionalInstruction", datatypes.ce)),
)
RXD: Final[Rows] = (
    (2, _code),
    (3, one("whenHandedOver", datatypes.moment)),
    (3, one("whenPrepared", datatypes.moment)),
    (4, one("quantity", lambda q: datatypes.quantity(q)[0])),
    (4, lambda _r, _entries: _UNKNOWN_AMOUNT),
    (5, one("quantity", lambda q: datatypes.quantity(q)[1])),
    (6, _form),
    (7, order.placer),
    (7, order.filler),
    (9, many("note", lambda n: escape(text(obj(n).get("text"))))),
    (10, refers("performer.actor", xcn)),
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """PID to AL1, then each order or dispense. Raises Rejected(NO_TRANSLATION) when there is none."""
    found = copy.focus(_RESOURCES[trigger.type])
    if not found:
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    is_dispense = trigger.type == "RDS"
    visit = (*pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()))
    yield from (pid(copy), *pd1(copy), *((*al1(copy), *visit) if is_dispense else (*visit, *al1(copy))))
    for one_of_them in found:
        yield from (_dispense if is_dispense else _prescription)(copy, one_of_them)


def _prescription(copy: Copy, request: Json) -> Iterator[str]:
    entries = copy.entries
    yield order.orc(request, entries)
    yield segment("RXE", fields(RXE, request, entries))
    yield from notes(request)
    yield from order.tq1(request, entries) or [segment("TQ1", {1: "1"})]
    yield _route(request, entries)


def _route(resource: Json, entries: Entries) -> str:
    made = fields(RXR, resource, entries)
    return segment("RXR", made | {1: made[1] or _NOT_SAID})


def _dispense(copy: Copy, dispense: Json) -> Iterator[str]:
    entries = copy.entries
    behind = [entries.target(r) for r in objects(dispense.get("authorizingPrescription"))]
    yield order.orc(next((r for r in behind if r), dispense), entries, "RE")
    made = fields(RXD, dispense, entries)
    when = made[3] or datatypes.moment(copy.message.bundle.get("timestamp"))
    yield segment("RXD", made | {1: _ALWAYS, 3: when, 7: _ALWAYS if not made[7] else made[7].partition("^")[0]})
    yield _route(dispense, entries)
