"""Messages, a small region and a running transit, for tests over real servers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import psycopg
from pydantic import SecretBytes

from hub.avro import Codec
from hub.identity import FNR, Pseudonyms, event_id
from hub.ledger.connect import connect
from hub.ledger.directory import replace_file_entries
from hub.model import Adapter, Channel, Deliver, Detail, Identifier, Provider, ProviderKind, Received, Refusal, Subscription, Where
from hub.settings import Settings
from hub.stream.kafka import Consumer, Producer, Record, Topics, ensure_topics
from hub.stream.readers import READERS
from hub.stream.transit import TransitParts, serve
from hub.wiring import now_us

PSEUDONYMS = Pseudonyms(b"a secret of the tests")
NUMBER = "13116900216"


def provider(i: str, kind: ProviderKind, deliver: Deliver, organisation: str = "") -> Provider:
    return Provider(i, i.title(), kind, organisation, (i.upper(),), deliver)


PROVIDERS = (
    provider("olav", ProviderKind.HOSPITAL, Deliver(Channel.MLLP, "127.0.0.1", 1)),
    provider("town", ProviderKind.MUNICIPALITY, Deliver(Channel.FHIR, url="http://127.0.0.1:1/fhir")),
    provider("village", ProviderKind.MUNICIPALITY, Deliver(Channel.MLLP, "127.0.0.1", 1)),
    provider("clinic", ProviderKind.OTHER, Deliver(Channel.MAILBOX)),
)
SUBSCRIPTIONS = (
    Subscription("town-1", "town", ("patient.*",), Where(municipality="5001"), Detail.FULL),
    Subscription("village-1", "village", ("patient.*",), Where(municipality="5031"), Detail.FULL),
    Subscription("clinic-1", "clinic", ("*",), Where(), Detail.MINIMAL),
)


def adt(control_id: str, *, number: str = NUMBER, mrn: str = "1001", town: str = "5001", trigger: str = "A01", extra: str = "") -> bytes:
    pid = "~".join(p for p in (f"{number}^^^NOR^NI" if number else "", f"{mrn}^^^OLAV^MR" if mrn else "") if p)
    address = f"Gata 1^^Byen^^7011^NOR^H^^{town}"
    return (
        f"MSH|^~\\&|DIPS|OLAV|HUB|REGION|20260101120000||ADT^{trigger}|{control_id}|P|2.5.1|||||NOR|UNICODE UTF-8\r"
        f"EVN||20260101120000\rPID|1||{pid}||Åsen^Ærlig||19691113|F|||{address}\r{extra}PV1|1|I|MED^1^1^OLAV\r"
    ).encode()


def received(control_id: str, raw: bytes | None = None, *, refusal: Refusal | None = None, **fields: Any) -> Received:
    """As the gateway would have taken it. ``fields``: of ``adt``, and identifiers other than those that follow from them."""
    identifiers = fields.pop("identifiers", None)
    if raw is None:
        raw = adt(control_id, **fields)
    if identifiers is None:
        number, mrn = fields.get("number", NUMBER), fields.get("mrn", "1001")
        identifiers = tuple(i for i in (Identifier(FNR, number), Identifier("OLAV", mrn)) if i.value)
    keys = PSEUDONYMS.of_message(identifiers, "olav").patient if identifiers else ""
    trigger = f"ADT^{fields.get('trigger', 'A01')}"
    answer = "AE" if refusal else "AA"
    return Received(
        event_id("hl7v2", "olav", "DIPS", "OLAV", control_id, raw), Adapter.HL7V2, "olav", "DIPS", "OLAV", control_id, trigger, keys,
        identifiers, now_us(), "utf-8", raw, answer, refusal,
    )  # fmt: skip


@dataclass
class Rig:
    """One hub's inbound topic and ledger, with nothing running until ``running``."""

    kafka: str
    url: str
    prefix: str
    sent: int = 0
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(
            kafka=self.kafka,
            database_url=self.url,
            topic_prefix=self.prefix,
            partitions=3,
            secret=SecretBytes(PSEUDONYMS.secret),
            promise=False,
        )
        self.topics = Topics(self.prefix)
        self.codec = Codec()
        ensure_topics(self.kafka, [self.topics.inbound, self.topics.events], self.settings)
        self.producer = Producer(self.kafka)
        self.conn = connect(self.url)
        replace_file_entries(self.conn, PROVIDERS, SUBSCRIPTIONS)

    def close(self) -> None:
        self.producer.close()
        self.conn.close()

    def put(self, *messages: Received | bytes) -> None:
        """Durably on topic inbound, in order."""
        for m in messages:
            value = m if isinstance(m, bytes) else self.codec.encode_received(m)
            key = "raw" if isinstance(m, bytes) else m.patient_key or sha256(m.raw).digest()[:16].hex()
            self.producer.send_nowait(self.topics.inbound, key.encode(), value, lambda error: None)
            self.sent += 1
        assert self.producer.flush(20) == 0

    def rows(self, query: str, *values: object) -> list[Any]:
        found = self.conn.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def parts(self) -> TransitParts:
        return TransitParts(self.codec, PSEUDONYMS, READERS, now_us)

    @contextmanager
    def running(self, workers: int = 1) -> Iterator[None]:
        """Transit in threads; told to stop, and joined, at the end."""
        halt = threading.Event()
        threads = [threading.Thread(target=serve, args=(self.settings, self.parts(), halt)) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            halt.set()
            for thread in threads:
                thread.join(30)

    def settle(self, seconds: float = 40) -> None:
        """Wait until everything put has been decided."""
        deadline = time.monotonic() + seconds
        while sum(self.rows("SELECT next FROM partition_offset")) < self.sent:
            assert time.monotonic() < deadline, "transit did not settle"
            time.sleep(0.05)

    def run(self, *messages: Received | bytes) -> None:
        """Put, and let a transit decide."""
        self.put(*messages)
        with self.running():
            self.settle()

    def events(self) -> list[Record]:
        """Everything on topic events."""
        found: list[Record] = []
        parts: list[int] = []

        def assign(given: list[int]) -> dict[int, int]:
            parts.extend(given)
            return dict.fromkeys(given, 0)

        consumer = Consumer(self.kafka, f"{self.prefix}reader", self.topics.events, on_assign=assign, on_revoke=lambda _: None)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            batch = consumer.poll_batch(500, 0.5)
            found += batch
            if parts and not batch:
                break
        consumer.close()
        return found


@contextmanager
def rig(kafka: str, url: str, prefix: str) -> Iterator[Rig]:
    made = Rig(kafka, url, prefix)
    try:
        yield made
    finally:
        made.close()


def snapshot(conn: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """Every row transit writes, without the times of deciding."""
    tables = {
        "message": "part, off, event_id, outcome, reason, kind, patient_key", "decision": "*", "outbox": "*", "seen": "*",
        "identity": "link_key, patient_key, lock_keys, origin", "patient": "*", "bundle": "*",
    }  # fmt: skip
    return {name: sorted(map(repr, conn.execute(f"SELECT {columns} FROM {name}"))) for name, columns in tables.items()}
