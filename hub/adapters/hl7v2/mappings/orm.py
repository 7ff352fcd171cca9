"""Orders: ORC and OBR as ServiceRequest (ORM^O01, OML^O21, and the orders behind results)."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.observation import note, observation
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply


def _ordered(raw: str, t: Text) -> str:
    return codes.ORDER_STATUS.get(t.part(t.parts(raw), 1), "")


def _controlled(raw: str, t: Text) -> str:
    return codes.ORDER_CONTROL.get(t.part(t.parts(raw), 1), "")


def _priority(raw: str, t: Text) -> str:
    return codes.ORDER_PRIORITY.get(t.part(t.parts(raw), 1), "")


def _timing_priority(raw: str, t: Text) -> str:
    return codes.ORDER_PRIORITY.get(t.part(t.parts(raw), 6), "")


ORC: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(4, "requisition", datatypes.ei),
    Row(5, "status", _ordered),  # before ORC-1: the order's status says more than what to do with it
    Row(1, "status", _controlled),
    Row(7, "priority", _timing_priority),
    Row(9, "authoredOn", datatypes.moment),
    Link(12, "requester", actors.xcn, many=False),
)
OBR: Final[Rows] = (
    Row(4, "code", datatypes.cwe),
    Row(5, "priority", _priority),
    Row(6, "occurrenceDateTime", datatypes.moment),
    Row(27, "priority", _timing_priority),
    Row(31, "reasonCode", datatypes.cwe, many=True),
    Row(36, "occurrenceDateTime", datatypes.moment),
)
_OBR_IDENTIFIERS: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
)
_OBR_REQUESTER: Final[Rows] = (Link(16, "requester", actors.xcn, many=False),)


def service_request(draft: Draft, orc: Segment | None, obr: Segment | None, about: Json, place: str) -> Json:
    """Make (not add) the ServiceRequest of an ORC and OBR pair; numbers and requester are the ORC's where it has them."""
    made: Json = {"resourceType": "ServiceRequest", "intent": "order"} | about
    if orc is not None:
        apply(ORC, orc, made, draft, f"{place}/ORC")
    if obr is not None:
        apply(OBR, obr, made, draft, f"{place}/OBR")
        if "identifier" not in made:
            apply(_OBR_IDENTIFIERS, obr, made, draft, f"{place}/OBR")
        if "requester" not in made:
            apply(_OBR_REQUESTER, obr, made, draft, f"{place}/OBR")
    made.setdefault("status", "unknown")
    return made


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add a ServiceRequest for each order of the message, with its notes and observations; gives References to them."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    orders: list[Json] = []
    for n, (orc, details) in enumerate(_groups(draft)):
        obr = next((s for s in details if s.name == "OBR"), None)
        made = service_request(draft, orc, obr, about, f"order[{n}]")
        notes = [text for s in details if s.name == "NTE" and (text := note(draft, s))]
        if notes:
            made["note"] = notes
        observed = [s for s in details if s.name == "OBX"]
        found = [observation(draft, s, about, f"order[{n}]/OBX[{i}]") for i, s in enumerate(observed)]
        if found:
            made["supportingInfo"] = found
        orders.append(draft.add(f"order[{n}]", made))
    return orders


def _groups(draft: Draft) -> list[tuple[Segment | None, list[Segment]]]:
    """The orders of a message: each ORC opens one, and so does an OBR that follows another."""
    groups: list[tuple[Segment | None, list[Segment]]] = []
    for segment in draft.content:
        if segment.name == "ORC":
            groups.append((segment, []))
        elif segment.name == "OBR" and (not groups or any(s.name == "OBR" for s in groups[-1][1])):
            groups.append((None, [segment]))
        elif groups:
            groups[-1][1].append(segment)
    return groups
