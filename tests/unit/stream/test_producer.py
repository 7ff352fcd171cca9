"""The producer with a client that does as it is told: no report is lost for the failure of another, or of whoever heard it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import confluent_kafka as ck
import pytest

from hub.errors import HubError
from hub.settings import FRAME_BYTES_MAX
from hub.stream.kafka import Producer, message_bytes_max

Told = Callable[[ck.KafkaError | None, object], None]


class Client:
    """Keeps what it is sent until it is polled; ``made`` are all of them, in order."""

    made: list["Client"] = []  # noqa: RUF012

    def __init__(self, config: dict[str, Any]) -> None:
        self.config, self.queue, self.error = config, deque[Told](), None
        Client.made.append(self)

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Told, headers: object) -> None:
        self.queue.append(on_delivery)

    def poll(self, timeout: float) -> int:
        while self.queue:
            self.queue.popleft()(self.error, None)
        return 0

    def flush(self, timeout: float) -> int:
        return self.poll(timeout)

    def purge(self, **_: bool) -> None:
        self.error = ck.KafkaError(ck.KafkaError._PURGE_QUEUE)

    def close(self) -> None: ...


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    Client.made = []
    monkeypatch.setattr(ck, "Producer", Client)
    return Client.made


def test_one_who_fails_to_hear_a_report_costs_the_others_nothing(clients: list[Client]) -> None:
    """Ticks go on, and what the thread brought is told to the end."""

    async def run() -> tuple[list[int], list[str]]:
        heard, failures = list[int](), list[str]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(type(context["exception"]).__name__))
        producer = Producer("nowhere")

        def report(n: int) -> Callable[[HubError | None], None]:
            def hear(_: HubError | None) -> None:
                if n % 10 == 0:
                    raise ZeroDivisionError
                heard.append(n)

            return hear

        for n in range(60):  # the first few at once, the others by the client that gathers
            producer.send_nowait("t", b"%d" % n, b"v", report(n))
        async with asyncio.timeout(5):
            while producer.under_way:  # noqa: ASYNC110  the last report, however it comes
                await asyncio.sleep(0.001)
        producer.close(0)
        return heard, failures

    heard, failures = asyncio.run(run())
    assert sorted(heard) == [n for n in range(60) if n % 10]
    assert failures == ["ZeroDivisionError"] * 6


def test_what_a_replaced_client_reports_says_nothing_of_the_new_one(clients: list[Client]) -> None:
    producer, told = Producer("nowhere", linger_ms=0), list[HubError | None]()
    for key in (b"a", b"b", b"c"):
        producer.send_nowait("t", key, b"v", told.append)
    (first,) = clients
    first.config["error_cb"](ck.KafkaError(ck.KafkaError._FATAL, "lost", fatal=True))
    producer.send_nowait("t", b"d", b"v", told.append)  # replaces it: what it held is given up
    first.config["error_cb"](ck.KafkaError(ck.KafkaError._FATAL, "lost", fatal=True))
    producer.poll()
    producer.send_nowait("t", b"e", b"v", told.append)
    producer.poll()
    assert [error is None for error in told] == [False, False, False, True, True]
    assert (len(clients), producer.under_way) == (2, 0)


def test_a_client_takes_the_largest_frame_of_the_settings(clients: list[Client]) -> None:
    for bytes_max in (FRAME_BYTES_MAX, 64 * 1024 * 1024):
        Producer("nowhere", frame_bytes_max=bytes_max)
        config = clients[-1].config
        assert config["message.max.bytes"] == message_bytes_max(bytes_max) > bytes_max
        assert config["queue.buffering.max.kbytes"] * 1024 >= 2 * bytes_max
