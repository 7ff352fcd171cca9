"""The table of sensitive codes: read strictly, and the hub's own says what it means to."""

from pathlib import Path

import pytest

from hub.config import ConfigError
from hub.consent.question import RESTRICTED
from hub.consent.sensitive import NO_CODES
from hub.model import Item
from hub.pipeline import TERMS
from hub.settings import Settings
from hub.terms import sensitive_codes, terms_of

ICD = "http://hl7.org/fhir/sid/icd-10"


def test_no_table_is_taken_unless_it_is_asked_for() -> None:
    assert terms_of(Settings()) == TERMS
    assert sensitive_codes("") is NO_CODES
    assert not NO_CODES


@pytest.mark.parametrize(
    ("code", "label"), [("B20.1", "HIV"), ("F11", "ETH"), ("F32.1", "PSY"), ("A54.9", "STD"), ("J18", ""), ("F70", ""), ("B2", "")]
)
def test_the_hubs_own_table(code: str, label: str) -> None:
    (item,) = sensitive_codes("default").labelled([Item("k", labels=("N",), codes=(("x", "y"), (ICD, code)))])
    assert item.labels == (("N", label) if label else ("N",))
    assert set(sensitive_codes("default").exact.values()) <= RESTRICTED
    assert sensitive_codes("default").labelled([Item("k", codes=(("other", code),))]) == (Item("k", codes=(("other", code),)),)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "codes.toml"
    file.write_text('[[label]]\nsensitivity = "R"\nsystem = "urn:x"\ncodes = ["1"]\nprefixes = ["2"]\n', "utf-8")
    found = terms_of(Settings(sensitive_codes=str(file))).sensitive
    assert (found.exact, found.prefixes) == ({("urn:x", "1"): "R"}, {("urn:x", "2"): "R"})
    assert [i.labels for i in found.labelled([Item("a", codes=(("urn:x", c),)) for c in ("1", "12", "2", "23")])] == [
        ("R",),
        (),
        ("R",),
        ("R",),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label = 1", "holds [[label]] tables"),
        ("[hub]\n", "holds [[label]] tables"),
        ("[[label]", "is not TOML"),
        ('[[label]]\nsensitivity = "N"\nsystem = "s"\ncodes = ["1"]', "no label that restricts"),
        ('[[label]]\nsensitivity = "HIV"\nsystem = "s"', "neither codes nor prefixes"),
        ('[[label]]\nsensitivity = "HIV"\nsystem = "s"\ncode = ["1"]', "label 1: code"),
        ('[[label]]\nsensitivity = "HIV"\nsystem = "s"\nprefixes = [""]', "label 1: prefixes.0"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "codes.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        sensitive_codes(str(file))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        sensitive_codes("/nowhere/codes.toml")
