"""Topic ``inbound`` from its writers' side: under which keys a message is recorded, and when it is durable under all of them.

A message that joins or parts patients (a merge, an unmerge) is recorded in the partition of each of them. So whoever meets it first, in
whatever partition, knows of it before what comes after it there: the first copy is decided, the others are repeats without effect.
"""

from typing import Final

from hub.adapters.hl7v2.receive import kafka_key
from hub.avro import Codec
from hub.errors import HubError
from hub.model import Received
from hub.settings import Settings
from hub.stream.kafka import Producer, Report, Topics, partition_of


class Inbound:
    """Where received messages go."""

    def __init__(self, producer: Producer, codec: Codec, settings: Settings) -> None:
        self._producer: Final = producer
        self._codec: Final = codec
        self._topic: Final = Topics(settings.topic_prefix).inbound
        self._partitions: Final = settings.partitions

    async def put(self, received: Received) -> None:
        """Return once it is durable under each of its keys. Raises Faulted, or Rejected(TOO_LARGE)."""
        value = self._codec.encode_received(received)
        for key in keys_of(received, self._partitions):
            await self._producer.send(self._topic, key, value)

    def submit(self, received: Received, on_report: Report) -> None:
        """Queue it under each of its keys; ``on_report`` is called once, when all copies have their report, with None or the first failure.

        Raises Faulted or Rejected(TOO_LARGE) if none could be queued.
        """
        keys, value = keys_of(received, self._partitions), self._codec.encode_received(received)
        report = on_report if len(keys) == 1 else _Copies(len(keys), on_report).report
        for n, key in enumerate(keys):
            try:
                self._producer.send_nowait(self._topic, key, value, report)
            except HubError as exc:
                if n == 0:
                    raise  # nothing is under way
                report(exc)


def keys_of(received: Received, partitions: int) -> list[bytes]:
    """The keys a message is recorded under: its own first, and no two that lead to the same of so many partitions."""
    own = kafka_key(received)
    if not received.also or received.refusal is not None:
        return [own]
    found = {partition_of(own.decode(), partitions): own}
    for key in received.also:
        found.setdefault(partition_of(key, partitions), key.encode())
    return list(found.values())


class _Copies:
    """The copies of a message under way."""

    def __init__(self, count: int, on_report: Report) -> None:
        self._left = count
        self._on_report: Final = on_report
        self._error: HubError | None = None

    def report(self, error: HubError | None) -> None:
        """One of them is durable, or failed."""
        self._left -= 1
        self._error = self._error or error
        if not self._left:
            self._on_report(self._error)
