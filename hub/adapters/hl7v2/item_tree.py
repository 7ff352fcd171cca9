"""What of a message is told apart when some of it must be left out: its segments as a tree, and which of them begin an item.

An item is what can go without the rest: an order with all under it, a result, a diagnosis, an allergy, a procedure, a prescription, a
document, a charge, an appointment. A message has a *subject*: what it was sent for. Where none of its subject is left, nothing is sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.groups import Grammar, Node, grammar, grouped

REASON: Final = "PV2-3"  # why the patient is here: a field that is an item of its own
_NOTES: Final = "NTE PRT"
_ORDER: Final = f"{_NOTES} TQ1 TQ2 CTD CTI DG1 OBX TXA FT1 BLG"
_DRUGS: Final = "RXO! RXE! RXD! RXG! RXA!"
_DRUG: Final = f"{_NOTES} TQ1 TQ2 RXR RXC OBX CDO"
_UNDER: Final = {
    "PID": f"{_NOTES} ROL", "PV1": "PRT ROL", "DG1": f"{_NOTES} ROL", "AL1": "NTE", "IAM": "NTE IAR", "PR1": f"{_NOTES} ROL", "OBX": _NOTES,
    "PRB": f"{_NOTES} ROL VAR OBX GOL PTH ORC OBR", "GOL": f"{_NOTES} ROL VAR OBX PTH ORC OBR", "PTH": f"{_NOTES} ROL VAR",
    "TXA": "NTE PRT OBX", "FT1": f"{_NOTES} PR1 DG1 ORC OBR OBX", "SCH": f"{_NOTES} TQ1", "RF1": _NOTES,
    "AIS": "NTE", "AIG": "NTE", "AIL": "NTE", "AIP": "NTE", "RXO": _DRUG, "RXE": _DRUG, "RXD": _DRUG, "RXG": _DRUG, "RXA": _DRUG,
}  # fmt: skip
_MESSAGE: Final = (
    "NTE PID PV1 ORC OBR RXO RXE RXD RXG RXA TXA DG1 AL1 IAM PR1 PRB GOL PTH FT1 SPM OBX SCH RF1 AIS AIG AIL AIP IN1 GT1 NK1 ACC"
)
_BY_ORDER: Final = grammar(
    **_UNDER, message=_MESSAGE, ORC=f"OBR! {_DRUGS} {_ORDER} SPM SAC", OBR=f"{_ORDER} SPM SAC", SPM="OBX< PRT SAC NTE", SAC="OBX< NTE",
)  # fmt: skip
# in OUL the ORC stands behind its OBR; some send it before, as in ORU
_SECOND: Final = {"OBR": f"ORC:SECOND_ORC< {_ORDER}", "ORC": f"OBR:SECOND_OBR! {_ORDER}", "SECOND_OBR": _ORDER, "SECOND_ORC": _ORDER}
_BY_SPECIMEN: Final = grammar(**_UNDER | _SECOND, message=_MESSAGE, SPM="OBX PRT SAC NTE ORC OBR", SAC="OBX NTE")
_ORDER_FIRST: Final = grammar(
    **_UNDER | {kind: f"{row} SPM SAC" for kind, row in _SECOND.items()}, message=_MESSAGE, SPM="OBX< PRT SAC NTE", SAC="NTE"
)
_GRAMMARS: Final[Mapping[str, Grammar]] = MappingProxyType({"R22": _BY_SPECIMEN, "R23": _BY_SPECIMEN, "R24": _ORDER_FIRST})

# segment that begins an item -> its FHIR resource type
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ORC": "ServiceRequest", "OBR": "ServiceRequest", "RXO": "MedicationRequest", "RXE": "MedicationRequest",
        "RXD": "MedicationDispense", "RXG": "MedicationRequest", "RXA": "Immunization", "OBX": "Observation", "DG1": "Condition",
        "AL1": "AllergyIntolerance",
        "IAM": "AllergyIntolerance", "PR1": "Procedure", "PRB": "Condition", "GOL": "Goal", "PTH": "CarePlan", "TXA": "DocumentReference",
        "FT1": "ChargeItem",
    }
)  # fmt: skip
ORDERS: Final = frozenset({"ORC", "OBR", "RXO", "RXE", "RXD", "RXG", "RXA"})
_LISTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(  # families whose subject is a list of items
    dict.fromkeys(("ORU", "OUL"), ORDERS | {"OBX"})
    | dict.fromkeys(("ORM", "OML", "OMG", "RDE", "RDS", "VXU"), ORDERS)
    | {"MDM": frozenset({"TXA"}), "PPR": frozenset({"PRB", "GOL", "PTH"}), "DFT": frozenset({"FT1"})}
)
_HEADS: Final[Mapping[str, str]] = MappingProxyType({"SIU": "SCH", "REF": "RF1", "RRI": "RF1"})
_HEAD_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"PV1": "Encounter", "SCH": "Appointment", "RF1": "ServiceRequest", "PID": "Patient"}
)
_ALLERGIES: Final = "A60"


@dataclass(frozen=True, slots=True)
class Tree:
    """A message in its groups. head: the segment that all hangs on, None where the subject is a list. subjects: kinds of its list."""

    root: Node
    head: Node | None
    subjects: frozenset[str]
    are_results: bool  # an order without results says nothing here

    @property
    def head_type(self) -> str:
        """The FHIR resource type of the head."""
        return _HEAD_TYPES[self.head.segment.name] if self.head else ""

    def items(self) -> Iterator[Node]:
        """The nodes that begin an item, in the order of the message; the head is not among them."""
        yield from _items(self.root)


def tree(content: Content, trigger: str) -> Tree:
    """The message's tree. trigger: ``ADT^A01``."""
    family, _, event = trigger.partition("^")
    root = grouped(content, _GRAMMARS.get(event, _BY_ORDER))
    subjects = frozenset({"IAM", "AL1"}) if event == _ALLERGIES else _LISTS.get(family, frozenset())
    head = None if subjects else _head(root, _HEADS.get(family, "PV1"))
    return Tree(root, head, subjects, family in {"ORU", "OUL"})


def begins_item(node: Node, above: Node | None) -> bool:
    """Whether a node is an item: not what is one with the order or the document it stands under."""
    name = node.segment.name
    if name not in TYPES or (above is not None and above.segment.name == "TXA"):
        return False
    return not (name in ORDERS and above is not None and above.segment.name in {"ORC", "OBR"})


def _items(node: Node) -> Iterator[Node]:
    for child in node.children:
        if begins_item(child, node):
            yield child
        yield from _items(child)


def _head(root: Node, name: str) -> Node | None:
    found = {child.segment.name: child for child in reversed(root.children)}
    return found.get(name) or found.get("PID")
