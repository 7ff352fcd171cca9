"""Answers: the right codes in the right mode, the sender's own words repeated byte for byte, and nothing else of the message."""

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2 import reply
from hub.adapters.hl7v2.head import NO_HEAD, is_answer, peek
from hub.errors import ANSWERS, Reason
from hub.model import Refusal

WHEN = "20260401100000.000+0000"


def message(control: str = "C1", version: str = "2.5", rest: str = "") -> bytes:
    return f"MSH|^~\\&|APP|FAC|RAPP|RFAC|20260401||ADT^A01^ADT_A01|{control}|T|{version}{rest}\rPID|1||SECRET\r".encode("latin-1")


@pytest.mark.parametrize(
    ("accept", "application", "told"),  # answers to ACCEPT, ERROR, REJECT
    [
        ("", "", [("AA",), ("AE",), ("AR",)]),  # original mode
        ("AL", "", [("CA",), ("CE",), ("CR",)]),
        ("NE", "", [(), (), ()]),
        ("ER", "", [(), ("CE",), ("CR",)]),
        ("SU", "", [("CA",), (), ()]),
        ("", "AL", [("AA",), ("AE",), ("AR",)]),
        ("", "NE", [(), (), ()]),
        ("", "ER", [(), ("AE",), ("AR",)]),
        ("", "SU", [("AA",), (), ()]),
        ("AL", "AL", [("CA", "AA"), ("CE",), ("CR",)]),
        ("NE", "AL", [("AA",), ("AE",), ("AR",)]),
        ("AL", "NE", [("CA",), ("CE",), ("CR",)]),
        ("SU", "ER", [("CA",), ("AE",), ("AR",)]),
        ("ER", "SU", [("AA",), ("CE",), ("CR",)]),
        ("XX", "AL", [("AA",), ("AE",), ("AR",)]),  # a value that is not in the table counts as empty
        ("AL", "XX", [("CA",), ("CE",), ("CR",)]),
        ("XX", "", [("AA",), ("AE",), ("AR",)]),  # and two of them as original mode: nobody is left without an answer
        ("XX", "YY", [("AA",), ("AE",), ("AR",)]),
        (" ", '""', [("AA",), ("AE",), ("AR",)]),
        ("al ", "ne", [("CA",), ("CE",), ("CR",)]),
    ],
)
def test_the_mode_table(accept: str, application: str, told: list[tuple[str, ...]]) -> None:
    verdicts = (reply.ACCEPT, reply.ERROR, reply.REJECT)
    assert [reply.codes(accept, application, v) for v in verdicts] == told


def test_a_positive_answer_field_by_field() -> None:
    raw = message(rest="||||||8859/1")
    ack = reply.acknowledge(peek(raw), "AA", "own1", WHEN)
    assert ack == (b"MSH|^~\\&|RAPP|RFAC|APP|FAC|20260401100000.000+0000||ACK^A01^ACK|own1|T|2.5||||||8859/1\rMSA|AA|C1\r")


def test_of_the_header_only_codes_are_repeated() -> None:
    """A sender may put anything anywhere; what is no event, processing id, version or character set is left out."""
    fields = ["MSH", "^~\\&", "APP", "FAC", "", "", "", "", "ADT^Ola Nordmann", "C1", "Ola", "Nordmann", "", "", "", "", "", "Kari"]
    ack = reply.acknowledge(peek("|".join(fields).encode() + b"\r"), "AR", "own", WHEN, Refusal(Reason.UNSUPPORTED_EVENT, "MSH-9"))
    assert ack.startswith(b"MSH|^~\\&|HUB|HUB|APP|FAC|20260401100000.000+0000||ACK^^ACK|own|P|2.5\rMSA|AR|C1")
    assert not any(word in ack for word in (b"Ola", b"Nordmann", b"Kari"))
    kept = [*fields[:8], "ADT^A01", "C1", "T^A", "2.3.1", *fields[12:17], "8859/1~UNICODE UTF-8"]
    ack = reply.acknowledge(peek("|".join(kept).encode() + b"\r"), "AA", "own", WHEN)
    assert b"||ACK^A01^ACK|own|T^A|2.3.1||||||8859/1~UNICODE UTF-8\r" in ack


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("version", ["2.2", "2.3.1", "2.5.1", "2.9"])
def test_every_refusal_says_what_to_do(reason: Reason, version: str) -> None:
    answer = ANSWERS[reason]
    ack = reply.acknowledge(peek(message(version=version)), answer.ack, "own", WHEN, Refusal(reason, "PID-3"))
    parsed = hl7.parse(ack.decode())
    assert (str(parsed["MSA"][0][1]), str(parsed["MSA"][0][2])) == (answer.ack, "C1")
    err = parsed["ERR"][0]
    if version < "2.5":
        assert str(err[1]).startswith(f"PID^1^3^{answer.err}&")
        assert str(parsed["MSA"][0][3]) == str(hl7.parse(ack.decode())["MSA"][0][3]) != ""
    else:
        assert (str(err[2]), str(err[3][0][0]), str(err[3][0][2]), str(err[4])) == ("PID^1^3", str(answer.err), "HL70357", "E")
        assert parsed.unescape(str(err[8])) == answer.act
    assert b"SECRET" not in ack


