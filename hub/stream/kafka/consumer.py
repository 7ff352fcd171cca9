"""The consumer: a group shares out the partitions, the offsets are the ledger's."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import confluent_kafka as ck

from hub import telemetry
from hub.errors import Cause, Faulted
from hub.settings import FRAME_BYTES_MAX
from hub.stream.kafka.producer import message_bytes_max

# After these the client gives nothing more: _FATAL is what a member is told whose name another process has taken.
_ENDS_SECONDS: Final = 5.0
_ENDS: Final = (ck.KafkaError._FATAL, ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001


class Record(NamedTuple):
    """One message of a topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes


class Consumer:
    """Transit's: reads a topic; the group serves only to share out the partitions, offsets come from ``on_assign``. Not thread-safe."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topic: str,
        *,
        instance: str = "",
        on_assign: Callable[[list[int]], Mapping[int, int]],
        on_revoke: Callable[[list[int]], None],
    ) -> None:
        self._topic: Final = topic
        self._on_assign: Final = on_assign
        self._on_revoke: Final = on_revoke
        self._partitions: list[int] = []
        self._client: Final = ck.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                **({"group.instance.id": instance} if instance else {}),  # no two processes may share one: the broker ends the older
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # an offset out of range is a crash, never a silent skip
                "partition.assignment.strategy": "range",
                "session.timeout.ms": 10_000,
                "heartbeat.interval.ms": 2_000,
                "isolation.level": "read_committed",
                "check.crcs": True,
                "fetch.message.max.bytes": message_bytes_max(FRAME_BYTES_MAX),  # of one request; a larger record comes all the same, alone
                "queued.max.messages.kbytes": 32_768,
                "fetch.wait.max.ms": 15,  # with the next line: under a light load one request for several messages, not one for each
                "fetch.min.bytes": 32_768,
                "log_level": 2,
            }
        )
        self._client.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def poll_batch(self, messages_max: int, timeout_seconds: float) -> list[Record]:
        """At most so many records, waiting for at most so long; may be empty. Raises Faulted if the client cannot go on."""
        records = []
        for message in self._client.consume(messages_max, timeout_seconds):
            error = message.error()
            if error is None:
                partition, offset = message.partition(), message.offset()
                assert partition is not None  # a message without an error has its place
                assert offset is not None
                records.append(Record(partition, offset, message.key() or b"", message.value() or b""))
            elif error.fatal() or error.code() in _ENDS:
                raise Faulted(Cause.INTERNAL)
            else:
                telemetry.fault("transit", Cause.BROKER_UNAVAILABLE)  # the client tries on by itself; somebody may have to act
        return records

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell the broker where we are (next offset by partition): for monitoring only, nothing reads it back."""
        with contextlib.suppress(ck.KafkaException):
            self._client.commit(offsets=[ck.TopicPartition(self._topic, p, o) for p, o in offsets.items()], asynchronous=True)

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        """The end of each partition as last heard from the broker (no request is made); partitions not heard of are left out."""
        ends: dict[int, int] = {}
        for partition in partitions:
            with contextlib.suppress(ck.KafkaException):
                _, high = self._client.get_watermark_offsets(ck.TopicPartition(self._topic, partition), cached=True)
                if high >= 0:
                    ends[partition] = high
        return ends

    def ends(self) -> dict[int, int]:
        """The end of every partition of the topic, asked now in one request: all that was durable before this call lies below it.

        Raises Faulted(BROKER_UNAVAILABLE).
        """
        try:
            if not self._partitions:
                self._partitions = list(self._client.list_topics(self._topic, timeout=_ENDS_SECONDS).topics[self._topic].partitions)
            asked = [ck.TopicPartition(self._topic, p, ck.OFFSET_END) for p in self._partitions]  # as a time: after the last record
            ends = {p.partition: p.offset for p in self._client.offsets_for_times(asked, timeout=_ENDS_SECONDS) if p.error is None}
        except (ck.KafkaException, KeyError):
            ends = {}
        if not ends or len(ends) < len(self._partitions) or min(ends.values()) < 0:
            raise Faulted(Cause.BROKER_UNAVAILABLE)
        return ends

    def close(self) -> None:
        """Leave the group."""
        self._client.close()

    def _assigned(self, client: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        starts = self._on_assign([p.partition for p in partitions])
        client.assign([ck.TopicPartition(self._topic, p.partition, starts[p.partition]) for p in partitions])

    def _revoked(self, client: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        self._on_revoke([p.partition for p in partitions])
        client.unassign()
