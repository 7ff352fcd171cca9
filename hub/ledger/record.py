"""The record of decisions, disclosures, readings and emergencies, searched: by patient, by message, by recipient and time, by time.

Every way in is an index (migrations 0015, 0020): what is asked of a table of national size reads what it tells of and little more. A page
begins at a time and after so many of that time: rows are only ever added, so where it was left off stays where it was.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from psycopg.rows import namedtuple_row

from hub.identity import derived_id
from hub.ledger.arrays import ints, texts
from hub.ledger.connect import Conn, faults
from hub.ledger.disclosures import NOT_SENT, SENT, TOLD, Attempt, Disclosure, UnderWay, disclosure
from hub.ledger.emergencies import Emergency, Step, search_emergencies
from hub.ledger.stored import WHOSE

FOREVER_US: Final = 2**62
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RECIPIENTS_ID: Final = re.compile(r"(\d{1,18})\.[0-9a-f]{16}", re.ASCII)
_SESSION: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
_TOLD: Final = "NOT (outcome = 'failed' AND code = ANY (%(not_sent)s)) AND (NOT %(only_sent)s OR outcome = ANY (%(sent)s))"
_OF_MESSAGES: Final = f"""
SELECT f.fact, f.at_us, m.part, m.off, d.recipient, f.n, f.consent_id, f.version
FROM (SELECT part, off, decided_us, provider FROM message m WHERE {{}}) m
CROSS JOIN LATERAL (SELECT recipient, because FROM decision WHERE part = m.part AND off = m.off OFFSET 0) d
CROSS JOIN LATERAL (
    SELECT 1 AS fact, m.decided_us AS at_us, 0 AS n, '' AS consent_id, 0 AS version WHERE NOT %(only_sent)s
    UNION ALL SELECT 2, ended_us, n, '', 0 FROM attempt WHERE part = m.part AND off = m.off AND recipient = d.recipient AND {_TOLD}
    UNION ALL SELECT 3, noted_us, 0, consent_id, version FROM disclosure
              WHERE part = m.part AND off = m.off AND recipient = d.recipient AND NOT %(only_sent)s) f
WHERE f.at_us >= %(from_us)s AND f.at_us < %(to_us)s
  AND (%(agent)s = '' OR d.recipient = %(agent)s OR m.provider = %(agent)s AND NOT %(only_sent)s)
  AND (%(consent)s = '' OR f.consent_id = %(consent)s AND %(version)s IN (0, f.version)
       OR EXISTS (SELECT 1 FROM unnest(d.because) AS b WHERE starts_with(b, %(consent)s || '/')
                  AND (%(version)s = 0 OR b = %(consent)s || '/' || %(version)s)))
ORDER BY f.at_us DESC, f.fact, m.part DESC, m.off DESC, d.recipient, f.n DESC, f.consent_id, f.version LIMIT %(limit)s"""  # noqa: S608
_BY_PATIENT: Final = f"{WHOSE} = ANY (%(patients)s::text[])"
_BY_EVENT: Final = "event_id = %(event)s::uuid"
_DECIDED: Final = """
SELECT 1 AS fact, m.decided_us AS at_us, m.part, m.off, d.recipient, 0 AS n, '' AS consent_id, 0 AS version
FROM (SELECT part, off, decided_us, provider FROM message WHERE decided_us >= %(from_us)s AND decided_us < %(to_us)s
      ORDER BY decided_us DESC, part DESC, off DESC) m
CROSS JOIN LATERAL (SELECT recipient FROM decision WHERE part = m.part AND off = m.off OFFSET 0) d
WHERE (%(agent)s = '' OR d.recipient = %(agent)s OR m.provider = %(agent)s)
ORDER BY m.decided_us DESC, m.part DESC, m.off DESC, d.recipient LIMIT %(limit)s"""
_RECIPIENTS: Final = """
WITH RECURSIVE r(recipient) AS ((SELECT recipient FROM attempt ORDER BY recipient LIMIT 1) UNION ALL
    SELECT (SELECT a.recipient FROM attempt a WHERE a.recipient > r.recipient ORDER BY a.recipient LIMIT 1) FROM r
    WHERE r.recipient IS NOT NULL)
