"""The past decided again: under other entries, or with a consent that a patient means to give. Nothing is sent, and nothing is written.

What was known of a message when it was decided is as it was then. Two things are compared, both over those facts, so that a difference is
the change's own and no other's: what the rules in force now make of the message, and what the changed ones make of it.

- *Consents* are those that had been written by the time of the decision: a lock of last week must not look like the doing of new entries.
- *A consent that is asked about* is another matter, for it begins now. Of its patient the consents of now hold, with and without it, at the
  moment it comes into force: what would become of the same events if they came again.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from hub.consent.narrowed import by_items
from hub.errors import HubError
from hub.ledger.connect import Conn, faults
from hub.ledger.itemised import unpacked
from hub.ledger.past import Facts, Past, keys_ever, past, stored
from hub.ledger.stored import Stored
from hub.ledger.versions import Versions, versions
from hub.model import Boundaries, Consent, Decision, Event, Item, Message, Policy
from hub.pipeline import TERMS, Again, Terms, items_of
from hub.routing.directory import Directory
from hub.whatif.difference import Difference, differences

_ALIKE_MAX: Final = 50_000  # facts whose answers are remembered: a patient's messages are much alike
_PATIENTS_MAX: Final = 100_000  # whose consents are remembered
_NOTHING: Final = Policy()
_Answer = tuple[frozenset[tuple[str, str]], tuple[Difference, ...]]
"""(recipient, rule) of each decision under the rules in force, and what the changed ones make different."""

Read = Callable[[Stored], Message]
"""How a recorded message is read again. It is, where a consent concerns only some of what messages hold."""


class Change(NamedTuple):
    """One event that one recipient would gain or lose. before, after: the decisions; None = the event does not concern it at all."""

    event_id: str
    kind: str
    source: str
    decided_us: int
    recipient: str
    gains: bool
    before: Decision | None
    after: Decision | None


@dataclass(slots=True)
class Counts:
    """What was looked at. otherwise: messages that the rules in force now decide otherwise than they were: changed since."""

    messages: int = 0
    decisions: int = 0  # recorded
    unknown: int = 0  # messages decided before their facts were kept: nothing is said of them
    otherwise: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides: in force, and to be tried.

    limits: to be tried; None = those in force. read: None = a consent on a part of a message is taken to be on the whole.
    """

    now: Directory
    then: Directory
    terms: Terms = TERMS
    limits: Boundaries | None = None
    read: Read | None = None


