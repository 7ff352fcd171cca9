"""A message about several patients as one message for each, in the sender's own bytes: header, event and that patient's segments.

HL7 v2.5.1 repeats the patient in ADT_A17, A24 and A39, ORU_R01, SIU_S12 and PPR_PC1, and senders do so in others where the patient comes
before all that is told of it. Every segment from a PID up to the next is that patient's; PIDs that share an identifier are one patient's.
What stands before the first PID goes to each only when it can be about nobody: a note there may name anyone. Where a PID stands inside
another's group (the prior results of OML and OMG) or belongs to a second role, nothing can be cut, and the message is refused as a whole.

See docs/decisions/0016.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2 import er7 as reader
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.message import Envelope, header, of_patient, patient
from hub.errors import Reason, Rejected
from hub.identity import PARTS_MAX, part_control_id
from hub.model import Identifier

_PIDS_MAX: Final = 4 * PARTS_MAX
_GROWTH_BYTES: Final = 262_144  # what all are told stands in the message of each: it may take so much room ...
_GROWTH_MAX: Final = 4  # ... and so many times the whole
_CONTROL_ID: Final = 9  # MSH-10, in a header cut at its separators
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is told of every patient alike: the segments before the first PID, and those from the first of ``after`` on."""

    before: frozenset[str]
    after: frozenset[str] = frozenset()


_HEAD: Final = frozenset({"MSH", "ARV", "SFT", "UAC", "EVN"})
_PATIENTS: Final = Shape(_HEAD)
_APPOINTMENT: Final = Shape(_HEAD | {"SCH", "TQ1"}, frozenset({"RGS", "AIS", "AIG", "AIL", "AIP"}))
# message type, or trigger where only some events of a type have several patients -> how it is cut
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    dict.fromkeys(("ADT^A17", "ADT^A18", "ADT^A24", "ADT^A34", "ADT^A39", "ADT^A40", "ADT^A41", "ADT^A47"), _PATIENTS)
    | dict.fromkeys(("ORU", "OUL", "BAR", "DFT", "VXU", "PPR", "ORM", "RDE", "RDS"), _PATIENTS)
    | {"SIU": _APPOINTMENT}
)
# Fields of a segment that goes to everyone which are one patient's all the same, or say that the message is not whole
_OF_ONE: Final = (("MSH", 14), ("SCH", 26), ("SCH", 27))
_CONTINUED: Final = "DSC"


@dataclass(frozen=True, slots=True)
class Part:
    """One patient's message. ``lines``: of each of its segments, which one of the whole it is, from 0."""

    raw: bytes = field(repr=False)
    lines: tuple[int, ...]

    def place(self, where: str, whole: Er7) -> str:
        """A place in this message as a place in the whole: a segment's number from 0, where it is not the first of its name."""
        found = _PLACE.fullmatch(where)
        if found is None:
            return where
        name, names = found[1], whole.names()
        first = next((n for n in self.lines if names[n] == name), None)
        number = names[:first].count(name) if first is not None else 0
        return f"{name}[{number}]{found[2] or ''}" if number else where


def split(raw: bytes, er7: Er7, seen: Envelope) -> tuple[Part, ...]:
    """The messages of a message about several patients, in the order of their first PID. The first keeps the control id.

    Raises Rejected: SEVERAL_PATIENTS (what cannot be cut, with its place), MISSING_PATIENT, BAD_VALUE, TOO_COMPLEX (too many patients).
    """
    shape = SHAPES.get(seen.trigger) or SHAPES.get(seen.trigger.partition("^")[0])
    if shape is None:
        raise Rejected(Reason.SEVERAL_PATIENTS, "PID")
    names = er7.names()
    starts, end = _groups(names, shape)
    _check_shared(er7)
    people = _people(er7.segments("PID"))
    lines, start = reader.byte_lines(raw)
    before, after = range(starts[0]), range(end, len(names))
    shared_bytes = sum(len(lines[n]) for n in (*before, *after))
    if len(people) > PARTS_MAX or shared_bytes * len(people) > _GROWTH_BYTES + _GROWTH_MAX * len(raw):
        raise Rejected(Reason.TOO_COMPLEX, "PID")
    stops = [*starts[1:], end]
    cut = [(*before, *(i for n in those for i in range(starts[n], stops[n])), *after) for those in people]
    return tuple(Part(start + b"".join(_written(lines, part, n, er7, seen)), part) for n, part in enumerate(cut, 1))


def messages(raw: bytes, undeclared_encoding: str = "utf-8") -> tuple[bytes, ...]:
    """A message as the hub takes it: itself, or one for each of several patients. Raises Rejected, as reading it and ``split`` do."""
    er7 = Er7.from_bytes(raw, undeclared_encoding=undeclared_encoding)
    seen = header(er7)
    try:
        patient(er7)
    except Rejected as exc:
        if exc.reason is not Reason.SEVERAL_PATIENTS:
            raise
        return tuple(part.raw for part in split(raw, er7, seen))
    return (raw,)


def _groups(names: Sequence[str], shape: Shape) -> tuple[list[int], int]:
    """Where each PID stands, and where the last one's group ends. Raises Rejected(SEVERAL_PATIENTS)."""
    starts = [n for n, name in enumerate(names) if name == "PID"]
    if len(starts) > _PIDS_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "PID")
    end = next((n for n in range(starts[0], len(names)) if names[n] in shape.after), len(names))
    shared = [name for name in names[: starts[0]] if name not in shape.before] + [n for n in names[end:] if n not in shape.after]
    if _CONTINUED in names:
        shared.append(_CONTINUED)
    if shared:
        raise Rejected(Reason.SEVERAL_PATIENTS, shared[0])
    return starts, end


def _check_shared(er7: Er7) -> None:
    """Nothing that goes to everyone is one patient's. Raises Rejected."""
    for name, n in _OF_ONE:
        if any(segment.field(n) for segment in er7.segments(name)):
            raise Rejected(Reason.SEVERAL_PATIENTS, f"{name}-{n}")


def _people(pids: Sequence[Segment]) -> list[list[int]]:
    """Which PIDs are one patient's, by their numbers: those that share an identifier, directly or through others. Raises Rejected."""
    same = list(range(len(pids)))
    owner: dict[Identifier, int] = {}

    def first(n: int) -> int:
        while same[n] != n:
            same[n] = same[same[n]]
            n = same[n]
        return n

    for n, pid in enumerate(pids):
        found = of_patient(pid)
        if not found:
            raise Rejected(Reason.MISSING_PATIENT, f"PID[{n}]-3" if n else "PID-3")
        for identifier in found:
            one, other = sorted((first(n), first(owner.setdefault(identifier, n))))
            same[other] = one
    people: dict[int, list[int]] = {}
    for n in range(len(pids)):
        people.setdefault(first(n), []).append(n)
    return list(people.values())


def _written(lines: Sequence[bytes], part: Sequence[int], n: int, er7: Er7, seen: Envelope) -> Iterator[bytes]:
    """The segments of a part; in the header of the n-th its own control id."""
    header, *rest = part
    separator = er7.delimiters.field.encode("ascii")
    fields = lines[header].split(separator)
    fields[_CONTROL_ID] = part_control_id(seen.control_id, n).encode(er7.encoding)
    yield separator.join(fields)
    yield from (lines[i] for i in rest)
