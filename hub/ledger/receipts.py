"""What receivers' applications said of what they were given: kept with the delivery it is about, however late it comes.

A delivery is found by what every message keeps (``message``, ``decision``, ``bundle``, ``attempt``), so it may have been settled long ago.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from psycopg.rows import class_row

from hub.ledger.connect import Conn, faults
from hub.ledger.outbox import Place, Said
from hub.model import Adapter

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What may have reached the recipient, whole or as a copy, and in which attempt last: one in which bytes may have left, or one that is under
# way and not written down yet. To say that something was read is an attempt in which nothing leaves.
_SENT: Final = """
SELECT m.part, m.off, d.recipient, m.event_id::text, s.detail, m.adapter, m.control_id, m.sender, s.copy_id, s.n
FROM message m JOIN decision d USING (part, off) CROSS JOIN LATERAL (
    SELECT coalesce(c.copy_id, '') AS copy_id, coalesce(c.detail, d.detail) AS detail, max(a.n) AS n
    FROM attempt a LEFT JOIN sent_copy c USING (part, off, recipient, n)
    WHERE a.part = m.part AND a.off = m.off AND a.recipient = d.recipient AND a.outcome IN ('delivered', 'refused', 'failed', 'unknown')
          AND a.code NOT IN ('read', 'apprec')
    GROUP BY 1, 2
    UNION ALL
    SELECT coalesce(o.copy_id, ''), coalesce(o.detail, d.detail), coalesce(o.attempts, 0) + 1
    FROM claim c CROSS JOIN LATERAL unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
    LEFT JOIN outbox o USING (part, off, recipient)
    WHERE u.part = m.part AND u.off = m.off AND u.recipient = d.recipient) s
