"""When a message's items need looking at, and which codes label one."""

import pytest

from hub.consent.narrowed import by_items, by_labels
from hub.consent.sensitive import SensitiveCodes
from hub.model import Base, Consent, DataReference, Identifier, Item, Meaning, Policy, Provision, Span

WHO = Identifier("", "x")
NARROW = [
    Provision(True, data_period=Span(1, None)), Provision(True, labels=("HIV",)), Provision(True, classes=("Observation",)),
    Provision(True, codes=(("s", "c"),)), Provision(True, data=(DataReference(Meaning.INSTANCE, WHO),)),
]  # fmt: skip


def policy(*provisions: Provision) -> Policy:
    return Policy(tuple(Consent(f"c{n}", 1, True, p, Base.LAW) for n, p in enumerate(provisions)))


@pytest.mark.parametrize("narrow", NARROW)
def test_a_consent_on_some_of_what_a_message_holds_concerns_items(narrow: Provision) -> None:
    wide = Provision(True, period=Span(1, 2), purposes=("TREAT",))
    assert by_items(policy(wide, narrow))
    assert by_items(policy(Provision(True, exceptions=(wide, narrow))))
    assert not by_items(policy(wide, Provision(True, exceptions=(wide,))))
    assert not by_items(Policy())
    assert not by_items(Policy((Consent("c", 1, False, narrow, Base.LAW),)))


@pytest.mark.parametrize(
    ("labels", "restrict"),
    [((), False), (("N",), False), (("U", "L", "M", "N"), False), (("N", "R"), True), (("HIV",), True), (("V",), True), (("WHAT",), True),
     (("NORS",), True), (("NORN_ALL",), False)],
)  # fmt: skip
def test_labels_that_restrict_concern_items(labels: tuple[str, ...], restrict: bool) -> None:  # noqa: FBT001
    assert by_labels(labels) is restrict


def test_a_code_is_sensitive_in_its_system_whole_or_as_it_begins() -> None:
    table = SensitiveCodes({("s", "1"): "HIV"}, {("s", "2"): "PSY", ("t", "2"): "STD"})
    items = [Item(str(n), labels=("N",), codes=codes) for n, codes in enumerate([
        (("s", "1"),), (("s", "11"),), (("s", "21"),), (("t", "2"), ("s", "2")), (("u", "1"), ("u", "2")), (),
    ])]  # fmt: skip
    assert [i.labels for i in table.labelled(items)] == [
        ("N", "HIV"), ("N",), ("N", "PSY"), ("N", "PSY", "STD"), ("N",), ("N",),
    ]  # fmt: skip
    assert bool(table)
    assert bool(SensitiveCodes({}, {("s", "2"): "PSY"}))
