"""Acknowledgements: original and enhanced mode, built from the bytes of the sender's own header.

The sender's header is copied as bytes (read as ISO 8859-1, which loses nothing), so an answer repeats a control id verbatim whatever its
character set, and even when the rest of the message could not be read. No other part of a message ever gets into an answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2 import charset, escapes
from hub.adapters.hl7v2.escapes import Delimiters
from hub.errors import ANSWERS, Rejected
from hub.model import Refusal

ACCEPT: Final = "A"
ERROR: Final = "E"
REJECT: Final = "R"
INTERNAL_ERROR: Final = 207  # table 0357
HUB: Final = "HUB"

_HEAD_BYTES: Final = 4096
_CODE_OF_VERSION: Final = re.compile(r"2\.([1-9])")
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:-(\d+)(?:\.(\d+))?)?")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
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


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer needs of the message it answers; fields as written, "" when absent."""

    marks: Delimiters
    application: str = field(default="", repr=False)
    sender: str = field(default="", repr=False)
    receiver_application: str = field(default="", repr=False)
    receiver: str = field(default="", repr=False)
    kind: str = ""
    event: str = ""
    control_id: str = field(default="", repr=False)
    processing_id: str = "P"
    version: str = "2.5"
    accept_ack: str = ""
    application_ack: str = ""
    character_set: str = ""


NO_HEAD: Final = Head(Delimiters())
"""Of what has no readable header."""


def peek(raw: bytes) -> Head:
    """The header of a message or of its beginning. Never raises: what cannot be read is left empty."""
    if raw[:3] != b"MSH":
        raw = raw[:_HEAD_BYTES].lstrip(b"\r\n").removeprefix(charset.BOM).lstrip(b"\r\n")
        if raw[:3] not in (b"MSH", b"BHS", b"FHS"):
            return NO_HEAD
    end = raw.find(b"\r", 0, _HEAD_BYTES)
    line = raw[: end if end >= 0 else _HEAD_BYTES].decode("latin-1")
    f = line.partition("\n")[0].split(line[3:4] or "|")
    try:
        marks = escapes.delimiters(line[3:4], f[1] if len(f) > 1 else "")
    except Rejected:
        return NO_HEAD
    if not line.isprintable():
        f = [_UNPRINTABLE.sub("", text) for text in f]
    if len(f) < 18:
        f += [""] * (18 - len(f))
    kind = f[8].split(marks.component, 2)
    return Head(
        marks, f[2], f[3], f[4], f[5], kind[0], kind[1] if len(kind) > 1 else "", f[9], f[10] or "P", f[11] or "2.5", f[14], f[15], f[17]
    )


def codes(accept_ack: str, application_ack: str, verdict: str) -> tuple[str, ...]:
    """The MSA-1 codes to answer, in order, for a verdict ACCEPT, ERROR or REJECT (MSH-15, MSH-16; table 0155).

    Both empty is original mode. In enhanced mode a value that is not in the table counts as empty; an application answer follows
    the accept answer only when that one was positive or was not to be given.
    """
    if not accept_ack and not application_ack:
        return ("A" + verdict,)
    accept = ("C" + verdict,) if verdict in _TOLD.get(accept_ack, "") else ()
    if accept and verdict != ACCEPT:
        return accept
    return (*accept, "A" + verdict) if verdict in _TOLD.get(application_ack, "") else accept


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
    m = head.marks
    f, c = m.field, m.component
    lines = [
        f"MSH{f}{m.msh2}{f}{head.receiver_application or HUB}{f}{head.receiver or HUB}{f}{head.application}{f}{head.sender}{f}{when}{f}"
        f"{f}ACK{c}{head.event}{c}ACK{f}{own_id}{f}{head.processing_id}{f}{head.version}{f}{f}{f}{f}{f}{f}{head.character_set}".rstrip(f),
        f"MSA{f}{code}{f}{head.control_id}",
    ]
    if code[1] != ACCEPT:
        act, segment = _error(head, refusal)
        if _minor(head) < 5:
            lines[1] += f + act
        lines.append(segment)
    return ("\r".join(lines) + "\r").encode("latin-1")


def _minor(head: Head) -> int:
    match = _CODE_OF_VERSION.match(head.version)
    return int(match[1]) if match else 5


def _error(head: Head, refusal: Refusal | None) -> tuple[str, str]:
    """What a person can do, and the ERR segment: fields 2 to 8 since version 2.5, field 1 before."""
    m = head.marks
    answer = ANSWERS[refusal.reason] if refusal else None
    act = escapes.escape(answer.act if answer else "the hub could not take the message now: send it again", m)
    number = answer.err if answer else INTERNAL_ERROR
    match = _PLACE.fullmatch(refusal.where) if refusal else None
    segment, place, component = match.groups("") if match else ("", "", "")
    if _minor(head) < 5:
        code = m.subcomponent.join((str(number), _TEXTS[number], "HL70357"))
        return act, f"ERR{m.field}" + m.component.join((segment, "1" if segment else "", place, code))
    location = m.component.join((segment, "1", place, "1", component)).rstrip(m.component) if segment else ""
    if place and not component:
        location = m.component.join((segment, "1", place))
    code = m.component.join((str(number), _TEXTS[number], "HL70357"))
    return act, m.field.join(("ERR", "", location, code, "E", "", "", "", act))
