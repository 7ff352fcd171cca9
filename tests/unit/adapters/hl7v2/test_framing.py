"""Bytes to frames: how they are cut does not matter, memory is bounded, and a part is never given out as a whole."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.framing import Deframer, Frame, Refused, frame
from hub.errors import Reason

A, B = b"MSH|^~\\&|A\rPID|1\r", b"MSH|^~\\&|B\r"
MAX = 64


def events(data: bytes, cuts: list[int] | None = None, payload_bytes_max: int = MAX) -> list[Frame | Refused]:
    deframer = Deframer(payload_bytes_max)
    places = [0, *sorted(cuts or []), len(data)]
    found = [event for start, stop in pairwise(places) for event in deframer.feed(data[start:stop])]
    return found + deframer.quiet()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (frame(A), [Frame(A)]),
        (frame(A) + frame(B), [Frame(A), Frame(B)]),
        (b"\r\n" + frame(A) + b"\r\n \t" + frame(B), [Frame(A), Frame(B)]),  # blanks between frames
        (b"garbage" + frame(A), [Frame(A)]),
        (b"\x0b" + A + b"\x1c", [Frame(A)]),  # end block without CR, then silence
        (b"\x0b" + A + b"\x1c\n" + frame(B), [Frame(A), Frame(B)]),  # LF after the end block
        (b"\x0b" + A + b"\x1c\r\n" + frame(B), [Frame(A), Frame(B)]),
        (b"\x0b" + A + b"\x1c" + frame(B), [Frame(A), Frame(B)]),  # end block without CR, then a frame
        (b"\x0b" + A + frame(B), [Refused(Reason.BAD_FRAME, A), Frame(B)]),  # a start block inside: the first was cut short
        (b"\x0b" + A + b"\x1cX" + B + b"\x1c\r" + frame(B), [Refused(Reason.BAD_FRAME, A + b"X" + B), Frame(B)]),  # end block inside
        (b"\x0b\x0b\x0b" + frame(A), [Frame(A)]),  # empty frames are nothing
        (frame(b""), [Frame(b"")]),
        (b"\x0b" + A, []),  # half a frame
        (A + b"\x1c\r" + frame(B), [Refused(Reason.BAD_FRAME, A), Frame(B)]),  # the start block is missing
        (frame(B) + b"\r\n" + A + b"\x1c\r" + A + b"\x1c\r", [Frame(B), Refused(Reason.BAD_FRAME, A), Refused(Reason.BAD_FRAME, A)]),
        (b"noise" + A + b"\x1c\r", [Refused(Reason.BAD_FRAME, A)]),
        (A + frame(B) + b"\x1c\r", [Frame(B)]),  # not ended, hence no message that lost its start
        (b"noise\x1c\r\x1c" + frame(B), [Frame(B)]),
        (frame(b"x" * MAX), [Frame(b"x" * MAX)]),
        (frame(b"x" * (MAX + 1)) + frame(B), [Refused(Reason.TOO_LARGE, b"x" * (MAX + 1)), Frame(B)]),
        (b"\x0b" + b"x" * 500 + frame(B), [Refused(Reason.TOO_LARGE, b"x" * 500), Frame(B)]),  # too large and cut short
    ],
)
def test_each_case_has_its_answer(data: bytes, expected: list[Frame | Refused]) -> None:
    assert events(data) == expected
    for cut in range(len(data)):
        assert [type(e) for e in events(data, [cut])] == [type(e) for e in expected]
        assert [e for e in events(data, [cut]) if isinstance(e, Frame)] == [e for e in expected if isinstance(e, Frame)]


def test_garbage_between_frames_is_counted_and_blanks_are_not() -> None:
    deframer = Deframer(MAX)
    deframer.feed(b"abc\r\n" + frame(A) + b"\r\n d")
    assert deframer.garbage_bytes == 4


def test_too_large_is_told_while_it_streams_and_only_once() -> None:
    deframer = Deframer(MAX)
    assert deframer.feed(b"\x0b" + b"x" * MAX) == []
    assert [e.reason for e in deframer.feed(b"x") if isinstance(e, Refused)] == [Reason.TOO_LARGE]
    assert deframer.feed(b"x" * 1000) == []
    assert deframer.feed(b"\x1c\r" + frame(B)) == [Frame(B)]


_BITS = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"\x1c\r", A, B, b"x", b"MS", b"H", frame(A), frame(b"y" * (MAX + 5)), b"z" * MAX])


@given(st.lists(_BITS, max_size=14).map(b"".join), st.data())
def test_chunking_does_not_matter(data: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=10))

    def told(found: list[Frame | Refused]) -> list[object]:
        return [e if isinstance(e, Frame) else e.reason for e in found]

    assert told(events(data, cuts)) == told(events(data)) == told(events(data, list(range(len(data)))))


@given(st.lists(st.binary(max_size=200) | _BITS, max_size=40))
def test_the_buffer_is_bounded_whatever_arrives(chunks: list[bytes]) -> None:
    deframer = Deframer(MAX)
    for chunk in chunks:
        for event in deframer.feed(chunk):
            assert len(event.payload if isinstance(event, Frame) else event.head) <= 4096
        assert deframer.buffered_bytes <= max(MAX, 4096)


@given(st.lists(st.binary(max_size=60).map(lambda b: b.translate(None, b"\x0b\x1c")), max_size=8))
def test_whatever_was_framed_comes_out(payloads: list[bytes]) -> None:
    assert events(b"".join(map(frame, payloads))) == [Frame(p) for p in payloads]


def test_time_is_linear_in_what_arrives() -> None:
    size = 4 * 1024 * 1024

    def spent(data: bytes, step: int) -> float:
        deframer = Deframer(size)
        began = time.process_time()
        for i in range(0, len(data), step):
            deframer.feed(data[i : i + step])
        return time.process_time() - began

    assert spent(frame(b"x" * size), 16) < 15  # 262,144 reads; quadratic would be hours, and a busy machine fails nobody
    assert spent(b"\x0b" * size, 65_536) < 60  # nothing but start blocks
    assert spent(b"\x0b" + b"\x1c " * (size // 2), 65_536) < 60
    assert spent(b"\x1c" * size, 65_536) < 60  # nothing but end blocks
