"""The notice to the municipality: whom it concerns, when its clock runs, and its boundary to the microsecond."""

from dataclasses import replace

import pytest

from hub.ledger.episodes import Merge
from hub.model import Event, Kind
from hub.pathway.breach import breach_of
from hub.pathway.deadlines import NOTICE, Verdict, calls_for_the_same, notices, verdict
from hub.pathway.episode import joined
from tests.unit.pathway.test_episode import HOUR, event, told

DAY = 24 * HOUR


def admission(received_us: int = 100 * DAY, admitted_us: int | None = None) -> Event:
    return replace(event(Kind.ADMITTED), received_us=received_us, occurred_us=received_us, admitted_us=admitted_us)


@pytest.mark.parametrize(
    ("told_us", "now_us", "expected"),
    [
        (None, 10, Verdict.OPEN), (None, 11, Verdict.BREACHED), (10, 10, Verdict.MET), (10, 500, Verdict.MET),
        (11, 11, Verdict.BREACHED), (0, 5, Verdict.MET), (None, 9, Verdict.OPEN),
    ],
)  # fmt: skip
def test_told_at_the_deadline_is_in_time(told_us: int | None, now_us: int, expected: Verdict) -> None:
    assert verdict(10, told_us, now_us) is expected


@pytest.mark.parametrize(
    ("admitted_us", "due_us"),
    [
        (None, 101 * DAY),
        (100 * DAY - HOUR, 101 * DAY - HOUR),  # an hour until the message came: counted from the admission
        (100 * DAY + HOUR, 101 * DAY),  # in the future: not believed
        (99 * DAY + 1, 100 * DAY + 1),
        (99 * DAY, 101 * DAY),  # past already when the hub first hears of it
    ],
)
def test_when_the_clock_starts(admitted_us: int | None, due_us: int) -> None:
    (deadline,) = notices([told(admission(admitted_us=admitted_us))], 24.0)
    assert (deadline.name, deadline.due_us) == (NOTICE, due_us)


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        ([event(Kind.ADMITTED)], True),
        ([event(Kind.ADMITTED, cls="E")], True),
        ([event(Kind.ADMITTED, cls="")], True),
        ([event(Kind.ADMITTED, cls="O")], False),
        ([event(Kind.ADMITTED, town="")], False),
        ([event(Kind.ADMITTED, town=""), event(Kind.UPDATED, 1)], True),
        ([event(Kind.REGISTERED)], False),
        ([event(Kind.PREADMITTED)], False),
        ([event(Kind.TRANSFERRED)], False),  # nobody told of an admission: there is nothing to count from
        ([event(Kind.ADMITTED), event(Kind.ADMISSION_CANCELLED, 1)], False),
        ([event(Kind.ADMITTED), event(Kind.DISCHARGED, 1)], True),
        ([event(Kind.REGISTERED, cls="O"), event(Kind.CLASS_CHANGED, 1)], True),
        ([event(Kind.ADMITTED), event(Kind.CLASS_CHANGED, 1, cls="O")], False),
    ],
)
def test_which_stays_call_for_a_notice(events: list[Event], *, calls: bool) -> None:
    assert bool(notices([told(*events)], 24.0)) == calls


def test_a_correction_of_the_admission_keeps_the_deadlines_id() -> None:
    (first,) = notices([told(admission())], 24.0)
    (second,) = notices([told(admission(), event(Kind.TRANSFERRED, 1, ward="B"), event(Kind.DISCHARGED, 2))], 24.0)
    assert first.id == second.id


def test_a_merge_moves_the_deadline_to_the_survivor() -> None:
    row = told(admission())
    (before,) = notices([row], 24.0)
    (after,) = notices(joined([row], [Merge("p", "s", 1, 0, 9)]), 24.0)
    assert (after.id, after.due_us, after.patient_key) == (before.id, before.due_us, "s")


def test_what_changes_a_deadline() -> None:
    row = told(admission())
    assert calls_for_the_same(row, told(admission(), event(Kind.TRANSFERRED, 1, ward="B")))
    assert calls_for_the_same(None, told(event(Kind.REGISTERED)))
    assert not calls_for_the_same(None, row)
    assert not calls_for_the_same(row, told(admission(), event(Kind.ADMISSION_CANCELLED, 1)))


def test_a_breach_is_the_same_message_whenever_it_is_raised() -> None:
    row = told(admission())
    (deadline,) = notices([row], 24.0)
    first = breach_of(deadline.id, deadline.due_us, row, now_us=1)
    second = breach_of(deadline.id, deadline.due_us, told(admission(), event(Kind.DISCHARGED, 1)), now_us=2)
    assert (first.raw, first.event_id, first.control_id) == (second.raw, second.event_id, second.control_id)
    assert first.patient_key == "p"
    assert first.trigger == "pathway.deadline_breached"
