"""Segments, fields, components and subcomponents as text (HL7 2.5.1 chapter 2.5), with the usual delimiters.

Whatever reaches a field has gone through ``escape`` once, at the leaf: no content can make a segment, a field or a component.
"""

from collections.abc import Iterable, Mapping
from typing import Final

FIELD: Final = "|"
COMPONENT: Final = "^"
SUBCOMPONENT: Final = "&"
REPETITION: Final = "~"
ENCODING: Final = "^~\\&"  # MSH-2
_NULL: Final = '""'  # would say "delete this value" (2.5.3.5): as a text it is written so that it does not
_ESCAPES: Final = str.maketrans(
    dict.fromkeys(map(chr, range(32)), "")
    | {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\", "\t": " "}
)


def escape(value: str) -> str:
    r"""Text as it may stand in a field: delimiters as ``\F\`` and kin, line ends as ``\.br\``, no control characters."""
    return value.translate(_ESCAPES) if value != _NULL else '\\X22\\"'


def components(*values: str) -> str:
    """Components of one repetition, without the empty ones at its end."""
    return COMPONENT.join(values).rstrip(COMPONENT)


def subcomponents(*values: str) -> str:
    """Subcomponents of one component, without the empty ones at its end."""
    return SUBCOMPONENT.join(values).rstrip(SUBCOMPONENT)


def inner(repetition: str) -> str:
    """A repetition's components as the subcomponents of a component."""
    return repetition.replace(COMPONENT, SUBCOMPONENT)


def repetitions(values: Iterable[str]) -> str:
    """The repetitions of a field that say anything."""
    return REPETITION.join(v for v in values if v)


def lines(value: str) -> str:
    """Lines as repetitions, which is how TX and NTE have them; an empty line inside stays a line."""
    return REPETITION.join(escape(line.rstrip()) for line in value.splitlines()).strip(REPETITION)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """One segment. Field numbers are HL7's; MSH is ``header_segment``'s."""
    last = max((n for n, value in fields.items() if value), default=0)
    return FIELD.join([name, *(fields.get(n, "") for n in range(1, last + 1))])


def header_segment(fields: Mapping[int, str]) -> str:
    """MSH: field 1 is the separator itself, field 2 the other delimiters."""
    last = max((n for n, value in fields.items() if value), default=2)
    return FIELD.join(["MSH", ENCODING, *(fields.get(n, "") for n in range(3, last + 1))])
