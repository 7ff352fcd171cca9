"""Which words of a v2 message restrict it, and how far."""

import pytest

from hub.adapters.hl7v2 import labels
from hub.consent.question import LABELS
from tests.unit.adapters.made import content, hl7v2, line, message


@pytest.mark.parametrize(
    ("segment", "found"),
    [
        (line("PD1", {12: "Y"}), ("R",)),
        (line("PD1", {12: "N"}), ("N",)),
        (line("ARV", {1: "1", 3: "PSY"}), ("PSY",)),
        (line("ARV", {1: "1", 2: "A", 3: "HIV~STD", 4: "PAT"}), ("HIV", "STD", "R")),
        (line("ARV", {1: "1", 2: "D", 3: "HIV"}), ()),
        (line("ARV", {1: "1", 3: "NO", 4: "VIP"}), ("N",)),
        (line("ARV", {1: "1", 3: "SOMETHING"}), ("SOMETHING",)),
        (line("ARV", {1: "1", 3: "ALL", 7: "V", 8: "NODSCLCD"}), ("R", "V", "NODSCLCD")),
        (line("CON", {1: "1", 2: "001", 11: "R"}), ("R",)),
        (line("CON", {1: "1", 11: "X"}), ("R",)),
        (line("CON", {1: "1", 2: "001", 11: "A"}), ()),
        (line("CON", {1: "1", 2: "002", 11: "R"}), ()),
        (line("PV2", {22: "UWM"}), ("R",)),
        (line("TXA", {18: "V"}), ("V",)),
    ],
)
def test_where_a_label_of_the_whole_may_stand(segment: str, found: tuple[str, ...]) -> None:
    assert labels.whole(content(segment)) == found
    assert hl7v2(message("ADT^A01", segment)).event().labels == found


@pytest.mark.parametrize(
    ("fields", "found"),
    [("V", ("V",)), ("V|NORDSCLCD~R", ("V", "NORDSCLCD", "R")), ("^any", ()), ("|PSY^psychiatry^ACTCODE", ("PSY",))],
)
def test_msh_26_and_27_are_labels_whatever_they_hold(fields: str, found: tuple[str, ...]) -> None:
    raw = message("ADT^A01").replace(b"|UNICODE UTF-8", b"|UNICODE UTF-8||||||||" + fields.encode())
    assert hl7v2(raw).event().labels == found


def test_a_label_of_an_order_or_a_problem_is_one_of_the_message_but_not_of_the_whole_of_it() -> None:
    made = content("ORC|RE|" + "|" * 25 + "|PSY^x^HL70177", "PRB|AD" + "|" * 24 + "AID")
    assert labels.all_of(made) == ("PSY", "HIV")
    assert labels.whole(made) == ()


def test_the_tables_give_words_that_the_decision_knows() -> None:
    said = {*labels.RESTRICTIONS.values(), *labels.REASONS.values(), *labels.V2.values()}
    assert said <= LABELS
