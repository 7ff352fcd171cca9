"""What a decision is told, and in which words it answers."""

import pytest

from hub.consent import question
from hub.consent.question import Asker, Capacity
from hub.model import Identifier


def test_the_words_of_reasons_are_these() -> None:
    """They are shown, searched for and translated: a word is not lost."""
    assert set(question.WORDS) == {
        "unknown_recipient", "suspended", "unknown_purpose", "no_label", "access_policy", "age", "protected_address", "withheld_by_child",
        "emergency", "consent_given",
    }  # fmt: skip


def test_the_norwegian_labels_by_which_a_patient_is_denied_are_these() -> None:
    assert set(question.PATIENT_DENIED) == {"NORN_ALL", "NORN_EPO", "NORN_FFL", "NORN_FOR", "NORN_KUT", "NORN_ANG"}  # Volven 9603
    assert question.LABELS >= question.PATIENT_DENIED


@pytest.mark.parametrize("name", ["identifiers", "reason", "birth_date"])
def test_what_is_not_said_of_whoever_asks_is_nothing(name: str) -> None:
    assert not getattr(Asker(Capacity.PERSONNEL), name)


def test_what_a_person_is_and_says_is_not_printed() -> None:
    asker = Asker(Capacity.PERSONNEL, identifiers=(Identifier("urn:x", "15076500565"),), reason="unconscious", birth_date="1965-07-15")
    for word in ("15076500565", "identifiers", "unconscious", "1965"):
        assert word not in repr(asker)
