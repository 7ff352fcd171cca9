"""What the hub needs of a broker and a database, wherever they come from: the contract both the native stack and containers are held to."""

import uuid

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

FRAME_BYTES_MAX = 4 * 1024 * 1024


def broker_keeps_its_contract(bootstrap: str) -> None:
    """Topics only on request, a largest frame goes through whole, order by key holds, unclean election is off."""
    name = f"contract-{uuid.uuid4().hex[:8]}"  # noqa: TID251 - a topic of its own, no message id
    admin = AdminClient({"bootstrap.servers": bootstrap})
    config = {"max.message.bytes": str(FRAME_BYTES_MAX + 65_536)}
    admin.create_topics([NewTopic(name, 2, 1, config=config)])[name].result(30)
    try:
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "message.max.bytes": 8_000_000})
        frame = uuid.uuid4().bytes * (FRAME_BYTES_MAX // 16)  # noqa: TID251 - bytes that do not compress
        values = [b"1", b"2", frame, b"4"]
        for value in values:
            producer.produce(name, value, key=b"same", partition=1)
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name, "fetch.message.max.bytes": 8_000_000})
        consumer.assign([TopicPartition(name, 1, 0)])
        got = []
        while len(got) < len(values):
            record = consumer.poll(30)
            assert record is not None
            assert record.error() is None
            got.append(record.value())
        consumer.close()
        assert got == values
        assert f"{name}-missing" not in admin.list_topics(f"{name}-missing", timeout=30).topics or (
            admin.list_topics(f"{name}-missing", timeout=30).topics[f"{name}-missing"].error is not None
        )
    finally:
        admin.delete_topics([name])[name].result(30)


def database_keeps_its_contract(url: str) -> None:
    """UTF-8, a version with what the ledger uses, commits that wait for the disk, and NOTIFY across sessions."""
    with psycopg.connect(url, autocommit=True) as conn, psycopg.connect(url, autocommit=True) as other:
        assert conn.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        version = conn.execute("SELECT current_setting('server_version_num')::int").fetchone()
        assert version is not None
        assert version[0] >= 160_000
        conn.execute("LISTEN contract")
        other.execute("SELECT pg_notify('contract', 'Æ')")
        assert next(conn.notifies(timeout=10)).payload == "Æ"
