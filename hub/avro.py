"""Avro in and out: fastavro's one door.

Every schema version ever written lies in ``hub/schemas`` and is found by its CRC-64-AVRO fingerprint, so a stored message stays readable
without any server. Without a registry records carry Avro single-object encoding (``C3 01`` + little-endian fingerprint, Avro 1.12
specification, "Single-object encoding"); with one, the Confluent wire format (``00`` + big-endian 4-byte schema id). Readers take both.

A registry's id means something only as long as that registry remembers it, so a record of ours is read without asking: by the schema of
the package that reads it to its last byte and writes the same bytes again. Only a record that none of them fits (written by a later
version) needs the registry.
"""

import json
import struct
import time
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any, Final, Protocol

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType, fingerprint, parse_schema, to_parsing_canonical_form

from hub.errors import Cause, Faulted, Reason
from hub.model import Adapter, Event, Identifier, Kind, Received, Refusal

SINGLE_OBJECT: Final = b"\xc3\x01"
CONFLUENT: Final = 0
LATEST: Final = {"Received": "received.v1", "Event": "event.v1"}
_LEARN_SECONDS: Final = (0.2, 0.5, 1.0)
_TOPIC: Final = {"Received": "inbound", "Event": "events"}
_UNREADABLE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError)


class Registry(Protocol):
    """A schema registry as the codec needs it: ids for our schemas, schemas for other people's ids."""

    def id_of(self, subject: str, schema: str) -> int:
        """The id of a schema text under a subject, registering it if needed. Raises Faulted."""
        ...

    def schema_of(self, schema_id: int) -> str:
        """The schema text of an id. Raises Faulted(REGISTRY_UNAVAILABLE, SCHEMA_UNKNOWN)."""
        ...


@cache
def texts() -> Mapping[str, str]:
    """Every schema version of the package: file stem -> JSON text."""
    folder = resources.files("hub") / "schemas"
    return {f.name.removesuffix(".avsc"): f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".avsc")}


@cache
def _parsed(stem: str) -> Any:
    return parse_schema(json.loads(texts()[stem]))


def _fingerprint(text: str) -> bytes:
    canonical = to_parsing_canonical_form(json.loads(text))
    return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))  # fastavro gives it little-endian already


@cache
def _by_fingerprint() -> Mapping[bytes, str]:
    return {_fingerprint(text): stem for stem, text in texts().items()}


def _length(n: int) -> bytes:
    """A count or length as an Avro long: zigzag, seven bits a byte, lowest first (Avro 1.12, "Binary encoding")."""
    n = n << 1 ^ n >> 63
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


_LENGTHS: Final = tuple(_length(n) for n in range(4096))


def _bytes(data: bytes) -> bytes:
    return (_LENGTHS[len(data)] if len(data) < 4096 else _length(len(data))) + data


def _text(text: str) -> bytes:
    return _bytes(text.encode())


def _texts(values: tuple[str, ...]) -> bytes:
    return _length(len(values)) + b"".join(map(_text, values)) + b"\0" if values else b"\0"


def _identifiers(values: tuple[Identifier, ...]) -> bytes:
    if not values:
        return b"\0"
    return _length(len(values)) + b"".join([_text(i.system) + _text(i.value) for i in values]) + b"\0"


def _moment(us: int | None) -> bytes:
    return b"\0" if us is None else b"\2" + _length(us)


def _received_body(r: Received) -> bytes:
    """A record of schema ``received.v1``, written out by hand: this is on the way of every message, before its answer.

    The tests hold it to what fastavro writes.
    """
    texts_before = (r.event_id, r.adapter, r.provider, r.application, r.sender, r.control_id, r.trigger, r.patient_key)
    parts = [*map(_text, texts_before), _identifiers(r.identifiers)]
    parts += (_length(r.received_us), _text(r.encoding), _bytes(r.raw), _text(r.answer))
    if r.refusal is None:
        parts.append(b"\0")
    else:
        parts += (b"\2", _bytes(r.refusal.reason.value.encode()), _bytes(r.refusal.where.encode()))
    return b"".join(parts)


def _event_body(e: Event, partition: int, offset: int, merged_keys: tuple[str, ...], bundle: bytes | None) -> Iterable[bytes]:
    """A record of schema ``event.v1`` in its pieces, by hand for the same reason and under the same test."""
    return (
        *map(_text, (e.event_id, e.kind, e.adapter, e.provider, e.control_id, e.patient_key)),
        _identifiers(e.identifiers),
        _length(e.received_us),
        _length(e.occurred_us),
        _texts(e.addressed),
        _text(e.municipality),
        _identifiers(e.gps),
        *map(_text, (e.ward, e.encounter_class, e.encounter_id)),
        _texts(e.labels),
        _identifiers(e.merged),
        _moment(e.admitted_us),
        _moment(e.discharged_us),
        _length(partition),
        _length(offset),
        _texts(merged_keys),
        *((b"\0",) if bundle is None else (b"\2", _length(len(bundle)), bundle)),
    )


def _versions(name: str) -> list[str]:
    """The versions of a record's schema in the package, the latest first."""
    stem = LATEST[name].partition(".")[0]
    return sorted((s for s in texts() if s.partition(".")[0] == stem), key=lambda s: int(s.rpartition("v")[2]), reverse=True)


