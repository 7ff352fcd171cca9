"""The question asked again at every attempt: may this recipient have this message now? Pure."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from hub.consent.decide import decide
from hub.consent.question import Question, Verdict, relations_in
from hub.ledger.outbox import Asked, Parcel
from hub.model import Consent, Detail, Policy, Provider, Result, Rule, Subscription
from hub.routing.directory import patterns, shows_more

SUBSCRIPTION_ENDED: Final = "subscription_ended"  # among a verdict's reasons: what the recipient asked for then it does not ask for now


class Directory(Protocol):
    """The providers and subscriptions of this moment."""

    def get(self, provider_id: str) -> Provider | None:
        """The provider, or None when there is none of this id."""
        ...

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None when there is none of this id."""
        ...


def ask(parcel: Parcel, policy: Policy, recipient: Provider | None, now_us: int) -> Verdict:
    """Decide one delivery by the consents of this moment; what ties the recipient to the patient is as it was proven in transit."""
    question = Question(
        source=parcel.source,
        recipient=recipient,
        labels=parcel.labels,
        purpose=parcel.purpose,
        relations=relations_in(parcel.because),
        conflict=parcel.conflict,
    )
    return decide(question, policy, now_us)


def ask_all(batch: Iterable[Asked], directory: Directory, now_us: int, until_us: int) -> Iterator[tuple[Parcel, Verdict]]:
    """Decide each delivery of a batch. Questions that are equal, about patients who have written nothing, are decided once.

    until_us: what is permitted may begin to be sent as late as this, so it must be permitted then too.
    """
    known: dict[tuple[object, ...], Verdict] = {}
    for parcel, policy in ((asked.parcel, asked.policy) for asked in batch):
        if policy.consents or not policy.readable:
            yield parcel, _answer(parcel, policy, directory, now_us, until_us)
            continue
        key = (
            parcel.place.recipient, parcel.source, parcel.labels, parcel.purpose, parcel.because, parcel.subscription, parcel.kind,
            parcel.detail, parcel.conflict,
        )  # fmt: skip
        verdict = known.get(key)
        if verdict is None:
            verdict = known[key] = _answer(parcel, policy, directory, now_us, until_us)
        yield parcel, verdict


def _answer(parcel: Parcel, policy: Policy, directory: Directory, now_us: int, until_us: int) -> Verdict:
    """The consents' answer for all the time in which the sending may begin, and whether the recipient still asks for the message."""
    recipient = directory.get(parcel.place.recipient)
    verdict = ask(parcel, policy, recipient, now_us)
    if verdict.result is Result.PERMIT and not _is_wanted(parcel, directory.subscription(parcel.subscription)):
        return Verdict(Result.DENY, Rule.NO_RELATION, (SUBSCRIPTION_ENDED,))
    if verdict.result is Result.PERMIT and policy.consents:
        return ask(parcel, policy, recipient, until_us)
    return verdict


def _is_wanted(parcel: Parcel, subscription: Subscription | None) -> bool:
    """Whether the subscription would still bring the message, and as much of it, by what is kept of the event.

    Where the patient lives and lies is not kept, so a subscription that is narrowed in that stops only what comes later.
    """
    if subscription is None or subscription.provider != parcel.place.recipient or subscription.purpose != parcel.purpose:
        return False
    where = subscription.where
    return (
        not patterns(parcel.kind).isdisjoint(subscription.events)
        and where.source in ("", parcel.source)
        and (not where.relation or where.relation in parcel.because)
        and not shows_more(Detail(parcel.detail), subscription.detail)
    )


def came_too_late(consent: Consent, before: Asked, after: Asked, recipient: Provider | None, times_us: Iterable[int]) -> bool:
    """Whether a consent would have stopped a send that was under way when it came into force.

    before, after: the delivery without this version of the consent and with it. times_us: those between which the sending may have begun.
    """
    name = f"{consent.id}/{consent.version}"
    for now_us in times_us:
        verdict = ask(after.parcel, after.policy, recipient, now_us)
        if verdict.result is Result.PERMIT:
            continue
        if name in verdict.because or ask(before.parcel, before.policy, recipient, now_us).result is Result.PERMIT:
            return True
    return False
