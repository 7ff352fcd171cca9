"""Medication: RDE^O11 and O25, RDS^O13, and the drug orders of ORM^O01. RXO and RXE are MedicationRequests, RXD the MedicationDispense.

Source: HL7 v2-to-FHIR RXO[MedicationRequest], RXR[MedicationRequest], TQ1[MedicationRequest]. The guide has no maps for RXE, RXD, RXC;
they follow HL7 v2.5.1 4.14 and R4. RXE is RXO's counterpart as the pharmacy understood it: intent filler-order, based on the RXO where
there is one; in O25, which asks for a refill, a proposal. RXD is what was handed out against it: its status is ORC-5's, else ORC-1's, else
completed once RXD-3 says when. Each RXC is an ingredient of the Medication: its strength is what there is of it in one (RXC-3), else its
own (RXC-5 and 8).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, order_codes, order_types, professionals, quantities, schedules
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coded, table_concept
from hub.adapters.hl7v2.mappings.groups import Node, Order, grammar, grouped, order
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.order_provenance import provenance
from hub.adapters.hl7v2.mappings.order_types import concept
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply

_DRUG: Final = "NTE PRT TQ1 RXR RXC"
_GRAMMAR: Final = grammar(
    message="ORC RXE RXO RXD", ORC="NTE PRT TQ1 RXO! RXE! RXD! OBX", RXO=_DRUG, RXE=f"{_DRUG} OBX", RXD=f"{_DRUG} OBX", OBX="NTE PRT",
)  # fmt: skip
_REFILL: Final = "O25"
_PER_DAY: Final[Json] = {"value": 1, "unit": "d", "system": quantities.UCUM, "code": "d"}
_ORDERED: Final = concept(f"{codes.TERMINOLOGY}dose-rate-type", "ordered")
_dispensing: Final = table_concept("0484")
_substituted: Final = table_concept("0167")

# What RXO, RXE and RXD call the same things: name -> field number in each
_FIELDS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "RXO": {"code": 1, "form": 5, "least": 2, "most": 3, "units": 4, "amount": 11, "amount_units": 12, "refills": 13,
                "strength": 18, "strength_units": 19, "volume": 25, "volume_units": 26, "daily": 23, "rate": 21, "rate_units": 22,
                "per": 17},
        "RXE": {"code": 2, "form": 6, "least": 3, "most": 4, "units": 5, "amount": 10, "amount_units": 11, "refills": 12,
                "strength": 25, "strength_units": 26, "volume": 33, "volume_units": 34, "daily": 19, "rate": 23, "rate_units": 24,
                "per": 22},
        "RXD": {"code": 2, "form": 6, "amount": 4, "amount_units": 5, "strength": 16, "strength_units": 17, "volume": 28,
                "volume_units": 29, "daily": 12},
    }
)  # fmt: skip


def _text(raw: str, t: Text) -> str:
    parts = t.parts(raw)
    return t.part(parts, 9) or t.part(parts, 2) or t.part(parts, 1)


def _instruction(raw: str, t: Text) -> Json:
    text = _text(raw, t)
    return {"text": text} if text else {}


def _prescription(raw: str, t: Text) -> Json:
    made = datatypes.ei(raw, t)
    return made | {"type": {"text": "prescription number"}} if made else {}


ORC: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(4, "groupIdentifier", order_types.typed("PGN")),
    Row(9, "authoredOn", datatypes.moment),
    Row(16, "statusReason", datatypes.cwe),
    Row(28, "meta.security", order_types.sensitivity, many=True),
)
RXO: Final[Rows] = (
    Row(9, "substitution.allowedCodeableConcept", coded("AllowSubstitution")),
    Row(20, "reasonCode", datatypes.cwe, many=True),
)
RXE: Final[Rows] = (
    Row(9, "substitution.allowedCodeableConcept", _substituted),
    Row(15, "identifier", _prescription, many=True),
    Row(27, "reasonCode", datatypes.cwe, many=True),
)
RXR: Final[Rows] = (
    Row(1, "route", coded("RouteOfAdministration")),
    Row(2, "site", coded("BodyParts")),
    Row(4, "method", coded("AdministrationMethod")),
    Row(5, "additionalInstruction", datatypes.cwe, many=True),
)
# administration instructions: for the patient and the nurse
_INSTRUCTIONS: Final[Mapping[str, Rows]] = MappingProxyType(
    {
        "RXO": (Row(6, "additionalInstruction", _instruction, many=True), Row(7, "patientInstruction", _text)),
        "RXE": (Row(7, "additionalInstruction", _instruction, many=True), Row(21, "patientInstruction", _text)),
        "RXD": (Row(15, "additionalInstruction", _instruction, many=True),),
    }
)


def _status(table: codes.Table, orc: Segment | None, t: Text) -> str:
    """By ORC-5, else by ORC-1."""
    if orc is None:
        return ""
    said = (table.get(datatypes.leaf(orc.field(n), t), "") for n in (5, 1))
    return next((s for s in said if s), "")


def _field(segment: Segment, name: str, t: Text) -> str:
    """One of ``_FIELDS`` as text."""
    number = _FIELDS[segment.name].get(name, 0)
    return datatypes.leaf(segment.field(number), t) if number and segment.field(number) else ""


def _of(segment: Segment, number: str, units: str, t: Text) -> Json:
    """A number and its unit, each a field of its own."""
    said = _FIELDS[segment.name].get(units, 0)
    return quantities.quantity(_field(segment, number, t), quantities.units_of(segment.field(said), t) if said else {})


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the requests and dispenses of the message; gives References to what it is about: the dispenses, else the requests."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    found: list[Json] = []
    for node in grouped(draft.content, _GRAMMAR).children:
        group = order(node) if node.kind == "ORC" else Order(node.place, None, None, [node])
        found += _placed(draft, group, about)
    return found


def _placed(draft: Draft, group: Order, about: Json) -> list[Json]:
    original, encoded, dispensed = (next(group.each(name), None) for name in ("RXO", "RXE", "RXD"))
    requests = []
    if original is not None:
        requests.append(ordered(draft, group, original, about, []))
    if encoded is not None:
        requests.append(_encoded(draft, group, encoded, about, requests))
    for node in (encoded, dispensed):
        for obx in node.each("OBX") if node is not None else ():
            reported(draft, obx, about | ({"basedOn": requests[-1:]} if requests else {}))
    for obx in group.each("OBX"):
        reported(draft, obx, about)
    if dispensed is None:
        return requests[-1:]
    return [_dispensed(draft, group, dispensed, about, requests)]


def ordered(draft: Draft, group: Order, rxo: Node, about: Json, reasons: list[Json]) -> Json:
    """Add the MedicationRequest of an RXO; gives the Reference."""
    made: Json = {"resourceType": "MedicationRequest", "intent": "original-order"} | about
    datatypes.put(made, "reasonReference", reasons)
    apply(RXO, rxo.segment, made, draft, rxo.place)
    return _request(draft, group, rxo, made)


def _encoded(draft: Draft, group: Order, rxe: Node, about: Json, based_on: list[Json]) -> Json:
    made: Json = {"resourceType": "MedicationRequest", "intent": "proposal" if draft.trigger == _REFILL else "filler-order"} | about
    apply(RXE, rxe.segment, made, draft, rxe.place)
    if based_on:
        made["basedOn"] = list(based_on)
    return _request(draft, group, rxe, made)


def _request(draft: Draft, group: Order, node: Node, made: Json) -> Json:
    """What RXO and RXE have in common."""
    t, segment, orc = draft.text, node.segment, group.orc
    if orc is not None:
        apply(ORC, orc, made, draft, f"{node.place}/ORC")
    made["status"] = _status(order_codes.MEDICATION_STATUS, orc, t) or "unknown"
    made["medicationReference"] = medication(draft, node)
    asker = professionals.requester(draft, orc, None, node.place) or _prescriber(draft, segment, node.place)
    if asker:
        made["requester"] = asker
    entered = _first(draft, orc.field(10), f"{node.place}/ORC-10") if orc is not None else {}
    if entered:
        made["recorder"] = entered
    plans = [schedules.of_tq1(n.segment, t) for n in _timing(group, node)] or _old_timing(group, segment, t)
    priority = next((p.priority for p in plans if p.priority), "")
    if priority:
        made["priority"] = priority
    _supply(draft, segment, made, node.place)
    dosages = _dosages(draft, node, plans)
    if dosages:
        made["dosageInstruction"] = dosages
    said = notes(draft, [*group.parts, *node.children])
    if said:
        made["note"] = said
    made = {k: v for k, v in made.items() if v not in ({}, [])}
    reference = draft.add(node.place, made)
    if orc is not None and not made.get("basedOn"):
        provenance(draft, orc, reference, node.place)
    return reference


def _first(draft: Draft, field: str, place: str) -> Json:
    raw = next(iter(draft.text.repetitions(field)), "")
    return professionals.practitioner(draft, raw, place) if raw else {}


def _prescriber(draft: Draft, segment: Segment, place: str) -> Json:
    """RXO-14, RXE-13: the prescriber by the number that prescribing takes."""
    number = {"RXO": 14, "RXE": 13}[segment.name]
    return _first(draft, segment.field(number), f"{place}-{number}")


def _timing(group: Order, node: Node) -> list[Node]:
    """The TQ1 of a request: of an RXE what the pharmacy made of the order (RDE_O11 TIMING_ENCODED), else, and of an RXO, the order's."""
    own, ordered = list(node.each("TQ1")), list(group.each("TQ1"))
    return own if own and node.kind == "RXE" else [*ordered, *own]


