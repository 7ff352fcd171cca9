"""Specimens: SPM, SAC, and what OBR says of the specimen of its order.

Source: HL7 v2-to-FHIR SPM[Specimen], OBR[Specimen], SPS[Specimen-Source]. The guide has no map for SAC: its container is one of the
specimen's (R4 "Specimen.container": HL7 v2.5.1 13.4.3, SAC-3 its number, SAC-9 its carrier, SAC-21 to 24 its volumes, SAC-27 its additive).
SPM-21, a reason for refusal, makes the specimen unsatisfactory (R4 specimen-status).

An OBR has a Specimen of its own only where it says something that is true of specimens alone (OBR-9, 10, 14, 15, 39): its times are the
observation's too, and an X-ray has no specimen. Where the order has SPM they speak of the same specimens, and SPM's word counts.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, datatypes, order_codes, order_types, participation, quantities
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coded, table_concept
from hub.adapters.hl7v2.mappings.groups import Node, Order
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.times import date_time, span

Specimens = Sequence[tuple[Json, Node]]  # each with its segment and what belongs to it
Numbers = Mapping[str, Json]
NONE: Final[Numbers] = MappingProxyType({})
_ONLY_OF_SPECIMENS: Final = (9, 10, 14, 15, 39)
_type: Final = coded("SpecimenType")
_additive: Final = coded("AdditivePreservative")
_condition: Final = coded("SpecimenCondition")
_site: Final = coded("BodySite")


def _text(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"text": text} if text else {}


def _remark(raw: str, t: Text) -> Json:
    """CWE[Annotation]: the whole field as text."""
    text = ", ".join(p for p in t.parts(raw) if p)
    return {"text": text} if text else {}


def _available(raw: str, t: Text) -> str:
    return order_codes.AVAILABILITY.get(datatypes.leaf(raw, t), "")


def _refused(raw: str, t: Text) -> str:
    return "unsatisfactory" if datatypes.leaf(raw, t) else ""


def _shipment(raw: str, t: Text) -> Json:
    return datatypes.ei(raw, t, "SHIP")


SPM: Final[Rows] = (
    Row(4, "type", _type),
    Row(7, "collection.method", coded("SpecimenCollectionMethod")),
    Row(8, "collection.bodySite", datatypes.concept("")),
    Row(12, "collection.quantity", quantities.cq),
    Row(14, "note", _text, many=True),
    Row(18, "receivedTime", datatypes.moment),
    Row(21, "status", _refused),  # before SPM-20: what was refused is of no use though it is there
    Row(20, "status", _available),
    Row(24, "condition", _condition, many=True),
    Row(30, "accessionIdentifier", datatypes.cx),
    Row(31, "identifier", datatypes.cx, many=True),
    Row(32, "identifier", _shipment, many=True),
)
_SPM_CONTAINER: Final[Rows] = (
    Row(6, "additiveCodeableConcept", _additive),
    Row(27, "type", datatypes.concept("")),
)
SAC: Final[Rows] = (
    Row(3, "identifier", datatypes.ei, many=True),
    Row(9, "type", table_concept("0378")),
    Row(27, "additiveCodeableConcept", _additive),
)
_SAC_VOLUMES: Final = ((21, "capacity"), (22, "specimenQuantity"))
_SAC_ACCESSION: Final[Rows] = (Row(2, "accessionIdentifier", datatypes.ei), Row(1, "accessionIdentifier", datatypes.ei))
OBR: Final[Rows] = (
    Row(9, "collection.quantity", quantities.cq),
    Link(10, "collection.collector", actors.xcn, many=False),
    Row(14, "receivedTime", datatypes.moment),
    Row(39, "note", _remark, many=True),
)


def specimens(draft: Draft, nodes: list[Node], subject: Json) -> list[tuple[Json, Node]]:
    """Add a Specimen for each SPM among the nodes; gives the References with what belongs to each."""
    return [(specimen(draft, node, subject), node) for node in nodes if node.kind == "SPM"]


def specimen(draft: Draft, node: Node, subject: Json) -> Json:
    """Add the Specimen of an SPM with its containers; gives the Reference."""
    made: Json = {"resourceType": "Specimen"}
    identifiers = order_types.eip(node.segment.field(2), draft.text)
    if identifiers:
        made["identifier"] = identifiers
    apply(SPM, node.segment, made, draft, node.place)
    _collected(made, *_span(node.segment, draft.text))
    parents = [
        p for n, raw in enumerate(draft.text.repetitions(node.segment.field(3))) if (p := _parent(draft, raw, f"{node.place}-3[{n}]"))
    ]
    if parents:
        made["parent"] = parents
    _containers(draft, node, made)
    made["subject"] = subject
    return draft.add(node.place, tidy(made))


def _span(spm: Segment, t: Text) -> tuple[str, str]:
    parts = t.parts(spm.field(17)) if spm.field(17) else []
    return date_time(t.at(t.part(parts, 1))), date_time(t.at(t.part(parts, 2)))


def _collected(made: Json, start: str, end: str) -> None:
    """When it was taken, unless that is known."""
    collection = made.setdefault("collection", {})
    if "collectedDateTime" in collection or "collectedPeriod" in collection:
        return
    if end:
        collection["collectedPeriod"] = span(start, end)
    elif start:
        collection["collectedDateTime"] = start


def _parent(draft: Draft, raw: str, place: str) -> Json:
    """SPM-3: the specimen this one was made of, by its numbers."""
    identifiers = order_types.eip(raw, draft.text)
    key = ("SPM-3", raw)
    return draft.once(key, place, lambda: {"resourceType": "Specimen", "identifier": identifiers}) if identifiers else {}


def _containers(draft: Draft, node: Node, made: Json) -> None:
    """The container that SPM speaks of, and those of SAC: the first SAC is the same one."""
    own = apply(_SPM_CONTAINER, node.segment, {}, draft, node.place)
    found = [own] if own else []
    for n, sac in enumerate(node.each("SAC")):
        into = found[0] if not n and found else {}
        apply(SAC, sac.segment, into, draft, sac.place)
        apply(_SAC_ACCESSION, sac.segment, made, draft, sac.place)
        units = quantities.units_of(sac.segment.field(24), draft.text)
        for number, element in _SAC_VOLUMES:
            volume = quantities.quantity(draft.text.leaf(sac.segment.field(number)), units)
            if volume:
                into.setdefault(element, volume)
        if into and into not in found:
            found.append(into)
    if found:
        made["container"] = found


def of_order(draft: Draft, group: Order, known: list[Json], subject: Json) -> list[Json]:
    """What OBR and PRT say of the order's specimens: into those that are known, or a Specimen of its own; gives the References to all."""
    obr, place = group.obr, f"{group.place}/specimen"
    takers = participation.in_part(draft, group.parts, participation.COLLECTED)
    if not takers and (obr is None or not any(obr.field(n) for n in _ONLY_OF_SPECIMENS)):
        return known
    found: list[Json] = [draft.resource(k) for k in known] or [{"resourceType": "Specimen"}]
    for made in found:
        collection = made.setdefault("collection", {})
        if takers:
            collection.setdefault("collector", takers[0])
        if obr is not None:
            source(obr.field(15), made, draft.text)
            apply(OBR, obr, made, draft, place)
            _collected(made, *_observed(obr, draft.text))
        tidy(made)
    return known or [draft.add(place, found[0] | {"subject": subject})]


