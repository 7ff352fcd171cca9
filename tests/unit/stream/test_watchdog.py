"""When a consumer is stuck, and when it only has nothing to do."""

from hub.stream.watchdog import Sight, Watchdog

MINE = frozenset({0})


def sight(end: int, done: int, other: int = 0) -> Sight:
    return Sight({0: end, 1: 10}, {0: done, 1: other})


def test_no_sign_of_life_while_there_is_something_to_do() -> None:
    dog = Watchdog(60.0)
    assert not dog.look(0.0, sight(5, 0), MINE, 7)
    assert not dog.look(59.9, sight(6, 0), MINE, 7)
    assert dog.look(60.0, sight(7, 0), MINE, 7)


def test_nothing_to_do_is_not_stuck() -> None:
    dog = Watchdog(60.0)
    assert not any(dog.look(float(t), sight(5, 5), MINE, 0) for t in range(0, 600, 10))


def test_a_retry_is_a_sign_of_life() -> None:
    dog = Watchdog(60.0)
    assert not any(dog.look(float(t), sight(5, 0), MINE, t) for t in range(0, 600, 10))


def test_progress_is_a_sign_of_life() -> None:
    dog = Watchdog(60.0)
    assert not any(dog.look(float(t), sight(900, t), MINE, 0) for t in range(0, 600, 10))


def test_assigned_nothing_while_others_work() -> None:
    dog = Watchdog(60.0)
    assert not any(dog.look(float(t), sight(900, t), frozenset(), 0) for t in range(0, 600, 10))


def test_assigned_nothing_and_nobody_works() -> None:
    dog = Watchdog(60.0)
    assert any(dog.look(float(t), sight(900, 0), frozenset(), 0) for t in range(0, 600, 10))


def test_behind_until_all_that_was_there_a_moment_ago_is_done() -> None:
    dog = Watchdog(60.0)
    assert dog.behind
    dog.look(0.0, sight(5, 0, 10), MINE, 0)
    assert dog.behind
    dog.look(1.0, sight(9, 4, 10), MINE, 0)
    assert dog.behind
    dog.look(2.0, sight(12, 9, 10), MINE, 0)
    assert not dog.behind
