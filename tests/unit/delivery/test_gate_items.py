"""The question asked again about a message of several items: may these very bytes go, or must they be made anew first?"""

from dataclasses import replace

import pytest

from hub.consent.question import Verdict
from hub.delivery.gate import UNSEEN, Moment, answer, ask_all, came_too_late, fits, must_be_made_anew
from hub.ledger.outbox import Asked, Parcel
from hub.model import (
    Base,
    Boundaries,
    Consent,
    Detail,
    Duty,
    Item,
    Kind,
    Policy,
    ProviderKind,
    Provision,
    Result,
    Rule,
    Span,
)  # fmt: skip
from tests.unit.delivery.test_gate import NOW, A, Known, parcel

LOINC = "http://loinc.org"
NA, HIV = (Item(name, "Observation", ("N",), ((LOINC, name),)) for name in ("na", "hiv"))
BOTH = replace(parcel("pathway"), items=(NA, HIV))
WITHOUT = replace(BOTH, dropped=("hiv",), copy_id="copy")
UNLOOKED = parcel("pathway")


def lock(*codes: str, consent_id: str = "c", period: Span | None = None) -> Consent:
    return Consent(consent_id, 1, True, Provision(True, period, codes=tuple((LOINC, c) for c in codes)), Base.LAW)


def verdict(given: Parcel, *consents: Consent, until: int = NOW) -> Verdict:
    return answer(given, Policy(consents), Known(), Moment(NOW, until))


@pytest.mark.parametrize(
    ("given", "consents", "result", "dropped", "goes", "anew"),
    [
        (BOTH, (), Result.PERMIT, (), True, False),
        (BOTH, (lock("hiv"),), Result.REDACT, ("hiv",), False, True),
        (WITHOUT, (lock("hiv"),), Result.REDACT, ("hiv",), True, False),
        (WITHOUT, (lock("na"),), Result.REDACT, ("na",), False, True),
        (WITHOUT, (), Result.PERMIT, (), True, False),  # what was left out stays out
        (BOTH, (lock("hiv"), lock("na", consent_id="d")), Result.DENY, (), False, False),
        (UNLOOKED, (), Result.PERMIT, (), True, False),
        (UNLOOKED, (lock("hiv"),), Result.HOLD, (), False, True),  # nobody knows whether it holds what is locked
        (UNLOOKED, (lock(),), Result.DENY, (), False, False),  # all of it is
        (replace(parcel("pathway"), items=()), (lock("hiv"),), Result.DENY, (), False, False),  # looked at, and nothing is known of it
    ],
)
def test_what_may_go_and_what_is_made_anew(
    given: Parcel, consents: tuple[Consent, ...], result: Result, dropped: tuple[str, ...], goes: bool, anew: bool  # noqa: FBT001
) -> None:  # fmt: skip
    found = verdict(given, *consents)
    assert (found.result, found.dropped) == (result, dropped)
    assert fits(given, found) is goes
    assert must_be_made_anew(given, found, releases=False) is anew
    assert (UNSEEN in found.because) is (result is Result.HOLD)


def test_what_may_be_shown_again_is_made_anew_only_where_the_setting_says_so() -> None:
    assert must_be_made_anew(WITHOUT, verdict(WITHOUT), releases=True)
    assert must_be_made_anew(replace(WITHOUT, dropped=("hiv", "na")), verdict(WITHOUT, lock("hiv")), releases=True)
    assert not must_be_made_anew(WITHOUT, verdict(WITHOUT, lock("hiv")), releases=True)
    assert not must_be_made_anew(WITHOUT, verdict(WITHOUT, lock()), releases=True)


def test_what_is_locked_by_the_end_of_the_claim_is_left_out() -> None:
    later = lock("hiv", period=Span(NOW + 5, None))
    sooner = lock("na", consent_id="d", period=Span(None, NOW + 4))
    assert verdict(BOTH, later).result is Result.PERMIT
    assert verdict(BOTH, later, until=NOW + 5).dropped == ("hiv",)
    assert verdict(BOTH, sooner, until=NOW + 5).dropped == ("na",)
    both = verdict(replace(BOTH, items=(NA, HIV, Item("k", "Observation", ("N",), ((LOINC, "k"),)))), later, sooner, until=NOW + 5)
    assert (both.result, set(both.dropped)) == (Result.REDACT, {"na", "hiv"})
    assert verdict(BOTH, lock(period=Span(NOW + 5, None)), until=NOW + 5).result is Result.DENY


def test_a_duty_to_notify_shows_no_more_than_it_must() -> None:
    """Everything is locked, but the law has the recipient told: of the bytes that show all, none go."""
    duty = Duty(Kind.ADMITTED, ProviderKind.GP, Detail.NOTICE)
    told = answer(UNLOOKED, Policy((lock(),)), Known(), Moment(NOW, NOW, Boundaries(duties=(duty,))))
    assert (told.result, told.rule, told.detail) == (Result.PERMIT, Rule.STATUTORY_DUTY, Detail.NOTICE)
    assert not fits(UNLOOKED, told)
    assert must_be_made_anew(UNLOOKED, told, releases=False)
    assert fits(replace(UNLOOKED, detail="notice"), told)


def test_equal_questions_are_equal_in_their_items_and_in_what_was_left_out() -> None:
    secret = replace(BOTH, items=(NA, replace(HIV, labels=("V",))))
    given = [Asked(p, Policy()) for p in (BOTH, secret, replace(secret, dropped=("hiv",)))]
    assert [v.result for _, v in ask_all(given, Known(), Moment(NOW, NOW))] == [Result.PERMIT, Result.REDACT, Result.REDACT]


@pytest.mark.parametrize(
    ("given", "before", "late"),
    [(BOTH, (), True), (WITHOUT, (), False), (BOTH, (lock("na", consent_id="d"),), True), (replace(BOTH, items=(NA,)), (), False)],
)
def test_a_lock_on_a_part_comes_too_late_for_what_shows_it(given: Parcel, before: tuple[Consent, ...], late: bool) -> None:  # noqa: FBT001
    new = lock("hiv")
    assert came_too_late(new, Asked(given, Policy(before)), Asked(given, Policy((*before, new))), A, (NOW,)) is late
