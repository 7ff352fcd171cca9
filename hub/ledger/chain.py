"""The chain of what was recorded: one link for the rows that a transaction added, each hashed with the hash of the link before it.

Pure. A link's digest is the SHA-256 of its rows as COPY (FORMAT BINARY) gives them, without the file's header and trailer; its hash is the
SHA-256 of the hash before it, the digest, and ``chain n form count total rows`` in words. Triggers do the same in SQL (migrations 0015 and
0024) for every chain but transit's, whose rows are at hand as bytes already. A message's own bytes are content and stand in no link, but
their SHA-256 does. Transit's first form had fewer columns; the rest of those messages is in the chains ``FACTS``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from struct import Struct
from types import MappingProxyType
from typing import Final

from hub.ledger.batch import Writes
from hub.ledger.rows import COLUMNS, identities

FORM: Final = 2  # of transit's links; every other chain has had one form
FIRST_FORM: Final = 1
START: Final = bytes(32)  # what stands before the first link
TRANSIT: Final = "transit-"  # + partition: messages, the decisions on them, and identifiers that a batch brought
DELIVERY: Final = "delivery-"  # + partition: attempts
FACTS: Final = "facts-"  # + partition: all columns of the messages that were chained in the first form
COPY: Final = "copy-"  # + partition: what left that was not the message as it was decided
RECEIPT: Final = "receipt-"  # + partition
MESSAGE: Final = COLUMNS["message"].replace(" raw,", "")
FIRST_MESSAGE: Final = MESSAGE.partition(", occurred_us")[0]
DECISION: Final = COLUMNS["decision"]
IDENTITY: Final = "part, off, link_key, lock_keys, coalesce(origin, patient_key)"  # what of it never changes

_count: Final = Struct(">h").pack
_FIELDS: Final = FIRST_MESSAGE.count(",") + 1  # those before the bytes
_BEGINS: Final = _count(MESSAGE.count(",") + 1)
_FIRST_BEGINS: Final = _count(_FIELDS)
_length: Final = Struct(">i").unpack_from


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: its last link's number, the rows up to it, its hash."""

    n: int = 0
    total: int = 0
    hash: bytes = field(default=START, repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """One link. rows: which they are, as JSON: [first offset, last offset] in transit, the keys of the rows elsewhere."""

    chain: str
    n: int
    form: int
    count: int
    total: int
    rows: str = field(repr=False)
    digest: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    def follows(self, before: Head) -> bool:
        """Whether it is what was put there after that link, numbers and all."""
        said = (self.chain, self.n, self.form, self.count, self.total, self.rows)
        is_next = (self.n, self.total) == (before.n + 1, before.total + self.count)
        return is_next and self.hash == _hash(before.hash, self.digest, said)

    @property
    def head(self) -> Head:
        """The chain's end if this is its last link."""
        return Head(self.n, self.total, self.hash)


@dataclass(slots=True)
class Added:
    """What a batch of transit adds to the chain of one partition, as rows of COPY."""

    first: int
    last: int
    messages: list[bytes] = field(default_factory=list)
    decisions: list[bytes] = field(default_factory=list)
    identities: list[bytes] = field(default_factory=list)

    def link(self, chain: str, head: Head) -> Link:
        """The link that follows."""
        digest = transit_digest(self.messages, self.decisions, self.identities)
        count = len(self.messages) + len(self.decisions) + len(self.identities)
        return follow(chain, head, count, (self.first, self.last), digest)


def transit_digest(*tables: Iterable[bytes]) -> bytes:
    """Of rows of COPY, messages, decisions and identifiers, those of each in whatever order they come."""
    return sha256(b"".join([row for rows in tables for row in sorted(rows)])).digest()


def follow(chain: str, before: Head, count: int, rows: Sequence[int], digest: bytes) -> Link:
    """The next link of a chain."""
    said = (chain, before.n + 1, FORM, count, before.total + count, json.dumps(rows))
    return Link(*said, digest, _hash(before.hash, digest, said))


def _hash(before: bytes, digest: bytes, said: tuple[str, int, int, int, int, str]) -> bytes:
    return sha256(before + digest + " ".join(map(str, said)).encode()).digest()


def added(writes: Writes, tables: Mapping[str, Sequence[bytes]]) -> Mapping[int, Added]:
    """Partition -> what a batch adds to its chain, of the rows that were made for COPY."""
    found: dict[int, Added] = {}
    decisions = iter(tables["decision"])
    for entry, row in zip(writes.entries, tables["message"], strict=True):
        part, off = entry.spot
        of_part = found.get(part) or found.setdefault(part, Added(off, off))
        of_part.last = off
        of_part.messages.append(_without_content(row))
        of_part.decisions += islice(decisions, len(entry.plan.decisions))
    if writes.links:
        found[writes.entries[0].spot[0]].identities = identities(writes)
    return MappingProxyType(found)


def _without_content(row: bytes) -> bytes:
    """The columns ``MESSAGE`` of a row of COPY."""
    end = _before_content(row)
    return _BEGINS + row[2:end] + row[end + 4 + _length(row, end)[0] :]


def in_first_form(row: bytes) -> bytes:
    """The columns ``FIRST_MESSAGE`` of a row of COPY that begins with them."""
    return _FIRST_BEGINS + row[2 : _before_content(row)]


def _before_content(row: bytes) -> int:
    end = 2
    for _ in range(_FIELDS):
        end += 4 + _length(row, end)[0]
    return end
