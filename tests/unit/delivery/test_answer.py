"""Which message an answer is for, and what it says, by example and by whatever bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.delivery.answer import ANSWER_BYTES_MAX, Answer, BadAnswer, Frames, control_id, read


def test_whose_answer_is_waited_for() -> None:
    assert control_id(b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01| id-1 |P|2.5.1|||NE|NE\rPID|1\r") == b"id-1"
    assert control_id(b"MSH#^~\\&#A#B#C#D#2026##ADT^A01#x#P#2.5\r") == b"x"
    assert control_id(b"MSH|^~\\&|A") == b""
    assert control_id(b"") == b""


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (b"MSH|^~\\&|A\rMSA|AA|id-1\r", Answer(b"AA", b"id-1")),
        (b"MSH|^~\\&|A\nMSA|AE|id-1|text\nERR|x", Answer(b"AE", b"id-1")),
        (b"\r\nMSH#^~\\&#A\r\nMSA#CA#id-1#\r\n", Answer(b"CA", b"id-1")),
        (b"MSH|^~\\&|A\rMSA|AA\r", Answer(b"AA", b"")),
    ],
)
def test_answers(frame: bytes, answer: Answer) -> None:
    assert read(frame) == answer


@pytest.mark.parametrize("frame", [b"", b"MSH", b"MSH|^~\\&|A\r", b"MSA|AA|id-1\r", b"hello", b"MSH|^~\\&|A\rMSB|AA|id-1\r"])
def test_what_is_no_answer(frame: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(frame)


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=6), st.data())
def test_how_the_bytes_are_cut_does_not_matter(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"\r\n".join(b"\x0b" + p + b"\x1c\r" for p in payloads)
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 20))
        found += frames.feed(stream[at : at + size])
        at += size
    assert found == payloads


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_bad_one(data: bytes) -> None:
    try:
        for frame in Frames().feed(data):
            read(frame)
    except BadAnswer:
        pass


def test_an_endless_answer_is_not_kept() -> None:
    frames = Frames()
    with pytest.raises(BadAnswer):
        for _ in range(ANSWER_BYTES_MAX // 1000 + 2):
            frames.feed(b"\x0b" + b"x" * 999)
    quiet = Frames()
    for _ in range(100):
        assert quiet.feed(b"x" * 10_000) == []


def test_an_answer_cut_short_by_the_next_is_not_mixed_with_it() -> None:
    assert Frames().feed(b"\x0bMSH|half\x0bwhole\x1c\r") == [b"whole"]
