"""confluent-kafka's one door: a producer that reports durably, a consumer whose offsets are the ledger's, topics and their settings."""

from hub.stream.kafka.consumer import Consumer, Record
from hub.stream.kafka.partitioner import partition_of
from hub.stream.kafka.producer import Producer, Report, failure, message_bytes_max
from hub.stream.kafka.topics import Topics, broker_settings, ensure_topics, settings_in_force

__all__ = [
    "Consumer",
    "Producer",
    "Record",
    "Report",
    "Topics",
    "broker_settings",
    "ensure_topics",
    "failure",
    "message_bytes_max",
    "partition_of",
    "settings_in_force",
]
