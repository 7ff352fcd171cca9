"""MLLP framing without I/O: bytes in, events out. Memory is bounded by the limit whatever arrives and however it is cut.

A frame is ``0B payload 1C 0D``. Accepted beside it: an end block without CR (before LF, before the next start block, or before silence:
see ``quiet``), and any bytes between frames, which are counted. A start block inside a frame means that the frame before it was cut
short; an end block with anything else behind it is a control byte inside a frame; a message header between frames, with an end block
behind it, has lost its start block. None of them is ever given out as a message, each is told.
"""

from dataclasses import dataclass, field
from typing import Final

from hub.errors import Reason

VT: Final = 0x0B
FS: Final = 0x1C
START: Final = b"\x0b"
END: Final = b"\x1c"
TAIL: Final = b"\x1c\r"
_HEADER: Final = b"MSH"
_BLANK: Final = b"\r\n \t"
_HEAD_BYTES: Final = 4096  # of a refused frame, kept so that the answer can name its control id


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole payload."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that is not a message. ``head`` is at most the first 4,096 bytes of it."""

    reason: Reason  # TOO_LARGE or BAD_FRAME
    head: bytes = field(repr=False)


def frame(payload: bytes) -> bytes:
    """A payload as it goes on the wire."""
    return b"".join((START, payload, TAIL))


class Deframer:
    """Cuts a stream of bytes into frames.

    ``garbage_bytes`` counts what was not blank and stood outside frames, since whoever reads it last set it to 0.
    """

    __slots__ = ("_bad", "_buffer", "_inside", "_max", "_outside", "_pending", "garbage_bytes")

    def __init__(self, payload_bytes_max: int) -> None:
        self._max: Final = payload_bytes_max
        self._buffer = bytearray()  # of the frame under way
        self._inside = False
        self._bad: Reason | None = None  # why the frame under way can no longer become a message; told already if TOO_LARGE
        self._pending = False  # an end block was the last byte: what follows it decides
        self._outside = bytearray()  # the first bytes since the last frame or end block, at most 4,096
        self.garbage_bytes = 0

    @property
    def is_partial(self) -> bool:
        """True while a frame has begun and not ended."""
        return self._inside

    @property
    def has_header(self) -> bool:
        """True once the first line of the frame under way is complete."""
        return self._bad is not None or b"\r" in self._buffer or b"\n" in self._buffer

    @property
    def buffered_bytes(self) -> int:
        """Bytes held; at most ``payload_bytes_max``."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """The events that more bytes complete, in order."""
        size = len(data)
        if (
            not self._inside
            and data[:1] == START
            and data.find(END) == size - 2
            and data[-1:] == b"\r"
            and data.rfind(START) == 0
            and size - 3 <= self._max
        ):
            self._outside.clear()
            return [Frame(data[1:-2])]  # one whole frame: what nearly every read brings
        events: list[Frame | Refused] = []
        position = 0
        end = -1  # the next end block at or after position, found once however many start blocks stand before it
        while position < size:
            if not self._inside:
                position = self._between(data, position, events)
                continue
            if self._pending:
                position = self._after_end(data, position, events)
                continue
            if end < position:
                end = data.find(END, position)
                end = size if end < 0 else end
            start = data.find(START, position, end)
            if start >= 0:
                self._take(data, position, start, events)
                self._restart(events)
                position = start + 1
                continue
            self._take(data, position, end, events)
            self._pending = end < size
            position = end + 1
        return events

    def quiet(self) -> list[Frame | Refused]:
        """Nothing came for a while after an end block: it was the end of its frame."""
        events: list[Frame | Refused] = []
        if self._pending:
            self._finish(events)
        return events

    @property
    def is_pending(self) -> bool:
        """True while only the byte after an end block is missing."""
        return self._pending

    def _between(self, data: bytes, position: int, events: list[Frame | Refused]) -> int:
        start = data.find(START, position)
        stop = len(data) if start < 0 else start
        if stop > position:
            self.garbage_bytes += len(data[position:stop].translate(None, _BLANK))
            self._look_outside(data, position, stop, events)
        self._inside = start >= 0
        if self._inside:
            self._outside.clear()
        return stop + 1

    def _look_outside(self, data: bytes, position: int, stop: int, events: list[Frame | Refused]) -> None:
        outside = self._outside
        while position < stop:
            end = data.find(END, position, stop)
            upto = stop if end < 0 else end
            outside += data[position : min(upto, position + _HEAD_BYTES - len(outside))]
            position = upto + 1
            if end >= 0:
                header = outside.find(_HEADER)
                if header >= 0:
                    events.append(Refused(Reason.BAD_FRAME, bytes(outside[header:])))
                outside.clear()

    def _after_end(self, data: bytes, position: int, events: list[Frame | Refused]) -> int:
        following = data[position]
        if following in (0x0D, 0x0A):
            self._finish(events)
            return position + 1
        if following == VT:
            self._finish(events)
            return position
        self._pending = False
        self._bad = self._bad or Reason.BAD_FRAME  # a control byte inside; the frame goes on to its real end
        return position

    def _take(self, data: bytes, position: int, stop: int, events: list[Frame | Refused]) -> None:
        if self._bad is not None:  # only the head of it is still of use
            self._buffer += data[position : min(stop, position + max(0, _HEAD_BYTES - len(self._buffer)))]
        elif len(self._buffer) + stop - position > self._max:
            self._buffer += data[position : min(stop, position + _HEAD_BYTES)]
            events.append(Refused(Reason.TOO_LARGE, bytes(self._buffer[:_HEAD_BYTES])))
            self._bad = Reason.TOO_LARGE
            self._buffer = bytearray()
        elif stop > position:
            self._buffer += data[position:stop]

    def _restart(self, events: list[Frame | Refused]) -> None:
        """A start block inside a frame: what came before it was cut short."""
        if self._bad is not Reason.TOO_LARGE and (self._buffer or self._bad):
            events.append(Refused(Reason.BAD_FRAME, bytes(self._buffer[:_HEAD_BYTES])))
        self._clear()
        self._inside = True

    def _finish(self, events: list[Frame | Refused]) -> None:
        if self._bad is None:
            events.append(Frame(bytes(self._buffer)))
        elif self._bad is not Reason.TOO_LARGE:
            events.append(Refused(self._bad, bytes(self._buffer[:_HEAD_BYTES])))
        self._clear()

    def _clear(self) -> None:
        self._buffer = bytearray()
        self._bad, self._inside, self._pending = None, False, False