def _old_timing(group: Order, segment: Segment, t: Text) -> list[schedules.Schedule]:
    """ORC-7 and RXE-1, before version 2.5."""
    raw = (segment.field(1) if segment.name == "RXE" else "") or (group.orc.field(7) if group.orc is not None else "")
    return [schedules.of_tq(one, t) for one in t.repetitions(raw)] if raw else []


def _supply(draft: Draft, segment: Segment, made: Json, place: str) -> None:
    """How much to hand out, how often, at which pharmacy."""
    t = draft.text
    supply: Json = {}
    datatypes.put(supply, "quantity", _of(segment, "amount", "amount_units", t))
    refills = quantities.count(_field(segment, "refills", t))
    if refills is not None:
        supply["numberOfRepeatsAllowed"] = refills
    pharmacy = {"RXO": 32, "RXE": 40}[segment.name]
    if segment.field(pharmacy):
        raw = segment.field(pharmacy)
        datatypes.put(supply, "performer", draft.linked(order_types.coded_organization, raw, f"{place}-{pharmacy}"))
    if segment.name == "RXE" and segment.field(39):
        first = quantities.quantity(datatypes.leaf(segment.field(39), t), quantities.units_of(segment.field(11), t))
        datatypes.put(supply, "initialFill", {"quantity": first} if first else {})
    days = quantities.number(datatypes.leaf(segment.field(28), t)) if segment.name == "RXO" and segment.field(28) else ""
    if days:
        supply["dispenseInterval"] = {"value": days, "unit": "d", "system": quantities.UCUM, "code": "d"}
    datatypes.put(made, "dispenseRequest", supply)


