"""What of an HL7 v2 message comes back when it has been a Bundle: compared leaf by leaf over the fields the official maps carry.

A leaf is one component (or subcomponent) of one repetition. Segments of a name, and repetitions of a field, are paired by what they have
in common: a Bundle keeps no order between them, and none is needed. A leaf that did not come back is looked for where 2.5.1 or FHIR has
moved it to; what is found nowhere needs a reason that stands in a table.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from hl7apy import load_reference

from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings.codes import coding_system
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.schedules import time_unit
from hub.adapters.hl7v2.mappings.times import microseconds, time_of_day
from tests.unit.adapters.fhir.er7.losses import LOSSES, MOVED, Why
from tests.unit.adapters.fhir.er7.trip_tables import COMPONENTS, FIELDS, JOINED, LENGTHS, PREFERRED, SYSTEMS, TIMES

Leaf = tuple[int, int]  # component, subcomponent
Repetition = dict[Leaf, str]
_TIME = re.compile(r"\d{4,14}(\.\d{1,4})?\d*([+-]\d{4})?")
_NUMBER = re.compile(r"[+-]?\d*\.?\d+")
_DAYS = frozenset({4, 6, 8})  # digits of a year, a month, a day
_NUMBER_LENGTH = 30
_SYSTEM = 3  # of a CWE
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800, "mo": 2_629_746, "a": 31_556_952}
_NO_SEGMENT = (Why.NO_PLACE, "the structure has no such segment")
_NO_FIELD = (Why.NO_PLACE, "the segment has no such field")
_KEPT, _MOVED = "kept", "moved"


@dataclass(slots=True)
class Tally:
    """Leaves that came back where they were, that came back elsewhere, that are lost for a reason, and that nobody can explain."""

    kept: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    lost: Counter[tuple[Why, str]] = field(default_factory=Counter)  # by reason
    unexplained: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # place -> value, message

    @property
    def back(self) -> int:
        """How many came back."""
        return self.kept.total() + self.moved.total()

    @property
    def total(self) -> int:
        """How many there were."""
        return self.back + self.lost.total() + sum(map(len, self.unexplained.values()))

    def lost_by(self, why: Why) -> int:
        """How many are lost for this kind of reason."""
        return sum(n for (kind, _), n in self.lost.items() if kind is why)

    @property
    def holdable(self) -> int:
        """How many 2.5.1 has a place for."""
        return self.total - self.lost_by(Why.NO_PLACE)

    def __str__(self) -> str:
        shares = f"{self.back / max(1, self.total):.1%} of all, {self.back / max(1, self.holdable):.1%} of what 2.5.1 can hold"
        lost = "; ".join(f"{self.lost_by(why)} {why.value}" for why in Why)
        odd = sum(map(len, self.unexplained.values()))
        moved = self.moved.total()
        return f"{self.back} of {self.total} leaves came back ({shares}; {moved} of them elsewhere). Lost: {lost}; {odd} for no reason"


def normal(value: str, *, is_time: bool) -> str:
    """A value as it is compared: times as the moment they mean, numbers as numbers, and a GUID is a UUID (table 0301)."""
    value = " ".join(value.split())
    value = "UUID" if value == "GUID" else value
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
        _measure(leaves, kind)
        said = {at: normal(at_zone(text) if at[0] in times else text, is_time=at[0] in times) for at, text in leaves.items()}
        if said not in out:  # the same said twice is said once
            out.append(said)
    return out


def _measure(leaves: Repetition, kind: str) -> None:
    """Put lengths of time into seconds, hours of the clock into digits, coding systems into the URIs they are: each is told in R4's way."""
    for amount, unit in LENGTHS.get(kind, ()):
        known = _SECONDS.get(time_unit([leaves.get((unit, s), "") for s in (1, 2)]))
        if known and _NUMBER.fullmatch(leaves.get((amount, 1), "")):
            leaves[amount, 1] = f"{Decimal(leaves[amount, 1]) * known} s"
            for s in (1, 2, 3):
                leaves.pop((unit, s), None)
    for at in [at for at in leaves if at[0] in SYSTEMS.get(kind, ()) or (kind == "SPS" and at[1] == _SYSTEM)]:
        leaves[at] = coding_system(leaves[at])
    if kind == "TM" and (clock := time_of_day(leaves.get((1, 1), ""))):
        leaves[1, 1] = clock


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


def compare(before: bytes, after: bytes, where: str, tally: Tally) -> None:
    """Count which mapped leaves of ``before`` are in ``after``."""
    old, new = Er7.from_bytes(before, undeclared_encoding="utf-8"), Er7.from_bytes(after)
    at_zone = Content(old).text.at
    message = "^".join(old.segments("MSH")[0].components(9)[:2])
    there = segments_of(new.segments("MSH")[0].value(9, 3))
    for name, numbers in FIELDS.items():
        for segment, match in _pairs(old.segments(name), new.segments(name), numbers, at_zone):
            for number, kind in numbers.items():
                theirs = repetitions(match, number, kind) if match else []
                gap = _NO_SEGMENT if name not in there else None if number in fields_of(name) else _NO_FIELD
                for rep, other in _matched(repetitions(segment, number, kind, at_zone), theirs):
                    for at, value in rep.items():
                        place = f"{name}-{number}.{at[0]}" + (f".{at[1]}" if at[1] > 1 else "")
                        found = _found(place, at, value, other, kind, new)
                        if found:
                            (tally.kept if found == _KEPT else tally.moved)[place] += 1
                        elif reason := gap or _reason(message, place, value):
                            tally.lost[reason] += 1
                        else:
                            tally.unexplained.setdefault(place, []).append((value, where))


def _found(place: str, at: Leaf, value: str, other: Repetition, kind: str, new: Er7) -> str:
    if other.get(at) == value:
        return _KEPT
    preferred = PREFERRED.get(kind, {}).get(at)
    if preferred and other.get(preferred) == value:
        return _MOVED
    if kind in {"CWE", "varies"} and at == (9, 1) and value in other.values():  # the text of a coding is one with its name
        return _MOVED
    if kind == "varies" and value == "".join(other.get((c, 1), "").removeprefix("#") for c in (1, 2)):  # "<15" as SN
        return _MOVED
    if kind == "varies" and at[0] > 1 and other.get(at, "").lower() == value.lower():  # FHIR's media types are in small letters
        return _MOVED
    return (
        _MOVED
        if any(
            value in leaves or any(f", {value}, " in f", {leaf}, " for leaf in leaves)
            for leaves in _elsewhere(place.partition(".")[0], new)
        )
        else ""
    )


def _elsewhere(place: str, new: Er7) -> Iterator[set[str]]:
    """The leaves of the fields that a field is moved to."""
    for target in MOVED.get(place, ()):
        name, _, number = target.partition("-")
        kind = FIELDS.get(name, {}).get(int(number), "")
        for segment in new.segments(name):
            for rep in repetitions(segment, int(number), kind):
                yield set(rep.values()) | {word for value in rep.values() for word in value.split()}


def _reason(message: str, place: str, value: str) -> tuple[Why, str] | None:
    said = (message, place, value)
    fits = (all(re.fullmatch(p or ".*", s, re.DOTALL) for p, s in zip(row, said, strict=False)) for row in LOSSES)
    return next(((row[3], row[4]) for row, fit in zip(LOSSES, fits, strict=True) if fit), None)


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
