"""The producer: durable sends, and the way broker errors are told.

Linger follows the load. There are two clients, one that sends at once and one that gathers for a millisecond: a lone message never waits
for others, and many at once travel together, which costs a third of the processor time. A key changes client only while nothing of
it is under way, so order per key holds.

The reports of the first are served by a thread, which hears of them at once; those of the second by ticks of the caller's own event loop,
because with many of them a thread would fight for the interpreter lock over each, which costs half the throughput.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import confluent_kafka as ck

from hub import telemetry
from hub.errors import Cause, Faulted, HubError, Reason, Rejected
from hub.settings import FRAME_BYTES_MAX

_ENVELOPE_BYTES_MAX: Final = 131_072  # what a record holds beside the frame: the doors refuse more names and identifiers than fit
_QUEUE_BYTES_MIN: Final = 64 * 1024 * 1024  # more than a gateway holds (``held_bytes_max``): its senders wait, they are not refused
_TICK_SECONDS: Final = 0.001
_POLL_SECONDS: Final = 0.2  # longest wait of the thread, hence of its end
_TIMEOUTS_MAX: Final = 2  # consecutive ones after which the client is replaced: librdkafka can stay stuck on a lost leader for ever
_PURGED_SECONDS: Final = 1.0  # for the reports of what is given up
_UNKNOWN: Final = frozenset({ck.KafkaError._MSG_TIMED_OUT, ck.KafkaError._TIMED_OUT, ck.KafkaError.REQUEST_TIMED_OUT})  # noqa: SLF001
_TOO_LARGE: Final = frozenset({ck.KafkaError.MSG_SIZE_TOO_LARGE, ck.KafkaError.RECORD_LIST_TOO_LARGE})

_LONE_MAX: Final = 8  # messages under way up to which each is sent at once

Report = Callable[[HubError | None], None]  # None = durable


def message_bytes_max(frame_bytes_max: int) -> int:
    """The largest record of a hub whose largest frame has so many bytes."""
    return frame_bytes_max + _ENVELOPE_BYTES_MAX


def failure(error: ck.KafkaError) -> HubError:
    """What an error of the client means to a message: too large for the topic, outcome unknown, or not accepted."""
    code = error.code()
    if code in _TOO_LARGE:
        return Rejected(Reason.TOO_LARGE)
    return Faulted(Cause.BROKER_TIMEOUT if code in _UNKNOWN else Cause.BROKER_UNAVAILABLE)


def _heard(_: HubError | None) -> None:
    """Nothing more to tell."""


class _Client:
    """One librdkafka client, replaced when it is fatally broken or stuck. Reports are told in the caller's thread only."""

    def __init__(self, config: dict[str, Any], process: str) -> None:
        self._config: Final = config
        self._process: Final = process
        self._number = 0  # of the client in use: what an earlier one reports says nothing of it
        self._client = self._made()
        self._timeouts = 0
        self._is_broken = False
        self._loop: asyncio.AbstractEventLoop | None = None  # set once a thread serves the reports
        self._done: Final[deque[tuple[Report, ck.KafkaError | None, int]]] = deque()  # reports on their way from the thread to the loop
        self._is_closed = False

    def serve_by_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on a thread waits for the reports and hands them to the loop."""
        if self._loop is None:
            self._loop = loop
            threading.Thread(target=self._serve, name="kafka-reports", daemon=True).start()

    def produce(
        self, topic: str, key: bytes, value: bytes, on_report: Report, headers: list[tuple[str, str | bytes | None]] | None
    ) -> None:
        if self._is_broken:
            self._replace()
        number = self._number

        def reported(error: ck.KafkaError | None, _: object) -> None:
            if self._loop is None:
                self._tell(on_report, error, number)
                return
            self._done.append((on_report, error, number))
            if len(self._done) == 1:
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                    self._loop.call_soon_threadsafe(self.drain)

        try:
            self._client.produce(topic, value, key, on_delivery=reported, headers=headers)
        except BufferError:
            raise Faulted(Cause.OVERLOADED) from None
        except ck.KafkaException as exc:
            raise self._failed(exc.args[0], number) from None

    def poll(self, timeout_seconds: float) -> None:
        if self._is_closed:
            return
        self._client.poll(timeout_seconds)
        if self._is_broken:
            self._replace()

    def flush(self, timeout_seconds: float) -> int:
        left = int(self._client.flush(timeout_seconds))
        self.drain()
        return left

    def give_up(self) -> None:
        """Report what is still under way as failed."""
        self._client.purge(in_queue=True, in_flight=True)
        self.flush(_PURGED_SECONDS)

    def close(self) -> None:
        """Give the client back, its threads and sockets with it; nothing may be sent any more.

        At once, not when garbage is collected: who sends is in a cycle with its consumer, and a frozen heap is never collected.
        """
        self._is_closed = True
        if self._loop is None:
            self._client.close()

    def drain(self) -> None:
        """Tell the reports that the thread has brought. One that raises costs the others nothing."""
        while self._done:
            try:
                self._tell(*self._done.popleft())
            except Exception as exc:  # noqa: BLE001  whoever hears reports has failed, not the report: told as asyncio tells it
                assert self._loop is not None  # only a thread brings reports
                self._loop.call_exception_handler({"message": "a delivery report was not heard", "exception": exc})

    def _made(self) -> ck.Producer:
        self._number += 1
        return ck.Producer(self._config | {"error_cb": partial(self._errored, self._number)})

    def _serve(self) -> None:
        while not self._is_closed:
            self._client.poll(_POLL_SECONDS)
        self._client.close()  # here, where nobody polls it any more

    def _tell(self, on_report: Report, error: ck.KafkaError | None, number: int) -> None:
        if error is None:
            self._timeouts = 0
            on_report(None)
        else:
            on_report(self._failed(error, number))

    def _errored(self, number: int, error: ck.KafkaError) -> None:
        if error.fatal() and number == self._number:
            self._is_broken = True

    def _failed(self, error: ck.KafkaError, number: int) -> HubError:
        found = failure(error)
        if isinstance(found, Faulted) and number == self._number:
            self._timeouts += 1
            if error.fatal() or self._timeouts >= _TIMEOUTS_MAX:
                self._is_broken = True
        return found

    def _replace(self) -> None:
        """A new client in place of the broken one; what was under way there is reported as failed."""
        telemetry.fault(self._process, Cause.BROKER_UNAVAILABLE)
        broken, self._client = self._client, self._made()
        self._is_broken, self._timeouts = False, 0
        broken.purge(in_queue=True, in_flight=True)
        broken.flush(_PURGED_SECONDS)
        self.drain()


class Producer:
    """Durable sends: idempotent, acknowledged by all in-sync replicas, partitioned by murmur2 as Java and Faust do.

    ``linger_ms``: what to gather for under load; 0 = never. ``process``: whose faults they are, for the metric. ``frame_bytes_max``: of
    the largest message in a record. Bound to the event loop it first sends from; outside a loop the reports come from ``poll`` and
    ``flush``. Not thread-safe.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        linger_ms: float = 1.0,
        delivery_timeout_ms: int = 20_000,
        process: str = "gateway",
        frame_bytes_max: int = FRAME_BYTES_MAX,
    ) -> None:
        bytes_max = message_bytes_max(frame_bytes_max)
        config = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": delivery_timeout_ms,
            "socket.timeout.ms": min(5000, delivery_timeout_ms),
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": bytes_max,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": max(_QUEUE_BYTES_MIN, 2 * bytes_max) // 1024,
            "allow.auto.create.topics": False,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
        }
        self._at_once: Final = _Client(config | {"linger.ms": 0}, process)
        self._gathering: Final = _Client(config | {"linger.ms": linger_ms}, process) if linger_ms else self._at_once
        self._clients: Final = tuple({id(c): c for c in (self._at_once, self._gathering)}.values())
        self._keys: Final[dict[bytes, tuple[_Client, int]]] = {}  # where the messages of a key are under way, and how many
        self._under_way = 0
        self._load = 0.0  # messages under way lately: rises at once, falls by a tenth a tick
        self._is_serving = self._is_ticking = False

    @property
    def under_way(self) -> int:
        """Messages sent and not yet reported."""
        return self._under_way

    async def send(self, topic: str, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        """Return once the message is durable. Raises Faulted, or Rejected(TOO_LARGE)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def report(error: HubError | None) -> None:
            if future.done():
                return  # the one who waited was cancelled
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self.send_nowait(topic, key, value, report, headers)
        await future

    def send_nowait(self, topic: str, key: bytes, value: bytes, on_report: Report, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        """Queue a message; ``on_report`` is called once, later, with None or the failure.

        Raises Faulted or Rejected(TOO_LARGE) if it could not be queued.
        """
        keys = self._keys
        client, count = keys.get(key) or (self._gathering if self._load > _LONE_MAX else self._at_once, 0)

        def reported(error: HubError | None) -> None:
            self._under_way -= 1
            client, count = keys[key]
            if count == 1:
                del keys[key]
            else:
                keys[key] = (client, count - 1)
            on_report(error)

        keys[key] = (client, count + 1)
        self._under_way += 1
        try:
            client.produce(topic, key, value, reported, list(headers) if headers else None)
        except HubError:
            on_report = _heard  # by the exception; only the books are balanced
            reported(None)
            raise
        self._load = max(self._load, self._under_way)
        if not self._is_serving or (self._load > 1 and not self._is_ticking):
            self._serve()

    def poll(self, timeout_seconds: float = 0.0) -> None:
        """Serve delivery reports, waiting for at most so long."""
        for client in self._clients:
            client.poll(timeout_seconds / len(self._clients))

    def flush(self, timeout_seconds: float) -> int:
        """Wait for the reports of everything sent. The number still without one."""
        return sum(client.flush(timeout_seconds) for client in self._clients)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Flush, then give up what is left: its reports say BROKER_UNAVAILABLE."""
        left = self.flush(timeout_seconds)
        for client in self._clients:
            if left:
                client.give_up()
            client.close()

    def _serve(self) -> None:
        with contextlib.suppress(RuntimeError):  # no loop in this thread: the caller polls
            loop = asyncio.get_running_loop()
            self._at_once.serve_by_thread(loop)
            self._is_serving = True
            if self._load > 1:
                self._is_ticking = True
                loop.call_soon(self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._gathering.poll(0)
        finally:  # a report that raises, in its hearer's own code, must not end the ticks: the others would never be told
            self._load = max(float(self._under_way), self._load * 0.9)
            self._is_ticking = self._load > 1 or self._under_way > 0
            if self._is_ticking:
                loop.call_later(_TICK_SECONDS, self._tick, loop)
