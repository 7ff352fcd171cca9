"""Appointments: SIU^S12 to S17, S26. SCH is the Appointment; the patient and what AIS, AIG, AIL and AIP name take part in it.

Source: HL7 v2-to-FHIR SIU_S12, SCH[Appointment], SCH[ServiceRequest], AIS, AIG, AIL, AIP[Appointment], NTE[Appointment-Comment],
PID[Appointment]. Ours: the event says what became of it where SCH-25 does not (S15 and S16 cancelled, S17 entered in error, S26 no show);
AIS, which names nobody, says when the patient takes part; the service of AIS is the request's code and its supplements order details (the
guide has them as identifiers); the status of the request is one that a ServiceRequest can have; TQ1 is newer than SCH-11 and counts first;
comments are R4's ``comment``, and R5's notes as well, which say who made them, when, and of what kind they are.
"""

from datetime import datetime, timedelta
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, order_codes, order_types, professionals, quantities, schedules
from hub.adapters.hl7v2.mappings.conditions import diagnoses
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json
from hub.adapters.hl7v2.mappings.groups import Node, grammar, grouped
from hub.adapters.hl7v2.mappings.notes import note
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.order_types import R5
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import instant, span

_GRAMMAR: Final = grammar(
    message="SCH TQ1 NTE PID PV1 OBX DG1 RGS AIS AIG AIL AIP", PID="PV1 OBX DG1 NTE", RGS="AIS AIG AIL AIP NTE", SCH="TQ1 NTE",
    AIS="NTE", AIG="NTE", AIL="NTE", AIP="NTE", OBX="NTE PRT",
)  # fmt: skip
_TIMELESS: Final = frozenset({"proposed", "cancelled", "waitlist"})  # R4 app-3: only these may lack a time
_ENDED: Final = frozenset({"cancelled", "noshow"})  # R4 app-4: only these have a reason for it

_DELETED: Final = "D"  # 0206
_TYPES: Final = "HL70277"
# segment -> where its start, start offset, offset units, duration, duration units and status are
_FIELDS: Final = {"AIS": (4, 5, 6, 7, 8, 10), "AIG": (8, 9, 10, 11, 12, 14), "AIL": (6, 7, 8, 9, 10, 12), "AIP": (6, 7, 8, 9, 10, 12)}
# people of SCH that are not resources of it -> their part
_CONTACT: Final = order_types.concept(f"{codes.TERMINOLOGY}v3-ParticipationType", "CALLBCK")
_CONTACTS: Final = (
    (12, _CONTACT | {"text": "placer contact"}),
    (16, _CONTACT | {"text": "filler contact"}),
    (20, order_types.concept(f"{codes.TERMINOLOGY}provenance-participant-type", "enterer")),
)


def _said(raw: str, t: Text) -> str:
    return t.part(t.parts(raw), 1).replace(" ", "").lower()


def _status(raw: str, t: Text) -> str:
    return order_codes.APPOINTMENT_STATUS.get(_said(raw, t), "")


def _status_said(raw: str, t: Text) -> Json:
    """The code itself, where the status says less."""
    code = datatypes.code(datatypes.leaf(raw, t))
    return datatypes.alternate("0278", code) if code and code not in order_codes.APPOINTMENT_STATUS_SAID else {}


