"""Whether what is recorded is what was recorded: every chain walked from its beginning, every row hashed again, every checkpoint looked at.

The rows are hashed here, not by the server: whoever can change rows can change the server's functions too. One snapshot, read only: what is
added meanwhile is not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hub.ledger.chain import DELIVERY, TRANSIT, Head, Link
from hub.ledger.chained import CHAINS, Now, Rows, rows_of
from hub.ledger.connect import Conn, faults

FINDINGS_MAX: Final = 1_000
_PAGE: Final = 200
_CHAINS: Final = """
WITH RECURSIVE c(chain) AS ((SELECT chain FROM audit_link ORDER BY chain LIMIT 1) UNION ALL
    SELECT (SELECT l.chain FROM audit_link l WHERE l.chain > c.chain ORDER BY l.chain LIMIT 1) FROM c WHERE c.chain IS NOT NULL)
SELECT chain FROM c WHERE chain IS NOT NULL"""
_PARTS: Final = """
WITH RECURSIVE p(part) AS ((SELECT part FROM {0} ORDER BY part LIMIT 1) UNION ALL
    SELECT (SELECT t.part FROM {0} t WHERE t.part > p.part ORDER BY t.part LIMIT 1) FROM p WHERE p.part IS NOT NULL)
SELECT part FROM p WHERE part IS NOT NULL"""
_LINKS: Final = """
SELECT chain, n, form, count, total, rows::text, digest, hash FROM audit_link WHERE chain = %s AND n > %s ORDER BY n LIMIT %s"""


class Damage(StrEnum):
    """What is wrong at a place of a chain."""

    ROW_CHANGED = "row_changed"  # as many rows as were added, and not the same
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"  # in no link, or more in a link's range than were added
    LINK_CHANGED = "link_changed"  # edited, replaced or out of its order
    LINK_MISSING = "link_missing"
    TRUNCATED = "truncated"  # a checkpoint saw more than there is
    CHECKPOINT_CHANGED = "checkpoint_changed"  # not what was signed, or signed by no key that is trusted
    CHECKPOINT_MISSING = "checkpoint_missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage. n: the link's number, or the checkpoint's. where: rows by key, or what was seen; no content."""

    damage: Damage
    chain: str
    n: int
    where: str


@dataclass(frozen=True, slots=True)
class Promise:
    """What a checkpoint has signed of a link."""

    hash: bytes
    checkpoint: int


@dataclass(slots=True)
class Report:
    """What was walked, and what is wrong. heads: chain -> its end. is_whole_list: False when there is more damage than is listed."""

    heads: dict[str, Head] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    is_whole_list: bool = True

    def add(self, damage: Damage, chain: str, n: int, where: str) -> None:
        """One more, as long as there is room."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(damage, chain, n, where))
        else:
            self.is_whole_list = False


def verify(conn: Conn, promised: Mapping[str, Mapping[int, Promise]]) -> Report:
    """Walk every chain. Raises Faulted.

    promised: chain -> link number -> what a checkpoint, whose signature holds, has seen there.
    """
    report = Report()
    with faults(), conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for chain in sorted(_chains(conn) | set(promised)):
            rows = rows_of(conn, chain)
            if rows is None:
                report.add(Damage.LINK_CHANGED, chain, 0, "the hub has no chain of this name")
            else:
                _Walk(conn, chain, promised.get(chain, {}), report).all(rows)
    return report


def _chains(conn: Conn) -> set[str]:
    """Those that have links, and those whose rows there are."""
    found = {chain for (chain,) in conn.execute(_CHAINS)} | CHAINS
    for table, prefix in (("message", TRANSIT), ("decision", TRANSIT), ("attempt", DELIVERY)):
        found |= {f"{prefix}{part}" for (part,) in conn.execute(_PARTS.format(table).encode())}
    return found


class _Walk:
    """One chain from its beginning to its end."""

    def __init__(self, conn: Conn, chain: str, promised: Mapping[int, Promise], report: Report) -> None:
        self._conn = conn
        self._chain = chain
        self._promised = promised
        self._report = report
        self._head = Head()

    def all(self, rows: Rows) -> None:
        """Every link, and then what is in none."""
        while page := [Link(*row) for row in self._conn.execute(_LINKS, (self._chain, self._head.n, _PAGE)).fetchall()]:
            for link, now in zip(page, rows.of(page), strict=True):
                self._check_link(link, is_sound=now.is_sound)
                if now.digest != link.digest and now.is_sound:
                    self._check_rows(link, now, rows)
        for key in rows.strangers():
            self._add(Damage.ROW_ADDED, self._head.n, f"in no link: {key}")
        for n, promise in self._promised.items():
            if n > self._head.n:
                self._add(Damage.TRUNCATED, n, f"checkpoint {promise.checkpoint} saw it; the chain ends at {self._head.n}")
        self._report.heads[self._chain] = self._head

    def _add(self, damage: Damage, n: int, where: str) -> None:
        self._report.add(damage, self._chain, n, where)

    def _check_link(self, link: Link, *, is_sound: bool) -> None:
        before, promise = self._head, self._promised.get(link.n)
        if link.n != before.n + 1:
            self._add(Damage.LINK_MISSING, before.n + 1, f"links {before.n + 1} to {link.n - 1}")
        elif not link.follows(before) or not is_sound:
            self._add(Damage.LINK_CHANGED, link.n, "it does not follow from the one before it")
        if promise is not None and promise.hash != link.hash:
            self._add(Damage.LINK_CHANGED, link.n, f"checkpoint {promise.checkpoint} saw another")
        self._head = link.head

    def _check_rows(self, link: Link, now: Now, rows: Rows) -> None:
        if now.count < link.count:
            self._add(Damage.ROW_MISSING, link.n, rows.missing(link))
        else:
            self._add(Damage.ROW_ADDED if now.count > link.count else Damage.ROW_CHANGED, link.n, now.where)
