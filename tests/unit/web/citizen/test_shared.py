"""Who received what, in people's words: every fate, whose doing it was, and what only the patient may learn."""

from typing import Any

import pytest

from hub.ledger.disclosures import Attempt, Disclosure, SentCopy, UnderWay
from hub.ledger.emergencies import Emergency, Grounds, Personnel, Step
from hub.model import Adapter, Event, Kind, Rule
from hub.web.citizen.records import Record
from hub.web.citizen.shared import Line, told
from hub.web.citizen.vocabulary import KINDS, LEFT_OUT, RULES, SOURCE_HAS_LOCKED

NAMES = {"nidaros": "Nidaros legesenter", "olav": "St. Olavs hospital"}
NOTHING: Any = None
SEEN = [Record(0, 1, Event("e", Kind.OBSERVATION_REPORTED, Adapter.HL7V2, "olav", "", "k", (), 1, 1), NOTHING)]


def row(*attempts: tuple[str, str], result: str = "permit", rule: Rule = Rule.TREATING_RELATION, **more: Any) -> Disclosure:
    tried = tuple(Attempt(n, 10 * n, 10 * n + 5, outcome, code) for n, (outcome, code) in enumerate(attempts, 1))
    values = {
        "part": 0, "off": 1, "event_id": "e", "kind": "observation.reported", "patient_key": "k", "received_us": 1, "decided_us": 2,
        "source": "olav", "recipient": "nidaros", "result": result, "rule": rule.value, "detail": "full", "subscription": "s",
        "because": ("gp", "subscription"), "purpose": "TREAT", "attempts": tried, "under_way": (),
    }  # fmt: skip
    return Disclosure(**(values | more))


def line(d: Disclosure) -> Line:
    ((one,),) = [m.lines for m in told([d], SEEN, NAMES, is_own=True)]
    return one


@pytest.mark.parametrize(
    ("given", "fate", "tone", "mine", "at_us"),
    [
        (row(("delivered", "AA")), "Mottatt", "good", False, 15),
        (row(("failed", "connect"), ("delivered", "AA")), "Mottatt", "good", False, 25),
        (row(("failed", "503")), "Ikke framme ennå", "", False, 15),
        (row(("refused", "AE")), "Mottakeren tok ikke imot", "", False, 15),
        (row(), "Venter", "", False, 2),
        (row(("withheld", Rule.LOCKED.value)), "Holdt tilbake", "bad", True, 15),
        (row(("withheld", Rule.NO_RELATION.value)), "Holdt tilbake", "bad", False, 15),
        (row(result="deny", rule=Rule.LOCKED), "Holdt tilbake", "bad", True, 2),
        (row(result="deny", rule=Rule.NO_RELATION), "Holdt tilbake", "bad", False, 2),
        (row(result="hold", rule=Rule.PATIENT_UNRESOLVED), "Venter", "", False, 2),
    ],
)
def test_every_fate_in_words(given: Disclosure, fate: str, tone: str, at_us: int, *, mine: bool) -> None:
    found = line(given)
    assert (found.fate[0], found.tone, found.mine, found.at_us) == (fate, tone, mine, at_us)


def test_who_was_told_when_it_asked_again_has_it_by_the_rule_of_then() -> None:
    withheld = {"result": "deny", "rule": Rule.LOCKED}
    found = line(row(("delivered", "queried:13-treating-relation"), **withheld))
    assert (found.fate[0], found.why, found.left_out, found.mine) == ("Mottatt", RULES[Rule.TREATING_RELATION], None, False)
    found = line(row(("delivered", "queried:11-locked"), **withheld, copies=(SentCopy(1, "copy", "full", is_part=True),)))
    assert (found.why, found.left_out, found.mine) == (None, LEFT_OUT[True], True)
    found = line(row(("delivered", "AA"), ("unknown", "queried:11-locked")))
    assert (found.fate[0], found.at_us, found.why, found.mine) == ("Mottatt", 15, RULES[Rule.TREATING_RELATION], False)


def test_the_reason_is_of_the_last_word() -> None:
    assert line(row(("withheld", Rule.LOCKED.value))).why == RULES[Rule.LOCKED]
    assert line(row(("withheld", "subscription_ended"))).why == RULES[Rule.NO_RELATION]


COPY = (SentCopy(1, "x", "full", True),)


