"""Array literals, as PostgreSQL would write them."""

import pytest

from hub.ledger.arrays import ints, texts


@pytest.mark.parametrize(
    ("values", "literal"),
    [([], "{}"), ([""], '{""}'), (["a", ""], '{"a",""}'), (["NULL", "a b,c"], '{"NULL","a b,c"}'), (['a"b', "c\\d"], '{"a\\"b","c\\\\d"}')],
)
def test_texts(values: list[str], literal: str) -> None:
    assert texts(values) == literal


def test_ints() -> None:
    assert ints([]) == "{}"
    assert ints(iter([1, -2])) == "{1,-2}"
