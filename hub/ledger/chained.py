"""The rows that the links of a chain stand for, as they are now: raw, as COPY gives them, to be hashed by whoever asks."""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from struct import Struct
from types import MappingProxyType
from typing import Final, Protocol

from hub.ledger.arrays import ints
from hub.ledger.chain import (
    COPY,
    DECISION,
    DELIVERY,
    FACTS,
    FIRST_FORM,
    IDENTITY,
    MESSAGE,
    RECEIPT,
    TRANSIT,
    Link,
    in_first_form,
    transit_digest,
)
from hub.ledger.connect import Conn

_HEADER_BYTES: Final = 19  # PostgreSQL documentation, COPY, "Binary Format"
_TRAILER: Final = b"\xff\xff"
_BIGINT: Final = range(-(2**63), 2**63)
_LISTED: Final = 10
_OF_ALL: Final = "disclosure|consent|access|change|identity|let_go|emergency"
_NAME: Final = re.compile(rf"(?:{TRANSIT}|{DELIVERY}|{FACTS}|{COPY}|{RECEIPT})[0-9]{{1,9}}|{_OF_ALL}", re.ASCII)
_bigint: Final = Struct(">q").unpack_from
_AT_OFF: Final = 14  # where the offset begins in a row of transit, after the count, the partition and a length
_RANGE: Final = "COPY (SELECT {} FROM {} WHERE part = {} AND off > {} AND off <= {}) TO STDOUT (FORMAT BINARY)"
_KEYED: Final = """
COPY (SELECT l.n, {columns} FROM audit_link l CROSS JOIN LATERAL json_array_elements(l.rows) WITH ORDINALITY AS k(v, i)
      CROSS JOIN LATERAL (SELECT * FROM {table} t WHERE {key} OFFSET 0) t
      WHERE l.chain = '{chain}' AND l.n = ANY ('{numbers}'::bigint[]) ORDER BY l.n, k.i) TO STDOUT (FORMAT BINARY)"""
_COUNT: Final = "SELECT count(*) FROM {table} t WHERE {scope}"
_GONE: Final = """
SELECT k.v::text FROM audit_link l CROSS JOIN LATERAL json_array_elements(l.rows) AS k(v)
WHERE l.chain = '{chain}' AND l.n = {n} AND NOT EXISTS (SELECT 1 FROM {table} t WHERE {key}) LIMIT {listed}"""
_STRANGERS: Final = """
SELECT json_build_array({names})::text FROM {table} t WHERE {scope} AND NOT EXISTS (
    SELECT 1 FROM audit_link l CROSS JOIN LATERAL json_array_elements(l.rows) AS k(v)
    WHERE l.chain = '{chain}' AND l.n = ANY ('{numbers}'::bigint[]) AND {key}) LIMIT {listed}"""


@dataclass(frozen=True, slots=True)
class Now:
    """The rows of one link as they are. where: the place, for a person. is_sound: False when the link does not say which rows it means."""

    count: int
    digest: bytes = field(repr=False)
    where: str
    is_sound: bool = True


class Rows(Protocol):
    """The rows of one chain, link by link in their order."""

    def of(self, links: Sequence[Link]) -> Iterator[Now]:
        """For each link."""
        ...

    def missing(self, link: Link) -> str:
        """Keys of rows that the link names and that are not there."""
        ...

    def strangers(self) -> list[str]:
        """Rows of the chain's tables that no link names, some of them; asked when all links were."""
        ...


def rows_of(conn: Conn, chain: str) -> Rows | None:
    """None for the name of no chain."""
    if not _NAME.fullmatch(chain):
        return None
    name, dash, part = chain.partition("-")
    if name + dash in (TRANSIT, FACTS):
        return TransitRows(conn, int(part), is_facts=name + dash == FACTS)
    return KeyedRows(conn, chain)


_IN_TRANSIT: Final = ((MESSAGE, "message"), (DECISION, "decision"), (IDENTITY, "identity"))