SELECT recipient FROM r WHERE recipient IS NOT NULL"""
_ATTEMPTED: Final = f"""
SELECT 2 AS fact, a.ended_us AS at_us, a.part, a.off, a.recipient, a.n, '' AS consent_id, 0 AS version
FROM unnest(%(recipients)s::text[]) AS r(recipient) CROSS JOIN LATERAL (
    SELECT part, off, recipient, n, ended_us FROM attempt t
    WHERE recipient = r.recipient AND ended_us >= %(from_us)s AND ended_us < %(to_us)s AND {_TOLD}
      AND (%(agent)s = '' OR recipient = %(agent)s
           OR (SELECT provider FROM message m WHERE m.part = t.part AND m.off = t.off) = %(agent)s)
    ORDER BY ended_us DESC, part DESC, off DESC, n DESC LIMIT %(limit)s) a
ORDER BY a.ended_us DESC, a.part DESC, a.off DESC, a.recipient, a.n DESC LIMIT %(limit)s"""  # noqa: S608  # a constant
_LATE: Final = """
SELECT 3 AS fact, noted_us AS at_us, part, off, recipient, 0 AS n, consent_id, version FROM disclosure x
WHERE noted_us >= %(from_us)s AND noted_us < %(to_us)s AND (%(agent)s = '' OR recipient = %(agent)s
      OR (SELECT provider FROM message m WHERE m.part = x.part AND m.off = x.off) = %(agent)s)
ORDER BY noted_us DESC, part DESC, off DESC, recipient, consent_id, version LIMIT %(limit)s"""
_READ: Final = """
SELECT a.id::text, a.at_us, a.role, a.who, a.address, a.interaction, a.query, coalesce(p.key, '') AS patient_key
FROM audit_access a LEFT JOIN LATERAL unnest(a.patient_keys) AS p(key) ON true
WHERE {} AND a.at_us >= %(from_us)s AND a.at_us < %(to_us)s AND (%(agent)s = '' OR a.who = %(agent)s)
ORDER BY a.at_us DESC, a.id, p.key LIMIT %(limit)s"""
_READ_OF: Final = "a.patient_keys && %(patients)s::text[] AND p.key = ANY (%(patients)s::text[])"
_WHOLE: Final = f"""
SELECT {TOLD} FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w(part, off, recipient)
CROSS JOIN LATERAL (SELECT * FROM message WHERE part = w.part AND off = w.off OFFSET 0) m
CROSS JOIN LATERAL (SELECT * FROM decision WHERE part = w.part AND off = w.off AND recipient = w.recipient OFFSET 0) d"""  # noqa: S608
_ACCESS_BY_ID: Final = "a.id = %(access)s::uuid"
_KEEP: Final = """
INSERT INTO audit_access (id, at_us, role, who, address, interaction, query, patient_keys)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""


class Fact(IntEnum):
    """What a record is of, in the order of one moment."""

    DECIDED = 1  # in transit, for one recipient
    ATTEMPTED = 2  # a delivery was tried, or asked about again and refused
    LATE = 3  # a send was under way when a consent came into force
    READ = 4  # somebody read this record
    EMERGENCY = 5  # emergency access was asked for, used or ended


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody read the record. who: a provider's id or a patient's key, "" = an administrator. query: the patient in it by key."""

    at_us: int
    role: str
    who: str
    address: str
    interaction: str
    query: str

    def id_of(self) -> str:
        """Derived, as every id."""
        return derived_id("access", str(self.at_us), self.role, self.who, self.address, self.interaction, self.query)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to be told as one AuditEvent, of one patient at most. told: the message and recipient it is about."""

    id: str
    fact: Fact
    at_us: int
    patient_key: str
    told: Disclosure | None = None
    attempt: Attempt | None = None
    late: UnderWay | None = None
    access: Access | None = None
    emergency: Emergency | None = None

    @property
    def is_disclosure(self) -> bool:
        """Whether something left the hub, or may have."""
        return self.disclosed_to != ""

    @property
    def disclosed_to(self) -> str:
        """The provider that was given something, or may have been; "" = none."""
        if self.emergency is not None:
            return self.emergency.who.provider if self.emergency.step is Step.READ else ""
        return self.told.recipient if self.told is not None and self.attempt is not None and self.attempt.is_disclosure else ""

    @property
    def known_as(self) -> str:
        """The event id by which the recipient of a disclosure knows it; "" where nobody knows under which it had a copy."""
        assert self.told is not None
        copy = self.told.copy_of(self.attempt) if self.attempt else None
        return self.told.event_id if copy is None or not copy.is_part else copy.copy_id

    @property
    def delivery(self) -> str:
        """What its recipient may know the delivery of this message to it by: nothing of the message is in it."""
        assert self.told is not None
        return _short(str(self.told.part), str(self.told.off), self.told.recipient)

    @property
    def recipients_id(self) -> str:
        """The id of a disclosure for its recipient: when, and which."""
        if self.emergency is not None:
            return f"{self.at_us}.{_short(self.emergency.id)}"
        return f"{self.at_us}.{_short(self.delivery, str(self.attempt.n if self.attempt else 0))}"


