"""Is a row of the guide mapped? Judged by what the translator does: the message with the field against the message without it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hub.adapters.bundle import to_bytes
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.message import header, of_patient
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Rejected
from hub.model import Adapter, Received
from tests.conformance import condition, structure
from tests.conformance.element import Resources
from tests.conformance.guide import MessageRow, SegmentRow, segment_rows
from tests.conformance.values import Value, value

RECEIVED_US: Final = 1_795_000_000_000_000
_LITERAL: Final = re.compile(r'^(?:"\s*([^"]*?)"?|([a-z]+))$')  # some words are written without quotes
_WORD_MIN: Final = 5


@dataclass(frozen=True)
class Verdict:
    """One row of the guide in one place of one structure, and whether it is mapped there."""

    key: str  # the row's
    group: str  # segment or structure, for the table
    place: str  # the message row's place
    is_mapped: bool
    note: str = ""


@lru_cache(maxsize=4096)
def bundle(text: str) -> Resources | None:
    """The Bundle of a message under a fixed event id; None when it is refused."""
    raw = text.encode()
    er7 = Er7.from_bytes(raw)
    try:
        head = header(er7)
        pid = er7.segment("PID")
        ids = of_patient(pid) if pid else ()
        received = Received(
            event_id="01234567-89ab-8def-8123-456789abcdef", adapter=Adapter.HL7V2, provider="st-olavs", application=head.application,
            sender=head.sender, control_id=head.control_id, trigger=head.trigger, patient_key="0" * 32, identifiers=ids,
            received_us=RECEIVED_US, encoding="utf-8", raw=raw, answer="AA",
        )  # fmt: skip
        return Resources(json.loads(to_bytes(Hl7v2Message(received).bundle()), parse_float=str))  # numbers as they are written
    except Rejected:
        return None


def _leaves(found: Resources | None, target: str, element: str) -> Counter[str]:
    if found is None:
        return Counter()
    found_leaves = (leaf for node in found.find(target, element) for leaf in found.leaves(node))
    return Counter(leaf for leaf in found_leaves if not leaf.startswith("ni:"))  # the message's hash always differs


def _shows(leaves: Counter[str], words: tuple[str, ...]) -> bool:
    return any(leaf == w or (len(w) >= _WORD_MIN and w in leaf) for leaf in leaves for w in words)


def _literal(row: SegmentRow) -> str:
    found = _LITERAL.match(row.literal)
    return (found[1] or found[2] or "").strip() if found and "+" not in row.literal else ""


def segment_verdict(message: MessageRow, row: SegmentRow) -> Verdict:
    """Whether a segment map's row is mapped where a message map uses it."""

    def verdict(is_mapped: object, note: str = "") -> Verdict:
        return Verdict(row.key, row.segment, message.place, bool(is_mapped), note)

    said = (structure.condition_of(message), row.condition)
    demands = [condition.demands(c, f"{row.segment}-{row.number}") for c in said]
    if demands[0] is None or demands[1] is None:
        return verdict(False, "the condition cannot be read")
    ready = structure.met(structure.draft(message), (*demands[0], *demands[1]), row.number, row.data_type, row.segment)
    if ready is None:
        return verdict(False, "the condition cannot be met")
    made, own = ready
    target, literal = _target(message, row), _literal(row)
    if not row.number:
        after, before = _leaves(bundle(made.text()), target, row.meant), _leaves(_without(made), target, row.meant)
        gained = after - before if made.segments[made.tested].name != "MSH" else after
        return verdict(literal in after if literal else bool(gained))
    seen = _compared(row, made, own)
    gained = seen.gained(target, row.meant)
    if row.assignment.startswith(("/", '"#', "#")):
        return verdict(_leaves(seen.after, target, row.meant))  # "to be determined by the implementer": a constant of ours
    if literal:
        return verdict(literal in gained or _holds(seen, target, row.meant, literal), "" if gained else "nothing changes")
    words = () if row.element.endswith((".url", ".uri", ".system")) else seen.words  # which one, the guide does not say
    return verdict(_shows(gained, words) if words else bool(gained), "" if gained else "nothing changes")


def _holds(seen: "_Seen", target: str, element: str, literal: str) -> bool:
    """A constant that was there before: the row's where its parent changes, or is the resource, or where it goes with the field."""
    if literal not in _leaves(seen.after, target, element):
        return False
    parent = element.rpartition(".")[0]
    bare = _leaves(seen.bare_after, target, element) - _leaves(seen.bare_before, target, element)
    return bool(literal in bare or not parent or seen.gained(target, parent))


def _target(message: MessageRow, row: SegmentRow) -> str:
    """The message row's target; where a row is of the resource as a whole ("$this") it may be another, named by the data type map."""
    kind = re.search(r"\[([A-Z]\w+)", row.type_map)
    return kind[1] if row.element == "$this" and kind and kind[1][0].isupper() else message.target


