"""Which segment belongs to which: a message's segments in the groups of its structure.

A grammar says, for each kind of segment, what may stand under it (HL7 v2.5.1 chapter 2.6.1, the abstract message syntax, without its
order and optionality: senders do not keep them). The segments are walked in order; each goes under the innermost open one that takes it,
and closes those further in. What nobody takes, a Z segment for one, is passed over and closes nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings.content import Content

MESSAGE: Final = "message"  # what every group is under
_PARTICIPANT: Final = "PRT"
_PAIR: Final = {"ORC", "OBR"}


class Rule(NamedTuple):
    """How a kind takes a segment: as which kind, and whether only once, or only before it has taken others."""

    kind: str
    is_single: bool
    is_first: bool

    def admits(self, taker: "Node") -> bool:
        """Whether a taker that holds what it holds takes one more."""
        if self.is_first:
            return taker.kinds <= {self.kind, _PARTICIPANT}
        return not (self.is_single and self.kind in taker.kinds)


Grammar = Mapping[str, Mapping[str, Rule]]


def grammar(**takers: str) -> Grammar:
    """A grammar from its rows: taker="NAME NAME:kind NAME! NAME<".

    ``:kind`` as another kind than its own name, ``!`` at most one, ``<`` only before all others but participants.
    """
    return {taker: dict(map(_rule, words.split())) for taker, words in takers.items()}


def _rule(word: str) -> tuple[str, Rule]:
    name, _, kind = word.rstrip("!<").partition(":")
    return name, Rule(kind or name, word.endswith("!"), word.endswith("<"))


@dataclass(slots=True, eq=False)
class Node:
    """A segment with those that belong to it. ``place`` is its own in the message: ``OBX[7]``, counted over all segments."""

    kind: str
    segment: Segment
    place: str
    children: list["Node"] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)  # of its children

    def each(self, *kinds: str) -> Iterator["Node"]:
        """The children of any of these kinds, in order."""
        return (c for c in self.children if c.kind in kinds)

    def first(self, kind: str) -> Segment | None:
        """The segment of the first child of a kind, or None."""
        return next((c.segment for c in self.children if c.kind == kind), None)


def grouped(content: Content, rules: Grammar, named: Callable[[Segment], str] | None = None) -> Node:
    """The message as a tree: the root stands for the message itself (its header), its children are the outermost groups.

    ``named``: what the grammar calls a segment, where its name does not tell all.
    """
    walk = enumerate(content)
    root = Node(MESSAGE, next(walk)[1], "MSH")
    path = [root]
    for n, segment in walk:
        name = named(segment) if named else segment.name
        for depth in range(len(path) - 1, -1, -1):
            taker = path[depth]
            rule = rules.get(taker.kind, {}).get(name)
            if rule is not None and rule.admits(taker):
                made = Node(rule.kind, segment, f"{segment.name}[{n}]")
                taker.children.append(made)
                taker.kinds.add(rule.kind)
                path[depth + 1 :] = [made]
                break
    return root


@dataclass(slots=True, eq=False)
class Order:
    """One order: its ORC and OBR (either may lack), whichever came first, and what belongs to them, in order."""

    place: str
    orc: Segment | None
    obr: Segment | None
    parts: list[Node]

    def each(self, *kinds: str) -> Iterator[Node]:
        """The parts of any of these kinds, in order."""
        return (p for p in self.parts if p.kind in kinds)


def order(node: Node) -> Order:
    """The order that an ORC or OBR opens: the other of the two stands under it."""
    name = node.segment.name
    other = next((c for c in node.children if {c.segment.name, name} == _PAIR), None)
    parts = [c for c in node.children if c is not other]
    if other is not None:
        parts += other.children
    pair = {name: node.segment} | ({other.segment.name: other.segment} if other is not None else {})
    return Order(node.place, pair.get("ORC"), pair.get("OBR"), parts)