@dataclass(frozen=True, slots=True)
class Sought:
    """What is searched for; None or "" = any. patients: every key of one person. only_to: disclosures to this provider and nothing else.

    from_us: that moment and later; to_us: before that. skip: so many of the latest moment were told already.
    """

    patients: frozenset[str] | None = None
    agent: str = ""
    only_to: str = ""
    event_id: str = ""
    consent_id: str = ""
    consent_version: int = 0
    from_us: int = 0
    to_us: int = FOREVER_US
    skip: int = 0
    count: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Records, the latest first. next: where the following page begins (to_us, skip); None = there is none."""

    records: tuple[Record, ...]
    next: tuple[int, int] | None = field(default=None)


def search(conn: Conn, sought: Sought) -> Page:
    """One page. Raises Faulted."""
    with faults(), conn.transaction():
        conn.execute(_SESSION)
        every = _places(conn, sought) + _readings(conn, sought) + _emergencies(conn, sought)
        found = sorted(every, key=lambda r: (-r.at_us, r.fact))  # stable: each is in its order
        records = _records(conn, found[sought.skip : sought.skip + sought.count])
        if len(found) <= sought.skip + sought.count or not records:
            return Page(tuple(records))
        last_us = records[-1].at_us
        told = sum(r.at_us == last_us for r in islice(found, sought.skip + sought.count))
        return Page(tuple(records), (last_us + 1, told))


def find(conn: Conn, record_id: str) -> Record | None:
    """The record with this id. Raises Faulted."""
    whose = record_id.partition(".")[0]
    if not _UUID.fullmatch(whose):
        return None
    with faults(), conn.transaction():
        conn.execute(_SESSION)
        values = _values(Sought(event_id=whose, count=10_000))
        found = _fetch(conn, _OF_MESSAGES.format(_BY_EVENT), values) + _fetch(conn, _READ.format(_ACCESS_BY_ID), values | {"access": whose})
        found += map(_emergency, search_emergencies(conn, "id = %(event)s::uuid", values))
        return next((r for r in _records(conn, found) if r.id == record_id), None)


def find_given(conn: Conn, recipients_id: str, recipient: str) -> Record | None:
    """The disclosure to this recipient with this id of its. Raises Faulted."""
    at = _RECIPIENTS_ID.fullmatch(recipients_id)
    if at is None:
        return None
    at_us = int(at[1])
    with faults(), conn.transaction():
        conn.execute(_SESSION)
        sought = Sought(only_to=recipient, from_us=at_us, to_us=at_us + 1, count=10_000)
        found = _places(conn, sought) + _emergencies(conn, sought)
        return next((r for r in _records(conn, found) if r.recipients_id == recipients_id), None)


def keep_access(conn: Conn, access: Access, patients: Iterable[str]) -> None:
    """Record that somebody read of these patients. Raises Faulted."""
    columns = (access.at_us, access.role, access.who, access.address, access.interaction, access.query)
    with faults():
        conn.execute(_KEEP, (access.id_of(), *columns, sorted(set(patients))))


def _values(sought: Sought) -> dict[str, object]:
    return {
        "patients": texts(sorted(sought.patients or ())),
        "event": sought.event_id or None,
        "agent": sought.only_to or sought.agent,
        "only_sent": bool(sought.only_to),
        "consent": sought.consent_id,
        "version": sought.consent_version,
        "from_us": sought.from_us,
        "to_us": sought.to_us,
        "limit": sought.skip + sought.count + 1,
        "not_sent": sorted(NOT_SENT),
        "sent": sorted(SENT),
    }


def _places(conn: Conn, sought: Sought) -> list[Any]:
    """What there is of messages and their recipients, in the order of a page."""
    values = _values(sought)
    if sought.patients is not None or sought.event_id:
        by = [_BY_PATIENT] * (sought.patients is not None) + [_BY_EVENT] * bool(sought.event_id)
        return _fetch(conn, _OF_MESSAGES.format(" AND ".join(by)), values)
    if sought.only_to:
        return _fetch(conn, _ATTEMPTED, values | {"recipients": texts([sought.only_to])})
    recipients = texts([recipient for (recipient,) in conn.execute(_RECIPIENTS)])
    attempted = _fetch(conn, _ATTEMPTED, values | {"recipients": recipients})
    return _fetch(conn, _DECIDED, values) + attempted + _fetch(conn, _LATE, values)


def _readings(conn: Conn, sought: Sought) -> list[Any]:
    if sought.only_to or sought.event_id or sought.consent_id:
        return []
    return _fetch(conn, _READ.format("true" if sought.patients is None else _READ_OF), _values(sought))


def _emergencies(conn: Conn, sought: Sought) -> list[Any]:
    by = ["provider = %(agent)s"] * bool(sought.only_to) + ["patient_key = ANY (%(patients)s::text[])"] * (sought.patients is not None)
    by += ["events @> ARRAY[%(event)s::uuid]"] * bool(sought.event_id)
    return [_emergency(e) for e in search_emergencies(conn, " AND ".join(by) or "true", _values(sought))]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A row of ``_READ``."""

    id: str
    at_us: int
    patient_key: str
    access: Access
    fact: int = Fact.READ


