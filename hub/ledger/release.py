"""What a lock kept back, when its patient writes it anew: found by the lock, let through transit once more, asked about there as ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.ledger.arrays import ints, texts
from hub.ledger.connect import Conn, faults
from hub.ledger.stored import COLUMNS, Stored

_LIFTED: Final = "SELECT consent_id, max(version) FROM lifted GROUP BY 1 ORDER BY 1 LIMIT %s"
_FORGET: Final = "DELETE FROM lifted WHERE consent_id = %s AND version <= %s"  # a version that came meanwhile is looked at next
# Of each message the latest passage, whichever of them was withheld; the oldest first.
_MESSAGES: Final = f"""
SELECT DISTINCT ON (m.received_us, m.event_id) {COLUMNS}, m.part, m.off, w.recipients
FROM (SELECT m.event_id, array_agg(DISTINCT w.recipient) AS recipients
      FROM withheld w JOIN message m ON m.part = w.part AND m.off = w.off WHERE w.consent_id = %s GROUP BY m.event_id) w
JOIN message m ON m.event_id = w.event_id AND length(m.raw) > 0
ORDER BY m.received_us, m.event_id, m.decided_us DESC, m.off DESC LIMIT %s"""  # noqa: S608  # constants
_AGAIN: Final = """
UPDATE redrive SET recipients = %s, asked_us = %s, done_part = NULL, done_off = NULL WHERE part = %s AND off = %s AND event_id = %s"""
_ALLOW: Final = "INSERT INTO redrive (part, off, event_id, recipients, asked_us) VALUES (%s, %s, %s, %s, %s)"
_DONE: Final = """
DELETE FROM withheld w USING message m, unnest(%s::text[]) AS r(recipient)
WHERE m.event_id = %s AND w.part = m.part AND w.off = m.off AND w.recipient = r.recipient"""
NOTED: Final = """
INSERT INTO withheld (consent_id, part, off, recipient)
SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::text[]) ON CONFLICT DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A message with those it was kept from."""

    stored: Stored = field(repr=False)
    part: int
    off: int
    recipients: tuple[str, ...]


def lifted(conn: Conn, limit: int = 100) -> list[tuple[str, int]]:
    """Consents that were written anew and not looked at since, with their latest version. Raises Faulted."""
    with faults():
        return [(consent_id, version) for consent_id, version in conn.execute(_LIFTED, (limit,))]


def forget(conn: Conn, consent_id: str, version: int) -> None:
    """Nothing more is to be done about it, as far as this version. Raises Faulted."""
    with faults():
        conn.execute(_FORGET, (consent_id, version))


def withheld_by(conn: Conn, consent_id: str, limit: int) -> list[Withheld]:
    """Messages that a lock kept from somebody, in the order of their receipt. Raises Faulted."""
    with faults():
        rows = conn.execute(_MESSAGES, (consent_id, limit)).fetchall()
    return [Withheld(Stored(*row[:-3]), row[-3], row[-2], tuple(row[-1])) for row in rows]


def allow(conn: Conn, one: Withheld, now_us: int) -> None:
    """Let it pass transit once more, only for those it was kept from. Raises Faulted."""
    recipients = list(one.recipients)
    with faults(), conn.transaction():
        if not conn.execute(_AGAIN, (recipients, now_us, one.part, one.off, one.stored.event_id)).rowcount:
            conn.execute(_ALLOW, (one.part, one.off, one.stored.event_id, recipients, now_us))


def passed(conn: Conn, one: Withheld) -> None:
    """It is on its way: what keeps it back now is written anew. Raises Faulted."""
    with faults():
        conn.execute(_DONE, (texts(one.recipients), one.stored.event_id))


def noted(rows: Sequence[tuple[str, int, int, str]]) -> tuple[str, str, str, str]:
    """The values of ``NOTED``."""
    return texts([r[0] for r in rows]), ints(r[1] for r in rows), ints(r[2] for r in rows), texts([r[3] for r in rows])