SCH: Final[Rows] = (
    Row(1, "identifier", datatypes.placer, many=True),
    Row(2, "identifier", datatypes.filler, many=True),
    Row(25, "status", _status),
)
_why: Final = datatypes.coded("AppointmentReasonCodes")
_kind: Final = datatypes.coded("AppointmentTypeCodes")


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the Appointment with who and what takes part, the orders behind it and what is known of the patient; gives a Reference to it."""
    t = draft.text
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMAR)
    sch = next((n.segment for n in root.each("SCH")), None)
    taking = _taking(root, t)
    made: Json = {"resourceType": "Appointment", "participant": []}
    if sch is not None:
        apply(SCH, sch, made, draft, "SCH")
        _reason(sch, made, t)
    made |= _times(root, sch, taking, t)
    _services(taking, made, t)
    said, made["status"] = made.get("status"), _final_status(draft.trigger, made)
    if sch is not None and made["status"] == said:
        datatypes.put(made, "_status", _status_said(sch.field(25), t))
    if sch is not None and made["status"] in _ENDED and sch.field(6):
        datatypes.put(made, "cancelationReason", datatypes.cwe(sch.field(6), t))
    made["participant"] = _participants(draft, subject, sch, taking, made)
    made["extension"] = [{"url": f"{R5}Appointment.subject", "valueReference": subject}]
    _comments(draft, root, made)
    observed = [reported(draft, obx, about) for group in (root, *root.each("PID")) for obx in group.each("OBX")]
    if observed:
        made["supportingInformation"] = observed
    diagnoses(draft, subject, visit)
    orders = _orders(draft, sch, [n for n in taking if n.kind == "AIS"], made, about) if sch is not None else []
    if orders:
        made["basedOn"] = orders
    reference = draft.add("SCH", made)
    if sch is not None and sch.field(20):
        _entered(draft, sch, reference)
    return [reference]


def _taking(root: Node, t: Text) -> list[Node]:
    """What takes part; not what the message takes out of the appointment (segment action code D, of the resource or of its group)."""

    def is_in(node: Node) -> bool:
        return datatypes.leaf(node.segment.field(2), t) != _DELETED

    groups = [root, *(group for group in root.each("RGS") if is_in(group))]
    return [n for group in groups for n in group.each("AIS", "AIG", "AIL", "AIP") if is_in(n)]


def _reason(sch: Segment, made: Json, t: Text) -> None:
    """SCH-7 and 8: why and what kind; a code of table 0277 is a kind wherever it stands."""
    for number in (7, 8):
        raw = sch.field(number)
        if not raw:
            continue
        if number == 7 and t.part(t.parts(raw), 3) != _TYPES:
            made["reasonCode"] = [c for one in t.repetitions(raw) if (c := _why(one, t))]
        else:
            made.setdefault("appointmentType", _kind(raw, t))
    for key in ("reasonCode", "appointmentType"):
        if not made.get(key, True):
            del made[key]


def _services(taking: list[Node], made: Json, t: Text) -> None:
    """AIS-3 and 10."""
    for node in taking:
        if node.kind == "AIS":
            concept = datatypes.cwe(node.segment.field(3), t)
            if concept:
                made.setdefault("serviceType", []).append(concept)
            said = _status(node.segment.field(10), t)
            if said:
                made.setdefault("status", said)


def _final_status(trigger: str, made: Json) -> str:
    said = str(made.get("status", ""))
    event = order_codes.APPOINTMENT_EVENT.get(trigger, "proposed")
    status = event if event in {"cancelled", "noshow", "entered-in-error"} or not said else said
    return status if "start" in made or status in _TIMELESS else "proposed" if status != "entered-in-error" else "cancelled"


def _times(root: Node, sch: Segment | None, taking: list[Node], t: Text) -> Json:
    """Start, end and length; an end that nobody gives follows from the length, and is the start when that is not known either."""
    tq1 = next((n.segment for group in (root, *root.each("SCH")) for n in group.each("TQ1")), None)
    timing = t.parts(next(iter(t.repetitions(sch.field(11))), "")) if sch is not None else []
    start, end = (instant(t.at(datatypes.leaf(tq1.field(n), t))) for n in (7, 8)) if tq1 is not None else ("", "")
    start, end = start or instant(t.at(t.part(timing, 4))), end or instant(t.at(t.part(timing, 5)))
    length = _minutes(sch, 9, 10, t) if sch is not None else 0
    for node in taking:
        fields = _FIELDS[node.kind]
        start = start or instant(t.at(t.leaf(node.segment.field(fields[0]))))
        length = length or _minutes(node.segment, fields[3], fields[4], t)
    out: Json = {"minutesDuration": length} if length else {}
    if start:
        end = span(start, end).get("end", "")
        out |= {"start": start, "end": end or (datetime.fromisoformat(start) + timedelta(minutes=length)).isoformat()}
    return out


def _minutes(segment: Segment, number: int, unit: int, t: Text) -> int:
    if not segment.field(number):
        return 0
    return min(schedules.minutes(datatypes.leaf(segment.field(number), t), t.parts(segment.field(unit))) or 0, quantities.LENGTH_MAX)


def _participants(draft: Draft, subject: Json, sch: Segment | None, taking: list[Node], made: Json) -> list[Json]:
    """The patient, whoever and whatever the resource segments name, and the people of SCH."""
    t = draft.text
    when = next((p for n in taking if n.kind == "AIS" and (p := _period(n.segment, made, t))), {})
    found: list[Json] = [{"actor": subject, "status": "accepted"} | ({"period": when} if when else {})]
    for node in taking:
        actor = _ACTORS[node.kind](draft, node) if node.kind != "AIS" else {}
        if actor:
            found.append({"actor": actor} | _part(node.segment, made, t))
    for number, part in _CONTACTS if sch is not None else ():
        for n, raw in enumerate(t.repetitions(sch.field(number) if sch is not None else "")):
            who = professionals.practitioner(draft, raw, f"SCH-{number}[{n}]")
            if who:
                found.append({"actor": who, "type": [part], "status": "accepted"})
    return found


def _part(segment: Segment, made: Json, t: Text) -> Json:
    """In what part, whether they come, and when."""
    said = _said(segment.field(_FIELDS[segment.name][5]), t)
    out: Json = {"status": order_codes.PARTICIPATION.get(said, "accepted")}
    if said:
        out["_status"] = datatypes.alternate("0278", datatypes.code(datatypes.leaf(segment.field(_FIELDS[segment.name][5]), t)))
    kind = datatypes.cwe(segment.field(4), t) if segment.field(4) else {}
    if kind:
        out["type"] = [kind]
    datatypes.put(out, "period", _period(segment, made, t))
    return out


def _person(draft: Draft, node: Node) -> Json:
    raw = next(iter(draft.text.repetitions(node.segment.field(3))), "")
    return professionals.practitioner(draft, raw, node.place) if raw else {}


def _room(draft: Draft, node: Node) -> Json:
    raw = next(iter(draft.text.repetitions(node.segment.field(3))), "")
    return actors.location(draft, raw, node.place) if raw else {}


def _thing(draft: Draft, node: Node) -> Json:
    """AIG-3: a resource that is no person and no room, so a device of some kind."""
    raw = node.segment.field(3)
    return draft.linked(order_types.coded_device, raw, node.place) if raw else {}


_ACTORS: Final = {"AIG": _thing, "AIL": _room, "AIP": _person}


def _period(segment: Segment, made: Json, t: Text) -> Json:
    """From when to when one takes part: the start, or its distance from the appointment's, and the length."""
    at, offset, offset_units, length, length_units, _ = _FIELDS[segment.name]
    start = datatypes.moment(segment.field(at), t)
    if not start and segment.field(offset) and "start" in made:
        start = schedules.shifted(made["start"], _minutes(segment, offset, offset_units, t) * 60)
    end = schedules.shifted(start, _minutes(segment, length, length_units, t) * 60) if start else ""
    return dict(span(start, end))


