"""Insurance: IN1, IN2 and IN3 as Coverage, with who pays, who holds the policy and who is insured; GT1 as the one who guarantees."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coded, coding_of, put, table_concept
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date

_CLASS: Final = f"{codes.TERMINOLOGY}coverage-class"
_SUBSCRIBER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-subscriberId"
_MANAGER: Final = {"coding": [coding_of("http://snomed.info/sct", "768832004")], "text": "case manager"}
_SELF: Final = frozenset({"SEL", "PATIENT", "SELF", "18"})  # IN1-17, GT1-11: it is the patient
_relationship: Final = coded("Relationship")
_RELATIONS: Final = f"{codes.TERMINOLOGY}subscriber-relationship"
# 0063 -> subscriber-relationship, to which R4 binds Coverage.relationship (extensible: where one of its codes fits, it is there)
_SUBSCRIBERS: Final = {
    "SEL": "self", "SPO": "spouse", "DOM": "common", "CHD": "child", "NCH": "child", "SCH": "child", "PAR": "parent", "MTH": "parent",
    "FTH": "parent", "OTH": "other",
}  # fmt: skip
_plan_type: Final = table_concept("0086")


def _date(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


def _plans(field: str, t: Text) -> list[Json]:
    """CWE[Identifier] of the plan: its number, and what others call it."""
    found: list[Json] = []
    for raw in t.repetitions(field):
        parts = t.parts(raw)
        for n in (1, 4, 10):
            if value := t.part(parts, n):
                made: Json = {"value": value}
                put(made, "system", codes.coding_system(t.part(parts, n + 2)))
                found.append(made)
    return found


def _plan_class(raw: str, t: Text) -> Json:
    parts = t.parts(raw)
    value, name = t.part(parts, 1), t.part(parts, 2)
    return _of_class("plan", value or name, name) if value or name else {}


def _of_class(kind: str, value: str, name: str) -> Json:
    out: Json = {"type": {"coding": [coding_of(_CLASS, kind)]}, "value": value}
    put(out, "name", name)
    return out


def _policy(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"value": text, "type": {"text": "policy number"}} if text else {}


def _to_subscriber(raw: str, t: Text) -> Json:
    """IN1-17 by the guide, and in R4's own words beside that."""
    made = _relationship(raw, t)
    known = _SUBSCRIBERS.get(datatypes.leaf(raw, t).upper(), "") if t.raw(raw, 3) in {"", "HL70063"} else ""
    return made | {"coding": [*made["coding"], coding_of(_RELATIONS, known)]} if known else made


IN1: Final[Rows] = (
    Row(2, "class", _plan_class, many=True),
    Row(12, "period.start", datatypes.moment),
    Row(13, "period.end", datatypes.moment),
    Row(15, "type", _plan_type),
    Row(17, "relationship", _to_subscriber),
    Row(36, "identifier", _policy, many=True),
)
_INSURED: Final[Rows] = (
    Row(16, "name", datatypes.xpn, many=True),
    Row(17, "relationship", _relationship, many=True),
    Row(18, "birthDate", _date),
    Row(19, "address", datatypes.xad, many=True),
    Row(43, "gender", datatypes.mapped(codes.GENDER)),
)


def insured(draft: Draft, subject: Json) -> tuple[list[Json], list[Json]]:
    """Add the coverages of the message, with what IN2 and IN3 say of them; gives them, and those who guarantee (GT1)."""
    coverages: list[Json] = []
    guarantors: list[Json] = []
    for n, segment in enumerate(draft.content):
        place = f"{segment.name}[{n}]"
        match segment.name:
            case "IN1":
                coverages.append(coverage(draft, segment, subject, place))
            case "IN2" if coverages:
                more(draft, segment, draft.resource(coverages[-1]), subject)
            case "IN3":
                certification(draft, segment, subject, place)
            case "GT1":
                guarantors += [g] if (g := guarantor(draft, segment, subject, place)) else []
            case _:
                pass
    return coverages, guarantors


def coverage(draft: Draft, in1: Segment, subject: Json, place: str) -> Json:
    """Add the Coverage of an IN1; gives the Reference."""
    t = draft.text
    made: Json = {"resourceType": "Coverage"}
    put(made, "identifier", _plans(in1.field(2), t) if in1.field(2) else [])
    made["status"] = "active"
    apply(IN1, in1, made, draft, place)
    group = t.part(t.parts(next(iter(t.repetitions(in1.field(9))), "")), 1) if in1.field(9) else ""
    if t.leaf(in1.field(8)) or group:
        made.setdefault("class", []).append(_of_class("group", t.leaf(in1.field(8)) or group, group))
    if not made.get("period", True):
        del made["period"]
    made["beneficiary"] = subject
    _people(draft, in1, made, subject, place)
    subscribers = [i for raw in t.repetitions(in1.field(49)) if (i := datatypes.cx(raw, t))] if in1.field(49) else []
    subscribers += [i for i in _groups(in1, t) if _kind_of(i) == "SN"]
    if subscribers:
        made["extension"] = [{"url": _SUBSCRIBER, "valueIdentifier": i} for i in subscribers]
        made["subscriberId"] = subscribers[0]["value"]
    made["payor"] = [_payor(draft, in1, place)]
    return draft.add(place, made)


def _groups(in1: Segment, t: Text) -> list[Json]:
    """IN1-10: the numbers of the insured's employer as a group."""
    return [i for raw in t.repetitions(in1.field(10)) if (i := datatypes.cx(raw, t))] if in1.field(10) else []


def _kind_of(identifier: Json) -> str:
    coding = identifier.get("type", {}).get("coding", [{}])
    return str(coding[0].get("code", ""))


