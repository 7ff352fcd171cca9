"""ServiceRequest: ORC, OBR, TQ1 and their comments, of whatever message they come in.

Source: HL7 v2-to-FHIR ORC[ServiceRequest], OBR[ServiceRequest], TQ1[ServiceRequest], TQ[ServiceRequest], NTE[ServiceRequest]. ORC-1 itself
is kept beside the status (extension businessEvent): several of its codes are one status. An add-on order (OBR-11 = A), whose intent the
guide leaves open, is a reflex-order's kin but asked for by a person: "order", as R4 has no better.
"""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, datatypes, order_codes, order_types, participation, professionals, schedules
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json
from hub.adapters.hl7v2.mappings.groups import Order
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.order_types import R5
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply

_EVENT: Final = f"{EXTENSION}businessEvent"
_CALLBACK: Final = f"{EXTENSION}servicerequest-order-callback-phone-number"
_concept: Final = datatypes.concept("")
_REFLEX: Final = "G"  # 0065
_NEW: Final = "NW"


def _ordered(raw: str, t: Text) -> str:
    return order_codes.ORDER_STATUS.get(datatypes.leaf(raw, t), "")


def _ordered_said(raw: str, t: Text) -> Json:
    code = datatypes.code(datatypes.leaf(raw, t))
    return datatypes.alternate("0038", code) if code and code not in order_codes.ORDER_STATUS_SAID else {}


def _controlled(raw: str, t: Text) -> str:
    return order_codes.ORDER_CONTROL.get(datatypes.leaf(raw, t), "")


def _reason(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t)
    return {"url": f"{EXTENSION}request-statusReason", "valueCodeableConcept": concept} if concept else {}


def _relevant(raw: str, t: Text) -> Json:
    """OBR-13 as R5's supportingInfo, a CodeableReference, which R4 says as an extension of two."""
    concept = datatypes.cwe(raw, t)
    return (
        {"url": f"{R5}ServiceRequest.supportingInfo", "extension": [{"url": "concept", "valueCodeableConcept": concept}]} if concept else {}
    )


def _alternate(raw: str, t: Text) -> Json:
    made = datatypes.cx(raw, t)
    return made | {"type": datatypes.identifier_type("PLAC")} if made else {}


ORC: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(5, "status", _ordered),  # before ORC-1: the order's status says more than what to do with it
    Row(5, "_status", _ordered_said),
    Row(1, "status", _controlled),
    Row(16, "extension", _reason, many=True),
    Row(28, "meta.security", order_types.sensitivity, many=True),
    Row(29, "locationCode", datatypes.coded("OrderType"), many=True),
)
OBR: Final[Rows] = (
    Row(4, "code", _concept),
    Row(5, "priority", schedules.priority),
    Row(6, "occurrenceDateTime", datatypes.moment),
    Row(13, "extension", _relevant, many=True),
    Row(31, "reasonCode", _concept, many=True),
    Row(46, "orderDetail", _concept, many=True),
    Row(47, "orderDetail", _concept, many=True),
    Row(53, "identifier", _alternate, many=True),
)
_OBR_NUMBERS: Final[tuple[Row, ...]] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
)


def service_request(draft: Draft, group: Order, about: Json) -> Json:
    """Make (not add) the ServiceRequest of an order."""
    orc, obr, place = group.orc, group.obr, group.place
    made: Json = {"resourceType": "ServiceRequest", "intent": "order"} | about
    if orc is not None:
        apply(ORC, orc, made, draft, f"{place}/ORC")
        _groups(orc, made, draft.text)
        _event(orc, made, draft.text)
    if obr is not None:
        rows = tuple(r for r in _OBR_NUMBERS if orc is None or not orc.field(r.number))
        apply((*rows, *OBR), obr, made, draft, f"{place}/OBR")
        _of_obr(obr, made, draft.text)
    asker = professionals.requester(draft, orc, obr, place) or next(
        iter(participation.in_part(draft, group.parts, participation.ORDERED)), {}
    )
    if asker:
        made["requester"] = asker
    _telephone(orc, obr, made, draft.text)
    _timing(draft, group, made)
    said = notes(draft, group.parts)
    if said:
        made.setdefault("note", []).extend(said)
    if "orderDetail" in made and "code" not in made:  # prr-1
        made["code"] = order_types.NOT_SAID
    made.setdefault("status", "unknown")
    return made


