"""The transit process: topic ``inbound`` in, the ledger and topic ``events`` out. A plain loop, one batch at a time.

Nothing advances before the ledger's COMMIT: not the offsets, which the ledger keeps and gives back on assignment, and not the next batch.
Events are sent once the ledger's transaction has shown that no race is lost and no newer owner is there, and are reported durable before
its COMMIT; a batch that is done again after that sends them again, under the same place of ``inbound``.
A server that is away is waited for with the batch in hand, so order holds. A worker that has lost its partitions is fenced by their epochs.
"""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeVar

from hub import telemetry
from hub.avro import Codec
from hub.errors import Cause, Faulted, HubError
from hub.identity import Pseudonyms
from hub.ledger.connect import backoff_seconds
from hub.ledger.transit import RacedError, TransitLedger, UnwritableError
from hub.model import Adapter, Message, Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.faultpoint import reach
from hub.stream.kafka import Consumer, Producer, Record, Topics
from hub.stream.persons import Behind
from hub.stream.transit_facts import tell
from hub.stream.transit_watch import Watch
from hub.stream.walk import Item, ToSend, Walk, alone, needs_ends, read_item, unreadable, wanted
from hub.terms import terms_of

_POLL_SECONDS: Final = 0.2
_LAG_SECONDS: Final = 1.0
_FEW: Final = 32  # after a batch of fewer, more are let gather for so long: what a batch costs by itself is then shared
_GATHER_SECONDS: Final = 0.006
_RACES_MAX: Final = 10

_T = TypeVar("_T")
Readers = Mapping[Adapter, Callable[[Received], Message]]


@dataclass(frozen=True, slots=True)
class TransitParts:
    """What wiring builds for transit. readers: how a received message of each protocol is read. clock: microseconds."""

    codec: Codec
    pseudonyms: Pseudonyms
    readers: Readers
    clock: Callable[[], int]


