"""Emergency access in people's words: who, when, until when, and what came of it."""

from dataclasses import replace

from hub.ledger.emergencies import Access, Emergency, Grounds, Personnel, Step, Why
from hub.model import Rule
from hub.web.citizen.emergencies import ROLES, WHYS, Emergencies, openings
from hub.web.citizen.vocabulary import RULES

NAMES = {"malvik": "Malvik kommune", "nidaros": "Nidaros legesenter"}
OPENED = Emergency(
    "a", 10, Step.OPENED, "a", Personnel("malvik", "7", "", "LE"), "::1", "k", Grounds("BTG", "", "Bevisstløs"), 90, "9-emergency"
)


def test_every_reason_is_said_in_both_languages() -> None:
    assert set(WHYS) == set(Why)
    for said in (*WHYS.values(), *ROLES.values()):
        assert said[0] != said[1]
        assert all(said)


def test_an_access_with_what_was_done_by_it() -> None:
    read = replace(OPENED, id="b", step=Step.READ, at_us=20, events=("e1", "e2"), kinds=("x", "x"))
    tried = replace(OPENED, id="c", step=Step.DENIED, at_us=30, code="other_organisation", who=Personnel("nidaros", "8"))
    other = replace(OPENED, id="d", access="d", who=Personnel("elsewhere", "9", "Kari", "QQ"))
    found = Emergencies([Access(OPENED, None, 1, None), Access(other, 40, 0, None)], [read, tried])
    first, second = openings(found, NAMES, is_own=True)
    assert (first.organisation, first.role[0], first.person, first.at_us, first.until_us) == ("Malvik kommune", "lege", "HPR 7", 10, 90)
    assert (first.is_closed, first.refused, first.why) == (False, None, RULES[Rule.EMERGENCY])
    assert [(u.at_us, u.why, u.whose, u.count) for u in first.uses] == [
        (20, None, "", 2), (30, WHYS[Why.OTHER_ORGANISATION], "Nidaros legesenter", None),
    ]  # fmt: skip
    assert openings(found, NAMES, is_own=False)[0].uses[0].count is None  # how many there are is the patient's to know
    assert {event: [u.id for u in uses] for event, uses in found.readers.items()} == {"e1": ["b"], "e2": ["b"]}
    assert (second.organisation, second.role[1], second.person, second.until_us) == ("elsewhere", "health personnel", "Kari", 40)
    assert (second.is_closed, second.uses) == (True, ())
    assert "Bevisstløs" not in repr([first, second])


def test_one_that_was_refused() -> None:
    refused = Access(replace(OPENED, step=Step.REFUSED, code="no_supervisor"), None, 0, None)
    (found,) = openings(Emergencies([refused]), NAMES, is_own=True)
    assert found.refused == WHYS[Why.NO_SUPERVISOR]
