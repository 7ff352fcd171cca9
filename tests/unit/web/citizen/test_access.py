"""What a lock would change, in people's words: whole messages, and parts of them."""

from typing import Any

from hub.model import Decision, Detail, Kind, Result, Rule
from hub.routing.directory import Directory
from hub.web.citizen.access import Effect, effects
from hub.web.citizen.vocabulary import KINDS
from hub.whatif.replay import Change

NOBODY = Directory((), (), 1)


def decision(result: Result) -> Decision:
    return Decision("gp", result, Rule.TREATING_RELATION, Detail.FULL)


def change(before: Any, after: Any, *, gains: bool = False, kind: str = "observation.reported") -> Change:
    return Change("e", kind, "olav", 1, "gp", gains, before and decision(before), after and decision(after))


def test_a_message_without_a_part_of_it_is_not_one_that_would_not_have_come() -> None:
    found = [
        change(Result.PERMIT, Result.DENY), change(Result.PERMIT, Result.REDACT), change(Result.PERMIT, Result.REDACT),
        change(Result.REDACT, Result.PERMIT, gains=True), change(Result.DENY, Result.REDACT, gains=True),
        change(None, Result.PERMIT, gains=True),
    ]  # fmt: skip
    (kind,) = {KINDS[k] for k in KINDS if k.value == "observation.reported"}
    assert sorted(effects(found, NOBODY, {"e"}, is_own=True), key=lambda e: (e.gains, e.is_part)) == [
        Effect("gp", False, False, 1, (kind,)), Effect("gp", False, True, 2, (kind,)), Effect("gp", True, False, 2, (kind,)),
        Effect("gp", True, True, 1, (kind,)),
    ]  # fmt: skip


def test_of_what_may_not_be_shown_only_the_patient_learns_and_not_what() -> None:
    hidden = [change(Result.PERMIT, Result.DENY), change(Result.PERMIT, Result.DENY, kind="document.published")]
    assert effects(hidden, NOBODY, set(), is_own=True) == [Effect("gp", False, False, 2, ())]
    assert effects(hidden, NOBODY, set(), is_own=False) == []
    mixed = [*hidden, change(Result.PERMIT, Result.DENY)._replace(event_id="f", kind="patient.admitted")]
    (own,), (other,) = (effects(mixed, NOBODY, {"f"}, is_own=mine) for mine in (True, False))
    assert (own.count, other.count, own.kinds, other.kinds) == (3, 1, other.kinds, own.kinds)
    assert [said[1] for said in own.kinds] == [KINDS[Kind.ADMITTED][1]]
