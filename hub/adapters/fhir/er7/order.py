"""What is asked for: ORC, OBR and TQ1 of a ServiceRequest, and ORC and TQ1 of a MedicationRequest."""

from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import organisation, person, xcn, xon
from hub.adapters.fhir.er7.rows import Maker, Rows, coded, fields, in_extension, many, one, refers
from hub.adapters.fhir.er7.text import COMPONENT, SUBCOMPONENT, components, escape, repetitions, segment

_PLACER: Final = frozenset({"PLAC"})
_FILLER: Final = frozenset({"FILL"})
_GROUPS: Final = frozenset({"PGN", "FGN"})
_EVENT: Final = f"{codes.EXTENSION}businessEvent"
_REFLEX: Final = "reflex-order"
_CALLBACK: Final = f"{codes.EXTENSION}servicerequest-order-callback-phone-number"
_SUPPORTS: Final = f"{codes.EXTENSION_R5}extension-ServiceRequest.supportingInfo"


def is_of(identifier: Json, kinds: frozenset[str]) -> bool:
    """Whether an identifier is of one of these types."""
    return datatypes.has_type(identifier, *kinds)


def placer(resource: Json, _entries: Entries) -> str:
    """The placer's number: the identifier that says it is one, else the first that says nothing."""
    given = objects(resource.get("identifier"))
    found = [i for i in given if is_of(i, _PLACER)] or [i for i in given if not datatypes.codings(i.get("type"))]
    return next((made for i in found if (made := datatypes.ei(i))), "")


def filler(resource: Json, _entries: Entries) -> str:
    """The filler's number."""
    return next((made for i in objects(resource.get("identifier")) if is_of(i, _FILLER) and (made := datatypes.ei(i))), "")


def _control(resource: Json, _entries: Entries) -> str:
    """ORC-1: the sender's own order control if it was kept, else what the status of a placed order means."""
    for event in objects(resource.get("extension")):
        if text(event.get("url")) == _EVENT:
            concept = datatypes.extension(event, "value").get("valueCodeableConcept") or event.get("valueCodeableConcept")
            code = next((text(c.get("code")) for c in datatypes.codings(concept)), "")
            if code:
                return escape(code)
    return codes.ORDER_CONTROL.get(text(resource.get("status")), "NW")


def _event_time(resource: Json, _entries: Entries) -> str:
    dates = [datatypes.extension(e, "date") for e in objects(resource.get("extension")) if text(e.get("url")) == _EVENT]
    return next((made for d in dates if (made := datatypes.moment(d.get("valueDateTime")))), "")


def _of_requester(part: str, make: Any) -> Maker:
    """What stands in an element of the organisation or the person who asks."""
    look = organisation if part == "organisation" else person
    name, convert = make

    def maker(resource: Json, entries: Entries) -> str:
        found = look(resource.get("requester"), entries)
        return repetitions(convert(v) for v in objects(found.get(name)))

    return maker


def _agent(role: str) -> Maker:
    """The agents of this type in the Provenance of the order."""

    def maker(resource: Json, entries: Entries) -> str:
        found = [a for p in entries.records(resource) for a in objects(p.get("agent"))]
        chosen = [a for a in found if any(text(c.get("code")) == role for c in datatypes.codings(a.get("type")))]
        return repetitions(dict.fromkeys(xcn(a.get("who"), entries) for a in chosen))

    return maker


ORC: Final[Rows] = (
    (1, _control),
    (2, placer),
    (3, filler),
    (4, one("requisition", datatypes.ei)),
    (4, one("groupIdentifier", datatypes.ei)),
    (5, coded("status", codes.ORDER_STATUS)),
    (9, _event_time),
    (9, one("authoredOn", datatypes.moment)),
    (10, _agent("enterer")),
    (11, _agent("verifier")),
    (12, refers("requester", xcn)),
    (14, in_extension(_CALLBACK, "valueContactPoint", datatypes.xtn)),
    (16, in_extension("request-statusReason", "valueCodeableConcept", datatypes.ce)),
    (16, one("statusReason", datatypes.ce)),
    (21, refers("requester", xon)),
    (22, _of_requester("organisation", ("address", datatypes.xad))),
    (23, _of_requester("organisation", ("telecom", datatypes.xtn))),
    (24, _of_requester("person", ("address", datatypes.xad))),
    (28, one("meta.security", datatypes.cwe)),
    (29, one("locationCode", datatypes.cwe)),
)
OBR: Final[Rows] = (
    (2, placer),
    (3, filler),
    (4, one("code", datatypes.ce)),
    (6, one("occurrenceDateTime", datatypes.moment)),
    (6, one("occurrencePeriod.start", datatypes.moment)),
    (11, lambda order, _entries: "G" if text(order.get("intent")) == _REFLEX else ""),
    (13, in_extension(_SUPPORTS, "valueCodeableReference", lambda v: escape(datatypes.shown(obj(v).get("concept"))))),
    (16, refers("requester", xcn)),
    (31, many("reasonCode", datatypes.ce)),
    (46, one("orderDetail", datatypes.ce)),
)


def _repeat(timing: Json) -> Json:
    return obj(obj(timing).get("repeat"))


def _pattern(resource: Json, _entries: Entries) -> str:
    """TQ1-3 (RPT): the pattern's code, else every so many of a unit."""
    timing = _timing(resource)
    code = datatypes.ce(timing.get("code"))
    if code:
        return code.replace(COMPONENT, SUBCOMPONENT)
    repeat = _repeat(timing)
    period, unit = datatypes.number(repeat.get("period")), datatypes.string(repeat.get("periodUnit"))
    return components("", "", "", "", period, unit) if period and unit else ""


def _timing(resource: Json) -> Json:
    doses = objects(resource.get("dosageInstruction"))
    return obj(resource.get("occurrenceTiming")) or obj(doses[0].get("timing") if doses else None)


def _in_repeat(*path: str) -> Maker:
    def maker(resource: Json, _entries: Entries) -> str:
        value: Any = _repeat(_timing(resource))
        for name in path[:-1]:
            value = obj(value).get(name)
        return datatypes.moment(obj(value).get(path[-1]))

    return maker


def _duration(resource: Json, _entries: Entries) -> str:
    repeat = _repeat(_timing(resource))
    amount, unit = datatypes.number(repeat.get("duration")), datatypes.string(repeat.get("durationUnit"))
    return components(amount, unit) if amount else datatypes.cq(repeat.get("boundsDuration"))


def _count(resource: Json, _entries: Entries) -> str:
    repeat = _repeat(_timing(resource))
    return datatypes.number(repeat.get("count")) or datatypes.number(repeat.get("countMax"))


TQ1: Final[Rows] = (
    (2, one("quantityQuantity", datatypes.cq)),
    (3, _pattern),
    (6, _duration),
    (7, _in_repeat("boundsPeriod", "start")),
    (8, _in_repeat("boundsPeriod", "end")),
    (9, coded("priority", codes.PRIORITY)),
    (11, one("dosageInstruction.text", datatypes.string)),
    (14, _count),
)


def orc(order: Json, entries: Entries, control: str = "") -> str:
    """ORC of an order; ``control`` is what ORC-1 says where the order itself does not."""
    made = fields(ORC, order, entries)
    if control and not any(text(e.get("url")) == _EVENT for e in objects(order.get("extension"))):
        made[1] = control
    return segment("ORC", made)


def tq1(order: Json, entries: Entries) -> list[str]:
    """TQ1 of an order, where it says when or how urgently."""
    made = fields(TQ1, order, entries)
    return [segment("TQ1", {1: "1"} | made)] if any(made.values()) else []
