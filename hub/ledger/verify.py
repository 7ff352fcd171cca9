"""Whether what is recorded is what was recorded: every chain walked from its beginning, every row hashed again, every checkpoint looked at.

The rows are hashed here, not by the server: whoever can change rows can change the server's functions too. One snapshot, read only: what is
added meanwhile is not seen.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from hub.ledger.arrays import ints, texts
from hub.ledger.chain import COPY, DELIVERY, FACTS, RECEIPT, TRANSIT, Head, Link
from hub.ledger.chained import CHAINS, Now, Rows, TransitRows, rows_of
from hub.ledger.changes import CHANGE, Difference, differences
from hub.ledger.connect import Conn, faults
from hub.ledger.contents import altered, count_let_go

FINDINGS_MAX: Final = 1_000
_PAGE: Final = 200
_PROMISES: Final = 10_000
_CHAINS: Final = """
WITH RECURSIVE c(chain) AS ((SELECT chain FROM audit_link ORDER BY chain LIMIT 1) UNION ALL
    SELECT (SELECT l.chain FROM audit_link l WHERE l.chain > c.chain ORDER BY l.chain LIMIT 1) FROM c WHERE c.chain IS NOT NULL)
SELECT chain FROM c WHERE chain IS NOT NULL"""
_PARTS: Final = """
WITH RECURSIVE p(part) AS ((SELECT part FROM {0} ORDER BY part LIMIT 1) UNION ALL
    SELECT (SELECT t.part FROM {0} t WHERE t.part > p.part ORDER BY t.part LIMIT 1) FROM p WHERE p.part IS NOT NULL)
SELECT part FROM p WHERE part IS NOT NULL"""
# In the order they are asked for.
_SEEN: Final = """
SELECT (SELECT hash FROM audit_link WHERE chain = w.chain AND n = w.n)
FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY AS w(chain, n, i) ORDER BY w.i"""
_LINKS: Final = """
SELECT chain, n, form, count, total, rows::text, digest, hash FROM audit_link WHERE chain = %s AND n > %s ORDER BY n LIMIT %s"""


_TABLES: Final = (("message", TRANSIT), ("decision", TRANSIT), ("attempt", DELIVERY), ("sent_copy", COPY), ("receipt", RECEIPT))


class Damage(StrEnum):
    """What is wrong at a place of a chain."""

    ROW_CHANGED = "row_changed"  # as many rows as were added, and not the same
    ROW_MISSING = "row_missing"
    ROW_ADDED = "row_added"  # in no link, or more in a link's range than were added
    LINK_CHANGED = "link_changed"  # edited, replaced or out of its order
    LINK_MISSING = "link_missing"
    TRUNCATED = "truncated"  # a checkpoint saw more than there is
    CONTENT_CHANGED = "content_changed"  # a message's bytes, or a receipt's, are not those that came
    CONTENT_MISSING = "content_missing"
    CHECKPOINT_CHANGED = "checkpoint_changed"  # not what was signed, or signed by no key that is trusted
    CHECKPOINT_MISSING = "checkpoint_missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage. n: the link's number, or the checkpoint's. where: rows by key, or what was seen; no content."""

    damage: Damage
    chain: str
    n: int
    where: str


class Promise(NamedTuple):
    """What a checkpoint, whose signature holds, has seen of a chain's end."""

    chain: str
    n: int
    hash: bytes
    checkpoint: int


