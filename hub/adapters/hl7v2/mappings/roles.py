"""Who takes part, and as what: ROL and PRT as PractitionerRole, CareTeam, RelatedPerson and Device.

A role stands behind the segment it belongs to: the patient, the visit, a procedure, an order, a result.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coded, put, table_concept
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply

PRIMARY: Final = "PP"  # table 0443: primary care provider
_MEMBERS: Final = frozenset(
    {"AD", "AP", "ARI", "AT", "CP", "FHCP", "OP", "PH", "PP", "PRI", "RP", "RT", "VP", "PO"}
)  # PRT-4 of a care team
_PREFERRED: Final[Mapping[str, Callable[[Json], bool]]] = MappingProxyType(  # 0185, PRT-23: which of the contact points is preferred
    {
        "B": lambda c: c.get("use") == "work" and c["system"] == "phone",
        "C": lambda c: c.get("use") == "mobile",
        "E": lambda c: c["system"] == "email",
        "F": lambda c: c["system"] == "fax",
        "H": lambda c: c.get("use") == "home" and c["system"] == "phone",
        "O": lambda c: c["system"] == "pager",
    }
)
_OVER: Final = frozenset({"DE", "UN", "D"})  # 0287: deleted, unlinked; 0206
_IS_PREFERRED: Final = [{"url": f"{EXTENSION}iso21090-preferred", "valueBoolean": True}]
role_of_rol: Final = coded("ProviderRole")
role_of_prt: Final = coded("Participation")
_specialty: Final = datatypes.concept("")
_unit: Final = table_concept("0406")
_licence: Final = coded("PractitionerIDNumberType")


def pln(raw: str, t: Text) -> Json:
    """PLN -> Identifier: a practitioner's number, of what kind, in which state, until when."""
    parts = t.parts(raw)
    value = t.part(parts, 1)
    if not value:
        return {}
    out: Json = {"value": value}
    put(out, "type", _licence(t.part(parts, 2), t) if t.part(parts, 2) else {})
    put(out, "period", datatypes.period("", t.part(parts, 4), t))
    return out


_ROL: Final[Rows] = (
    Row(1, "identifier", datatypes.ei, many=True),
    Row(3, "code", role_of_rol, many=True),
    Row(5, "period.start", datatypes.moment),
    Row(6, "period.end", datatypes.moment),
    Row(9, "specialty", _specialty, many=True),
    Row(12, "telecom", datatypes.xtn, many=True),
)
_PRT: Final[Rows] = (
    Row(4, "code", role_of_prt, many=True),
    Row(6, "specialty", _specialty, many=True),
    Row(11, "period.start", datatypes.moment),
    Row(12, "period.end", datatypes.moment),
    Row(15, "telecom", datatypes.xtn, many=True),
    Row(24, "identifier", pln, many=True),
)


def is_over(segment: Segment, t: Text) -> bool:
    """Whether a ROL or PRT says that somebody has the role no longer: a message Bundle says how things are, and has no word for that."""
    return datatypes.leaf(segment.field(2), t) in _OVER


def is_primary(segment: Segment, t: Text) -> bool:
    """Whether a ROL or PRT names the patient's primary care provider."""
    return datatypes.leaf(segment.field(3 if segment.name == "ROL" else 4), t) == PRIMARY


def practitioner_role(draft: Draft, segment: Segment, place: str) -> Json:
    """Add the PractitionerRole of a ROL or PRT; gives the Reference, ``{}`` when it names nobody."""
    return _of_rol(draft, segment, place) if segment.name == "ROL" else _of_prt(draft, segment, place)


