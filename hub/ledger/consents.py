"""Consents: written through the gate, read by the keys of the patients they concern.

The gate is one advisory lock. Delivery holds it, shared, while it reads consents and claims what it will send; whoever writes a consent
holds it alone until its commit. So each claim was either made with the new version in sight or is in the ledger when the writer looks.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.types.json import Jsonb

from hub.ledger.arrays import ints, texts
from hub.ledger.asking import ASK, ASK_TELLING, WHOSE_NOW, asked
from hub.ledger.connect import Conn, faults
from hub.ledger.consent_rows import UNREADABLE, body_of, consent_of
from hub.ledger.outbox import TELLER, Asked, Place
from hub.model import Consent, Policy, Provision

GATE: Final = 7101
_POLL_SECONDS: Final = 0.005
_NOT_SENT: Final = ["connect", "tls", "plaintext", "form_changed"]  # codes of failed attempts in which no byte of the message left

_COLUMNS: Final = "c.id, c.version, c.active, c.body"
BY_KEY: Final = f"""
SELECT k.key, k.consent_id, {_COLUMNS} FROM consent_key k
LEFT JOIN LATERAL (SELECT * FROM consent WHERE id = k.consent_id ORDER BY version DESC LIMIT 1) c ON true
WHERE k.key = ANY (%s::text[])"""  # noqa: S608  # a constant
# Every version that concerns these patients, each under the key that was asked by: its own, or one that a merge has retired since.
THROUGH_TIME: Final = f"""
SELECT DISTINCT w.key, c.written_us, {_COLUMNS} FROM unnest(%s::text[]) AS w(key)
CROSS JOIN LATERAL (SELECT w.key AS patient_key UNION SELECT patient_key FROM identity WHERE link_key = w.key) p
JOIN identity i ON i.patient_key = p.patient_key CROSS JOIN LATERAL unnest(i.lock_keys) AS l(key)
JOIN consent_key k ON k.key = l.key JOIN consent c ON c.id = k.consent_id"""  # noqa: S608  # a constant
_LATEST: Final = f"SELECT {_COLUMNS}, c.written_us, c.resource FROM consent c WHERE c.id = %s ORDER BY c.version DESC"  # noqa: S608
_INSERT: Final = """
INSERT INTO consent (id, version, active, body, written_us, resource) VALUES (%s, %s, %s, %s, %s, %s)"""
_FIND: Final = "SELECT DISTINCT consent_id FROM consent_key WHERE key = ANY (%s::text[]) ORDER BY 1"
# Every send under way of the patients concerned, whatever was known of them when it was claimed. Look-ups: see ``asking``.
_UNDER_WAY: Final = """
SELECT c.id, u.part, u.off, u.recipient
FROM claim c CROSS JOIN LATERAL unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
CROSS JOIN LATERAL (SELECT patient_key, lock_keys FROM outbox
                    WHERE part = u.part AND off = u.off AND recipient = u.recipient OFFSET 0) o
LEFT JOIN LATERAL (SELECT true AS same FROM identity WHERE patient_key = o.patient_key AND lock_keys && %(keys)s::text[] LIMIT 1) i ON true
WHERE i.same OR o.lock_keys && %(keys)s::text[]"""
# The same of what a subscriber asked for again: it stands in no outbox.
_TELLING: Final = f"""
SELECT c.id, u.part, u.off, u.recipient
FROM claim c CROSS JOIN LATERAL unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
CROSS JOIN LATERAL (SELECT {WHOSE_NOW} AS patient_key FROM message m WHERE part = u.part AND off = u.off OFFSET 0) m
WHERE c.worker = '{TELLER}' AND EXISTS (
    SELECT 1 FROM identity i WHERE i.lock_keys && %(keys)s::text[] AND (i.patient_key = m.patient_key OR i.link_key = ANY (
        SELECT unnest(link_keys) FROM conflict WHERE part = u.part AND off = u.off)))"""  # noqa: S608  # constants
_STILL: Final = """
SELECT c.id, u.part, u.off, u.recipient
FROM claim c CROSS JOIN LATERAL unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient) WHERE c.id = ANY (%s::bigint[])"""
_SENT: Final = """
SELECT DISTINCT a.part, a.off, a.recipient FROM attempt a
JOIN unnest(%s::int[], %s::bigint[], %s::text[], %s::int[]) AS w(part, off, recipient, attempts) USING (part, off, recipient)
WHERE a.n > w.attempts AND a.outcome IN ('delivered', 'refused', 'failed', 'unknown') AND a.code <> ALL (%s)"""
_DISCLOSED: Final = """
INSERT INTO disclosure (consent_id, version, part, off, recipient, noted_us)
SELECT %s, %s, w.*, %s FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS w ON CONFLICT DO NOTHING"""

Judge = Callable[[Asked, Asked], bool]
"""Whether a version of a consent comes too late for a send under way: the delivery before that version and with it."""


class StaleVersionError(Exception):
    """Somebody else wrote this version, or a later one, first."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be brought into force. lock_keys: those of its patient. resource: as the patient wrote it."""

    consent: Consent
    lock_keys: Sequence[str]
    resource: Mapping[str, Any] = field(repr=False)
    now_us: int


