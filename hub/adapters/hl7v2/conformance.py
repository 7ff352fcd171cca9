"""What HL7 v2 itself says, by version: structures, fields, data types and tables, as hl7apy has them. The one door to hl7apy.

hl7apy holds 2.1 to 2.8.2; a version it does not hold is judged by the nearest before it. Its own validator is not used here: it takes
hundreds of times longer than a message may, stops at segments it cannot place, and quotes values. The tests hold this judge to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import hl7apy

VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
MANY: Final = -1  # of repetitions: as many as there are
# Table 0354 (2.5.1, 2.8.2): the structure of the events that have none of their own name
_STRUCTURES: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("ADT_A04", "ADT_A08", "ADT_A13"), "ADT_A01")
    | dict.fromkeys(("ADT_A14", "ADT_A28", "ADT_A31"), "ADT_A05")
    | {"ADT_A07": "ADT_A06", "ADT_A34": "ADT_A30", "ADT_A47": "ADT_A30", "RDE_O25": "RDE_O11"}
    | dict.fromkeys(("ADT_A10", "ADT_A11", "ADT_A12"), "ADT_A09")
    | dict.fromkeys(("ADT_A22", "ADT_A23", "ADT_A25", "ADT_A26", "ADT_A27", "ADT_A29"), "ADT_A21")
    | dict.fromkeys(("ADT_A18", "ADT_A40", "ADT_A41"), "ADT_A39")
    | dict.fromkeys(("MDM_T03", "MDM_T05", "MDM_T07", "MDM_T09", "MDM_T11"), "MDM_T01")
    | dict.fromkeys(("MDM_T04", "MDM_T06", "MDM_T08", "MDM_T10"), "MDM_T02")
    | dict.fromkeys(("REF_I13", "REF_I14"), "REF_I12")
    | dict.fromkeys(("RRI_I13", "RRI_I14"), "RRI_I12")
    | dict.fromkeys(("PPR_PC2", "PPR_PC3"), "PPR_PC1")
)
# ... and of events whose structure hl7apy has under their own names as well
_ONE_FOR_ALL: Final[Mapping[str, str]] = MappingProxyType(dict.fromkeys(tuple(f"SIU_S{n}" for n in range(13, 28)), "SIU_S12"))
# ... and before 2.4, when they were other ones
_BEFORE_2_4: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("ADT_A05", "ADT_A14", "ADT_A28", "ADT_A31"), "ADT_A01")
    | dict.fromkeys(tuple(f"ADT_A{n}" for n in (10, 11, 15, 21, 22, 23, 25, 26, 27, 29)), "ADT_A09")
    | {"ADT_A37": "ADT_A24"}
)


@dataclass(frozen=True, slots=True)
class Node:
    """A segment or a group of a message structure; a segment has no children. ``first``: what may begin it, ``inside``: all it holds."""

    name: str
    low: int
    high: int
    children: tuple["Node", ...]
    is_choice: bool
    first: frozenset[str]
    inside: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field, component or subcomponent may hold. ``table``: its HL7 table's number, "" = none; ``parts``: of a divided type."""

    low: int
    high: int
    datatype: str
    table: str
    parts: tuple["Rule", ...]


WITHDRAWN: Final = Rule(0, 0, "varies", "", ())


