"""Results: ORU^R01, OUL^R22 to R24. Each OBR is a DiagnosticReport, each OBX an Observation, each SPM a Specimen.

What was done with a result, such as trying antibiotics on a germ that was found, is derived from it.
Behind the report stands the ServiceRequest that ordered it, where the message says more of it than the report can hold.

Source: HL7 v2-to-FHIR ORU_R01, OBR[DiagnosticReport], ORC[DiagnosticReport]; OUL, which the guide has no map for, is the same in another
order (HL7 v2.5.1 7.3.7 to 7.3.9): by specimen, by container, by order.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, datatypes, mdm, order_codes, order_types, participation, professionals
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Grammar, Node, Order, grammar, grouped, order
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply, extend
from hub.adapters.hl7v2.mappings.service_request import service_request
from hub.adapters.hl7v2.mappings.specimens import Specimens, by_number, of_order, specimens
from hub.adapters.hl7v2.mappings.times import date_time, span

_PARTS: Final = "NTE PRT TQ1 OBX"
_UNDER: Final = {"PID": "NTE PRT OBX", "PV1": "PRT OBX", "OBX": "NTE PRT", "SPM": "OBX PRT SAC", "SAC": "OBX"}
_BY_ORDER: Final = grammar(**_UNDER, message="PID PV1 ORC OBR OBX SPM", ORC=f"OBR! {_PARTS} TXA", OBR=f"{_PARTS} SPM")
# in OUL the ORC stands behind its OBR; some send it before, as in ORU
_BY_SPECIMEN: Final = grammar(
    **_UNDER | {"SPM": "OBX PRT SAC ORC OBR"}, message="PID PV1 SPM ORC OBR OBX",
    OBR=f"ORC:SECOND_ORC< {_PARTS} TXA", ORC=f"OBR:SECOND_OBR! {_PARTS} TXA", SECOND_OBR=f"{_PARTS} TXA", SECOND_ORC=f"{_PARTS} TXA",
)  # fmt: skip
_ORDER_FIRST: Final = grammar(  # a container has no observations: what follows it are the order's results
    **_UNDER | {"SPM": "OBX< PRT SAC", "SAC": ""}, message="PID PV1 ORC OBR OBX SPM",
    OBR=f"ORC:SECOND_ORC< {_PARTS} SPM TXA", ORC=f"OBR:SECOND_OBR! {_PARTS} SPM TXA",
    SECOND_OBR=f"{_PARTS} SPM TXA", SECOND_ORC=f"{_PARTS} SPM TXA",
)  # fmt: skip
_GRAMMARS: Final[Mapping[str, Grammar]] = MappingProxyType({"R22": _BY_SPECIMEN, "R23": _BY_SPECIMEN, "R24": _ORDER_FIRST})
_ORDERED: Final = (5, 6, 11, 13, 16, 17, 27, 29, 31, 46, 47, 53)  # of OBR: what only an order can say
_ASKED: Final = frozenset({"QST", "SCI"})  # 0936: answers that came with the order, no results of it
_FUNCTIONS: Final = ((34, "SPRF"), (35, "TRANS"))  # OBR field, v3-ParticipationType


def _status(raw: str, t: Text) -> str:
    return order_codes.REPORT_STATUS.get(datatypes.leaf(raw, t), "")


def _reason(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t)
    return {"url": f"{datatypes.EXTENSION}event-statusReason", "valueCodeableConcept": concept} if concept else {}


ORC: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(16, "extension", _reason, many=True),
    Row(28, "meta.security", order_types.sensitivity, many=True),
)
OBR: Final[Rows] = (
    Row(4, "code", datatypes.concept("")),
    Row(22, "issued", datatypes.point),
    Row(24, "category", datatypes.coded("DiagnosticServiceSectionID"), many=True),
    Row(25, "status", _status),
)
_OBR_NUMBERS: Final = ((2, datatypes.placer), (3, datatypes.filler))


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the reports and observations of the message; gives References to the reports, or to the observations if there are none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMARS.get(draft.trigger, _BY_ORDER))
    reports: list[Json] = []
    loose: list[Json] = []
    for node in root.children:
        if node.kind in {"ORC", "OBR"}:
            reports.append(report(draft, order(node), about))
        elif node.kind == "SPM":
            reports += _by_specimen(draft, node, about)
        elif node.kind == "OBX":
            loose.append(reported(draft, node, about))
        else:  # the patient's and the visit's own
            loose += [reported(draft, obx, about) for obx in node.each("OBX")]
    return reports or loose


def _by_specimen(draft: Draft, node: Node, about: Json) -> list[Json]:
    """OUL^R22 and R23: a specimen, what is said of it, and the orders it was taken for."""
    known = specimens(draft, [node], about["subject"])
    of_specimen(draft, known, about)
    return [report(draft, order(n), about, known) for n in node.each("ORC", "OBR")]


def of_specimen(draft: Draft, known: Specimens, about: Json) -> list[Json]:
    """Add the observations of the specimens themselves, and of their containers; gives the References."""
    found = []
    for reference, node in known:
        nodes = [*node.each("OBX"), *(obx for sac in node.each("SAC") for obx in sac.each("OBX"))]
        found += [reported(draft, obx, about | {"focus": [reference], "specimen": reference}) for obx in nodes]
    return found


def report(draft: Draft, group: Order, about: Json, given: Specimens = ()) -> Json:
    """Add the DiagnosticReport of an order with its specimens, results and request; ``given`` are specimens it stands under."""
    made: Json = {"resourceType": "DiagnosticReport"} | about
    _said(draft, group, made)
    own = specimens(draft, group.parts, about["subject"])
    known = [*given, *own]
    taken = [reference for reference, _ in known]
    taken = of_order(draft, group, taken, about["subject"])
    if taken:
        made["specimen"] = taken
    request = _request(draft, group, about, taken)
    if request:
        made["basedOn"] = [request]
    shared = about | _effective(group.obr, draft.text) | {"code": made["code"]} | ({"specimen": taken[0]} if len(taken) == 1 else {})
    numbers = by_number(known, draft.text)
    results = _results(group)
    found = [reported(draft, obx, shared, numbers) for obx in results]
    _descend(draft, group, results, found)
    of_own = of_specimen(draft, own, about)
    if found or of_own:
        made["result"] = found or of_own  # a sender may put all results after the specimen
    return draft.add(group.place, made)


def _descend(draft: Draft, group: Order, results: list[Node], found: list[Json]) -> None:
    """Tie results to the result they were made for: which germ it is that an antibiotic was tried on (OBR-26, 29; HL7 v2.5.1 7.4.1.26)."""
    t = draft.text
    parent = _parent_result(draft, group.obr) if group.obr is not None and group.obr.field(26) else {}
    if parent:
        for reference in found:
            draft.resource(reference)["derivedFrom"] = [{"reference": parent["reference"]}]
    own = [s.field(n) for s in (group.orc, group.obr) if s is not None for n in (2, 3)]
    orders = dict.fromkeys(["", *(t.part(t.parts(raw), 1) for raw in own if raw)])
    for node, reference in zip(results, found, strict=True):
        code, sub_id = (datatypes.leaf(node.segment.field(n), t) for n in (3, 4))
        for order_number in orders:
            key = ("result", order_number, code, sub_id)
            draft.keep(key, reference if draft.known(key) is None else {})  # of two that are called the same none is meant


def _parent_result(draft: Draft, obr: Segment) -> Json:
    """The result that OBR-26 names by its code and sub-id, of the order that OBR-29 names; ``{}`` when it is not before it here."""
    t = draft.text
    code, sub_id = (t.part([t.leaf(p) for p in t.raw(obr.field(26), n).split(t.subcomponent)], 1) for n in (1, 2))
    asked = [t.leaf(t.raw(obr.field(29), n).split(t.subcomponent)[0]) for n in (1, 2)] if obr.field(29) else []
    found = [r for order_number in [n for n in asked if n] or [""] if (r := draft.known(("result", order_number, code, sub_id)))]
    return found[0] if code and found else {}


def _said(draft: Draft, group: Order, made: Json) -> None:
    """What ORC and OBR say of the report itself."""
    orc, obr = group.orc, group.obr
    if orc is not None:
        apply(ORC, orc, made, draft, f"{group.place}/report")
        numbers = order_types.group_number(orc.field(4), draft.text) if orc.field(4) else []
        if numbers:
            made.setdefault("identifier", []).extend(numbers)
    if obr is not None:
        apply(OBR, obr, made, draft, f"{group.place}/report")
        _numbers(obr, orc, made, draft.text)
        _people(draft, obr, made, f"{group.place}/OBR")
    extend(made, "performer", participation.in_part(draft, group.parts, participation.REPORTED))
    extend(made, "resultsInterpreter", participation.in_part(draft, group.parts, participation.INTERPRETED))
    made.setdefault("status", "unknown")
    made.setdefault("code", order_types.NOT_SAID)
    made |= _effective(obr, draft.text)


def _numbers(obr: Segment, orc: Segment | None, made: Json, t: Text) -> None:
    """OBR-2 and 3 where the order's ORC-2 and 3 do not say them."""
    found = [n for i, make in _OBR_NUMBERS if obr.field(i) and not (orc and orc.field(i)) and (n := make(obr.field(i), t))]
    if found:
        made["identifier"] = [*found, *made.get("identifier", ())]