@dataclass(frozen=True)
class _Seen:
    """The Bundles with and without a field, in a usual segment and in one that holds nothing else."""

    after: Resources | None
    before: Resources | None
    bare_after: Resources | None
    bare_before: Resources | None
    words: tuple[str, ...]

    def gained(self, target: str, element: str) -> Counter[str]:
        return _leaves(self.after, target, element) - _leaves(self.before, target, element)


def _without(made: structure.Draft) -> Resources | None:
    return bundle(made.without()) if made.segments[made.tested].name != "MSH" else None


def _compared(row: SegmentRow, made: structure.Draft, own: str | None) -> _Seen:
    here = made.first(row.segment)
    assert here
    usual = _value(row, made)
    is_absence = own == ""
    if own is None or is_absence:
        filled, words = usual.text, usual.words
    else:
        filled, words = own, () if own.split("^")[0] != usual.text.split("^")[0] else usual.words
    full, empty = _with(here, row.number, filled, made), _with(here, row.number, "", made)
    here.fields = {n: v for n, v in here.fields.items() if here.name == "MSH" and n in structure.HEAD_LEAST}
    bare_full, bare_empty = _with(here, row.number, filled, made), _with(here, row.number, "", made)
    if is_absence:
        return _Seen(bundle(empty), bundle(full), bundle(bare_empty), bundle(bare_full), ())
    return _Seen(bundle(full), bundle(empty), bundle(bare_full), bundle(bare_empty), words)


def _with(here: structure.Segment, number: int, text: str, made: structure.Draft) -> str:
    here.fields[number] = text
    return made.text()


def _value(row: SegmentRow, made: structure.Draft) -> Value:
    if row.segment == "OBX" and row.number == 5:
        return value("OBX", 5, made.segments[made.tested].fields.get(2, "ST"), "")
    if row.segment == "MSH" and row.number == 9:
        kind = made.segments[0].fields[9]
        return Value(kind, (kind.split("^")[1], kind, codes.ENCOUNTER_STATUS.get(kind.split("^")[1], "unknown")))
    return value(row.segment, row.number, row.data_type, row.vocabulary)


def message_verdict(row: MessageRow) -> Verdict:
    """Whether a message map's row is mapped: its segment changes the resource it names, and that refers to what it should."""

    def verdict(is_mapped: object, note: str = "") -> Verdict:
        return Verdict(row.key, row.structure, row.place, bool(is_mapped), note)

    demands = condition.demands(structure.condition_of(row))
    if demands is None:
        return verdict(False, "the condition cannot be read")
    ready = structure.met(structure.draft(row), demands, 0, "")
    if ready is None:
        return verdict(False, "the condition cannot be met")
    made, _ = ready
    if row.segment_map:
        _fill(made, row)
    after = bundle(made.text())
    target, _, constant = row.target.partition("=")
    gained = _leaves(after, target, "") - _leaves(_without(made), target, "")
    if constant:
        return verdict(constant.strip("\"'") in gained)
    missing = [ref for ref in _references(row.references) if after is None or not _refers(after, *ref)]
    return verdict(bool(gained) and not missing, f"no {missing[0][0]} -> {missing[0][1]}" if missing and gained else "")


def _fill(made: structure.Draft, row: MessageRow) -> None:
    """Every unconditional field of the segment map, so that whatever it takes for the resource to be made is there."""
    here = made.segments[made.tested]
    for r in segment_rows().get(row.segment_map, ()):
        if r.element and r.number and not r.condition and here.name not in {"MSH", "OBX"}:
            here.fields.setdefault(r.number, value(r.segment, r.number, r.data_type, r.vocabulary).text)


def _references(text: str) -> Iterator[tuple[str, str]]:
    """(path from a resource on, type referred to)."""
    for path, kind in re.findall(r"([\w.\[\]-]+(?:\([\w.\[\]]+\))?)\s*=\s*([A-Z]\w+)(?:\[[\w.]+\])?(?:\.id)?", text):
        yield re.sub(r"\[[^\]]*\]|\.reference$|\.id$", "", path), kind


def _refers(found: Resources, path: str, kind: str) -> bool:
    """Whether the element refers to such a resource; if the message at hand has none there is none to refer to."""
    if kind != "Bundle" and all(r["resourceType"] != kind for r in found.by_url.values()):
        return True
    for node in found.find(path.partition(".")[0], path.partition(".")[2]):
        resource: Any = found.resolved(node)
        if (resource or {}).get("resourceType") == kind or (isinstance(node, dict) and node.get("type") == kind):
            return True
    return False


def verdicts() -> Iterator[Verdict]:
    """Every computable row of the message maps, and of the segment maps they use, place by place."""
    for row in structure.rows():
        if not row.target or "PID NOT VALUED" in row.condition:  # without a patient a message is refused
            continue
        if row.is_computable and row not in structure.EXTRA:
            yield message_verdict(row)
        for each in segment_rows().get(row.segment_map, ()):
            if each.is_computable:
                yield segment_verdict(row, each)
