"""Reading HL7 v2 acknowledgements: which message an answer is for, and what it says. Pure; HL7 v2.5.1 chapter 2.9.

What the message says in MSH-15 and MSH-16 is not asked: on this hop the hub is the sender, and it always wants an answer.
"""

from dataclasses import dataclass, field
from typing import Final

ACCEPTED: Final = frozenset({b"AA", b"CA"})
REFUSED: Final = frozenset({b"AE", b"AR", b"CE", b"CR"})
ANSWER_BYTES_MAX: Final = 65_536

_START: Final = b"\x0b"
_END: Final = b"\x1c"


@dataclass(frozen=True, slots=True)
class Answer:
    """MSA-1 and MSA-2 as they stand."""

    code: bytes
    control_id: bytes = field(repr=False)


class BadAnswer(Exception):  # noqa: N818  # it is the answer that is bad
    """What came back is not an acknowledgement, or too long for one."""


def control_id(payload: bytes) -> bytes:
    """MSH-10 of a message, b"" where it has none."""
    fields = payload[: _segment_end(payload)].split(payload[3:4] or b"|", 10)
    return fields[9].strip() if len(fields) > 9 else b""


def read(frame: bytes) -> Answer:
    """The answer in a frame's payload. Raises BadAnswer."""
    frame = frame.strip(b"\r\n \t")
    if not frame.startswith(b"MSH") or len(frame) < 8:
        raise BadAnswer
    separator = frame[3:4]
    for segment in frame.replace(b"\n", b"\r").split(b"\r"):
        if segment.startswith(b"MSA" + separator):
            fields = segment.split(separator)
            return Answer(fields[1].strip(), fields[2].strip() if len(fields) > 2 else b"")
    raise BadAnswer


class Frames:
    """Cuts what a receiver sends back into frames. Bytes outside frames are skipped; memory is bounded."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are whole now. Raises BadAnswer when one grows past ``ANSWER_BYTES_MAX``."""
        self._buffer += data
        whole = []
        while (end := self._buffer.find(_END)) >= 0:
            start = self._buffer.rfind(_START, 0, end)  # a start block inside a frame: the one before it was cut short
            if start >= 0:
                whole.append(self._buffer[start + 1 : end])
            self._buffer = self._buffer[end + 1 :]
        if _START not in self._buffer:
            self._buffer = b""
        if len(self._buffer) > ANSWER_BYTES_MAX:
            raise BadAnswer
        return whole


def _segment_end(payload: bytes) -> int:
    ends = [at for at in (payload.find(b"\r"), payload.find(b"\n", 0, 4096)) if at >= 0]
    return min(ends, default=len(payload))
