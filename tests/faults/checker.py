"""The promise as a function of the outside record: every violation found, by invariant.

A model of the region says who subscribes; the record says what happened. No code is shared with the hub.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.faults.history import Arrived, History, Locked, Sent

POSITIVE = frozenset({"AA", "CA"})
NEGATIVE = frozenset({"AE", "AR", "CE", "CR"})


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    what: str
    control_id: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """The reference model: which providers are entitled to which patient's messages when nothing is locked."""

    entitled: Mapping[str, frozenset[str]]  # patient -> providers
    providers: frozenset[str]


def check(history: History, region: Region) -> list[Violation]:
    """All violations of I1..I5 and I7; an empty list is the promise kept."""
    return [v for invariant in INVARIANTS for v in invariant(history, region)]


def no_loss(history: History, region: Region) -> Iterable[Violation]:
    """I1: what was acknowledged ends delivered, or not delivered for a stated reason that the record supports."""
    taken = {(a.provider, a.control_id) for a in history.arrived if a.answered in POSITIVE}
    refused = {(a.provider, a.control_id) for a in history.arrived if a.answered in NEGATIVE}
    states = {(s.control_id, s.provider): s.state for s in history.settled}
    locked_for: dict[str, set[str]] = defaultdict(set)
    for lock in history.locked:
        locked_for[lock.patient] |= set() if lock.part else {lock.provider}
    for sent in history.sent:
        if sent.outcome != "ok":
            continue
        for provider in sorted(region.entitled[sent.patient]):
            if (provider, sent.control_id) in taken:
                continue
            state = states.get((sent.control_id, provider), "missing")
            may_be_withheld = provider in locked_for[sent.patient] or "" in locked_for[sent.patient]
            if state in {"withheld", "denied"} and may_be_withheld:
                continue
            if state == "refused" and (provider, sent.control_id) in refused:
                continue
            yield Violation("I1", f"acknowledged, not received, hub says {state}", sent.control_id, provider)


def hub_does_not_lie(history: History, region: Region) -> Iterable[Violation]:
    """I1: what the hub calls delivered was received and answered positively."""
    taken = {(a.provider, a.control_id) for a in history.arrived if a.answered in POSITIVE}
    for settled in history.settled:
        if settled.state == "delivered" and (settled.provider, settled.control_id) not in taken:
            yield Violation("I1", "called delivered, never received", settled.control_id, settled.provider)
    acknowledged_or_unknown = {s.control_id for s in history.sent if s.outcome != "fail"}
    for arrived in history.arrived:
        if arrived.control_id not in acknowledged_or_unknown and arrived.provider in region.providers:
            yield Violation("I3", "arrived under an id nobody sent", arrived.control_id, arrived.provider)


def no_leak(history: History, region: Region) -> Iterable[Violation]:
    """I2: nothing to a provider that is not entitled, and nothing locked that was begun between the answer to the lock and its lifting.

    But for what the answer named. Of a lock on a part of each message, nothing that shows that part.
    """
    locks: dict[str, list[Locked]] = defaultdict(list)
    for lock in history.locked:
        locks[lock.patient].append(lock)
    for a in history.arrived:
        if a.provider not in region.entitled.get(a.patient, frozenset()):
            yield Violation("I2", "not entitled", a.control_id, a.provider)
        for lock in locks[a.patient]:
            concerns = lock.provider in {"", a.provider} and (a.shows or not lock.part)
            if concerns and lock.answered < a.started < lock.lifted and (a.control_id, a.provider) not in lock.under_way:
                yield Violation("I2", "begun after the lock was answered", a.control_id, a.provider)


def same_bytes(history: History, _region: Region) -> Iterable[Violation]:
    """I3: every copy a provider sees of one message is the same bytes; it may lose its part once, and never has it again."""
    first: dict[tuple[str, str, bool], str] = {}
    for a in sorted(history.arrived, key=lambda a: a.started):
        if a.shows and (a.provider, a.control_id, False) in first:
            yield Violation("I3", "a part that was left out came back", a.control_id, a.provider)
        if first.setdefault((a.provider, a.control_id, a.shows), a.digest) != a.digest:
            yield Violation("I3", "other bytes under the same id", a.control_id, a.provider)


def in_order(history: History, _region: Region) -> Iterable[Violation]:
    """I4: per provider and patient, first deliveries come in the order in which the sender's messages were acknowledged."""
    order: dict[str, Sent] = {s.control_id: s for s in history.sent}
    lanes: dict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for a in sorted(history.arrived, key=lambda a: a.started):
        lanes[(a.provider, a.patient)].append(a)
    for (provider, _), lane in lanes.items():
        highest = -1
        seen: set[str] = set()
        for a in lane:
            if a.control_id in seen or a.control_id not in order:
                continue
            seen.add(a.control_id)
            if order[a.control_id].seq < highest:
                yield Violation("I4", "first delivery after a later one's", a.control_id, provider)
            highest = max(highest, order[a.control_id].seq)


def always_answered(history: History, _region: Region) -> Iterable[Violation]:
    """I5: each message is answered, or its connection closed, within the sender's patience."""
    for s in history.sent:
        if s.silent:
            yield Violation("I5", "no answer and no close in time", s.control_id)


def one_episode(history: History, _region: Region) -> Iterable[Violation]:
    """The pathway's view: every patient whose admission was acknowledged is in hospital once, whatever was killed and replayed."""
    for stay in history.stays:
        if stay.states != ("admitted",):
            yield Violation("I3", f"episodes {'+'.join(stay.states) or 'missing'}", stay.patient)


def heals(history: History, _region: Region) -> Iterable[Violation]:
    """I7: when the faults are over, nothing waits any more, without anybody's help."""
    if history.left:
        yield Violation("I7", f"{history.left} deliveries left when the time to heal was over", "")


INVARIANTS: tuple[Callable[[History, Region], Iterable[Violation]], ...] = (
    no_loss,
    hub_does_not_lie,
    no_leak,
    same_bytes,
    in_order,
    always_answered,
    one_episode,
    heals,
)


def repeats(history: History) -> float:
    """Share of deliveries that repeat an earlier one: measured and shown, not hidden."""
    pairs = [(a.provider, a.control_id) for a in history.arrived]
    return 0.0 if not pairs else 1 - len(set(pairs)) / len(pairs)
