"""What a person must look at: messages that were refused or cannot reach somebody, deliveries refused or held for who the patient is.

A message is kept under its event id, however often it came; it leaves the list when it has passed. A delivery's id is ``event:recipient``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from psycopg.rows import class_row

from hub.errors import ANSWERS, Reason
from hub.ledger.connect import Conn, faults
from hub.model import AttemptOutcome

NEWS: Final = "hub_redrive"  # NOTIFY with the recipient whose parked deliveries changed
_LIST_MAX: Final = 10_000
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPEN: Final = """
FROM message m WHERE {} AND NOT EXISTS (SELECT 1 FROM redrive r WHERE r.part = m.part AND r.off = m.off AND r.done_off IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM message p WHERE p.event_id = m.event_id AND p.outcome IN ('routed', 'no_recipient') AND p.reason = '')"""
_COLUMNS: Final = """
m.event_id::text AS id, min(m.received_us) AS received_us, max(m.decided_us) AS decided_us, count(*) AS times, min(m.adapter) AS adapter,
min(m.provider) AS provider, min(m.control_id) AS control_id, min(m.trigger) AS trigger, max(m.outcome) AS outcome,
(array_agg(m.reason ORDER BY m.decided_us DESC))[1] AS reason, (array_agg(m.place ORDER BY m.decided_us DESC))[1] AS place,
EXISTS (SELECT 1 FROM redrive q WHERE q.event_id = m.event_id AND q.done_off IS NULL) AS is_redriven"""
_LIST: Final = f"""
SELECT {_COLUMNS} {_OPEN.format("(m.outcome = 'quarantined' OR (m.reason <> '' AND m.outcome <> 'quarantined'))")}
GROUP BY m.event_id ORDER BY decided_us DESC LIMIT %s"""
_ONE: Final = f"SELECT {_COLUMNS} {_OPEN.format('m.event_id = %s AND m.reason <> %s')} GROUP BY m.event_id"
_CONTENT: Final = """
SELECT part, off, adapter, provider, encoding, received_us, answer, raw FROM message
WHERE event_id = %s AND reason <> '' ORDER BY length(raw) DESC, decided_us DESC LIMIT 1"""
_SOURCE: Final = """
SELECT part, off, adapter, provider, encoding, received_us, answer, raw FROM message WHERE part = %s AND off = %s"""
_PARKED: Final = """
SELECT event_id::text || ':' || recipient AS id, recipient, part, off, received_us, attempts, channel, form, detail, kind, parked AS code,
       dropped
FROM outbox WHERE parked <> ''"""
_ALLOW: Final = """
INSERT INTO redrive (part, off, event_id, recipients, asked_us)
SELECT m.part, m.off, %s::uuid, %s::text[], %s::bigint FROM message m WHERE m.event_id = %s AND m.reason <> ''
ON CONFLICT (part, off) DO UPDATE SET event_id = EXCLUDED.event_id, recipients = EXCLUDED.recipients, asked_us = EXCLUDED.asked_us,
    done_part = NULL, done_off = NULL"""
_AGAIN: Final = "UPDATE outbox SET parked = '', next_us = 0 WHERE part = %s AND off = %s AND recipient = %s AND parked <> ''"
_REMAKE: Final = """
UPDATE outbox SET channel = %s, form = %s, payload = %s, copy_id = %s, parked = '', next_us = 0
WHERE part = %s AND off = %s AND recipient = %s AND parked <> ''"""
_BUNDLE: Final = "INSERT INTO bundle (bundle_id, part, off) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_RELEASE: Final = """
WITH gone AS (DELETE FROM outbox WHERE part = %s AND off = %s AND recipient = %s AND parked <> '' RETURNING part, off, recipient, attempts)
INSERT INTO attempt (part, off, recipient, n, started_us, ended_us, outcome, code)
SELECT part, off, recipient, attempts + 1, %s::bigint, %s::bigint, %s::text, 'released' FROM gone"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in quarantine. times: how often it came. is_redriven: an operator sent it in again, and it is not decided yet.

    outcome: ``quarantined``, or ``routed`` for one that could not be made into what the recipients in ``place`` take.
    """

    id: str
    received_us: int
    decided_us: int
    times: int
    adapter: str
    provider: str
    control_id: str = field(repr=False)
    trigger: str = field(repr=False)
    outcome: str
    reason: str
    place: str
    is_redriven: bool

    @property
    def act(self) -> str:
        """What a person can do about it."""
        return ANSWERS[Reason(self.reason)].act

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom it could not reach; () = it reached nobody."""
        return tuple(self.place.split(",")) if self.outcome != "quarantined" else ()


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a kept message and how they came."""

    part: int
    off: int
    adapter: str
    provider: str
    encoding: str
    received_us: int
    answer: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parked:
    """A delivery its receiver refused, that has a form it no longer takes, or that is held until somebody says who the patient is.

    code: the receiver's answer, ``form_changed``, ``not_redactable``, or the rule.
    """

    id: str
    recipient: str
    part: int
    off: int
    received_us: int
    attempts: int
    channel: str
    form: str
    detail: str
    kind: str
    code: str
    dropped: list[str]  # keys of the items that it is without

    @property
    def event_id(self) -> str:
        """Of the message it is of."""
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Remade:
    """What a delivery is to be instead. bundle_id: of a FHIR Bundle, "" = it is none. copy_id: of one without some of its items."""

    channel: str
    form: str
    payload: bytes = field(repr=False)
    bundle_id: str
    copy_id: str = ""


def list_kept(conn: Conn, limit: int = _LIST_MAX) -> list[Kept]:
    """Messages in quarantine, the latest first. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(_LIST, (limit,)).fetchall()


