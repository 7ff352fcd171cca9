"""Emergency access as it is recorded: who asked, who was let in, what they read, when it ended; one chained row each (migration 0020).

An access is the row that opened it. It is open until its time is over or a row has closed it; nothing else is remembered of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from hub.ledger.arrays import texts
from hub.ledger.connect import Conn, faults

_TURN: Final = 7107  # advisory lock: what is done with one access, or asked for by one person, in turn
_COLUMNS: Final = (
    "id::text, at_us, fact, access::text, provider, person, name, role, address, patient_key, purpose, template, reason, until_us, rule, "
    "code, because, lock_keys, events::text[], kinds"
)
_INSERT: Final = f"""
INSERT INTO emergency ({_COLUMNS.replace("::text[]", "").replace("::text", "")})
VALUES ({", ".join(["%s"] * (_COLUMNS.count(",") + 1))}) ON CONFLICT DO NOTHING"""  # noqa: S608  # constants
# Of each access that was opened: when somebody closed it, how often it was read, when its supervisor was told.
_STATE: Final = f"""
SELECT {", ".join(f"e.{c}" for c in _COLUMNS.split(", "))}, s.closed_us, s.times, s.told_us
FROM (SELECT * FROM emergency WHERE {{}} ORDER BY at_us DESC, id LIMIT %(limit)s) e
CROSS JOIN LATERAL (SELECT min(at_us) FILTER (WHERE fact = 'closed') AS closed_us, count(*) FILTER (WHERE fact = 'read') AS times,
                           min(at_us) FILTER (WHERE fact = 'told') AS told_us
                    FROM emergency WHERE access = e.access) s
ORDER BY e.at_us DESC, e.id"""  # noqa: S608  # constants
_ASKED: Final = "fact IN ('opened', 'refused')"
_OPEN: Final = """
fact = 'opened' AND provider = %(provider)s AND person = %(person)s AND patient_key = %(patient)s
AND at_us BETWEEN %(now)s - %(lasts)s + 1 AND %(now)s AND until_us > %(now)s"""
_USED: Final = f"""
SELECT {_COLUMNS} FROM emergency WHERE access = ANY (%s::uuid[]) AND fact IN ('read', 'denied') ORDER BY at_us, id LIMIT 1000"""  # noqa: S608
_IS_CLOSED: Final = "SELECT EXISTS (SELECT 1 FROM emergency WHERE access = %s AND fact = 'closed')"
_SEARCH: Final = f"""
SELECT {_COLUMNS} FROM emergency
WHERE {{}} AND at_us >= %(from_us)s AND at_us < %(to_us)s AND (%(agent)s = '' OR provider = %(agent)s)
  AND (NOT %(only_sent)s OR fact = 'read')
  AND (%(consent)s = '' OR EXISTS (SELECT 1 FROM unnest(because) AS b WHERE starts_with(b, %(consent)s || '/')
                                   AND (%(version)s = 0 OR b = %(consent)s || '/' || %(version)s)))
ORDER BY at_us DESC, id LIMIT %(limit)s"""  # noqa: S608  # constants


class Step(StrEnum):
    """What a row is of."""

    OPENED = "opened"
    REFUSED = "refused"  # asked for, and not opened
    READ = "read"
    DENIED = "denied"  # a reading that was not answered
    CLOSED = "closed"  # before its time
    TOLD = "told"  # the supervisor was


class Why(StrEnum):
    """Why an access was refused, or a reading denied."""

    NO_REASON = "no_reason"
    NO_SUPERVISOR = "no_supervisor"  # nobody could be told of it
    PATIENT_UNKNOWN = "patient_unknown"
    DECIDED = "decided"  # a row of the decision table above the ninth, or the ninth itself, said no
    EXPIRED = "expired"
    CLOSED = "closed"
    OTHER_PERSON = "other_person"  # not the one it was opened for
    OTHER_ORGANISATION = "other_organisation"


@dataclass(frozen=True, slots=True)
class Personnel:
    """Who asks. provider: by the token. person: HPR number, name, and role (Volven 9060): by the provider's word."""

    provider: str
    person: str
    name: str = field(default="", repr=False)
    role: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """For what, and why: a template, words of their own, or both."""

    purpose: str
    template: str = ""
    reason: str = field(default="", repr=False)

    @property
    def without_words(self) -> "Grounds":
        """As it stands beside what others did by the access, or what was done later: the words are of the one who asked, when they did."""
        return replace(self, reason="")


