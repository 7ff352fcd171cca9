"""The past as it was decided: what was known of each message then, and what was decided."""

import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row

from hub.ledger.arrays import texts
from hub.ledger.connect import AsyncConn, Conn, faults
from hub.ledger.stored import COLUMNS, WHOSE, Stored
from hub.model import Adapter, Event, Identifier, Kind, PatientState

ROWS: Final = 10_000  # messages read at once
_ALIKE_MAX: Final = 50_000  # facts that are remembered: a patient's messages are much alike
# A message that passed once more for some of its recipients is decided where it passed first. What is much the same from message to
# message comes as one text: to make a column of each, and of each array an object, costs more than all the rest.
_PAST: Final = """
SELECT m.part, m.off, m.event_id::text, m.patient_key, m.decided_us, m.received_us, m.occurred_us,
       json_build_array(m.adapter, m.kind, m.provider, m.municipality, m.ward, m.encounter_class, m.labels, m.addressed, m.gps, m.pathway,
                        m.unresolved, convert_from(m.items, 'UTF8'), d.recipients, d.rules)::text
FROM message m CROSS JOIN LATERAL
     (SELECT array_agg(recipient) AS recipients, array_agg(rule) AS rules FROM decision WHERE part = m.part AND off = m.off) d
WHERE """
_DECIDED: Final = f"""{_PAST}m.decided_us >= %(since)s AND m.kind <> '' AND {{}}
      AND NOT EXISTS (SELECT 1 FROM redrive r WHERE r.done_part = m.part AND r.done_off = m.off AND r.recipients <> '{{{{}}}}')"""  # noqa: S608  # a constant
_ONE: Final = f"{_PAST}m.part = %s AND m.off = %s"
_STORED: Final = f"SELECT {COLUMNS} FROM message m WHERE m.part = %s AND m.off = %s"  # noqa: S608  # a constant


class Facts(NamedTuple):
    """What of a message and its patient decides whom it may go to."""

    adapter: str
    kind: str
    source: str
    municipality: str
    ward: str
    encounter_class: str
    labels: tuple[str, ...]
    addressed: tuple[str, ...]
    gps: tuple[str, ...]  # system, value, system, value ...
    pathway: tuple[str, ...]
    unresolved: bool
    items: bytes  # packed; empty = it was asked about whole

    def state(self) -> PatientState:
        """The patient as remembered before the message."""
        return PatientState(self.municipality, self.doctors(), frozenset(self.pathway), self.unresolved)

    def doctors(self) -> tuple[Identifier, ...]:
        """The patient's GPs: the message's own, else those remembered."""
        return tuple(map(Identifier, self.gps[::2], self.gps[1::2]))


class Past(NamedTuple):
    """One message as it was decided. facts: None = it was decided before they were kept. recorded: (recipient, rule) of each decision."""

    part: int
    off: int
    event_id: str
    patient_key: str
    decided_us: int
    received_us: int
    occurred_us: int
    facts: Facts | None
    recorded: frozenset[tuple[str, str]]

    def event(self, facts: Facts) -> Event:
        """What it meant, as far as it was kept: without its patient's identifiers and its control id."""
        f = facts
        return Event(
            self.event_id, Kind(f.kind), Adapter(f.adapter), f.source, "", self.patient_key, (), self.received_us, self.occurred_us,
            f.addressed, f.municipality, f.doctors(), f.ward, f.encounter_class, labels=f.labels,
        )  # fmt: skip


def past(conn: Conn, since_us: int, keys: Collection[str] | None = None) -> Iterator[list[Past]]:
    """Every message decided since, or those of some patients, some at a time. Inside a transaction of the caller's. Raises Faulted.

    keys: patient keys as they stand in the messages; see ``keys_ever``.
    """
    whose = "true" if keys is None else f"{WHOSE} = ANY (%(keys)s::text[])"
    with faults(), conn.cursor("past", binary=True) as cursor:
        cursor.itersize = ROWS
        cursor.execute(_DECIDED.format(whose).encode(), {"since": since_us, "keys": texts(keys or ())})
        while rows := cursor.fetchmany(ROWS):
            yield [_past(*row) for row in rows]


async def one(conn: AsyncConn, part: int, off: int) -> Past | None:
    """One message as it was decided. Raises Faulted."""
    with faults():
        row = await (await conn.execute(_ONE, (part, off), binary=True)).fetchone()
    return _past(*row) if row else None


def _past(*row: Any) -> Past:
    part, off, event_id, patient, decided, received, occurred, known = row
    facts, recorded = _known(known)
    return Past(part, off, event_id, patient, decided, received, occurred or 0, None if occurred is None else facts, recorded)


@lru_cache(maxsize=_ALIKE_MAX)
def _known(text: str) -> tuple[Facts | None, frozenset[tuple[str, str]]]:
    """One object for all that are the same; None for facts that were not kept."""
    adapter, kind, source, town, ward, cls, labels, addressed, gps, pathway, unresolved, items, recipients, rules = json.loads(text)
    recorded = frozenset(zip(recipients or (), rules or (), strict=True))
    if items is None:
        return None, recorded
    several = tuple(labels), tuple(addressed), tuple(gps), tuple(pathway)
    return Facts(adapter, kind, source, town, ward, cls, *several, unresolved, items.encode()), recorded


def stored(conn: Conn, message: Past) -> Stored:
    """The message itself, to be read again. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Stored)) as cursor:
        row = cursor.execute(_STORED, (message.part, message.off)).fetchone()
    if row is None:
        raise LookupError
    return row


def keys_ever(conn: Conn, keys: Collection[str]) -> frozenset[str]:
    """Patient keys with those that merges retired in their favour: a message keeps the one it was decided under. Raises Faulted."""
    query = "SELECT link_key FROM identity WHERE patient_key = ANY (%s::text[])"  # a patient's key is the link key of its first identifier
    with faults():
        return frozenset(keys).union(key for (key,) in conn.execute(query, (texts(keys),)))
