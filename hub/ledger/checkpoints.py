"""Signed heads of all chains, kept in the ledger, each naming the one before it. Who signs, and where else they go, is the caller's.

Only what is on disk may be signed: delivery's turns do not wait for it, so a server that dies forgets the last of them, link and row. The
heads are read, signed and written in one transaction whose commit waits for the disk, and so for every commit it has seen; the line is
handed out after that commit and not before.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from hub.ledger.chain import Head
from hub.ledger.connect import Conn, faults

_TURN: Final = 7106  # advisory lock: one at a time
_LAST: Final = "SELECT n, made_us, line FROM audit_checkpoint ORDER BY n DESC LIMIT 1"
_HEADS: Final = """
WITH RECURSIVE c(chain) AS ((SELECT chain FROM audit_link ORDER BY chain LIMIT 1) UNION ALL
    SELECT (SELECT l.chain FROM audit_link l WHERE l.chain > c.chain ORDER BY l.chain LIMIT 1) FROM c WHERE c.chain IS NOT NULL)
SELECT c.chain, l.n, l.total, l.hash FROM c CROSS JOIN LATERAL
    (SELECT n, total, hash FROM audit_link WHERE chain = c.chain ORDER BY n DESC LIMIT 1) l WHERE c.chain IS NOT NULL"""
# Tables of the record, and how many triggers each must have in force (migrations 0015, 0020 and 0024).
_UNGUARDED: Final = """
SELECT w.name FROM (VALUES ('message', 1), ('decision', 1), ('attempt', 2), ('disclosure', 2), ('consent', 2), ('audit_access', 2),
                           ('audit_link', 1), ('audit_checkpoint', 1), ('sent_copy', 2), ('receipt', 3), ('audit_change', 2),
                           ('emergency', 2), ('let_go', 2), ('merge', 3), ('consent_key', 3),
                           ('representation', 3), ('notice', 3), ('provider', 3), ('subscription', 3)
     ) AS w(name, triggers)
WHERE triggers > (SELECT count(*) FROM pg_trigger t
                  WHERE t.tgrelid = to_regclass(w.name) AND starts_with(t.tgname, 'audit_') AND t.tgenabled IN ('O', 'A'))"""

Json = dict[str, Any]
Seal = Callable[[Json], str]
"""A checkpoint's body as a signed line."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed. before: SHA-256 of the line before, "" = the first."""

    n: int
    made_us: int
    before: str
    heads: Mapping[str, Head]

    def body(self) -> Json:
        """As JSON; chain -> [links, rows, hash of the last link]."""
        chains = {chain: [head.n, head.total, head.hash.hex()] for chain, head in sorted(self.heads.items())}
        return {"checkpoint": self.n, "made_us": self.made_us, "before": self.before, "chains": chains}

    @classmethod
    def parse(cls, body: Json) -> "Checkpoint":
        """Raises KeyError, TypeError or ValueError for what is none."""
        heads = {chain: Head(int(n), int(total), bytes.fromhex(h)) for chain, (n, total, h) in body["chains"].items()}
        return cls(int(body["checkpoint"]), int(body["made_us"]), str(body["before"]), heads)


def digest_of(line: str) -> str:
    """What the next checkpoint says of this one."""
    return sha256(line.encode()).hexdigest()


def make_checkpoint(conn: Conn, now_us: int, seal: Seal, every_us: int = 0) -> str:
    """The line of a new checkpoint, once it is kept for good.

    "" when another process made one less than ``every_us`` ago, or when nothing was added since (``every_us`` 0: made all the same).
    Raises Faulted; it may have been kept then.
    """
    with faults(), conn.transaction():
        conn.execute("SET LOCAL synchronous_commit = on")
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
        n, made_us, line = conn.execute(_LAST).fetchone() or (0, 0, "")
        if every_us and now_us < made_us + every_us:
            return ""
        heads = {chain: Head(*end) for chain, *end in conn.execute(_HEADS)}
        new = Checkpoint(n + 1, now_us, digest_of(line) if line else "", heads)
        if every_us and line and json.loads(line).get("chains") == new.body()["chains"]:
            return ""
        sealed = seal(new.body())
        conn.execute("INSERT INTO audit_checkpoint (n, made_us, line) VALUES (%s, %s, %s)", (new.n, now_us, sealed))
    return sealed


def kept_checkpoints(conn: Conn) -> Iterator[tuple[int, str]]:
    """Number and line of each, the first first, a few at a time: inside a transaction. Raises psycopg.Error."""
    with conn.cursor(name="checkpoints") as cursor:
        cursor.itersize = 1_000
        yield from cursor.execute("SELECT n, line FROM audit_checkpoint ORDER BY n")


def unguarded_tables(conn: Conn) -> tuple[str, ...]:
    """Tables of the record whose triggers somebody has switched off or taken away. Raises Faulted."""
    with faults():
        return tuple(name for (name,) in conn.execute(_UNGUARDED))
