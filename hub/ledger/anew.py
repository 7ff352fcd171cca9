"""A delivery whose bytes are made anew, in its place and so in its order: the message it is of is read again, and its row is changed.

Nothing is sent by what is written here: the delivery is asked about again, with what it is then, before it may be sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from psycopg.rows import class_row

from hub.ledger.connect import AsyncConn, faults
from hub.ledger.itemised import packed
from hub.ledger.outbox import Place
from hub.model import Item

_SOURCE: Final = """
SELECT event_id::text, adapter, provider, application, sender, control_id, trigger, patient_key, received_us, encoding, raw, answer
FROM message WHERE part = %s AND off = %s"""
_SEEN: Final = "UPDATE outbox SET items = %s WHERE part = %s AND off = %s AND recipient = %s"
_MADE: Final = """
UPDATE outbox SET items = %s, payload = %s, detail = %s, dropped = %s::text[], copy_id = %s
WHERE part = %s AND off = %s AND recipient = %s"""
_KNOWN_AS: Final = "INSERT INTO bundle (bundle_id, part, off) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it was recorded: the columns of its row."""

    event_id: str
    adapter: str
    provider: str
    application: str = field(repr=False)
    sender: str = field(repr=False)
    control_id: str = field(repr=False)
    trigger: str = field(repr=False)
    patient_key: str
    received_us: int
    encoding: str
    raw: bytes = field(repr=False)
    answer: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a delivery is to be instead. known_as: the ids that its recipient will know it by."""

    payload: bytes = field(repr=False)
    detail: str
    dropped: tuple[str, ...]
    copy_id: str
    known_as: tuple[str, ...]


async def stored(conn: AsyncConn, place: Place) -> Stored | None:
    """The message that a delivery is of. Raises Faulted."""
    with faults():
        async with conn.cursor(row_factory=class_row(Stored)) as cursor:
            await cursor.execute(_SOURCE, (place.part, place.off))
            return await cursor.fetchone()


async def write(conn: AsyncConn, place: Place, items: Iterable[Item], made: Made | None) -> None:
    """Record the items, and the bytes where they were made anew; a delivery that is gone stays gone. Raises Faulted."""
    with faults():
        async with conn.transaction():
            if made is None:
                await conn.execute(_SEEN, (packed(items), *place))
                return
            values = (packed(items), made.payload, made.detail, list(made.dropped), made.copy_id)
            await conn.execute(_MADE, (*values, *place))
            for name in made.known_as:
                await conn.execute(_KNOWN_AS, (name, place.part, place.off))