class TransitRows:
    """Messages, decisions and identifiers: a link stands for all there are from an offset to another.

    first: so many messages are in links of the first form. is_facts: the messages alone, as those were chained again.
    """

    def __init__(self, conn: Conn, part: int, *, is_facts: bool) -> None:
        self._conn = conn
        self._part = part
        self._is_facts = is_facts
        self._seen = -1  # offset up to which rows were looked at
        self._strange: list[int] = []
        self.first = 0

    def of(self, links: Sequence[Link]) -> Iterator[Now]:
        """As ``Rows``."""
        ranges = [_range(link) for link in links]
        last = max([self._seen, *(r.stop - 1 for r in ranges)])
        tables = [self._between(columns, name, last) for columns, name in _IN_TRANSIT[: 1 if self._is_facts else None]]
        self._seen = last
        offs = sorted(set().union(*tables))
        ours: set[int] = set()
        for link, r in zip(links, ranges, strict=True):
            mine = offs[bisect_left(offs, r.start) : bisect_right(offs, r.stop - 1)]
            ours.update(mine)
            rows = [[row for off in mine for row in table.get(off, ())] for table in tables]
            if link.form == FIRST_FORM and not self._is_facts:
                self.first += len(rows[0])
                rows[0] = [in_first_form(row) for row in rows[0]]
            where = f"offsets {r.start} to {r.stop - 1}"
            yield Now(sum(map(len, rows)), transit_digest(*rows), where, is_sound=bool(r))
        self._strange += sorted(set(offs) - ours)[:_LISTED]

    def _between(self, columns: str, table: str, last: int) -> dict[int, list[bytes]]:
        """Offset -> rows, of those not looked at yet."""
        found: dict[int, list[bytes]] = {}
        for row in copied(self._conn, _RANGE.format(columns, table, self._part, self._seen, last)):
            found.setdefault(_bigint(row, _AT_OFF)[0], []).append(row)
        return found

    def missing(self, link: Link) -> str:
        """As ``Rows``."""
        return f"of {link.count} rows at offsets {link.rows}"

    def strangers(self) -> list[str]:
        """As ``Rows``: between the links, and after the last."""
        if self._is_facts:
            return []
        query = " UNION ".join(f"SELECT off FROM {name} WHERE part = %(part)s AND off > %(seen)s" for _, name in _IN_TRANSIT)  # noqa: S608
        rest = self._conn.execute(f"{query} LIMIT {_LISTED}".encode(), {"part": self._part, "seen": self._seen}).fetchall()
        return [f"offset {off}" for off in (*self._strange, *(off for (off,) in rest))]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How rows are found by the keys in a link. names, types: of the key, in its order. scope: which rows of the table are the chain's."""

    table: str
    columns: str
    names: str
    types: tuple[type, ...]
    key: str
    scope: str = "true"


_ATTEMPTS: Final = _Kind(
    "attempt",
    "part, off, recipient, t.n, started_us, ended_us, outcome, code",
    "t.off, t.recipient, t.n",
    (int, str, int),
    "t.part = {part} AND t.off = (k.v ->> 0)::bigint AND t.recipient = k.v ->> 1 AND t.n = (k.v ->> 2)::int",
    "t.part = {part}",
)
_COPIES: Final = replace(_ATTEMPTS, table="sent_copy", columns="part, off, recipient, t.n, copy_id, detail, dropped")
_RECEIPTS: Final = _Kind(
    "receipt",
    "part, off, recipient, receipt_id, t.n, status, codes, said_us, noted_us, t.digest",
    "t.off, t.recipient, t.receipt_id",
    (int, str, str),
    "t.part = {part} AND t.off = (k.v ->> 0)::bigint AND t.recipient = k.v ->> 1 AND t.receipt_id = k.v ->> 2",
    "t.part = {part}",
)
_OF_PART: Final = MappingProxyType({DELIVERY: _ATTEMPTS, COPY: _COPIES, RECEIPT: _RECEIPTS})
_KINDS: Final = MappingProxyType(
    {
        "change": _Kind("audit_change", "t.n, at_us, what, key, state", "t.n", (int,), "t.n = (k.v ->> 0)::bigint"),
        "let_go": _Kind("let_go", "t.n, at_us, part, offs", "t.n", (int,), "t.n = (k.v ->> 0)::bigint"),
        "identity": _Kind(  # those from before they had a place
            "identity",
            "link_key, lock_keys, CASE WHEN origin IS NULL THEN patient_key ELSE origin END",  # a comma would count as a field
            "t.link_key",
            (str,),
            "t.link_key = k.v ->> 0",
            "t.part IS NULL AND NOT starts_with(t.link_key, 'retired:')",
        ),
        "disclosure": _Kind(
            "disclosure",
            "consent_id, version, part, off, recipient, noted_us",
            "t.consent_id, t.version, t.part, t.off, t.recipient",
            (str, int, int, int, str),
            "t.consent_id = k.v ->> 0 AND t.version = (k.v ->> 1)::int AND t.part = (k.v ->> 2)::int AND t.off = (k.v ->> 3)::bigint"
            " AND t.recipient = k.v ->> 4",
        ),
        "consent": _Kind(
            "consent",
            "id, version, to_jsonb(t)",
            "t.id, t.version",
            (str, int),
            "t.id = k.v ->> 0 AND t.version = (k.v ->> 1)::int",
        ),
        "access": _Kind(
            "audit_access",
            "id, at_us, role, who, address, interaction, query, patient_keys",
            "t.id",
            (str,),
            "t.id::text = k.v ->> 0",
        ),
        "emergency": _Kind(
            "emergency",
            "id, at_us, fact, access, provider, person, name, role, address, patient_key, purpose, template, reason, until_us, rule, code,"
            " because, lock_keys, events, kinds",
            "t.id",
            (str,),
            "t.id::text = k.v ->> 0",
        ),
    }
)
CHAINS: Final = frozenset(_KINDS)
"""Those that there is one of, whatever the partitions."""


