"""How a message is written: bytes, line ends, character set, escape sequences, documents inside it."""

import re
from collections.abc import Iterator
from typing import Final

from hub.adapters.finding import shape
from hub.adapters.hl7v2 import charset
from hub.adapters.hl7v2.check.case import Case, Spot, values
from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.escapes import unescape

_CONTROL_ID_MAX: Final = 20  # before 2.7
_SINGLE_BYTE: Final = ("iso8859", "cp125")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def undeclared(case: Case) -> Iterator[Spot]:
    """Letters beyond ASCII in no declared character set."""
    if not case.raw.isascii() and not case.declared and charset.BOM not in case.raw[:16]:
        yield Spot("MSH-18", 1, f"they were read as {case.er7.encoding}")


def misdeclared(case: Case) -> Iterator[Spot]:
    """Read as one byte a letter, and every letter beyond ASCII is a whole sequence of UTF-8."""
    if case.er7.encoding.startswith(_SINGLE_BYTE) and not case.raw.isascii():
        try:
            case.raw.decode("utf-8")
        except UnicodeDecodeError:
            return
        yield Spot("MSH-18", 1)


def with_mark(case: Case) -> Iterator[Spot]:
    """A byte order mark before the header."""
    if case.raw[:3] == charset.BOM:
        yield Spot("MSH-1", 1)


def wrong_ends(case: Case) -> Iterator[Spot]:
    """Segments that end with something else than CR."""
    first = re.search(rb"[\r\n]+", case.raw)
    if first is not None and first[0][:2] != b"\r" and b"\n" in first[0][:2]:
        yield Spot("MSH", 1)


def early_truncation(case: Case) -> Iterator[Spot]:
    """A truncation character in a version that has none."""
    if case.er7.delimiters.truncation and case.seen.version < "2.7":
        yield Spot("MSH-2", 1)


def long_control_id(case: Case) -> Iterator[Spot]:
    """A control id longer than the version allows."""
    if case.seen.version < "2.7" and len(case.seen.control_id) > _CONTROL_ID_MAX:
        yield Spot("MSH-10", 1, shape(case.seen.control_id))


def _written(case: Case) -> Iterator[tuple[int, Segment, int, str]]:
    """Fields that hold the escape character."""
    escape = case.er7.delimiters.escape
    for number, segment in enumerate(case.er7, 1):
        for n in range(3 if segment.name == "MSH" else 1, len(segment.fields)):
            if escape in segment.field(n):
                yield number, segment, n, segment.field(n)


def unfinished_escape(case: Case) -> Iterator[Spot]:
    """An escape character that begins no escape sequence."""
    marks, told = case.er7.delimiters, set[str]()
    sequence = re.compile(re.escape(marks.escape) + r"[A-Z.][^\r\n" + re.escape(marks.escape) + "]*" + re.escape(marks.escape))
    for number, segment, n, text in _written(case):
        place = f"{segment.name}-{n}"
        if marks.escape in sequence.sub("", text) and place not in told:
            told.add(place)
            yield Spot(place, number)


def unknown_escape(case: Case) -> Iterator[Spot]:
    r"""``\Z..\`` and kin, which only sender and receiver know."""
    marks, told = case.er7.delimiters, set[str]()
    sequence = re.compile(re.escape(marks.escape) + r"[A-Z.][^\r\n" + re.escape(marks.escape) + "]*" + re.escape(marks.escape))
    for number, segment, n, text in _written(case):
        place = f"{segment.name}-{n}"
        unknown = (s for s in sequence.findall(text) if unescape(s, marks, case.er7.encoding) == s)
        if place not in told and next(unknown, ""):
            told.add(place)
            yield Spot(place, number)


def no_base64(case: Case) -> Iterator[Spot]:
    """A document that says it is base64 and is not."""
    for number, obx in case.numbered("OBX"):
        if obx.value(2) != "ED":
            continue
        for encoding, written in zip(values(obx, 5, 4), values(obx, 5, 5), strict=True):
            data = "".join(written.split())
            if encoding.upper() == "BASE64" and data and (len(data) % 4 or not _BASE64.fullmatch(data)):
                yield Spot("OBX-5.5", number, shape(data).partition(",")[0])


def without_value_type(case: Case) -> Iterator[Spot]:
    """A result that does not say what its value is."""
    for number, obx in case.numbered("OBX"):
        if obx.field(5) and not obx.value(2):
            yield Spot("OBX-2", number)


def without_result_status(case: Case) -> Iterator[Spot]:
    """A result that does not say how final it is."""
    if case.seen.trigger.startswith(("ORU^", "OUL^")):
        for number, obx in case.numbered("OBX"):
            if not obx.value(11):
                yield Spot("OBX-11", number)


def local_segments(case: Case) -> Iterator[Spot]:
    """Z segments."""
    told = set[str]()
    for number, segment in enumerate(case.er7, 1):
        if segment.name.startswith("Z") and segment.name not in told:
            told.add(segment.name)
            yield Spot(segment.name, number)
