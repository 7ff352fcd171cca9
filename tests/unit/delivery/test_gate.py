"""The question asked again: as it was in transit, by the consents and the directory of now."""

from dataclasses import replace

import pytest

from hub.delivery.gate import Moment, ask, ask_all, came_too_late
from hub.ledger.outbox import Asked, Parcel, Place
from hub.model import Channel, Consent, Deliver, Detail, Identifier, Policy, Provider, ProviderKind, Result, Rule, Subscription, Where
from tests.consents import simple

NOW = 1_000_000
A = Provider("a", "A", ProviderKind.GP, "974749025", (), Deliver(Channel.MAILBOX))
SUSPENDED = Provider("a", "A", ProviderKind.GP, "974749025", (), Deliver(Channel.MAILBOX), suspended=True)
WHO = (Identifier("urn:hub:provider", "a"),)
LOCK = simple(actors=WHO)
PERMIT = simple("d", deny=False, actors=WHO)


WANTED = Subscription("s", "a", ("patient.*",), Where(), Detail.FULL)


def parcel(*because: str, purpose: str = "TREAT", labels: tuple[str, ...] = (), conflict: bool = False, detail: str = "full") -> Parcel:
    return Parcel(
        Place(0, 1, "a"), "e", "p", "h", 0, "mailbox", "fhir", detail, labels, purpose, "patient.admitted", 0, "s", because,
        frozenset(), "c", b"", conflict,
    )  # fmt: skip


class Known:
    """A directory of one provider and its subscription."""

    def __init__(self, subscription: Subscription | None = WANTED) -> None:
        self._subscription = subscription

    def get(self, provider_id: str) -> Provider | None:
        return A

    def subscription(self, subscription_id: str) -> Subscription | None:
        return self._subscription if subscription_id == "s" else None


def answer(given: Parcel, policy: Policy, directory: Known, until: int = NOW) -> tuple[Result, Rule, tuple[str, ...]]:
    ((_, verdict),) = ask_all([Asked(given, policy)], directory, Moment(NOW, until))
    return verdict.result, verdict.rule, verdict.because


@pytest.mark.parametrize(
    ("given", "policy", "recipient", "result", "rule"),
    [
        (parcel("pathway"), Policy(), A, Result.PERMIT, Rule.TREATING_RELATION),
        (parcel("pathway"), Policy((LOCK,)), A, Result.DENY, Rule.LOCKED),
        (parcel("pathway"), Policy((LOCK, PERMIT)), A, Result.DENY, Rule.LOCKED),
        (parcel("pathway"), Policy(readable=False), A, Result.HOLD, Rule.CONSENT_UNREADABLE),
        (parcel("pathway"), Policy(), None, Result.DENY, Rule.RECIPIENT_UNKNOWN),
        (parcel("pathway"), Policy(), SUSPENDED, Result.DENY, Rule.RECIPIENT_UNKNOWN),
        (parcel("d/1"), Policy((PERMIT,)), A, Result.PERMIT, Rule.EXPLICIT_PERMIT),
        (parcel("d/1"), Policy(), A, Result.DENY, Rule.NO_RELATION),  # the permit was taken back
        (parcel("d/1", "gp"), Policy(), A, Result.PERMIT, Rule.TREATING_RELATION),
        (parcel("pathway", conflict=True), Policy(), A, Result.HOLD, Rule.PATIENT_UNRESOLVED),
        (parcel("pathway", labels=("WHO-KNOWS",)), Policy(), A, Result.DENY, Rule.LABEL_UNKNOWN),
        (parcel(), Policy(), A, Result.DENY, Rule.NO_RELATION),  # no decision on record: nothing proves a relation
    ],
)
def test_rows(given: Parcel, policy: Policy, recipient: Provider | None, result: Result, rule: Rule) -> None:
    verdict = ask(given, policy, recipient, NOW)
    assert (verdict.result, verdict.rule) == (result, rule)


def test_a_batch_is_decided_as_each_of_it_is() -> None:
    """One patient's lock is nobody else's, whatever their messages have in common."""
    given = parcel("pathway")
    odd = parcel("pathway", labels=("WHO-KNOWS",))
    policies = [Policy(), Policy((LOCK,)), Policy(), Policy(readable=False), Policy((PERMIT,)), Policy()]
    batch = [Asked(p, policy) for policy in policies for p in (given, odd)]
    assert list(ask_all(batch, Known(), Moment(NOW, NOW))) == [(a.parcel, ask(a.parcel, a.policy, A, NOW)) for a in batch]