async def run_transit(settings: Settings, parts: TransitParts, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set; the batch in hand is finished first. Topics must exist. Ends the process with code 70 when stuck."""
    halt = threading.Event()

    async def relay() -> None:
        await stop.wait()
        halt.set()

    async with asyncio.TaskGroup() as tasks:
        relaying = tasks.create_task(relay())
        await asyncio.to_thread(serve, settings, parts, halt)
        relaying.cancel()


def serve(settings: Settings, parts: TransitParts, halt: threading.Event) -> None:
    """Sessions one after the other until told to stop: each joins the group anew, after it was fenced or its consumer failed."""
    gc.set_threshold(20_000, 10, 10)  # a batch is thousands of objects that all live until its commit: looking through them finds nothing
    waits = backoff_seconds()
    watch = Watch(settings.kafka, f"{settings.topic_prefix}transit", Topics(settings.topic_prefix).inbound)
    watch.start()
    while not halt.is_set():
        session = Session(settings, parts, halt, watch)
        try:
            session.run()
        except Faulted as exc:
            telemetry.fault("transit", exc.cause)
            halt.wait(next(waits))
        else:
            waits = backoff_seconds()
        finally:
            session.close()
    watch.stop()


class Session:
    """One membership of the group: a consumer, a producer, the ledger."""

    def __init__(self, settings: Settings, parts: TransitParts, halt: threading.Event, watch: Watch) -> None:
        topics = Topics(settings.topic_prefix)
        self._parts: Final = parts
        self._terms: Final = terms_of(settings)
        self._halt: Final = halt
        self._watch: Final = watch
        self._batch_max: Final = settings.batch_messages_max
        self._events: Final = topics.events
        self._report_seconds: Final = settings.delivery_timeout_ms / 1000 + 5
        self._ledger: Final = TransitLedger(settings.database_url)
        timeout_ms, bytes_max = settings.delivery_timeout_ms, settings.frame_bytes_max
        self._producer: Final = Producer(settings.kafka, delivery_timeout_ms=timeout_ms, process="transit", frame_bytes_max=bytes_max)
        self._directory = Directory((), (), -1)
        self._nexts: dict[int, int] = {}
        self._starts: dict[int, int] = {}
        self._lag_at = 0.0
        group = f"{settings.topic_prefix}transit"
        self._consumer: Final = Consumer(
            settings.kafka, group, topics.inbound, instance=settings.instance, on_assign=self._assign, on_revoke=self._revoke
        )

    def close(self) -> None:
        """Leave the group and give everything back."""
        self._watch.owns(())
        with closing(self._ledger):
            self._consumer.close()
            self._producer.close()

    def run(self) -> None:
        """Batches until told to stop. Raises Faulted when this membership is of no more use."""
        while not self._halt.is_set():
            records = self._poll()
            if self._starts:  # monitoring must not take a partition for behind that is not
                self._consumer.commit(self._starts)
                self._starts = {}
            if records:
                items = self._patiently(lambda records=records: self._read(records))  # type: ignore[misc]
                self._patiently(lambda items=items: self._do(items))  # type: ignore[misc]
                self._consumer.commit({r.partition: self._nexts[r.partition] for r in records if r.partition in self._nexts})
                self._watch.beat()
            self._tell_lag()
            if 0 < len(records) < _FEW:
                self._halt.wait(_GATHER_SECONDS)

    def _poll(self) -> list[Record]:
        """What is there, without waiting for more once there is something."""
        first = self._consumer.poll_batch(1, _POLL_SECONDS)
        return first + self._consumer.poll_batch(self._batch_max - 1, 0.0) if first else []

    def _assign(self, parts: list[int]) -> Mapping[int, int]:
        """Own these partitions: where to begin. Waits for the ledger as long as it takes, or until told to stop."""
        owned = self._patiently(lambda: self._ledger.assign(parts))
        self._starts = {part: start for part, (start, _) in owned.items()}
        self._nexts |= self._starts
        self._watch.owns(self._nexts)
        return self._starts

    def _revoke(self, parts: list[int]) -> None:
        self._ledger.release(parts)
        for part in parts:
            self._nexts.pop(part, None)
            self._starts.pop(part, None)
        self._watch.owns(self._nexts)

    def _read(self, records: Sequence[Record]) -> list[Item]:
        items = []
        for record in records:
            spot = (record.partition, record.offset)
            try:
                received = self._parts.codec.decode_received(record.value)
            except Exception as exc:  # whatever is wrong with a record, it is kept and told of
                if isinstance(exc, Faulted) and exc.cause is not Cause.SCHEMA_UNKNOWN:
                    raise  # nothing is wrong with the record: a server is away
                telemetry.log("transit_record_unreadable", error=type(exc).__name__, partition=spot[0], offset=spot[1])
                items.append(unreadable(spot, record.value, self._parts.clock()))
                continue
            items.append(read_item(spot, received, self._parts.readers[received.adapter](received), self._parts.pseudonyms))
        return items

    def _patiently(self, work: Callable[[], _T]) -> _T:
        """Do it, again and again while a server is away. Raises Faulted(FENCED), or the fault there is when told to stop."""
        waits = backoff_seconds()
        while True:
            try:
                return work()
            except Faulted as exc:
                telemetry.fault("transit", exc.cause)
                self._watch.beat()
                if exc.cause is Cause.FENCED or self._halt.wait(next(waits)):
                    raise

    def _do(self, items: Sequence[Item]) -> None:
        """A batch; one that PostgreSQL does not take is done message by message, and such a message is kept without its head."""
        try:
            self._attempt(items)
        except UnwritableError:
            if len(items) > 1:
                for item in items:
                    self._do([item])
            elif items[0].message is None:
                raise Faulted(Cause.INTERNAL) from None  # not even its bytes: wait for a person rather than lose it
            else:
                telemetry.log("transit_unwritable", event_id=items[0].received.event_id)
                self._attempt([alone(items[0])])

    def _attempt(self, items: Sequence[Item]) -> None:
        """Decide and write a batch, anew when another worker wrote one of its keys first. Raises UnwritableError, Faulted."""
        for _ in range(_RACES_MAX):
            known = self._ledger.read(wanted(items))
            if known.directory_version != self._directory.version:
                entries = self._ledger.directory()
                self._directory = Directory(entries.providers, entries.subscriptions, entries.version)
                gc.collect()  # first, or what is garbage now would stay for ever: Kafka clients with their threads and sockets among it
                gc.freeze()  # the directory stays as long as it is right: no collection need look through it again
            now_us = self._parts.clock()
            behind = self._behind(items) if needs_ends(items, known) else Behind()
            walked = Walk(known, self._directory, self._parts.codec.encode_event, now_us, behind, self._terms).all(items)
            try:
                self._ledger.write(walked.writes, now_us, *self._sending(walked.events))
            except RacedError:
                continue
            reach("transit.after_commit")
            self._nexts |= walked.writes.nexts
            tell(walked, now_us)
            return
        raise UnwritableError  # a race is won in the end: this is something else

    def _behind(self, items: Iterable[Item]) -> Behind:
        """What the broker has by now and neither the ledger nor this batch has: asked in this order. Raises Faulted."""
        ends = self._consumer.ends()
        nexts = self._ledger.nexts()
        for item in items:
            part, off = item.spot
            nexts[part] = max(nexts.get(part, 0), off + 1)
        return Behind({part: end for part, end in ends.items() if end > nexts.get(part, 0)}, len(ends))

    def _sending(self, events: Iterable[ToSend]) -> tuple[Callable[[], None], Callable[[], None]]:
        """To begin sending the events, and to wait until they are durable."""
        failures: list[HubError] = []
        return lambda: self._send(events, failures), lambda: self._reported(failures)

    def _send(self, events: Iterable[ToSend], failures: list[HubError]) -> None:
        """Queue the events; the failures are known once all are reported."""
        reach("transit.before_events")

        def report(error: HubError | None) -> None:
            if error is not None:
                failures.append(error)

        for event in events:
            while True:
                try:
                    self._producer.send_nowait(self._events, event.key, event.value, report)
                except HubError as exc:
                    if not isinstance(exc, Faulted) or exc.cause is not Cause.OVERLOADED or failures:
                        failures.append(exc)
                        return
                    self._producer.poll(_POLL_SECONDS)  # large events: let some of them out first
                else:
                    break
        self._producer.poll()

    def _reported(self, failures: Sequence[HubError]) -> None:
        """Wait until every event is durable. Raises Faulted."""
        if self._producer.flush(self._report_seconds):
            raise Faulted(Cause.BROKER_TIMEOUT)
        if failures:
            raise failures[0] if isinstance(failures[0], Faulted) else Faulted(Cause.INTERNAL)
        reach("transit.before_commit")

    def _tell_lag(self) -> None:
        if time.monotonic() >= self._lag_at:
            self._lag_at = time.monotonic() + _LAG_SECONDS
            ends = self._consumer.end_offsets(self._nexts)
            telemetry.TRANSIT_LAG.set(sum(max(0, ends[part] - self._nexts[part]) for part in ends))
