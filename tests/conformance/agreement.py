"""Two Bundles of the same message, field by field: what both say, what one says otherwise, and what only one says.

References agree when what they point to is aligned; moments are compared as instants, numbers by value, extensions by their url. Nothing
here knows which difference is whose fault.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.conformance.alignment import NAMES, Json, Names, Side, aligned, extended, is_silent, joined, matched, normal


class Outcome(StrEnum):
    AGREE = "agree"
    DIFFER = "differ"
    OURS = "only ours"
    THEIRS = "only theirs"


@dataclass(frozen=True)
class Leaf:
    """One field of one resource: its path from the type on, what both sides say there, as text, and how it came out."""

    resource: str
    path: str
    outcome: Outcome
    ours: str = ""
    theirs: str = ""
    names: Names = ()  # of what only one side has: (path, value) of what names the element or resource it stands in
    is_whole: bool = False  # the other side has no such resource at all
    is_following: bool = False  # a reference to a resource that only one side has: counted there
    roles: frozenset[str] = frozenset()  # where the resource, theirs if there is one, is referred to from: "Patient.identifier.assigner"

    @property
    def where(self) -> str:
        return f"{self.resource}.{self.path}"


def compared(ours: Json, theirs: Json) -> list[Leaf]:
    """Every leaf of two Bundles of one message."""
    mine, other = Side(ours), Side(theirs)
    pairs, alone_ours, alone_theirs = aligned(mine, other)
    same = frozenset(pairs)
    mine.alone, other.alone = frozenset(alone_ours), frozenset(alone_theirs)
    found: list[Leaf] = []
    for a, b in pairs:
        roles = other.roles[b] or mine.roles[a]
        _Comparison(mine, other, same, mine.resources[a]["resourceType"], roles, found).both(mine.resources[a], other.resources[b], "")
    for keys, side, outcome in ((alone_ours, mine, Outcome.OURS), (alone_theirs, other, Outcome.THEIRS)):
        for key in keys:
            resource = side.resources[key]
            _Comparison(mine, other, same, resource["resourceType"], side.roles[key], found, is_whole=True).alone(resource, "", outcome)
    return found


@dataclass(frozen=True)
class _Comparison:
    """Walks one aligned pair of resources and notes every leaf."""

    ours: Side
    theirs: Side
    same: frozenset[tuple[str, str]]
    kind: str
    roles: frozenset[str]
    found: list[Leaf]
    is_whole: bool = False

    def both(self, a: Any, b: Any, path: str) -> None:
        if isinstance(a, list) or isinstance(b, list):
            self._lists(a if isinstance(a, list) else [a], b if isinstance(b, list) else [b], path)
        elif isinstance(a, dict) and isinstance(b, dict):
            if "reference" in a and "reference" in b:
                self._references(a, b, path)
            else:
                self._dicts(a, b, path)
        elif isinstance(a, dict) or isinstance(b, dict):
            self.alone(a, path, Outcome.OURS)
            self.alone(b, path, Outcome.THEIRS)
        else:
            x, y = normal(a), normal(b)
            self._note(path, Outcome.AGREE if x == y else Outcome.DIFFER, x, y)

    def alone(self, node: Any, path: str, outcome: Outcome, names: Names = ()) -> None:
        """Everything below a node that the other side does not have."""
        side = self.ours if outcome is Outcome.OURS else self.theirs
        if isinstance(node, dict):
            names = names or tuple(word for word, _ in side.leaves(node, path) if NAMES.search(word[0]))
            if "reference" in node:
                self._one(f"{path}.reference", outcome, side.shown(node), names, side.leads_to_alone(node))
                return
            for key, value in node.items():
                if not is_silent(path, key):
                    self.alone(value, joined(path, key), outcome, names)
        elif isinstance(node, list):
            for n in node:
                self.alone(n, extended(path, n), outcome, names)
        elif node is not None:
            self._one(path, outcome, normal(node), names)

    def _dicts(self, a: Json, b: Json, path: str) -> None:
        for key in dict.fromkeys([*a, *b]):
            if is_silent(path, key):
                continue
            if key == "reference":  # the other side names whom it means without one
                node, outcome = (a, Outcome.OURS) if key in a else (b, Outcome.THEIRS)
                self.alone({key: node[key]}, path, outcome)
                continue
            here = joined(path, key)
            if key not in b:
                self.alone(a[key], here, Outcome.OURS)
            elif key not in a:
                self.alone(b[key], here, Outcome.THEIRS)
            else:
                self.both(a[key], b[key], here)

    def _lists(self, a: list[Any], b: list[Any], path: str) -> None:
        groups: dict[str, tuple[dict[int, Any], dict[int, Any]]] = {}
        for side, nodes in enumerate((a, b)):
            for n, node in enumerate(nodes):
                groups.setdefault(extended(path, node), ({}, {}))[side][n] = node
        for here, (mine, other) in groups.items():
            self._group(mine, other, here)

    def _group(self, mine: dict[int, Any], other: dict[int, Any], path: str) -> None:
        pairs = [(i, j) for i, a in mine.items() for j, b in other.items() if self._leads_to_same(a, b)]
        pairs = [p for n, p in enumerate(pairs) if not any(p[0] == q[0] or p[1] == q[1] for q in pairs[:n])]
        done = {i for i, _ in pairs}, {j for _, j in pairs}
        words = (
            {i: Counter(dict(self.ours.leaves(n, path))) for i, n in mine.items() if i not in done[0]},
            {j: Counter(dict(self.theirs.leaves(n, path))) for j, n in other.items() if j not in done[1]},
        )
        pairs += matched(*words)
        left = [i for i in mine if i not in {p[0] for p in pairs}], [j for j in other if j not in {p[1] for p in pairs}]
        if len(left[0]) == len(left[1]) == 1:
            pairs.append((left[0].pop(), left[1].pop()))
        for i, j in pairs:
            self.both(mine[i], other[j], path)
        for i in left[0]:
            self.alone(mine[i], path, Outcome.OURS)
        for j in left[1]:
            self.alone(other[j], path, Outcome.THEIRS)

    def _leads_to_same(self, a: Any, b: Any) -> bool:
        x, y = self.ours.target(a), self.theirs.target(b)
        return x is not None and y is not None and (x, y) in self.same

    def _references(self, a: Json, b: Json, path: str) -> None:
        is_same = self._leads_to_same(a, b) or a["reference"] == b["reference"]
        follows = self.ours.leads_to_alone(a) or self.theirs.leads_to_alone(b)
        outcome = Outcome.AGREE if is_same else Outcome.DIFFER
        said = self.ours.shown(a), self.theirs.shown(b)
        self.found.append(Leaf(self.kind, f"{path}.reference", outcome, *said, is_following=follows, roles=self.roles))

    def _one(self, path: str, outcome: Outcome, value: str, names: Names, follows: bool = False) -> None:  # noqa: FBT001, FBT002
        said = (value, "") if outcome is Outcome.OURS else ("", value)
        self.found.append(Leaf(self.kind, path, outcome, *said, names, self.is_whole, follows, self.roles))

    def _note(self, path: str, outcome: Outcome, ours: str, theirs: str) -> None:
        self.found.append(Leaf(self.kind, path, outcome, ours, theirs, roles=self.roles))
