"""What of an HL7 v2 message comes back when it has been a Bundle: compared leaf by leaf over the fields the official maps carry.

A leaf is one component (or subcomponent) of one repetition. Segments of a name, and repetitions of a field, are paired by what they have
in common: a Bundle keeps no order between them, and none is needed. A leaf that did not come back is looked for where 2.5.1 or FHIR has
moved it to; what is found nowhere needs a reason that stands in a table.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from hl7apy import load_reference

from hub.adapters.fhir.times import dtm
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.times import microseconds
from tests.unit.adapters.fhir.er7.losses import LOSSES, MOVED
from tests.unit.adapters.fhir.er7.trip_tables import COMPONENTS, FIELDS, JOINED, PREFERRED, TIMES

Leaf = tuple[int, int]  # component, subcomponent
Repetition = dict[Leaf, str]
_TIME = re.compile(r"\d{4,14}(\.\d{1,4})?\d*([+-]\d{4})?")
_NUMBER = re.compile(r"[+-]?\d*\.?\d+")
_DAYS = frozenset({4, 6, 8})  # digits of a year, a month, a day
_NUMBER_LENGTH = 30
_NO_SEGMENT = "the structure in 2.5.1 has no such segment"
_NO_FIELD = "the segment in 2.5.1 has no such field"
_NOT_SAID = "the Bundle does not say it"


@dataclass(slots=True)
class Tally:
    """Leaves that came back where they were, that came back elsewhere, that are lost for a reason, and that nobody can explain."""

    kept: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)  # by reason
    unexplained: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # place -> value, message

    def add(self, place: str, value: str, where: str, found: str) -> None:
        """One leaf; ``found`` is "kept", "moved", a reason, or "" for none."""
        if found in {"kept", "moved"}:
            (self.kept if found == "kept" else self.moved)[place] += 1
        elif found:
            self.lost[found] += 1
        else:
            self.unexplained.setdefault(place, []).append((value, where))

    @property
    def share(self) -> float:
        """What came back, of all there was."""
        back = self.kept.total() + self.moved.total()
        return back / max(1, back + self.lost.total() + sum(map(len, self.unexplained.values())))

    def __str__(self) -> str:
        kept, moved, lost, odd = self.kept.total(), self.moved.total(), self.lost.total(), sum(map(len, self.unexplained.values()))
        every = max(1, kept + moved + lost + odd)
        return (
            f"{kept + moved} of {every} leaves came back ({(kept + moved) / every:.1%}; {moved} of them elsewhere), "
            f"{lost} are lost for a reason, {odd} for none"
        )


def normal(value: str, *, is_time: bool) -> str:
    """A value as it is compared: times as the moment they mean, numbers as numbers."""
    value = " ".join(value.split())
    if is_time and _TIME.fullmatch(value):
        digits = value[:14].split("+")[0].split("-")[0].split(".")[0]
        us = None if len(digits) in _DAYS and len(value) == len(digits) else microseconds(value)
        return value if us is None else f"@{us}"
    return f"#{Decimal(value).normalize():f}" if _NUMBER.fullmatch(value) and len(value) < _NUMBER_LENGTH else value


def as_written(time: str) -> str:
    """What the hub writes says its offset."""
    return time


def repetitions(segment: Segment, number: int, kind: str, at_zone: Callable[[str], str] = as_written) -> list[Repetition]:
    """The leaves of each repetition of a field that the maps carry. at_zone: a time of the message in the zone it is said in."""
    times, carried = TIMES.get(kind, set()), COMPONENTS.get(kind)
    joined = {c: group[0] for group in JOINED.get(kind, ()) for c in group}
    out = []
    for raw in segment.repetitions(number):
        leaves: Repetition = {}
        for c, component in enumerate(raw.split(segment.delimiters.component), 1):
            for s, sub in enumerate(component.split(segment.delimiters.subcomponent), 1):
                text = segment.unescape(sub).strip()
                if text and text != '""' and (carried is None or c in carried or c in joined):
                    at = (joined[c], 1) if c in joined else (c, s)
                    leaves[at] = f"{leaves[at]} {text}" if at in leaves else text
        out.append({at: normal(at_zone(text) if at[0] in times else text, is_time=at[0] in times) for at, text in leaves.items()})
    return out


@cache
def segments_of(structure: str) -> frozenset[str]:
    """The segments of a message structure of 2.5.1."""

    def names(reference: Any) -> Iterator[str]:
        for name, child, _, kind in reference[1]:
            if kind == "SEG":
                yield name
            else:
                yield from names(child)

    return frozenset(names(load_reference(structure, "Message", "2.5.1")))


@cache
def fields_of(segment: str) -> frozenset[int]:
    """The fields of a segment of 2.5.1 that may be valued."""
    found = load_reference(segment, "Segment", "2.5.1")[1]
    return frozenset(int(name.partition("_")[2]) for name, _, (_, most), _ in found if most)


def said_in(bundle: bytes) -> frozenset[str]:
    """Every text, number and time of a Bundle, as leaves are compared."""

    def each(value: Any) -> Iterator[str]:
        if isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from each(inner)
        elif isinstance(value, str):
            us = microseconds(dtm(value))
            yield from (normal(value, is_time=False), value.replace("-", ""), *([f"@{us}"] if us is not None else []))
        else:
            yield normal(str(value), is_time=False)

    return frozenset(each(json.loads(bundle)))


def compare(before: bytes, after: bytes, where: str, tally: Tally, said: frozenset[str] | None = None) -> None:
    """Count which mapped leaves of ``before`` are in ``after``; ``said``: what the Bundle between them says at all."""
    old, new = Er7.from_bytes(before, undeclared_encoding="utf-8"), Er7.from_bytes(after)
    at_zone = Content(old).text.at
    message = "^".join(old.segments("MSH")[0].components(9)[:2])
    there = segments_of(new.segments("MSH")[0].value(9, 3))
    for name, numbers in FIELDS.items():
        for segment, match in _pairs(old.segments(name), new.segments(name), numbers, at_zone):
            for number, kind in numbers.items():
                theirs = repetitions(match, number, kind) if match else []
                gap = _NO_SEGMENT if name not in there else "" if number in fields_of(name) else _NO_FIELD
                for rep, other in _matched(repetitions(segment, number, kind, at_zone), theirs):
                    for at, value in rep.items():
                        place = f"{name}-{number}.{at[0]}" + (f".{at[1]}" if at[1] > 1 else "")
                        found = _found(place, at, value, other, kind, new) or gap or _reason(message, place, value)
                        tally.add(place, value, where, found or (_NOT_SAID if said is not None and value not in said else ""))


def _found(place: str, at: Leaf, value: str, other: Repetition, kind: str, new: Er7) -> str:
    if other.get(at) == value:
        return "kept"
    preferred = PREFERRED.get(kind, {}).get(at)
    if preferred and other.get(preferred) == value:
        return "moved"
    return "moved" if any(value in leaves for leaves in _elsewhere(place.partition(".")[0], new)) else ""


def _elsewhere(place: str, new: Er7) -> Iterator[set[str]]:
    """The leaves of the fields that a field is moved to."""
    for target in MOVED.get(place, ()):
        name, _, number = target.partition("-")
        kind = FIELDS.get(name, {}).get(int(number), "")
        for segment in new.segments(name):
            for rep in repetitions(segment, int(number), kind):
                yield set(rep.values()) | {word for value in rep.values() for word in value.split()}


def _reason(message: str, place: str, value: str) -> str:
    said = (message, place, value)
    fits = (all(re.fullmatch(p or ".*", s, re.DOTALL) for p, s in zip(row, said, strict=False)) for row in LOSSES)
    return next((row[3] for row, fit in zip(LOSSES, fits, strict=True) if fit), "")


def _score(a: Repetition, b: Repetition) -> int:
    return sum(b.get(k) == v for k, v in a.items())


def _matched(reps: list[Repetition], found: list[Repetition]) -> Iterator[tuple[Repetition, Repetition]]:
    """The best pairs; what has nothing in common with anything is paired in its order."""
    left, alone = list(found), []
    for rep in reps:
        best = max(left, key=lambda f: _score(rep, f), default={})
        if _score(rep, best):
            left.remove(best)
            yield rep, best
        else:
            alone.append(rep)
    yield from ((rep, left[n] if n < len(left) else {}) for n, rep in enumerate(alone))


def _pairs(
    old: list[Segment], new: list[Segment], numbers: dict[int, str], at_zone: Callable[[str], str]
) -> Iterator[tuple[Segment, Segment | None]]:
    """The best pairs first."""
    before, after = [_leaves(s, numbers, at_zone) for s in old], [_leaves(s, numbers, as_written) for s in new]
    scores = sorted((-_common(mine, theirs), i, j) for i, mine in enumerate(before) for j, theirs in enumerate(after))
    pairs: dict[int, int] = {}
    for _, i, j in scores:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    yield from ((segment, new[pairs[i]] if i in pairs else None) for i, segment in enumerate(old))


def _leaves(segment: Segment, numbers: dict[int, str], at_zone: Callable[[str], str]) -> dict[int, list[Repetition]]:
    return {n: reps for n, kind in numbers.items() if (reps := repetitions(segment, n, kind, at_zone))}


def _common(mine: dict[int, list[Repetition]], theirs: dict[int, list[Repetition]]) -> int:
    return sum(max((_score(rep, other) for other in theirs.get(n, [])), default=0) for n, reps in mine.items() for rep in reps)
