"""One message as its sender may ask about it: whether it has been decided, and what became of it as a whole."""

import re
from dataclasses import dataclass, field
from typing import Final

from psycopg.rows import class_row

from hub.errors import Reason
from hub.ledger.connect import Conn, faults
from hub.model import Outcome, Refusal

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAKEN: Final = """
SELECT provider, outcome, reason, place, decided_us, raw FROM message
WHERE event_id = %s AND adapter = %s AND outcome <> %s ORDER BY decided_us DESC, part, off LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decided message."""

    provider: str
    outcome: str
    reason: str
    place: str
    decided_us: int
    raw: bytes = field(repr=False)

    @property
    def is_refused(self) -> bool:
        """Whether it was refused as a whole."""
        return self.outcome == Outcome.QUARANTINED

    @property
    def refusal(self) -> Refusal | None:
        """Why it was refused; or why a part of it could not be done, which names no recipient."""
        return Refusal(Reason(self.reason), self.place if self.is_refused else "") if self.reason else None


def taken(conn: Conn, event_id: str, adapter: str) -> Taken | None:
    """The message of this event id that came by this adapter; None while it is not decided, or when there is none. Raises Faulted."""
    if not _UUID.fullmatch(event_id):
        return None
    with faults(), conn.cursor(row_factory=class_row(Taken)) as cursor:
        return cursor.execute(_TAKEN, (event_id, adapter, Outcome.REPEAT.value)).fetchone()
