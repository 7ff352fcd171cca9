"""The whole flow of one message: what it means, who wants it, who may have it, what each gets to see.

Pure: the same message, patient, consents, directory and time give the same plan, so a replay changes nothing. Only here does
"who wants it" (routing) meet "who may have it" (consent).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from hub.consent.decide import BOUNDARIES, decide
from hub.consent.narrowed import by_items, by_labels
from hub.consent.question import Question, Verdict
from hub.consent.sensitive import NO_CODES, SensitiveCodes
from hub.errors import Reason, Rejected
from hub.model import (
    Boundaries,
    Decision,
    Delivery,
    Detail,
    Event,
    Item,
    Message,
    Outcome,
    PatientState,
    Plan,
    Policy,
    Refusal,
    Result,
    Rule,
    Subscription,
)
from hub.routing.directory import Candidate, Directory, shows_more

_KNOWN_MAX: Final = 100_000  # answers that are remembered
# Words of a decision's reasons
NOT_SUBSCRIBED: Final = "not_subscribed"
_STUCK: Final = (Reason.INTERNAL_ERROR, Reason.NO_TRANSLATION)  # why it cannot be made for one recipient, the worse first


@dataclass(frozen=True, slots=True)
class Terms:
    """What whoever runs the hub has settled: limits that the law leaves open, and codes that are sensitive in themselves."""

    boundaries: Boundaries = BOUNDARIES
    sensitive: SensitiveCodes = NO_CODES


TERMS: Final = Terms()


def plan(message: Message, patient: PatientState, policy: Policy, directory: Directory, now_us: int, terms: Terms = TERMS) -> Plan:
    """Everything the message leads to. Raises nothing: what cannot be read is quarantined with its reason.

    patient and policy: as read at ``now_us``, the moment of deciding.
    """
    received = message.received
    if received.refusal is not None:
        return Plan(received, Outcome.QUARANTINED, refusal=received.refusal)
    try:
        event = message.event()
        candidates = directory.candidates(event, after := remember(patient, event, directory))
        items = items_of(message, event, policy, terms.sensitive) if candidates else ()
    except Rejected as exc:
        return Plan(received, Outcome.QUARANTINED, refusal=Refusal(exc.reason, exc.where))
    asking = _Asking(event, items, policy, now_us, terms.boundaries, conflict=after.conflict)
    decisions, deliveries, errors = list[Decision](), list[Delivery](), list[str]()
    copies = Copies(message)
    for candidate in candidates:
        subscription, decision = _decide(candidate, asking)
        decision, delivery = _prepare(copies, candidate, subscription, decision, errors)
        decisions.append(decision)
        deliveries += [delivery] if delivery else []
    return Plan(
        received,
        Outcome.ROUTED if any(d.subscription for d in decisions) else Outcome.NO_RECIPIENT,
        event,
        _stuck(decisions),
        tuple(decisions),
        tuple(deliveries),
        None if after == patient else after,
        tuple(errors),
        items,
    )


def items_of(message: Message, event: Event, policy: Policy, sensitive: SensitiveCodes = NO_CODES) -> tuple[Item, ...]:
    """What to ask about: the message's items where an answer may differ from one to the next, () where it is asked about whole.

    Raises Rejected.
    """
    if not event.labels and not policy.consents and not sensitive:  # as nearly all are
        return ()
    if not sensitive and not by_labels(event.labels) and not by_items(policy):
        return ()
    items = sensitive.labelled(message.items())
    said = {label for item in items for label in item.labels}
    if not said.issuperset(event.labels):  # a label that is nobody's is everybody's
        return ()
    return items if by_items(policy) or by_labels(tuple(said)) else ()


@dataclass(slots=True)
class Copies:
    """A message with and without some of its items, each made once."""

    message: Message
    _made: dict[frozenset[str], Message | None] = field(default_factory=dict)

    def without(self, dropped: Iterable[str]) -> Message | None:
        """The message without these items; None when nothing would be left. Raises Rejected."""
        keys = frozenset(dropped)
        if not keys:
            return self.message
        if keys not in self._made:
            self._made[keys] = self.message.without(keys)
        return self._made[keys]


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is the same of every question about a message."""

    event: Event
    items: tuple[Item, ...]
    policy: Policy
    now_us: int
    boundaries: Boundaries
    conflict: bool


@dataclass(frozen=True, slots=True)
class Concerned:
    """Everyone an event concerns by one directory. Who is equal here has the same answers, by the same consents and terms."""

    event: Event
    candidates: list[Candidate]
    conflict: bool