def _people(draft: Draft, obr: Segment, made: Json, place: str) -> None:
    """OBR-32 who interpreted, 34 the technicians, 35 who wrote it down."""
    if len(obr.fields) <= 32:
        return
    t = draft.text
    interpreters = [i for n, raw in enumerate(t.repetitions(obr.field(32))) if (i := professionals.ndl(draft, raw, f"{place}-32[{n}]"))]
    if interpreters:
        made["resultsInterpreter"] = interpreters
    for number, function in _FUNCTIONS:
        concept = order_types.concept(f"{codes.TERMINOLOGY}v3-ParticipationType", function)
        extension = [{"url": professionals.FUNCTION, "valueCodeableConcept": concept}]
        for n, raw in enumerate(t.repetitions(obr.field(number))):
            who = professionals.ndl(draft, raw, f"{place}-{number}[{n}]")
            if who:
                made.setdefault("performer", []).append(who | {"extension": extension})


def _request(draft: Draft, group: Order, about: Json, taken: list[Json]) -> Json:
    """The order behind the report, where the message says anything of it that the report cannot hold."""
    orc, obr = group.orc, group.obr
    asked = [p for p in group.each("OBX") if len(p.segment.fields) > 29 and p.segment.field(29) in _ASKED]
    has_more = asked or any(p.kind in {"NTE", "TQ1", "TXA"} or _is_orderer(p, draft.text) for p in group.parts)
    if orc is None and not has_more and not (obr is not None and any(obr.field(n) for n in _ORDERED)):
        return {}
    made = service_request(draft, group, about)
    if taken:
        made["specimen"] = taken
    info = [reported(draft, obx, about) for obx in asked] + mdm.order_documents(draft, group, about)
    if info:
        made["supportingInfo"] = info
    return draft.add(f"{group.place}/order", made)


def _is_orderer(node: Node, t: Text) -> bool:
    return node.kind == "PRT" and datatypes.leaf(node.segment.field(4), t) in participation.ORDERED


def _results(group: Order) -> list[Node]:
    """The OBX that are results: not the answers that came with the order, nor what stands before a TXA (a document of the order)."""
    documents = {p.place for p in mdm.documents_in(group)}
    return [p for p in group.each("OBX") if p.place not in documents and not (len(p.segment.fields) > 29 and p.segment.field(29) in _ASKED)]


def _effective(obr: Segment | None, t: Text) -> Json:
    if obr is None:
        return {}
    start, end = (date_time(t.at(t.part(t.parts(obr.field(n)), 1))) for n in (7, 8))
    if start and end and start != end:
        return {"effectivePeriod": span(start, end)}
    if end and not start:
        return {"effectivePeriod": {"end": end}}
    return {"effectiveDateTime": start} if start else {}
