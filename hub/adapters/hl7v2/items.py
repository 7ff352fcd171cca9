"""The items of a v2 message: what a patient's consent may ask to be left out, with all that is asked about.

Which field says what, by segment: codes, when it was so, who wrote it, its own numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.item_tree import ORDERS, REASON, TYPES, Tree, tree
from hub.adapters.hl7v2.labels import OF_ITEMS, of_field, whole
from hub.adapters.hl7v2.mappings import actors, codes
from hub.adapters.hl7v2.mappings.content import Content, Text
from hub.adapters.hl7v2.mappings.datatypes import Json, cwe, cx, ei
from hub.adapters.hl7v2.mappings.groups import Node
from hub.adapters.hl7v2.mappings.times import span_us
from hub.identity import HUB_PROVIDER
from hub.model import Identifier, Item, Received

_TABLE: Final = f"{codes.TERMINOLOGY}v2-"
_CODED: Final = frozenset({"CE", "CWE", "CNE", "CF", "IS", "ID"})  # of OBX-2: the value is a code too
_VISIT_TABLES: Final = MappingProxyType({2: f"{_TABLE}0004", 4: f"{_TABLE}0007", 10: f"{_TABLE}0069"})
_ALLERGY_TABLES: Final = MappingProxyType({2: f"{_TABLE}0127"})

_FRAMES: Final = frozenset({"PV1", "PID"})


class Fields(NamedTuple):
    """Field numbers of a segment; defaults: code system by field where the message names none."""

    codes: tuple[int, ...] = ()
    times: tuple[int, ...] = ()
    people: tuple[int, ...] = ()  # XCN
    places: tuple[int, ...] = ()  # XON
    numbers: tuple[int, ...] = ()  # EI or CX
    defaults: Mapping[int, str] = MappingProxyType({})


FIELDS: Final[Mapping[str, Fields]] = MappingProxyType(
    {
        "ORC": Fields((16,), (9, 15), (12, 10), (21,), (2, 3, 4)),
        "OBR": Fields((4, 31, 44), (7, 8), (16, 32, 33, 34), (50,), (2, 3)),
        "RXO": Fields((1, 20)),
        "RXE": Fields((2, 27), (18,), (13,)),
        "RXD": Fields((2,), (3,), (10,), (), (7,)),
        "RXG": Fields((4,)),
        "RXC": Fields((2,)),
        "RXA": Fields((5, 19), (3, 4), (10,)),
        "OBX": Fields((3,), (14,), (16, 25), (23,), (21,)),
        "DG1": Fields((3,), (5,), (16,), (), (20,)),
        "AL1": Fields((3, 2), (6,), defaults=_ALLERGY_TABLES),
        "IAM": Fields((3, 2), (11, 13), (14,), (), (7,), _ALLERGY_TABLES),
        "PR1": Fields((3, 15), (5,), (8, 11, 12), (), (19,)),
        "PRB": Fields((3,), (16, 7, 9), (), (), (4,)),
        "GOL": Fields((3,), (2,), (), (), (4,)),
        "PTH": Fields((2,), (4,), (), (), (3,)),
        "TXA": Fields((2,), (4, 6), (5, 9, 10), (), (12,), MappingProxyType({2: f"{_TABLE}0270"})),
        "FT1": Fields((7, 19, 25), (4,), (20, 21), (), (23,)),
        "PV1": Fields((2, 4, 10), (44, 45), (7, 9), (), (19, 50), _VISIT_TABLES),
        "PV2": Fields((3,)),
        "SCH": Fields((6, 7, 8), (11,), (16, 20), (), (1, 2)),
        "RF1": Fields((3, 4, 10), (7, 8), (), (), (6, 11)),
    }
)  # fmt: skip


def items_of(content: Content, received: Received) -> tuple[Item, ...]:
    """Every item of the message; the first is what all of it hangs on, where there is such a thing."""
    reading, found = _Reading(content, received), []
    shape = tree(content, received.trigger)
    if shape.head is not None:
        found.append(reading.head(shape, shape.head))
    if shape.head is not None and shape.head.segment.name == "PV1" and content.field("PV2", 3):
        found.append(reading.reason())
    found += [reading.item(node) for node in shape.items()]
    return tuple(found)


class _Reading:
    """What the items of one message have in common."""

    def __init__(self, content: Content, received: Received) -> None:
        self._content: Final = content
        self._text: Final = content.text
        self._whole: Final = whole(content)
        self._source: Final = Identifier(HUB_PROVIDER, received.provider)
        self._came: Final = next(
            (s for s in (span_us(content.text.at(content.value(n, f))) for n, f in (("EVN", 6), ("EVN", 2), ("MSH", 7))) if s), None
        )
        self._links: Final = tuple(self._visits())

    def _visits(self) -> Iterator[Identifier]:
        for name, n in (("PV1", 19), ("PV1", 50), ("PV1", 54), ("PID", 18)):
            yield from self._each(self._content.field(name, n), cx)

    def head(self, shape: Tree, node: Node) -> Item:
        """What the message hangs on. Of a visit or a person why, and what is found, are items of their own; of the others they are not."""
        made = self._made(node.place, shape.head_type, [node.segment])
        first, last = (made.first_us, made.last_us) if made.first_us is not None or self._came is None else self._came
        ids = self._links if shape.head_type == "Encounter" else made.ids
        return replace(made, first_us=first, last_us=last, ids=ids, links=self._links, is_frame=node.segment.name in _FRAMES)

    def reason(self) -> Item:
        """PV2-3."""
        pv2 = self._content.segment("PV2")
        return self._made(REASON, "Condition", [pv2] if pv2 else [])

    def item(self, node: Node) -> Item:
        """An item with what is one with it: the order's ORC and OBR, a prescription's components."""
        segments, type_ = [node.segment], TYPES[node.segment.name]
        for part in _parts(node):
            segments.append(part.segment)
            if part.segment.name in ORDERS - {"ORC", "OBR"}:
                type_ = TYPES[part.segment.name]
        return self._made(node.place, type_, segments)

    def _made(self, key: str, type_: str, segments: list[Segment]) -> Item:
        said = [(s, FIELDS[s.name]) for s in segments if s.name in FIELDS]
        spans = [span for s, f in said for n in f.times if (span := span_us(self._text.at(self._first(s.field(n)))))]
        own = {label: None for s in segments for name, n in OF_ITEMS if s.name == name and (label := of_field(s, n, self._content))}
        authors = [i for s, f in said for n in f.people for i in self._each(s.field(n), actors.xcn)]
        authors += [i for s, f in said for n in f.places for i in self._each(s.field(n), actors.xon)]
        return Item(
            key=key,
            type=type_,
            labels=tuple(dict.fromkeys((*self._whole, *own))),
            codes=tuple(dict.fromkeys(c for s, f in said for c in self._codes(s, f))),
            first_us=min((first for first, _ in spans), default=None),
            last_us=max((last for _, last in spans), default=None),
            authors=tuple(dict.fromkeys((self._source, *authors))),
            ids=tuple(dict.fromkeys(i for s, f in said for n in f.numbers for i in self._each(s.field(n), ei))),
            links=self._links,
        )

    def _codes(self, segment: Segment, fields: Fields) -> Iterator[tuple[str, str]]:
        for n in fields.codes:
            yield from self._codings(segment.field(n), fields.defaults.get(n, ""))
        if segment.name == "OBX" and segment.field(2) in _CODED:
            yield from self._codings(segment.field(5), "")

    def _codings(self, raw: str, system: str) -> Iterator[tuple[str, str]]:
        for rep in self._text.repetitions(raw) if raw else ():
            yield from ((c.get("system", ""), c["code"]) for c in cwe(rep, self._text, system).get("coding", ()))

    def _each(self, raw: str, make: Callable[[str, Text], Json]) -> Iterator[Identifier]:
        for rep in self._text.repetitions(raw) if raw else ():
            made = make(rep, self._text)
            given: Iterable[Json] = made.get("identifier", ()) if "resourceType" in made else [made]
            yield from (Identifier(i.get("system", ""), i["value"]) for i in given if i.get("value"))

    def _first(self, raw: str) -> str:
        return self._text.part(self._text.parts(next(iter(self._text.repetitions(raw)), "")), 1) if raw else ""


def _parts(node: Node) -> Iterator[Node]:
    """What is one with an item: the other half of an order, the drug under it, a drug's components."""
    for child in node.children:
        if child.segment.name in ORDERS and node.segment.name in {"ORC", "OBR"}:
            yield child
            yield from _parts(child)
        elif child.segment.name == "RXC":
            yield child
