"""The hub's ER7 reader beside python-hl7 and hl7apy, on every real message: the same values, or a row below that says who is right.

python-hl7 reads all of them. hl7apy takes 20 to 200 ms a message, so of the thousand messages of one hospital's day it reads every 50th; it
has no fifth encoding character before 2.7, and is given the message without it.
"""

import re
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator

import hl7
import pytest
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from hub.adapters.hl7v2.charset import BOM
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.escapes import Delimiters, unescape
from tests.unit.adapters.made import sample_messages

STREAM_STEP = 50
VALUES_MIN = 140_000

# what python-hl7 does otherwise with a message as it came -> how many of the messages, who is right
PYTHON_HL7_MESSAGES = {
    "cannot be read: a byte order mark before the header": "ours: the mark is no text, and files of Windows programs begin with it",
    "is one segment: lines end with LF or CR LF": "ours: HL7 says CR, but files, and many senders, write LF",
}
# an escape sequence, what is meant, what python-hl7 makes of it, who is right (HL7 v2.5.1 section 2.7)
ESCAPES = (
    ("\\T\\", "&", "&", "both"),
    ("\\F\\\\S\\\\R\\\\E\\", "|^~\\", "|^~\\", "both"),
    ("\\.br\\", "\n", "\r", "ours: a line break inside a value; CR would end the segment when it is written again"),
    ("\\.sp2\\", "\n\n", "\r\r", "ours: as .br"),
    ("\\.sk3\\", "   ", "   ", "both"),
    ("\\.in+4\\x", "x", "                x", "ours: an indent is how the lines below are laid out, and no blanks of the text"),
    ("\\.fi\\x\\.nf\\", "x", "x", "both"),
    ("\\H\\x\\N\\", "x", "_x_", "ours: highlighting is no character of the text"),
    ("\\X41\\", "A", "A", "both"),
    ("\\XC3A5\\", "å", "\u00c3\u00a5", "ours: hexadecimal bytes are in the message's character set (2.7.6)"),
    ("\\Zab\\", "\\Zab\\", "", "ours: what only sender and receiver know is kept, not lost"),
    ("\\C2842\\", "\\C2842\\", "", "ours: as Z"),
    ("\\P\\", "#", "", "ours: the truncation character (2.7 and later)"),
    ("a\\b", "a\\b", "a", "ours: an escape character that begins nothing is kept with all behind it"),
)
# what hl7apy does otherwise -> who is right
HL7APY = {
    "unnamed": "ours: a field that its tables do not have, or that the version has withdrawn, keeps its number",
    "moved": "ours: a component that its tables do not have, or no more, keeps its number; hl7apy moves it behind those it knows",
    "number": "ours: a number as it was written; hl7apy writes it anew without leading zeros",
    "unreadable": "ours: a segment that the version does not have (PRT in 2.5.1) is read as any other",
}


def _texts() -> Iterator[tuple[str, bytes, Er7, str]]:
    """(name, bytes, our reading, the message with CR between its segments)."""
    for name, raw in sample_messages():
        er7 = Er7.from_bytes(raw)
        yield name, raw, er7, "\r".join(segment.line for segment in er7)


def test_python_hl7_reads_the_same_fields_and_values() -> None:
    counts: Counter[str] = Counter()
    for name, _, er7, text in _texts():
        theirs = hl7.parse(text)
        assert [str(s[0]) for s in theirs] == er7.names(), name
        for segment, other in zip(er7, theirs, strict=True):
            for n in range(1, max(len(other), len(segment.fields))):
                assert (str(other[n]) if n < len(other) else "") == segment.field(n), (name, segment.name, n)
                counts["fields"] += 1
                if not (segment.name == "MSH" and n < 3):
                    counts["values"] += _same_values(segment, n, theirs)
    assert counts["values"] > VALUES_MIN


def _same_values(segment: Segment, n: int, theirs: hl7.Message) -> int:
    """Compare each subcomponent, unescaped by either; how many there were."""
    count = 0
    marks = segment.delimiters
    for rep in range(len(segment.repetitions(n))):
        for c, component in enumerate(segment.components(n, rep), 1):
            for s, sub in enumerate(component.split(marks.subcomponent), 1):
                assert segment.value(n, c, rep, s) == theirs.unescape(sub), (segment.name, n)
                count += 1
    return count


def test_what_python_hl7_does_otherwise_with_messages_as_they_came() -> None:
    found: Counter[str] = Counter()
    for _, raw, er7, _ in _texts():
        try:
            theirs = hl7.parse(raw.decode(er7.encoding))
        except hl7.ParseException:
            assert raw.startswith(BOM)
            found["cannot be read: a byte order mark before the header"] += 1
            continue
        if len(theirs) != len(er7.names()):
            assert b"\n" in raw
            found["is one segment: lines end with LF or CR LF"] += 1
    assert found.keys() == PYTHON_HL7_MESSAGES.keys()


@pytest.mark.parametrize(("written", "meant", "theirs", "right"), ESCAPES)
def test_escape_sequences_beside_python_hl7(written: str, meant: str, theirs: str, right: str) -> None:
    message = hl7.parse("MSH|^~\\&|A|F|||20260101||ADT^A01|1|P|2.5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (unescape(written, Delimiters()), message.unescape(written)) == (meant, theirs)
    assert (meant == theirs) is (right == "both")


def test_hl7apy_reads_the_same_fields(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for n, (name, _, er7, text) in enumerate(_texts()):
        if name.startswith("simhospital") and n % STREAM_STEP:
            continue
        try:
            theirs = parse_message(text.replace("&#|", "&|", 1), find_groups=False)
        except HL7apyException:
            counts["unreadable"] += 1
            continue
        counts["messages"] += 1
        for segment, other in zip(er7, theirs.children, strict=True):
            counts += _compared(segment, other)
    with capsys.disabled():
        sys.stdout.write(f"\nour reader beside hl7apy: {dict(counts)}\n")
    assert counts.keys() - {"messages", "fields"} == HL7APY.keys()
    assert counts["fields"] > 50 * sum(counts[kind] for kind in ("moved", "number"))


def _compared(segment: Segment, other: object) -> "Counter[str]":
    """How many fields are the same, and of the others which row of ``HL7APY`` it is."""
    named = defaultdict(list)
    for field in other.children:  # type: ignore[attr-defined]
        named[field.name].append(_trimmed(field.to_er7()))
    counts: Counter[str] = Counter()
    for n in range(3 if segment.name == "MSH" else 1, len(segment.fields)):
        ours = [_trimmed(rep) for rep in segment.repetitions(n)]
        theirs = named.get(f"{segment.name}_{n}")
        if theirs is None and any(ours):
            counts["unnamed"] += 1
        elif any(ours):
            counts[_difference(ours, theirs or [])] += 1
    return counts


def _difference(ours: list[str], theirs: list[str]) -> str:
    while not ours[-1]:
        ours.pop()
    while theirs and not theirs[-1]:
        theirs.pop()
    if ours == theirs:
        return "fields"
    if [r.lstrip("0") for r in ours] == [r.lstrip("0") for r in theirs]:
        return "number"
    said = [[c for c in re.split(r"[&^~]", "~".join(side)) if c] for side in (ours, theirs)]
    assert sorted(said[0]) == sorted(said[1])  # nothing is lost, only moved
    return "moved"


def _trimmed(repetition: str) -> str:
    """Without the separators and blanks at the ends, which hl7apy does not keep."""
    return "^".join(component.rstrip("&").strip() for component in repetition.split("^")).rstrip("^")
