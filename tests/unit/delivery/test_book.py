"""What follows each way a send can end, as a table; and what the ledger is told of the claims."""

import pytest

from hub.consent.question import Verdict
from hub.delivery.book import Became, Book, Ended
from hub.delivery.channel import NOT_BEGUN, Sent, failed
from hub.delivery.lanes import Lanes
from hub.delivery.retry import Backoff
from hub.ledger.delivery import Settlement
from hub.ledger.outbox import Claim, Parcel, Place, Remainder, Waiting
from hub.model import AttemptOutcome, Result, Rule

BACKOFF = Backoff(0.5, 60.0)
PERMIT = Verdict(Result.PERMIT, Rule.TREATING_RELATION)


def parcel(off: int, attempts: int = 0) -> Parcel:
    return Parcel(
        Place(0, off, "a"), f"e{off}", f"p{off}", "h", 0, "mllp", "hl7v2", "full", (), "TREAT", "patient.admitted", attempts, "", (),
        frozenset(), "c", b"",
    )  # fmt: skip


def book(count: int) -> tuple[Book, Lanes, dict[Place, Waiting]]:
    lanes = Lanes(BACKOFF)
    for off in range(count):
        lanes.offer(Waiting(Place(0, off, "a"), f"p{off}", 0, 0, 0), lanes.destination("a"))
    rows = {row.place: row for row in lanes.take(1, count)}
    return Book(lanes, BACKOFF, 250_000), lanes, rows


@pytest.mark.parametrize(
    ("sent", "outcome", "code", "parked", "settles"),
    [
        (Sent(AttemptOutcome.DELIVERED, "AA"), AttemptOutcome.DELIVERED, "AA", "", True),
        (Sent(AttemptOutcome.REFUSED, "AE"), AttemptOutcome.REFUSED, "AE", "AE", False),
        (failed("timeout"), AttemptOutcome.FAILED, "timeout", "", False),
        (failed("connect", unreachable=True), AttemptOutcome.FAILED, "connect", "", False),
    ],
)
def test_what_follows(sent: Sent, outcome: AttemptOutcome, code: str, parked: str, *, settles: bool) -> None:
    b, _, rows = book(1)
    b.begin(Claim(7, (parcel(0),)), rows, 1)
    into = Settlement()
    b.settle([Ended(parcel(0), sent, 10, 20)], into, 30)
    (attempt,) = into.attempts
    assert (attempt.n, attempt.started_us, attempt.ended_us) == (1, 10, 20)
    assert (attempt.outcome, attempt.code, attempt.parked, attempt.settles) == (outcome, code, parked, settles)
    assert (attempt.next_us > 20) == (outcome is AttemptOutcome.FAILED)
    assert into.claims == [7]
    assert len(b) == 0


@pytest.mark.parametrize("hold", [True, False])
def test_what_has_a_form_its_recipient_takes_no_more_is_parked_and_nobodys_failure(*, hold: bool) -> None:
    lanes = Lanes(BACKOFF)
    for off in range(2):
        lanes.offer(Waiting(Place(0, off, "a"), "p", off, 0, 0), lanes.destination("a", hold=hold))
    (row,) = lanes.take(1, 5)
    made = Book(lanes, BACKOFF, 250_000).unsendable(row, parcel(0), 5)
    assert (made.outcome, made.code, made.parked, made.settles) == (AttemptOutcome.HELD, "form_changed", "form_changed", False)
    assert [r.place.off for r in lanes.take(6, 5)] == ([] if hold else [1])
    assert (lanes.destination("a").failures, lanes.destination("a").down_until_us) == (0, 0)


def test_what_was_made_anew_is_asked_about_at_once_and_before_the_patients_next() -> None:
    lanes = Lanes(BACKOFF)
    for off in range(2):
        lanes.offer(Waiting(Place(0, off, "a"), "p", off, 0, 0), lanes.destination("a"))
    (row,) = lanes.take(1, 5)
    made = Book(lanes, BACKOFF, 250_000).remade(row, parcel(0), Became.READY, PERMIT, 5)
    assert (made.outcome, made.code, made.parked, made.next_us, made.settles) == (AttemptOutcome.HELD, "made_anew", "", 5, False)
    assert [r.place.off for r in lanes.take(5, 5)] == [0]


