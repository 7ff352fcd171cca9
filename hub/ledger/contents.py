"""Whether the bytes of messages and receipts are those whose SHA-256 is in the chain. They are hashed here, one after the other."""

from collections.abc import Iterator
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from hub.ledger.chain import RECEIPT, TRANSIT
from hub.ledger.chained import copied
from hub.ledger.connect import Conn
from hub.model import Outcome

# part, off, then what tells whether there must be bytes, the SHA-256, the bytes
_MESSAGES: Final = f"""
COPY (SELECT m.part, m.off, m.outcome = '{Outcome.REPEAT}' OR g.off IS NOT NULL, m.digest, m.raw
      FROM message m LEFT JOIN (SELECT DISTINCT part, unnest(offs) AS off FROM let_go) g USING (part, off)) TO STDOUT (FORMAT BINARY)"""  # noqa: S608
_LET_GO: Final = "SELECT coalesce(sum(cardinality(offs)), 0) FROM let_go"
_RECEIPTS: Final = "COPY (SELECT part, off, false, digest, raw FROM receipt) TO STDOUT (FORMAT BINARY)"
_place: Final = Struct(">iiq").unpack_from
_length: Final = Struct(">i").unpack_from
_PLACE_AT: Final = 6
_MAY_AT: Final = 26
_DIGEST_AT: Final = 27


def count_let_go(conn: Conn) -> int:
    """How many messages' bytes were let go. Raises psycopg.Error."""
    row = conn.execute(_LET_GO).fetchone()
    return int(row[0]) if row else 0


class Altered(NamedTuple):
    """A row whose bytes are not those that came, or no longer there."""

    chain: str
    off: int
    is_gone: bool


def altered(conn: Conn) -> Iterator[Altered]:
    """Each of them. Raises psycopg.Error."""
    for prefix, query in ((TRANSIT, _MESSAGES), (RECEIPT, _RECEIPTS)):
        for row in copied(conn, query):
            part, _, off = _place(row, _PLACE_AT)
            end = _DIGEST_AT + 4 + max(0, _length(row, _DIGEST_AT)[0])
            digest, raw = row[_DIGEST_AT + 4 : end], row[end + 4 :]
            may_be_gone = row[_MAY_AT] == 1  # a repeat, of which the first one has the bytes; or let go
            if (raw or digest) and sha256(raw).digest() != digest and (raw or not may_be_gone):
                yield Altered(f"{prefix}{part}", off, not raw)
