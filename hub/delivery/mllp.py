"""Delivery by MLLP: pooled connections, one message under way on each, and no answer ever credited to another message.

An answer counts when MSA-2 is the control id of the message under way: AA and CA deliver, AE, AR, CE and CR refuse. Anything else is a
wrong answer, after which the connection is closed, as it is after a timeout: what arrives late finds nobody to be credited to.
The first answer settles. A further one to a message that this connection has carried before is known by its MSA-2 and passed over; so that
it can never be taken for another message's, no connection carries the same control id twice.
"""

import asyncio
import ssl
from typing import Final

from typing_extensions import override

from hub import telemetry
from hub.delivery import answer as ack
from hub.delivery.channel import NOT_BEGUN, MayStart, Means, Sent, client_tls, failed, is_loopback
from hub.ledger.outbox import Parcel
from hub.model import AttemptOutcome, Channel, Deliver

_IDLE_SECONDS_MAX: Final = 60.0  # a connection unused for longer may be dead without our knowing: open a new one
_LATE_SECONDS: Final = 10.0  # how long a late answer is listened for, in order to be counted
_CARRIED_MAX: Final = 256  # messages over one connection: it remembers the control id of each


class _Link(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._frames = ack.Frames()
        self._transport: asyncio.Transport | None = None
        self._under_way = b""  # its control id
        self._done: asyncio.Future[Sent] | None = None
        self._carried: set[bytes] = set()  # control ids that may be answered, or answered once more
        self.abandoned = False
        self.idle_since = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream transport, as create_connection says

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self.abandoned

    def may_carry(self, control_id: bytes) -> bool:
        """Whether no answer to an earlier message could be taken for this one's."""
        return self.is_open and control_id not in self._carried and len(self._carried) < _CARRIED_MAX

    async def exchange(self, payload: bytes, control_id: bytes, seconds_max: float) -> Sent:
        """Write one frame and wait for its answer."""
        assert self._transport is not None  # connected before it is handed out
        loop = asyncio.get_running_loop()
        self._under_way, self._done = control_id, loop.create_future()
        self._carried.add(control_id)
        timer = loop.call_later(seconds_max, self._timed_out)
        self._transport.write(b"".join((b"\x0b", payload, b"\x1c\r")))
        try:
            return await self._done
        finally:
            timer.cancel()
            self._done = None

    def _timed_out(self) -> None:
        self._carried.discard(self._under_way)  # its answer, if it comes, is late
        self._settle(failed("timeout"))
        self._abandon()

    def _abandon(self) -> None:
        """Send nothing more; listen on only so that a late answer is counted. The receiver sees the end of our side at once."""
        self.abandoned = True
        if self._transport is None or not self._transport.can_write_eof():
            self.close()
            return
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LATE_SECONDS, self.close)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._take(ack.read(frame))
        except ack.BadAnswer:
            self._wrong("wrong_answer")

    def _take(self, given: ack.Answer) -> None:
        is_waiting = self._done is not None and not self._done.done()
        if not is_waiting or given.control_id != self._under_way:
            if given.control_id not in self._carried:
                self._wrong("wrong_control_id")
        elif given.code in ack.ACCEPTED:
            self._settle(Sent(AttemptOutcome.DELIVERED, given.code.decode()))
        elif given.code in ack.REFUSED:
            self._settle(Sent(AttemptOutcome.REFUSED, given.code.decode()))
        else:
            self._wrong("wrong_answer")

    def _wrong(self, code: str) -> None:
        if self._done is None or self._done.done():
            telemetry.LATE_ANSWERS.labels(Channel.MLLP).inc()
        self._settle(failed(code))
        self.close()

    def _settle(self, sent: Sent) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(sent)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(failed("cut"))
        self._transport = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class MllpWay:
    """The connections to one MLLP receiver. At most as many are open as sends are under way."""

    def __init__(self, deliver: Deliver, provider: str, means: Means) -> None:
        del provider
        self._deliver = deliver
        self._means = means
        self._tls: ssl.SSLContext | None = None
        self._idle: list[_Link] = []

    async def send(self, parcel: Parcel, may_start: MayStart) -> Sent:
        """Send one message and wait for its acknowledgement, ``ack_seconds_max`` at most."""
        control_id = ack.control_id(parcel.payload)
        try:
            link = self._pooled(control_id) or await self._connect()
        except (OSError, TimeoutError) as problem:
            return failed("tls" if isinstance(problem, ssl.SSLError) else "connect", unreachable=True)
        if link is None:
            return failed("plaintext", unreachable=True)
        try:
            if not may_start():
                return NOT_BEGUN
            return await link.exchange(parcel.payload, control_id, self._means.ack_seconds_max)
        except BaseException:  # also when cancelled: its answer is still to come, and must not meet the next message
            link.close()
            raise
        finally:
            if link.is_open:
                link.idle_since = asyncio.get_running_loop().time()
                self._idle.append(link)

    def _pooled(self, control_id: bytes) -> _Link | None:
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS_MAX
        while self._idle and (not self._idle[0].is_open or self._idle[0].idle_since < oldest):
            self._idle.pop(0).close()
        while self._idle:
            link = self._idle.pop()
            if link.may_carry(control_id):
                return link
            link.close()
        return None

    async def _connect(self) -> _Link | None:
        """A new connection; None when it would be plaintext to another machine. Raises OSError, TimeoutError."""
        deliver = self._deliver
        if not deliver.tls_ca and not self._means.insecure_plaintext and not is_loopback(deliver.host):
            return None
        if deliver.tls_ca and self._tls is None:
            self._tls = client_tls(deliver.tls_ca, self._means)
        async with asyncio.timeout(self._means.connect_seconds_max):
            _, link = await asyncio.get_running_loop().create_connection(_Link, deliver.host, deliver.port, ssl=self._tls)
        return link

    async def reachable(self) -> bool:
        """Open a connection and keep it for the next send."""
        try:
            link = await self._connect()
        except (OSError, TimeoutError):
            return False
        if link is None:
            return False
        link.idle_since = asyncio.get_running_loop().time()
        self._idle.append(link)
        return True

    async def close(self) -> None:
        """Close what is idle; what is under way is closed by its own send."""
        for link in self._idle:
            link.close()
        self._idle.clear()
