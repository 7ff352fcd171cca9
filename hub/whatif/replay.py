"""The past decided again: under other entries, or with a consent that a patient means to give. Nothing is sent, and nothing is written.

What was known of a message when it was decided is as it was then. Two things are compared, both over those facts, so that a difference is
the change's own and no other's: what the rules in force now make of the message, and what the changed ones make of it.

- *Consents* are those that had been written by the time of the decision: a lock of last week must not look like the doing of new entries.
- *A consent that is asked about* is another matter, for it begins now. Of its patient the consents of now hold, with and without it, at the
  moment it comes into force: what would become of the same events if they came again.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.ledger.connect import Conn, faults
from hub.ledger.past import Facts, Past, keys_ever, past
from hub.ledger.versions import Versions, versions
from hub.model import Consent, Decision, Policy
from hub.pipeline import decided
from hub.routing.directory import Directory
from hub.whatif.difference import Difference, differences

_ALIKE_MAX: Final = 100_000  # facts whose answers are remembered
_NOTHING: Final = Policy()
_Answer = tuple[frozenset[tuple[str, str]], tuple[Difference, ...]]
"""(recipient, rule) of each decision under the rules in force, and what the changed ones make different."""


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


@dataclass(slots=True)
class Replay:
    """One look at the past. proposed: patient key -> the consents asked about, each in place of its earlier versions."""

    now: Directory
    then: Directory
    proposed: Mapping[str, tuple[Consent, ...]]
    now_us: int
    counts: Counts = field(default_factory=Counts)
    _alike: dict[Facts, _Answer] = field(default_factory=dict)
    _consents: dict[str, Versions | None] = field(default_factory=dict)

    def run(self, conn: Conn, since_us: int, keys: Collection[str] | None = None) -> Iterator[Change]:
        """Everything that changes of what was decided since, in no order; ``keys``: of these patients only. Raises Faulted."""
        with faults(), conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for batch in past(conn, since_us, keys):
                self._learn(conn, batch)
                for message in batch:
                    yield from self._one(message)

    def _learn(self, conn: Conn, batch: list[Past]) -> None:
        """The consents of the batch's patients that are not known yet."""
        new = {message.patient_key for message in batch} - self._consents.keys()
        if new:
            found = versions(conn, new)
            self._consents.update((key, found.get(key)) for key in new)

    def _one(self, message: Past) -> Iterator[Change]:
        facts, counts = message.facts, self.counts
        if facts is None:
            counts.unknown += 1
            return
        counts.messages += 1
        counts.decisions += len(message.recorded)
        as_now, found = self._answer(message, facts)
        if message.patient_key not in self.proposed and as_now != message.recorded:
            counts.otherwise += 1
        for d in found:
            yield Change(
                message.event_id, facts.kind, facts.source, message.decided_us, d.recipient, d.gains, d.before, d.after
            )  # fmt: skip

    def _answer(self, message: Past, facts: Facts) -> _Answer:
        """Equal facts of patients who have written nothing are answered once."""
        key = message.patient_key
        consents, proposed = self._consents[key], self.proposed.get(key)
        if proposed:
            return self._asked_about(message, facts, proposed)
        policy = consents.as_of(message.decided_us) if consents else _NOTHING
        if policy.consents or not policy.readable:
            return self._compared(message, facts, policy, policy, message.decided_us)
        answer = self._alike.get(facts)
        if answer is None:
            if len(self._alike) >= _ALIKE_MAX:
                self._alike.clear()
            answer = self._alike[facts] = self._compared(message, facts, policy, policy, message.decided_us)
        return answer

    def _asked_about(self, message: Past, facts: Facts, proposed: tuple[Consent, ...]) -> _Answer:
        consents = self._consents[message.patient_key]
        before = consents.latest() if consents else _NOTHING
        ids = {c.id for c in proposed}
        after = Policy((*(c for c in before.consents if c.id not in ids), *proposed), before.readable)
        return self._compared(message, facts, before, after, max(self.now_us, *map(_begins_us, proposed)))

    def _compared(self, message: Past, facts: Facts, before: Policy, after: Policy, at_us: int) -> _Answer:
        event, state = message.event(facts), facts.state()
        as_now = decided(event, state, before, self.now, at_us)
        as_then = as_now if self.now is self.then and before is after else decided(event, state, after, self.then, at_us)
        return frozenset((d.recipient, d.rule.value) for d in as_now), differences(as_now, as_then)


def changes(conn: Conn, directory: Directory, keys: Collection[str], proposed: Consent, now_us: int, since_us: int) -> list[Change]:
    """What a consent that a patient means to give would change: of the patient's events decided since, who would gain or lose which.

    keys: every patient key of the one patient, and of nobody else. directory: of now. proposed: in place of its earlier versions, if any.
    Raises Faulted.
    """
    every = keys_ever(conn, keys)
    replay = Replay(directory, directory, dict.fromkeys(every, (proposed,)), now_us)
    return sorted(replay.run(conn, since_us, every), key=lambda c: (c.decided_us, c.event_id, c.recipient))


def _begins_us(consent: Consent) -> int:
    period = consent.provision.period
    return period.start_us or 0 if period else 0
