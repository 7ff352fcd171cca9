"""One MLLP connection: bytes to payloads, answers in order, deadlines. What a payload means is the handler's business.

Every payload gets its place in the connection's queue of answers; answers leave in the order the payloads came, whenever each is ready.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from typing_extensions import override

from hub.adapters.hl7v2.framing import Deframer, Frame, Refused
from hub.adapters.hl7v2.receive import Peer

OnReply = Callable[[bytes], None]
_QUIET_SECONDS: Final = 0.05  # after a lone end block, before it is taken for the end of its frame
_BAD_FRAMES_MAX: Final = 100  # in a row: the other end does not speak MLLP


class Handler(Protocol):
    """Who answers. ``on_reply`` is called once for each call, at once or later, with the bytes for the wire (may be empty)."""

    def submit(self, raw: bytes, peer: Peer, on_reply: OnReply) -> None: ...

    def refuse(self, refused: Refused, on_reply: OnReply) -> None: ...


class Owner(Protocol):
    """Who keeps the connections."""

    def joined(self, connection: "Connection") -> bool:
        """False = there is no room for it."""
        ...

    def left(self, connection: "Connection") -> None: ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on one connection and on their number. Times in seconds."""

    frame_bytes_max: int
    header_seconds_max: float
    frame_seconds_max: float
    idle_seconds_max: float
    connections_max: int
    in_flight_max: int = 64  # messages of one connection taken and not yet answered


class Connection(asyncio.Protocol):
    """One sender."""

    __slots__ = (
        "_answers", "_bad_frames", "_began", "_deframer", "_handler", "_is_closing", "_is_full", "_is_stalled", "_limits", "_loop",
        "_peer", "_seen", "_server", "_transport", "_waiting",
    )  # fmt: skip

    def __init__(self, server: "Owner", handler: Handler, limits: ConnectionLimits) -> None:
        self._server: Final = server
        self._handler: Final = handler
        self._limits: Final = limits
        self._deframer: Final = Deframer(limits.frame_bytes_max)
        self._loop: Final = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer = Peer()
        self._answers: deque[list[bytes | None]] = deque()  # one place a payload, filled when its answer is ready
        self._waiting: deque[Frame | Refused] = deque()  # cut from the stream, not yet given to the handler
        self._is_full = self._is_stalled = self._is_closing = False
        self._bad_frames = 0
        self._began = 0.0  # when the frame under way began; 0 = none
        self._seen = self._loop.time()

    @property
    def is_partial(self) -> bool:
        """True with half a frame."""
        return self._began > 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # a stream server makes no other
        self._transport = transport
        session: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session else None
        self._peer = Peer(sha256(certificate).hexdigest() if certificate else "")
        if not self._server.joined(self):
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._server.left(self)

    @override
    def data_received(self, data: bytes) -> None:
        deframer = self._deframer
        was_partial = deframer.is_partial
        self._seen = self._loop.time()
        events = deframer.feed(data)
        if deframer.is_partial:
            if events or not was_partial:
                self._began = self._seen
            if deframer.is_pending:
                self._loop.call_later(_QUIET_SECONDS, self._quiet, self._seen)
        else:
            self._began = 0.0
        if deframer.garbage_bytes > self._limits.frame_bytes_max:
            self.close()
        self._give(events)

    @override
    def eof_received(self) -> bool:
        self._give(self._deframer.quiet())
        self._is_closing = True
        self._close_if_done()
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is None  # TLS has no half-closed state

    @override
    def pause_writing(self) -> None:
        self._is_stalled = True
        self._set_reading()

    @override
    def resume_writing(self) -> None:
        self._is_stalled = False
        self._set_reading()

    def close(self) -> None:
        """Take nothing more; close when everything taken has been answered."""
        self._is_closing = True
        self._set_reading()
        self._close_if_done()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def check_deadlines(self, now: float) -> None:
        """Close a connection that is too slow with a frame or silent for too long."""
        limits = self._limits
        if self._began:
            spent = now - self._began
            is_late = spent > limits.frame_seconds_max or (spent > limits.header_seconds_max and not self._deframer.has_header)
            if is_late and not self._is_full and not self._is_stalled:
                self.abort()
        elif not self._answers and now - self._seen > limits.idle_seconds_max:
            self.close()

    def _quiet(self, seen: float) -> None:
        if self._seen == seen and self._deframer.is_pending:
            self._began = 0.0
            self._give(self._deframer.quiet())

    def _give(self, events: list[Frame | Refused]) -> None:
        if events:
            self._waiting += events
            self._pump()

    def _pump(self) -> None:
        waiting, answers, handler = self._waiting, self._answers, self._handler
        while waiting and len(answers) < self._limits.in_flight_max:
            event = waiting.popleft()
            place: list[bytes | None] = [None]
            answers.append(place)

            def on_reply(reply: bytes, place: list[bytes | None] = place) -> None:
                place[0] = reply
                if answers and answers[0] is place:
                    self._send()

            if isinstance(event, Frame):
                self._bad_frames = 0
                handler.submit(event.payload, self._peer, on_reply)
            else:
                self._bad_frames += 1
                handler.refuse(event, on_reply)
        if self._bad_frames >= _BAD_FRAMES_MAX:
            waiting.clear()
            self.close()
        is_full = bool(waiting)
        if is_full is not self._is_full:
            self._is_full = is_full
            self._set_reading()

    def _send(self) -> None:
        answers = self._answers
        out: list[bytes] = []
        while answers and (reply := answers[0][0]) is not None:
            answers.popleft()
            out.append(reply)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._waiting:
            self._loop.call_soon(self._pump)
        elif self._is_closing:
            self._close_if_done()

    def _set_reading(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._is_full or self._is_stalled or self._is_closing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close_if_done(self) -> None:
        if self._transport is not None and not self._answers and not self._waiting:
            self._transport.close()
