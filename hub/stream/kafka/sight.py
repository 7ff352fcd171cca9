"""What the broker itself says of a topic and a group, asked on a client of its own: eyes for a watchdog."""

import contextlib
from typing import Final

import confluent_kafka as ck

_SECONDS_MAX: Final = 5.0


class Sights:
    """Asks the broker; joins no group and reads no message. For one thread."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._topic: Final = topic
        self._client: Final = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 2})

    def look(self) -> tuple[dict[int, int], dict[int, int]] | None:
        """Partition -> end offset, and partition -> offset the group has finished; None when the broker does not say."""
        with contextlib.suppress(ck.KafkaException, KeyError):
            metadata = self._client.list_topics(self._topic, timeout=_SECONDS_MAX)
            places = [ck.TopicPartition(self._topic, p) for p in metadata.topics[self._topic].partitions]
            if not places:
                return None
            marks = {p.partition: self._client.get_watermark_offsets(p, timeout=_SECONDS_MAX, cached=False) for p in places}
            committed = {p.partition: p.offset for p in self._client.committed(places, timeout=_SECONDS_MAX)}
            return {p: high for p, (_, high) in marks.items()}, {p: max(low, committed[p]) for p, (low, _) in marks.items()}
        return None

    def close(self) -> None:
        """Give the client back."""
        self._client.close()
