"""Is a row of the guide mapped? Judged by what the translator does: the message with the field against the message without it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.message import header, of_patient
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.errors import Rejected
from hub.model import Adapter, Received
from tests.conformance import condition, structure
from tests.conformance.element import Resources
from tests.conformance.guide import MessageRow, SegmentRow, segment_rows
from tests.conformance.values import Value, value

RECEIVED_US: Final = 1_795_000_000_000_000
_LITERAL: Final = re.compile(r'^"\s*([^"]*?)"?$')
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
        return Resources(Hl7v2Message(received).bundle())
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
    assigned = row.assignment or (row.element.partition("=")[2] if "=" in row.element else "")
    found = _LITERAL.match(assigned)
    return found[1].strip() if found and "+" not in assigned else ""


def segment_verdict(message: MessageRow, row: SegmentRow) -> Verdict:
    """Whether a segment map's row is mapped where a message map uses it."""

    def verdict(is_mapped: object, note: str = "") -> Verdict:
        return Verdict(row.key, row.segment, message.place, bool(is_mapped), note)

    demands = [condition.demands(c, f"{row.segment}-{row.number}") for c in (message.condition, row.condition)]
    if demands[0] is None or demands[1] is None:
        return verdict(False, "the condition cannot be read")
    ready = structure.met(structure.draft(message), (*demands[0], *demands[1]), row.number, row.data_type)
    if ready is None:
        return verdict(False, "the condition cannot be met")
    made, own = ready
    literal = _literal(row)
    if not row.number:
        after, before = _leaves(bundle(made.text()), message.target, row.meant), _leaves(_without(made), message.target, row.meant)
        gained = after - before if made.segments[made.tested].name != "MSH" else after
        return verdict(literal in gained if literal else bool(gained))
    after, before, words = _compared(message, row, made, own)
    if row.assignment.startswith("/"):
        return verdict(bool(after))  # "to be determined by the implementer": a constant of ours
    gained = after - before
    if literal:
        return verdict(literal in gained, "" if gained else "nothing changes")
    return verdict(_shows(gained, words) if words else bool(gained), "" if gained else "nothing changes")


def _without(made: structure.Draft) -> Resources | None:
    return bundle(made.without()) if made.segments[made.tested].name != "MSH" else None


def _compared(
    message: MessageRow, row: SegmentRow, made: structure.Draft, own: str | None
) -> tuple[Counter[str], Counter[str], tuple[str, ...]]:
    here = made.segments[made.tested]
    usual = _value(row, made)
    is_absence = own == ""
    if own is None or is_absence:
        filled, words = usual.text, usual.words
    else:
        filled, words = own, () if own.split("^")[0] != usual.text.split("^")[0] else usual.words
    here.fields[row.number] = filled
    full = made.text()
    here.fields[row.number] = ""
    empty = made.text()
    after, before = (empty, full) if is_absence else (full, empty)
    if is_absence:
        words = ()
    return _leaves(bundle(after), message.target, row.meant), _leaves(bundle(before), message.target, row.meant), words


def _value(row: SegmentRow, made: structure.Draft) -> Value:
    if row.segment == "OBX" and row.number == 5:
        return value("OBX", 5, made.segments[made.tested].fields.get(2, "ST"), "")
    if row.segment == "MSH" and row.number == 9:
        kind = structure.event_of(made.segments[made.tested].fields[9].split("^")[2])
        return Value(made.segments[made.tested].fields[9], (kind.split("^")[1], kind))
    return value(row.segment, row.number, row.data_type, row.vocabulary)


def message_verdict(row: MessageRow) -> Verdict:
    """Whether a message map's row is mapped: its segment changes the resource it names, and that refers to what it should."""

    def verdict(is_mapped: object, note: str = "") -> Verdict:
        return Verdict(row.key, row.structure, row.place, bool(is_mapped), note)

    demands = condition.demands(row.condition)
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
        if r.is_computable and r.number and not r.condition and here.name not in {"MSH", "OBX"}:
            here.fields.setdefault(r.number, value(r.segment, r.number, r.data_type, r.vocabulary).text)


def _references(text: str) -> Iterator[tuple[str, str]]:
    """(path from a resource on, type referred to)."""
    for path, kind in re.findall(r"([\w.\[\]-]+(?:\([\w.\[\]]+\))?)\s*=\s*([A-Z]\w+)(?:\[[\w.]+\])?(?:\.id)?", text):
        yield re.sub(r"\[[^\]]*\]|\.reference$", "", path), kind


def _refers(found: Resources, path: str, kind: str) -> bool:
    for node in found.find(path.partition(".")[0], path.partition(".")[2]):
        resource: Any = found.resolved(node)
        if (resource or {}).get("resourceType") == kind or (isinstance(node, dict) and node.get("type") == kind):
            return True
    return False


def verdicts() -> Iterator[Verdict]:
    """Every computable row of the message maps, and of the segment maps they use, place by place."""
    for row in structure.rows():
        if not row.target:
            continue
        if row.is_computable and row not in structure.EXTRA:
            yield message_verdict(row)
        for each in segment_rows().get(row.segment_map, ()):
            if each.is_computable:
                yield segment_verdict(row, each)
