"""Which consents count: the latest of each, without those that another stands in for."""

from dataclasses import replace
from itertools import permutations

import pytest

from hub.consent.in_force import in_force
from hub.model import Base, Consent
from tests.consents import simple

NOW = 100
LOCK, PERMIT = simple("lock"), simple("permit", deny=False)
NEW = replace(simple("new", deny=False), replaces=("lock",))


def law(consent: Consent) -> Consent:
    """What is left of one that something replaced: what it denies."""
    return replace(consent, base=Base.LAW)


# consents || those that count
ROWS = {
    "none": ((), ()),
    "one": ((LOCK,), (LOCK,)),
    "not active": ((replace(LOCK, active=False),), ()),
    "the latest version": ((LOCK, simple("lock", 2, deny=False)), (simple("lock", 2, deny=False),)),
    "lifted by a later version": ((LOCK, simple("lock", 2, active=False)), ()),
    "two of one version": ((LOCK, simple("lock", deny=False)), (LOCK, simple("lock", deny=False))),
    "one lifted, of one version": ((LOCK, simple("lock", active=False)), (LOCK,)),
    "replaced": ((LOCK, NEW), (NEW,)),
    "replaced by one not active": ((LOCK, replace(NEW, active=False)), (LOCK,)),
    "replaced by one that has ended": ((LOCK, replace(simple("new", end_us=NOW - 1), replaces=("lock",))), "both"),
    "replaced by one that ends now": ((LOCK, replace(simple("new", end_us=NOW), replaces=("lock",))), "new"),
    "replaced by one that begins now": ((LOCK, replace(simple("new", start_us=NOW), replaces=("lock",))), "new"),
    "replaced by one not begun": ((LOCK, replace(simple("new", start_us=NOW + 1), replaces=("lock",))), "both"),
    "a permit replaced by one not active": ((PERMIT, replace(NEW, replaces=("permit",), active=False)), (law(PERMIT),)),
    "replaced only in an older version": ((LOCK, NEW, simple("new", 2, deny=False)), (LOCK, simple("new", 2, deny=False))),
    "itself": ((replace(LOCK, replaces=("lock",)),), (replace(LOCK, replaces=("lock",)),)),
    "through another": ((LOCK, NEW, replace(simple("last"), replaces=("new",))), (replace(simple("last"), replaces=("new",)),)),
    "through another that is not active": (
        (LOCK, replace(NEW, active=False), replace(simple("last"), replaces=("new",))), (replace(simple("last"), replaces=("new",)),)),
    "the successor was replaced by one not active": (
        (LOCK, NEW, replace(simple("last", active=False), replaces=("new",))), (LOCK, law(NEW))),
    "a ring": ((replace(LOCK, replaces=("new",)), NEW), (replace(LOCK, replaces=("new",)), law(NEW))),
    "a ring with a successor": (
        (replace(LOCK, replaces=("new",)), NEW, replace(simple("last"), replaces=("new",))),
        (replace(simple("last"), replaces=("new",)),)),
    "two, each by its own": (
        (LOCK, PERMIT, NEW, replace(simple("other"), replaces=("permit",))), (NEW, replace(simple("other"), replaces=("permit",)))),
    "one that is not there": ((replace(NEW, replaces=("gone",)),), (replace(NEW, replaces=("gone",)),)),
}  # fmt: skip


def by_id(consents: object) -> list[str]:
    return sorted(map(repr, consents))  # type: ignore[call-overload]


@pytest.mark.parametrize(("consents", "counting"), ROWS.values(), ids=ROWS.keys())
def test_what_counts_in_whatever_order(consents: tuple[Consent, ...], counting: tuple[Consent, ...] | str) -> None:
    if isinstance(counting, str):
        counting = {"both": consents, "new": consents[1:]}[counting]
    for order in permutations(consents):
        assert by_id(in_force(order, NOW)) == by_id(counting)
        assert {repr(c) for c in in_force((*order, *order), NOW)} == {repr(c) for c in counting}
