"""Faust's one door: the engine that carries topic ``events`` to the pathway, fenced in.

What Faust does by itself is not enough for a promise (docs/decisions/0003): it counts an event as done when its agent raises or is
cancelled. So: no tables, bytes in, and a hold on every event that is let go only when its effect is in the ledger. An event whose hold
was never let go is never committed, whatever ends the process. The events in hand go to the ledger together, in their order.
"""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from faust.assignor.partition_assignor import PartitionAssignor
from typing_extensions import override

from hub import telemetry
from hub.avro import Codec
from hub.errors import Cause, Faulted
from hub.settings import Settings
from hub.stream.pathway import Applier, Clock, Deadlines, Gauges, Publish, Record, die
from hub.stream.watchdog import Sight, Watchdog

STOP_SECONDS_MAX: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0
_PROBE_SECONDS: Final = 1.0
_NICE: Final = 10  # the promise path goes first on a machine they share; at 19 a busy machine starves it out of its group
_GAUGE_SECONDS: Final = 1.0
_COMMIT_EVENTS: Final = 100  # a commit is an fsync on a broker that keeps the promise alone; what is repeated after a kill changes nothing
_TOGETHER_MAX: Final = 64  # events in one transaction
_COMPANY_SECONDS: Final = 0.03  # how long a lone event waits for others, to share the cost of a transaction: nobody waits for the pathway
_SESSION_SECONDS: Final = 6.0  # how long the partitions of a killed process wait for the next


class _App(faust.App):
    @override
    def _create_directories(self) -> None:
        """Nothing is kept on disk."""


class _Assignor(PartitionAssignor):
    """Faust's own, but for a broker that names no partitions of the topic, as one may just after its start.

    Faust then assigns nothing, and nothing makes it look again: only the watchdog would end that, after all its patience.
    """

    @override
    def assign(self, cluster: Any, member_metadata: Any) -> Any:
        topics = {topic for member in member_metadata.values() for topic in member.subscription}
        if not all(cluster.partitions_for_topic(topic) for topic in topics):
            die("topic_unknown")
        return super().assign(cluster, member_metadata)


class Hand:
    """The events that are held: taken from the engine one by one, given to ``take`` in their order, let go when it returns."""

    def __init__(self, take: Callable[[Sequence[Record]], Awaitable[None]]) -> None:
        self._take = take
        self._held: asyncio.Queue[tuple[Any, Record]] = asyncio.Queue(_TOGETHER_MAX)

    async def hold(self, event: Any) -> None:
        """Hold one more; waits while the hand is full."""
        message = event.message
        message.incref()  # Faust lets go of its own reference even when the agent is cancelled
        await self._held.put((event, Record(message.partition, message.offset, event.value)))

    async def work(self) -> None:
        """Apply what is held, for ever. What is in hand when this is cancelled is never let go, so it is not committed and comes again."""
        while True:
            batch = [await self._held.get()]
            if self._held.empty():
                await asyncio.sleep(_COMPANY_SECONDS)
            while not self._held.empty() and len(batch) < _TOGETHER_MAX:
                batch.append(self._held.get_nowait())
            await self._take([record for _, record in batch])
            for event, _ in batch:
                event.ack()  # lets go of the hold: with no reference left the engine may commit it


