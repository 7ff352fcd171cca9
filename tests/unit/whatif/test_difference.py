"""What one recipient sees of an event under one policy, beside what it sees under another."""

from dataclasses import replace

import pytest

from hub.model import Decision, Detail, Result, Rule
from hub.whatif.difference import Difference, differences

FULL = Decision("gp", Result.PERMIT, Rule.TREATING_RELATION, Detail.FULL, "s", ("gp",))
MINIMAL, NOTICE = replace(FULL, detail=Detail.MINIMAL), replace(FULL, detail=Detail.NOTICE)
LOCKED = replace(FULL, result=Result.DENY, rule=Rule.LOCKED, because=("c/1",))
PART = replace(FULL, result=Result.REDACT, dropped=("OBX.1",))
LESS = replace(PART, dropped=("OBX.1", "OBX.2"))
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
        (PART, FULL, True),
        (LESS, PART, True),
        (None, LESS, True),
        (LOCKED, PART, True),
        (FULL, PART, False),
        (PART, LESS, False),
        (LESS, HELD, False),
        (PART, None, False),
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


def test_who_sees_another_part_gains_and_loses() -> None:
    other = replace(PART, dropped=("OBX.2",))
    assert differences([PART], [other]) == (Difference("gp", True, PART, other), Difference("gp", False, PART, other))
    fewer = replace(PART, detail=Detail.MINIMAL, dropped=())
    assert differences([PART], [fewer]) == (Difference("gp", True, PART, fewer), Difference("gp", False, PART, fewer))


def test_recipients_are_told_apart_and_in_the_order_of_their_ids() -> None:
    one, other = replace(FULL, recipient="a"), replace(FULL, recipient="b")
    assert differences([other, FULL], [one, FULL]) == (Difference("a", True, None, one), Difference("b", False, other, None))
