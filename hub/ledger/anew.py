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
from hub.ledger.stored import COLUMNS, Stored
from hub.model import Item

_SOURCE: Final = f"SELECT {COLUMNS} FROM message m WHERE m.part = %s AND m.off = %s"  # noqa: S608  # a constant
_SEEN: Final = "UPDATE outbox SET items = %s WHERE part = %s AND off = %s AND recipient = %s"
_MADE: Final = """
UPDATE outbox SET items = %s, payload = %s, detail = %s, dropped = %s::text[], copy_id = %s
WHERE part = %s AND off = %s AND recipient = %s"""
KNOWN_AS: Final = "INSERT INTO bundle (bundle_id, part, off) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


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
                await conn.execute(KNOWN_AS, (name, place.part, place.off))