class Standard:
    """One version of HL7 v2."""

    def __init__(self, version: str) -> None:
        self.version: Final = version
        self._library: Final[Any] = hl7apy.load_library(version)
        self._elements: Final[Any] = self._library.ELEMENTS
        self._structures: Final[dict[str, Node | None]] = {}
        self._segments: Final[dict[str, tuple[Rule, ...]]] = {}
        self._types: Final[dict[str, tuple[Rule, ...]]] = {}

    def structure_of(self, trigger: str) -> str:
        """The name of the structure of ``ADT^A04``; "" when the version has none."""
        name = trigger.replace("^", "_")
        is_early = VERSIONS.index(self.version) < VERSIONS.index("2.4")
        names = (_ONE_FOR_ALL.get(name, ""), name, _BEFORE_2_4.get(name, "") if is_early else "", _STRUCTURES.get(name, ""))
        return next((n for n in names if self.has_structure(n)), "")

    def has_structure(self, name: str) -> bool:
        """Whether the version has a message structure of this name."""
        return name in self._elements["Message"]

    def structure(self, name: str) -> Node | None:
        """The message structure of a name."""
        if name not in self._structures:
            found = self._elements["Message"].get(name)
            self._structures[name] = _node(name, found, (1, 1)) if found else None
        return self._structures[name]

    def has_segment(self, name: str) -> bool:
        """Whether the version has a segment of this name."""
        return name in self._elements["Segment"]

    def fields(self, name: str) -> tuple[Rule, ...]:
        """The fields of a segment in order, () when the version has no such segment."""
        if name not in self._segments:
            found = self._elements["Segment"].get(name)
            self._segments[name] = _numbered(_children(found)) if found else ()
        return self._segments[name]

    def parts(self, datatype: str) -> tuple[Rule, ...]:
        """The components of a data type, () when it has none."""
        if datatype not in self._types:
            self._types[datatype] = _numbered(self._elements["Datatypes_Structs"].get(datatype, ()))
        return self._types[datatype]

    def table(self, number: str) -> tuple[str, ...]:
        """The codes of an HL7 table; () when the version does not have it or names none."""
        found = self._elements["Table"].get(f"HL7{number}")
        return tuple(found[1]) if found else ()


@lru_cache(maxsize=len(VERSIONS))
def _load(version: str) -> Standard:
    return Standard(version)


def standard(version: str) -> Standard:
    """The standard of MSH-12: that version, or the nearest before it that is held."""
    held = [v for v in VERSIONS if _order(v) <= _order(version)]
    return _load(held[-1] if held else VERSIONS[0])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdigit())


def _node(name: str, reference: Any, cardinality: tuple[int, int]) -> Node:
    children = tuple(_child(c) for c in _children(reference) if c[1] is not None)
    is_choice = reference[0] == "choice"
    inside = frozenset[str]().union(*(c.inside for c in children))
    low, high = cardinality
    return Node(name, low, high, children, is_choice, _first(children, is_choice=is_choice), inside)


def _children(reference: Any) -> Any:
    """The children of a reference; a few of the library's have none, or an only one that lacks its tuple."""
    found = (reference[1] or ()) if len(reference) > 1 and reference[0] in ("sequence", "choice") else ()
    return (found,) if found and isinstance(found[0], str) else found


def _child(child: Any) -> Node:
    name, reference, cardinality, kind = child
    if kind == "GRP":
        return _node(name, reference, cardinality)
    low, high = cardinality
    return Node(name, low, high, (), False, frozenset({name}), frozenset({name}))


def _first(children: tuple[Node, ...], *, is_choice: bool) -> frozenset[str]:
    found = frozenset[str]()
    for child in children:
        found |= child.first
        if child.low and not is_choice:
            break
    return found


def _numbered(children: Any) -> tuple[Rule, ...]:
    """Fields or components by their number: the library leaves out those that a version has withdrawn."""
    numbered = ((child[0].rpartition("_")[2], child) for child in children)
    rules = {int(number): _rule(child) for number, child in numbered if number.isdigit()}
    return tuple(rules.get(n, WITHDRAWN) for n in range(1, max(rules, default=0) + 1))


def _rule(child: Any) -> Rule:
    reference, cardinality = child[1], child[2]
    if reference is None:  # a field the library names and does not describe
        return Rule(0, MANY, "varies", "", ())
    parts = _numbered(_children(reference))
    if reference[2] == "TS" and parts:  # its first component is a time in every version; before 2.5 the library calls it a text
        parts = (replace(parts[0], datatype="DTM"), *parts[1:])
    low, high = cardinality
    return Rule(low, high, reference[2] or "varies", (reference[4] or "")[3:], parts)
