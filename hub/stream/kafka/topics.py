"""Topics: their names, their making, and the settings in force."""

import time
from collections.abc import Collection, Iterable
from typing import Any, Final

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic

from hub.errors import Cause, Faulted
from hub.settings import Settings
from hub.stream.kafka.producer import message_bytes_max

DAY_MS: Final = 24 * 3600 * 1000
INBOUND_DAYS: Final = 30
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
    config = {"max.message.bytes": str(message_bytes_max(settings.frame_bytes_max))}
    if settings.replication_factor >= 3:
        config["min.insync.replicas"] = "2"
    elif settings.promise:
        config["flush.messages"] = "1"  # no other replica has it: only the disk keeps the promise through a power cut
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    inbound = Topics(settings.topic_prefix).inbound
    topics = [
        NewTopic(name, settings.partitions, settings.replication_factor, config=config | _kept(settings, is_inbound=name == inbound))
        for name in wanted
    ]
    try:
        for created in client.create_topics(topics, request_timeout=_ADMIN_SECONDS).values():
            _settle(created, ck.KafkaError.TOPIC_ALREADY_EXISTS)
        _raise_limit(client, wanted, int(config["max.message.bytes"]))
    except ck.KafkaException:
        raise Faulted(Cause.BROKER_UNAVAILABLE) from None


def _kept(settings: Settings, *, is_inbound: bool) -> dict[str, str]:
    """How long a topic keeps its records. Inbound's are in the ledger once they are decided; the others' readers may come late."""
    days = INBOUND_DAYS if is_inbound else settings.keep_days
    return {"retention.ms": str(days * DAY_MS) if days else "-1", "retention.bytes": "-1"}


def broker_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """The settings in force of a topic, and of its brokers under ``broker.`` names. Raises Faulted(BROKER_UNAVAILABLE)."""
    return settings_in_force(bootstrap, [topic])[topic]


def settings_in_force(bootstrap: str, topics: Iterable[str], where_made: Iterable[str] = ()) -> dict[str, dict[str, str]]:
    """``broker_settings`` of several topics, and of those of ``where_made`` that exist. Raises Faulted(BROKER_UNAVAILABLE)."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    found: dict[str, dict[str, str]] = {}
    try:
        for topic in topics:
            found[topic] = _describe(client, ConfigResource(ConfigResource.Type.TOPIC, topic))  # waits for a new topic to be known
        metadata = _metadata(client, found)
        for topic in where_made:
            if topic in metadata.topics:
                found[topic] = _describe(client, ConfigResource(ConfigResource.Type.TOPIC, topic))
        brokers: dict[str, str] = {}
        for broker in metadata.brokers:
            settings = _describe(client, ConfigResource(ConfigResource.Type.BROKER, str(broker)))
            brokers |= {f"broker.{name}": value for name, value in settings.items()}
    except ck.KafkaException:
        raise Faulted(Cause.BROKER_UNAVAILABLE) from None
    return {topic: _shape(metadata, topic) | described | brokers for topic, described in found.items()}


def _metadata(client: AdminClient, topics: Collection[str]) -> Any:
    """What the cluster says of itself, once it knows these topics."""
    deadline = time.monotonic() + _KNOWN_SECONDS
    while True:
        metadata = client.list_topics(timeout=_ADMIN_SECONDS)
        if all(topic in metadata.topics for topic in topics):
            return metadata
        if time.monotonic() > deadline:
            raise Faulted(Cause.BROKER_UNAVAILABLE)
        time.sleep(0.05)


def _shape(metadata: Any, topic: str) -> dict[str, str]:
    partitions = metadata.topics[topic].partitions
    replicas = [len(p.replicas) for p in partitions.values()]
    return {
        "brokers": str(len(metadata.brokers)),
        "partitions": str(len(partitions)),
        "replication.factor": str(min(replicas, default=0)),
    }


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