def _of_rol(draft: Draft, rol: Segment, place: str) -> Json:
    t = draft.text
    made: Json = {"resourceType": "PractitionerRole"}
    address = datatypes.xad(t.repetitions(rol.field(11))[0], t) if t.repetitions(rol.field(11)) else {}
    kind = t.part(t.parts(rol.field(11)), 7)
    is_for = bool(rol.field(10) or rol.field(14))  # an organisation
    where = "location" if kind in _PLACES else "organization" if kind in _OFFICES and is_for else "practitioner"
    person = _person(draft, rol.field(4), address if where == "practitioner" else {}, [], f"{place}-4")
    unit = _unit(rol.field(10), t) if rol.field(10) and (person or rol.field(14)) else {}
    office = _office(draft, rol.field(14), unit, address if where == "organization" else {}, f"{place}-14")
    put(made, "practitioner", person)
    put(made, "organization", office)
    apply(_ROL, rol, made, draft, place)
    spot = actors.location(draft, rol.field(13), f"{place}-13") if rol.field(13) else {}
    if where == "location" and address:
        spot = draft.add(f"{place}-11", {"resourceType": "Location", "address": address} | ({"partOf": spot} if spot else {}))
    put(made, "location", [spot] if spot else [])
    return draft.add(place, _whole(made)) if person or office else {}


_PLACES: Final = frozenset({"M", "O", "S", "SH", "TM"})  # table 0190: the address is one of a place ...
_OFFICES: Final = frozenset({"B", "BI", "L"})  # ... or of an organisation; else of the person


def _of_prt(draft: Draft, prt: Segment, place: str) -> Json:
    t = draft.text
    made: Json = {"resourceType": "PractitionerRole"}
    address = datatypes.xad(t.repetitions(prt.field(14))[0], t) if t.repetitions(prt.field(14)) else {}
    person = _person(draft, prt.field(5), address, [], f"{place}-5")
    office = _office(draft, prt.field(8), _unit(prt.field(7), t) if prt.field(7) else {}, {} if person else address, f"{place}-8")
    put(made, "practitioner", person)
    put(made, "organization", office)
    apply(_PRT, prt, made, draft, place)
    prefer(made, prt, t)
    spot = actors.location(draft, prt.field(9), f"{place}-9") if prt.field(9) else {}
    put(made, "location", [spot] if spot else [])
    return draft.add(place, _whole(made)) if person or office or spot else {}


def prefer(made: Json, prt: Segment, t: Text) -> None:
    """PRT-23: mark the contact points that are preferred; one of that kind, or the only one there is."""
    chosen = datatypes.leaf(prt.field(23), t)
    contacts = made.get("telecom", [])
    if chosen not in _PREFERRED or not contacts:
        return
    fits = [c for c in contacts if _PREFERRED[chosen](c)] or (contacts if len(contacts) == 1 else [])
    for contact in fits:
        contact["extension"] = [*contact.get("extension", ()), *_IS_PREFERRED]


def _person(draft: Draft, field: str, address: Json, telecom: list[Json], place: str) -> Json:
    """The Practitioner of an XCN, with an address and contact points that only this segment tells."""
    t = draft.text
    raw = next(iter(t.repetitions(field)), "") if field else ""
    if not raw:
        return {}
    if not address and not telecom:
        return draft.linked(actors.xcn, raw, place)
    made = actors.xcn(raw, t)
    put(made, "address", [address] if address else [])
    put(made, "telecom", telecom)
    return draft.add(place, made) if "resourceType" in made else {}


def _office(draft: Draft, field: str, kind: Json, address: Json, place: str) -> Json:
    """The Organization of an XON, with a type and an address that only this segment tells."""
    t = draft.text
    raw = next(iter(t.repetitions(field)), "") if field else ""
    if not kind and not address:
        return draft.linked(actors.xon, raw, place) if raw else {}
    made = actors.xon(raw, t) if raw else {}
    if not made and not kind:
        return {}
    made = made or {"resourceType": "Organization", "name": kind.get("text") or kind["coding"][0]["code"]}
    put(made, "type", [kind] if kind else [])
    actors.reached(made, [address] if address else [], [])
    return draft.add(place, made)


def _whole(made: Json) -> Json:
    if not made.get("period", True):
        del made["period"]
    return made


