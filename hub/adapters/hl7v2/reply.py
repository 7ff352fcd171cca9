"""Acknowledgements: original and enhanced mode, built from the bytes of the sender's own header.

The sender's header is copied as bytes (read as ISO 8859-1, which loses nothing), so an answer repeats a control id verbatim whatever its
character set, and even when the rest of the message could not be read. What else is repeated (MSH-9.2, MSH-11, MSH-12, MSH-18) is
repeated only when it is one of the codes that belong there. No other part of a message ever gets into an answer.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2 import charset, escapes
from hub.adapters.hl7v2.head import Head
from hub.errors import ANSWERS, Rejected
from hub.model import Refusal

ACCEPT: Final = "A"
ERROR: Final = "E"
REJECT: Final = "R"
INTERNAL_ERROR: Final = 207  # table 0357
HUB: Final = "HUB"

_CODE_OF_VERSION: Final = re.compile(r"2\.([1-9])")
_EVENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_PROCESSING: Final = re.compile(r"[A-Z](?:.[A-Z])?")  # table 0103 and, as a second component, 0207
_VERSION: Final = re.compile(r"\d(?:\.\d{1,2}){1,3}")
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\.(\d+))?)?")  # a segment's number counts from 0
# Table 0357, the codes of hub.errors.ANSWERS
_TEXTS: Final[Mapping[int, str]] = MappingProxyType(
    {
        100: "Segment sequence error", 101: "Required field missing", 102: "Data type error", 103: "Table value not found",
        200: "Unsupported message type", 201: "Unsupported event code", 202: "Unsupported processing id",
        203: "Unsupported version id", 204: "Unknown key identifier", 205: "Duplicate key identifier",
        206: "Application record locked", 207: "Application internal error",
    }
)  # fmt: skip
# table 0155: which verdicts are told
_TOLD: Final[Mapping[str, str]] = MappingProxyType({"AL": "AER", "NE": "", "ER": "ER", "SU": "A"})


def codes(accept_ack: str, application_ack: str, verdict: str) -> tuple[str, ...]:
    """The MSA-1 codes to answer, in order, for a verdict ACCEPT, ERROR or REJECT (MSH-15, MSH-16; table 0155).

    A value that is not in the table counts as empty, and both empty is original mode: whoever writes something else there is answered.
    An application answer follows the accept answer only when that one was positive or was not to be given.
    """
    accept_ack, application_ack = condition(accept_ack), condition(application_ack)
    if not accept_ack and not application_ack:
        return ("A" + verdict,)
    accept = ("C" + verdict,) if verdict in _TOLD.get(accept_ack, "") else ()
    if accept and verdict != ACCEPT:
        return accept
    return (*accept, "A" + verdict) if verdict in _TOLD.get(application_ack, "") else accept


def condition(given: str) -> str:
    """MSH-15 or MSH-16 as a code of table 0155; "" for anything else."""
    if not given or given in _TOLD:
        return given
    meant = given.strip().upper()
    return meant if meant in _TOLD else ""


def verdict(refusal: Refusal | None) -> str:
    """ACCEPT for what is taken, otherwise ERROR or REJECT as the reason says."""
    return ANSWERS[refusal.reason].ack[1] if refusal else ACCEPT


def stamp(now_us: int) -> str:
    """A time as HL7 DTM in UTC, milliseconds."""
    moment = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    return f"{moment:%Y%m%d%H%M%S}.{now_us // 1000 % 1000:03d}+0000"


def acknowledge(head: Head, code: str, own_id: str, when: str, refusal: Refusal | None = None) -> bytes:
    """One acknowledgement. ``own_id``: MSH-10, at most 20 characters. ``when``: as ``stamp``.

    A negative code without a refusal says that the hub could not do its part (207).
    """
    m, h = head.marks, head.fields
    f, c = m.field, m.component
    lines = [
        f"MSH{f}{m.msh2}{f}{h[5] or HUB}{f}{h[6] or HUB}{f}{h[3]}{f}{h[4]}{f}{when}{f}"
        f"{f}ACK{c}{_known(_EVENT, head.event)}{c}ACK{f}{own_id}{f}{_known(_PROCESSING, h[11]) or 'P'}{f}{_known(_VERSION, h[12]) or '2.5'}"
        + (f * 6 + h[18] if h[18] and _is_charset(h[18], m.repetition) else ""),
        f"MSA{f}{code}{f}{h[10]}",
    ]
    if code[1] != ACCEPT:
        act, segment = _error(head, refusal)
        if _minor(head) < 5:
            lines[1] += f + act
        lines.append(segment)
    return ("\r".join(lines) + "\r").encode("latin-1")


@lru_cache(1024)
def _known(pattern: re.Pattern[str], value: str) -> str:
    """The value if it is a code of that pattern, otherwise "": whatever else a sender puts there is not repeated."""
    return value if pattern.fullmatch(value) else ""


@lru_cache(1024)
def _is_charset(declared: str, repetition: str) -> bool:
    try:
        return all(charset.codec_of(name.strip()) for name in declared.split(repetition) if name.strip())
    except Rejected:
        return False


def _minor(head: Head) -> int:
    match = _CODE_OF_VERSION.match(head.fields[12])
    return int(match[1]) if match else 5


def _error(head: Head, refusal: Refusal | None) -> tuple[str, str]:
    """What a person can do, and the ERR segment: fields 2, 3, 4, 7 and 8 since version 2.5, field 1 before."""
    m = head.marks
    answer = ANSWERS[refusal.reason] if refusal else None
    act = escapes.escape(answer.act if answer else "the hub could not take the message now: send it again", m)
    number = answer.err if answer else INTERNAL_ERROR
    where = refusal.where if refusal else ""
    match = _PLACE.fullmatch(where)
    segment, before, place, component = match.groups("") if match else ("", "", "", "")
    nth = str(int(before or 0) + 1)
    detail = "" if match else escapes.escape(where, m)  # a place that has no segment name
    if _minor(head) < 5:
        act += f" ({detail})" if detail else ""
        code = m.subcomponent.join((str(number), _TEXTS[number], "HL70357"))
        return act, f"ERR{m.field}" + m.component.join((segment, nth if segment else "", place, code))
    parts = [segment, nth, place, "1", component] if component else [segment, nth, place] if place else [segment, nth]
    location = m.component.join(parts) if segment else ""
    code = m.component.join((str(number), _TEXTS[number], "HL70357"))
    return act, m.field.join(("ERR", "", location, code, "E", "", "", detail, act))
