"""The whole flow of one message: what it means, who wants it, who may have it, what each gets to see.

Pure: the same message, patient, consents, directory and time give the same plan, so a replay changes nothing. Only here does
"who wants it" (routing) meet "who may have it" (consent).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hub.consent.decide import decide
from hub.consent.question import Question, Verdict
from hub.errors import Reason, Rejected
from hub.model import (
    Decision,
    Delivery,
    Detail,
    Event,
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
from hub.routing.directory import Candidate, Directory

# Words of a decision's reasons
NOT_SUBSCRIBED: Final = "not_subscribed"
_STUCK: Final = (Reason.INTERNAL_ERROR, Reason.NO_TRANSLATION)  # why it cannot be made for one recipient, the worse first


def plan(message: Message, patient: PatientState, policy: Policy, directory: Directory, now_us: int) -> Plan:
    """Everything the message leads to. Raises nothing: what cannot be read is quarantined with its reason.

    patient and policy: as read at ``now_us``, the moment of deciding.
    """
    received = message.received
    if received.refusal is not None:
        return Plan(received, Outcome.QUARANTINED, refusal=received.refusal)
    try:
        event = message.event()
    except Rejected as exc:
        return Plan(received, Outcome.QUARANTINED, refusal=Refusal(exc.reason, exc.where))
    after = _remember(patient, event, directory)
    decisions, deliveries, errors = list[Decision](), list[Delivery](), list[str]()
    for candidate in directory.candidates(event, after):
        subscription, decision = _decide(candidate, event, after, policy, now_us)
        decision, delivery = _prepare(message, candidate, subscription, decision, errors)
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
    )


def decided(event: Event, patient: PatientState, policy: Policy, directory: Directory, now_us: int) -> list[Decision]:
    """Everyone the event concerns, decided as ``plan`` decides of a message that means it; nothing is made to be sent."""
    after = _remember(patient, event, directory)
    return [_decide(candidate, event, after, policy, now_us)[1] for candidate in directory.candidates(event, after)]


def _stuck(decisions: Iterable[Decision]) -> Refusal | None:
    """For whom it could not be made, with the worst of the reasons; None = it could for everyone."""
    why = {d.recipient: reason for d in decisions for reason in _STUCK if reason in d.because}
    return Refusal(next(r for r in _STUCK if r in why.values()), ",".join(why)) if why else None


def _remember(patient: PatientState, event: Event, directory: Directory) -> PatientState:
    """The patient's state with what the event tells; nothing is learned while the identifiers point at two people."""
    if patient.conflict:
        return patient
    sender = (event.provider,) if directory.provider(event.provider) else ()
    return PatientState(
        event.municipality or patient.municipality,
        event.gps or patient.gps,
        patient.pathway.union(sender, directory.addressed(event.addressed)),
    )


def _decide(candidate: Candidate, event: Event, patient: PatientState, policy: Policy, now_us: int) -> tuple[Subscription | None, Decision]:
    """The decision on the first of the candidate's subscriptions, most detail first, that is not denied; else on the first of all."""
    answers: list[tuple[Subscription, Verdict]] = []
    for subscription in candidate.subscriptions:
        question = Question(event.provider, candidate.provider, event.labels, subscription.purpose, candidate.relations, patient.conflict)
        answers.append((subscription, decide(question, policy, now_us)))
    if not answers:
        because = (*(relation.value for relation in candidate.relations), NOT_SUBSCRIBED)
        return None, Decision(candidate.provider_id, Result.DENY, Rule.NO_RELATION, Detail.NOTICE, because=because)
    chosen, verdict = next((a for a in answers if a[1].result is not Result.DENY), answers[0])
    return chosen, Decision(candidate.provider_id, verdict.result, verdict.rule, chosen.detail, chosen.id, verdict.because)


def _prepare(
    message: Message, candidate: Candidate, subscription: Subscription | None, decision: Decision, errors: list[str]
) -> tuple[Decision, Delivery | None]:
    """The decision with the bytes it lets out: of a hold too, so that they are the same whenever it is lifted.

    Where the message cannot be made into the recipient's form there is nothing to send: the decision becomes a hold that says so,
    and the plan carries the refusal, because that is for a person to mend and neither the patient's wish nor the recipient's doing.
    A bug in making it is that for this recipient too, and its class goes to ``errors``: the others have theirs.
    """
    recipient = candidate.provider
    if recipient is None or subscription is None or decision.result is Result.DENY:
        return decision, None
    channel, detail = recipient.deliver.channel, subscription.detail
    form = recipient.deliver.form
    try:
        payload = message.render(form, detail, recipient)
    except Rejected:
        return _held(decision, Reason.NO_TRANSLATION), None
    except Exception as exc:  # noqa: BLE001  # whatever the bug is, it is this recipient's message that cannot be made
        errors.append(type(exc).__name__)
        return _held(decision, Reason.INTERNAL_ERROR), None
    return decision, Delivery(recipient.id, channel, form, detail, payload, subscription.purpose)


def _held(decision: Decision, reason: Reason) -> Decision:
    return replace(decision, result=Result.HOLD, because=(*decision.because, reason.value))
