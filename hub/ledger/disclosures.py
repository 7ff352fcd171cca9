"""Who received what of a patient, when and why, and what was withheld: one row a message and recipient, told from what was recorded.

Nothing of a message's content is here. A row says what was decided in transit and every attempt since; ``fate`` says what came of it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from psycopg.rows import namedtuple_row

from hub.ledger.arrays import ints, texts
from hub.ledger.connect import Conn, faults
from hub.ledger.outbox import QUERIED
from hub.ledger.stored import WHOSE
from hub.model import AttemptOutcome, Result

LIMIT_MAX: Final = 1_000
NOT_SENT: Final = frozenset({"connect", "tls", "plaintext", "form_changed"})  # codes of attempts in which no byte of the message left
MADE_ANEW: Final = "made_anew"  # code of an attempt: not sent yet, for it was made without something, or with it again
_SAID_OF_BEFORE: Final = frozenset({"read", "apprec"})  # codes of attempts in which nothing left: its recipient said that it has it
SENT: Final = frozenset({AttemptOutcome.DELIVERED, AttemptOutcome.REFUSED, AttemptOutcome.FAILED, AttemptOutcome.UNKNOWN})

# Every key a patient was ever known by: each was one of their identifiers' own, or stayed behind when a merge retired it.
_KEYS: Final = """
WITH owner AS (SELECT DISTINCT patient_key FROM identity WHERE link_key = ANY (%s::text[]))
SELECT patient_key FROM owner
UNION SELECT CASE WHEN starts_with(i.link_key, 'retired:') THEN substr(i.link_key, 9) ELSE i.link_key END
FROM owner o CROSS JOIN LATERAL (SELECT link_key FROM identity WHERE patient_key = o.patient_key OFFSET 0) i"""
TOLD: Final = f"""
m.part, m.off, m.event_id::text AS event_id, m.kind, {WHOSE} AS patient_key, m.received_us, m.decided_us,
m.provider AS source,
d.recipient, d.result, d.rule, d.detail, d.subscription, d.because,
(SELECT body ->> 'purpose' FROM subscription s WHERE s.id = d.subscription) AS purpose,
(SELECT json_agg(json_build_array(a.n, a.started_us, a.ended_us, a.outcome, a.code) ORDER BY a.n) FROM attempt a
 WHERE a.part = m.part AND a.off = m.off AND a.recipient = d.recipient) AS attempts,
(SELECT json_agg(json_build_array(x.consent_id, x.version, x.noted_us) ORDER BY x.noted_us, x.consent_id, x.version) FROM disclosure x
 WHERE x.part = m.part AND x.off = m.off AND x.recipient = d.recipient) AS under_way,
(SELECT json_agg(json_build_array(c.n, c.copy_id, c.detail, c.dropped <> '{{}}') ORDER BY c.n) FROM sent_copy c
 WHERE c.part = m.part AND c.off = m.off AND c.recipient = d.recipient) AS copies"""  # noqa: S608  # a constant
_OF_PATIENT: Final = f"""
SELECT {TOLD} FROM (
    SELECT * FROM message m WHERE {WHOSE} = ANY (%s::text[]) AND received_us >= %s
    ORDER BY received_us DESC, part, off LIMIT %s) m
CROSS JOIN LATERAL (SELECT * FROM decision WHERE part = m.part AND off = m.off ORDER BY recipient OFFSET 0) d
ORDER BY m.received_us DESC, m.part, m.off, d.recipient LIMIT %s"""  # noqa: S608  # a constant

_AT: Final = f"""
SELECT {TOLD} FROM (
    SELECT m.* FROM unnest(%s::int[], %s::bigint[]) AS w(part, off)
    CROSS JOIN LATERAL (SELECT * FROM message WHERE part = w.part AND off = w.off OFFSET 0) m) m
CROSS JOIN LATERAL (SELECT * FROM decision WHERE part = m.part AND off = m.off ORDER BY recipient OFFSET 0) d
ORDER BY m.received_us DESC, m.part, m.off, d.recipient"""  # noqa: S608  # a constant


class Fate(StrEnum):
    """What came of one message for one recipient."""

    DELIVERED = "delivered"
    WITHHELD = "withheld"  # decided against, in transit or when it was about to be sent
    DISCARDED = "discarded"  # given up by an operator
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver, or one more question whether it may be. outcome: model.AttemptOutcome; code: the answer, or the rule."""

    n: int
    started_us: int
    ended_us: int
    outcome: str
    code: str

    @property
    def rule(self) -> str:
        """The rule that let a recipient be told that asked again; "" = the decision's own was what counted."""
        return self.code.removeprefix(QUERIED) if self.code.startswith(QUERIED) else ""

    @property
    def word(self) -> str:
        """The code without a rule, which of a copy is that of what was left out: its recipient may read it."""
        return QUERIED.rstrip(":") if self.rule else self.code

    @property
    def is_disclosure(self) -> bool:
        """Whether bytes of the message left, or may have."""
        return self.outcome in SENT and not (self.outcome == AttemptOutcome.FAILED and self.code in NOT_SENT)


