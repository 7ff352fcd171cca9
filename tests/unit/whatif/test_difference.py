"""What one recipient sees of an event under one policy, beside what it sees under another."""

from dataclasses import replace

import pytest

from hub.model import Decision, Detail, Result, Rule
from hub.whatif.difference import Difference, differences

FULL = Decision("gp", Result.PERMIT, Rule.TREATING_RELATION, Detail.FULL, "s", ("gp",))
MINIMAL, NOTICE = replace(FULL, detail=Detail.MINIMAL), replace(FULL, detail=Detail.NOTICE)
LOCKED = replace(FULL, result=Result.DENY, rule=Rule.LOCKED, because=("c/1",))
HELD = replace(FULL, result=Result.HOLD, rule=Rule.CONSENT_UNREADABLE)


@pytest.mark.parametrize(
    ("before", "after", "gains"),
    [
        (None, FULL, True),
        (LOCKED, FULL, True),
        (HELD, FULL, True),
        (NOTICE, MINIMAL, True),
        (MINIMAL, FULL, True),
        (FULL, None, False),
        (FULL, LOCKED, False),
        (FULL, HELD, False),
        (FULL, MINIMAL, False),
        (MINIMAL, NOTICE, False),
    ],
)
def test_who_sees_more_gains_and_who_sees_less_loses(before: Decision | None, after: Decision | None, gains: bool) -> None:  # noqa: FBT001
    assert differences([d for d in [before] if d], [d for d in [after] if d]) == (Difference("gp", gains, before, after),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, LOCKED),
        (LOCKED, None),
        (LOCKED, HELD),
        (FULL, replace(FULL, rule=Rule.EXPLICIT_PERMIT, subscription="other")),
        (replace(LOCKED, detail=Detail.NOTICE), LOCKED),
    ],
)
def test_another_reason_for_the_same_sight_is_no_difference(before: Decision | None, after: Decision | None) -> None:
    assert differences([d for d in [before] if d], [d for d in [after] if d]) == ()


def test_recipients_are_told_apart_and_in_the_order_of_their_ids() -> None:
    one, other = replace(FULL, recipient="a"), replace(FULL, recipient="b")
    assert differences([other, FULL], [one, FULL]) == (Difference("a", True, None, one), Difference("b", False, other, None))
