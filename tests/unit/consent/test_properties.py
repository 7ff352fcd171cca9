"""What no row, consent or order may break: a lock that matches is never outweighed, whatever else there is."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.consent.case import Case
from hub.consent.decide import decide
from hub.consent.in_force import in_force
from hub.consent.provisions import Opinion, opinion
from hub.consent.question import LABELS, PURPOSES, WORDS, Acp, Asker, Capacity, Question
from hub.identity import HPR, HUB_PROVIDER
from hub.model import (
    Actor,
    ActorKind,
    Base,
    Boundaries,
    Channel,
    Consent,
    Deliver,
    Identifier,
    Item,
    Policy,
    Provider,
    ProviderKind,
    Provision,
    Relation,
    Result,
    Rule,
)
from tests.consents import CODES, identifiers, several, simple, trees
from tests.consents import LABELS as SOME_LABELS

NOW = 50
TRONDHEIM = Provider("trondheim", "Trondheim", ProviderKind.MUNICIPALITY, "942110464", (), Deliver(Channel.MAILBOX))
SENT = Question("hospital", TRONDHEIM, relations=(Relation.GP,))
moments = st.none() | st.integers(-100, 100)
items = st.lists(
    st.builds(
        Item,
        st.just("?"),
        st.sampled_from(["", "Observation", "Condition"]),
        several(st.sampled_from([*SOME_LABELS, "NORS"])),
        several(st.sampled_from(CODES)),
        moments,
        moments,
        several(identifiers),
        several(identifiers),
        several(identifiers | st.just(Identifier("", "Encounter/1"))),
    ),
    max_size=3,
).map(lambda found: tuple(replace(item, key=str(n)) for n, item in enumerate(found)))
askers = st.none() | st.builds(
    Asker,
    st.sampled_from(Capacity),
    st.sampled_from(Acp),
    moments,
    several(identifiers),
    several(identifiers),
    st.none() | several(identifiers),
    st.sampled_from(["", "help"]),
    moments,
    st.sampled_from(["", "1930", "1960-01-01"]),
    st.booleans(),
    st.booleans(),
)
questions = st.builds(
    Question,
    st.sampled_from(["hospital", "hospital", "trondheim"]),
    st.sampled_from([TRONDHEIM, TRONDHEIM, TRONDHEIM, None]),
    st.just(()) | several(st.sampled_from([*SOME_LABELS, "?"])),
    st.sampled_from(["TREAT", "TREAT", "COC", "HRESCH", "BTG", "PATRQT", "FAMRQT", "PWATRNY"]),
    several(st.sampled_from(Relation)),
    st.sampled_from([False, False, False, True]),
    items,
    st.none() | askers,
)
policies = st.lists(trees, max_size=4).map(tuple)
# Where a lock does not count: the own record, the patient and who acts for them, an emergency, a later consent
EXEMPT = {Rule.OWN_RECORD, Rule.PATIENT_THEMSELVES, Rule.REPRESENTATIVE, Rule.EMERGENCY, Rule.CONSENT_AFTER_LOCK}
CONSENT_WORD = r"[a-z-]+/\d+"


def shown(question: Question, consents: tuple[Consent, ...], now_us: int = NOW) -> set[str]:
    """Keys of what is shown; "all" of a message asked about whole."""
    verdict = decide(question, Policy(consents), now_us)
    if verdict.result not in (Result.PERMIT, Result.REDACT):
        return set()
    return {item.key for item in question.items} - set(verdict.dropped) if question.items else {"all"}


@given(questions, policies, st.randoms())
def test_no_order_and_no_repetition_of_consents_matters(question: Question, consents: tuple[Consent, ...], random) -> None:
    shuffled = [*consents, *consents]
    random.shuffle(shuffled)
    assert decide(question, Policy(tuple(shuffled)), NOW) == decide(question, Policy(consents), NOW)


@given(questions, policies, st.randoms())
def test_no_order_of_items_matters_and_none_decides_for_another(question: Question, consents: tuple[Consent, ...], random) -> None:
    together = shown(question, consents)
    shuffled = list(question.items)
    random.shuffle(shuffled)
    assert shown(replace(question, items=tuple(shuffled)), consents) == together
    if question.items:
        assert together == {key for item in question.items for key in shown(replace(question, items=(item,)), consents)}


@given(questions, policies)
def test_what_a_lock_matches_is_never_shown(question: Question, consents: tuple[Consent, ...]) -> None:
    seen = shown(question, consents)
    for item in question.items or (Item("all", labels=question.labels),):
        case = Case(question, item, NOW, Boundaries(), True)
        locked = any(opinion(c, case) is Opinion.LOCK for c in in_force(consents, NOW))
        alone = decide(replace(question, items=(item,)) if question.items else question, Policy(consents), NOW)
        assert not locked or item.key not in seen or alone.rule in EXEMPT


@given(questions, policies, trees)
def test_one_more_lock_never_shows_more(question: Question, consents: tuple[Consent, ...], lock: Consent) -> None:
    """Whatever it locks; under the law's base its exceptions grant nothing."""
    lock = replace(lock, id="added", base=Base.LAW, replaces=(), provision=replace(lock.provision, deny=True))
    assert shown(question, (*consents, lock)) <= shown(question, consents)


