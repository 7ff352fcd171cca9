"""Numbers in a v2 message that would tell of a gap: set ids, sub-ids of results, ranks of diagnoses and procedures. Pure.

Each function gives what is to stand where: segment number -> field -> text. segments: all of the message, numbered; gone: those left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings.groups import Node

_SET_IDS: Final = ("OBX", "OBR", "DG1", "AL1", "IAM", "PR1", "FT1", "SPM", "NTE", "TQ1", "RXA", "AIS", "AIG", "AIL", "AIP")
_RANKS: Final[Mapping[str, int]] = MappingProxyType({"DG1": 15, "PR1": 14})  # 1 = the main one

Changes = dict[int, dict[int, str]]


def closed_set_ids(segments: Sequence[tuple[int, Segment]], gone: Collection[int]) -> Changes:
    """Field 1, run by run: a run ends where the number does not rise. A run of which nothing went stays as it is."""
    found: Changes = {}
    for name in _SET_IDS:
        for run in _runs((n, s.field(1)) for n, s in segments if s.name == name):
            if any(n in gone for n, _ in run):
                first = min(run[0][1], 1)
                found |= {n: {1: str(at)} for at, n in enumerate((n for n, _ in run if n not in gone), first)}
    return found


def _runs(numbered: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, int]]]:
    run: list[tuple[int, int]] = []
    for number, text in numbered:
        if not (text.isascii() and text.isdigit()):
            continue
        if run and int(text) <= run[-1][1]:
            yield run
            run = []
        run.append((number, int(text)))
    if run:
        yield run


def closed_sub_ids(groups: Iterable[Node], gone: Collection[int]) -> Changes:
    """OBX-4 of the groups of which something went: what is the same stays the same, and nothing is skipped."""
    found: Changes = {}
    for group in groups:
        results = [(int(c.place[4:-1]), c.segment.field(4)) for c in group.children if c.segment.name == "OBX" and c.segment.field(4)]
        left = [(n, text) for n, text in results if n not in gone]
        found |= {n: {4: text} for n, text in _closed(left)}
    return found


def _closed(group: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """1, 3, 3.2 become 1, 2, 2.1; words are told apart by numbers instead."""
    if not all(part.isascii() and part.isdigit() for _, text in group for part in text.split(".")):
        words = {text: str(n) for n, text in enumerate(dict.fromkeys(text for _, text in group), 1)}
        yield from ((number, words[text]) for number, text in group)
        return
    levels: dict[tuple[str, ...], set[str]] = {}
    for _, text in group:
        parts = tuple(text.split("."))
        for depth, part in enumerate(parts):
            levels.setdefault(parts[:depth], set()).add(part)
    new = {above: _dense(parts) for above, parts in levels.items()}
    for number, text in group:
        parts = tuple(text.split("."))
        yield number, ".".join(new[parts[:depth]][part] for depth, part in enumerate(parts))


def _dense(parts: Collection[str]) -> dict[str, str]:
    ordered = sorted(parts, key=lambda part: (int(part), part))
    return {part: str(n) for n, part in enumerate(ordered, min(1, int(ordered[0])))}


def closed_ranks(segments: Sequence[tuple[int, Segment]], gone: Collection[int]) -> Changes:
    """Ranks of which one went say nothing any more: to close the gap would make a second diagnosis the first."""
    found: Changes = {}
    for name, n in _RANKS.items():
        ranked = [(number, s.field(n)) for number, s in segments if s.name == name]
        if any(number in gone for number, _ in ranked):
            found |= {number: {n: ""} for number, text in ranked if number not in gone and text}
    return found
