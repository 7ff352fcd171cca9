"""The check against the standard, held to hl7apy's own validator: whatever that one misses in a real message, ours misses too."""

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from hub.adapters.hl7v2.check.judge import judge
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.profile import Terms
from hub.errors import Rejected
from tests.unit.adapters.made import sample_messages

STREAM_STEP = 25  # of the thousand messages of one hospital's day every 25th
# message and place -> why the validator is wrong there
WRONG = {
    f"OUL-R{event}-01.hl7 {name}": why
    for event in (22, 23)
    for name, why in (
        ("ORC", "ORC follows OBR, as the structure has it"),
        ("TXA", "the document's TXA follows its OBX; the OBX of results are in a group that has none"),
    )
}
_ONE_OF = {"OBR", "RQD", "RQ1", "RXO", "ODS", "ODT"}  # the order detail of ORM_O01: one is enough, and the validator wants all of them
_REQUIRED = re.compile(r"Error: Missing required child (\w+)\.(\w+)")
_LIMIT = re.compile(r"Error: Child limit exceeded [A-Z][A-Z0-9]{2}\.([A-Z][A-Z0-9]{2}_\d+)")


def _theirs(text: str, report: Path) -> set[str] | None:
    """The places the validator has an error of cardinality at; None when it cannot read the message."""
    try:
        message = parse_message(text)
        Validator.validate(message, report_file=str(report))
    except HL7apyException:
        if not report.exists():
            return None
    found = set()
    for line in report.read_text().splitlines():
        if match := _REQUIRED.match(line) or _LIMIT.match(line):
            found.add(_place(match.groups()))
    return found


def _place(children: tuple[str, ...]) -> str:
    """``PID.PID_5`` -> PID-5, ``PID_3.CX_5`` -> PID-3.5, ``ADT_A01.EVN`` -> EVN."""
    child = children[-1]
    if re.fullmatch(r"[A-Z][A-Z0-9]{2}", child):
        return child
    parent, number = children[0], child.rpartition("_")[2]
    if len(children) > 1 and re.fullmatch(r"[A-Z][A-Z0-9]{2}_\d+", parent):
        return f"{parent.replace('_', '-')}.{number}"
    return child.replace("_", "-") if re.fullmatch(r"[A-Z][A-Z0-9]{2}_\d+", child) else child


def _is_explained(place: str, ours: set[str], *, is_disordered: bool) -> bool:
    """A missing group is told here by the segments it cannot be without; a field as a whole where its version withdrew it.

    Where a segment is out of place, the validator may take it for the beginning of a group, and miss the rest of that group.
    """
    is_segment = "-" not in place
    return "_" in place or place in _ONE_OF or place.rpartition(".")[0] in ours or (is_segment and is_disordered)


def test_what_hl7apy_misses_is_missed_here_too(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    unexplained: set[str] = set()
    for n, (name, raw) in enumerate(sample_messages()):
        if name.startswith("simhospital") and n % STREAM_STEP:
            continue
        try:
            text = "\r".join(segment.line for segment in Er7.from_bytes(raw)).replace("&#|", "&|", 1)  # it takes no fifth one before 2.7
        except Rejected:
            continue
        with tempfile.TemporaryDirectory() as folder:
            theirs = _theirs(text, Path(folder, "report"))
        counts["messages"] += theirs is not None
        counts["unreadable for hl7apy"] += theirs is None
        findings = judge(raw, Terms()).findings
        ours = {f.place for f in findings}
        is_disordered = any(f.code == "standard.misplaced-segment" for f in findings)
        missed = {place for place in theirs or () if place not in ours and not _is_explained(place, ours, is_disordered=is_disordered)}
        counts["found by both"] += len((theirs or set()) & ours)
        unexplained |= {f"{name} {place}" for place in missed}
    with capsys.disabled():
        sys.stdout.write(f"\nthe standard, beside hl7apy's validator: {dict(counts)}\n")
    assert unexplained == set(WRONG)
    assert counts["found by both"] > 100
