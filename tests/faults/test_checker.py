"""The checker itself: a clean record passes, and each seeded breach is found by the invariant that names it."""

from dataclasses import replace

import pytest

from tests.faults.checker import Region, check, repeats
from tests.faults.history import Arrived, History, Locked, Sent, Settled, Stay

REGION = Region(entitled={"P1": frozenset({"a", "b"}), "P2": frozenset({"a"})}, providers=frozenset({"a", "b"}))


def sent(cid: str, patient: str = "P1", seq: int = 1, outcome: str = "ok", at: float = 1.0) -> Sent:
    return Sent(cid, patient, seq, f"d{cid}", outcome, "AA", at, at + 0.1)


def arrived(provider: str, cid: str, patient: str = "P1", at: float = 2.0, answered: str = "AA", digest: str = "") -> Arrived:
    return Arrived(provider, cid, patient, digest or f"x{cid}", at, at + 0.01, answered)


def clean() -> History:
    h = History()
    h.sent = [sent("1", seq=1, at=1.0), sent("2", seq=2, at=1.5), sent("3", "P2", 1, at=1.2)]
    h.arrived = [arrived("a", "1"), arrived("b", "1"), arrived("a", "2", at=3), arrived("b", "2", at=3), arrived("a", "3", "P2")]
    h.settled = [Settled(a.control_id, a.provider, "delivered") for a in h.arrived]
    return h


def found(history: History) -> set[str]:
    return {v.invariant for v in check(history, REGION)}


def test_a_clean_record_passes() -> None:
    assert check(clean(), REGION) == []


def test_a_repeat_with_the_same_bytes_is_no_violation_but_is_counted() -> None:
    h = clean()
    h.arrived.append(arrived("a", "1", at=2.5))
    assert check(h, REGION) == []
    assert repeats(h) == pytest.approx(1 / 6)


def lose(h: History) -> None:
    h.arrived = [a for a in h.arrived if (a.provider, a.control_id) != ("b", "2")]
    h.settled = [s for s in h.settled if (s.provider, s.control_id) != ("b", "2")]


def lie(h: History) -> None:
    h.arrived = [a for a in h.arrived if (a.provider, a.control_id) != ("b", "2")]


def lose_unanswered(h: History) -> None:
    h.arrived = [replace(a, answered="") if (a.provider, a.control_id) == ("a", "1") else a for a in h.arrived]
    h.settled = [s for s in h.settled if (s.provider, s.control_id) != ("a", "1")]


def withhold_without_a_lock(h: History) -> None:
    lose(h)
    h.settled.append(Settled("2", "b", "withheld"))


def leak_to_a_stranger(h: History) -> None:
    h.arrived.append(arrived("b", "3", "P2"))


def leak_after_a_lock(h: History) -> None:
    h.locked.append(Locked("P1", "b", 2.0, 2.5))


def leak_after_a_lock_on_everyone(h: History) -> None:
    h.locked.append(Locked("P1", "", 2.0, 2.5))


def leak_of_a_locked_part(h: History) -> None:
    h.arrived.append(replace(arrived("b", "2", at=3.5), shows=True, digest="whole"))
    h.locked.append(Locked("P1", "b", 2.0, 2.5, part=True))


def leak_before_the_lock_was_lifted(h: History) -> None:
    h.locked.append(Locked("P1", "b", 2.0, 2.5, lifted=3.5))


def a_part_comes_back(h: History) -> None:
    h.arrived.append(replace(arrived("b", "2", at=3.5), shows=True, digest="whole"))


def other_bytes(h: History) -> None:
    h.arrived.append(arrived("a", "1", at=2.5, digest="other"))


def new_id(h: History) -> None:
    h.arrived.append(arrived("a", "1-again", at=2.5))


def reorder(h: History) -> None:
    h.arrived = [replace(a, started=1.9) if (a.provider, a.control_id) == ("a", "2") else a for a in h.arrived]


def never_answer(h: History) -> None:
    h.sent.append(Sent("9", "P2", 9, "d", "fail", "", 0.0, 500.0, tries=2, silent=1))


def refuse_without_a_refusal(h: History) -> None:
    lose(h)
    h.settled.append(Settled("2", "b", "refused"))


def lose_an_episode(h: History) -> None:
    h.stays.append(Stay("P1", ()))


def double_an_episode(h: History) -> None:
    h.stays.append(Stay("P1", ("admitted", "admitted")))


def never_heal(h: History) -> None:
    h.left = 1


@pytest.mark.parametrize(
    ("seed", "invariant"),
    [
        (lose, "I1"),
        (lie, "I1"),
        (lose_unanswered, "I1"),
        (withhold_without_a_lock, "I1"),
        (leak_to_a_stranger, "I2"),
        (leak_after_a_lock, "I2"),
        (leak_after_a_lock_on_everyone, "I2"),
        (leak_of_a_locked_part, "I2"),
        (leak_before_the_lock_was_lifted, "I2"),
        (a_part_comes_back, "I3"),
        (other_bytes, "I3"),
        (new_id, "I3"),
        (reorder, "I4"),
        (never_answer, "I5"),
        (refuse_without_a_refusal, "I1"),
        (lose_an_episode, "I3"),
        (double_an_episode, "I3"),
        (never_heal, "I7"),
    ],
)
def test_each_seeded_breach_is_found(seed: object, invariant: str) -> None:
    history = clean()
    seed(history)  # type: ignore[operator]
    assert invariant in found(history)


def test_a_send_named_as_under_way_is_no_leak() -> None:
    h = clean()
    h.locked.append(Locked("P1", "b", 2.0, 2.5, frozenset({("2", "b")})))
    assert check(h, REGION) == []


def test_what_is_begun_once_a_lock_is_asked_to_be_lifted_is_no_leak() -> None:
    h = clean()
    h.locked.append(Locked("P1", "b", 2.0, 2.5, lifted=2.9))
    assert check(h, REGION) == []


def test_what_does_not_show_a_locked_part_is_no_leak_and_a_part_may_be_lost() -> None:
    h = clean()
    h.locked.append(Locked("P1", "b", 2.0, 2.5, part=True))
    h.arrived.append(replace(arrived("b", "2", at=2.2), shows=True, digest="whole"))
    assert check(h, REGION) == []


def test_a_lock_on_a_part_explains_no_loss() -> None:
    h = clean()
    withhold_without_a_lock(h)
    h.locked.append(Locked("P1", "b", 2.2, 2.5, part=True))
    assert found(h) == {"I1"}


def test_a_withheld_message_is_explained_by_a_lock() -> None:
    h = clean()
    withhold_without_a_lock(h)
    h.locked.append(Locked("P1", "b", 2.2, 2.5))
    assert check(h, REGION) == []


def test_what_a_receiver_refused_is_explained() -> None:
    h = clean()
    refuse_without_a_refusal(h)
    h.arrived.append(arrived("b", "2", at=3, answered="AE"))
    assert check(h, REGION) == []