@dataclass(slots=True)
class Report:
    """What was walked, and what is wrong. heads: chain -> its end. is_whole_list: False when there is more damage than is listed.

    let_go: messages whose bytes are not kept any more, as is recorded.
    """

    heads: dict[str, Head] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    is_whole_list: bool = True
    let_go: int = 0

    def add(self, damage: Damage, chain: str, n: int, where: str) -> None:
        """One more, as long as there is room."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(damage, chain, n, where))
        else:
            self.is_whole_list = False


Promises = Callable[[Conn, Report], Iterable[Promise]]
"""Every promise there is, read in the snapshot that is verified; what is wrong with checkpoints themselves goes into the report."""


def verify(conn: Conn, promises: Promises = lambda _conn, _report: ()) -> Report:
    """Walk every chain, and look for every promised end. Raises Faulted."""
    report = Report()
    with faults(), conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for chain in sorted(_chains(conn)):
            rows = rows_of(conn, chain)
            if rows is None:
                report.add(Damage.LINK_CHANGED, chain, 0, "the hub has no chain of this name")
            else:
                _Walk(conn, chain, report).all(rows)
        report.let_go = count_let_go(conn)
        for one in altered(conn):
            report.add(Damage.CONTENT_MISSING if one.is_gone else Damage.CONTENT_CHANGED, one.chain, 0, f"offset {one.off}")
        for differs in differences(conn):
            report.add(_damage_of(differs), CHANGE, differs.n, f"{differs.table} {differs.key}")
        _keep(conn, promises(conn, report), report)
    return report


def _damage_of(d: Difference) -> Damage:
    if not d.found:
        return Damage.ROW_MISSING
    return Damage.ROW_CHANGED if d.said else Damage.ROW_ADDED


def _keep(conn: Conn, promises: Iterable[Promise], report: Report) -> None:
    """Whether the links are there as they were seen. However many checkpoints there are, only some are held at a time."""
    beyond: dict[str, Promise] = {}
    rest = iter(promises)
    while some := list(islice(rest, _PROMISES)):
        asked = (texts([p.chain for p in some]), ints(p.n for p in some))
        for promise, (found,) in zip(some, conn.execute(_SEEN, asked).fetchall(), strict=True):
            if found is not None and found != promise.hash:
                report.add(Damage.LINK_CHANGED, promise.chain, promise.n, f"checkpoint {promise.checkpoint} saw another")
            elif promise.n > report.heads.get(promise.chain, Head()).n:
                beyond[promise.chain] = max(promise, beyond.get(promise.chain, promise), key=lambda p: p.n)
    for chain, promise in beyond.items():
        end = report.heads.get(chain, Head()).n
        report.add(Damage.TRUNCATED, chain, promise.n, f"checkpoint {promise.checkpoint} saw it; the chain ends at {end}")


def _chains(conn: Conn) -> set[str]:
    """Those that have links, and those whose rows there are."""
    found = {chain for (chain,) in conn.execute(_CHAINS)} | CHAINS
    for table, prefix in _TABLES:
        found |= {f"{prefix}{part}" for (part,) in conn.execute(_PARTS.format(table).encode())}
    return found


class _Walk:
    """One chain from its beginning to its end."""

    def __init__(self, conn: Conn, chain: str, report: Report) -> None:
        self._conn = conn
        self._chain = chain
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
        self._report.heads[self._chain] = self._head
        if isinstance(rows, TransitRows) and rows.first:
            self._check_facts(rows.first)

    def _add(self, damage: Damage, n: int, where: str) -> None:
        self._report.add(damage, self._chain, n, where)

    def _check_link(self, link: Link, *, is_sound: bool) -> None:
        before = self._head
        if link.n != before.n + 1:
            self._add(Damage.LINK_MISSING, before.n + 1, f"links {before.n + 1} to {link.n - 1}")
        elif not link.follows(before) or not is_sound:
            self._add(Damage.LINK_CHANGED, link.n, "it does not follow from the one before it")
        self._head = link.head

    def _check_facts(self, messages: int) -> None:
        """Messages that were chained in the first form are in a chain of their own with the rest of them, which was walked before."""
        chain = self._chain.replace(TRANSIT, FACTS)
        found = self._report.heads.get(chain, Head()).total
        if found != messages:
            self._report.add(Damage.LINK_MISSING, chain, 0, f"it has {found} of {messages} messages")

    def _check_rows(self, link: Link, now: Now, rows: Rows) -> None:
        if now.count < link.count:
            self._add(Damage.ROW_MISSING, link.n, rows.missing(link))
        else:
            self._add(Damage.ROW_ADDED if now.count > link.count else Damage.ROW_CHANGED, link.n, now.where)
