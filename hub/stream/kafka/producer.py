"""The producer: durable sends, and the way broker errors are told.

Delivery reports are served by ticks of the caller's own event loop, not by a thread: with two threads every report would wait for the
interpreter lock, which costs half the throughput. ``linger.ms`` 0 follows the load by itself: a lone message goes out at once, and
while the five requests an idempotent producer may have under way are, later messages gather into the next one.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import confluent_kafka as ck

from hub import telemetry
from hub.errors import Cause, Faulted, HubError, Reason, Rejected
from hub.settings import FRAME_BYTES_MAX

MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX + 65_536  # a frame and its envelope
_TICK_SECONDS: Final = 0.001
_TIMEOUTS_MAX: Final = 2  # consecutive ones after which the client is replaced: librdkafka can stay stuck on a lost leader for ever
_UNKNOWN: Final = frozenset({ck.KafkaError._MSG_TIMED_OUT, ck.KafkaError._TIMED_OUT, ck.KafkaError.REQUEST_TIMED_OUT})  # noqa: SLF001
_TOO_LARGE: Final = frozenset({ck.KafkaError.MSG_SIZE_TOO_LARGE, ck.KafkaError.RECORD_LIST_TOO_LARGE})

Report = Callable[[HubError | None], None]  # None = durable


def failure(error: ck.KafkaError) -> HubError:
    """What an error of the client means to a message: too large for the topic, outcome unknown, or not accepted."""
    code = error.code()
    if code in _TOO_LARGE:
        return Rejected(Reason.TOO_LARGE)
    return Faulted(Cause.BROKER_TIMEOUT if code in _UNKNOWN else Cause.BROKER_UNAVAILABLE)


class Producer:
    """Durable sends: idempotent, acknowledged by all in-sync replicas, partitioned by murmur2 as Java and Faust do.

    Bound to the event loop it first sends from; outside a loop the reports come from ``poll`` and ``flush``. Not thread-safe.
    """

    def __init__(self, bootstrap: str, *, linger_ms: float = 0, delivery_timeout_ms: int = 20_000) -> None:
        self._config: Final[dict[str, Any]] = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "delivery.timeout.ms": delivery_timeout_ms,
            "socket.timeout.ms": min(5000, delivery_timeout_ms),
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "queue.buffering.max.messages": 20_000,
            "queue.buffering.max.kbytes": 65_536,
            "allow.auto.create.topics": False,
            "reconnect.backoff.max.ms": 1000,
            "error_cb": self._errored,
            "log_level": 2,
        }
        self._client: ck.Producer = ck.Producer(self._config)
        self._under_way = 0
        self._timeouts = 0
        self._is_broken = False
        self._is_ticking = False

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
        if self._is_broken:
            self._replace()

        def reported(error: ck.KafkaError | None, _: object) -> None:
            self._under_way -= 1
            if error is None:
                self._timeouts = 0
            on_report(None if error is None else self._failed(error))

        try:
            self._client.produce(topic, value, key, on_delivery=reported, headers=list(headers) or None)
        except BufferError:
            raise Faulted(Cause.OVERLOADED) from None
        except ck.KafkaException as exc:
            raise self._failed(exc.args[0]) from None
        self._under_way += 1
        if not self._is_ticking:
            self._start_ticking()

    def poll(self, timeout_seconds: float = 0.0) -> None:
        """Serve delivery reports, waiting for at most so long."""
        self._client.poll(timeout_seconds)

    def flush(self, timeout_seconds: float) -> int:
        """Wait for the reports of everything sent. The number still without one."""
        return int(self._client.flush(timeout_seconds))

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Flush, then give up what is left: its reports say BROKER_UNAVAILABLE."""
        if self.flush(timeout_seconds):
            self._give_up()

    def _start_ticking(self) -> None:
        with contextlib.suppress(RuntimeError):  # no loop in this thread: the caller polls
            loop = asyncio.get_running_loop()
            self._is_ticking = True
            loop.call_soon(self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._client.poll(0)
        if self._is_broken:
            self._replace()
        if self._under_way:
            loop.call_later(_TICK_SECONDS, self._tick, loop)
        else:
            self._is_ticking = False

    def _errored(self, error: ck.KafkaError) -> None:
        if error.fatal():
            self._is_broken = True

    def _failed(self, error: ck.KafkaError) -> HubError:
        found = failure(error)
        if isinstance(found, Faulted):
            self._timeouts += 1
            if error.fatal() or self._timeouts >= _TIMEOUTS_MAX:
                self._is_broken = True
        return found

    def _give_up(self) -> None:
        self._client.purge(in_queue=True, in_flight=True)
        self._client.flush(1.0)

    def _replace(self) -> None:
        """A fresh client in place of one that is fatally broken or stuck. What the old one still held is reported as failed."""
        telemetry.FAULTS.labels("producer", Cause.BROKER_UNAVAILABLE.value).inc()
        self._is_broken, self._timeouts = False, 0
        self._give_up()
        self._client = ck.Producer(self._config)
