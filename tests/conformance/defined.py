"""Which elements the guide's rows define for one message, and out of which of its fields.

A leaf of a Bundle is *defined* when a row of the guide for a segment that the message has puts a field of it there: the leaf's value stands
in that field; or, where the value is one that no message says as it is written (a code looked up, a constant), the field is valued.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from hub.adapters.hl7v2.er7 import Er7
from tests.conformance.agreement import Leaf
from tests.conformance.element import Step, steps
from tests.conformance.guide import MessageRow, SegmentRow, message_rows, segment_rows, type_rows

_DEPTH_MAX: Final = 4
_TYPES: Final = {"[String]": "[string]", "[location]": "[Location]"}  # as some rows write their type maps
_NOT_WORDS: Final = re.compile(r"[^0-9A-Za-zÀ-ÿ]+")
_DATE: Final = re.compile(r"\d{4}(-\d\d){0,2}(T[\d:.]+(\+00:00)?)?")
_CHOICE: Final = re.compile(r"^([a-z]+)[A-Z]\w*$")


@dataclass(frozen=True)
class Source:
    """Where a row of the guide takes a value from. ``number`` 0 is the segment as a whole."""

    segment: str
    number: int
    component: int  # 0 is the field as a whole
    row: str
    is_open: bool  # the row says no more than the element: all below it is meant


Rows = Mapping[tuple[str, str], tuple[Source, ...]]  # (resource type, path) -> rows


def _spread(kind: str, path: str, element: tuple[Step, ...]) -> Iterator[tuple[str, str, bool]]:
    """(type, path, whether it is the end) of an element and of every reference it passes."""
    for n, step in enumerate(element):
        path = f"{path}.{step.name}" if path else step.name
        if step.types:
            yield kind, f"{path}.reference", False
            for target in step.types:
                yield from _spread(target.strip(), "", (*step.inner, *element[n + 1 :]))
            return
    yield kind, path, True


def _below(kind: str, path: str, name: str, depth: int) -> Iterator[tuple[str, str, bool, int]]:
    """(type, path, is open, component) of everything a data type map makes below an element."""
    for wrong, right in _TYPES.items():
        name = name.replace(wrong, right)
    rows = [r for r in type_rows().get(name, ()) if r.element]
    if not rows or depth > _DEPTH_MAX:
        yield kind, path, True, 0
        return
    for row in rows:
        for target, where, is_end in _spread(kind, path, steps(row.element.replace("$value", "").replace("$this", ""))):
            nested = f"{row.data_type}[{target}]" if is_end and not where else ""
            if nested:
                yield from ((k, p, is_open, row.component) for k, p, is_open, _ in _below(target, where, nested, depth + 1))
            else:
                yield target, where, is_end, row.component


def _of_segment(row: SegmentRow, message: MessageRow) -> Iterator[tuple[str, str, bool, int]]:
    start, *rest = steps(message.target)
    more = steps(row.meant) if row.meant != "$this" else ()
    if more and rest and more[0].name == rest[-1].name and not rest[-1].types:
        more = more[1:]
    for kind, path, is_end in _spread(start.name, "", (*rest, *more)):
        if is_end and row.type_map:
            yield from _below(kind, path, row.type_map, 0)
        else:
            yield kind, path, is_end, 0


def structures(type_: str, structure: str) -> tuple[str, ...]:
    """The guide's maps for a message: its structure's, or those of its type (an A04 is an ADT_A01), or where it has none of either, all."""
    known = sorted({m.structure for m in message_rows()})
    return (structure,) if structure in known else tuple(s for s in known if s.startswith(f"{type_}_")) or tuple(known)


@cache
def rows(of: tuple[str, ...]) -> Rows:
    """What the guide defines for messages of these structures."""
    found: dict[tuple[str, str], dict[Source, None]] = defaultdict(dict)
    seen = set()
    for message in message_rows():
        said_before = (message.segment, message.target, message.segment_map, message.references) in seen
        if message.structure not in of or not message.target or said_before:
            continue
        seen.add((message.segment, message.target, message.segment_map, message.references))
        for said in re.findall(r"([A-Z][A-Za-z]+)(?:\[\d+\])?\.([\w.\[\]]+?)\.reference\s*=", message.references):
            path = re.sub(r"\[\w*\]", "", said[1])
            found[said[0], f"{path}.reference"][Source(message.segment, 0, 0, message.key, is_open=False)] = None
        for row in segment_rows().get(message.segment_map, ()):
            if row.element:
                for kind, path, is_open, component in _of_segment(row, message):
                    found[kind, path][Source(row.segment, row.number, component, row.key, is_open)] = None
    return {k: tuple(v) for k, v in found.items()}


class Message:
    """The words of a message's fields, to find where a value comes from."""

    def __init__(self, raw: bytes) -> None:
        er7 = Er7.from_bytes(raw)
        marks = er7.delimiters
        words: dict[tuple[str, int, int], str] = defaultdict(lambda: " ")
        for segment in er7.segments():
            words[segment.name, 0, 0] += f"{_words(' '.join(segment.fields))} "
            for n, field in enumerate(segment.fields[1:], 1):
                for repetition in field.split(marks.repetition) if segment.name != "MSH" or n > 2 else ():
                    words[segment.name, n, 0] += f"{_words(er7.unescape(repetition))} "
                    for c, component in enumerate(repetition.split(marks.component), 1):
                        words[segment.name, n, c] += f"{_words(er7.unescape(component))} "
        self._words = {k: " ".join(v.split()) for k, v in words.items()}
        self._words = {k: f" {v} " for k, v in self._words.items() if v}
        self._all = " ".join(self._words.values())

    def sources(self, kind: str, path: str, value: str, of: tuple[str, ...]) -> list[Source]:
        """The rows that put ``value`` at this path; without a value, that put anything there."""
        here = [s for s in _candidates(kind, path, of) if (s.segment, s.number, s.component) in self._words]
        said = _words(value)
        if not said or not self._is_said(said):
            return here
        return [s for s in here if f" {said} " in self._words[s.segment, s.number, s.component] or s.number == 0]

    def defines(self, leaf: Leaf, of: tuple[str, ...]) -> bool:
        """Whether the guide makes what only one side has: the leaf, and what names the element or resource it stands in.

        Of a resource that the other side does not have, the guide must also have a row for one of the references that lead to it.
        """
        value = "" if leaf.path.endswith(".reference") else leaf.ours or leaf.theirs
        if not self.sources(leaf.resource, leaf.path, value, of):
            return False
        if leaf.is_whole and leaf.roles and not any(self._refers(role, of) for role in leaf.roles):
            return False
        said = [name for name in leaf.names if self.says(name[1])]
        made = [bool(self.sources(leaf.resource, path, name, of)) for path, name in said]
        return not leaf.names or (bool(made) and (any(made) if leaf.is_whole else all(made)))

    def _refers(self, role: str, of: tuple[str, ...]) -> bool:
        """Whether a row puts a reference there."""
        kind, _, path = role.partition(".")
        return bool(self.sources(kind, f"{path}.reference", "", of))

    def says(self, value: str) -> bool:
        """Whether the message holds the value as it is written."""
        return f" {_words(value)} " in self._all

    def _is_said(self, words: str) -> bool:
        return not _DATE.fullmatch(words) and f" {words} " in self._all


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text.removeprefix("urn:oid:").removeprefix("urn:uuid:")).strip()


@cache
def _candidates(kind: str, path: str, of: tuple[str, ...]) -> list[Source]:
    """Rows for the path itself or, where they say no more, for an element it is part of. ``_birthDate`` is beside ``birthDate``."""
    plain = re.sub(r":[^.]*", "", path).replace("_", "")
    found: dict[Source, None] = {}
    for form in {plain, _CHOICE.sub(r"\1", plain)}:
        parts = form.split(".")
        for n in range(len(parts), 0, -1):
            for source in rows(of).get((kind, ".".join(parts[:n])), ()):
                if n == len(parts) or source.is_open:
                    found[source] = None
    return [*found]
