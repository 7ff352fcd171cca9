"""The question asked again at every attempt: may this recipient have this message now, and all that these bytes hold of it? Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

from hub.consent.decide import BOUNDARIES, decide
from hub.consent.narrowed import by_items
from hub.consent.question import Question, Verdict, relations_in
from hub.ledger.outbox import Asked, Parcel
from hub.model import Boundaries, Consent, Detail, Kind, Policy, Provider, Result, Rule, Subscription
from hub.routing.directory import patterns, shows_more

SUBSCRIPTION_ENDED: Final = "subscription_ended"  # among a verdict's reasons: what the recipient asked for then it does not ask for now
UNSEEN: Final = "items_unseen"  # ... the answer may differ from item to item, and nobody has looked at them yet: the message is to be read
_KINDS: Final = {kind.value: kind for kind in Kind}


class Directory(Protocol):
    """The providers and subscriptions of this moment."""

    def get(self, provider_id: str) -> Provider | None:
        """The provider, or None when there is none of this id."""
        ...

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None when there is none of this id."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is asked, and by which limits. until_us: what is permitted may begin to be sent as late as this, so it must be then too."""

    now_us: int
    until_us: int
    boundaries: Boundaries = BOUNDARIES


def ask(parcel: Parcel, policy: Policy, recipient: Provider | None, now_us: int, boundaries: Boundaries = BOUNDARIES) -> Verdict:
    """Decide one delivery by the consents of this moment; what ties the recipient to the patient is as it was proven in transit."""
    question = Question(
        source=parcel.source,
        recipient=recipient,
        labels=parcel.labels,
        purpose=parcel.purpose,
        relations=relations_in(parcel.because),
        conflict=parcel.conflict,
        items=parcel.items or (),
        kind=_KINDS.get(parcel.kind),
        detail=Detail(parcel.detail),
    )
    return decide(question, policy, now_us, boundaries)


def fits(parcel: Parcel, verdict: Verdict) -> bool:
    """Whether the bytes that were made show no more than the answer lets be shown."""
    if verdict.result is Result.PERMIT and verdict.detail is None:  # as nearly all are
        return True
    if verdict.result not in (Result.PERMIT, Result.REDACT):
        return False
    shows = verdict.detail is not None and shows_more(Detail(parcel.detail), verdict.detail)
    return not shows and set(verdict.dropped).issubset(parcel.dropped)


def must_be_made_anew(parcel: Parcel, verdict: Verdict, *, releases: bool) -> bool:
    """Whether the bytes are to be made anew before anything is sent: they show more than they may, or nobody knows what they show.

    releases: also when they show less than they may.
    """
    if UNSEEN in verdict.because:
        return True
    if verdict.result is Result.PERMIT and verdict.detail is None and not parcel.dropped:  # as nearly all are
        return False
    if verdict.result not in (Result.PERMIT, Result.REDACT):
        return False
    return not fits(parcel, verdict) or (releases and not set(parcel.dropped).issubset(verdict.dropped))


def ask_all(batch: Iterable[Asked], directory: Directory, moment: Moment) -> Iterator[tuple[Parcel, Verdict]]:
    """Decide each delivery of a batch. Questions that are equal, about patients who have written nothing, are decided once."""
    known: dict[tuple[object, ...], Verdict] = {}
    for parcel, policy in ((asked.parcel, asked.policy) for asked in batch):
        if policy.consents or not policy.readable:
            yield parcel, answer(parcel, policy, directory, moment)
            continue
        key = (
            parcel.place.recipient, parcel.source, parcel.labels, parcel.purpose, parcel.because, parcel.subscription, parcel.kind,
            parcel.detail, parcel.conflict, parcel.items, parcel.dropped,
        )  # fmt: skip
        verdict = known.get(key)
        if verdict is None:
            verdict = known[key] = answer(parcel, policy, directory, moment)
        yield parcel, verdict


def answer(parcel: Parcel, policy: Policy, directory: Directory, moment: Moment) -> Verdict:
    """The consents' answer for all the time in which the sending may begin, and whether the recipient still asks for the message."""
    recipient = directory.get(parcel.place.recipient)
    verdict = ask(parcel, policy, recipient, moment.now_us, moment.boundaries)
    may_go = verdict.result in (Result.PERMIT, Result.REDACT)
    if may_go and not _is_wanted(parcel, directory.subscription(parcel.subscription)):
        return Verdict(Result.DENY, Rule.NO_RELATION, (SUBSCRIPTION_ENDED,))
    if may_go and policy.consents:
        verdict = _stricter(verdict, ask(parcel, policy, recipient, moment.until_us, moment.boundaries))
    if verdict.result is Result.DENY and parcel.items is None and by_items(policy):
        return Verdict(Result.HOLD, verdict.rule, (UNSEEN, *verdict.because))
    return verdict


def _stricter(now: Verdict, until: Verdict) -> Verdict:
    """What holds at the end of a time in which both do: all that either leaves out."""
    if until.result not in (Result.PERMIT, Result.REDACT):
        return until
    dropped = tuple(dict.fromkeys((*now.dropped, *until.dropped)))
    details = [d for d in (now.detail, until.detail) if d is not None]
    least = next((d for d in details if not any(shows_more(d, other) for other in details)), None)
    lead = until if until.dropped else now
    return replace(lead, result=Result.REDACT if dropped else Result.PERMIT, dropped=dropped, detail=least)


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


def came_too_late(
    consent: Consent, before: Asked, after: Asked, recipient: Provider | None, times_us: Iterable[int], boundaries: Boundaries = BOUNDARIES
) -> bool:
    """Whether a consent would have stopped a send that was under way when it came into force, or some of what it shows.

    before, after: the delivery without this version of the consent and with it. times_us: those between which the sending may have begun.
    """
    name = f"{consent.id}/{consent.version}"
    for now_us in times_us:
        verdict = ask(after.parcel, after.policy, recipient, now_us, boundaries)
        if fits(after.parcel, verdict):
            continue
        if name in verdict.because or fits(before.parcel, ask(before.parcel, before.policy, recipient, now_us, boundaries)):
            return True
    return False