ENDED = (Result.DENY, Rule.NO_RELATION, ("subscription_ended",))
PERMITTED = (Result.PERMIT, Rule.TREATING_RELATION, ("pathway",))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (WANTED, PERMITTED),
        (replace(WANTED, events=("*",)), PERMITTED),
        (replace(WANTED, events=("patient.admitted", "x")), PERMITTED),
        (replace(WANTED, where=Where(source="h", relation="pathway")), PERMITTED),
        (replace(WANTED, where=Where(municipality="5001", ward="A1")), PERMITTED),  # not kept of the event, so not asked
        (None, ENDED),
        (replace(WANTED, provider="b"), ENDED),
        (replace(WANTED, events=("patient.discharged", "admission.*")), ENDED),
        (replace(WANTED, detail=Detail.MINIMAL), ENDED),
        (replace(WANTED, detail=Detail.NOTICE), ENDED),
        (replace(WANTED, purpose="HRESCH"), ENDED),
        (replace(WANTED, where=Where(source="x")), ENDED),
        (replace(WANTED, where=Where(relation="gp")), ENDED),
    ],
)
def test_a_subscription_that_was_ended_or_narrowed_stops_what_waits(now: Subscription | None, expected: object) -> None:
    assert answer(parcel("pathway"), Policy(), Known(now)) == expected


def test_a_subscription_to_more_stops_nothing_and_a_lock_is_named_first() -> None:
    assert answer(parcel("pathway", detail="notice"), Policy(), Known()) == PERMITTED
    assert answer(parcel("pathway"), Policy((LOCK,)), Known(None))[1] is Rule.LOCKED


def test_equal_questions_are_equal_in_what_the_subscription_is_asked_for() -> None:
    """Full and minimal of one kind to one recipient: the narrowed subscription stops the first only."""
    given = [Asked(parcel("pathway", detail=d), Policy()) for d in ("full", "minimal", "full")]
    verdicts = [v.result for _, v in ask_all(given, Known(replace(WANTED, detail=Detail.MINIMAL)), Moment(NOW, NOW))]
    assert verdicts == [Result.DENY, Result.PERMIT, Result.DENY]


@pytest.mark.parametrize(
    ("consents", "result"),
    [
        ((simple(actors=WHO, start_us=NOW + 5),), Result.DENY),
        ((simple(actors=WHO, start_us=NOW + 11),), Result.PERMIT),
        ((simple(actors=WHO, end_us=NOW + 5),), Result.DENY),
        ((simple("d", deny=False, actors=WHO, end_us=NOW + 5),), Result.DENY),
        ((simple("d", deny=False, actors=WHO, end_us=NOW + 10),), Result.PERMIT),
        ((simple("d", deny=False, actors=WHO, start_us=NOW + 5),), Result.DENY),
    ],
)
def test_what_is_permitted_must_be_so_for_as_long_as_it_may_begin(consents: tuple[Consent, ...], result: Result) -> None:
    tied = () if not consents[0].provision.deny else ("pathway",)
    assert answer(parcel(*tied), Policy(consents), Known(), until=NOW + 10)[0] is result


OTHERS = replace(LOCK, id="other")
ELSEWHERE = simple(actors=(Identifier("urn:hub:provider", "b"),))
LIFTED = replace(LOCK, version=2, active=False)
WITHDRAWN = replace(PERMIT, version=2, active=False)


@pytest.mark.parametrize(
    ("written", "before", "after", "because", "expected"),
    [
        (LOCK, (), (LOCK,), ("pathway",), True),
        (LOCK, (OTHERS,), (OTHERS, LOCK), ("pathway",), True),  # denied already, and by this one too: it is under way all the same
        (ELSEWHERE, (), (ELSEWHERE,), ("pathway",), False),
        (ELSEWHERE, (OTHERS,), (OTHERS, ELSEWHERE), ("pathway",), False),
        (LIFTED, (LOCK,), (LIFTED,), ("pathway",), False),
        (LIFTED, (LOCK, OTHERS), (LIFTED, OTHERS), ("pathway",), False),
        (PERMIT, (), (PERMIT,), (), False),
        (WITHDRAWN, (PERMIT,), (WITHDRAWN,), (), True),
        (WITHDRAWN, (PERMIT,), (WITHDRAWN,), ("pathway",), False),  # may have it without
        (simple(actors=WHO, start_us=NOW + 5), (), (simple(actors=WHO, start_us=NOW + 5),), ("pathway",), True),
        (simple(actors=WHO, start_us=NOW + 50), (), (simple(actors=WHO, start_us=NOW + 50),), ("pathway",), False),
    ],
)
def test_what_a_consent_came_too_late_for(
    written: Consent, before: tuple[Consent, ...], after: tuple[Consent, ...], because: tuple[str, ...], *, expected: bool
) -> None:
    given = parcel(*because)
    times = (NOW, NOW + 10)
    assert came_too_late(written, Asked(given, Policy(before)), Asked(given, Policy(after)), A, times) is expected


def test_no_consent_comes_too_late_for_the_source_itself() -> None:
    own = replace(parcel("pathway"), source="a")
    assert not came_too_late(LOCK, Asked(own, Policy()), Asked(own, Policy((LOCK,))), A, (NOW,))
