"""A visit that was written on the wrong patient (ADT^A45), as whoever may know of the right one gets it: without who the other is.

PID is whom the visit is moved to, MRG whom from (HL7 v2.5.1 3.3.45). Where MRG-1 is another patient, that one's locks and relations are
not asked about, so nothing that names that one is told: the numbers of the visit (MRG-5, 6) are what it is known by.
"""

from collections.abc import Collection
from typing import Final

from hub.adapters.hl7v2 import er7 as reader
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.message import identifiers
from hub.model import Identifier

MOVED: Final = "ADT^A45"
_OF_THE_OTHER: Final = frozenset({1, 2, 3, 4, 7})  # numbers, accounts and name


def without_the_other(raw: bytes, er7: Er7, patient: Collection[Identifier]) -> bytes:
    """The message in its sender's bytes, but for what names another patient than this one. Raises Rejected(BAD_VALUE)."""
    others = {n for n, s in enumerate(er7) if s.name == "MRG" and set(identifiers(s, 1)).isdisjoint(patient)}
    if not others:
        return raw
    lines, start = reader.byte_lines(raw)
    separator = er7.delimiters.field.encode("ascii")
    return start + b"".join(_emptied(line, separator) if n in others else line for n, line in enumerate(lines))


def _emptied(line: bytes, separator: bytes) -> bytes:
    body = line.rstrip(b"\r\n")
    fields = [b"" if n in _OF_THE_OTHER else field for n, field in enumerate(body.split(separator))]
    return separator.join(fields) + line[len(body) :]