def follows_patient(draft: Draft, segment: Segment, subject: Json, team: list[Json], place: str) -> None:
    """A ROL or PRT behind PID: the general practitioner, or a member of the care team (collected in ``team``)."""
    t = draft.text
    if is_primary(segment, t):
        reference = _general_practitioner(draft, segment, place)
        if reference:
            draft.resource(subject).setdefault("generalPractitioner", []).append(reference)
        if segment.name == "ROL":
            return
    word = datatypes.leaf(segment.field(3 if segment.name == "ROL" else 4), t)
    if segment.name == "ROL" or word in _MEMBERS:
        member = team_member(draft, segment, f"{place}/member")
        team += [member] if member else []
    else:
        related_person(draft, segment, subject, place)


def _general_practitioner(draft: Draft, segment: Segment, place: str) -> Json:
    """The role, or the person alone where the segment tells of nothing else."""
    is_named = bool(draft.text.part(draft.text.parts(segment.field(4)), 3))  # by its table: then it is a role, whatever else is said
    if segment.name == "PRT" and segment.field(5) and not is_named and not any(segment.field(n) for n in _MORE_THAN_A_PERSON):
        return _person(draft, segment.field(5), {}, [], f"{place}-5")
    return practitioner_role(draft, segment, place)


_MORE_THAN_A_PERSON: Final = (6, 7, 8, 9, 11, 12, 14, 15, 24)


def follows_visit(draft: Draft, segment: Segment, visit: Json, place: str) -> None:
    """A ROL or PRT behind PV1: somebody who takes part in the visit."""
    reference = practitioner_role(draft, segment, place)
    if not reference:
        return
    t = draft.text
    made: Json = {}
    kinds = [k for raw in t.repetitions(segment.field(3 if segment.name == "ROL" else 4)) if (k := _kind(segment, raw, t))]
    put(made, "type", kinds)
    first = 5 if segment.name == "ROL" else 11
    put(made, "period", datatypes.period(datatypes.leaf(segment.field(first), t), datatypes.leaf(segment.field(first + 1), t), t))
    made["individual"] = reference
    draft.resource(visit).setdefault("participant", []).append(made)


def _kind(segment: Segment, raw: str, t: Text) -> Json:
    return role_of_rol(raw, t) if segment.name == "ROL" else role_of_prt(raw, t)


_KIN: Final[Rows] = (
    Row(4, "relationship", role_of_prt, many=True),
    Row(11, "period.start", datatypes.moment),
    Row(12, "period.end", datatypes.moment),
    Row(14, "address", datatypes.xad, many=True),
    Row(15, "telecom", datatypes.xtn, many=True),
    Row(24, "identifier", pln, many=True),
)


def related_person(draft: Draft, prt: Segment, subject: Json, place: str) -> Json:
    """Add the RelatedPerson of a PRT whose role is none of a professional's; gives the Reference, ``{}`` when it names nobody."""
    raw = next(iter(draft.text.repetitions(prt.field(5))), "") if prt.field(5) else ""
    made = actors.related(raw, draft.text) if raw else {}
    if not made:
        return {}
    made["patient"] = subject
    apply(_KIN, prt, made, draft, place)
    prefer(made, prt, draft.text)
    return draft.add(place, _whole(made))


def team_member(draft: Draft, segment: Segment, place: str) -> Json:
    """CareTeam.participant of a ROL or PRT; ``{}`` when it names nobody."""
    return _rol_member(draft, segment, place) if segment.name == "ROL" else _prt_member(draft, segment, place)


def _rol_member(draft: Draft, rol: Segment, place: str) -> Json:
    t = draft.text
    unit = _unit(rol.field(10), t) if rol.field(10) else {}
    made: Json = {}
    roles = [k for raw in t.repetitions(rol.field(3)) if (k := role_of_rol(raw, t))]
    roles += [k for raw in t.repetitions(rol.field(9)) if (k := _specialty(raw, t))] if rol.field(9) else []
    put(made, "role", roles)
    person = _person(draft, rol.field(4), {}, [], f"{place}-4")
    office = _office(draft, rol.field(14), unit, {}, f"{place}-14")
    put(made, "member", person or office)
    put(made, "onBehalfOf", office if person else {})
    put(made, "period", datatypes.period(datatypes.leaf(rol.field(5), t), datatypes.leaf(rol.field(6), t), t))
    return made if "member" in made else {}


