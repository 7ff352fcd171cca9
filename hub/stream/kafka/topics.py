"""Topics: their names, their making, and the settings in force."""

import time
from collections.abc import Iterable
from typing import Any, Final

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic

from hub.errors import Cause, Faulted
from hub.settings import FRAME_BYTES_MAX, Settings
from hub.stream.kafka.producer import MESSAGE_BYTES_MAX

_ADMIN_SECONDS: Final = 15.0
_KNOWN_SECONDS: Final = 5.0


class Topics:
    """The names of the hub's topics under its prefix."""

    def __init__(self, prefix: str = "") -> None:
        self.inbound: Final = f"{prefix}inbound"
        self.events: Final = f"{prefix}events"
        self._mailbox: Final = f"{prefix}mailbox."

    def mailbox(self, provider_id: str) -> str:
        """The topic of one provider's mailbox."""
        return self._mailbox + provider_id


def ensure_topics(bootstrap: str, names: Iterable[str], settings: Settings) -> None:
    """Create what is missing; raise ``max.message.bytes`` of what is there to what a frame needs.

    Raises Faulted(BROKER_UNAVAILABLE).
    """
    wanted = sorted(set(names))
    config = {"max.message.bytes": str(settings.frame_bytes_max + MESSAGE_BYTES_MAX - FRAME_BYTES_MAX)}
    if settings.replication_factor >= 3:
        config["min.insync.replicas"] = "2"
    elif settings.promise:
        config["flush.messages"] = "1"  # no other replica has it: only the disk keeps the promise through a power cut
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    topics = [NewTopic(name, settings.partitions, settings.replication_factor, config=config) for name in wanted]
    try:
        for created in client.create_topics(topics, request_timeout=_ADMIN_SECONDS).values():
            _settle(created, ck.KafkaError.TOPIC_ALREADY_EXISTS)
        _raise_limit(client, wanted, int(config["max.message.bytes"]))
    except ck.KafkaException:
        raise Faulted(Cause.BROKER_UNAVAILABLE) from None


def broker_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """The settings in force of a topic, and of its brokers under ``broker.`` names. Raises Faulted(BROKER_UNAVAILABLE)."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    try:
        described = _describe(client, ConfigResource(ConfigResource.Type.TOPIC, topic))  # first: it waits for a new topic to be known
        metadata = client.list_topics(topic, timeout=_ADMIN_SECONDS)
        found = {"brokers": str(len(metadata.brokers)), "partitions": str(len(metadata.topics[topic].partitions))}
        replicas = [len(p.replicas) for p in metadata.topics[topic].partitions.values()]
        found["replication.factor"] = str(min(replicas, default=0))
        found |= described
        for broker in metadata.brokers:
            settings = _describe(client, ConfigResource(ConfigResource.Type.BROKER, str(broker)))
            found |= {f"broker.{name}": value for name, value in settings.items()}
    except ck.KafkaException:
        raise Faulted(Cause.BROKER_UNAVAILABLE) from None
    return found


def _describe(client: AdminClient, resource: ConfigResource) -> dict[str, str]:
    """Settings by name. A topic that was made a moment ago is waited for: the controller answers before every broker knows it."""
    deadline = time.monotonic() + _KNOWN_SECONDS
    while True:
        try:
            described = client.describe_configs([resource], request_timeout=_ADMIN_SECONDS)[resource].result()
            return {name: entry.value for name, entry in described.items() if entry.value is not None}
        except ck.KafkaException as exc:
            if exc.args[0].code() != ck.KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _raise_limit(client: AdminClient, names: list[str], needed: int) -> None:
    for name in names:
        if int(_describe(client, ConfigResource(ConfigResource.Type.TOPIC, name)).get("max.message.bytes", "0")) < needed:
            entry = ConfigEntry("max.message.bytes", str(needed), incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[entry])
            for altered in client.incremental_alter_configs([resource], request_timeout=_ADMIN_SECONDS).values():
                altered.result()


def _settle(future: Any, tolerated: int) -> None:
    try:
        future.result()
    except ck.KafkaException as exc:
        if exc.args[0].code() != tolerated:
            raise
