"""Who and what took part in an order or an observation: the PRT behind its segment.

Source: HL7 v2-to-FHIR ORU_R01, OML_O21 and VXU_V04 (which part is which element), PRT[PractitionerRole], PRT[Device],
PRT[Observation-Location]. Parts (PRT-4) are of table 0443: OP ordered, PRI interpreted, SC took the specimen, AP gave the vaccine,
ARI, TN and TR helped with the report.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, datatypes, roles
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json
from hub.adapters.hl7v2.mappings.groups import Node
from hub.adapters.hl7v2.mappings.rows import Draft

ORDERED: Final = frozenset({"OP"})
COLLECTED: Final = frozenset({"SC"})
INTERPRETED: Final = frozenset({"PRI"})
REPORTED: Final = frozenset({"ARI", "TN", "TR"})
_PLACE: Final = f"{EXTENSION}event-location"


def in_part(draft: Draft, nodes: Iterable[Node], parts: frozenset[str]) -> list[Json]:
    """Add the PractitionerRoles of those PRT among the nodes that have one of these parts; gives the References."""
    return [reference for _, reference in parted(draft, nodes, parts)]


def parted(draft: Draft, nodes: Iterable[Node], parts: frozenset[str]) -> Iterator[tuple[str, Json]]:
    """As ``in_part``, each with its part."""
    for node in nodes:
        part = datatypes.leaf(node.segment.field(4), draft.text) if node.kind == "PRT" else ""
        if part in parts and not roles.is_over(node.segment, draft.text):
            reference = role(draft, node)
            if reference:
                yield part, reference


def role(draft: Draft, node: Node) -> Json:
    """The PractitionerRole of a PRT, made once: several elements may refer to it, by the name of whom it names."""
    key = ("PRT", node.place)
    known = draft.known(key)
    if known is None:
        made = roles.practitioner_role(draft, node.segment, node.place)
        named = draft.resource(made) if made else {}
        shown = (named.get("practitioner") or named.get("organization") or {}).get("display")
        known = draft.keep(key, made | ({"display": shown} if shown else {}))
    return known


def observed(draft: Draft, nodes: Iterable[Node], made: Json) -> None:
    """Write the PRT behind an OBX into its Observation: who (PRT-5), with what (PRT-10), where (PRT-9 and 14)."""
    for node in nodes:
        if node.kind != "PRT" or roles.is_over(node.segment, draft.text):
            continue
        prt = node.segment
        if prt.field(5) and (who := role(draft, node)):
            made.setdefault("performer", []).append(who)
        if prt.field(10) and (device := roles.apparatus(draft, prt, f"{node.place}-10")):
            made.setdefault("device", device)
        where = _where(draft, prt, node.place)
        if where:
            made.setdefault("extension", []).append({"url": _PLACE, "valueReference": where})


def _where(draft: Draft, prt: Segment, place: str) -> Json:
    address = datatypes.xad(next(iter(draft.text.repetitions(prt.field(14))), ""), draft.text) if prt.field(14) else {}
    if not address:
        return actors.location(draft, prt.field(9), f"{place}-9") if prt.field(9) else {}
    levels = actors.pl(prt.field(9), draft.text) if prt.field(9) else []
    where = dict(levels[0]) if levels else {"resourceType": "Location", "mode": "instance"}
    outer = actors.chain(draft, levels[1:], f"{place}-9/outer") if levels[1:] else {}
    return draft.add(f"{place}-14", where | {"address": address} | ({"partOf": outer} if outer else {}))
