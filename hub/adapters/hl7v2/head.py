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
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # control bytes that no text holds: the message is refused for them
_ANSWERED: Final = (10, 12, 15, 16)  # what the answer to a message needs whose delimiters cannot be used
_ANSWERS: Final = frozenset({"ACK", "MCF"})  # table 0076: the types that only acknowledge
_ANSWER: Final = re.compile(rb"[\r\n]*(?:\xef\xbb\xbf)?[\r\n]*MSH[^\r\n]*+[\r\n]++MSA")
_COMMITS: Final = (b"\x06", b"\x15")  # MLLP release 2: the whole payload of a commit acknowledgement, positive or negative


class Head:
    """``fields`` by their HL7 number (``fields[10]`` is MSH-10), as written, "" when absent, at least ``FIELDS`` of them.

    Those of a batch's header stand where a message's do: what is not of a batch is "", and ``fields[10]`` is its control id.
    """

    __slots__ = ("fields", "is_ascii", "is_readable", "marks")

    def __init__(self, marks: Delimiters, fields: list[str], *, is_ascii: bool, is_readable: bool = True) -> None:
        self.marks: Final = marks
        self.fields: Final = fields
        self.is_ascii: Final = is_ascii  # the line is whole, and reads the same in every character set
        self.is_readable: Final = is_readable  # enough to say what the message is; else the fields serve its answer only

    @property
    def event(self) -> str:
        """MSH-9.2."""
        parts = self.fields[9].split(self.marks.component, 2)
        return parts[1] if len(parts) > 1 else ""


NO_HEAD: Final = Head(Delimiters(), [""] * FIELDS, is_ascii=True, is_readable=False)
"""Of what has no header."""


def peek(raw: bytes) -> Head:
    """The header of a message or of its beginning. Never raises: what cannot be read is left empty."""
    if raw[:3] != b"MSH":
        raw = raw[:_LINE_BYTES].lstrip(b"\r\n").removeprefix(charset.BOM).lstrip(b"\r\n")
        if raw[:3] not in (b"MSH", b"BHS", b"FHS"):
            return NO_HEAD
    end = raw.find(b"\r", 0, _LINE_BYTES)
    line = raw[: end if end >= 0 else _LINE_BYTES].decode("latin-1")
    if not line.isprintable():
        line = _UNSENDABLE.sub("", line.partition("\n")[0])
    separator = line[3:4]
    fields = line.split(separator) if separator else []
    try:
        marks, is_readable = escapes.delimiters(separator, fields[1] if len(fields) > 1 else ""), True
    except Rejected:
        if separator != NO_HEAD.marks.field:
            return NO_HEAD
        marks, is_readable = NO_HEAD.marks, False
    fields.insert(1, separator)
    if len(fields) < FIELDS:
        fields += [""] * (FIELDS - len(fields))
    if not is_readable or line[0] != "M":
        fields = _batch_fields(fields) if is_readable else [fields[n] if n in _ANSWERED else "" for n in range(FIELDS)]
    return Head(marks, fields, is_ascii=line.isascii() and len(line) < _LINE_BYTES, is_readable=is_readable)


def _batch_fields(fields: list[str]) -> list[str]:
    return [*fields[:9], "", fields[11], *[""] * (FIELDS - 11)]


def is_answer(raw: bytes, head: Head) -> bool:
    """True for what only answers, whatever else is wrong with it: to answer that in turn would never end.

    By its type, by an MSA that follows the header, or as a commit acknowledgement.
    """
    kind = head.fields[9]
    if kind[:3] in _ANSWERS and kind.partition(head.marks.component)[0] in _ANSWERS:
        return True
    return _ANSWER.match(raw) is not None or raw in _COMMITS
