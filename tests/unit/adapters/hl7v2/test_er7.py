"""The ER7 reader: structure is found before anything is unescaped, and whatever arrives, only Rejected comes out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.er7 import NO_LIMITS, Er7, Limits
from hub.adapters.hl7v2.escapes import ALLOWED, Delimiters, delimiters, escape, unescape
from hub.errors import Reason, Rejected

MSH = "MSH|^~\\&|APP|FAC|||20260101||ADT^A01|1|P|2.5"
USUAL = Delimiters()


def refusal(raw: bytes) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        Er7.from_bytes(raw)
    return caught.value.reason, caught.value.where


def test_fields_repetitions_components_and_subcomponents() -> None:
    er7 = Er7.from_bytes((MSH + "\rPID|1||A^^^X&1.2&ISO~B^^^Y||Dupont\\T\\Sons^Ann\rOBX|1\rOBX|2|NM\r").encode())
    assert (er7.get("MSH-3"), er7.get("MSH-9.2"), er7.segment("MSH").field(1)) == ("APP", "A01", "|")  # type: ignore[union-attr]
    assert (er7.get("PID-3.1"), er7.get("PID-3[1].4"), er7.get("PID-3.4.2")) == ("A", "Y", "1.2")
    assert (er7.get("PID-5.1"), er7.get("PID-5.9"), er7.get("PID-99"), er7.get("ZZZ-1")) == ("Dupont&Sons", "", "", "")
    assert (er7.get("OBX[1]-2"), er7.get("OBX[2]-1"), er7.names()) == ("NM", "", ["MSH", "PID", "OBX", "OBX"])
    pid = er7.segment("PID")
    assert pid is not None
    assert (pid.repetitions(3), pid.components(3, 1), pid.components(4)) == (["A^^^X&1.2&ISO", "B^^^Y"], ["B", "", "", "Y"], [])
    assert next(iter(er7)).line == MSH
    assert "Dupont" not in repr(pid)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"\xef\xbb\xbf", b"\r\n\xef\xbb\xbf"])
def test_line_ends_and_what_may_stand_before(end: str, before: bytes) -> None:
    er7 = Er7.from_bytes(before + end.join([MSH, "PID|1||7", "", "PV1|1|I", ""]).encode())
    assert (er7.names(), er7.get("PV1-2"), er7.get("MSH-12")) == (["MSH", "PID", "PV1"], "I", "2.5")


def test_after_a_carriage_return_a_line_feed_is_text() -> None:
    er7 = Er7.from_bytes((MSH + "\rOBX|1|TX|||one\ntwo|\rPV1|1\r\nDG1|1\r").encode())
    assert (er7.names(), er7.get("OBX-5")) == (["MSH", "OBX", "PV1", "DG1"], "one\ntwo")


@pytest.mark.parametrize("end", ["\n", "\n\n", "\r\n", "\n\r"])
def test_line_feeds_behind_the_last_segment_are_no_text(end: str) -> None:
    er7 = Er7.from_bytes((MSH + f"\rOBX|1|TX|||one\ntwo|\rPV1|1|I{end}").encode())
    assert (er7.names(), er7.get("OBX-5"), er7.get("PV1-2")) == (["MSH", "OBX", "PV1"], "one\ntwo", "I")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (Reason.NO_HEADER, "MSH")),
        (b"PID|1\r" + MSH.encode(), (Reason.NO_HEADER, "MSH")),
        (b"MSH", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH|", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH|^~\\|A", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH|^^\\&|A", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH|^~\\&#!|A", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSHA^~\\&A", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH|^~ &|A", (Reason.BAD_DELIMITERS, "MSH-2")),
        (b"MSH\r^~\\&\rA", (Reason.BAD_DELIMITERS, "MSH-2")),
        (MSH.encode() + b"\rPID|\x00", (Reason.BAD_FRAME, "control byte in segment 2")),
        (MSH.encode() + b"\r\n\r\nPID|1\r\nNTE|\x1c\r\nNTE|\x00", (Reason.BAD_FRAME, "control byte in segment 3")),
        (MSH.encode() + b"\rPID|a\nb\rNTE|\x1c", (Reason.BAD_FRAME, "control byte in segment 3")),  # that LF is text
        (MSH.encode() + b"\rPID|\xff", (Reason.BAD_ENCODING, "MSH-18")),
        (MSH.encode() + b"||||||KLINGON\rPID|1", (Reason.BAD_VALUE, "MSH-18")),
        (MSH.encode() + b"||||||UNICODE UTF-16\rPID|1", (Reason.BAD_VALUE, "MSH-18")),
        (MSH.encode() + b"||||||ASCII\rPID|\xc3\xa6", (Reason.BAD_ENCODING, "MSH-18")),
        (MSH.encode() + b"||||||UNICODE UTF-8\rPID|\xe6", (Reason.BAD_ENCODING, "MSH-18")),
        (MSH.encode() + b"||||||8859/1\rPID|\xc3\x86", (Reason.BAD_ENCODING, "MSH-18")),  # UTF-8 under a wrong name
        (MSH.encode() + b"\rpid|1", (Reason.BAD_SEGMENT, "segment 2")),
        (MSH.encode() + b"\rPID^1", (Reason.BAD_SEGMENT, "segment 2")),
        (MSH.encode() + b"\rPID|1\rOBX|1|TX|||one line\r and another\rPV1|1", (Reason.BAD_SEGMENT, "segment 4")),
        (MSH.encode() + b"\rZ1|\r" * 30_000, (Reason.TOO_COMPLEX, "segments")),
        (MSH.encode() + b"\rNTE|1" * 100_000, (Reason.TOO_COMPLEX, "segments")),
        (MSH.encode() + b"\rPID|1||" + b"1~" * 100_000, (Reason.TOO_COMPLEX, "repetitions")),
        (MSH.encode() + b"\rPID|1||" + b"^" * 1_000_000, (Reason.TOO_COMPLEX, "fields")),
        (MSH.encode() + b"\rPID|1||" + b"\\" * 1_000_000, (Reason.TOO_COMPLEX, "escapes")),
        (MSH.encode() + b"\rNTE|1" * 15_000 + b"\rNTE|\x00", (Reason.BAD_FRAME, "control byte in segment 15002")),
    ],
)
def test_each_fault_has_its_reason_and_place(raw: bytes, expected: tuple[Reason, str]) -> None:
    began = time.process_time()
    assert refusal(raw) == expected
    assert time.process_time() - began < 1


def test_limits_are_arguments() -> None:
    with pytest.raises(Rejected):
        Er7.from_bytes((MSH + "\rPID|1\rPV1|1").encode(), Limits(segments_max=2))


def test_what_the_door_took_is_read_behind_it_whatever_its_limits() -> None:
    raw = (MSH + "\rNTE|1" * 30_000).encode()
    assert Er7.from_bytes(raw, NO_LIMITS).count("NTE") == 30_000


def test_many_escapes_cost_little() -> None:
    text = "\\E\\" * 170_000  # as in a document of half a megabyte in RTF
    began = time.process_time()
    assert unescape(text, USUAL) == "\\" * 170_000
    assert unescape("\\" * 500_000, USUAL) == "\\" * 500_000
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("8859/1", "ÆØÅ æøå ð"), ("8859/15", "Š š Ž €"), ("8859/10", "đ ŋ š č"), ("UNICODE UTF-8", "ÆØÅ Sámi ŋ č a\u030a"),
        ("UTF-8", "æ"), ("ISO8859-1", "æ"), ("ISO-8859-1", "æ"), ("windows-1252", "“æ”"), ("UNICODE", "æ"),
        ("8859/1~UNICODE UTF-8", "æ\u00a0"),
    ],
)  # fmt: skip
def test_declared_character_sets(name: str, text: str) -> None:
    codec = {"8859/1": "latin-1", "8859/15": "iso8859-15", "8859/10": "iso8859-10", "windows-1252": "cp1252"}.get(name)
    codec = codec or ("latin-1" if "8859" in name else "utf-8")
    raw = (MSH + f"||||||{name}\rPID|1||7||{text}").encode(codec)
    assert Er7.from_bytes(raw).get("PID-5") == text


def test_an_undeclared_character_set_is_the_one_agreed() -> None:
    raw = (MSH + "\rPID|1||7||Åse").encode("latin-1")
    assert Er7.from_bytes(raw, undeclared_encoding="iso8859-1").get("PID-5") == "Åse"
    assert Er7.from_bytes(raw, encoding="iso8859-1").encoding == "iso8859-1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\\F\\\\S\\\\T\\\\R\\\\E\\", "|^&~\\"), ("\\.br\\a", "\na"), ("a\\.sp3\\b", "a\n\n\nb"), ("\\.sk2\\", "  "), ("\\.in+4\\x", "x"),
        ("\\H\\x\\N\\", "x"),
        ("\\X0D\\", "\r"), ("\\XC3A6\\", "æ"), ("\\XZZ\\", "\\XZZ\\"), ("\\X\\", "\\X\\"), ("\\Zfoo\\", "\\Zfoo\\"),
        ("\\C2842\\", "\\C2842\\"),
        ("a\\b", "a\\b"), ("\\", "\\"), ("\\\\", "\\\\"), ("\\Q\\F\\", "\\Q|"), ("\\P\\", "#"), ("plain", "plain"),
        ("\\.sp9999\\", "\n" * 80),
    ],
)  # fmt: skip
def test_escapes(written: str, meant: str) -> None:
    assert unescape(written, USUAL) == meant


_MARKS = st.permutations(sorted(ALLOWED)).map(lambda p: delimiters(p[0], "".join(p[1:5]))) | st.just(USUAL)


@given(st.text(), _MARKS)
def test_what_is_escaped_makes_no_structure_and_comes_back(text: str, marks: Delimiters) -> None:
    written = escape(text, marks)
    assert not set(written) & {marks.field, marks.component, marks.repetition, marks.subcomponent, "\r", "\n", "\x00", "\x0b", "\x1c"}
    assert unescape(written, marks) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_segments_do_not_depend_on_what_fields_hold(values: list[str]) -> None:
    fields = "|".join(escape(v, USUAL) for v in values)
    er7 = Er7.from_bytes((MSH + f"\rPID|{fields}\rPV1|1").encode())
    assert er7.names() == ["MSH", "PID", "PV1"]
    assert [er7.get(f"PID-{n}") for n in range(1, len(values) + 1)] == values
    again = Er7.from_bytes("\r".join(s.line for s in er7).encode())
    assert [s.line for s in again] == [s.line for s in er7]


@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda b: MSH.encode() + b"\r" + b)
    | st.binary(max_size=40).map(lambda b: b"MSH" + b)
)
def test_only_rejected_comes_out(raw: bytes) -> None:
    try:
        er7 = Er7.from_bytes(raw)
    except Rejected:
        return
    for segment in er7:
        for n in range(len(segment.fields) + 1):
            segment.value(n)