def test_what_cannot_be_made_without_its_part_is_parked_and_holds_up_the_patients_next() -> None:
    lanes = Lanes(BACKOFF)
    for off in range(2):
        lanes.offer(Waiting(Place(0, off, "a"), "p", off, 0, 0), lanes.destination("a"))
    (row,) = lanes.take(1, 5)
    made = Book(lanes, BACKOFF, 250_000).remade(row, parcel(0), Became.STUCK, PERMIT, 5)
    assert (made.outcome, made.code, made.parked) == (AttemptOutcome.HELD, "not_redactable", "not_redactable")
    assert lanes.take(6, 5) == []


@pytest.mark.parametrize(("rule", "consents"), [(Rule.LOCKED, ("c", "d")), (Rule.NO_RELATION, ())])
def test_what_a_lock_withheld_is_found_by_the_lock(rule: Rule, consents: tuple[str, ...]) -> None:
    b, _, rows = book(1)
    verdict = Verdict(Result.DENY, rule, ("c/1", "d/2", "gp"))
    made = b.answered(rows[Place(0, 0, "a")], parcel(0), verdict, 5)
    assert (made.outcome, made.consents) == (AttemptOutcome.WITHHELD, consents)


def test_what_was_not_begun_is_no_attempt() -> None:
    b, lanes, rows = book(1)
    b.begin(Claim(7, (parcel(0),)), rows, 1)
    into = Settlement()
    b.settle([Ended(parcel(0), NOT_BEGUN, 10, 20)], into, 30)
    assert into.attempts == []
    assert into.claims == [7]
    assert [r.place.off for r in lanes.take(31, 5)] == [0]


def test_a_pause_the_receiver_asks_for_is_kept() -> None:
    b, lanes, rows = book(2)
    b.begin(Claim(7, (parcel(0), parcel(1))), rows, 1)
    into = Settlement()
    b.settle([Ended(parcel(0), failed("429", retry_after_us=90_000_000), 10, 20)], into, 30)
    assert into.attempts[0].next_us >= 90_000_020
    assert lanes.take(80_000_000, 5) == []


def test_a_claim_held_open_names_only_what_is_under_way() -> None:
    b, _, rows = book(3)
    b.begin(Claim(7, (parcel(0), parcel(1), parcel(2))), rows, 1)
    first = Settlement()
    b.settle([Ended(parcel(0), Sent(AttemptOutcome.DELIVERED, "AA"), 10, 20)], first, 30)
    assert (first.claims, first.remainders) == ([], [])
    later = Settlement()
    b.settle([], later, 300_000)
    assert later.remainders == [Remainder(7, (Place(0, 1, "a"), Place(0, 2, "a")), ("p1", "p2"))]
    again = Settlement()
    b.settle([], again, 400_000)
    assert not again


def test_denied_is_withheld_and_held_is_asked_again() -> None:
    b, lanes, rows = book(2)
    denied = b.answered(rows[Place(0, 0, "a")], parcel(0), Verdict(Result.DENY, Rule.LOCKED), 5)
    held = b.answered(rows[Place(0, 1, "a")], parcel(1), Verdict(Result.HOLD, Rule.CONSENT_UNREADABLE), 5)
    assert (denied.outcome, denied.code, denied.settles) == (AttemptOutcome.WITHHELD, "11-locked", True)
    assert (held.outcome, held.code, held.settles) == (AttemptOutcome.HELD, "2-consent-unreadable", False)
    assert held.next_us > 5
    assert [r.place.off for r in lanes.take(held.next_us, 5)] == [1]


@pytest.mark.parametrize("hold", [True, False])
def test_a_hold_for_who_the_patient_is_waits_for_somebody_to_end_it(*, hold: bool) -> None:
    """It is not asked about again, and the patient's later messages wait or go by the recipient's setting, as behind a refusal."""
    lanes = Lanes(BACKOFF)
    for off in range(2):
        lanes.offer(Waiting(Place(0, off, "a"), "p", 0, 0, 0), lanes.destination("a", hold=hold))
    (row,) = lanes.take(1, 5)
    made = Book(lanes, BACKOFF, 250_000).answered(row, parcel(0), Verdict(Result.HOLD, Rule.PATIENT_UNRESOLVED), 5)
    assert (made.outcome, made.code, made.parked) == (AttemptOutcome.HELD, "1-patient-unresolved", "1-patient-unresolved")
    assert [r.place.off for r in lanes.take(10**12, 5)] == ([] if hold else [1])