def _payor(draft: Draft, in1: Segment, place: str) -> Json:
    """IN1-4 at the address IN1-5, known by IN1-3; R4 demands one."""
    t = draft.text
    made = actors.xon(next(iter(t.repetitions(in1.field(4))), ""), t) if in1.field(4) else {}
    numbers = [i for raw in t.repetitions(in1.field(3)) if (i := datatypes.cx(raw, t))]
    addresses = [a for raw in t.repetitions(in1.field(5)) if (a := datatypes.xad(raw, t))] if in1.field(5) else []
    contacts = [c for raw in t.repetitions(in1.field(7)) if (c := datatypes.xtn(raw, t))] if in1.field(7) else []
    if not made and not numbers:
        return {"display": "unknown"}
    made = made or {"resourceType": "Organization"}
    put(made, "identifier", [*made.get("identifier", ()), *numbers])
    actors.reached(made, addresses, contacts)
    people = [{"name": name} for raw in t.repetitions(in1.field(6)) if (name := datatypes.xpn(raw, t))] if in1.field(6) else []
    put(made, "contact", people)
    return draft.add(f"{place}-4", made)


def _people(draft: Draft, in1: Segment, made: Json, subject: Json, place: str) -> None:
    """Who is insured (IN1-16, the patient where IN1-17 says so) and through whom (IN1-10, IN1-11)."""
    t = draft.text
    relation = datatypes.leaf(in1.field(17), t)
    if relation.upper() in _SELF:
        made["subscriber"] = subject
        _own_name(draft, in1, subject)
    elif in1.field(16):
        person = apply(_INSURED, in1, {"resourceType": "RelatedPerson", "patient": subject}, draft, f"{place}-16")
        if "name" in person:
            made["subscriber"] = draft.add(f"{place}-16", person)
    holder = actors.xon(next(iter(t.repetitions(in1.field(11))), ""), t) if in1.field(11) else {}
    numbers = _groups(in1, t)
    if holder or numbers:
        holder = holder or {"resourceType": "Organization"}
        put(holder, "identifier", [*holder.get("identifier", ()), *numbers])
        made["policyHolder"] = draft.add(f"{place}-11", holder)


def _own_name(draft: Draft, in1: Segment, subject: Json) -> None:
    """The patient's name as the insurer knows it."""
    t = draft.text
    names = draft.resource(subject).setdefault("name", [])
    for raw in t.repetitions(in1.field(16)) if in1.field(16) else ():
        name = datatypes.xpn(raw, t)
        if name and not any(_same(name, known) for known in names):
            names.append(name)
    if not names:
        draft.resource(subject).pop("name")


def _same(one: Json, other: Json) -> bool:
    return all(one.get(key) == other.get(key) for key in ("family", "given"))


def more(draft: Draft, in2: Segment, made: Json, subject: Json) -> None:
    """IN2: the numbers of the insured under public schemes (US), and the member's number."""
    t = draft.text
    schemes = ((6, "MC"), (8, "MA"), (10, "MI"))  # Medicare, Medicaid, military
    found = [{"value": v, "type": datatypes.identifier_type(kind)} for n, kind in schemes if (v := t.leaf(in2.field(n)))]
    found += [i for raw in t.repetitions(in2.field(61)) if (i := datatypes.cx(raw, t))] if in2.field(61) else []
    if found:
        made["identifier"] = [*made.get("identifier", ()), *found]
    insured = made.get("subscriber", {}).get("reference", "")
    numbers = [i for raw in t.repetitions(in2.field(1)) if (i := datatypes.cx(raw, t))] if in2.field(1) else []
    if insured and insured != subject.get("reference") and numbers:
        draft.resource(made["subscriber"]).setdefault("identifier", []).extend(numbers)


def certification(draft: Draft, in3: Segment, subject: Json, place: str) -> None:
    """IN3-21: who manages the case, as a CareTeam."""
    name = draft.text.leaf(in3.field(21))
    if not name:
        return
    member: Json = {"role": [_MANAGER], "member": {"display": name}}
    draft.add(place, {"resourceType": "CareTeam", "status": "active", "subject": subject, "participant": [member]})


_GUARANTOR: Final[Rows] = (
    Row(2, "identifier", datatypes.cx, many=True),
    Row(3, "name", datatypes.xpn, many=True),
    Row(5, "address", datatypes.xad, many=True),
    Row(6, "telecom", datatypes.xtn, many=True),
    Row(7, "telecom", datatypes.xtn, many=True),
    Row(8, "birthDate", _date),
    Row(9, "gender", datatypes.mapped(codes.GENDER)),
    Row(11, "relationship", _relationship, many=True),
)


def guarantor(draft: Draft, gt1: Segment, subject: Json, place: str) -> Json:
    """Account.guarantor of a GT1: the patient, an organisation (GT1-21) or a person; ``{}`` when it names nobody."""
    t = draft.text
    office = next(iter(t.repetitions(gt1.field(21))), "") if gt1.field(21) else ""
    if datatypes.leaf(gt1.field(11), t).upper() in _SELF:
        party = {"reference": subject["reference"]}
    elif office:
        party = draft.linked(actors.xon, office, f"{place}-21")
    else:
        person = apply(_GUARANTOR, gt1, {"resourceType": "RelatedPerson", "patient": subject}, draft, place)
        party = draft.add(place, person) if "name" in person else {}
    made: Json = {"party": party} if party else {}
    put(made, "period", datatypes.period(datatypes.leaf(gt1.field(13), t), datatypes.leaf(gt1.field(14), t), t) if party else {})
    return made