WHERE {} AND d.recipient = %(recipient)s ORDER BY m.decided_us DESC, s.n DESC LIMIT 100"""
_OURS: Final = "(m.part, m.off) IN (SELECT part, off FROM bundle WHERE bundle_id = %(id)s::uuid)"
_BY_ID: Final = _SENT.format("m.control_id = %(id)s AND m.adapter = %(kith)s")
_BY_EVENT: Final = _SENT.format("m.event_id = %(id)s")
_BY_COPY: Final = _SENT.format(f"s.copy_id = %(id)s::text AND {_OURS}")
_BY_OURS: Final = _SENT.format(_OURS)
KEEP: Final = """
INSERT INTO receipt (part, off, recipient, n, receipt_id, status, codes, said_us, noted_us, raw, digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_KEPT: Final = "SELECT status, codes FROM receipt WHERE part = %s AND off = %s AND recipient = %s AND receipt_id = %s"
_WAITS: Final = "SELECT 1 FROM outbox WHERE part = %s AND off = %s AND recipient = %s AND channel = 'poll'"
_OPEN: Final = """
SELECT m.event_id::text || ':' || r.recipient AS id, m.event_id::text AS event_id, r.recipient, m.kind, r.status, r.codes, r.noted_us
FROM receipt r JOIN message m USING (part, off)
WHERE r.status <> 'accepted' AND r.seen_us IS NULL AND NOT EXISTS (
    SELECT 1 FROM receipt l WHERE l.part = r.part AND l.off = r.off AND l.recipient = r.recipient
    AND (l.noted_us, l.receipt_id) > (r.noted_us, r.receipt_id))"""
_SEEN: Final = """
UPDATE receipt r SET seen_us = %s FROM message m
WHERE m.part = r.part AND m.off = r.off AND m.event_id = %s AND r.recipient = %s AND r.status <> 'accepted' AND r.seen_us IS NULL"""
_ADDRESSED: Final = """
SELECT DISTINCT ON (r.recipient) r.recipient, r.status, r.codes
FROM message m JOIN decision d USING (part, off) JOIN receipt r USING (part, off, recipient)
WHERE m.event_id = %s AND 'addressed' = ANY (d.because) ORDER BY r.recipient, r.noted_us DESC, r.receipt_id DESC"""
_LIST_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that was sent to the recipient, or may have been, n: last in this attempt. Several can have one control id: their senders'.

    copy_id: the event id of a copy of which something was left out, "" = it was sent whole.
    """

    part: int
    off: int
    recipient: str
    event_id: str
    detail: str
    adapter: str
    control_id: str = field(repr=False)
    sender: str = field(repr=False)
    copy_id: str
    n: int

    @property
    def known_as(self) -> str:
        """The event id as the recipient was told it."""
        return self.copy_id or self.event_id

    @property
    def place(self) -> Place:
        """The delivery."""
        return Place(self.part, self.off, self.recipient)


@dataclass(frozen=True, slots=True)
class Answered:
    """A delivery that reached its recipient, whose application refused it or a part of it. For a person, until they took note of it."""

    id: str
    event_id: str
    recipient: str
    kind: str
    status: str
    codes: list[str]
    noted_us: int


@dataclass(frozen=True, slots=True)
class OfReceiver:
    """The last word of a receiver whom the sender wrote as one."""

    recipient: str
    status: str
    codes: list[str]


def candidates(conn: Conn, original_id: str, recipient: str) -> list[Candidate]:
    """What a receipt of this recipient about this id can be about, the latest first. Raises Faulted."""
    values = {"id": original_id, "recipient": recipient, "kith": Adapter.KITH.value}
    with faults(), conn.cursor(row_factory=class_row(Candidate)) as cursor:
        found = cursor.execute(_BY_ID.encode(), values).fetchall()
        if _UUID.fullmatch(original_id):
            found += cursor.execute(_BY_OURS.encode(), values).fetchall()
    return found


def sent_of(conn: Conn, event_id: str, recipient: str) -> Candidate | None:
    """The message of this event or copy as it was sent to a recipient, the latest of several passages. Raises Faulted."""
    if not _UUID.fullmatch(event_id):
        return None
    with faults(), conn.cursor(row_factory=class_row(Candidate)) as cursor:
        values = {"id": event_id.lower(), "recipient": recipient}
        found = cursor.execute(_BY_EVENT.encode(), values).fetchall() or cursor.execute(_BY_COPY.encode(), values).fetchall()
    return next((c for c in found if c.known_as == values["id"]), next(iter(found), None))


def waits_to_be_read(conn: Conn, place: Place) -> bool:
    """Whether a delivery waits for its recipient, which fetches, to say that it has it. Raises Faulted."""
    with faults():
        return conn.execute(_WAITS, place).fetchone() is not None


def kept_as(place: Place, n: int, said: Said, now_us: int) -> tuple[object, ...]:
    """The values of ``KEEP``. n: the attempt that it answers."""
    return (*place, n, said.id, said.status.value, list(said.codes), said.said_us, now_us, said.raw, sha256(said.raw).digest())


def keep(conn: Conn, about: Candidate, said: Said, now_us: int) -> bool | None:
    """Keep a receipt. True: it is new; False: it was kept before; None: another one was kept under its id. Raises Faulted."""
    with faults():
        if conn.execute(KEEP, kept_as(about.place, about.n, said, now_us)).rowcount > 0:
            return True
        kept: Any = conn.execute(_KEPT, (*about.place, said.id)).fetchone()
    return False if kept == (said.status, list(said.codes)) else None


def list_answered(conn: Conn, limit: int = _LIST_MAX) -> list[Answered]:
    """What a person has not taken note of, the latest first. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Answered)) as cursor:
        return cursor.execute(f"{_OPEN} ORDER BY r.noted_us DESC LIMIT %s".encode(), (limit,)).fetchall()


def find_answered(conn: Conn, delivery_id: str) -> Answered | None:
    """One of them, by ``event:recipient``. Raises Faulted."""
    event_id, _, recipient = delivery_id.partition(":")
    if not _UUID.fullmatch(event_id):
        return None
    query = f"{_OPEN} AND m.event_id = %s AND r.recipient = %s ORDER BY r.noted_us DESC"
    with faults(), conn.cursor(row_factory=class_row(Answered)) as cursor:
        return cursor.execute(query.encode(), (event_id, recipient)).fetchone()


def take_note(conn: Conn, found: Answered, now_us: int) -> bool:
    """A person has seen it: it leaves the list. False = it had left it. Raises Faulted."""
    with faults():
        return conn.execute(_SEEN, (now_us, found.event_id, found.recipient)).rowcount > 0


def of_receivers(conn: Conn, event_id: str) -> Sequence[OfReceiver]:
    """What the receivers that the sender wrote said of a message; who else got it is not the sender's to know. Raises Faulted."""
    if not _UUID.fullmatch(event_id):
        return []
    with faults(), conn.cursor(row_factory=class_row(OfReceiver)) as cursor:
        return cursor.execute(_ADDRESSED, (event_id,)).fetchall()