@dataclass(frozen=True, slots=True)
class PutResult:
    """A consent in force. under_way: (event id, recipient) of the sends it came too late for, also in table ``disclosure``."""

    version: int
    under_way: tuple[tuple[str, str], ...]
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A version as stored, with the resource as its patient wrote it."""

    consent: Consent
    written_us: int
    resource: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Send:
    """One send under way when the consent came into force. attempts: how many had ended by then."""

    claim: int
    place: Place
    event_id: str
    attempts: int


def put_consent(conn: Conn, new: NewVersion, came_too_late: Judge, wait_seconds_max: float) -> PutResult:
    """Bring a version into force; when this returns, nothing it denies begins to be sent any more.

    Waits at most ``wait_seconds_max`` for the sends under way that it would have stopped, then says for which of them it came too late.
    Raises StaleVersionError, Faulted; after a Faulted it may be in force.
    """
    started, consent = time.monotonic(), new.consent
    with faults():
        sends = _write(conn, new, came_too_late)
        still = _wait(conn, sends, started + wait_seconds_max)
        too_late = [s for s in sends if s.place in still | _sent(conn, sends)]
        if too_late:
            conn.execute(_DISCLOSED, (consent.id, consent.version, new.now_us, *_arrays([s.place for s in too_late])))
    under_way = tuple(sorted({(s.event_id, s.place.recipient) for s in too_late}))
    return PutResult(consent.version, under_way, time.monotonic() - started if sends else 0.0)


def _write(conn: Conn, new: NewVersion, came_too_late: Judge) -> list[_Send]:
    """The transaction of the gate: write the version, and see which claims on the patient would not be made with it."""
    c, keys = new.consent, texts(new.lock_keys)
    body = Jsonb(body_of(c))
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (GATE,))
        latest = conn.execute("SELECT max(version) FROM consent WHERE id = %s", (c.id,)).fetchone()
        if latest and latest[0] is not None and latest[0] >= c.version:
            raise StaleVersionError
        claims = _claims(conn, _UNDER_WAY, keys)
        telling = _claims(conn, _TELLING, keys)
        before = _asked(conn, claims) | _asked(conn, telling, ASK_TELLING)
        conn.execute(_INSERT, (c.id, c.version, c.active, body, new.now_us, Jsonb(new.resource)))
        conn.execute("DELETE FROM consent_key WHERE consent_id = %s AND key <> ALL (%s)", (c.id, list(new.lock_keys)))
        insert = "INSERT INTO consent_key (key, consent_id) SELECT DISTINCT unnest(%s::text[]), %s ON CONFLICT DO NOTHING"
        conn.execute(insert, (keys, c.id))
        after = _asked(conn, claims) | _asked(conn, telling, ASK_TELLING)
    late = [asked.parcel for place, asked in after.items() if place in before and came_too_late(before[place], asked)]
    return [_Send(claim, p.place, p.event_id, p.attempts) for p in late for claim in (*claims.get(p.place, ()), *telling.get(p.place, ()))]


def _claims(conn: Conn, query: str, keys: str) -> dict[Place, list[int]]:
    """What is under way, by place: several on one, where an earlier owner of its partition may be sending it yet, or two are told of it."""
    found: dict[Place, list[int]] = {}
    for claim, *place in conn.execute(query.encode(), {"keys": keys}).fetchall():
        found.setdefault(Place(*place), []).append(claim)
    return found


def _asked(conn: Conn, places: Collection[Place], query: str = ASK) -> dict[Place, Asked]:
    """These deliveries as they would be asked about now."""
    if not places:
        return {}
    rows = conn.execute(query.encode(), _arrays(list(places)), binary=True).fetchall()
    return {a.parcel.place: a for a in map(asked, rows)}


def _wait(conn: Conn, sends: Sequence[_Send], deadline: float) -> set[Place]:
    """Wait until the claims no longer hold the places, or the time is over; the places still held."""
    held = {(s.claim, *s.place) for s in sends}
    while held:
        rows = conn.execute(_STILL, (ints({claim for claim, *_ in held}),)).fetchall()
        held &= set(rows)
        if not held or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    return {Place(part, off, recipient) for _, part, off, recipient in held}


def _sent(conn: Conn, sends: Sequence[_Send]) -> set[Place]:
    """Of the sends that were under way, those in which bytes may have left."""
    if not sends:
        return set()
    asked_of = (*_arrays([s.place for s in sends]), ints(s.attempts for s in sends), _NOT_SENT)
    return {Place(*place) for place in conn.execute(_SENT, asked_of)}


def _arrays(places: Sequence[Place]) -> tuple[str, str, str]:
    return ints(p.part for p in places), ints(p.off for p in places), texts([p.recipient for p in places])


def get_consent(conn: Conn, consent_id: str) -> StoredConsent | None:
    """The version in force. Raises Faulted."""
    return next(iter(_history(conn, consent_id, 1)), None)


def history(conn: Conn, consent_id: str) -> list[StoredConsent]:
    """Every version, the one in force first. Raises Faulted."""
    return _history(conn, consent_id, None)


def _history(conn: Conn, consent_id: str, limit: int | None) -> list[StoredConsent]:
    with faults():
        rows = conn.execute(f"{_LATEST} LIMIT %s", (consent_id, limit)).fetchall()
    return [StoredConsent(_shown(row[:4]), row[4], row[5]) for row in rows]


def _shown(columns: Sequence[Any]) -> Consent:
    """The row as a value; one that cannot be read as what it does until another version is written: it lets nothing through."""
    try:
        return consent_of(columns)
    except UNREADABLE:
        consent_id, version, active, _ = columns
        return Consent(consent_id, version, active, Provision(deny=True))


def find_consents(conn: Conn, keys: Collection[str]) -> list[StoredConsent]:
    """The versions in force stored under any of these keys, by id. Raises Faulted."""
    with faults():
        rows = conn.execute(_FIND, (texts(keys),)).fetchall()
    found = (get_consent(conn, consent_id) for (consent_id,) in rows)
    return [stored for stored in found if stored]


class Consents:
    """The consents in force under some keys, as read at one moment."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._found: Final[dict[str, list[Consent]]] = {}
        self._unreadable: Final[set[str]] = set()
        for key, _, *columns in rows:
            of_key = self._found.setdefault(key, [])
            try:
                of_key.append(consent_of(columns))
            except UNREADABLE:
                self._unreadable.add(key)

    def policy(self, keys: Iterable[str]) -> Policy:
        """Everything that concerns a patient with these lock keys."""
        if not self._found:
            return _NONE
        hits = [key for key in keys if key in self._found]
        if not hits:
            return _NONE
        consents = {c.id: c for key in hits for c in self._found[key]}
        return Policy(tuple(consents.values()), readable=self._unreadable.isdisjoint(hits))


_NONE: Final = Policy()


def policies(conn: Conn, groups: Sequence[Iterable[str]]) -> list[Policy]:
    """The policy of each group of lock keys (one group a patient). Raises Faulted."""
    wanted = [list(group) for group in groups]
    with faults():
        consents = Consents(conn.execute(BY_KEY, (texts({key for group in wanted for key in group}),)).fetchall())
    return [consents.policy(group) for group in wanted]


def lock_keys_of(conn: Conn, patient_keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """All lock keys known of each patient. Raises Faulted."""
    query = "SELECT i.patient_key, k FROM identity i, unnest(i.lock_keys) AS k WHERE i.patient_key = ANY (%s::text[])"
    found: dict[str, set[str]] = {key: set() for key in patient_keys}
    with faults():
        for patient_key, key in conn.execute(query, (texts(patient_keys),)):
            found[patient_key].add(key)
    return {patient_key: frozenset(keys) for patient_key, keys in found.items()}