def find_kept(conn: Conn, event_id: str) -> Kept | None:
    """One of them. Raises Faulted."""
    if not _UUID.fullmatch(event_id):
        return None
    with faults(), conn.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(_ONE, (event_id, "")).fetchone()


def content(conn: Conn, event_id: str) -> Content | None:
    """The bytes of one of them. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Content)) as cursor:
        return cursor.execute(_CONTENT, (event_id,)).fetchone()


def source(conn: Conn, parked: Parked) -> Content | None:
    """The bytes of the message that a parked delivery is of. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Content)) as cursor:
        return cursor.execute(_SOURCE, (parked.part, parked.off)).fetchone()


def list_parked(conn: Conn, limit: int = _LIST_MAX) -> list[Parked]:
    """Parked deliveries, the oldest first. Raises Faulted."""
    with faults(), conn.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute(f"{_PARKED} ORDER BY received_us LIMIT %s".encode(), (limit,)).fetchall()


def find_parked(conn: Conn, delivery_id: str) -> Parked | None:
    """One of them, by ``event:recipient``. Raises Faulted."""
    event_id, _, recipient = delivery_id.partition(":")
    if not _UUID.fullmatch(event_id):
        return None
    query = f"{_PARKED} AND event_id = %s AND recipient = %s"
    with faults(), conn.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute(query.encode(), (event_id, recipient)).fetchone()


def allow_again(conn: Conn, kept_id: str, event_id: str, recipients: Sequence[str], now_us: int) -> None:
    """Let the message pass transit once more, under the event id it will have (another one when its sender is known only now).

    recipients: only for these; empty = for all. Raises Faulted.
    """
    with faults():
        conn.execute(_ALLOW, (event_id, list(recipients), now_us, kept_id))


def redrive_delivery(conn: Conn, parked: Parked) -> bool:
    """Try a parked delivery again, now; consent is asked again as at every attempt. False = it is parked no more. Raises Faulted."""
    with faults(), conn.transaction():
        done = conn.execute(_AGAIN, (parked.part, parked.off, parked.recipient)).rowcount > 0
        conn.execute("SELECT pg_notify(%s, %s)", (NEWS, parked.recipient))
    return done


def remake_delivery(conn: Conn, parked: Parked, remade: Remade) -> bool:
    """``redrive_delivery`` of one that is made anew: its place, and so its order, and its ids stay. Raises Faulted."""
    with faults(), conn.transaction():
        place = (parked.part, parked.off, parked.recipient)
        done = conn.execute(_REMAKE, (remade.channel, remade.form, remade.payload, remade.copy_id, *place)).rowcount > 0
        if done and remade.bundle_id:
            conn.execute(_BUNDLE, (remade.bundle_id, parked.part, parked.off))
        conn.execute("SELECT pg_notify(%s, %s)", (NEWS, parked.recipient))
    return done


def release_delivery(conn: Conn, parked: Parked, now_us: int) -> bool:
    """Give a parked delivery up, so that the patient's later ones go on. False = it is parked no more. Raises Faulted."""
    with faults(), conn.transaction():
        values = (parked.part, parked.off, parked.recipient, now_us, now_us, AttemptOutcome.DISCARDED.value)
        done = conn.execute(_RELEASE, values).rowcount > 0
        conn.execute("SELECT pg_notify(%s, %s)", (NEWS, parked.recipient))
    return done
