"""Referrals: REF^I12 to I14, and their answers, RRI^I12 to I14. RF1 is the ServiceRequest, PRD the professionals between whom it goes.

The guide has no map for them; this is HL7 v2.5.1 chapter 11 read by R4's definitions. RF1-3 is what is asked for (code), RF1-4 how it is
to be answered (orderDetail), RF1-5 the class of care (category), RF1-7 and 8 from when to when the referral holds (occurrencePeriod),
RF1-9 when it was made (authoredOn; RF1-7 where that is not said), RF1-10 and 14 why. The referring provider (PRD-1 = RP) is the requester,
the one referred to (RT) a performer, any other is supporting information; CTD is the contact of the provider before it. AUT is the payer's
word, a ClaimResponse that the request refers to as its insurance. An answer (RRI) is the same request in its new state: RF1-1 = R revokes
it. The results, procedures, diagnoses, allergies and observations sent along are supporting information.
"""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, order_codes, order_types, oru, professionals, quantities, schedules
from hub.adapters.hl7v2.mappings.allergies import allergies
from hub.adapters.hl7v2.mappings.conditions import diagnoses
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, table_concept
from hub.adapters.hl7v2.mappings.groups import Node, grammar, grouped, order
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.procedures import procedure
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import instant

_GRAMMAR: Final = grammar(
    message="RF1 AUT PRD PID NK1 DG1 AL1 PR1 OBR ORC OBX PV1 NTE",
    RF1="NTE", AUT="CTD", PRD="CTD", PID="NTE", ORC="OBR! NTE PRT OBX", OBR="NTE PRT OBX SPM",
    OBX="NTE PRT", SPM="OBX PRT SAC", SAC="OBX",
)  # fmt: skip
_CANCELLED: Final = "I14"
_role: Final = table_concept("0286")
_REFERRER: Final = "RP"  # 0286
_REFERRED_TO: Final = "RT"


def _status(raw: str, t: Text) -> str:
    return order_codes.REFERRAL_STATUS.get(datatypes.leaf(raw, t), "")


def _words(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"text": text} if text else {}


