"""Elements of a Bundle by the paths the guide writes: ``participant[1].individual(Practitioner.address)``, ``birthDate.extension[1].url``.

Indexes are passed over (which repetition is which is the sender's order); ``(Type.rest)`` follows a reference to a resource of that type.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
_NAME: Final = re.compile(r"\$?[A-Za-z]+(?:-[A-Za-z]+)*")
_DEPTH_MAX: Final = 3


@dataclass(frozen=True)
class Step:
    """One name of a path; ``types`` and ``inner`` when a reference is followed there."""

    name: str
    types: tuple[str, ...] = ()
    inner: tuple["Step", ...] = ()


@dataclass(frozen=True)
class Primitive:
    """A primitive value with what stands beside it (``_birthDate``)."""

    value: Any
    beside: Any = None


def steps(path: str) -> tuple[Step, ...]:
    """A path taken apart. Indexes, assignments (``status="finished"``) and missing last parentheses are forgiven."""
    path = re.sub(r"\[[^\]]*[\]}]|\s|=.*$", "", path)
    path += ")" * (path.count("(") - path.count(")"))
    found: list[Step] = []
    while path:
        path = path.lstrip(".)")
        name = _NAME.match(path)
        if not name:
            break
        path = path[name.end() :]
        if not path.startswith("("):
            found.append(Step(name[0]))
            continue
        end = _closing(path)
        inside, path = path[1:end], path[end + 1 :]
        types, _, rest = inside.partition(".")
        found.append(Step(name[0], tuple(re.split(r"[|,]", types)), steps(rest)))
    return tuple(found)


def _closing(text: str) -> int:
    depth = 0
    for n, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return n
    return len(text)


class Resources:
    """A Bundle to look elements up in."""

    def __init__(self, bundle: Json) -> None:
        self.bundle = bundle
        self.by_url: Mapping[str, Json] = {e["fullUrl"]: e["resource"] for e in bundle.get("entry", ())}

    def find(self, target: str, element: str) -> list[Any]:
        """The nodes at ``element`` of every resource ``target`` (itself a path from a type on) names."""
        start, *rest = steps(target)
        nodes: list[Any] = [self.bundle] if start.name == "Bundle" else [r for r in self.by_url.values() if r["resourceType"] == start.name]
        more = steps(element) if element and element != "$this" else ()
        if more and rest and more[0].name == rest[-1].name and not rest[-1].types:
            more = more[1:]  # "Observation[2].note" and then "note.text"
        return self.walk(nodes, (*rest, *more))

    def walk(self, nodes: list[Any], path: tuple[Step, ...]) -> list[Any]:
        for step in path:
            nodes = [child for node in nodes for child in self._children(node, step.name)]
            if step.types:
                nodes = self.walk([r for node in nodes for r in self._followed(node, step.types)], step.inner)
        return nodes

    def resolved(self, node: Any) -> Json | None:
        return self.by_url.get(node["reference"]) if isinstance(node, dict) and isinstance(node.get("reference"), str) else None

    def _followed(self, node: Any, types: tuple[str, ...]) -> Iterator[Any]:
        resource = self.resolved(node)
        if resource is not None and resource["resourceType"] in types:
            yield resource
        elif resource is None and isinstance(node, dict) and node.get("type") in types:
            yield node  # a logical reference

    def _children(self, node: Any, name: str) -> Iterator[Any]:
        if isinstance(node, Primitive):
            yield from _beside(node, name)
            return
        if not isinstance(node, dict):
            return
        if "reference" in node and name in {"reference", "actor", "member"}:
            yield node
            return
        if self.resolved(node) is not None and name not in {"type", "identifier", "display"} and name not in node:
            node = self.resolved(node) or {}
        for key in _keys(node, name):
            yield from _values(node, key)

    def leaves(self, node: Any, depth: int = 0) -> Iterator[str]:
        """Every primitive below a node as text, references followed; ids left out."""
        if isinstance(node, Primitive):
            if node.value is not None:
                yield _text(node.value)
                yield from _decoded(node.value)
            yield from self.leaves(node.beside, depth)
        elif isinstance(node, list):
            for n in node:
                yield from self.leaves(n, depth)
        elif isinstance(node, dict):
            yield from self._below(node, depth)
        elif node is not None:
            yield _text(node)

    def _below(self, node: Json, depth: int) -> Iterator[str]:
        resource = self.resolved(node)
        if resource is not None and depth < _DEPTH_MAX:
            yield from self.leaves(resource, depth + 1)
        left_out = {"reference", "id", "resourceType", "display" if resource else ""}
        for key, value in node.items():
            if key not in left_out:
                yield from self.leaves(value, depth)


def _decoded(data: Any) -> Iterator[str]:
    """What stands in an attachment's data, for words to be found in."""
    with suppress(ValueError):
        yield b64decode(data, validate=True).decode() if isinstance(data, str) else ""


def _text(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _keys(node: Json, name: str) -> list[str]:
    """The key itself, or the choices of it: ``value`` is ``valueString`` ..."""
    exact = [k for k in (name, f"_{name}") if k in node]
    if exact:
        return [name]
    lower = [k for k in node if k.lower() == name.lower()]
    return lower or [k for k in node if re.fullmatch(re.escape(name) + r"[A-Z]\w*", k)]


def _values(node: Json, key: str) -> Iterator[Any]:
    value, beside = node.get(key), node.get(f"_{key}")
    values = value if isinstance(value, list) else [value]
    others = beside if isinstance(beside, list) else [beside]
    for n in range(max(len(values), len(others))):
        one, other = (values[n] if n < len(values) else None), (others[n] if n < len(others) else None)
        if isinstance(one, dict):
            yield one
        elif one is not None or other is not None:
            yield Primitive(one, other)


def _beside(node: Primitive, name: str) -> Iterator[Any]:
    if name == "extension" and isinstance(node.beside, dict):
        yield from node.beside.get("extension", ())
