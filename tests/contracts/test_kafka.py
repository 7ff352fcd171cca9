"""The producer and consumer on a real broker: durable, in order per key, too large told, the ledger's offsets obeyed."""

import asyncio
import contextlib
import gc
import secrets
import time
from pathlib import Path

import pytest

from hub import telemetry
from hub.errors import Cause, Faulted, HubError, Reason, Rejected
from hub.settings import FRAME_BYTES_MAX, Settings
from hub.stream.kafka import Consumer, Producer, Record, broker_settings, ensure_topics, message_bytes_max, partition_of
from tests.faults.processes import wait_until


def topic_of(kafka: str, prefix: str, **more: object) -> str:
    ensure_topics(kafka, [prefix + "t"], Settings(partitions=3, **more))  # type: ignore[arg-type]
    return prefix + "t"


def read(kafka: str, topic: str, starts: dict[int, int], expected: int) -> list[Record]:
    consumer = Consumer(kafka, topic + "-g", topic, on_assign=lambda parts: {p: starts.get(p, 0) for p in parts}, on_revoke=lambda _: None)
    found, deadline = list[Record](), time.monotonic() + 20
    try:
        while len(found) < expected and time.monotonic() < deadline:
            found += consumer.poll_batch(500, 0.2)
    finally:
        consumer.close()
    return found


def test_order_per_key_under_any_load(kafka: str, topic_prefix: str) -> None:
    """Alone, a few, and many at once: messages of a key never overtake each other when the load changes."""
    topic = topic_of(kafka, topic_prefix)
    errors: list[HubError] = []

    async def run() -> int:
        producer, number = Producer(kafka), 0
        for burst in (1, 1, 3, 200, 2, 1, 500, 1, 40, 7):
            for _ in range(burst):
                producer.send_nowait(topic, b"k%d" % (number % 5), b"%d" % number, lambda e: errors.append(e) if e else None)
                number += 1
            await asyncio.sleep(0.004)
        await producer.send(topic, b"last", b"0")
        assert producer.flush(10) == 0
        assert producer.under_way == 0
        producer.close()
        return number + 1

    count = asyncio.run(run())
    records = read(kafka, topic, {}, count)
    assert (len(records), errors) == (count, [])
    for key in {r.key for r in records} - {b"last"}:
        values = [int(r.value) for r in records if r.key == key]
        assert values == sorted(values)
        assert len({r.partition for r in records if r.key == key}) == 1


def test_without_a_loop_flush_serves_the_reports(kafka: str, topic_prefix: str) -> None:
    topic, told = topic_of(kafka, topic_prefix), list[HubError | None]()
    producer = Producer(kafka)
    producer.send_nowait(topic, b"k", b"v", told.append)
    assert producer.flush(10) == 0
    assert told == [None]


def test_the_consumer_starts_where_the_ledger_says(kafka: str, topic_prefix: str) -> None:
    topic = topic_of(kafka, topic_prefix)

    async def fill() -> None:
        producer = Producer(kafka)
        for n in range(10):
            await producer.send(topic, b"same", b"%d" % n)
        producer.close()

    asyncio.run(fill())
    place = read(kafka, topic, {}, 10)[0].partition
    assert [r.value for r in read(kafka, topic, {place: 7}, 3)] == [b"7", b"8", b"9"]
    with pytest.raises(Faulted):  # an offset that is not there is a crash, never a silent skip
        read(kafka, topic, {place: 99}, 1)


def test_what_is_too_large_is_told(kafka: str, topic_prefix: str) -> None:
    async def run() -> None:
        producer = Producer(kafka)
        await producer.send(topic, b"k", b"v" * (4 * 1024 * 1024))
        with pytest.raises(Rejected) as caught:
            await producer.send(topic, b"k", b"v" * (message_bytes_max(FRAME_BYTES_MAX) + 1))
        assert caught.value.reason is Reason.TOO_LARGE
        assert producer.under_way == 0
        producer.close()

    topic = topic_of(kafka, topic_prefix)
    asyncio.run(run())