@dataclass(frozen=True, slots=True)
class Emergency:
    """One row of ``emergency``; the migration says what each column is. kinds: parallel to events."""

    id: str
    at_us: int
    step: Step
    access: str
    who: Personnel
    address: str
    patient_key: str
    grounds: Grounds
    until_us: int = 0
    rule: str = ""
    code: str = ""
    because: tuple[str, ...] = ()
    lock_keys: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """An access that was opened, or was refused, and what came of it. told_us: when the supervisor was told; None = not yet."""

    asked: Emergency
    closed_us: int | None
    times: int  # it was read
    told_us: int | None


def open_access(conn: Conn, row: Emergency, next_us: int) -> Emergency:
    """The access that is open from now, and its notice to the supervisor in the same transaction. Raises Faulted.

    One that this person has open already on the same grounds, unchanged: what is asked again after an answer that was lost opens no second.
    """
    who = row.who
    values = {"provider": who.provider, "person": who.person, "patient": row.patient_key, "now": row.at_us, "limit": 100}
    values |= {"lasts": row.until_us - row.at_us}  # an older one may have been opened for longer than an access lasts now
    with faults(), conn.transaction():
        _in_turn(conn, f"{who.provider} {who.person} {row.patient_key}")
        for found in _accesses(conn, _OPEN, values):
            if found.closed_us is None and (found.asked.who, found.asked.grounds) == (who, row.grounds):
                return found.asked
        _insert(conn, row)
        conn.execute("INSERT INTO emergency_notice (access, next_us) VALUES (%s, %s) ON CONFLICT DO NOTHING", (row.access, next_us))
    return row


def keep(conn: Conn, row: Emergency) -> bool:
    """Record it; of what is read or closed False, and nothing is, where the access was closed before. Raises Faulted."""
    with faults(), conn.transaction():
        _in_turn(conn, row.access)
        if row.step in (Step.READ, Step.CLOSED) and (conn.execute(_IS_CLOSED, (row.access,)).fetchone() or (False,))[0]:
            return False
        _insert(conn, row)
    return True


def find_access(conn: Conn, access: str) -> Access | None:
    """The access of this id, if it was ever opened. Raises Faulted."""
    with faults():
        return next(iter(_accesses(conn, "id = %(id)s::uuid AND fact = 'opened'", {"id": access, "limit": 1})), None)


def accesses_of(conn: Conn, patient_keys: Collection[str], limit: int) -> list[Access]:
    """What was asked for of a patient, the latest first. Raises Faulted."""
    with faults():
        values = {"patients": texts(list(patient_keys)), "limit": limit}
        return _accesses(conn, f"{_ASKED} AND patient_key = ANY (%(patients)s::text[])", values)


def accesses_by(conn: Conn, provider: str, limit: int) -> list[Access]:
    """What this provider's personnel asked for, or everybody's where it is "", the latest first. Raises Faulted."""
    with faults():
        whose = "provider = %(provider)s" if provider else "true"
        return _accesses(conn, f"{_ASKED} AND {whose}", {"provider": provider, "limit": limit})


def used_of(conn: Conn, accesses: Collection[str]) -> list[Emergency]:
    """Every reading by these accesses, denied ones too, in the order of time; of very many the first. Raises Faulted."""
    with faults():
        rows = conn.execute(_USED.encode(), (texts(list(accesses)),)).fetchall()
    return [_emergency(row) for row in rows]


def search_emergencies(conn: Conn, where: str, values: Mapping[str, object]) -> list[Emergency]:
    """Rows of a search of the record (``hub.ledger.record``), the latest first. Raises psycopg.Error."""
    return [_emergency(row) for row in conn.execute(_SEARCH.format(where).encode(), values).fetchall()]


def _in_turn(conn: Conn, what: str) -> None:
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_TURN, what))


def _accesses(conn: Conn, where: str, values: Mapping[str, object]) -> list[Access]:
    rows = conn.execute(_STATE.format(where).encode(), values).fetchall()
    return [Access(_emergency(row[:-3]), *row[-3:]) for row in rows]


def _insert(conn: Conn, e: Emergency) -> None:
    who, why = e.who, e.grounds
    row = (
        e.id, e.at_us, e.step.value, e.access, who.provider, who.person, who.name, who.role, e.address, e.patient_key, why.purpose,
        why.template, why.reason, e.until_us, e.rule, e.code, list(e.because), list(e.lock_keys), texts(e.events), list(e.kinds),
    )  # fmt: skip
    conn.execute(_INSERT.encode(), row)


def _emergency(row: Sequence[Any]) -> Emergency:
    id_, at_us, fact, access, provider, person, name, role, address, patient, purpose, template, reason, until_us, rule, code, *lists = row
    because, lock_keys, events, kinds = map(tuple, lists)
    return Emergency(
        id_, at_us, Step(fact), access, Personnel(provider, person, name, role), address, patient, Grounds(purpose, template, reason),
        until_us, rule, code, because, lock_keys, events, kinds,
    )  # fmt: skip
