"""Every reader of ours, fed what others may send: seeds, seeds spoiled, bytes."""

import contextlib
import gc
import json
import random
import time
from collections.abc import Callable, Mapping

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.document import parse
from hub.adapters.fhir.message import envelope
from hub.adapters.hl7v2.batch import is_batch, split
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.escapes import Delimiters, unescape
from hub.adapters.hl7v2.framing import Deframer
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.receive import Peer, receive
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.kith.message import envelope as kith_envelope
from hub.errors import Rejected
from hub.model import Detail, Form, Received
from tests.fuzz.corpus import HOSTILE_FHIR, HOSTILE_KITH, HOSTILE_V2, PV1, RECIPIENT, message
from tests.fuzz.door import DOOR
from tests.fuzz.readers import READERS, attempt, submission

SIZE = 100_000
SECONDS_PER_100_KB = 0.1
RUNS = 1_000


def _at(raw: bytes, r: random.Random, piece: bytes) -> bytes:
    i = r.randrange(len(raw) + 1)
    return raw[:i] + piece + raw[i + r.randrange(2) :]


def _without(raw: bytes, r: random.Random) -> bytes:
    i = r.randrange(len(raw) + 1)
    return raw[:i] + raw[i + r.randrange(60) :]


def _twice(raw: bytes, r: random.Random) -> bytes:
    i, j = sorted((r.randrange(len(raw) + 1), r.randrange(len(raw) + 1)))
    return raw[:j] + raw[i:j] + raw[j:]


_VALUES = (None, True, 0, -1, 1.5, "", " ", "x", '""', "2026-11-20", "urn:uuid:0", [], {}, [{}], [[]], {"reference": "urn:uuid:0"}, [None])


