"""Batches (FHS, BHS ... BTS, FTS) in one frame: cut into messages, answered as one batch of acknowledgements in one frame.

HL7 2.5.1 section 2.10.3 and 2.15: a batch answers a batch. One bad message does not fail the rest, but a batch with a segment that
belongs to none of its messages is refused whole: what would be lost with it cannot be known. Lines end as they do in one message
(``er7``): after a first line that ended with CR, a LF is text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from hub.adapters.hl7v2 import charset
from hub.adapters.hl7v2.head import Head, peek
from hub.adapters.hl7v2.reply import HUB
from hub.errors import Reason, Rejected

MESSAGES_MAX: Final = 5_000
SEGMENTS_MAX: Final = 200_000
_PARTS_MAX: Final = 3 * MESSAGES_MAX + 2  # each message in a batch of its own


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of a batch, and what its answer needs."""

    head: Head
    messages: tuple[bytes, ...] = field(repr=False)
    is_complete: bool  # False when a trailer counts other than what came


def is_batch(raw: bytes) -> bool:
    """True when a payload begins as a batch."""
    return raw[:3] != b"MSH" and raw[:16].lstrip(b"\r\n").removeprefix(charset.BOM).lstrip(b"\r\n").startswith((b"FHS", b"BHS"))


def split(raw: bytes) -> Batch:
    """Cut a batch. Every message keeps its bytes.

    Raises Rejected: BAD_DELIMITERS, TOO_COMPLEX, BAD_SEGMENT (one that is in no message), NO_HEADER (no message at all).
    """
    body = raw.lstrip(b"\r\n").removeprefix(charset.BOM).lstrip(b"\r\n")
    head = peek(body)
    if not head.is_readable:
        raise Rejected(Reason.BAD_DELIMITERS, f"{body[:3].decode()}-2")
    if max(body.count(b"\r"), body.count(b"\n")) > SEGMENTS_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "segments")
    parts = _parts(body, head.marks.field.encode())
    _check_order(parts)
    messages = tuple(part for part in parts if part[:3] == b"MSH")
    if not messages:
        raise Rejected(Reason.NO_HEADER, "MSH")
    return Batch(head, messages, _are_counts_right(parts, head.marks.field.encode()))


def _parts(body: bytes, separator: bytes) -> list[bytes]:
    """The messages, and the lines around them. Raises Rejected."""
    cr, lf = body.find(b"\r"), body.find(b"\n")
    is_cr = lf < 0 or 0 <= cr < lf - 1
    tag = rb"(?=(?:MSH|FHS|BHS|BTS|FTS)(?:[\r\n]|\Z|" + re.escape(separator) + rb"))"
    starts = re.finditer((rb"(?<=\r)\n*" if is_cr else rb"(?<=[\r\n])") + tag, body)
    places = [0, *(start.end() for start in islice(starts, _PARTS_MAX)), len(body)]
    parts = [body[start:stop] for start, stop in pairwise(places)]
    if len(parts) > _PARTS_MAX or sum(part[:3] == b"MSH" for part in parts) > MESSAGES_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "messages")
    inner = re.compile(rb"\r" if is_cr else rb"[\r\n]")
    for part in parts:
        if part[:3] != b"MSH" and inner.search(part.strip(b"\r\n")):
            raise Rejected(Reason.BAD_SEGMENT, f"after {part[:3].decode()}")
    return parts


def _check_order(parts: Sequence[bytes]) -> None:
    """A file's header comes first and its trailer last. Raises Rejected."""
    for n, part in enumerate(parts):
        if part[:3] == b"FHS" and n:
            raise Rejected(Reason.BAD_SEGMENT, "FHS")
        if part[:3] == b"FTS" and n + 1 < len(parts):
            raise Rejected(Reason.BAD_SEGMENT, "after FTS")


def _are_counts_right(parts: Sequence[bytes], separator: bytes) -> bool:
    """Whether BTS-1 and FTS-1, where they hold a number, are how many messages and batches came."""
    batches = max(1, *(sum(part[:3] == name for part in parts) for name in (b"BHS", b"BTS")))
    messages, are_right = 0, True
    for part in parts:
        name = part[:3]
        if name == b"BTS":
            are_right &= _count(part, separator) in (None, messages)
        elif name == b"FTS":
            are_right &= _count(part, separator) in (None, batches)
        messages = messages + 1 if name == b"MSH" else 0
    return are_right


def _count(trailer: bytes, separator: bytes) -> int | None:
    fields = trailer.split(separator, 2)
    text = fields[1].strip() if len(fields) > 1 else b""
    return int(text) if text.isdigit() and len(text) < 10 else None


def answer(batch: Batch, acknowledgements: Sequence[bytes], own_id: str, when: str) -> bytes:
    """The batch that answers a batch: BHS, the acknowledgements in order, BTS with their number."""
    h, f = batch.head, batch.head.marks.field
    remark = "" if batch.is_complete else f"{f}a trailer counts other than what came"
    first = f"BHS{f}{h.marks.msh2}{f}{HUB}{f}{HUB}{f}{h.fields[3]}{f}{h.fields[4]}{f}{when}{f}{f}{f}{f}{own_id}{f}{h.fields[10]}\r"
    last = f"BTS{f}{len(acknowledgements)}{remark}\r"
    return first.encode("latin-1") + b"".join(acknowledgements) + last.encode("latin-1")
