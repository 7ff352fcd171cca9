"""The records of the topics: fastavro reads what the hub writes by hand, and every record survives the way there and back."""

from io import BytesIO

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import avro
from hub.avro import Codec, texts
from hub.errors import Cause, Faulted, Reason
from hub.model import Adapter, Event, Identifier, Kind, Received, Refusal

_TEXT = st.text(max_size=40)
_IDENTIFIERS = st.lists(st.builds(Identifier, _TEXT, _TEXT), max_size=4).map(tuple)
_US = st.integers(-(2**62), 2**62)
_RECEIVED = st.builds(
    Received, event_id=_TEXT, adapter=st.sampled_from(Adapter), provider=_TEXT, application=_TEXT, sender=_TEXT, control_id=_TEXT,
    trigger=_TEXT,
    patient_key=_TEXT, identifiers=_IDENTIFIERS, received_us=_US, encoding=_TEXT, raw=st.binary(max_size=300), answer=_TEXT,
    refusal=st.none() | st.builds(Refusal, st.sampled_from(Reason), _TEXT),
)  # fmt: skip
_TEXTS = st.lists(_TEXT, max_size=3).map(tuple)
_EVENT = st.builds(
    Event, event_id=_TEXT, kind=st.sampled_from(Kind), adapter=st.sampled_from(Adapter), provider=_TEXT, control_id=_TEXT,
    patient_key=_TEXT,
    identifiers=_IDENTIFIERS, received_us=_US, occurred_us=_US, addressed=_TEXTS, municipality=_TEXT, gps=_IDENTIFIERS, ward=_TEXT,
    encounter_class=_TEXT, encounter_id=_TEXT, labels=_TEXTS, merged=_IDENTIFIERS, admitted_us=st.none() | _US,
    discharged_us=st.none() | _US,
)  # fmt: skip


@given(_RECEIVED)
def test_a_received_record_comes_back(received: Received) -> None:
    codec = Codec()
    assert codec.decode_received(codec.encode_received(received)) == received


@given(_RECEIVED)
def test_fastavro_writes_the_same_bytes(received: Received) -> None:
    refusal = None if received.refusal is None else {"reason": received.refusal.reason.value, "where": received.refusal.where}
    record = {name: getattr(received, name) for name in Received.__dataclass_fields__} | {
        "adapter": received.adapter.value, "identifiers": [{"system": i.system, "value": i.value} for i in received.identifiers],
        "refusal": refusal,
    }  # fmt: skip
    out = BytesIO()
    fastavro.schemaless_writer(out, avro._parsed(avro.LATEST["Received"]), record)
    assert Codec().encode_received(received)[10:] == out.getvalue()


@given(_EVENT, st.integers(0, 100), st.integers(0, 2**40), _TEXTS, st.none() | st.binary(max_size=50))
def test_an_event_comes_back(event: Event, partition: int, offset: int, merged: tuple[str, ...], bundle: bytes | None) -> None:
    codec = Codec()
    encoded = codec.encode_event(event, partition, offset, merged, bundle)
    assert codec.decode_event(encoded) == (event, partition, offset, merged, bundle)
    record = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    for name in ("identifiers", "gps", "merged"):
        record[name] = [{"system": i.system, "value": i.value} for i in record[name]]
    record |= {"partition": partition, "offset": offset, "merged_keys": merged, "bundle": bundle}
    out = BytesIO()
    fastavro.schemaless_writer(out, avro._parsed(avro.LATEST["Event"]), record)
    assert encoded[10:] == out.getvalue()


def test_the_fingerprint_is_the_specifications() -> None:
    """Avro 1.12, "Schema Fingerprints": CRC-64-AVRO of "int" is 0x7275d51a3f395c8f, written little-endian."""
    assert avro._fingerprint('"int"').hex() == "8f5c393f1ad57572"


@given(st.binary(max_size=200))
def test_anything_else_is_a_fault_of_ours(data: bytes) -> None:
    try:
        Codec().decode_received(data)
    except Faulted as exc:
        assert exc.cause is Cause.SCHEMA_UNKNOWN
    else:
        pytest.fail("read what nobody wrote")


def test_a_record_cut_short_is_a_fault() -> None:
    whole = Codec().encode_received(Received("e", Adapter.FHIR, "p", "a", "s", "c", "t", "k", (), 1, "utf-8", b"raw", "200"))
    for end in range(10, len(whole)):
        with pytest.raises(Faulted):
            Codec().decode_received(whole[:end])


def test_every_schema_file_parses() -> None:
    assert {stem.split(".")[0] for stem in texts()} == {"received", "event"}
    assert all(avro._parsed(stem) for stem in texts())