def test_a_larger_frame_is_taken_where_the_settings_say_so(kafka: str, topic_prefix: str) -> None:
    """All the way: the producer's limit, the topic's, and the consumer, which gets a record larger than it asks for at a time."""
    bytes_max = 12 * 1024 * 1024
    topic, value = topic_of(kafka, topic_prefix, frame_bytes_max=bytes_max), secrets.token_bytes(bytes_max)

    async def run() -> None:
        producer = Producer(kafka, frame_bytes_max=bytes_max)
        for each in (b"before", value, b"after"):
            await producer.send(topic, b"k", each)
        producer.close()

    asyncio.run(run())
    assert [r.value for r in read(kafka, topic, {}, 3)] == [b"before", value, b"after"]


def test_a_broker_that_is_not_there(topic_prefix: str) -> None:
    async def run() -> list[Cause]:
        producer, causes = Producer("127.0.0.1:1", delivery_timeout_ms=500), list[Cause]()
        for _ in range(3):
            with pytest.raises(Faulted) as caught:
                await producer.send(topic_prefix, b"k", b"v")
            causes.append(caught.value.cause)
        producer.close(0.1)
        return causes

    assert set(asyncio.run(run())) <= {Cause.BROKER_TIMEOUT, Cause.BROKER_UNAVAILABLE}


def test_topics_are_made_once_and_their_limit_is_raised(kafka: str, topic_prefix: str) -> None:
    topic = topic_of(kafka, topic_prefix, frame_bytes_max=1000)
    assert int(broker_settings(kafka, topic)["max.message.bytes"]) < message_bytes_max(FRAME_BYTES_MAX)
    topic_of(kafka, topic_prefix)
    found = broker_settings(kafka, topic)
    assert (found["max.message.bytes"], found["partitions"], found["flush.messages"]) == (str(message_bytes_max(FRAME_BYTES_MAX)), "3", "1")
    assert "broker.min.insync.replicas" in found


def test_a_report_that_comes_long_after_the_load_is_heard(kafka: str, topic_prefix: str) -> None:
    """Whatever the load was when a message left, its report reaches the one who waits for it."""
    topic = topic_of(kafka, topic_prefix)

    async def run() -> None:
        producer = Producer(kafka, linger_ms=400)  # under load a message waits for longer than the load is remembered
        await asyncio.gather(*(producer.send(topic, b"%d" % n, b"v") for n in range(30)))
        async with asyncio.timeout(10):
            for pause in (0.0, 0.001, 0.01, 0.03):
                await producer.send(topic, b"k", b"v")
                await asyncio.sleep(pause)
        producer.close()

    asyncio.run(run())


def test_a_topic_made_a_moment_ago_is_waited_for(kafka: str, topic_prefix: str) -> None:
    """The controller says that it is made before the broker that is asked next knows it: about one in thirty."""
    for n in range(60):
        name = f"{topic_prefix}{n}"
        ensure_topics(kafka, [name], Settings(partitions=2, promise=False))
        assert broker_settings(kafka, name)["replication.factor"] == "1"


def test_a_process_back_under_its_name_has_its_partitions_at_once(kafka: str, topic_prefix: str) -> None:
    """Killed and started again: no waiting for the session of the one before, which is ended should it still live."""
    topic = topic_of(kafka, topic_prefix)
    owned = dict[str, set[int]](first=set(), second=set())

    def member(which: str) -> Consumer:
        def assigned(parts: list[int]) -> dict[int, int]:
            owned[which] |= set(parts)
            return dict.fromkeys(parts, 0)

        return Consumer(kafka, topic + "-g", topic, instance="transit-of-a-host", on_assign=assigned, on_revoke=lambda _: None)

    first = member("first")
    deadline = time.monotonic() + 30
    while not owned["first"] and time.monotonic() < deadline:
        first.poll_batch(1, 0.2)
    second = member("second")
    try:
        while not owned["second"] and time.monotonic() < deadline:
            second.poll_batch(1, 0.2)
        assert owned == {"first": {0, 1, 2}, "second": {0, 1, 2}}
        with pytest.raises(Faulted):
            while time.monotonic() < deadline:
                first.poll_batch(1, 0.2)
    finally:
        first.close()
        second.close()