def _dosages(draft: Draft, node: Node, plans: Iterable[schedules.Schedule]) -> list[Json]:
    """One Dosage for each schedule (one where there is none), each with the amount and the route."""
    t, segment = draft.text, node.segment
    base: Json = apply(_INSTRUCTIONS[segment.name], segment, {}, draft, node.place)
    amount = _amount(segment, t)
    if amount:
        base["doseAndRate"] = [amount]
    in_words = _unreadable(segment, amount, t)
    datatypes.put(base, "text", in_words)
    daily = quantities.cq(segment.field(_FIELDS[segment.name]["daily"]), t) if segment.field(_FIELDS[segment.name]["daily"]) else {}
    if daily:
        base["maxDosePerPeriod"] = {"numerator": daily, "denominator": _PER_DAY}
    for rxr in node.each("RXR"):
        apply(RXR, rxr.segment, base, draft, rxr.place)
    found = []
    for n, plan in enumerate(plans, 1):
        copy = {k: [dict(v) for v in vs] if k in {"doseAndRate", "additionalInstruction"} else vs for k, vs in base.items()}
        one = replace(plan, quantity={}) if in_words else plan  # not so many of a dose that is told in words
        found.append({"sequence": n} | schedules.dosage(one, copy))
    return [d for d in found if len(d) > 1] or ([base] if base else [])


def _amount(segment: Segment, t: Text) -> Json:
    """How much at a time: a number, or a range, and at which rate."""
    least, most = _of(segment, "least", "units", t), _of(segment, "most", "units", t)
    made: Json = {}
    if least != most and quantities.is_ordered(least, most):
        made["doseRange"] = {"low": least, "high": most}
    elif least or most:
        made["doseQuantity"] = least or most
    rate = _of(segment, "rate", "rate_units", t)
    if rate:
        _rate(made, rate, "" if "/" in rate.get("unit", "") else _field(segment, "per", t))
    if made and segment.name == "RXO":
        made["type"] = _ORDERED
    return made


def _unreadable(segment: Segment, amount: Json, t: Text) -> str:
    """The dose as it is written, where it is no number or no range: an order without its dose must not look like one."""
    least, most, unit = (_field(segment, name, t) for name in ("least", "most", "units"))
    is_read = "doseRange" in amount or ("doseQuantity" in amount and (not least or not most or least == most))
    said = "-".join(n for n in dict.fromkeys((least, most)) if n)
    return "" if is_read or not said else f"{said} {unit}".strip()


def _rate(made: Json, rate: Json, per: str) -> None:
    """RXE-23 per RXE-22 (``H1``: in an hour): a ratio; else, as where RXE-24 says the time itself (mL/h), a quantity."""
    unit = schedules.time_unit([per[:1], ""]) if per[1:].isdigit() and per[1:].isascii() else ""
    if unit and int(per[1:9]):
        time = {"value": int(per[1:9]), "unit": unit, "system": quantities.UCUM, "code": unit}
        made["rateRatio"] = {"numerator": rate, "denominator": time}
    else:
        made["rateQuantity"] = rate