@dataclass(frozen=True, slots=True)
class SentCopy:
    """What left in one attempt, where that was less than the message as it was decided.

    copy_id: the event id that it bears, "" = the message's own, or nobody knows. is_part: something was left out of it.
    """

    n: int
    copy_id: str
    detail: str
    is_part: bool


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A send that a version of a consent came too late for."""

    consent_id: str
    version: int
    noted_us: int


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One message and one recipient: the decision, and what was done about it. patient_key: as it was known at the time, without merges."""

    part: int
    off: int
    event_id: str
    kind: str
    patient_key: str
    received_us: int
    decided_us: int
    source: str  # provider it came from
    recipient: str
    result: str  # model.Result, as decided in transit
    rule: str
    detail: str
    subscription: str
    because: tuple[str, ...]
    purpose: str  # v3-ActReason, of the subscription as it is now
    attempts: tuple[Attempt, ...]
    under_way: tuple[UnderWay, ...]
    copies: tuple[SentCopy, ...] = ()

    def copy_of(self, attempt: Attempt) -> SentCopy | None:
        """What left in this attempt, where it was less than the message; of one that says that it was read, what had left before."""
        n = attempt.n
        if attempt.code in _SAID_OF_BEFORE:
            n = max((a.n for a in self.disclosed if a.n < n and a.code not in _SAID_OF_BEFORE), default=n)
        return next((c for c in self.copies if c.n == n), None)

    @property
    def is_part(self) -> bool:
        """Whether something was left out of what left last, or of what waits to leave."""
        if self.disclosed:
            copy = self.copy_of(self.disclosed[-1])
            return copy is not None and copy.is_part
        return self.result == Result.REDACT or any(a.code == MADE_ANEW for a in self.attempts)

    @property
    def disclosed(self) -> tuple[Attempt, ...]:
        """The attempts in which something left the hub, or may have."""
        return tuple(a for a in self.attempts if a.is_disclosure)

    @property
    def fate(self) -> Fate:
        """What came of it so far: who was told of it when it asked again has it, whatever was withheld before."""
        settled = [_FATES[a.outcome] for a in self.attempts if a.outcome in _FATES]
        if settled:
            return Fate.DELIVERED if Fate.DELIVERED in settled else settled[0]
        return Fate.WITHHELD if self.result == Result.DENY else Fate.WAITING


_FATES: Final = {
    AttemptOutcome.DELIVERED.value: Fate.DELIVERED,
    AttemptOutcome.WITHHELD.value: Fate.WITHHELD,
    AttemptOutcome.DISCARDED.value: Fate.DISCARDED,
}


def patient_keys_of(conn: Conn, links: Iterable[str]) -> frozenset[str]:
    """Every key that the patient with any of these identifiers was ever recorded under. Raises Faulted.

    links: keys of identifiers (``Pseudonyms.link``).
    """
    with faults():
        return frozenset(key for (key,) in conn.execute(_KEYS, (texts(list(links)),)))


def owners_of(conn: Conn, links: Iterable[str]) -> frozenset[str]:
    """The patients, by key, whom any of these keys of identifiers names now. Raises Faulted."""
    query = "SELECT DISTINCT patient_key FROM identity WHERE link_key = ANY (%s::text[])"
    with faults():
        return frozenset(key for (key,) in conn.execute(query, (texts(list(links)),)))


def disclosures_of(conn: Conn, patient_keys: Collection[str], since_us: int = 0, limit: int = LIMIT_MAX) -> list[Disclosure]:
    """What was decided of a patient's messages received since, the latest first, and what came of it. Raises Faulted.

    patient_keys: all of them, as ``patient_keys_of`` gives them.
    """
    with faults(), conn.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(_OF_PATIENT, (texts(list(patient_keys)), since_us, limit, limit)).fetchall()
    return [disclosure(row) for row in rows]


def disclosures_at(conn: Conn, places: Collection[tuple[int, int]]) -> list[Disclosure]:
    """``disclosures_of`` of the messages at these places (partition, offset), every recipient of each. Raises Faulted."""
    columns = (ints(part for part, _ in places), ints(off for _, off in places))
    with faults(), conn.cursor(row_factory=namedtuple_row) as cursor:
        return [disclosure(row) for row in cursor.execute(_AT, columns).fetchall()]


def disclosure(row: Any) -> Disclosure:
    """A row with the columns ``TOLD``."""
    values = row._asdict()
    return Disclosure(
        **values
        | {
            "because": tuple(values["because"]),
            "purpose": values["purpose"] or "TREAT",
            "attempts": tuple(Attempt(*a) for a in values["attempts"] or ()),
            "under_way": tuple(UnderWay(*x) for x in values["under_way"] or ()),
            "copies": tuple(SentCopy(*c) for c in values["copies"] or ()),
        }
    )