@given(questions, policies)
def test_a_lock_on_everything_shows_nothing(question: Question, consents: tuple[Consent, ...]) -> None:
    verdict = decide(question, Policy((*consents, simple("added"))), NOW)
    assert verdict.result in (Result.DENY, Result.HOLD) or verdict.rule in EXEMPT or question.asker is not None


@given(questions, policies, trees, st.integers(-1000, 1000))
def test_no_clock_opens_a_lock_that_has_no_end(question: Question, consents: tuple[Consent, ...], lock: Consent, now_us: int) -> None:
    """A consent that a lock without a period matches at one moment, it matches at every other."""
    lock = replace(
        lock, id="added", active=True, base=Base.LAW, replaces=(), provision=replace(simple().provision, actors=lock.provision.actors)
    )
    sent = replace(question, asker=None)
    if decide(sent, Policy((*consents, lock)), NOW).because[:1] == ("added/1",):
        assert not shown(sent, (*consents, lock), now_us)


@given(questions, policies)
def test_what_cannot_be_read_is_never_shown(question: Question, consents: tuple[Consent, ...]) -> None:
    assert decide(question, Policy(consents, readable=False), NOW).result is Result.HOLD


@settings(max_examples=300)
@given(trees, st.sampled_from([(), ("N",), ("R",)]), items)
def test_a_message_of_which_nobody_knows_more_goes_only_where_no_lock_can_match_what_is_in_it(
    consent: Consent, labels: tuple[str, ...], inside: tuple[Item, ...]
) -> None:
    consent = replace(consent, active=True)
    if decide(replace(SENT, labels=labels), Policy((consent,)), NOW).result is Result.PERMIT:
        for item in inside:
            assert opinion(consent, Case(replace(SENT, items=(item,)), item, NOW, Boundaries(), True)) is not Opinion.LOCK


@given(questions, policies, st.booleans())
def test_reasons_are_consents_and_words_of_a_closed_vocabulary(question: Question, consents: tuple[Consent, ...], readable: bool) -> None:  # noqa: FBT001
    known = WORDS | PURPOSES | LABELS | set(Relation) | {f"{c.id}/{c.version}" for c in consents}
    verdict = decide(question, Policy(consents, readable), NOW)
    assert known.issuperset(verdict.because)
    assert all(type(word) is str for word in verdict.because)
    assert (verdict.result is Result.REDACT) == bool(verdict.dropped)


A, B = Item("obs-a", "Observation", ("N",)), Item("obs-b", "Observation", ("PSY",))
LOCKED = Consent("lock", 1, True, Provision(True, labels=("PSY",)))


@pytest.mark.parametrize("others", [(), (Item("practitioner", "Practitioner", ("N",)),), (A,), (Item("list", "List", ("N",)), A)])
def test_leap_1_what_stands_around_shifts_no_decision_to_another(others: tuple[Item, ...]) -> None:
    """leap-fhir-ces applied decisions by position to a filtered list: an entry in front released what was locked, and hid its neighbour."""
    for order in permutations((*others, A, B)):
        verdict = decide(replace(SENT, items=order), Policy((LOCKED,)), NOW)
        assert (verdict.result, verdict.dropped) == (Result.REDACT, ("obs-b",))


def test_leap_2_two_alike_do_not_hide_what_is_permitted() -> None:
    """leap-fhir-ces cached by the wrong list: of [A, A, B] nothing was released."""
    for order in permutations((A, replace(A, key="obs-a2"), B)):
        assert shown(replace(SENT, items=order), (LOCKED,)) == {"obs-a", "obs-a2"}


def test_leap_3_an_actor_nobody_can_look_up_is_kept_out() -> None:
    """leap-cds dropped the newer denial of this very actor when the look-up of the actor failed, and the older permit won."""
    permit = replace(simple("older", deny=False), given_us=1)
    team = Consent("newer", 1, True, Provision(True, actors=(Actor(Identifier("urn:x", "team"), ActorKind.GROUP),)), given_us=2)
    person = Consent("newer", 1, True, Provision(True, actors=(Actor(Identifier(HPR, "7"), ActorKind.PERSON),)), given_us=2)
    anonymous = replace(SENT, asker=Asker(Capacity.PERSONNEL))
    for consents in permutations((permit, team)):
        assert decide(SENT, Policy(consents), NOW).rule is Rule.LOCKED
    for consents in permutations((permit, person)):
        assert decide(anonymous, Policy(consents), NOW).rule is Rule.LOCKED
    assert decide(SENT, Policy((permit,), readable=False), NOW).result is Result.HOLD


def test_leap_4_a_newer_permit_does_not_lift_an_older_lock() -> None:
    """leap-cds took the most recent consent alone."""
    lock = replace(simple("older"), given_us=1)
    permit = replace(simple("newer", 9, deny=False, actors=(Identifier(HUB_PROVIDER, "trondheim"),)), given_us=2)
    for consents in permutations((lock, permit)):
        assert decide(SENT, Policy(consents), NOW).rule is Rule.LOCKED
