"""Letting the bytes of old messages go: only of those of which nothing is open, and never their row, which is the record.

The chain has the SHA-256 of the bytes, and a row of ``let_go``, chained too, says which went and when, in the same transaction.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.ledger.connect import Conn, faults
from hub.ledger.stored import WHOSE
from hub.model import Outcome

IN_BED: Final = ("admitted", "ready")  # states of a stay that goes on ...
OVER: Final = ("cancelled", "discharged", "merged")  # ... that does not; one in any other goes on while something is heard of it
_AT_ONCE: Final = 500  # messages of one transaction


class Open(StrEnum):
    """Why a message's bytes are needed yet; the first that holds."""

    REFUSED = "refused"  # in quarantine, or it could not be done for somebody: a person may send it in again
    WAITING = "waiting"  # unsent, held, parked, or fetched and not read
    REDRIVEN = "redriven"  # let through once more, and not there yet
    WITHHELD = "withheld"  # by a lock whose patient may lift it
    PATHWAY = "pathway"  # the patient's stay goes on


_PATIENTS: Final = f"""
SELECT key FROM (SELECT coalesce((SELECT patient FROM merge WHERE in_force AND retired = {WHOSE}), {WHOSE}) AS root) r
CROSS JOIN LATERAL (SELECT retired AS key FROM merge WHERE in_force AND patient = r.root
                    UNION VALUES (r.root), (m.patient_key), ({WHOSE})) k"""  # noqa: S608  # constants
_WHY: Final = f"""CASE
    WHEN m.outcome NOT IN ('{Outcome.ROUTED}', '{Outcome.NO_RECIPIENT}') OR m.reason <> '' THEN '{Open.REFUSED}'
    WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.part = m.part AND o.off = m.off) THEN '{Open.WAITING}'
    WHEN EXISTS (SELECT 1 FROM redrive r WHERE r.event_id = m.event_id AND r.done_off IS NULL) THEN '{Open.REDRIVEN}'
    WHEN EXISTS (SELECT 1 FROM message x JOIN withheld w USING (part, off) WHERE x.event_id = m.event_id) THEN '{Open.WITHHELD}'
    WHEN EXISTS (SELECT 1 FROM ({_PATIENTS}) p JOIN episode e ON e.patient_key = p.key
                 WHERE e.state = ANY (%(in_bed)s) OR (e.state <> ALL (%(over)s) AND e.last_us >= %(before_us)s)) THEN '{Open.PATHWAY}'
    ELSE '' END"""  # noqa: S608
_OLD: Final = "m.decided_us < %(before_us)s AND octet_length(m.raw) > 0"
_COUNT: Final = f"""
SELECT why, count(*), sum(octet_length(raw)) FROM (SELECT m.raw, {_WHY} AS why FROM message m WHERE {_OLD}) c GROUP BY why"""  # noqa: S608
# Nothing makes a message open again that is not: whatever would, finds its row in one of those tables.
_LET_GO: Final = f"""
WITH chosen AS (SELECT m.part, m.off, octet_length(m.raw) AS size FROM message m WHERE {_OLD} AND {_WHY} = ''
              ORDER BY m.decided_us LIMIT {_AT_ONCE} FOR UPDATE OF m),
     gone AS (UPDATE message m SET raw = '' FROM chosen c WHERE m.part = c.part AND m.off = c.off RETURNING m.part, m.off, c.size),
     noted AS (INSERT INTO let_go (at_us, part, offs) SELECT %(now_us)s, part, array_agg(off ORDER BY off) FROM gone GROUP BY part)
SELECT count(*), coalesce(sum(size), 0) FROM gone"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Found:
    """Messages decided before a moment that have their bytes. messages, size: those that may be let go, bytes; kept: the others, by why."""

    messages: int
    size: int
    kept: dict[Open, int]


def look(conn: Conn, before_us: int) -> Found:
    """What there is, and what of it is open. Raises Faulted."""
    with faults():
        rows = {why: (count, int(size)) for why, count, size in conn.execute(_COUNT.encode(), _values(before_us))}
    messages, size = rows.pop("", (0, 0))
    return Found(messages, size, {Open(why): count for why, (count, _) in sorted(rows.items())})


def let_go(conn: Conn, before_us: int, now_us: int) -> tuple[int, int]:
    """Remove the bytes of some that may be let go, for good: how many, and how many bytes; (0, 0) = there are no more. Raises Faulted."""
    with faults(), conn.transaction():
        found = conn.execute(_LET_GO.encode(), _values(before_us) | {"now_us": now_us}).fetchone()
    assert found is not None  # an aggregate
    return int(found[0]), int(found[1])


def _values(before_us: int) -> dict[str, object]:
    return {"before_us": before_us, "in_bed": list(IN_BED), "over": list(OVER)}