def _other_value(raw: bytes, r: random.Random) -> bytes:
    """JSON with one value anywhere in it replaced, left out or moved, so that it is JSON still; other bytes as they are."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    holders = [document]
    for holder in holders:  # grows as it is walked
        inner = holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ()
        holders += [v for v in inner if isinstance(v, dict | list) and v]
    holder = r.choice(holders)
    if isinstance(holder, dict) and holder:
        key = r.choice(list(holder))
        holder[r.choice([key, key, r.choice(list(holder))])] = r.choice([*_VALUES, [holder[key]], r.choice(holders)])
        if r.randrange(4) == 0:
            del holder[key]
    elif isinstance(holder, list) and holder:
        holder[r.randrange(len(holder))] = r.choice([*_VALUES, r.choice(holder)])
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):  # it has been put into itself
        return raw


_SPOILERS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda raw, r: raw[: r.randrange(len(raw) + 1)],
    lambda raw, r: raw[(i := r.randrange(len(raw) + 1)) :] + raw[:i],
    lambda raw, r: _at(raw, r, bytes([r.randrange(256)])),
    lambda raw, r: _at(
        raw, r, r.choice([b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"\\X", b"\\.br\\", b"\x0b", b"\x1c\r", b"\x00"])
    ),
    lambda raw, r: _at(
        raw, r, r.choice([b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"1e999", b"\\u0000", b"\\ud800", b"\xef\xbb\xbf"])
    ),
    _without,
    _twice,
    _other_value,
    lambda raw, r: raw.replace(
        *r.choice([(b"|", b"||"), (b"^", b"~"), (b"\r", b"\n"), (b'"value"', b'"system"'), (b"{", b"[{"), (b"1", b"x")])
    ),
)


@pytest.mark.parametrize("name", READERS)
def test_what_our_own_builders_write_is_taken(name: str) -> None:
    taken = [attempt(name, seed) for seed in READERS[name].seeds()]
    assert any(taken)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), r=st.randoms(use_true_random=False))
def test_of_whatever_is_left_of_a_message_only_rejected_comes_out(name: str, data: st.DataObject, r: random.Random) -> None:
    raw = data.draw(st.sampled_from(READERS[name].seeds()))
    for _ in range(data.draw(st.integers(1, 6))):
        raw = data.draw(st.sampled_from(_SPOILERS))(raw, r)
    attempt(name, raw)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=400) | st.binary(max_size=100).map(lambda b: b"MSH|^~\\&|" + b) | st.text(max_size=200).map(str.encode))
def test_of_any_bytes_only_rejected_comes_out(name: str, raw: bytes) -> None:
    attempt(name, raw)


def _translated(raw: bytes) -> int:
    """Bytes read and written by translating a message to FHIR; 0 = it is refused."""
    seen = receive(raw, peek(raw), Peer(), DOOR, 0)
    if not isinstance(seen, Received) or seen.refusal is not None:
        return 0
    return len(raw) + len(Hl7v2Message(seen).render(Form.FHIR, Detail.FULL, RECIPIENT))


def _meant(raw: bytes) -> None:
    seen = receive(raw, peek(raw), Peer(), DOOR, 0)
    if isinstance(seen, Received) and seen.refusal is None:
        Hl7v2Message(seen).event()


# each reader once, as a process calls it
ONCE: dict[str, tuple[Callable[[bytes], object], Mapping[str, Callable[[int], bytes]]]] = {
    "er7": (lambda raw: [segment.fields for segment in Er7.from_bytes(raw)], HOSTILE_V2),
    "door": (lambda raw: receive(raw, peek(raw), Peer(), DOOR, 0), HOSTILE_V2),
    "event": (_meant, HOSTILE_V2),
    "batch": (lambda raw: split(raw) if is_batch(raw) else None, HOSTILE_V2),
    "framing": (lambda raw: Deframer(10**7).feed(b"\x0b" + raw + b"\x1c\r"), HOSTILE_V2),
    "escapes": (lambda raw: unescape(raw.decode("latin-1"), Delimiters()), HOSTILE_V2),
    "json": (parse, HOSTILE_FHIR),
    "fhir": (envelope, HOSTILE_FHIR),
    "submission": (submission, HOSTILE_FHIR),
    "kith": (kith_envelope, HOSTILE_KITH),
}


def _seconds(read: Callable[[bytes], object], raw: bytes, enough: float) -> float:
    """The best of ten runs, or the first that is fast enough: what else the machine does must not count."""
    best = float("inf")
    for _ in range(10):
        began = time.process_time()
        with contextlib.suppress(Rejected):
            read(raw)
        best = min(best, time.process_time() - began)
        if best < enough:
            break
    return best


@pytest.mark.parametrize("name", ONCE)
def test_reading_takes_less_than_100_ms_for_100_kb_whatever_it_is(name: str) -> None:
    read, hostile = ONCE[name]
    for what, make in hostile.items():
        raw = make(SIZE)
        bound = SECONDS_PER_100_KB * max(1.0, len(raw) / SIZE)
        assert _seconds(read, raw, bound) < bound, what


@pytest.mark.parametrize("name", ["er7", "door", "event", "json", "fhir", "kith"])
def test_ten_times_the_size_takes_ten_times_as_long(name: str) -> None:
    read, hostile = ONCE[name]
    for what, make in hostile.items():
        raw = make(10 * SIZE)
        bound = SECONDS_PER_100_KB * max(1.0, len(raw) / SIZE)
        assert _seconds(read, raw, bound) < bound, what


def test_making_fhir_takes_less_than_200_ms_for_100_kb_read_or_written() -> None:
    """A segment of four bytes may become a resource of four hundred: what is written counts as what is read."""
    for what, make in HOSTILE_V2.items():
        raw = make(SIZE)
        bound = 2 * SECONDS_PER_100_KB * max(1.0, _translated(raw) / SIZE)
        assert _seconds(_translated, raw, bound) < bound, what


def _held() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


@pytest.mark.parametrize("name", ["door", "translation", "json", "fhir", "kith"])
def test_memory_does_not_grow_with_messages_that_come_again(name: str) -> None:
    seeds = sorted(READERS[name].seeds(), key=len)[:6]
    held = []
    for first in (0, 200, 200 + RUNS):  # what the first ones leave behind may stay
        for i in range(RUNS if first else 200):
            attempt(name, seeds[(first + i) % len(seeds)])
        held.append(_held())
    assert held[-1] - held[0] < 2 * RUNS * 2_000  # bytes; the smallest message is of 700, and what is made of it of 5,000


def test_memory_does_not_grow_with_messages_that_are_all_different() -> None:
    """What is remembered of codes, wards and professionals is bounded."""

    def rounds(first: int, count: int) -> int:
        for i in range(first, first + count):
            raw = message(
                "ADT^A01^ADT_A01", "EVN||20261120", PV1.replace("9144889", f"{i}").replace("MED3", f"W{i}").replace("V77", f"V{i}")
            )
            _translated(raw.replace(b"STOLAV", b"S%d" % i))
        return _held()

    rounds(0, 5_000)  # more than anything remembers
    before = rounds(5_000, 500)
    assert rounds(5_500, 5_000) - before < 5 * 1024 * 1024