def build(settings: Settings, hand: Hand) -> faust.App:
    """The app: one agent on topic ``events`` that gives each record to the hand."""
    app = _App(
        f"{settings.topic_prefix}pathway",
        broker=[f"aiokafka://{server.strip()}" for server in settings.kafka.split(",")],
        autodiscover=False, store="memory://", cache="memory://", key_serializer="raw", value_serializer="raw",
        web_enabled=False, web_bind="127.0.0.1", web_tables_enabled=False, debug=False,
        PartitionAssignor=_Assignor, topic_allow_declare=False, topic_disable_leader=True,
        consumer_auto_offset_reset="earliest", processing_guarantee="at_least_once", stream_wait_empty=False,
        broker_commit_every=_COMMIT_EVENTS, broker_commit_interval=0.5,
        broker_session_timeout=_SESSION_SECONDS, broker_heartbeat_interval=2.0,
        consumer_group_instance_id=settings.instance or None,
        stream_buffer_maxsize=512, broker_max_poll_records=500,
    )  # fmt: skip
    topic = app.topic(f"{settings.topic_prefix}events", key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def pathway(stream: Any) -> None:
        async for event in stream.events():
            await hand.hold(event)

    app.agent(topic, name="pathway", concurrency=1)(pathway)
    return app


async def run_pathway(  # the parts of the process, wired once
    settings: Settings, *, codec: Codec, publish: Publish, clock: Clock, stop: asyncio.Event, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Run until ``stop`` is set; returns within ``STOP_SECONDS_MAX``. Ends the process with code 70 when the engine stops or is stuck.

    publish: puts a message durably on topic inbound (``Intake.accept``). clock: microseconds. Topic ``events`` must exist.
    patience_seconds: how long there may be events and no sign of life.
    """
    os.nice(_NICE)
    applier = Applier(settings, codec, clock)
    hand = Hand(applier.take)
    app = build(settings, hand)
    probe = Probe(settings, app, lambda: applier.beats, patience_seconds)
    deadlines, gauges = Deadlines(settings, publish, clock, lambda: probe.behind), Gauges(settings)
    probe.start()
    try:
        await app.start()
    except Exception as exc:  # noqa: BLE001  # the broker's clients raise many kinds: without the engine there is no process
        telemetry.log("pathway_engine_failed", reason=type(exc).__name__)
        die("engine_not_started")
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_every(settings.deadline_check_seconds, deadlines.check, stopping))
        group.create_task(_every(_GAUGE_SECONDS, gauges.refresh, stopping))
        working = group.create_task(hand.work())
        ended = group.create_task(app.wait_until_stopped())
        asked = group.create_task(stop.wait())
        await asyncio.wait((ended, asked, working), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            die("engine_stopped" if ended.done() else "hand_stopped")
        stopping.set()
        probe.stop()
        working.cancel()
        await _stop(app)
    for part in (applier, deadlines, gauges):
        await part.close()


async def _stop(app: faust.App) -> None:
    """Leave the group politely, or leave at once: an event in hand is not committed and comes again."""
    try:
        await asyncio.wait_for(app.stop(), STOP_SECONDS_MAX)
    except TimeoutError:
        telemetry.log("pathway_exit", reason="stop_timeout")
        os._exit(0)


async def _every(seconds: float, work: Callable[[], Awaitable[Any]], stopping: asyncio.Event) -> None:
    """Do it now and then again after a pause; a server that is away is tried again next time."""
    while not stopping.is_set():
        try:
            await work()
        except Faulted as fault:
            telemetry.fault("pathway", fault.cause)
        except Exception as exc:  # noqa: BLE001  # a check that fails must not end the engine; it is counted and tried again
            telemetry.fault("pathway", Cause.INTERNAL)
            telemetry.log("pathway_check_failed", reason=type(exc).__name__)
        try:
            await asyncio.wait_for(stopping.wait(), seconds)
        except TimeoutError:
            continue


class Probe(threading.Thread):
    """The watchdog's eyes: a thread with clients of its own, so that a blocked event loop or a deaf consumer is seen too."""

    def __init__(self, settings: Settings, app: faust.App, beats: Callable[[], int], patience_seconds: float) -> None:
        super().__init__(name="pathway-watchdog", daemon=True)
        self._kafka = settings.kafka
        self._topic = f"{settings.topic_prefix}events"
        self._group = f"{settings.topic_prefix}pathway"
        self._app = app
        self._beats = beats
        self._halt = threading.Event()
        self._dog = Watchdog(patience_seconds)

    @property
    def behind(self) -> bool:
        """True until everything that was on the topic a moment ago has been applied."""
        return self._dog.behind

    def stop(self) -> None:
        """Look no more."""
        self._halt.set()

    @override
    def run(self) -> None:
        """Look every second until stopped. A broker that does not answer tells nothing and is asked again."""
        while not self._halt.is_set():
            try:
                asyncio.run(self._watch())
            except Exception as exc:  # noqa: BLE001  # the broker's clients raise many kinds; none may end the watch
                telemetry.log("pathway_probe_failed", reason=type(exc).__name__)
            self._halt.wait(_PROBE_SECONDS)

    async def _watch(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, group_id=None)
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        try:
            await consumer.start()
            await admin.start()
            while not self._halt.is_set():
                sight = await self._see(consumer, admin)
                if self._dog.look(time.monotonic(), sight, self._assigned(), self._beats()):
                    die("stuck")
                await asyncio.sleep(_PROBE_SECONDS)
        finally:
            await consumer.stop()
            await admin.close()

    async def _see(self, consumer: Any, admin: Any) -> Sight:
        partitions = [TopicPartition(self._topic, p) for p in await _partitions(consumer, self._topic)]
        ends, oldest = await consumer.end_offsets(partitions), await consumer.beginning_offsets(partitions)
        committed = await admin.list_consumer_group_offsets(self._group)
        done = {tp.partition: max(oldest[tp], committed[tp].offset if tp in committed else 0) for tp in partitions}
        return Sight({tp.partition: end for tp, end in ends.items()}, done)

    def _assigned(self) -> frozenset[int]:
        try:
            return frozenset(tp.partition for tp in self._app.consumer.assignment())
        except Exception:  # noqa: BLE001  # not started, or between assignments: nothing is assigned
            return frozenset()


async def _partitions(consumer: Any, topic: str) -> set[int]:
    found: set[int] | None = consumer.partitions_for_topic(topic)
    if found is None:
        await consumer._client.set_topics([topic])  # noqa: SLF001  # the library has no public way to ask about one topic
        found = consumer.partitions_for_topic(topic)
    return found or set()
