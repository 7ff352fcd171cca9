"""Whether a message's segments are those of its structure, in its order (HL7 v2.5.1 section 2.5.2 and 2.12).

Segments are placed one after another, each at the next place the structure has for it: a repetition, a later segment, a new repetition
of a group around it. What is passed over and must be there is missing; what has no place any more is misplaced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from hub.adapters.hl7v2.conformance import MANY, Node


class Fault(StrEnum):
    """What is wrong with a segment."""

    MISSING = "missing"
    MISPLACED = "misplaced"
    UNKNOWN = "unknown"
    TOO_MANY = "too-many"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A segment that is not where the structure has it. ``at``: the segment, from 1, that stands there, or before which one is missing."""

    fault: Fault
    name: str
    at: int
    high: int = MANY  # how many there may be


@dataclass(slots=True)
class _Frame:
    """A group being walked: where in it the last segment was placed, and how many of that child have come."""

    node: Node
    index: int = 0
    count: int = 0
    is_chosen: bool = False  # of a choice: one has come


@dataclass(slots=True)
class _Walk:
    frames: list[_Frame]
    found: list[Misfit] = field(default_factory=list)


def misfits(structure: Node, names: Sequence[str]) -> list[Misfit]:
    """Every misfit of a message's segments; Z segments fit anywhere (section 2.11.2)."""
    walk = _Walk([_Frame(structure)])
    for at, name in enumerate(names, 1):
        if name.startswith("Z"):
            continue
        if name not in structure.inside:
            walk.found.append(Misfit(Fault.UNKNOWN, name, at))
        elif not (_step(walk, name, at, is_strict=True) or _step(walk, name, at, is_strict=False)):
            walk.found.append(_unplaced(walk, name, at))
    while walk.frames:
        _leave(walk, len(names) + 1)
    return _told_once(walk.found)


def _step(walk: _Walk, name: str, at: int, *, is_strict: bool) -> bool:
    """Place a segment at the next place it has. Strict: no group is entered past what must begin it."""
    for depth in range(len(walk.frames) - 1, -1, -1):
        target = _next(walk.frames[depth], name, is_strict=is_strict)
        if target is None:
            continue
        while len(walk.frames) - 1 > depth:
            _leave(walk, at)
        _enter(walk, walk.frames[depth], target, name, at)
        return True
    return False


def _next(frame: _Frame, name: str, *, is_strict: bool) -> int | None:
    """The child of a group at which a segment may come next."""
    for index in range(frame.index, len(frame.node.children)):
        child = frame.node.children[index]
        count = frame.count if index == frame.index else 0
        if frame.node.is_choice and frame.is_chosen and index != frame.index:
            return None
        if child.high != MANY and count >= child.high:
            continue
        if name in child.first or (not is_strict and not count and name in child.inside):
            return index
    return None


def _enter(walk: _Walk, frame: _Frame, index: int, name: str, at: int) -> None:
    """Go to a child, into it as far as the segment itself; what must stand before it in there is missing."""
    if index != frame.index:
        _missing(walk, frame, index, at)
        frame.index, frame.count = index, 0
    frame.count += 1
    frame.is_chosen = True
    child = frame.node.children[index]
    if child.children:
        inner = _Frame(child)
        walk.frames.append(inner)
        _enter(walk, inner, next(i for i, c in enumerate(child.children) if name in c.inside), name, at)


def _missing(walk: _Walk, frame: _Frame, before: int, at: int) -> None:
    """What must stand between the last segment placed in a group and a later child of it."""
    if frame.node.is_choice:
        return
    for index in range(frame.index, before):
        child = frame.node.children[index]
        if (frame.count if index == frame.index else 0) < child.low:
            walk.found += [Misfit(Fault.MISSING, name, at) for name in _required(child)]


def _required(node: Node) -> Iterator[str]:
    """The segments that a node cannot be without."""
    if not node.children:
        yield node.name
    elif node.is_choice:
        yield from list(_required(node.children[0]))[:1] if len(node.children) == 1 else ()
    else:
        for child in node.children:
            if child.low:
                yield from _required(child)


def _leave(walk: _Walk, at: int) -> None:
    frame = walk.frames[-1]
    _missing(walk, frame, len(frame.node.children), at)
    walk.frames.pop()


def _unplaced(walk: _Walk, name: str, at: int) -> Misfit:
    """One too many, where the last place it had is the one the walk stands at; else misplaced."""
    for frame in reversed(walk.frames):
        child = frame.node.children[frame.index]
        if child.name == name and frame.count == child.high:
            return Misfit(Fault.TOO_MANY, name, at, child.high)
    return Misfit(Fault.MISPLACED, name, at)


def _told_once(found: list[Misfit]) -> list[Misfit]:
    """A segment that came too late is misplaced and not missing as well."""
    late = [m.name for m in found if m.fault is Fault.MISPLACED]
    told = []
    for misfit in found:
        if misfit.fault is Fault.MISSING and misfit.name in late:
            late.remove(misfit.name)
            continue
        told.append(replace(misfit))
    return told