@pytest.mark.parametrize(
    ("given", "left_out", "why", "mine"),
    [
        (row(("delivered", "AA"), result="redact", rule=Rule.LOCKED, because=("c/1", "gp"), copies=COPY), LEFT_OUT[True], None, True),
        (row(("delivered", "AA"), result="redact", rule=Rule.LOCKED, because=("c/1", "gp")), None, None, False),  # released before it left
        (row(result="redact", rule=Rule.LOCKED, because=("c/1", "gp")), LEFT_OUT[True], None, True),
        (row(("held", "made_anew")), LEFT_OUT[True], RULES[Rule.TREATING_RELATION], True),
        (
            row(("held", "made_anew"), ("delivered", "AA"), copies=(SentCopy(2, "x", "full", True),)),
            LEFT_OUT[True],
            RULES[Rule.TREATING_RELATION],
            True,
        ),
        (row(("held", "made_anew"), ("delivered", "AA")), None, RULES[Rule.TREATING_RELATION], False),
        (row(("unknown", "fetched"), ("delivered", "read"), copies=COPY), LEFT_OUT[True], RULES[Rule.TREATING_RELATION], True),
        (row(("delivered", "AA"), copies=(SentCopy(1, "", "minimal", False),)), None, RULES[Rule.TREATING_RELATION], False),
        (row(("delivered", "AA"), result="redact", rule=Rule.NO_RELATION, because=("gp", "R"), copies=COPY), LEFT_OUT[False], None, False),
        (row(("delivered", "AA"), result="redact", rule=Rule.LOCKED, because=("NORS", "gp"), copies=COPY), LEFT_OUT[False], None, False),
        (row(("delivered", "AA"), result="redact", rule=Rule.LOCKED, because=("NORS", "c/1"), copies=COPY), LEFT_OUT[True], None, True),
        (row(("held", "made_anew"), ("withheld", Rule.LOCKED.value)), None, RULES[Rule.LOCKED], True),
        (row(result="deny", rule=Rule.LOCKED, because=("NORS", "gp")), None, SOURCE_HAS_LOCKED, False),
        (row(result="deny", rule=Rule.LOCKED, because=("c/1", "gp")), None, RULES[Rule.LOCKED], True),
    ],
)
def test_a_part_that_was_withheld_is_told_of(given: Disclosure, left_out: Any, why: Any, *, mine: bool) -> None:
    """And who got the rest is not told that they did so because the patient had locked."""
    found = line(given)
    assert (found.left_out, found.why, found.mine) == (left_out, why, mine)


def test_why_it_was_entitled_is_told_of_those_who_got_it() -> None:
    assert [said[1] for said in line(row(("delivered", "AA"))).relations] == [
        "your general practitioner",
        "has an agreement on such messages",
    ]
    assert line(row(result="deny", rule=Rule.LOCKED)).relations == ()


def test_what_came_too_late_is_said() -> None:
    assert line(row(("delivered", "AA"), under_way=(UnderWay("c", 1, 3),))).came_too_late


def test_who_read_it_in_an_emergency_stands_with_the_message() -> None:
    read = Emergency("i", 40, Step.READ, "a", Personnel("olav", "7"), "", "k", Grounds("BTG"), events=("e",), kinds=("x",))
    given = [row(("delivered", "AA"))]
    ((first, second),) = [m.lines for m in told(given, SEEN, NAMES, is_own=True, readers={"e": [read]})]
    assert (first.recipient, first.fate[0], first.tone, first.at_us) == ("St. Olavs hospital", "Lest i nødsfall", "bad", 40)
    assert (first.why, first.mine) == (RULES[Rule.EMERGENCY], False)
    assert second == line(given[0])
    assert told(given, [], NAMES, is_own=False, readers={"e": [read]}) == []
    assert told(given, SEEN, NAMES, is_own=True, readers={"other": [read]}) == told(given, SEEN, NAMES, is_own=True)


def test_who_never_asked_for_it_is_not_told_of() -> None:
    assert told([row(result="deny", rule=Rule.NO_RELATION, because=("gp", "not_subscribed"))], SEEN, NAMES, is_own=True) == []


def test_of_what_may_not_be_shown_only_the_patient_learns_and_not_what() -> None:
    ((what,),) = [[m.what for m in told([row(("delivered", "AA"))], [], NAMES, is_own=True)]]
    assert what is None
    assert told([row(("delivered", "AA"))], [], NAMES, is_own=False) == []
    assert told([row(("delivered", "AA"))], SEEN, NAMES, is_own=True)[0].what == KINDS[Kind.OBSERVATION_REPORTED]
