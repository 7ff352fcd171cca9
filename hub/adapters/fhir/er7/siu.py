"""Appointments: SIU. The Appointment is SCH; who and what takes part are AIS, AIG, AIL and AIP."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, order
from hub.adapters.fhir.er7.actors import name_of, person, pl, xcn
from hub.adapters.fhir.er7.clinical import dg1
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.observation import Results
from hub.adapters.fhir.er7.patient import pd1, pid
from hub.adapters.fhir.er7.rows import Maker, Rows, fields, one
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.adapters.fhir.times import microseconds

_MINUTES: Final = "min^minutes^UCUM"
_MINUTES_MAX: Final = 1_000_000
_CONTACTS: Final = frozenset({"placer contact", "filler contact", "enterer"})  # whom to ask, who take no part
_CALLBACK: Final = "CALLBCK"  # v3-ParticipationType: which contact it is, its text says
_EVENTS: Final = MappingProxyType(  # SCH-6 is required: what happened, where no reason is given
    {
        "S12": "booked",
        "S13": "rescheduled",
        "S14": "modified",
        "S15": "cancelled",
        "S16": "discontinued",
        "S17": "deleted",
        "S26": "no show",
    }
)


def _minutes(appointment: Json, _entries: Entries) -> str:
    """SCH-9: the length as given, else from start to end."""
    given = appointment.get("minutesDuration")
    if datatypes.number(given):
        return datatypes.number(given)
    start, end = (microseconds(text(appointment.get(k))) for k in ("start", "end"))
    minutes = (end - start) // 60_000_000 if start is not None and end is not None else 0
    return str(minutes) if 0 < minutes < _MINUTES_MAX else ""


def _timing(appointment: Json, entries: Entries) -> str:
    """SCH-11 (TQ): when it starts and ends."""
    start, end = datatypes.moment(appointment.get("start")), datatypes.moment(appointment.get("end"))
    minutes = _minutes(appointment, entries)
    return components("", "", f"M{minutes}" if minutes and start else "", start, end) if start or end else ""


def _contact(kind: str) -> Maker:
    """The participants who are there as this kind of contact."""

    def maker(appointment: Json, entries: Entries) -> str:
        chosen = [p for p in objects(appointment.get("participant")) if _is_there_as(p, kind)]
        return repetitions(dict.fromkeys(xcn(p.get("actor"), entries) for p in chosen))

    return maker


def _is_there_as(participant: Json, *kinds: str) -> bool:
    given = objects(participant.get("type"))
    return any(text(c.get("code")) in kinds or text(t.get("text")) in kinds for t in given for c in (*datatypes.codings(t), {}))


def _based_on(find: Any) -> Maker:
    """The number of the order behind the appointment, given with the reference or in the ServiceRequest."""

    def maker(appointment: Json, entries: Entries) -> str:
        found = []
        for reference in objects(appointment.get("basedOn")):
            target = entries.target(reference)
            given = obj(reference.get("identifier"))
            found.append(find(target or {"identifier": [given]}, entries))
        return repetitions(dict.fromkeys(found))

    return maker


def _status(appointment: Json, _entries: Entries) -> str:
    code = datatypes.original(appointment, "status", "0278") or codes.APPOINTMENT_STATUS.get(text(appointment.get("status")), "")
    return components(code, "", "HL70278") if code else ""


SCH: Final[Rows] = (
    (1, order.placer),
    (2, order.filler),
    (6, one("cancelationReason", datatypes.ce)),
    (7, one("reasonCode", datatypes.ce_of("0276"))),
    (8, one("appointmentType", datatypes.ce_of("0277"))),
    (9, _minutes),
    (11, _timing),
    (12, _contact("placer contact")),
    (16, _contact("filler contact")),
    (20, _contact("enterer")),
    (25, _status),
    (26, _based_on(order.placer)),
    (27, _based_on(order.filler)),
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """SCH to DG1 of the patient, then the resources. Raises Rejected(NO_TRANSLATION) unless there is one appointment."""
    appointment, entries = copy.only("Appointment"), copy.entries
    made = fields(SCH, appointment, entries)
    someone = _someone(copy, appointment)
    made |= {
        1: made[1] or made[2] or datatypes.string(appointment.get("id")),
        6: made[6] or components(trigger.event, _EVENTS[trigger.event], "HL70003"),
        10: _MINUTES if made[9] else "",
        16: made[16] or someone,
        20: made[20] or someone,
    }
    yield segment("SCH", made)
    when = {7: datatypes.moment(appointment.get("start")), 8: datatypes.moment(appointment.get("end"))}
    yield from [segment("TQ1", {1: "1"} | when)] if any(when.values()) else []
    comments = [line for key in ("comment", "patientInstruction") for line in text(appointment.get(key)).splitlines() if line.strip()]
    yield from (segment("NTE", {1: str(n), 3: escape(said.rstrip())}) for n, said in enumerate(comments, 1))
    yield from (pid(copy), *pd1(copy), *pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()))
    results = Results(entries)
    found = [line for o in entries.of("Observation") for line in results.of(o) if line.startswith("OBX")]
    yield from (f"OBX|{n}|{line[4:].partition('|')[2]}" for n, line in enumerate(found, 1))
    yield from dg1(copy)
    yield "RGS|1"
    yield from _resources(appointment, entries)


def _someone(copy: Copy, appointment: Json) -> str:
    """Whom to ask, since SCH-16 and SCH-20 are required: the first professional who takes part, else whoever sent it."""
    given = objects(appointment.get("participant"))
    people = [xcn(p.get("actor"), copy.entries) for p in given if _is_professional(p, copy.entries) and not _is_there_as(p, *_CONTACTS)]
    return next(filter(None, people), "") or components("", escape(copy.event.provider))


def _is_professional(participant: Json, entries: Entries) -> bool:
    who = person(participant.get("actor"), entries)
    return bool(who) and who.get("resourceType", "Practitioner") == "Practitioner"


def _resources(appointment: Json, entries: Entries) -> Iterator[str]:
    """AIS for each service, AIG for whatever else takes part, AIL for each place, AIP for each professional."""
    yield from _services(appointment, entries)
    parts = [p for p in objects(appointment.get("participant")) if not _is_there_as(p, *_CONTACTS, _CALLBACK)]
    places = [(p, made) for p in parts if _is_place(p, entries) and (made := pl(p.get("actor"), entries))]
    people = [
        (p, made) for p in parts if not _is_place(p, entries) and _is_professional(p, entries) and (made := xcn(p.get("actor"), entries))
    ]
    taken = {id(p) for p, _ in (*places, *people)}
    things = [(p, made) for p in parts if id(p) not in taken and (made := _thing(p, entries))]
    yield from (segment("AIG", {1: str(n), 3: made, 4: _role(p) or "R^Resource"} | _times(p, 8)) for n, (p, made) in enumerate(things, 1))
    yield from (segment("AIL", {1: str(n), 3: made, 4: _role(p)} | _times(p, 6)) for n, (p, made) in enumerate(places, 1))
    yield from (segment("AIP", {1: str(n), 3: made, 4: _role(p)} | _times(p, 6)) for n, (p, made) in enumerate(people, 1))


def _services(appointment: Json, entries: Entries) -> Iterator[str]:
    """AIS: the n-th with the details of the n-th order; the first when the patient is wanted."""
    services = [made for s in objects(appointment.get("serviceType")) if (made := datatypes.ce(s))]
    orders = [o for r in objects(appointment.get("basedOn")) if (o := entries.target(r)).get("resourceType") == "ServiceRequest"]
    when = [p for p in objects(appointment.get("participant")) if entries.target(p.get("actor")).get("resourceType") == "Patient"]
    for n, service in enumerate(services):
        details = [made for o in orders[n : n + 1] for c in objects(o.get("orderDetail")) if (made := datatypes.ce(c))]
        times = _times(when[0], 4) if when and not n else {}
        start = times.get(4) or datatypes.moment(appointment.get("start"))
        status = _status(appointment, entries)
        supplements = {11: "".join(details[:1]), 12: repetitions(details[1:])}  # the placer's, the filler's
        yield segment("AIS", {1: str(n + 1), 3: service, 10: status} | supplements | times | {4: start})


def _is_place(participant: Json, entries: Entries) -> bool:
    actor = obj(participant.get("actor"))
    return entries.target(actor).get("resourceType") == "Location" or text(actor.get("type")) == "Location"


def _thing(participant: Json, entries: Entries) -> str:
    """AIG-3: a device, an organisation or a service, by its number and name; never the patient."""
    actor = obj(participant.get("actor"))
    target = entries.target(actor)
    if text(target.get("resourceType")) in {"Patient", "RelatedPerson"} or text(actor.get("type")) == "Patient":
        return ""
    if target.get("resourceType") == "Device":
        return order.coded_device(target)
    numbers = [datatypes.string(i.get("value")) for i in objects(target.get("identifier"))]
    name = name_of(actor, entries) or datatypes.string(target.get("name")) or datatypes.string(actor.get("display"))
    return components(next(filter(None, numbers), ""), name)


def _role(participant: Json) -> str:
    given = objects(participant.get("type"))
    return datatypes.ce(given[0]) if given else ""


def _times(participant: Json, first: int) -> dict[int, str]:
    """When the participant is wanted, and for how many minutes: the fields from ``first`` on."""
    period = obj(participant.get("period"))
    start, end = (microseconds(text(period.get(k))) for k in ("start", "end"))
    minutes = (end - start) // 60_000_000 if start is not None and end is not None else 0
    length = {first + 3: str(minutes), first + 4: _MINUTES} if 0 < minutes < _MINUTES_MAX else {}
    said = datatypes.original(participant, "status", "0278")
    return {first: datatypes.moment(period.get("start"))} | length | ({first + 6: components(said, "", "HL70278")} if said else {})