def _groups(orc: Segment, made: Json, t: Text) -> None:
    """ORC-4 and 38: the groups the order is one of; ORC-33 another number of its own."""
    placer = order_types.group_number(orc.field(4), t) if orc.field(4) else []
    if placer and placer[0]["type"]["coding"][0]["code"] == "PGN":
        made["requisition"] = placer.pop(0)
    filler = datatypes.ei(orc.field(38), t, "FGN") if orc.field(38) else {}
    found = [filler] if filler else placer
    if orc.field(33):
        found += [i for raw in t.repetitions(orc.field(33)) if (i := _alternate(raw, t))]
    if found:
        made.setdefault("identifier", []).extend(found)


def _event(orc: Segment, made: Json, t: Text) -> None:
    """ORC-1 and 9: what was done with the order, and when."""
    control, when = datatypes.code(datatypes.leaf(orc.field(1), t)), datatypes.moment(orc.field(9), t)
    parts = []
    if control:
        parts.append({"url": "value", "valueCodeableConcept": order_types.concept(f"{codes.TERMINOLOGY}v2-0119", control)})
    if when:
        parts.append({"url": "date", "valueDateTime": when})
    if parts:
        made.setdefault("extension", []).append({"url": _EVENT, "extension": parts})
    if when and control in {_NEW, ""}:
        made["authoredOn"] = when


def _of_obr(obr: Segment, made: Json, t: Text) -> None:
    """OBR-11 a reflex order, or what else it is beside the intent; OBR-29 the order it comes from."""
    action = datatypes.code(datatypes.leaf(obr.field(11), t)) if obr.field(11) else ""
    if action == _REFLEX:
        made["intent"] = "reflex-order"
    elif action:
        made["_intent"] = datatypes.alternate("0065", action)
    if obr.field(29) and not obr.field(50):
        found = [b for i in order_types.eip(obr.field(29), t, "PLAC", "FILL") if (b := order_types.logical(i, "ServiceRequest"))]
        if found:
            made["basedOn"] = found


def _telephone(orc: Segment | None, obr: Segment | None, made: Json, t: Text) -> None:
    """OBR-17, the requester's number for this order; else ORC-14, the order's."""
    asked = [p for raw in t.repetitions(obr.field(17)) if (p := datatypes.xtn(raw, t))] if obr is not None and obr.field(17) else []
    if asked and "requester" in made:
        made["requester"] = made["requester"] | {"extension": [{"url": _CALLBACK, "valueContactPoint": p} for p in asked]}
        return
    if not asked and orc is not None and orc.field(14):
        asked = [p for raw in t.repetitions(orc.field(14)) if (p := datatypes.xtn(raw, t))]
    for phone in asked:
        order_types.extended(made, _CALLBACK, "valueContactPoint", phone)


def _timing(draft: Draft, group: Order, made: Json) -> None:
    """TQ1; before version 2.5 ORC-7, or OBR-27."""
    t = draft.text
    found = [schedules.of_tq1(p.segment, t) for p in group.each("TQ1")]
    if not found:
        old = (group.orc.field(7) if group.orc is not None else "") or (group.obr.field(27) if group.obr is not None else "")
        found = [schedules.of_tq(raw, t) for raw in t.repetitions(old)] if old else []
    for each in found:
        if each.timing:
            made.pop("occurrenceDateTime", None)
            made.setdefault("occurrenceTiming", each.timing)
        if each.quantity:
            made.setdefault("quantityQuantity", each.quantity)
        if each.priority:
            made.setdefault("priority", each.priority)
        if each.condition:
            made.setdefault("asNeededCodeableConcept", {"text": each.condition})
        if each.text:
            made.setdefault("note", []).append({"text": each.text})
