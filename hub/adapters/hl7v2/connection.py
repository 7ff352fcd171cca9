"""One MLLP connection: bytes to payloads, answers in order, deadlines, bounds. What a payload means is the handler's business.

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

from hub import telemetry
from hub.adapters.hl7v2.budget import SHARE_BYTES, Budget
from hub.adapters.hl7v2.framing import Deframer, Frame, Refused
from hub.adapters.hl7v2.receive import Peer

OnReply = Callable[[bytes | None], None]
_QUIET_SECONDS: Final = 0.05  # after a lone end block, before it is taken for the end of its frame
_NO_MESSAGES_MAX: Final = 100  # in a row: the other end does not speak HL7 over MLLP
_TURN: Final = 32  # messages judged before other connections have their turn
_EVENT_BYTES: Final = 256  # what the hub's own objects about a payload take


class Handler(Protocol):
    """Who answers.

    ``on_reply`` is called once for each call, at once or later, with the bytes for the wire (may be empty); None = close the connection,
    its end is all the sender can be told. ``submit`` gives how many messages were judged; 0 = the payload is no message at all.
    """

    def submit(self, raw: bytes, peer: Peer, on_reply: OnReply) -> int: ...

    def refuse(self, refused: Refused, peer: Peer, on_reply: OnReply) -> None: ...


class Owner(Protocol):
    """Who keeps the connections."""

    @property
    def budget(self) -> Budget:
        """What they may hold together."""
        ...

    def joined(self, connection: "Connection") -> bool:
        """False = there is no room for it."""
        ...

    def left(self, connection: "Connection") -> None: ...


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds on one connection and on all of them. Times in seconds."""

    frame_bytes_max: int
    header_seconds_max: float
    frame_seconds_max: float
    idle_seconds_max: float
    connections_max: int
    in_flight_max: int = 64  # messages of one connection taken and not yet answered, as long as they are small (see ``_has_room``)
    held_bytes_max: int = 48 * 1024 * 1024  # of all connections: begun, or not yet answered


class _Place:
    """Where the answer to one payload goes. ``reply`` is None until there is one; ``is_last`` = close instead."""

    __slots__ = ("is_last", "reply")

    def __init__(self) -> None:
        self.reply: bytes | None = None
        self.is_last = False


