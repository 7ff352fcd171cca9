"""Batches: cut where messages begin and nowhere else, nothing of them lost, bounded, answered as a batch."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2 import batch
from hub.adapters.hl7v2.er7 import Er7
from hub.errors import Reason, Rejected

WHEN = "20260401100000.000+0000"
ONE, TWO = b"MSH|^~\\&|1\rPID|x\r", b"MSH|^~\\&|2\r"
WHOLE = b"FHS|^~\\&|A|F\rBHS|^~\\&|APP|FAC|||||||B7\r" + ONE + TWO + b"BTS|2\rFTS|1\r"


def refusal(raw: bytes) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        batch.split(raw)
    return caught.value.reason, caught.value.where


def test_a_batch_is_cut_and_answered_as_a_batch() -> None:
    assert batch.is_batch(WHOLE)
    assert batch.is_batch(b"\r\n\xef\xbb\xbfBHS|^~\\&|\r")
    assert not batch.is_batch(ONE)
    cut = batch.split(WHOLE)
    assert (cut.messages, cut.is_complete) == ((ONE, TWO), True)
    assert batch.answer(cut, [b"MSH|1\r", b"MSH|2\r"], "own", WHEN).split(b"\r")[1:] == [b"MSH|1", b"MSH|2", b"BTS|2", b""]
    single = batch.split(WHOLE.removeprefix(b"FHS|^~\\&|A|F\r"))
    assert batch.answer(single, [], "own", WHEN).startswith(b"BHS|^~\\&|HUB|HUB|APP|FAC|" + WHEN.encode() + b"||||own|B7\r")


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_line_ends(end: bytes) -> None:
    cut = batch.split(b"\xef\xbb\xbf" + WHOLE.replace(b"\r", end))
    assert cut.messages == (ONE.replace(b"\r", end), TWO.replace(b"\r", end))


@pytest.mark.parametrize("text", [b"FTS follow-up", b"FTS|1", b"MSH is a header", b"MSH|^~\\&|3", b"BTS|2"])
def test_a_line_feed_in_text_cuts_nothing_where_lines_end_with_carriage_returns(text: bytes) -> None:
    message = ONE + b"OBX|1|TX|a||note\n" + text + b"\rOBX|2|NM|b||7\r"
    cut = batch.split(b"BHS|^~\\&|A\r" + message + b"BTS|1\r")
    assert (cut.messages, cut.is_complete) == ((message,), True)
    assert Er7.from_bytes(message).names() == ["MSH", "PID", "OBX", "OBX"]


def test_a_line_that_only_looks_like_a_header_is_left_to_the_message_that_is_refused_for_it() -> None:
    raw = b"BHS|^~\\&|A\n" + ONE.replace(b"\r", b"\n") + b"MSH is a header\nFTS: see there\nMSH$^~\\&$x\nBTS|1\n"
    (message,) = batch.split(raw).messages
    with pytest.raises(Rejected) as caught:
        Er7.from_bytes(message)
    assert (caught.value.reason, caught.value.where) == (Reason.BAD_SEGMENT, "segment 3")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"BHS|^~\\&|A\rPID|1||99\r" + ONE + b"BTS|1\r", (Reason.BAD_SEGMENT, "after BHS")),
        (b"FHS|^~\\&|A\rPID|1||99\rBHS|^~\\&|A\r" + ONE + b"BTS|1\r", (Reason.BAD_SEGMENT, "after FHS")),
        (b"BHS|^~\\&|A\r" + ONE + b"BTS|1\rPID|1||99\r", (Reason.BAD_SEGMENT, "after BTS")),
        (b"BHS|^~\\&|A\n" + ONE + b"BTS|1\nsome text\n", (Reason.BAD_SEGMENT, "after BTS")),
        (WHOLE + TWO, (Reason.BAD_SEGMENT, "after FTS")),
        (WHOLE + WHOLE, (Reason.BAD_SEGMENT, "after FTS")),
        (b"BHS|^~\\&|A\r" + ONE + b"FHS|^~\\&|A\r", (Reason.BAD_SEGMENT, "FHS")),
        (b"BHS|^^\\&|A\r" + ONE, (Reason.BAD_DELIMITERS, "BHS-2")),
        (b"FHS", (Reason.BAD_DELIMITERS, "FHS-2")),
        (b"BHS|^~\\&|A\rBTS|0\r", (Reason.NO_HEADER, "MSH")),
        (b"BHS|^~\\&|A\r" + TWO * 5_001, (Reason.TOO_COMPLEX, "messages")),
        (b"BHS|^~\\&|A\r" + b"MSH|\r" * 838_000, (Reason.TOO_COMPLEX, "segments")),
        (b"BHS|^~\\&|A\r" + ONE + b"BTS|\r" * 150_000, (Reason.TOO_COMPLEX, "messages")),
        (b"BHS|^~\\&|A\n" + ONE + b"\r\n" * 190_000 + b"x", None),
        (b"BHS|^~\\&|A\r" + ONE + b"\n" * 190_000 + b"x", None),
    ],
)
def test_what_is_no_batch_is_refused_whole_and_at_once(raw: bytes, expected: tuple[Reason, str] | None) -> None:
    began = time.process_time()
    if expected:
        assert refusal(raw) == expected
    else:
        assert len(batch.split(raw).messages) == 1
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("raw", "is_complete"),
    [
        (WHOLE.replace(b"BTS|2", b"BTS|3"), False),
        (WHOLE.replace(b"BTS|2", b"BTS|x"), True),
        (WHOLE.replace(b"BTS|2\r", b""), True),
        (WHOLE.replace(b"FTS|1", b"FTS|2"), False),
        (WHOLE.replace(b"FTS|1", b"FTS"), True),
        (WHOLE.replace(b"BTS|2\rFTS|1\r", b"BTS|2\rBHS|^~\\&|A\r" + TWO + b"BTS|1\rFTS|2\r"), True),
        (WHOLE.replace(b"BTS|2\rFTS|1\r", b"BTS|1\rBHS|^~\\&|A\r" + TWO + b"BTS|2\rFTS|2\r"), False),  # right in all, wrong in each
    ],
)
def test_trailers_are_counted(raw: bytes, *, is_complete: bool) -> None:
    cut = batch.split(raw)
    assert cut.is_complete is is_complete
    assert (b"a trailer counts other" in batch.answer(cut, [], "own", WHEN)) is not is_complete


def test_a_header_of_many_fields_is_read_once() -> None:
    raw = b"BHS|^~\\&|" + b"A|" * 2000 + b"\r" + b"".join((ONE + b"BTS|1\rBHS|^~\\&|A\r") for _ in range(4_000)) + TWO
    began = time.process_time()
    assert len(batch.split(raw).messages) == 4_001
    assert time.process_time() - began < 1


_LINES = st.sampled_from(
    [ONE, TWO, b"BHS|^~\\&|A\r", b"BTS|1\r", b"FTS|1\r", b"FHS|^~\\&|A\r", b"PID|y\r", b"NTE|1||a\nMSH|b\r", b"\n", b"\r"]
)


@given(st.lists(_LINES, max_size=10).map(b"".join))
def test_nothing_of_a_batch_that_is_taken_is_lost(rest: bytes) -> None:
    raw = b"BHS|^~\\&|A\r" + rest
    try:
        cut = batch.split(raw)
    except Rejected:
        return
    kept = b"".join(cut.messages)
    for line in (b"PID|x", b"PID|y", b"NTE|1||a\nMSH|b"):
        assert kept.count(line) == raw.count(line)