def _fits(body: bytes, stem: str) -> bool:
    """Whether a schema reads the record to its last byte and writes it back the same: then it is the one it was written by."""
    source, again = BytesIO(body), BytesIO()
    try:
        fastavro.schemaless_writer(again, _parsed(stem), fastavro.schemaless_reader(source, _parsed(stem), None))
    except _UNREADABLE:
        return False
    return again.getvalue() == body


def _read(body: bytes, writer: Any, name: str) -> dict[str, Any]:
    """The record as the latest version of its schema. Raises Faulted(SCHEMA_UNKNOWN)."""
    try:
        record: Any = fastavro.schemaless_reader(BytesIO(body), writer, _parsed(LATEST[name]))
    except (*_UNREADABLE, SchemaResolutionError) as exc:
        raise Faulted(Cause.SCHEMA_UNKNOWN) from exc
    return dict(record)


class Codec:
    """Encodes and decodes the hub's records; one a process. Not thread-safe with a registry while a new id is being learned."""

    def __init__(self, registry: Registry | None = None, prefix: str = "") -> None:
        self._registry = registry
        self._prefix = prefix
        self._foreign: dict[int, Any] = {}
        self._heads: dict[str, bytes] = {}

    def _head(self, name: str, topic: str) -> bytes:
        head = self._heads.get(topic)
        if head is None:
            text = texts()[LATEST[name]]
            if self._registry is None:
                head = SINGLE_OBJECT + _fingerprint(text)
            else:
                head = struct.pack(">bI", CONFLUENT, self._registry.id_of(f"{self._prefix}{topic}-value", text))
            self._heads[topic] = head
        return head

    def learn(self, *topics: str) -> None:
        """Have the registry give its ids now, not while senders wait for their answers. Raises Faulted(REGISTRY_UNAVAILABLE, INTERNAL).

        Asked again a few times: a registry to which several processes tell the same new schema at once may fail all but one.
        """
        for name, topic in _TOPIC.items():
            for wait_seconds in (*_LEARN_SECONDS, None) if topic in topics else ():
                try:
                    self._head(name, topic)
                except Faulted as exc:
                    if wait_seconds is None or exc.cause is not Cause.REGISTRY_UNAVAILABLE:
                        raise
                    time.sleep(wait_seconds)
                else:
                    break

    def _decode(self, name: str, data: bytes) -> dict[str, Any]:
        if data[:2] == SINGLE_OBJECT:
            stem = _by_fingerprint().get(data[2:10])
            if stem is None:
                raise Faulted(Cause.SCHEMA_UNKNOWN)
            return _read(data[10:], _parsed(stem), name)
        if data[:1] != b"\x00" or len(data) <= 5:
            raise Faulted(Cause.SCHEMA_UNKNOWN)
        body = data[5:]
        for stem in _versions(name):
            if _fits(body, stem):
                return _read(body, _parsed(stem), name)
        return _read(body, self._foreign_schema(struct.unpack(">I", data[1:5])[0]), name)

    def _foreign_schema(self, schema_id: int) -> Any:
        if schema_id not in self._foreign:
            if self._registry is None:
                raise Faulted(Cause.SCHEMA_UNKNOWN)
            text = self._registry.schema_of(schema_id)
            try:
                self._foreign[schema_id] = parse_schema(json.loads(text))
            except (ValueError, SchemaParseException, UnknownType) as exc:
                raise Faulted(Cause.SCHEMA_UNKNOWN) from exc
        return self._foreign[schema_id]

    def encode_received(self, r: Received) -> bytes:
        """A record of topic ``inbound``."""
        return self._head("Received", "inbound") + _received_body(r)

    def decode_received(self, data: bytes) -> Received:
        """The value of a record of topic ``inbound``. Raises Faulted(SCHEMA_UNKNOWN)."""
        d = self._decode("Received", data)
        d["adapter"] = Adapter(d["adapter"])
        d["identifiers"] = tuple(Identifier(**i) for i in d["identifiers"])
        d["refusal"] = None if d["refusal"] is None else Refusal(Reason(d["refusal"]["reason"]), d["refusal"]["where"])
        return Received(**d)

    def encode_event(self, e: Event, partition: int, offset: int, merged_keys: tuple[str, ...] = (), bundle: bytes | None = None) -> bytes:
        """A record of topic ``events``; partition and offset are those of the inbound record it came from."""
        return b"".join((self._head("Event", "events"), *_event_body(e, partition, offset, merged_keys, bundle)))

    def decode_event(self, data: bytes) -> tuple[Event, int, int, tuple[str, ...], bytes | None]:
        """Event, partition, offset, merged patient keys and Bundle. Raises Faulted(SCHEMA_UNKNOWN)."""
        d = self._decode("Event", data)
        partition, offset, merged_keys, bundle = d.pop("partition"), d.pop("offset"), tuple(d.pop("merged_keys")), d.pop("bundle")
        for name in ("identifiers", "gps", "merged"):
            d[name] = tuple(Identifier(**i) for i in d[name])
        for name in ("addressed", "labels"):
            d[name] = tuple(d[name])
        d["kind"], d["adapter"] = Kind(d["kind"]), Adapter(d["adapter"])
        return Event(**d), partition, offset, merged_keys, bundle
