"""Which resource of one Bundle answers to which of the other: by what they hold, never by position or id."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

Json = dict[str, Any]
Names = tuple[tuple[str, str], ...]
Words = Counter[tuple[str, str]]  # (path, value) of every leaf of a node

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_UNSAID: Final = frozenset({"id", "fullUrl", "text", "resourceType"})  # of a resource: made, not said by the message
# one a message: the same whatever they hold
_ALONE: Final = frozenset({"Patient", "Encounter", "MessageHeader", "Appointment", "DocumentReference"})
NAMES: Final = re.compile(
    r"(identifier|telecom)\.value|(^|\.)code\.(coding\.code|text)|name(\.(family|given))?|vaccineCode\..*|medication.*code"
)
_NAME_WEIGHT: Final = 5
_SAME_AGAIN: Final = 0.5  # how alike a resource said twice must be to the one it is aligned with


class Side:
    """One Bundle's resources by key, and where its references lead."""

    def __init__(self, bundle: Json) -> None:
        self.resources: dict[str, Json] = {}
        self._by_url: dict[str, str] = {}
        self.alone: frozenset[str] = frozenset()  # keys of those that the other side does not have
        for n, entry in enumerate(bundle.get("entry", ())):
            resource = entry["resource"]
            key = str(n)
            self.resources[key] = resource
            self._by_url[entry.get("fullUrl", "")] = key
            self._by_url[f"{resource['resourceType']}/{resource.get('id')}"] = key
        self.roles: dict[str, frozenset[str]] = dict.fromkeys(self.resources, frozenset())
        for resource in self.resources.values():
            for path, target in self._references(resource, resource["resourceType"]):
                self.roles[target] |= {path}
        self.words: Mapping[str, Words] = {k: Counter(dict(self.leaves(r))) for k, r in self.resources.items()}

    def target(self, node: Any) -> str | None:
        return self._by_url.get(node["reference"]) if isinstance(node, dict) and isinstance(node.get("reference"), str) else None

    def _references(self, node: Any, path: str) -> Iterator[tuple[str, str]]:
        target = self.target(node)
        if target is not None:
            yield path, target
        elif isinstance(node, dict):
            for key, value in node.items():
                yield from self._references(value, f"{path}.{key}")
        elif isinstance(node, list):
            for n in node:
                yield from self._references(n, path)

    def leaves(self, node: Any, path: str = "") -> Iterator[tuple[tuple[str, str], int]]:
        """((path, value), 1) of every leaf; a reference by the type it leads to."""
        if isinstance(node, dict):
            target = self.target(node)
            if target is not None:
                yield (f"{path}.reference", self.resources[target]["resourceType"]), 1
                return
            for key, value in node.items():
                if path or key not in _UNSAID:
                    yield from self.leaves(value, joined(path, key))
        elif isinstance(node, list):
            for n in node:
                yield from self.leaves(n, extended(path, n))
        elif node is not None:
            yield (path, normal(node)), 1

    def leads_to_alone(self, node: Any) -> bool:
        """Whether a reference leads nowhere, or to a resource that the other side does not have."""
        target = self.target(node)
        return target in self.alone or (target is None and isinstance(node.get("reference"), str))

    def shown(self, node: Any) -> str:
        """A reference as text for the reader."""
        target = self.target(node)
        if target is None:
            return str(node.get("reference", ""))
        resource = self.resources[target]
        said = [v for (path, v), _ in self.leaves(resource) if NAMES.search(path)]
        return f"{resource['resourceType']}({', '.join(said[:3])})"


def normal(value: Any) -> str:
    """A primitive as it is compared."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    text = " ".join(str(value).split())
    if _MOMENT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")
    return text


def joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def is_silent(path: str, key: str) -> bool:
    """What is made and not said, and the url that an extension is told by."""
    return (path == "" and key in _UNSAID) or (key == "url" and "xtension" in path)


def extended(path: str, node: Any) -> str:
    """Extensions are told apart by their url."""
    if path.endswith(("extension", "modifierExtension")) and isinstance(node, dict) and "url" in node:
        host, _, rest = str(node["url"]).partition("://")[2].partition("/")
        name = (rest or str(node["url"])).rpartition("/")[2].replace(".", "-")
        return f"{path}:{name}" if not host or host.endswith("hl7.org") else f"{path}:{host.split('.')[0]}/{name}"
    return path


def alike(a: Words, b: Words) -> float:
    """How much of two nodes is the same, 0 to 1; what names a thing weighs more."""
    common, total = a & b, sum(map(_weight, a.elements())) + sum(map(_weight, b.elements()))
    return 2 * sum(map(_weight, common.elements())) / total if total else 0.0


def _weight(word: tuple[str, str]) -> int:
    return _NAME_WEIGHT if NAMES.search(word[0]) else 1


def _is_other(a: Words, b: Words) -> bool:
    """Two resources that have names, and none in common."""
    one, other = ({w for w in words if NAMES.search(w[0])} for words in (a, b))
    return bool(one) and bool(other) and not one & other


def matched(ours: Mapping[Any, Words], theirs: Mapping[Any, Words], *, by_name: bool = False) -> list[tuple[Any, Any]]:
    """Pairs of what is most alike, best first; each at most once, none that have nothing in common, ``by_name`` no name in common."""
    scores = sorted(
        (-alike(a, b), i, j)
        for i, a in enumerate(ours.values())
        for j, b in enumerate(theirs.values())
        if a & b and not (by_name and _is_other(a, b))
    )
    names, others = [*ours], [*theirs]
    taken: set[tuple[str, int]] = set()
    pairs = []
    for _, i, j in scores:
        if ("o", i) not in taken and ("t", j) not in taken:
            taken |= {("o", i), ("t", j)}
            pairs.append((names[i], others[j]))
    return pairs


def aligned(ours: Side, theirs: Side) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Aligned keys, and those of either side that nothing answers to. A resource that one side says twice is aligned twice."""
    pairs: list[tuple[str, str]] = []
    for kind in {r["resourceType"] for side in (ours, theirs) for r in side.resources.values()}:
        mine, other = (_words_of(side, kind) for side in (ours, theirs))
        here = matched(mine, other, by_name=kind not in _ALONE)
        left = [k for k in mine if k not in {a for a, _ in here}], [k for k in other if k not in {b for _, b in here}]
        if kind in _ALONE and left[0] and left[1]:
            here.append((left[0].pop(0), left[1].pop(0)))
        here += [(k, b) for k in left[0] if (b := _nearest(mine[k], other)) is not None]
        here += [(a, k) for k in left[1] if (a := _nearest(other[k], mine)) is not None]
        pairs += here
    mine_paired, other_paired = {a for a, _ in pairs}, {b for _, b in pairs}
    return pairs, [k for k in ours.resources if k not in mine_paired], [k for k in theirs.resources if k not in other_paired]


def _words_of(side: Side, kind: str) -> dict[str, Words]:
    return {k: side.words[k] for k, r in side.resources.items() if r["resourceType"] == kind}


def _nearest(words: Words, others: Mapping[str, Words]) -> str | None:
    best = max((k for k in others if not _is_other(words, others[k])), key=lambda k: alike(words, others[k]), default=None)
    return best if best is not None and alike(words, others[best]) >= _SAME_AGAIN else None