class Connection(asyncio.Protocol):
    """One sender."""

    __slots__ = (
        "_answers", "_began", "_blocked", "_budget", "_buffered", "_deframer", "_garbage_bytes", "_handler", "_held", "_is_closing",
        "_is_full", "_is_over", "_is_pumping", "_is_stalled", "_limits", "_loop", "_no_messages", "_peer", "_seen", "_server", "_transport",
        "_under_way", "_waiting",
    )  # fmt: skip

    def __init__(self, server: "Owner", handler: Handler, limits: ConnectionLimits) -> None:
        self._server: Final = server
        self._handler: Final = handler
        self._limits: Final = limits
        self._budget: Final = server.budget
        self._deframer: Final = Deframer(limits.frame_bytes_max)
        self._loop: Final = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer = Peer()
        self._answers: deque[_Place] = deque()
        self._waiting: deque[tuple[Frame | Refused, int]] = deque()  # cut from the stream, not yet given to the handler; bytes held
        self._held = self._buffered = self._under_way = 0  # bytes: in all, of the frame begun, given to the handler and not yet answered
        self._is_full = self._is_over = self._is_stalled = self._is_closing = False
        self._is_pumping = False  # will be, in this loop's next turn
        self._no_messages = 0  # in a row
        self._garbage_bytes = 0  # since the last message
        self._began = 0.0  # when the frame under way began; 0 = none
        self._blocked = 0.0  # since when the other end takes nothing, or nothing is left to do but let it go; 0 = neither
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
        self._budget.gone(self)
        self._drop_waiting()
        self._release(self._buffered)
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
        if deframer.garbage_bytes:
            self._count_garbage()
        self._give(events)
        if self._held > SHARE_BYTES and self._budget.must_stop(self):
            self._is_over = True
            self._set_reading()

    @override
    def eof_received(self) -> bool:
        self._give(self._deframer.quiet())
        self._is_closing = True
        self._close_if_done()
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is None  # TLS has no half-closed state

    @override
    def pause_writing(self) -> None:
        self._is_stalled = True
        self._blocked = self._blocked or self._loop.time()
        self._set_reading()

    @override
    def resume_writing(self) -> None:
        self._is_stalled = False
        if self._transport is not None and not self._transport.is_closing():
            self._blocked = 0.0
        self._pump_later()
        self._set_reading()

    def read_again(self) -> None:
        """There is room again for more bytes."""
        self._is_over = False
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
        """Close a connection that is too slow with a frame or with taking its answers, or silent for too long."""
        limits = self._limits
        if self._blocked and now - self._blocked > limits.frame_seconds_max:
            self.abort()
        elif self._began:
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

    def _count_garbage(self) -> None:
        count, self._deframer.garbage_bytes = self._deframer.garbage_bytes, 0
        telemetry.GARBAGE.inc(count)
        self._garbage_bytes += count
        if self._garbage_bytes > self._limits.frame_bytes_max:
            self.close()

    def _give(self, events: list[Frame | Refused]) -> None:
        """What came: to be judged, and held until it is answered. The frame that has begun is held too."""
        size = self._deframer.buffered_bytes
        brought, self._buffered = size - self._buffered, size
        for event in events:
            size = len(event.payload if isinstance(event, Frame) else event.head) + _EVENT_BYTES
            brought += size
            self._waiting.append((event, size))
        self._held += brought
        self._budget.held += brought
        if events and not self._is_pumping:
            self._pump()

    def _release(self, size: int) -> None:
        self._held -= size
        self._budget.release(size)

    def _has_room(self) -> bool:
        """Whether another message may be given to the handler: so many at once, and none more once they are as large as the largest."""
        limits = self._limits
        return not self._is_stalled and len(self._answers) < limits.in_flight_max and self._under_way < limits.frame_bytes_max

    def _pump(self) -> None:
        self._is_pumping = False
        waiting, left = self._waiting, _TURN
        while waiting and left > 0 and self._has_room():
            left -= self._submit(*waiting.popleft())
        if self._no_messages >= _NO_MESSAGES_MAX:
            self._drop_waiting()
            self.close()
        if waiting and left <= 0:
            self._pump_later()
        is_full = bool(waiting)
        if is_full is not self._is_full:
            self._is_full = is_full
            self._set_reading()

    def _pump_later(self) -> None:
        if self._waiting and not self._is_pumping:
            self._is_pumping = True
            self._loop.call_soon(self._pump)

    def _submit(self, event: Frame | Refused, size: int) -> int:
        """How many messages had to be judged for it, at least 1."""
        place, answers = _Place(), self._answers
        answers.append(place)
        self._under_way += size

        def on_reply(reply: bytes | None) -> None:
            self._under_way -= size
            self._release(size)
            place.reply, place.is_last = reply or b"", reply is None
            if answers and answers[0] is place:
                self._send()

        if isinstance(event, Refused):
            self._handler.refuse(event, self._peer, on_reply)
            self._no_messages += 1
            return 1
        judged = self._handler.submit(event.payload, self._peer, on_reply)
        if judged:
            self._no_messages = self._garbage_bytes = 0
        else:
            self._no_messages += 1
        return max(1, judged)

    def _send(self) -> None:
        answers, transport, is_last = self._answers, self._transport, False
        out: list[bytes] = []
        while answers and not is_last and (reply := answers[0].reply) is not None:
            is_last = answers.popleft().is_last
            out.append(reply)
        if transport is None or transport.is_closing():
            return
        transport.write(out[0] if len(out) == 1 else b"".join(out))
        if is_last:
            self._drop_waiting()
            self._let_go(transport)
        elif self._waiting:
            self._pump_later()
        elif self._is_closing:
            self._close_if_done()

    def _drop_waiting(self) -> None:
        self._release(sum(size for _, size in self._waiting))
        self._waiting.clear()

    def _set_reading(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._is_full or self._is_over or self._is_stalled or self._is_closing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close_if_done(self) -> None:
        if self._transport is not None and not self._answers and not self._waiting:
            self._let_go(self._transport)

    def _let_go(self, transport: asyncio.Transport) -> None:
        """Close once the other end has taken what is left for it; see ``check_deadlines``."""
        transport.close()
        self._blocked = self._blocked or self._loop.time()