def medication(draft: Draft, node: Node) -> Json:
    """Add the Medication of an RXO, RXE or RXD with its ingredients; gives the Reference."""
    t, segment = draft.text, node.segment
    names = _FIELDS[segment.name]
    code = datatypes.cwe(segment.field(names["code"]), t) if segment.field(names["code"]) else {}
    made: Json = {"resourceType": "Medication", "code": code or order_types.NOT_SAID}
    form = segment.field(names["form"])
    if form:
        datatypes.put(made, "form", datatypes.cwe(form, t))
    strength = _ratio(_of(segment, "strength", "strength_units", t), _of(segment, "volume", "volume_units", t))
    ingredients: list[Json] = [{"itemCodeableConcept": made["code"], "strength": strength}] if strength else []
    ingredients += [i for n in node.each("RXC") if (i := _ingredient(draft, n))]
    if ingredients:
        made["ingredient"] = ingredients
    if segment.name == "RXD" and (batch := _batch(segment, t)):
        made["batch"] = batch
    return draft.once(("Medication", repr(made)), f"{node.place}/medication", lambda: made)


def _ratio(part: Json, whole: Json) -> Json:
    return {"numerator": part, "denominator": whole or {"value": 1}} if part else {}


def _ingredient(draft: Draft, rxc: Node) -> Json:
    """RXC: what it is, how much of it, and whether it is what acts (an additive) or what carries it (the base)."""
    t, segment = draft.text, rxc.segment
    code = datatypes.cwe(segment.field(2), t) if segment.field(2) else {}
    if not code:
        return {}

    def said(number: int, units: int) -> Json:
        return quantities.quantity(datatypes.leaf(segment.field(number), t), quantities.units_of(segment.field(units), t))

    made: Json = {"itemCodeableConcept": code}
    kind = datatypes.leaf(segment.field(1), t)
    if kind in {"A", "B"}:
        made["isActive"] = kind == "A"
    strength = _ratio(said(3, 4), {}) or _ratio(said(5, 6), said(8, 9))
    if strength:
        made["strength"] = strength
    return made


def _batch(rxd: Segment, t: Text) -> Json:
    """RXD-18 and 19."""
    made: Json = {}
    datatypes.put(made, "lotNumber", datatypes.leaf(rxd.field(18), t))
    datatypes.put(made, "expirationDate", datatypes.moment(rxd.field(19), t))
    return made


def _dispensed(draft: Draft, group: Order, rxd: Node, about: Json, requests: list[Json]) -> Json:
    """Add the MedicationDispense of an RXD; gives the Reference."""
    t, segment = draft.text, rxd.segment
    made: Json = {"resourceType": "MedicationDispense", "subject": about["subject"]}
    if "encounter" in about:
        made["context"] = about["encounter"]
    when = datatypes.moment(segment.field(3), t)
    datatypes.put(made, "whenHandedOver", when)
    made["status"] = _status(order_codes.DISPENSE_STATUS, group.orc, t) or ("completed" if when else "unknown")
    made["medicationReference"] = medication(draft, rxd)
    datatypes.put(made, "quantity", _of(segment, "amount", "amount_units", t))
    datatypes.put(made, "type", _dispensing(segment.field(33), t) if segment.field(33) else {})
    number = _prescription(segment.field(7), t) if segment.field(7) else {}
    if requests or number:
        made["authorizingPrescription"] = requests[-1:] or [order_types.logical(number, "MedicationRequest")]
    _handed(draft, segment, made, rxd.place)
    dosages = _dosages(draft, rxd, [schedules.of_tq1(n.segment, t) for n in rxd.each("TQ1")])
    if dosages:
        made["dosageInstruction"] = dosages
    said: list[Any] = [{"text": text} for raw in t.repetitions(segment.field(9)) if (text := t.leaf(raw))] + notes(draft, rxd.children)
    if said:
        made["note"] = said
    return draft.add(rxd.place, made)


def _handed(draft: Draft, rxd: Segment, made: Json, place: str) -> None:
    """RXD-10 who handed it out, RXD-13 where to, RXD-30 which pharmacy did, RXD-11 whether another drug was given instead."""
    t = draft.text
    found = [
        {"actor": who}
        for n, raw in enumerate(t.repetitions(rxd.field(10)))
        if (who := professionals.practitioner(draft, raw, f"{place}-10[{n}]"))
    ]
    if rxd.field(30):
        house = draft.linked(order_types.coded_organization, rxd.field(30), f"{place}-30")
        found += [{"actor": house}] if house else []
    if found:
        made["performer"] = found
    datatypes.put(made, "destination", actors.location(draft, rxd.field(13), f"{place}-13") if rxd.field(13) else {})
    status = datatypes.leaf(rxd.field(11), t)
    if status:
        kind = _substituted(rxd.field(11), t)
        made["substitution"] = {"wasSubstituted": status not in {"N", "0"}, "type": kind}
