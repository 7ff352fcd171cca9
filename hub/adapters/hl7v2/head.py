"""The header line of a message, read as bytes before anything else: what its answer needs, whatever else may be wrong with it.

The bytes are read as ISO 8859-1, which loses nothing, so an answer can repeat them verbatim whatever the character set.
"""

import re
from typing import Final

from hub.adapters.hl7v2 import charset, escapes
from hub.adapters.hl7v2.escapes import Delimiters
from hub.errors import Rejected

FIELDS: Final = 22  # MSH-0 .. MSH-21
_LINE_BYTES: Final = 4096
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")


class Head:
    """``fields`` by their HL7 number (``fields[10]`` is MSH-10), as written, "" when absent, at least ``FIELDS`` of them."""

    __slots__ = ("fields", "is_ascii", "marks")

    def __init__(self, marks: Delimiters, fields: list[str], *, is_ascii: bool) -> None:
        self.marks: Final = marks
        self.fields: Final = fields
        self.is_ascii: Final = is_ascii  # the line is whole, and reads the same in every character set

    @property
    def event(self) -> str:
        """MSH-9.2."""
        parts = self.fields[9].split(self.marks.component, 2)
        return parts[1] if len(parts) > 1 else ""


NO_HEAD: Final = Head(Delimiters(), [""] * FIELDS, is_ascii=True)
"""Of what has no readable header."""


def peek(raw: bytes) -> Head:
    """The header of a message or of its beginning. Never raises: what cannot be read is left empty."""
    if raw[:3] != b"MSH":
        raw = raw[:_LINE_BYTES].lstrip(b"\r\n").removeprefix(charset.BOM).lstrip(b"\r\n")
        if raw[:3] not in (b"MSH", b"BHS", b"FHS"):
            return NO_HEAD
    end = raw.find(b"\r", 0, _LINE_BYTES)
    line = raw[: end if end >= 0 else _LINE_BYTES].decode("latin-1")
    if not line.isprintable():
        line = _UNPRINTABLE.sub("", line.partition("\n")[0])
    separator = line[3:4]
    fields = line.split(separator) if separator else []
    try:
        marks = escapes.delimiters(separator, fields[1] if len(fields) > 1 else "")
    except Rejected:
        return NO_HEAD
    fields.insert(1, separator)
    if len(fields) < FIELDS:
        fields += [""] * (FIELDS - len(fields))
    return Head(marks, fields, is_ascii=line.isascii() and len(line) < _LINE_BYTES)