def _comments(draft: Draft, root: Node, made: Json) -> None:
    """All comments as one text, in order."""
    t = draft.text
    lines = []
    for nte in _remarks(root):
        said = note(draft, nte.segment, nte.place)
        if not said:
            continue
        lines.append(said["text"])
        coded = datatypes.cwe(nte.segment.field(9), t) if nte.segment.field(9) else {}
        order_types.extended(said, f"{EXTENSION}alternate-codes", "valueCodeableConcept", coded)
        order_types.extended(made, f"{R5}Appointment.note", "valueAnnotation", said)
    if lines:
        made["comment"] = "\n".join(lines)


def _remarks(node: Node) -> list[Node]:
    """The NTE below a node, in order; not the observations' own."""
    found = []
    for child in node.children:
        found += [child] if child.kind == "NTE" else _remarks(child) if child.kind != "OBX" else []
    return found


def _orders(draft: Draft, sch: Segment, services: list[Node], made: Json, about: Json) -> list[Json]:
    """SCH-26 and 27: the orders that the appointment is for, the n-th with the n-th service."""
    t = draft.text
    placed, filled = (t.repetitions(sch.field(n)) for n in (26, 27))
    found = []
    for n in range(max(len(placed), len(filled))):
        numbers = [datatypes.placer(placed[n], t)] if n < len(placed) else []
        numbers += [datatypes.filler(filled[n], t)] if n < len(filled) else []
        status = order_codes.APPOINTMENT_ORDER.get(_said(sch.field(25), t), "active")
        request: Json = {"resourceType": "ServiceRequest", "intent": "order", "status": status} | about
        if numbers := [i for i in numbers if i]:
            request["identifier"] = numbers
        if services:
            _service(services[min(n, len(services) - 1)].segment, request, made, t)
        if numbers:
            found.append(draft.add(f"SCH/order[{n}]", request))
    return found


def _service(ais: Segment, request: Json, made: Json, t: Text) -> None:
    datatypes.put(request, "code", datatypes.cwe(ais.field(3), t))
    datatypes.put(request, "occurrencePeriod", _period(ais, made, t))
    details = [c for n in (11, 12) for raw in t.repetitions(ais.field(n)) if (c := datatypes.cwe(raw, t))]
    if details and "code" in request:  # R4 prr-1
        request["orderDetail"] = details


def _entered(draft: Draft, sch: Segment, target: Json) -> None:
    """SCH[Provenance]: SCH-20 wrote it in, when the message was made."""
    recorded = instant(draft.content.value("MSH", 7))
    raw = draft.text.repetitions(sch.field(20))
    who = professionals.practitioner(draft, raw[0], "SCH-20/agent") if raw else {}
    if recorded and who:
        agent = {"type": _CONTACTS[2][1], "who": who}
        draft.add(
            "SCH/provenance",
            {"resourceType": "Provenance", "target": [{"reference": target["reference"]}], "recorded": recorded, "agent": [agent]},
        )
