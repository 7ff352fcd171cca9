"""Where HL7 v2.5.1 defines what a finding names: segment -> section; chapters alone where a segment's number differs between versions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STANDARD: Final = "HL7 v2.5.1"
ENCODING: Final = "2.7"  # use of escape sequences in text fields
STRUCTURE: Final = "2.5.2, 2.12"
DELIMITERS: Final = "2.5.4"
NULL: Final = "2.5.3"
Z_SEGMENTS: Final = "2.11.2"
CHARACTER_SETS: Final = "2.9.2, table 0211"
_SEGMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MSH": "2.15.9", "MSA": "2.15.8", "ERR": "2.15.5", "NTE": "2.15.10", "SFT": "2.15.12", "DSC": "2.15.4",
        "EVN": "3.4.1", "PID": "3.4.2", "PV1": "3.4.3", "PV2": "3.4.4", "NK1": "3.4.5", "AL1": "3.4.6", "IAM": "3.4.7", "MRG": "3.4.9",
        "PD1": "3.4.10", "DB1": "3.4.11", "PDA": "3.4.12",
        "ORC": "4.5.1", "TQ1": "4.5.4", "TQ2": "4.5.5", "OBR": "7.4.1", "OBX": "7.4.2", "SPM": "7.4.3",
        "FT1": "6.5.1", "DG1": "6.5.2", "DRG": "6.5.3", "PR1": "6.5.4", "GT1": "6.5.5", "IN1": "6.5.6", "IN2": "6.5.7", "IN3": "6.5.8",
        "ACC": "6.5.9", "UB1": "6.5.10", "UB2": "6.5.11", "TXA": "9.6.1",
    }
)  # fmt: skip
_CHAPTERS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("RXO", "RXR", "RXC", "RXE", "RXD", "RXG", "RXA", "BLG", "ODS", "ODT"), "4")
    | dict.fromkeys(("SCH", "RGS", "AIS", "AIG", "AIL", "AIP", "ARQ", "APR"), "10")
    | dict.fromkeys(("RF1", "AUT", "PRD", "CTD"), "11")
    | dict.fromkeys(("PRB", "GOL", "PTH", "VAR"), "12")
    | {"ROL": "15", "PRT": "7"}
)


def field(segment: str, number: int) -> str:
    """The section of a field; of its segment's chapter where no more is known."""
    section = _SEGMENTS.get(segment)
    return told(f"{section}.{number}") if section else of_segment(segment)


def of_segment(segment: str) -> str:
    """The section of a segment."""
    section = _SEGMENTS.get(segment)
    if section:
        return told(section)
    return f"{STANDARD} chapter {_CHAPTERS[segment]}" if segment in _CHAPTERS else ""


def told(section: str) -> str:
    """A section as it is printed."""
    return f"{STANDARD} section {section}"


def of_place(place: str) -> str:
    """The section of ``PID-3.4``, ``PID[1]-3`` or ``PID``."""
    segment, _, rest = place.partition("-")
    segment = segment.partition("[")[0]
    number = rest.partition(".")[0]
    return field(segment, int(number)) if number.isdigit() else of_segment(segment)
