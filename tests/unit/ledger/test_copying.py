"""Rows for COPY against the format's own description, byte by byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger import copying
from hub.model import Detail


def test_a_file_is_header_rows_and_trailer() -> None:
    made = copying.file([copying.row(2, copying.int4(7), copying.blob(b"ab"))])
    assert made == b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + struct.pack(">hiii", 2, 4, 7, 2) + b"ab" + b"\xff\xff"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (copying.int8(-1), struct.pack(">iq", 8, -1)),
        (copying.text("Å"), struct.pack(">i", 2) + "Å".encode()),
        (copying.text("a\0b"), struct.pack(">i", 3) + b"a?b"),
        (copying.text("\ud800"), struct.pack(">i", 1) + b"?"),
        (copying.word(Detail.FULL), struct.pack(">i", 4) + b"full"),
        (copying.uuid("00000000-0000-8000-8000-0000000000ff"), struct.pack(">i", 16) + bytes.fromhex("000000000000800080000000000000ff")),
        (copying.texts(()), struct.pack(">iiiI", 12, 0, 0, 25)),
        (
            copying.texts(("a", "bc")),
            struct.pack(">iiiIii", 31, 1, 0, 25, 2, 1) + struct.pack(">i", 1) + b"a" + struct.pack(">i", 2) + b"bc",
        ),
    ],
)
def test_fields(field: bytes, expected: bytes) -> None:
    assert field == expected


@given(st.lists(st.text()))
def test_an_array_says_its_own_length(values: list[str]) -> None:
    made = copying.texts(tuple(values))
    assert struct.unpack(">i", made[:4])[0] == len(made) - 4


@given(st.text())
def test_no_text_is_refused(value: str) -> None:
    assert b"\0" not in copying.text(value)[4:]
