"""Every word of the hub's closed vocabularies has a sentence in both languages, and every sentence of a template is in the table."""

import re
import string
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources

import pytest

from hub.model import AttemptOutcome, Detail, Kind, Relation, Rule
from hub.pathway.states import State
from hub.web.citizen.vocabulary import DETAILS, KINDS, OUTCOMES, RELATIONS, RULES, STATES, Language, Said, say
from hub.web.citizen.words import WORDS

TABLES: tuple[tuple[type[StrEnum], Mapping[StrEnum, Said]], ...] = (
    (Kind, KINDS), (Rule, RULES), (Relation, RELATIONS), (AttemptOutcome, OUTCOMES), (Detail, DETAILS), (State, STATES),
)  # type: ignore[assignment]  # fmt: skip


@pytest.mark.parametrize(("words", "table"), TABLES, ids=lambda t: getattr(t, "__name__", ""))
def test_every_word_is_said_in_both_languages(words: type[StrEnum], table: Mapping[StrEnum, Said]) -> None:
    assert set(table) == set(words)
    for said in table.values():
        assert len(said) == len(Language)
        assert all(text.strip() for text in said)
        assert said[0] != said[1]


def test_sentences_end_as_sentences() -> None:
    assert [rule for rule, said in RULES.items() if not all(text.endswith(".") for text in said)] == []


def test_both_languages_fill_in_the_same() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [key for key, said in WORDS.items() if names(said[0]) != names(said[1]) or not all(said)] == []


def test_every_sentence_of_a_template_is_in_the_table_and_used() -> None:
    folder = resources.files("hub.web.citizen") / "templates"
    asked = {k for f in folder.iterdir() for k in re.findall(r"""\bt\("([a-z_0-9]+)"[,)]""", f.read_text("utf-8"))}
    assert asked - set(WORDS) == set()


def test_say_gives_the_language() -> None:
    assert say(RULES[Rule.LOCKED], Language.ENGLISH) == "You have locked this."
    assert say(RULES[Rule.LOCKED], Language.NORWEGIAN) == "Du har sperret for dette."
