"""The mutants of tables: every entry is left out once, every word and figure changed once, and what is listed as the same is checked."""

from tests.mutation.judge import Survivor, judge
from tests.mutation.tables import mutants

SOURCE = '''
"""Words."""
from typing import Final

CODES: Final = frozenset({"A", "B"})
RANKS: Final = {"a": 1}
LIMIT: Final = 3
_Alias = tuple[str, int]


@dataclass(frozen=True)
class Row:
    """A row."""

    name: str = "x"

    @property
    def open(self) -> bool:
        """Whether it is."""
        return self.name == "x" and not self.closed

    def untouched(self) -> int:
        return 1


def also_untouched() -> int:
    return 1


@cache
def cached(n: int) -> int:
    return n + 1


ROWS: Final = (Row("one", result=Result.PERMIT),)
'''


def changed(where: str) -> set[str]:
    return {m.now for m in mutants(SOURCE, "m") if m.where == where}


def test_each_entry_of_a_table_is_left_out_once() -> None:
    assert changed("m.CODES") == {"CODES: Final = frozenset({'B'})", "CODES: Final = frozenset({'A'})", "CODES: Final = frozenset(None)"}
    assert "RANKS: Final = {}" in changed("m.RANKS")
    assert "ROWS: Final = ()" in changed("m.ROWS")


def test_of_a_long_table_what_is_about_the_change_is_told() -> None:
    source = f"WORDS: Final = ({', '.join(repr(f'word{n:03}') for n in range(100))})"
    told = [(m.was, m.now) for m in mutants(source, "m")]
    assert len(told) == len(set(told)) == 100
    assert all(len(was) < 150 and f"'word{n:03}'" in was and f"'word{n:03}'" not in now for n, (was, now) in enumerate(told))


def test_each_word_and_figure_is_changed_once() -> None:
    assert changed("m.LIMIT") == {"LIMIT: Final = 4"}
    assert "RANKS: Final = {'a': 2}" in changed("m.RANKS")
    assert changed("m.Row.name") == {"name: str = 'XXxXX'"}


def test_a_row_is_changed_argument_by_argument_and_its_answer_turned() -> None:
    assert changed("m.ROWS") >= {
        "ROWS: Final = (Row(None, result=Result.PERMIT),)",
        "ROWS: Final = (Row('one'),)",
        "ROWS: Final = (Row('one', result=Result.DENY),)",
    }


def test_what_has_a_decorator_is_changed_too_and_nothing_else_is() -> None:
    assert any("or not self.closed" in now for now in changed("m.Row.open"))
    assert any("self.name != 'x'" in now for now in changed("m.Row.open"))
    assert any(now.endswith("and self.closed") for now in changed("m.Row.open"))
    assert any("return n - 1" in now for now in changed("m.cached"))
    assert {m.where for m in mutants(SOURCE, "m")} == {"m.CODES", "m.RANKS", "m.LIMIT", "m.Row.name", "m.Row.open", "m.cached", "m.ROWS"}


def test_every_mutant_is_another_module_and_the_source_is_left_as_it_was() -> None:
    made = list(mutants(SOURCE, "m"))
    assert len({m.source for m in made}) == len(made)
    assert [m.source for m in mutants(SOURCE, "m")] == [m.source for m in made]


def test_a_survivor_must_be_listed_and_what_is_listed_must_survive() -> None:
    one, two = Survivor("m.f", "a", "b"), Survivor("m.g", "a", "b")
    assert judge([one, two], [one, two]) == ([], [])
    assert judge([one], [two]) == ([one], [two])
