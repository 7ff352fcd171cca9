"""What is written stays readable: with a real registry, after its restart (which forgets), and with none; schemas only grow compatibly."""

import json
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import fastavro
import pytest
from fastavro.utils import generate_many

from hub import avro
from hub.avro import Codec
from hub.errors import Cause, Faulted
from hub.model import Adapter, Event, Identifier, Kind, Received
from hub.registry import ConfluentRegistry
from hub.stack import apicurio
from hub.stack.supervise import stop
from tests.local import REGISTRY, schema_registry, starts

# CRC-64-AVRO of every schema version that was ever written to a topic. A line here is never changed: stored records are found by it.
RELEASED = {
    "received.v1": "98223dc0a7773aa9",
    "event.v1": "182e390012f3801e",
}
RECEIVED = Received(
    event_id="018f0000-0000-8000-8000-000000000001", adapter=Adapter.HL7V2, provider="st-olavs", application="EPJ", sender="STOLAV",
    control_id="1", trigger="ADT^A01", patient_key="ab" * 16, identifiers=(Identifier("urn:oid:2.16.578.1.12.4.1.4.1", "x"),),
    received_us=1, encoding="utf-8", raw="MSH|^~\\&|Ærlig\r".encode(), answer="AA",
)  # fmt: skip
EVENT = Event(
    event_id=RECEIVED.event_id, kind=Kind.ADMITTED, adapter=Adapter.HL7V2, provider="st-olavs", control_id="1", patient_key="ab" * 16,
    identifiers=RECEIVED.identifiers, received_us=1, occurred_us=1, labels=("N",), gps=(Identifier("", "9"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with schema_registry(tmp_path_factory.mktemp("apicurio")) as url:
        yield url


def test_without_a_registry_a_record_carries_its_fingerprint() -> None:
    data = Codec().encode_received(RECEIVED)
    assert data[:2] == b"\xc3\x01"
    assert data[2:10].hex() == RELEASED["received.v1"]
    assert Codec().decode_received(data) == RECEIVED


def test_with_a_registry_a_record_carries_an_id_that_other_tools_can_ask_for(registry_url: str) -> None:
    data = Codec(ConfluentRegistry(registry_url)).encode_received(RECEIVED)
    assert data[0] == 0
    schema = ConfluentRegistry(registry_url).schema_of(struct.unpack(">I", data[1:5])[0])
    record = fastavro.schemaless_reader(BytesIO(data[5:]), fastavro.parse_schema(json.loads(schema)), None)
    assert isinstance(record, dict)
    assert record["raw"] == RECEIVED.raw
    assert Codec(ConfluentRegistry(registry_url)).decode_received(data) == RECEIVED


def test_a_second_process_gets_the_same_id(registry_url: str) -> None:
    first, second = (Codec(ConfluentRegistry(registry_url)).encode_event(EVENT, 3, 4) for _ in range(2))
    assert first == second
    assert Codec(ConfluentRegistry(registry_url)).decode_event(first)[0] == EVENT


def test_readers_take_both_encodings(registry_url: str) -> None:
    with_one, without = Codec(ConfluentRegistry(registry_url)), Codec()
    assert with_one.decode_received(without.encode_received(RECEIVED)) == RECEIVED
    assert with_one.decode_event(without.encode_event(EVENT, 1, 2, ("k",), b"{}")) == (EVENT, 1, 2, ("k",), b"{}")
    assert without.decode_received(with_one.encode_received(RECEIVED)) == RECEIVED
    assert without.decode_event(with_one.encode_event(EVENT, 1, 2, ("k",), b"{}")) == (EVENT, 1, 2, ("k",), b"{}")


@starts(REGISTRY)
def test_a_registry_that_forgot_its_ids_or_gave_them_anew_takes_nothing_away(tmp_path: Path) -> None:
    child, url = apicurio.start(tmp_path / "first", print)
    try:
        codec = Codec(ConfluentRegistry(url))
        received, event = codec.encode_received(RECEIVED), codec.encode_event(EVENT, 3, 4)
    finally:
        stop([child], grace_seconds=10)
    child, url = apicurio.start(tmp_path / "second", print)  # Apicurio keeps its schemas in memory: the ids are gone
    try:
        later = Codec(ConfluentRegistry(url))
        assert later.encode_event(EVENT, 3, 4)[:5] == received[:5] != event[:5]  # registered in another order: another schema's id
        assert later.decode_received(received) == RECEIVED
        assert later.decode_event(event)[0] == EVENT
    finally:
        stop([child], grace_seconds=10)
    assert Codec(ConfluentRegistry(url)).decode_received(received) == RECEIVED  # and one that is away is not asked


def test_a_record_of_a_later_version_is_read_by_the_schema_the_registry_has(registry_url: str) -> None:
    later = json.loads(avro.texts()["received.v1"])
    later["fields"].append({"name": "added", "type": "string", "default": ""})
    schema_id = ConfluentRegistry(registry_url).id_of("later-value", json.dumps(later))
    body = BytesIO()
    record = fastavro.schemaless_reader(
        BytesIO(Codec().encode_received(RECEIVED)[10:]), fastavro.parse_schema(json.loads(avro.texts()["received.v1"])), None
    )
    assert isinstance(record, dict)
    fastavro.schemaless_writer(body, fastavro.parse_schema(later), record | {"added": "x"})
    data = b"\x00" + struct.pack(">I", schema_id) + body.getvalue()
    assert Codec(ConfluentRegistry(registry_url)).decode_received(data) == RECEIVED
    with pytest.raises(Faulted, match="registry_unavailable"):  # to be waited for, which is no fault of the record
        Codec(ConfluentRegistry("http://127.0.0.1:9")).decode_received(data)


def test_a_writer_that_restarts_without_a_registry_reads_what_it_wrote_without(tmp_path: Path) -> None:
    (tmp_path / "record").write_bytes(Codec().encode_received(RECEIVED))
    assert Codec().decode_received((tmp_path / "record").read_bytes()) == RECEIVED


def test_an_id_the_registry_does_not_know_is_unknown_for_good(registry_url: str) -> None:
    codec = Codec(ConfluentRegistry(registry_url))
    with pytest.raises(Faulted) as caught:
        codec.decode_received(b"\x00" + struct.pack(">I", 999_999) + b"\x00" * 20)
    assert caught.value.cause is Cause.SCHEMA_UNKNOWN


def test_a_registry_that_is_away_is_faulted_and_nothing_is_encoded() -> None:
    codec = Codec(ConfluentRegistry("http://127.0.0.1:9"))
    with pytest.raises(Faulted, match="registry_unavailable"):
        codec.encode_received(RECEIVED)


def test_ids_are_learned_before_the_first_message_waits_for_one(registry_url: str) -> None:
    asked: list[str] = []

    class Counting(ConfluentRegistry):
        def id_of(self, subject: str, schema: str) -> int:
            asked.append(subject)
            return super().id_of(subject, schema)

    codec = Codec(Counting(registry_url))
    codec.learn("inbound")
    assert asked == ["inbound-value"]
    codec.encode_received(RECEIVED)
    assert asked == ["inbound-value"]


def test_an_address_that_is_no_http_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="starts with http"):
        ConfluentRegistry("file:///etc/passwd")


def test_fingerprints_of_released_versions_never_change() -> None:
    assert {stem: avro._fingerprint(text).hex() for stem, text in avro.texts().items()} == RELEASED


@pytest.mark.parametrize("name", sorted({stem.rsplit(".v", 1)[0] for stem in RELEASED}))
def test_the_newest_version_reads_every_older_one(name: str) -> None:
    versions = sorted((s for s in avro.texts() if s.startswith(f"{name}.v")), key=lambda s: int(s.rsplit("v", 1)[1]))
    newest = json.loads(avro.texts()[versions[-1]])
    assert avro.LATEST[newest["name"]] == versions[-1]
    for version in versions:
        writer = json.loads(avro.texts()[version])
        for record in _examples(writer):
            data = BytesIO()
            fastavro.schemaless_writer(data, fastavro.parse_schema(writer), record)
            data.seek(0)
            read = fastavro.schemaless_reader(data, fastavro.parse_schema(writer), fastavro.parse_schema(newest))
            assert isinstance(read, dict)


def _examples(schema: dict[str, object], count: int = 50) -> list[dict[str, object]]:
    """Records of a schema with random content in every branch of its unions."""
    return list(generate_many(schema, count))  # type: ignore[arg-type]
