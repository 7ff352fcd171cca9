"""A message's whole life, told from the rows: received, answered, translated, decided for each recipient, delivered or not, and why.

Times leave as ISO 8601 in Norwegian civil time. Nothing of the message's content is told; the sender's control id is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg.rows import namedtuple_row

from hub.errors import ANSWERS, Reason
from hub.identity import PARTS_MAX, derived_id, part_control_id
from hub.ledger.arrays import ints
from hub.ledger.connect import Conn, faults
from hub.ledger.disclosures import SENT
from hub.ledger.outbox import FETCHED, READ
from hub.ledger.rows import known_as_id
from hub.model import AttemptOutcome, Form, Outcome, Result, Rule

Json = dict[str, Any]

_ZONE: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UUID: Final = re.compile(r"(?:urn:uuid:)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_LIVES_MAX: Final = PARTS_MAX + 50  # messages under one id that are told of
_MESSAGES: Final = """
SELECT part, off, event_id::text, adapter, provider, application, sender, control_id, trigger, kind, received_us, decided_us, answer,
       outcome, reason, place
FROM message WHERE {} ORDER BY received_us, part, off LIMIT 10000"""
_OF: Final = "JOIN unnest(%s::int[], %s::bigint[]) AS w(part, off) USING (part, off)"
_DECISIONS: Final = f"SELECT d.* FROM decision d {_OF} ORDER BY d.recipient"  # noqa: S608  # a constant
_WAITING: Final = f"""
SELECT o.part, o.off, o.recipient, o.channel, o.form, o.attempts, o.next_us, o.parked, o.dropped, o.copy_id, o.detail, EXISTS (
    SELECT 1 FROM claim c, unnest(c.parts, c.offs, c.recipients) AS u(part, off, recipient)
    WHERE u.part = o.part AND u.off = o.off AND u.recipient = o.recipient) AS claimed,
    (SELECT json_agg(f ORDER BY f.part) FROM unpassed(o.fence) AS f) AS fence
FROM outbox o {_OF}"""  # noqa: S608
_ATTEMPTS: Final = f"""
SELECT a.*, c.dropped FROM attempt a {_OF} LEFT JOIN sent_copy c USING (part, off, recipient, n) ORDER BY a.n"""  # noqa: S608
_DISCLOSURES: Final = f"SELECT x.* FROM disclosure x {_OF} ORDER BY x.noted_us"  # noqa: S608
_RECEIPTS: Final = f"SELECT x.* FROM receipt x {_OF} ORDER BY x.noted_us, x.receipt_id"  # noqa: S608
_SETTLING: Final = frozenset({"delivered", "withheld", "discarded"})
_STATES: Final = MappingProxyType({"failed": "waiting", "refused": "waiting", "unknown": "waiting", "held": "held"})


def moment(us: int) -> str:
    """Microseconds since the epoch as ISO 8601 in Norwegian civil time."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(_ZONE).isoformat(timespec="milliseconds")


def trace(conn: Conn, any_id: str) -> Json:
    """The life of the message with this control id, event id or Bundle id; of several messages a list under ``messages``; {} = unknown.

    Raises Faulted.
    """
    found = lives(conn, any_id)
    return {"id": any_id, "messages": found} if len(found) > 1 else found[0] if found else {}


def lives(conn: Conn, any_id: str) -> list[Json]:
    """The life of every message with this control id, each that it was cut into, or with this event id or Bundle id, oldest first.

    Raises Faulted.
    """
    with faults():
        rows = _find(conn, any_id)
        by_event: dict[str, list[Any]] = {}
        for row in rows:
            by_event.setdefault(row.event_id, []).append(row)
        passages = [[r for r in same if r.outcome != Outcome.REPEAT] or same[:1] for same in by_event.values()]
        spots = [(r.part, r.off) for same in passages for r in same]
        told = _Told(conn, spots)
    found = []
    for same, passed in zip(by_event.values(), passages, strict=True):
        repeats = [r for r in same if r.outcome == Outcome.REPEAT]
        found += [told.life(r, repeats if r is passed[-1] else ()) for r in passed]
    return found[:_LIVES_MAX]


def _find(conn: Conn, any_id: str) -> Sequence[Any]:
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        text = any_id.replace("\0", "?")
        names = [part_control_id(text, n) for n in range(1, PARTS_MAX + 1)]  # it may have been cut into so many
        rows = cursor.execute(_MESSAGES.format("control_id = ANY (%s::text[])").encode(), (names,)).fetchall()
        given = _UUID.fullmatch(any_id)
        if not rows and given:
            condition = "event_id = %s"
            rows = cursor.execute(_MESSAGES.format(condition).encode(), (given[1],)).fetchall()
        if not rows:
            condition = "event_id IN (SELECT event_id FROM bundle JOIN message USING (part, off) WHERE bundle_id = ANY (%s::uuid[]))"
            ids = [known_as_id(any_id), *([given[1]] if given else [])]
            rows = cursor.execute(_MESSAGES.format(condition).encode(), (ids,)).fetchall()
        if not rows and given and given[1] != any_id:
            rows = cursor.execute(_MESSAGES.format("control_id = %s").encode(), (given[1],)).fetchall()
    return rows


