"""Batches (FHS, BHS ... BTS, FTS) in one frame: cut into messages, answered as one batch of acknowledgements in one frame.

HL7 2.5.1 section 2.10.3 and 2.15: a batch answers a batch. One bad message does not fail the rest.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from hub.adapters.hl7v2 import charset
from hub.adapters.hl7v2.head import Head, peek
from hub.adapters.hl7v2.reply import HUB

_WRAPPERS: Final = (b"FHS", b"BHS", b"BTS", b"FTS")
_STARTS: Final = re.compile(rb"(?:\A|(?<=[\r\n]))(?=MSH|FHS|BHS|BTS|FTS)")


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
    """Cut a batch. Every message keeps its bytes."""
    body = raw.lstrip(b"\r\n").removeprefix(charset.BOM)
    parts = [part for part in _STARTS.split(body) if part]
    messages = tuple(part for part in parts if part.startswith(b"MSH"))
    trailers = [part for part in parts if part.startswith(b"BTS")]
    counts = [_count(part, peek(parts[0]).marks.field.encode()) for part in trailers]
    told = sum(count for count in counts if count is not None)
    head = peek(parts[0])
    return Batch(head, messages, None in counts or not counts or told == len(messages))


def _count(trailer: bytes, separator: bytes) -> int | None:
    fields = trailer.split(separator, 2)
    text = fields[1].strip() if len(fields) > 1 else b""
    return int(text) if text.isdigit() and len(text) < 10 else None


def answer(batch: Batch, acknowledgements: list[bytes], own_id: str, when: str) -> bytes:
    """The batch that answers a batch: BHS, the acknowledgements in order, BTS with their number."""
    h, f = batch.head, batch.head.marks.field
    remark = "" if batch.is_complete else f"{f}the trailer counts other than the messages that came"
    first = f"BHS{f}{h.marks.msh2}{f}{HUB}{f}{HUB}{f}{h.fields[3]}{f}{h.fields[4]}{f}{when}{f}{f}{f}{f}{own_id}{f}{h.fields[11]}\r"
    last = f"BTS{f}{len(acknowledgements)}{remark}\r"
    return first.encode("latin-1") + b"".join(acknowledgements) + last.encode("latin-1")