def _fetch(conn: Conn, query: str, values: Mapping[str, object]) -> list[Any]:
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        rows: Sequence[Any] = cursor.execute(query.encode(), values).fetchall()
    if rows and hasattr(rows[0], "interaction"):
        return [_Reading(r.id, r.at_us, r.patient_key, Access(r.at_us, r.role, r.who, r.address, r.interaction, r.query)) for r in rows]
    return list(rows)


def _records(conn: Conn, found: Sequence[Any]) -> list[Record]:
    places = list({(f.part, f.off, f.recipient) for f in found if f.fact < Fact.READ})
    columns = (ints(p for p, _, _ in places), ints(o for _, o, _ in places), texts([r for _, _, r in places]))
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(_WHOLE, columns).fetchall() if places else []
    told = {(d.part, d.off, d.recipient): d for d in map(disclosure, rows)}
    return [f if isinstance(f, Record) else _as_record(f, told) for f in found]


def _as_record(found: Any, told: Mapping[tuple[int, int, str], Disclosure]) -> Record:
    return _reading(found) if found.fact == Fact.READ else _record(found, told[found.part, found.off, found.recipient])


def _record(found: Any, told: Disclosure) -> Record:
    fact = Fact(found.fact)
    attempt = next((a for a in told.attempts if a.n == found.n), None) if fact is Fact.ATTEMPTED else None
    late = next((u for u in told.under_way if (u.consent_id, u.version) == (found.consent_id, found.version)), None)
    what = (fact.name, str(found.part), str(found.off), found.recipient, str(found.n), found.consent_id, str(found.version))
    return Record(
        f"{told.event_id}.{_short(*what)}", fact, found.at_us, told.patient_key, told, attempt, late if fact is Fact.LATE else None
    )


def _reading(found: _Reading) -> Record:
    return Record(f"{found.id}.{_short('READ', found.patient_key)}", Fact.READ, found.at_us, found.patient_key, access=found.access)


def _emergency(found: Emergency) -> Record:
    return Record(f"{found.id}.{_short('EMERGENCY')}", Fact.EMERGENCY, found.at_us, found.patient_key, emergency=found)


def _short(*parts: str) -> str:
    """What tells apart records of one message: an offset would tell how many messages there are."""
    return sha256("\x1f".join(parts).encode()).hexdigest()[:16]