@dataclass(slots=True)
class Again:
    """Decides events again as ``plan`` decides of messages that mean them, by one directory; nothing is made to be sent.

    Equal questions about patients who have written nothing are answered once.
    """

    directory: Directory
    terms: Terms = TERMS
    _known: dict[tuple[object, ...], Decision] = field(default_factory=dict)

    def concerned(self, event: Event, patient: PatientState) -> Concerned:
        """Whom to decide about. patient: as before the event."""
        after = remember(patient, event, self.directory)
        return Concerned(event, self.directory.candidates(event, after), after.conflict)

    def decided(self, about: Concerned, policy: Policy, now_us: int, items: tuple[Item, ...] = ()) -> list[Decision]:
        """A decision for each. items: what is asked about item by item, as ``items_of`` says."""
        asking = _Asking(about.event, items, policy, now_us, self.terms.boundaries, conflict=about.conflict)
        if items or policy.consents or not policy.readable:
            return [_decide(candidate, asking)[1] for candidate in about.candidates]
        return [self._as_before(candidate, asking) for candidate in about.candidates]

    def _as_before(self, candidate: Candidate, asking: _Asking) -> Decision:
        event, ids = asking.event, tuple([s.id for s in candidate.subscriptions])
        key = (candidate.provider_id, ids, candidate.relations, event.provider, event.kind, event.labels, asking.conflict)
        decision = self._known.get(key)
        if decision is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            decision = self._known[key] = _decide(candidate, asking)[1]
        return decision


def _stuck(decisions: Iterable[Decision]) -> Refusal | None:
    """For whom it could not be made, with the worst of the reasons; None = it could for everyone."""
    why = {d.recipient: reason for d in decisions for reason in _STUCK if reason in d.because}
    return Refusal(next(r for r in _STUCK if r in why.values()), ",".join(why)) if why else None


def remember(patient: PatientState, event: Event, directory: Directory) -> PatientState:
    """The patient's state with what the event tells; nothing is learned while the identifiers point at two people."""
    if patient.conflict:
        return patient
    sender = (event.provider,) if directory.provider(event.provider) else ()
    return PatientState(
        event.municipality or patient.municipality,
        event.gps or patient.gps,
        patient.pathway.union(sender, directory.addressed(event.addressed)),
    )


def _decide(candidate: Candidate, asking: _Asking) -> tuple[Subscription | None, Decision]:
    """The decision on the first of the candidate's subscriptions, most detail first, that is not denied; else on the first of all."""
    event = asking.event
    answers: list[tuple[Subscription, Verdict]] = []
    for s in candidate.subscriptions:
        question = Question(
            event.provider, candidate.provider, event.labels, s.purpose, candidate.relations, asking.conflict, asking.items, None,
            event.kind, s.detail,
        )  # fmt: skip
        answers.append((s, decide(question, asking.policy, asking.now_us, asking.boundaries)))
    if not answers:
        because = (*(relation.value for relation in candidate.relations), NOT_SUBSCRIBED)
        return None, Decision(candidate.provider_id, Result.DENY, Rule.NO_RELATION, Detail.NOTICE, because=because)
    chosen, verdict = next((a for a in answers if a[1].result is not Result.DENY), answers[0])
    detail = least(chosen.detail, verdict.detail)
    return chosen, Decision(candidate.provider_id, verdict.result, verdict.rule, detail, chosen.id, verdict.because, verdict.dropped)


def least(asked: Detail, most: Detail | None) -> Detail:
    """What may be shown of what was asked for."""
    return most if most is not None and shows_more(asked, most) else asked


def _prepare(
    copies: Copies, candidate: Candidate, subscription: Subscription | None, decision: Decision, errors: list[str]
) -> tuple[Decision, Delivery | None]:
    """The decision with the bytes it lets out: of a hold too, so that they are the same whenever it is lifted.

    Where the message cannot be made into the recipient's form there is nothing to send: the decision becomes a hold that says so,
    and the plan carries the refusal, because that is for a person to mend and neither the patient's wish nor the recipient's doing.
    A bug in making it is that for this recipient too, and its class goes to ``errors``: the others have theirs.
    """
    recipient = candidate.provider
    if recipient is None or subscription is None or decision.result is Result.DENY:
        return decision, None
    channel, detail = recipient.deliver.channel, decision.detail
    form = recipient.deliver.form
    try:
        copy = copies.without(decision.dropped)
        if copy is None:  # nothing is left but that there was something
            return replace(decision, result=Result.DENY, dropped=()), None
        payload = copy.render(form, detail, recipient)
    except Rejected:
        return _held(decision, Reason.NO_TRANSLATION), None
    except Exception as exc:  # noqa: BLE001  # whatever the bug is, it is this recipient's message that cannot be made
        errors.append(type(exc).__name__)
        return _held(decision, Reason.INTERNAL_ERROR), None
    copy_id = copy.received.event_id if decision.dropped else ""
    return decision, Delivery(recipient.id, channel, form, detail, payload, subscription.purpose, decision.dropped, copy_id)


def _held(decision: Decision, reason: Reason) -> Decision:
    return replace(decision, result=Result.HOLD, because=(*decision.because, reason.value))