class KeyedRows:
    """Rows found by the keys that their link names."""

    def __init__(self, conn: Conn, chain: str) -> None:
        self._conn = conn
        name, dash, part = chain.partition("-")
        self._kind = _KINDS.get(chain) or _OF_PART[name + dash]
        kind, own = self._kind, {"part": part}
        self._words = {"chain": chain, "table": kind.table, "columns": kind.columns, "names": kind.names, "listed": _LISTED} | {
            "key": kind.key.format(**own),
            "scope": kind.scope.format(**own),
        }
        self._fields = Struct(">h").pack(kind.columns.count(",") + 1)
        self._found = 0
        self._sound: list[int] = []

    def of(self, links: Sequence[Link]) -> Iterator[Now]:
        """As ``Rows``."""
        sound = {link.n for link in links if _are_keys(link.rows, self._kind.types)}
        self._sound += sound
        rows: dict[int, list[bytes]] = {}
        for row in copied(self._conn, _KEYED.format(numbers=ints(sound), **self._words)):
            rows.setdefault(_bigint(row, 6)[0], []).append(self._fields + row[14:])
        for link in links:
            mine = rows.get(link.n, [])
            self._found += len(mine)
            where = f"one or more of the {link.count} rows {link.rows[:100]}"
            yield Now(len(mine), sha256(b"".join(mine)).digest(), where, is_sound=link.n in sound)

    def missing(self, link: Link) -> str:
        """As ``Rows``."""
        rows = self._conn.execute(_GONE.format(n=link.n, **self._words).encode()).fetchall()
        return ", ".join(key for (key,) in rows)

    def strangers(self) -> list[str]:
        """As ``Rows``: looked for only where there are more rows than were named."""
        if self._conn.execute(_COUNT.format(**self._words).encode()).fetchall() == [(self._found,)]:
            return []
        return [key for (key,) in self._conn.execute(_STRANGERS.format(numbers=ints(self._sound), **self._words).encode())]


def _range(link: Link) -> range:
    """Empty for what is none."""
    match json.loads(link.rows):
        case [int(first), int(last)] if 0 <= first <= last and last in _BIGINT:
            return range(first, last + 1)
        case _:
            return range(0)


def _are_keys(rows: str, types: tuple[type, ...]) -> bool:
    """Whether a link's rows are keys that can be looked for: PostgreSQL would stop at others."""
    keys = json.loads(rows)
    return isinstance(keys, list) and all(
        isinstance(key, list)
        and tuple(map(type, key)) == types
        and all(value in _BIGINT if isinstance(value, int) else "\0" not in value for value in key)
        for key in keys
    )


def copied(conn: Conn, query: str) -> Iterator[bytes]:
    """Each row as COPY gives it."""
    with conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
        is_first = True
        for chunk in copy:
            row = bytes(chunk)[_HEADER_BYTES:] if is_first else bytes(chunk)
            is_first = False
            if row and row != _TRAILER:
                yield row