def _observed(obr: Segment, t: Text) -> tuple[str, str]:
    return datatypes.moment(obr.field(7), t), datatypes.moment(obr.field(8), t)


def source(raw: str, made: Json, t: Text) -> None:
    """SPS[Specimen-Source] (OBR-15): components whose parts are subcomponents."""
    if not raw:
        return
    parts = [p.replace(t.subcomponent, t.component) for p in raw.split(t.component)] + [""] * 6
    kind, additive, site, condition = (
        make(parts[n], t) if parts[n] else {} for n, make in ((0, _type), (1, _additive), (3, _site), (5, _condition))
    )
    if kind:
        made.setdefault("type", kind)
    if additive:
        made.setdefault("container", [{}])[0].setdefault("additiveCodeableConcept", additive)
    if site:
        made.setdefault("collection", {}).setdefault("bodySite", site)
    if condition and "condition" not in made:
        made["condition"] = [condition]
    text = t.leaf(parts[2])
    if text:
        made.setdefault("note", []).append({"text": text})


def tidy(made: Json) -> Json:
    """Without the empty objects that rows with nested targets leave behind."""
    for key in [k for k, v in made.items() if v in ({}, [])]:
        del made[key]
    return made


def by_number(known: Specimens, t: Text) -> Numbers:
    """The message's specimens by each of their numbers."""
    found: dict[str, Json] = {}
    for reference, node in known:
        for identifier in order_types.eip(node.segment.field(2), t):
            found.setdefault(identifier["value"], reference)
    return found


def numbered(raw: str, known: Numbers, t: Text) -> Json:
    """The specimen an EIP names (OBX-33): the message's own if it has it, else by its number."""
    identifiers = order_types.eip(raw, t)
    found = next((known[i["value"]] for i in identifiers if i["value"] in known), None)
    return found or (order_types.logical(identifiers[0], "Specimen") if identifiers else {})
