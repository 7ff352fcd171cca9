"""What a message shows a recipient who is not shown everything: the segments and fields named here, and nothing else.

As narrow as the FHIR and the v2 readings of the same two details, whichever is narrower: PV1 without type, service, diet, ambulatory
status and VIP indicator, PID without whatever stands in an extension.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.er7.text import FIELD
from hub.model import Detail

_HEADER: Final = frozenset(range(1, 26)) - {13, 15, 16}  # who counts, and wants an answer, does so anew
KEPT: Final[Mapping[Detail, Mapping[str, frozenset[int]]]] = MappingProxyType(
    {
        Detail.MINIMAL: {
            "MSH": _HEADER,
            "EVN": frozenset({1, 2, 6}),
            "PID": frozenset({1, 3, 5, 7, 8, 11, 13, 14, 15, 29, 30}),
            "PD1": frozenset({3, 4, 12}),
            "PV1": frozenset({1, 2, 3, 5, 6, 7, 8, 9, 11, 14, 17, 19, 36, 37, 42, 44, 45, 50, 52}),
            "MRG": frozenset({1, 7}),
        },
        Detail.NOTICE: {"MSH": _HEADER, "EVN": frozenset({1, 2, 6}), "PID": frozenset({3, 5, 7, 8})},
    }
)


def shown(segments: Iterable[str], detail: Detail) -> list[str]:
    """The segments as this detail shows them."""
    if detail is Detail.FULL:
        return list(segments)
    kept = KEPT[detail]
    return [_line(segment, kept[segment[:3]]) for segment in segments if segment[:3] in kept]


def _line(segment: str, numbers: frozenset[int]) -> str:
    name, *fields = segment.split(FIELD)
    first = 2 if name == "MSH" else 1  # MSH-1 is the separator itself
    return FIELD.join([name, *(f if n in numbers else "" for n, f in enumerate(fields, first))]).rstrip(FIELD)
