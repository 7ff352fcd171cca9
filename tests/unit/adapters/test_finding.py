"""A value's shape tells an engineer enough, and nobody anything of the patient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.finding import shape


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", "1 character, digits"), ("13116900217", "11 characters, digits"), ("Bergen", "6 characters, letters"),
     ("A77", "3 characters, digits and letters"), ("a-b", "3 characters, digits, letters or signs"), ("Åse", "3 characters, not all ASCII"),
     ("", "0 characters, digits, letters or signs")],
)  # fmt: skip
def test_shapes(value: str, expected: str) -> None:
    assert shape(value) == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_values_of_one_kind_and_length_look_the_same(one: str, other: str) -> None:
    kinds = [(len(v), v.isascii(), v.isdigit(), v.isalpha(), v.isalnum()) for v in (one, other)]
    assert (shape(one) == shape(other)) or kinds[0] != kinds[1]
