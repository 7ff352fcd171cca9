"""Numbers: given in order to what may be shown and has none; what may not be shown is not there to be counted."""

from hypothesis import given
from hypothesis import strategies as st

from hub.delivery.events import Wanted, numbers

EVERY = Wanted()


def test_new_events_take_the_next_numbers() -> None:
    assert numbers([1, 2, None, None], 5, EVERY) == [1, 2, 5, 6]


def test_nothing_outside_the_range_is_told_or_numbered() -> None:
    assert numbers([1, 2, None, None, None], 3, Wanted(2, 4)) == [None, 2, 3, 4, None]
    assert numbers([None], 3, Wanted(4)) == [None]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[bool, bool]], int]:
    """Events in the order in which they are found (may it be shown, was it asked for), as rounds of questions."""
    return draw(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30)), draw(st.integers(1, 5))


@given(histories())
def test_what_was_never_shown_might_as_well_not_have_been(history: tuple[list[tuple[bool, bool]], int]) -> None:
    """Round after round, whatever is denied in all of them: the others have the numbers that they would have alone."""
    events, rounds = history

    def told(population: list[int]) -> list[dict[int, int]]:
        known: dict[int, int] = {}
        answers = []
        for n in range(1, rounds + 1):
            found = [e for e in population[: len(population) * n // rounds] if events[e][0]]
            given = numbers([known.get(e) for e in found], len(known) + 1, EVERY)
            known |= {e: number for e, number in zip(found, given, strict=True) if number is not None}
            answers.append(dict(known))
        return answers

    everything = list(range(len(events)))
    permitted = [e for e in everything if events[e][0]]
    assert told(everything)[-1] == told(permitted)[-1]
    assert sorted(told(everything)[-1].values()) == list(range(1, len(permitted) + 1))


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 25), st.integers(0, 25))
def test_the_range_decides_what_is_told_and_never_which_number_it_has(is_new: list[bool], since: int, until: int) -> None:
    before = sum(not new for new in is_new)
    known = [*range(1, before + 1), *[None] * (len(is_new) - before)]
    whole = numbers(known, before + 1, EVERY)
    assert whole == list(range(1, len(is_new) + 1))
    part = numbers(known, before + 1, Wanted(since, until))
    may_be_given = since <= before + 1  # a number is never left out
    assert part == [n if since <= n <= until and (n <= before or may_be_given) else None for n in whole if n is not None]
