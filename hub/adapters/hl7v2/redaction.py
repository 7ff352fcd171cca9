"""A v2 message without some of its items: as if the sender had never written them.

What is left depends on nothing that was left out but where it stood. So numbers do not tell of a gap (set ids, OBX-4, ranks), a group of
which nothing is left goes, what may speak of something that went goes with it (notes of its group, reports beside it, an order that is
its child, summaries such as DRG), and only segments whose meaning is known are kept: no Z segment.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.item_tree import ORDERS, REASON, Tree, begins_item, tree
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.groups import Node
from hub.adapters.hl7v2.renumbering import closed_ranks, closed_set_ids, closed_sub_ids

# What is kept though it stands in no group. Whatever else is not in the tree is left out.
_CONTEXT: Final = frozenset((
    "MSH", "SFT", "UAC", "EVN", "PID", "PD1", "NK1", "ARV", "PV1", "PV2", "MRG", "GT1", "IN1", "IN2", "IN3", "ACC", "DB1", "SCH", "RGS",
    "RF1", "AUT", "PRD", "MSA",
))  # fmt: skip
_ABOUT_ALL: Final = frozenset({"MSH", "PID", "PV1", "SCH", "RF1"})  # a note under one of these may be about anything
_REPORTS: Final = frozenset({"TX", "FT", "ED", "RP"})  # OBX-2 of text and documents, which may hold the whole result
_DOCUMENTS: Final = frozenset({"ED", "RP"})
_HOW_SECRET: Final = frozenset({"V", "R", "N", "M", "L", "U", "Y"})
_LABELS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({"MSH": (8, 26), "PV2": (22,)})
_RESTRICTED: Final = "ALL"  # table 0717
_NO_KIND: Final = frozenset({"ALL", "NO", "OI", "OO", "SMD"})

Changes = dict[int, dict[int, str]]
"""Segment number -> field -> what is to stand there."""


def without(er7: Er7, content: Content, trigger: str, keys: Collection[str]) -> bytes | None:
    """The message without the items of these keys, each segment ended by CR; None when nothing of its subject is left."""
    shape = tree(content, trigger)
    if shape.head is not None and shape.head.place in keys:
        return None
    gone = _Gone(shape, frozenset(keys))
    if not gone.leave_a_subject():
        return None
    segments = list(enumerate(content))
    changes = closed_set_ids(segments, gone.numbers)
    for more in (closed_sub_ids(gone.touched, gone.numbers), closed_ranks(segments, gone.numbers), _said_less(segments, gone)):
        for number, fields in more.items():
            changes.setdefault(number, {}).update(fields)
    if REASON in keys:
        changes |= {n: {**changes.get(n, {}), 3: ""} for n, s in segments if s.name == "PV2"}
    kept = [(n, s) for n, s in segments if (n in gone.known or s.name in _CONTEXT) and n not in gone.numbers]
    lines = [_line(segment, changes.get(n, {})) for n, segment in kept]
    return "".join(f"{line}\r" for line in lines if line).encode(er7.encoding)


class _Gone:
    """Which segments go: the items asked for and what goes with them.

    numbers: of those segments. known: of all that stand in a group. touched: groups of which something went.
    """

    def __init__(self, shape: Tree, keys: frozenset[str]) -> None:
        self._shape: Final = shape
        self._nodes: Final = list(every(shape.root))
        self._above: Final[dict[int, Node]] = {id(child): node for node in self._nodes for child in node.children}
        self.known: Final = {number_of(node) for node in self._nodes}
        self.numbers: Final[set[int]] = set()
        for node in self._nodes:
            if node.place in keys:
                self._drop(node)
        self._drop_context()
        size = -1
        while size != len(self.numbers):  # until nothing more goes
            size = len(self.numbers)
            self._follow()

    def has(self, node: Node) -> bool:
        """Whether a node is gone."""
        return number_of(node) in self.numbers

    @property
    def touched(self) -> list[Node]:
        """The groups that are left and of which an item is not."""
        return [n for n in self._nodes if not self.has(n) and self._lost(n)]

    def leave_a_subject(self) -> bool:
        """Whether anything is left of what the message was sent for."""
        if self._shape.head is not None:
            return True
        left = (n for n in self._nodes if n.segment.name in self._shape.subjects and not self.has(n))
        return any(begins_item(n, self._above.get(id(n))) for n in left)

    def _drop(self, node: Node) -> None:
        self.numbers.update(map(number_of, every(node)))

    def _lost(self, node: Node) -> bool:
        """Whether an item went from a group itself or from the other half of its order."""
        return any(self.has(c) and begins_item(c, node) for c in node.children)

    def _drop_context(self) -> None:
        """Words about the whole message, and documents that may hold all of it."""
        for node in self._nodes:
            above = self._above.get(id(node))
            is_word = node.segment.name == "NTE" and above is not None and above.segment.name in _ABOUT_ALL
            is_document = node.segment.name == "OBX" and node.segment.field(2) in _DOCUMENTS and self._shape.are_results
            if is_word or is_document:
                self._drop(node)

    def _follow(self) -> None:
        """One round: children of what went, groups of which nothing is left, and what may speak of what went."""
        parents = _Parents([n.segment for n in self._nodes if self.has(n)])
        for node in self._nodes:
            if self.has(node) or not node.children:
                continue
            if self._is_empty(node) or (node.segment.name in ORDERS and parents.had(node)):
                self._drop(node)
            elif self._lost(node) and node.segment.name not in _ABOUT_ALL:
                for group in (node, self._above[id(node)]):
                    self._silence(group)

    def _silence(self, group: Node) -> None:
        """Notes and reports that stand beside what went; of an order, those of both its halves."""
        if group.segment.name in _ABOUT_ALL:
            return
        for child in group.children:
            if child.segment.name == "NTE" or (child.segment.name == "OBX" and child.segment.field(2) in _REPORTS):
                self._drop(child)

    def _is_empty(self, node: Node) -> bool:
        """An order of results that all went, or a specimen of which nothing is told any more."""
        name = node.segment.name
        if name == "SPM":
            told = [c for c in node.children if c.segment.name in ORDERS or c.segment.name == "OBX"]
        elif name in {"ORC", "OBR"} and self._shape.are_results:
            told = [n for n in every(node) if n.segment.name == "OBX"]
        else:
            return False
        return bool(told) and all(map(self.has, told))


class _Parents:
    """What went, as an order that is its child names it: by number (OBR-29, ORC-8), or by the code and sub-id of a result (OBR-26)."""

    def __init__(self, went: Sequence[Segment]) -> None:
        orders = [s for s in went if s.name in {"OBR", "ORC"}]
        self._numbers: Final = {text for s in orders for n in (2, 3) if (text := _words(s, n)[0])}
        results = [s for s in went if s.name == "OBX" and _words(s, 3)[0]]
        self._results: Final = {(_words(s, 3)[0], sub) for s in results for sub in ("", s.field(4))}

    def had(self, node: Node) -> bool:
        """Whether an order is a child of what went."""
        segments = [node.segment, *(c.segment for c in node.children)]
        return any(self._is_parent(s) for s in segments if s.name in {"OBR", "ORC"})

    def _is_parent(self, s: Segment) -> bool:
        if not self._numbers.isdisjoint(_words(s, 29 if s.name == "OBR" else 8)):
            return True
        code, sub, *_ = [*_words(s, 26), ""] if s.name == "OBR" else ["", ""]
        return bool(code) and (code, sub) in self._results


def _said_less(segments: Sequence[tuple[int, Segment]], gone: _Gone) -> Changes:
    """Fields that would speak of what went: the clinician's words in OBR-13, and of what kind the secret is (how secret may be said)."""
    asides = {number_of(p) for n in gone.touched for p in (n, *n.children) if p.segment.name == "OBR"}
    found: Changes = {number: {13: ""} for number in asides}
    for number, s in segments:
        said = {n: "" for n in _LABELS.get(s.name, ()) if s.field(n) and _words(s, n)[0] not in _HOW_SECRET}
        if s.name == "ARV":
            said = {4: ""} | ({} if set(s.field(3).split(s.delimiters.repetition)) <= _NO_KIND else {3: _RESTRICTED})
        if said:
            found.setdefault(number, {}).update(said)
    return found


def _line(segment: Segment, changes: Mapping[int, str]) -> str:
    """The segment as it is to be, "" where nothing of it is left; what is emptied at its end leaves no separators behind."""
    if not changes:
        return segment.line
    fields = [changes.get(n, text) for n, text in enumerate(segment.fields)]
    last = max((n for n, text in enumerate(fields) if text), default=0)
    if any(n > last for n, text in changes.items() if not text):
        fields = fields[: last + 1]
    if not any(fields[1:]):
        return ""
    return Segment(segment.name, fields, segment.delimiters, segment.encoding).line


def every(node: Node) -> Iterator[Node]:
    """A node and all below it, in order."""
    yield node
    for child in node.children:
        yield from every(child)


def number_of(node: Node) -> int:
    """Its place among all segments; the message itself is its header."""
    return int(node.place.partition("[")[2].rstrip("]") or 0)


def _words(segment: Segment, n: int) -> list[str]:
    """The first subcomponent of each component of a field, as written."""
    marks = segment.delimiters
    first = segment.field(n).split(marks.repetition, 1)[0]
    return [part.split(marks.subcomponent, 1)[0] for part in first.split(marks.component)]