def threads_of_the_client() -> int:
    """librdkafka's own threads in this process: each client that is not given back keeps some, and a few files."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            names.append((task / "comm").read_text())
    return sum(name.startswith("rdk:") for name in names)


def test_a_closed_producer_gives_its_client_back_at_once(kafka: str, topic_prefix: str) -> None:
    """Not only when garbage is collected: a process that froze its heap (as transit does) would keep the threads and files for ever."""
    topic = topic_of(kafka, topic_prefix)

    async def one() -> None:
        producer = Producer(kafka)
        await producer.send(topic, b"k", b"v")
        producer.close()

    gc.collect()
    gc.disable()
    try:
        before = threads_of_the_client()
        asyncio.run(one())
        wait_until(lambda: threads_of_the_client() <= before, 10, "the threads to end")
    finally:
        gc.enable()


def test_inbound_is_kept_a_month_and_what_others_read_for_ever_or_as_long_as_is_said(kafka: str, topic_prefix: str) -> None:
    names = [f"{topic_prefix}{name}" for name in ("inbound", "events", "mailbox.clinic")]
    settings = Settings(partitions=1, promise=False, topic_prefix=topic_prefix)
    ensure_topics(kafka, names[:2], settings)
    ensure_topics(kafka, names[2:], settings.model_copy(update={"keep_days": 400}))
    assert [broker_settings(kafka, name)["retention.ms"] for name in names] == [str(30 * 86_400_000), "-1", str(400 * 86_400_000)]


def test_the_hub_knows_where_the_messages_under_a_key_are(kafka: str, topic_prefix: str) -> None:
    """Keys of every length modulo four; the broker's client is the oracle."""
    topic = topic_of(kafka, topic_prefix)
    producer, keys = Producer(kafka), [f"{n:x}" * n for n in range(1, 33)] + ["blåbærsyltetøy"]
    for key in keys:
        producer.send_nowait(topic, key.encode(), b"", lambda _: None)
    assert producer.flush(20) == 0
    producer.close()
    found = read(kafka, topic, {}, len(keys))
    assert {r.key.decode(): r.partition for r in found} == {key: partition_of(key, 3) for key in keys}
    consumer = Consumer(kafka, topic + "-e", topic, on_assign=lambda parts: dict.fromkeys(parts, 0), on_revoke=lambda _: None)
    ends = consumer.ends()
    consumer.close()
    assert ends == {part: sum(r.partition == part for r in found) for part in range(3)}


def test_ends_that_nobody_can_tell_are_a_fault(topic_prefix: str) -> None:
    consumer = Consumer("127.0.0.1:1", topic_prefix, topic_prefix, on_assign=lambda _: {}, on_revoke=lambda _: None)
    with pytest.raises(Faulted) as caught:
        consumer.ends()
    consumer.close()
    assert caught.value.cause is Cause.BROKER_UNAVAILABLE


def test_a_topic_that_is_not_there_is_told_of_and_waited_for(kafka: str, topic_prefix: str) -> None:
    """A reader with nothing to read and a word why; it reads as soon as somebody makes the topic."""
    topic, counter = topic_prefix + "t", telemetry.FAULTS.labels("transit", Cause.BROKER_UNAVAILABLE)
    before = counter._value.get()
    consumer = Consumer(kafka, topic + "-w", topic, on_assign=lambda parts: dict.fromkeys(parts, 0), on_revoke=lambda _: None)
    try:
        wait_until(lambda: not consumer.poll_batch(1, 0.1) and counter._value.get() > before, 20, "the fault to be told")
        topic_of(kafka, topic_prefix)
        producer = Producer(kafka)
        producer.send_nowait(topic, b"k", b"v", lambda _: None)
        assert producer.flush(20) == 0
        producer.close()
        wait_until(lambda: consumer.poll_batch(1, 0.1), 20, "the record")
    finally:
        consumer.close()
