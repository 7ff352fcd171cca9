"""A consent as JSON: it comes back as it was, and what is not understood is refused."""

import json
from copy import deepcopy

import pytest
from hypothesis import given

from hub.ledger.consent_rows import UNREADABLE, body_of, consent_of
from hub.model import Consent, Identifier
from tests.consents import simple, trees


def stored(consent: Consent) -> tuple[object, ...]:
    """As it comes from the database."""
    return consent.id, consent.version, consent.active, json.loads(json.dumps(body_of(consent)))


@given(trees)
def test_every_consent_comes_back_as_it_was(consent: Consent) -> None:
    assert consent_of(stored(consent)) == consent


def test_a_simple_lock_takes_little_room() -> None:
    assert body_of(simple(actors=(Identifier("s", "v"),))) == {"root": {"deny": True, "actors": [["s", "v"]]}}


BODY = body_of(simple())
BROKEN = [
    None, [], "x", 1, {}, {"root": {}}, {"base": "law"}, BODY | {"base": "other"}, BODY | {"more": 1},
    BODY | {"given_us": "1"}, BODY | {"given_us": True}, BODY | {"replaces": 1}, BODY | {"replaces": [1]}, BODY | {"root": None},
    *(BODY | {"root": {"deny": True} | wrong} for wrong in (
        {"deny": 1}, {"deny": None}, {"more": 1}, {"period": None}, {"period": [1]}, {"period": ["1", 2]}, {"period": [True, None]},
        {"data_period": {}}, {"actors": []}, {"actors": [["a"]]}, {"actors": ["ab"]}, {"actors": [["a", "b", "person", "x"]]},
        {"actors": [["a", "b", "robot"]]}, {"actors": [["a", 1, "person"]]}, {"codes": ["ab"]}, {"data": ["abc"]},
        {"actors": {}}, {"purposes": []}, {"purposes": "TREAT"}, {"purposes": [1]}, {"labels": [None]}, {"classes": [[]]},
        {"codes": [["a"]]},
        {"codes": [["a", 1]]}, {"data": [["dependents", "a", "b"]]}, {"data": [["instance", "a"]]}, {"exceptions": []},
        {"exceptions": [{}]}, {"exceptions": [{"deny": True, "exceptions": [{"deny": True}]}]}, {"exceptions": {"deny": True}},
    )),
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN)
def test_what_nobody_can_have_meant_is_not_read(body: object) -> None:
    with pytest.raises(UNREADABLE):
        consent_of(("c", 1, True, deepcopy(body)))


@pytest.mark.parametrize("columns", [("c", None, True, BODY), ("c", "1", True, BODY), ("c", 1, None, BODY), ("c", 1, "t", BODY)])
def test_a_row_without_its_version_or_status_is_not_read(columns: tuple[object, ...]) -> None:
    with pytest.raises(UNREADABLE):
        consent_of(columns)
