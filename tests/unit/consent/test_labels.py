"""Security labels: a confidentiality is a high-water mark, a sensitivity stands for its kinds."""

from itertools import permutations

import pytest

from hub.consent.labels import could_mean, level, surely_means
from hub.consent.question import CONFIDENTIALITY, SENSITIVITIES

LEVELS = [
    ((), "N"), (("U",), "U"), (("L", "M"), "M"), (("N",), "N"), (("R", "N"), "R"), (("V",), "V"), (("PSY",), "R"), (("U", "HIV"), "R"),
    (("PSY", "V"), "V"), (("NORS",), "V"), (("NORN_ANG",), "N"), (("NORN_ALL", "R"), "R"), (("WHO-KNOWS",), "V"),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "expected"), LEVELS)
def test_how_confidential(labels: tuple[str, ...], expected: str) -> None:
    assert CONFIDENTIALITY[level(labels)] == expected


# a consent's labels | a thing's || a lock means it | a permit means it
ROWS = [
    (("N",), (), True, False),
    (("N",), ("N",), True, True),
    (("N",), ("L",), True, True),
    (("N",), ("R",), False, False),
    (("N",), ("PSY",), False, False),
    (("R",), ("PSY",), True, True),
    (("R",), ("N", "PSY"), True, True),
    (("R",), ("V",), False, False),
    (("V",), ("V",), True, True),
    (("N", "V"), ("R",), True, True),
    (("PSY",), (), True, False),
    (("PSY",), ("N",), False, False),
    (("PSY",), ("PSY",), True, True),
    (("PSY",), ("R",), False, False),
    (("PSY",), ("PSY", "HIV"), True, False),  # a permit must cover all that it carries
    (("PSY", "HIV"), ("PSY", "HIV"), True, True),
    (("PSY",), ("PSY", "V"), True, False),
    (("PSY",), ("PSY", "R"), True, True),
    (("N", "PSY"), ("PSY",), True, True),
    (("ETH",), ("ETHUD",), True, True),
    (("ETHUD",), ("ETH",), True, False),  # the broader word leaves it open
    (("ETHUD",), ("OPIOIDUD",), False, False),
    (("BH",), ("PSY",), True, True),
    (("PSY",), ("BH",), True, False),
    (("SPI",), ("OPIOIDUD",), True, True),
    (("SUD",), ("ETHUD",), True, True),
    (("MH",), ("PSY",), True, False),  # words used for one another
    (("PSY",), ("MH",), True, False),
    (("SUD",), ("ETH",), True, False),
    (("HIV",), ("STD",), True, False),
    (("SEX",), ("SDV",), True, False),
    (("SDV",), ("HIV",), False, False),
    (("SCA",), ("SICKLE",), True, False),
    (("HIV", "N"), ("SDV",), False, False),
]


@pytest.mark.parametrize(("wanted", "labels", "lock", "permit"), ROWS)
def test_what_the_labels_of_a_consent_mean(wanted: tuple[str, ...], labels: tuple[str, ...], *, lock: bool, permit: bool) -> None:
    assert (could_mean(wanted, labels), surely_means(wanted, labels)) == (lock, permit)


# v3-ActCode: a word || the kinds within it (ETH: IHE PCF)
KINDS = {
    "ETH": ("ETHUD", "OPIOIDUD"),
    "SUD": ("ETHUD", "OPIOIDUD"),
    "BH": ("COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD"),
    "SPI": ("BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD"),
}
WITHIN = [(broad, kind) for broad, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize(("broad", "kind"), WITHIN)
def test_a_word_means_each_of_its_kinds_and_a_kind_may_be_what_a_word_means(broad: str, kind: str) -> None:
    assert (could_mean((broad,), (kind,)), surely_means((broad,), (kind,))) == (True, True)
    assert (could_mean((kind,), (broad,)), surely_means((kind,), (broad,))) == (True, False)


@pytest.mark.parametrize("one", sorted(SENSITIVITIES))
def test_a_permit_opens_no_other_words(one: str) -> None:
    assert {other for other in SENSITIVITIES if surely_means((one,), (other,))} == {one, *KINDS.get(one, ())}


SAME = [("MH", "PSY", "PSYTHPN"), ("ETH", "SUD"), ("SEX", "SDV", "MST"), ("SEX", "STD", "HIV"), ("SICKLE", "SCA")]


@pytest.mark.parametrize(("one", "other"), [pair for words in SAME for pair in permutations(words, 2)])
def test_a_lock_on_one_of_the_words_for_something_is_on_all_of_them_and_a_permit_is_not(one: str, other: str) -> None:
    assert (could_mean((one,), (other,)), surely_means((one,), (other,))) == (True, False)
