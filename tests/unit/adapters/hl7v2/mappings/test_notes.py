"""NTE as an Annotation."""

from typing import Any

import pytest

from tests.unit.adapters.made import hl7v2, line, message, of, rendered


def note(fields: dict[int, str]) -> list[dict[str, Any]]:
    bundle = rendered(hl7v2(message("ORU^R01", "OBX|1|NM|1^x^LN||5||||||F", line("NTE", {1: "1"} | fields))))
    return list(of(bundle, "Observation")[0].get("note", []))


@pytest.mark.parametrize(
    ("fields", "text"),
    [({3: "Prøven er hemolysert"}, "Prøven er hemolysert"), ({3: "a~b\\.br\\c"}, "a\nb\nc"), ({9: "K1^Hemolyse^L"}, "Hemolyse"),
     ({9: "K1"}, "K1"), ({3: "Hemolyse", 9: "K1^Hemolyse^L"}, "Hemolyse"), ({3: "æ\\T\\ø"}, "æ&ø")],
)  # fmt: skip
def test_its_text(fields: dict[int, str], text: str) -> None:
    assert note(fields) == [{"text": text}]


@pytest.mark.parametrize("fields", [{}, {3: '""'}, {3: "~"}, {5: "1^Lund^Kari"}])
def test_a_comment_that_says_nothing_is_none(fields: dict[int, str]) -> None:
    assert note(fields) == []


def test_who_and_when() -> None:
    (made,) = note({3: "Sett", 5: "1^Lund^Kari", 6: "20261120081500"})
    assert (made["authorReference"]["display"], made["time"]) == ("Kari Lund", "2026-11-20T08:15:00+01:00")
