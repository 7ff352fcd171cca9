"""confluent-kafka's one door: a producer that reports durably, a consumer whose offsets are the ledger's, topics and their settings."""

from hub.stream.kafka.consumer import Consumer, Record
from hub.stream.kafka.producer import MESSAGE_BYTES_MAX, Producer, Report, failure
from hub.stream.kafka.topics import Topics, broker_settings, ensure_topics, settings_in_force

__all__ = [
    "MESSAGE_BYTES_MAX",
    "Consumer",
    "Producer",
    "Record",
    "Report",
    "Topics",
    "broker_settings",
    "ensure_topics",
    "failure",
    "settings_in_force",
]