class Replay:
    """One look at the past. proposed: patient key -> the consents asked about, each in place of its earlier versions."""

    def __init__(self, rules: Rules, proposed: Mapping[str, tuple[Consent, ...]], now_us: int) -> None:
        self.counts: Final = Counts()
        self._rules: Final = rules
        self._proposed: Final = proposed
        self._now_us: Final = now_us
        self._now: Final = Again(rules.now, rules.terms)
        tried = rules.terms if rules.limits is None else replace(rules.terms, boundaries=rules.limits)
        self._then: Final = self._now if rules.then is rules.now and tried == rules.terms else Again(rules.then, tried)
        self._same_terms: Final = tried == rules.terms
        self._consents: Final[dict[str, Versions | None]] = {}
        self._alike: Final[dict[Facts, _Answer]] = {}  # of patients who have written nothing

    def run(self, conn: Conn, since_us: int, keys: Collection[str] | None = None) -> Iterator[Change]:
        """Everything that changes of what was decided since, in no order; ``keys``: of these patients only. Raises Faulted."""
        with faults(), conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for batch in past(conn, since_us, keys):
                self._learn(conn, batch)
                for message in batch:
                    if message.facts is None:
                        self.counts.unknown += 1
                    else:
                        yield from self._one(conn, message, message.facts)

    def _learn(self, conn: Conn, batch: list[Past]) -> None:
        """The consents of the batch's patients that are not known yet."""
        if len(self._consents) > _PATIENTS_MAX:
            self._consents.clear()
        new = {message.patient_key for message in batch} - self._consents.keys()
        if new:
            found = versions(conn, new)
            self._consents.update((key, found.get(key)) for key in new)

    def _one(self, conn: Conn, message: Past, facts: Facts) -> Iterator[Change]:
        consents, proposed = self._consents[message.patient_key], self._proposed.get(message.patient_key)
        if proposed:
            before = consents.latest() if consents else _NOTHING
            at_us = max(self._now_us, *map(_begins_us, proposed))
            as_now, found = self._compared(conn, message, facts, (before, _with(before, proposed)), at_us)
        else:
            as_now, found = self._as_it_was(conn, message, facts, consents)
            self.counts.otherwise += as_now != message.recorded
        self.counts.messages += 1
        self.counts.decisions += len(message.recorded)
        for d in found:
            yield Change(message.event_id, facts.kind, facts.source, message.decided_us, d.recipient, d.gains, d.before, d.after)

    def _as_it_was(self, conn: Conn, message: Past, facts: Facts, consents: Versions | None) -> _Answer:
        """By the consents of then. Equal facts of patients who have written nothing are answered once."""
        at_us = message.decided_us
        if consents:
            policy = consents.as_of(at_us)
            return self._compared(conn, message, facts, (policy, policy), at_us)
        answer = self._alike.get(facts)
        if answer is None:
            if len(self._alike) >= _ALIKE_MAX:
                self._alike.clear()
            answer = self._alike[facts] = self._compared(conn, message, facts, (_NOTHING, _NOTHING), at_us)
        return answer

    def _compared(self, conn: Conn, message: Past, facts: Facts, policies: tuple[Policy, Policy], at_us: int) -> _Answer:
        """Where the changed rules ask the same about the same, the answers are the same and are not asked for."""
        before, after = policies
        event, state = message.event(facts), facts.state()
        items = self._items(conn, message, event, facts, policies)
        now = self._now.concerned(event, state)
        then = now if self._now is self._then else self._then.concerned(event, state)
        as_now = self._now.decided(now, before, at_us, items)
        told = frozenset([(d.recipient, d.rule.value) for d in as_now])
        if before is after and self._same_terms and now == then:
            return told, ()
        return told, differences(as_now, self._then.decided(then, after, at_us, items))

    def _items(self, conn: Conn, message: Past, event: Event, facts: Facts, policies: tuple[Policy, Policy]) -> tuple[Item, ...]:
        """What the message is asked about item by item: as it was then, or looked for where a consent makes it matter."""
        kept = unpacked(facts.items)
        narrow = next((policy for policy in policies if policy.consents and by_items(policy)), None)
        if kept is not None or narrow is None or self._rules.read is None:
            return kept or ()
        try:
            return items_of(self._rules.read(stored(conn, message)), event, narrow, self._rules.terms.sensitive)
        except HubError:
            return ()  # it can be read no more: what concerns a part of it concerns all of it


def changes(  # noqa: PLR0913  # of whom, what, by which rules and when
    conn: Conn,
    directory: Directory,
    keys: Collection[str],
    proposed: Consent,
    now_us: int,
    since_us: int,
    *,
    terms: Terms = TERMS,
    read: Read | None = None,
) -> list[Change]:
    """What a consent that a patient means to give would change: of the patient's events decided since, who would gain or lose which.

    keys: every patient key of the one patient, and of nobody else. directory: of now. proposed: in place of its earlier versions, if any.
    terms, read: as in ``Rules``. Raises Faulted.
    """
    every = keys_ever(conn, keys)
    replay = Replay(Rules(directory, directory, terms, read=read), dict.fromkeys(every, (proposed,)), now_us)
    return sorted(replay.run(conn, since_us, every), key=lambda c: (c.decided_us, c.event_id, c.recipient))


def _with(policy: Policy, proposed: tuple[Consent, ...]) -> Policy:
    ids = {c.id for c in proposed}
    return Policy((*(c for c in policy.consents if c.id not in ids), *proposed), policy.readable)


def _begins_us(consent: Consent) -> int:
    period = consent.provision.period
    return (period.start_us if period else None) or 0