class _Told:
    """Everything recorded of some messages, by place."""

    def __init__(self, conn: Conn, spots: Iterable[tuple[int, int]]) -> None:
        places = list(spots)
        self._asked = (ints(p for p, _ in places), ints(o for _, o in places))
        self._decisions = self._by_spot(conn, _DECISIONS)
        self._waiting = {(r.part, r.off, r.recipient): r for rows in self._by_spot(conn, _WAITING).values() for r in rows}
        self._attempts = self._by_spot(conn, _ATTEMPTS)
        self._disclosures = self._by_spot(conn, _DISCLOSURES)
        self._receipts = self._by_spot(conn, _RECEIPTS)

    def _by_spot(self, conn: Conn, query: str) -> Mapping[tuple[int, int], list[Any]]:
        found: dict[tuple[int, int], list[Any]] = {}
        with conn.cursor(row_factory=namedtuple_row) as cursor:
            rows: list[Any] = list(cursor.execute(query.encode(), self._asked))
            for row in rows:
                found.setdefault((row.part, row.off), []).append(row)
        return found

    def life(self, m: Any, repeats: Sequence[Any]) -> Json:
        """One message's."""
        told: Json = {
            "event_id": m.event_id,
            "control_id": m.control_id,
            "received": {
                "at": moment(m.received_us),
                "adapter": m.adapter,
                "provider": m.provider,
                "application": m.application,
                "sender": m.sender,
                "trigger": m.trigger,
                "partition": m.part,
                "offset": m.off,
            },
            "answered": {"code": m.answer},
            "translated": _translated(m),
            "outcome": m.outcome,
            "decided": moment(m.decided_us),
            "repeats": [moment(us) for us in sorted({r.received_us for r in repeats} - {m.received_us})],  # not the copies of a merge
        }
        return told | {"recipients": [self._recipient(m, d) for d in self._decisions.get((m.part, m.off), ())]}

    def _recipient(self, m: Any, d: Any) -> Json:
        attempts = [a for a in self._attempts.get((m.part, m.off), ()) if a.recipient == d.recipient]
        waiting = self._waiting.get((m.part, m.off, d.recipient))
        settled = [a for a in attempts if a.outcome in _SETTLING]
        receipt = next((a for a in settled if a.outcome == AttemptOutcome.DELIVERED), settled[0] if settled else None)
        told: Json = {
            "recipient": d.recipient,
            "decision": {
                "result": d.result,
                "rule": d.rule,
                "because": list(d.because),
                "detail": d.detail,
                "subscription": d.subscription,
            },
            "delivery": _delivery(d, waiting, attempts, receipt),
            "attempts": [_attempt(a) for a in attempts],
            "receipt": _attempt(receipt) if receipt else None,
        }
        disclosed = [x for x in self._disclosures.get((m.part, m.off), ()) if x.recipient == d.recipient]
        if disclosed:
            told["under_way_when_locked"] = [{"consent": f"{x.consent_id}/{x.version}", "at": moment(x.noted_us)} for x in disclosed]
        said = [x for x in self._receipts.get((m.part, m.off), ()) if x.recipient == d.recipient]
        if said:
            told["application_receipts"] = [_said(x) for x in said]
            told["delivery"]["application"] = said[-1].status
        if waiting and waiting.form == Form.FHIR:
            told["bundle_id"] = derived_id(waiting.copy_id or m.event_id, "bundle", waiting.detail)
        if left_out := _left_out(d, waiting, attempts):
            told["left_out"] = list(left_out)
        return told


def _left_out(d: Any, waiting: Any, attempts: Sequence[Any]) -> Sequence[str]:
    """What the recipient will get the message without, or got it without last, or would have."""
    sent = [a.dropped or () for a in attempts if a.outcome in SENT and a.code not in READ]
    found: Sequence[str] = waiting.dropped if waiting else sent[-1] if sent else d.dropped
    return found


def _translated(m: Any) -> Json:
    told: Json = {"kind": m.kind} if m.kind else {}
    if m.reason:
        told |= {"refused": m.reason, "where": m.place, "act": ANSWERS[Reason(m.reason)].act}
    return told


def _delivery(d: Any, waiting: Any, attempts: Sequence[Any], receipt: Any) -> Json:
    """Where the delivery stands: none, waiting, sending, fetched (and not read), held, parked, stuck, or how it was settled."""
    if receipt:
        return {"state": receipt.outcome}
    if waiting is None:
        return {"state": "none" if d.result == Result.DENY else "stuck"}
    told: Json = {"state": "held" if d.result == Result.HOLD else "waiting", "channel": waiting.channel, "form": waiting.form}
    if attempts:
        told["state"] = FETCHED if attempts[-1].code == FETCHED else _STATES.get(attempts[-1].outcome, "waiting")
        told["not_before"] = moment(waiting.next_us)
    if waiting.fence:
        told["waits_for"] = [{"partition": f["part"], "offset": f["off"], "decided": f["next"]} for f in waiting.fence]
    if waiting.claimed:
        told["state"] = "sending"
    if waiting.parked:
        told |= {"state": "held" if waiting.parked == Rule.PATIENT_UNRESOLVED else "parked", "code": waiting.parked}
    return told


def _said(x: Any) -> Json:
    told: Json = {"status": x.status, "codes": list(x.codes), "said": moment(x.said_us), "kept": moment(x.noted_us)}
    return told | ({"attempt": x.n} if x.n is not None else {}) | ({"seen": moment(x.seen_us)} if x.seen_us is not None else {})


def _attempt(a: Any) -> Json:
    told: Json = {"n": a.n, "started": moment(a.started_us), "ended": moment(a.ended_us), "outcome": a.outcome, "code": a.code}
    return told | ({"left_out": list(a.dropped)} if a.dropped else {})
