"""Items beside a delivery: what is packed is what is read."""

from hypothesis import given
from hypothesis import strategies as st

from hub.ledger.itemised import packed, unpacked
from hub.ledger.outbox import consents_in
from hub.model import Identifier, Item

texts = st.text(max_size=8)
identifiers = st.lists(st.builds(Identifier, texts, texts), max_size=2).map(tuple)
items = st.builds(
    Item, texts, texts, st.lists(texts, max_size=2).map(tuple), st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    st.none() | st.integers(), st.none() | st.integers(), identifiers, identifiers, identifiers,
)  # fmt: skip


@given(st.lists(items, max_size=4).map(tuple))
def test_what_is_packed_is_what_is_read(given_items: tuple[Item, ...]) -> None:
    assert unpacked(packed(given_items)) == given_items


def test_nobody_looked_is_not_the_same_as_nothing_there() -> None:
    assert unpacked(b"") is None
    assert unpacked(packed(())) == ()


def test_the_consents_among_reasons() -> None:
    assert consents_in(("c/1", "gp", "c/2", "d-x/12", "HIV")) == ("c", "d-x")