RF1: Final[Rows] = (
    Row(1, "status", _status),
    Row(2, "priority", schedules.priority),
    Row(3, "code", table_concept("0281")),
    Row(4, "orderDetail", table_concept("0282"), many=True),
    Row(5, "category", table_concept("0284"), many=True),
    Row(6, "identifier", datatypes.placer, many=True),
    Row(9, "authoredOn", datatypes.moment),
    Row(7, "authoredOn", datatypes.moment),
    Row(10, "reasonCode", table_concept("0336"), many=True),
    Row(11, "identifier", datatypes.filler, many=True),
    Row(14, "reasonCode", _words, many=True),
    Row(15, "quantityQuantity", quantities.cq),
    Row(24, "note", _words, many=True),
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the ServiceRequest with its professionals and what was sent along; gives a Reference to it."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMAR)
    made: Json = {"resourceType": "ServiceRequest", "intent": "order"} | about
    rf1 = next(root.each("RF1"), None)
    if rf1 is not None:
        apply(RF1, rf1.segment, made, draft, "RF1")
        _authorized(draft, rf1.segment, made)
        since, until = (datatypes.leaf(rf1.segment.field(n), draft.text) for n in (7, 8))
        datatypes.put(made, "occurrencePeriod", datatypes.period(since, until, draft.text))
    if "orderDetail" in made and "code" not in made:  # R4 prr-1
        made["code"] = order_types.NOT_SAID
    made.setdefault("status", "active")
    if draft.trigger == _CANCELLED:
        made["status"] = "revoked"
    info = _professionals(draft, root, made)
    said = notes(draft, [n for group in (root, *root.each("RF1", "PID")) for n in group.children])
    if said:
        made.setdefault("note", []).extend(said)
    info += [oru.report(draft, order(n), about) for n in root.each("ORC", "OBR")]
    info += [reported(draft, n, about) for n in root.each("OBX")]
    info += [p for n in root.each("PR1") if (p := procedure(draft, n.segment, about, n.place))]
    if info:
        made["supportingInfo"] = info
    allergies(draft, subject)
    diagnoses(draft, subject, visit)
    paid = [c for n in root.each("AUT") if (c := _authorization(draft, n, subject))]
    if paid:
        made["insurance"] = paid
    return [draft.add("RF1", made)]


def _authorized(draft: Draft, rf1: Segment, made: Json) -> None:
    """RF1-19 and 20 (version 2.8): the organisation and the professional who may carry it out."""
    t = draft.text
    for n, raw in enumerate(t.repetitions(rf1.field(19))):
        where = professionals.organization(draft, f"RF1-19[{n}]", raw)
        if where:
            made.setdefault("performer", []).append(where)
    for n, raw in enumerate(t.repetitions(rf1.field(20))):
        who = professionals.practitioner(draft, raw, f"RF1-20[{n}]")
        if who:
            made.setdefault("performer", []).append(who)


def _professionals(draft: Draft, root: Node, made: Json) -> list[Json]:
    """PRD by its role (table 0286); gives those who neither refer nor are referred to."""
    t, others = draft.text, []
    for node in root.each("PRD"):
        role = datatypes.leaf(node.segment.field(1), t)
        reference = _provider(draft, node)
        if not reference:
            continue
        if role == _REFERRER:
            made.setdefault("requester", reference)
        elif role == _REFERRED_TO:
            made.setdefault("performer", []).append(reference)
        else:
            others.append(reference)
    return others


def _provider(draft: Draft, prd: Node) -> Json:
    """PRD: a person (2, 3, 7) in a role (1), how to reach them (5 and CTD), from when to when (8, 9), for which organisation (10)."""
    t, segment, place = draft.text, prd.segment, prd.place
    person = _practitioner(segment, t)
    who = draft.add(f"{place}/who", person) if person else {}
    name, address = (next(iter(t.repetitions(segment.field(n))), "") for n in (10, 11))
    where = professionals.organization(draft, f"{place}/organization", name, address) if name or address else {}
    more: Json = {}
    phones = [p for raw in t.repetitions(segment.field(5)) if (p := datatypes.xtn(raw, t))]
    phones += [p for ctd in prd.each("CTD") for raw in t.repetitions(ctd.segment.field(5)) if (p := datatypes.xtn(raw, t))]
    if phones:
        more["telecom"] = phones
    span = datatypes.period(datatypes.leaf(segment.field(8), t), datatypes.leaf(segment.field(9), t), t)
    datatypes.put(more, "period", span)
    spot = actors.location(draft, segment.field(4), f"{place}/where") if segment.field(4) else {}
    datatypes.put(more, "location", [spot] if spot else [])
    code = _role(next(iter(t.repetitions(segment.field(1))), ""), t)
    return professionals.role(draft, place, who, code, where, more)


def _practitioner(prd: Segment, t: Text) -> Json:
    out: Json = {"resourceType": "Practitioner"}
    names = [name for raw in t.repetitions(prd.field(2)) if (name := datatypes.xpn(raw, t))]
    addresses = [a for raw in t.repetitions(prd.field(3)) if (a := datatypes.xad(raw, t))]
    numbers = [i for raw in t.repetitions(prd.field(7)) if (i := _number(raw, t))]
    for key, found in (("identifier", numbers), ("name", names), ("address", addresses)):
        if found:
            out[key] = found
    return out if names or numbers else {}


def _number(raw: str, t: Text) -> Json:
    """PLN: a number, its type (table 0338; HPR, HER and kin are no-basis systems), and until when it holds."""
    parts = t.parts(raw)
    value, kind = t.part(parts, 1), datatypes.code(t.part(parts, 2))
    if not value:
        return {}
    out: Json = {"value": value}
    datatypes.put(out, "system", datatypes.authority("", t, kind))
    datatypes.put(out, "type", order_types.concept(f"{codes.TERMINOLOGY}v2-0338", kind) if kind else {})
    datatypes.put(out, "period", datatypes.period("", t.part(parts, 4), t))
    return out


def _authorization(draft: Draft, aut: Node, subject: Json) -> Json:
    """AUT: what the payer has agreed to; gives the Reference, ``{}`` when it has no number."""
    t, segment = draft.text, aut.segment
    number = datatypes.ei(segment.field(6), t) if segment.field(6) else {}
    created = datatypes.moment(segment.field(10), t) or instant(draft.content.value("MSH", 7))
    if not number or not created:
        return {}
    company, name = (next(iter(t.repetitions(segment.field(n))), "") for n in (2, 3))

    def insurer() -> Json:
        made = order_types.coded_organization(company, t)
        text = t.part(t.parts(name), 1)
        return (made or {"resourceType": "Organization"}) | ({"name": text} if text else {}) if made or text else {}

    payer = draft.once(("AUT", company, name), f"{aut.place}/insurer", insurer)
    made: Json = {
        "resourceType": "ClaimResponse", "identifier": [number], "status": "active", "type": order_types.NOT_SAID,
        "use": "preauthorization",
        "patient": subject, "created": created, "insurer": payer or {"display": "unknown"}, "outcome": "complete",
        "preAuthRef": number["value"],
    }  # fmt: skip
    span = datatypes.period(datatypes.leaf(segment.field(4), t), datatypes.leaf(segment.field(5), t), t)
    datatypes.put(made, "preAuthPeriod", span)
    return draft.add(aut.place, made)
