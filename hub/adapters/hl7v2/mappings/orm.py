"""Orders: ORM^O01, OML^O21, OMG^O19. ORC, OBR and TQ1 are the ServiceRequest, RXO and its kin the MedicationRequest.

Source: HL7 v2-to-FHIR ORM_O01, OML_O21 and the segment maps named in ``service_request``. OMG, which has no map, is OML's (HL7 v2.5.1 4.4.4
and 4.4.6 differ in the groups' cardinality only). Earlier results that come with an order (PRIOR_RESULT: ORC-1 = PR, or after the
patient, the visit or the allergies repeated inside the order, up to the next ORC that asks for something) are reports that the order refers
to as supporting information, beside its own observations.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import datatypes, oru, pharmacy
from hub.adapters.hl7v2.mappings.allergies import allergies
from hub.adapters.hl7v2.mappings.conditions import diagnosis
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Grammar, Order, grammar, grouped, order
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.order_provenance import provenance
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.service_request import service_request
from hub.adapters.hl7v2.mappings.specimens import by_number, of_order, specimens

_DETAIL: Final = "NTE PRT TQ1 DG1 OBX SPM"
_PRIOR: Final = "PID:PRIOR PV1:PRIOR AL1:PRIOR PREVIOUS:PRIOR_ORC"
_GENERAL: Final = grammar(
    message="DG1 ORC NEW:ORC PREVIOUS:ORC OBR RXO", ORC=f"OBR! RXO! {_DETAIL}", OBR=_DETAIL, OBX="NTE PRT", SPM="OBX PRT SAC", SAC="OBX",
    RXO="NTE RXR RXC OBX",
)  # fmt: skip
_WITH_PRIOR: Final = grammar(
    message="DG1 ORC NEW:ORC PREVIOUS:ORC OBR", ORC=f"OBR! {_DETAIL} {_PRIOR}", OBR=f"{_DETAIL} {_PRIOR}",
    OBX="NTE PRT", SPM="OBX PRT SAC", SAC="OBX",
    PRIOR="PID PV1 AL1 ORC:PRIOR_ORC PREVIOUS:PRIOR_ORC OBR:PRIOR_OBR", PRIOR_ORC=f"OBR:PRIOR_OBR! {_DETAIL}", PRIOR_OBR=_DETAIL,
)  # fmt: skip
_GRAMMARS: Final[Mapping[str, Grammar]] = MappingProxyType({"O19": _WITH_PRIOR, "O21": _WITH_PRIOR})
_PREVIOUS: Final = "PR"  # 0119: previous results with a new order
_EARLIER: Final = frozenset({"RE", ""})  # ... observations to follow: earlier ones where earlier ones are told of


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add a request for each order of the message, with its notes, specimens and observations; gives References to them."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    root = grouped(draft.content, _GRAMMARS.get(draft.trigger, _GENERAL), partial(_named, draft.text))
    allergies(draft, subject)
    for node in root.each("DG1"):
        diagnosis(draft, node.segment, subject, visit, node.place)
    groups = (order(n) if n.kind != "RXO" else Order(n.place, None, None, [n]) for n in root.each("ORC", "OBR", "RXO"))
    return [_placed(draft, group, about) for group in groups]


def _named(t: Text, segment: Segment) -> str:
    """An ORC that asks for something opens an order, and is none of the earlier results before it."""
    if segment.name != "ORC":
        return segment.name
    control = datatypes.leaf(segment.field(1), t)
    return "PREVIOUS" if control == _PREVIOUS else "ORC" if control in _EARLIER else "NEW"


def _placed(draft: Draft, group: Order, about: Json) -> Json:
    visit = about.get("encounter", {})
    found = (diagnosis(draft, node.segment, about["subject"], visit, node.place) for node in group.each("DG1"))
    reasons = [{"reference": reason["reference"]} for reason in found if reason]
    drug = next(group.each("RXO"), None)
    if drug is not None:
        return pharmacy.ordered(draft, group, drug, about, reasons)
    made = service_request(draft, group, about)
    if reasons:
        made["reasonReference"] = reasons
    taken = specimens(draft, group.parts, about["subject"])
    oru.of_specimen(draft, taken, about)
    references = [reference for reference, _ in taken]
    references = of_order(draft, group, references, about["subject"])
    if references:
        made["specimen"] = references
    numbers = by_number(taken, draft.text)
    info = [reported(draft, obx, about, numbers) for obx in group.each("OBX")]
    earlier = [*group.each("PRIOR_ORC"), *(n for prior in group.each("PRIOR") for n in prior.each("PRIOR_ORC", "PRIOR_OBR"))]
    info += [oru.report(draft, order(n), about) for n in earlier]
    if info:
        made["supportingInfo"] = info
    reference = draft.add(group.place, made)
    if group.orc is not None:
        provenance(draft, group.orc, reference, group.place)
    return reference
