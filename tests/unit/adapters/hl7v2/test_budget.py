"""What connections may hold together: who must stop, who goes on, and that nobody waits for ever."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.hl7v2.budget import SHARE_BYTES, Budget

LARGE = SHARE_BYTES + 1


class Reader:
    def __init__(self) -> None:
        self.is_reading = True

    def read_again(self) -> None:
        self.is_reading = True

    def bring(self, budget: Budget, size: int) -> None:
        budget.held += size
        self.is_reading = size <= SHARE_BYTES or not budget.must_stop(self)


def test_beyond_the_bound_those_who_hold_much_stop_and_go_on_when_there_is_room() -> None:
    budget, first, second, small = Budget(2 * LARGE), Reader(), Reader(), Reader()
    first.bring(budget, LARGE)
    second.bring(budget, 2 * LARGE)
    small.bring(budget, 10)
    assert [r.is_reading for r in (first, second, small)] == [True, False, True]
    budget.release(2 * LARGE)
    assert second.is_reading


def test_one_at_a_time_goes_on_whatever_is_held() -> None:
    budget, readers = Budget(LARGE), [Reader() for _ in range(3)]
    for reader in readers:
        reader.bring(budget, LARGE)
    assert [r.is_reading for r in readers] == [True, False, False]
    budget.sweep()
    assert [r.is_reading for r in readers] == [True, True, False]
    readers[1].bring(budget, LARGE)  # its turn, however much it brings
    assert readers[1].is_reading
    budget.sweep()
    assert [r.is_reading for r in readers] == [True, True, True]
    readers[1].bring(budget, LARGE)  # its turn is over
    assert [r.is_reading for r in readers] == [True, False, True]
    budget.gone(readers[2])
    budget.sweep()
    assert readers[1].is_reading


def test_one_who_is_gone_is_not_told() -> None:
    budget, reader, other = Budget(LARGE), Reader(), Reader()
    reader.bring(budget, 2 * LARGE)
    other.bring(budget, 2 * LARGE)
    budget.gone(reader)
    budget.release(3 * LARGE + 1)
    assert (reader.is_reading, other.is_reading) == (False, True)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5 * SHARE_BYTES)), max_size=40))
def test_all_read_again_once_nothing_is_held(steps: list[Any]) -> None:
    budget, readers = Budget(3 * SHARE_BYTES), [Reader() for _ in range(5)]
    brought = 0
    for place, size in steps:
        if readers[place].is_reading:
            readers[place].bring(budget, size)
            brought += size
    budget.release(brought)
    for _ in range(6):
        budget.sweep()
    assert budget.held == 0
    assert all(r.is_reading for r in readers)