def _prt_member(draft: Draft, prt: Segment, place: str) -> Json:
    t = draft.text
    addresses = [a for raw in t.repetitions(prt.field(14)) if (a := datatypes.xad(raw, t))] if prt.field(14) else []
    contacts = [c for raw in t.repetitions(prt.field(15)) if (c := datatypes.xtn(raw, t))] if prt.field(15) else []
    address = addresses[0] if addresses else {}
    prefer({"telecom": contacts}, prt, t)
    person = _person(draft, prt.field(5), address, contacts, f"{place}-5")
    raw = next(iter(t.repetitions(prt.field(8))), "") if prt.field(8) else ""
    office = _team_office(draft, raw, address, contacts, f"{place}-8") if raw else {}
    made: Json = {}
    put(made, "role", [k for raw in t.repetitions(prt.field(4)) if (k := role_of_prt(raw, t))])
    kinds = [k for raw in t.repetitions(prt.field(6)) if (k := _specialty(raw, t))] if prt.field(6) else []
    if kinds:  # what somebody is to the team is then said by a role, and for whom (R4 ctm-1: onBehalfOf is a Practitioner's)
        role: Json = {"resourceType": "PractitionerRole"}
        put(role, "practitioner", person)
        put(role, "organization", office)
        role["code"] = kinds
        put(role, "telecom", contacts)
        made["member"] = draft.add(f"{place}-6", role)
    else:
        put(made, "member", person or office)
        put(made, "onBehalfOf", office if person else {})
    put(made, "period", datatypes.period(datatypes.leaf(prt.field(11), t), datatypes.leaf(prt.field(12), t), t))
    return made if "member" in made else {}


def _team_office(draft: Draft, raw: str, address: Json, contacts: list[Json], place: str) -> Json:
    if not address and not contacts:
        return draft.linked(actors.xon, raw, place)
    made = actors.xon(raw, draft.text)
    actors.reached(made, [address] if address else [], contacts)
    return draft.add(place, made) if "resourceType" in made else {}


def care_team(  # who takes part, and in what
    draft: Draft, about: Json, members: list[Json], segments: list[Segment], place: str, more: Json | None = None
) -> Json:
    """Add the CareTeam of those who take part in the care; gives the Reference, ``{}`` when there is nobody."""
    if not members:
        return {}
    t = draft.text
    made: Json = {"resourceType": "CareTeam", "status": "active"} | about | {"participant": members} | (more or {})
    rols = [s for s in segments if s.name == "ROL"]
    reasons = [c for s in rols for raw in t.repetitions(s.field(8)) if (c := _specialty(raw, t))]
    contacts = [c for s in rols for raw in t.repetitions(s.field(12)) if (c := datatypes.xtn(raw, t))]
    put(made, "reasonCode", reasons)
    put(made, "telecom", contacts)
    return draft.add(place, made)


def apparatus(draft: Draft, prt: Segment, place: str) -> Json:
    """Add the Device that PRT-10, 16 to 22 describe; gives the Reference, ``{}`` when there is none."""
    t = draft.text
    made: Json = {}
    number = datatypes.ei(next(iter(t.repetitions(prt.field(10))), ""), t) if prt.field(10) else {}
    carrier = t.leaf(t.raw(prt.field(16), 1)) if prt.field(16) else ""
    put(made, "identifier", [number] if number else [])
    put(made, "udiCarrier", [{"deviceIdentifier": carrier}] if carrier else [])
    apply(_DEVICE, prt, made, draft, place)
    return draft.add(place, {"resourceType": "Device"} | made) if made else {}


_DEVICE: Final[Rows] = (
    Row(17, "manufactureDate", datatypes.moment),
    Row(18, "expirationDate", datatypes.moment),
    Row(19, "lotNumber", datatypes.text),
    Row(20, "serialNumber", datatypes.text),
    Row(21, "distinctIdentifier", datatypes.leaf),
    Row(22, "type", datatypes.concept("")),
)
