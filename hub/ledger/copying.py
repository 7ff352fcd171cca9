"""Rows for ``COPY ... (FORMAT BINARY)``, written by hand: half the cost of a row through a general encoder, and nothing to escape.

PostgreSQL documentation, COPY, "Binary Format": a row is the number of its fields, then each field as its length and its bytes.
"""

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import Final

NULL: Final = b"\xff\xff\xff\xff"  # a field of any type
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_TEXT_OID: Final = 25
_BIGINT_OID: Final = 20
_BOOLEANS: Final = (b"\0\0\0\1\0", b"\0\0\0\1\1")
_EMPTY_ARRAY: Final = Struct(">iiiI").pack(12, 0, 0, _TEXT_OID)
_NO_BIGINTS: Final = Struct(">iiiI").pack(12, 0, 0, _BIGINT_OID)

_count = Struct(">h").pack
_length = Struct(">i").pack
_int = Struct(">ii").pack
_bigint = Struct(">iq").pack
_array = Struct(">iiiIii").pack


def int4(value: int) -> bytes:
    """A field of type int."""
    return _int(4, value)


def int8(value: int) -> bytes:
    """A field of type bigint."""
    return _bigint(8, value)


def boolean(value: bool) -> bytes:  # noqa: FBT001
    """A field of type boolean."""
    return _BOOLEANS[value]


def blob(value: bytes) -> bytes:
    """A field of type bytea."""
    return _length(len(value)) + value


def text(value: str) -> bytes:
    """A field of type text. What PostgreSQL cannot hold (NUL, half a surrogate pair) becomes a question mark."""
    data = value.encode("utf-8", "replace").replace(b"\0", b"?")
    return _length(len(data)) + data


word = lru_cache(maxsize=8192)(text)
"""``text`` for the members of a vocabulary and the ids of the configuration: encoded once."""


def uuid(value: str) -> bytes:
    """A field of type uuid."""
    return b"\0\0\0\x10" + bytes.fromhex(value.replace("-", ""))


def texts(values: tuple[str, ...]) -> bytes:
    """A field of type text[]."""
    if not values:
        return _EMPTY_ARRAY
    elements = b"".join(map(text, values))
    return _array(20 + len(elements), 1, 0, _TEXT_OID, len(values), 1) + elements


words = lru_cache(maxsize=8192)(texts)
"""``texts`` for what recurs."""


def int8s(values: tuple[int, ...]) -> bytes:
    """A field of type bigint[]."""
    if not values:
        return _NO_BIGINTS
    return _array(20 + 12 * len(values), 1, 0, _BIGINT_OID, len(values), 1) + b"".join(map(int8, values))


def row(count: int, *fields: bytes) -> bytes:
    """One row of so many fields; some of them may be joined already."""
    return _count(count) + b"".join(fields)


def file(rows: Iterable[bytes]) -> bytes:
    """The whole of what a COPY takes."""
    return b"".join((_HEADER, *rows, _TRAILER))