def test_a_fault_of_ours_is_207() -> None:
    ack = reply.acknowledge(peek(message()), "AE", "own", WHEN)
    assert b"MSA|AE|C1\rERR|||207^Application internal error^HL70357|E||||" in ack


@pytest.mark.parametrize(
    ("where", "location"), [("", ""), ("PID", "PID^1"), ("PID-3", "PID^1^3"), ("MSH-9.2", "MSH^1^9^1^2"), ("control byte", "")]
)
def test_places(where: str, location: str) -> None:
    ack = reply.acknowledge(peek(message()), "AE", "own", WHEN, Refusal(Reason.BAD_VALUE, where))
    assert ack.split(b"\r")[2].split(b"|")[2] == location.encode()


def test_a_place_that_has_no_segment_name_stands_in_words() -> None:
    refusal = Refusal(Reason.BAD_SEGMENT, "segment 4")
    err = reply.acknowledge(peek(message()), "AE", "own", WHEN, refusal).split(b"\r")[2].split(b"|")
    assert (err[2], err[7]) == (b"", b"segment 4")
    old = reply.acknowledge(peek(message(version="2.3")), "AE", "own", WHEN, refusal).split(b"\r")
    assert old[1].endswith(b"(segment 4)")


@pytest.mark.parametrize("control", ["A\tB", "A\x1bB", "A\x0cB", "æøå", "a\\F\\b", "x^y", " lead", "\xa0"])
def test_the_control_id_is_repeated_byte_for_byte(control: str) -> None:
    raw = message(control)
    assert b"MSA|AA|" + control.encode("latin-1") + b"\r" in reply.acknowledge(peek(raw), "AA", "own", WHEN)


def test_other_delimiters_are_answered_in_kind() -> None:
    raw = b"MSH$!*/%$A$B$C$D$$$ADT!A01$7$P$2.5\r"
    ack = reply.acknowledge(peek(raw), "AE", "own", WHEN, Refusal(Reason.MISSING_PATIENT, "PID-3"))
    assert ack.startswith(b"MSH$!*/%$C$D$A$B$")
    assert (
        b"\rMSA$AE$7\rERR$$PID!1!3$101!Required field missing!HL70357$E$$$$identify the patient (PID-3 /E/ Patient.identifier)"
        in ack.replace(b"/ Patient", b"/ Patient")
    )


@pytest.mark.parametrize("msh2", ["^^\\&", "^", "", "^~\\&#!", "abcd"])
def test_a_control_id_is_told_though_the_other_delimiters_are_of_no_use(msh2: str) -> None:
    head = peek(f"MSH|{msh2}|APP|FAC|||2026||ADT^A01|C7|P|2.5|||AL\rPID|1||SECRET\r".encode())
    assert (head.is_readable, head.fields[15]) == (False, "AL")
    ack = reply.acknowledge(head, "CE", "own", WHEN, Refusal(Reason.BAD_DELIMITERS, "MSH-2"))
    assert ack.startswith(b"MSH|^~\\&|HUB|HUB|||")
    assert b"\rMSA|CE|C7\r" in ack


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"MSH|^~\\&|A|B|||||ACK|1|P|2.5\rMSA|AA|7\r", True),
        (b"MSH|^~\\&|A|B|||||ACK^A01^ACK|1|P|2.5\rMSA|AA|7\r", True),
        (b"MSH|^~\\&|A|B|||||MCF|1|P|2.1\rMSA|CA|7\r", True),
        (b"MSH|^~\\&|A|B|||||ORR^O02|1|P|2.5\rMSA|AA|7\r", True),  # an answer that says more
        (b"\n\xef\xbb\xbfMSH|^^^^|A\r\nMSA|AA|7\r\n", True),  # whatever else is wrong with it
        (b"\x06", True),
        (b"\x15", True),
        (b"MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\rEVN|A01\rMSA|AA|7\r", False),
        (b"MSH|^~\\&|A|B|||||ACKS^A01|1|P|2.5\rPID|1\r", False),
        (b"", False),
        (message(), False),
    ],
)
def test_what_is_an_answer_itself(raw: bytes, *, expected: bool) -> None:
    assert is_answer(raw, peek(raw)) is expected


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSHx", b"hello", b"MSH$^^\\&$A", b"\x00\xff" * 50, b"PID|1"])
def test_without_a_readable_header_the_answer_stands_alone(raw: bytes) -> None:
    assert peek(raw) is NO_HEAD
    assert reply.acknowledge(peek(raw), "AR", "own", WHEN).startswith(b"MSH|^~\\&|HUB|HUB||||".replace(b"||||", b"|||"))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"MSH|^~\\&|" + b))
def test_peek_never_raises_and_an_answer_is_always_two_or_three_lines(raw: bytes) -> None:
    ack = reply.acknowledge(peek(raw), "AR", "own", WHEN, Refusal(Reason.NO_HEADER))
    lines = ack.split(b"\r")
    assert (len(lines), [line[:3] for line in lines]) == (4, [b"MSH", b"MSA", b"ERR", b""])
    assert not set(ack) & set(b"\x0b\x1c\n")


def test_stamp() -> None:
    assert reply.stamp(1_795_386_954_699_123) == "20261122223554.699+0000"
