"""The decision table as rows a clinician can read, and the properties no row may break."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.generate import GENERATED, ROOT
from hub.consent.decide import decide
from hub.consent.question import LABELS, Question, Verdict, relations_in
from hub.consent.table import TABLE as TABLE_OF_ROWS
from hub.identity import ENH, HUB_PROVIDER
from hub.model import Channel, Consent, Deliver, Identifier, Policy, Provider, ProviderKind, Relation, Result, Rule
from tests.consents import simple

NOW = 1_000_000
PAGE = ROOT / "docs/consent.md"
TRONDHEIM = Provider("trondheim", "Trondheim kommune", ProviderKind.MUNICIPALITY, "942110464", ("TRD",), Deliver(Channel.MAILBOX))
SUSPENDED = replace(TRONDHEIM, suspended=True)
LOCK = simple("lock")
PERMIT = simple("permit", deny=False)
OTHERS_LOCK = simple("other", actors=(Identifier(HUB_PROVIDER, "malvik"),))

GP, ADDRESSED, PATHWAY, SUBSCRIBES = Relation.GP, Relation.ADDRESSED, Relation.PATHWAY, Relation.SUBSCRIPTION
T, S = TRONDHEIM, "st-olavs"
TWO, UNREADABLE, CLEAR = "the identifiers point at two people", "the consents cannot be read", ""
# trouble | recipient | purpose | labels | source | relations | consents || result | rule | because
TABLE = {
    # 1: the patient is not resolved: nothing else counts
    "two people, everything else right": (TWO, T, "TREAT", (), S, (GP,), (), "hold", "1", ("gp",)),
    "two people, own record": (TWO, T, "TREAT", (), "trondheim", (), (), "hold", "1", ()),
    "two people and locked": (TWO, T, "TREAT", (), S, (GP,), (LOCK,), "hold", "1", ("gp",)),
    "two people, unknown recipient": (TWO, None, "TREAT", (), S, (), (), "hold", "1", ()),
    # 2: consents unreadable: never a permit, whatever was read
    "unreadable": (UNREADABLE, T, "TREAT", (), S, (GP,), (), "hold", "2", ("gp",)),
    "unreadable, own record": (UNREADABLE, T, "TREAT", (), "trondheim", (), (), "hold", "2", ()),
    "unreadable with a permit": (UNREADABLE, T, "TREAT", (), S, (GP,), (PERMIT,), "hold", "2", ("gp",)),
    "unreadable, unknown recipient": (UNREADABLE, None, "TREAT", (), S, (), (), "hold", "2", ()),
    # 3: who is it, and what for
    "unknown recipient": (CLEAR, None, "TREAT", (), S, (GP,), (PERMIT,), "deny", "3", ("unknown_recipient",)),
    "suspended recipient": (CLEAR, SUSPENDED, "TREAT", (), S, (GP,), (PERMIT,), "deny", "3", ("suspended",)),
    "suspended, own record": (CLEAR, SUSPENDED, "TREAT", (), "trondheim", (), (), "deny", "3", ("suspended",)),
    "no purpose": (CLEAR, T, "", (), S, (GP,), (PERMIT,), "deny", "3", ("unknown_purpose",)),
    "purpose nobody knows": (CLEAR, T, "CURIOSITY", (), S, (GP,), (PERMIT,), "deny", "3", ("unknown_purpose",)),
    "unknown purpose, own record": (CLEAR, T, "treat", (), "trondheim", (), (), "deny", "3", ("unknown_purpose",)),
    # 4: labels nobody knows
    "unknown label": (CLEAR, T, "TREAT", ("N", "TOPSECRET"), S, (GP,), (PERMIT,), "deny", "4", ()),
    "unknown label, own record": (CLEAR, T, "TREAT", ("n",), "trondheim", (), (), "deny", "4", ()),
    # 5: its own record, also locked and very restricted
    "own record": (CLEAR, T, "TREAT", (), "trondheim", (SUBSCRIBES,), (), "permit", "5", ("subscription",)),
    "own record, locked": (CLEAR, T, "TREAT", ("V",), "trondheim", (), (LOCK,), "permit", "5", ()),
    "own record, any purpose": (CLEAR, T, "HRESCH", (), "trondheim", (), (), "permit", "5", ()),
    # 11: a lock
    "locked": (CLEAR, T, "TREAT", (), S, (GP, SUBSCRIBES), (LOCK,), "deny", "11", ("lock/1",)),
    "locked for another": (CLEAR, T, "TREAT", (), S, (GP,), (OTHERS_LOCK,), "permit", "13", ("gp",)),
    "locked and permitted": (CLEAR, T, "TREAT", (), S, (GP,), (PERMIT, LOCK), "deny", "11", ("lock/1",)),
    "locked, then permitted in a newer consent": (
        CLEAR, T, "TREAT", (), S, (GP,), (LOCK, replace(PERMIT, version=9)), "deny", "11", ("lock/1",)),
    "lifted": (CLEAR, T, "TREAT", (), S, (GP,), (replace(LOCK, active=False),), "permit", "13", ("gp",)),
    "lifted in a later version": (
        CLEAR, T, "TREAT", (), S, (GP,), (LOCK, replace(LOCK, version=2, active=False)), "permit", "13", ("gp",)),
    "two locks": (
        CLEAR, T, "TREAT", (), S, (GP,), (replace(LOCK, id="z"), LOCK), "deny", "11", ("lock/1", "z/1")),
    # 12: an explicit permit: very restricted labels, no relation, other purposes
    "permitted": (CLEAR, T, "TREAT", (), S, (), (PERMIT,), "permit", "12", ("permit/1",)),
    "permitted, very restricted": (CLEAR, T, "TREAT", ("V",), S, (GP,), (PERMIT,), "permit", "12", ("permit/1", "gp")),
    "permitted for research": (CLEAR, T, "HRESCH", (), S, (), (PERMIT,), "permit", "12", ("permit/1",)),
    "permit withdrawn": (CLEAR, T, "TREAT", (), S, (), (replace(PERMIT, active=False),), "deny", "14", ()),
    # 13: the law's default
    "the patient's GP": (CLEAR, T, "TREAT", (), S, (GP,), (), "permit", "13", ("gp",)),
    "addressed": (CLEAR, T, "COC", ("N",), S, (ADDRESSED,), (), "permit", "13", ("addressed",)),
    "on the pathway": (CLEAR, T, "CAREMGT", ("L", "M", "U"), S, (PATHWAY,), (), "permit", "13", ("pathway",)),
    "subscribes": (CLEAR, T, "TREAT", ("N",), S, (SUBSCRIBES,), (), "permit", "13", ("subscription",)),
    "restricted, to the GP": (CLEAR, T, "TREAT", ("R",), S, (GP, SUBSCRIBES), (), "permit", "13", ("gp", "subscription")),
    "psychiatry, addressed": (CLEAR, T, "TREAT", ("PSY",), S, (ADDRESSED,), (), "permit", "13", ("addressed",)),
    "HIV, on the pathway": (CLEAR, T, "TREAT", ("N", "HIV"), S, (PATHWAY,), (), "permit", "13", ("pathway",)),
    # 14: anything else
    "no relation": (CLEAR, T, "TREAT", (), S, (), (), "deny", "14", ()),
    "restricted, only subscribes": (CLEAR, T, "TREAT", ("R",), S, (SUBSCRIBES,), (), "deny", "14", ("subscription", "R")),
    "psychiatry, only subscribes": (CLEAR, T, "COC", ("PSY",), S, (SUBSCRIBES,), (), "deny", "14", ("subscription", "PSY")),
    "very restricted, to the GP": (CLEAR, T, "TREAT", ("V",), S, (GP,), (), "deny", "14", ("gp", "V")),
    "research": (CLEAR, T, "HRESCH", (), S, (GP,), (), "deny", "14", ("gp", "HRESCH")),
    "payment": (CLEAR, T, "HPAYMT", (), S, (SUBSCRIBES,), (), "deny", "14", ("subscription", "HPAYMT")),
    "emergency access is not sent": (CLEAR, T, "ETREAT", (), S, (GP,), (), "deny", "14", ("gp", "ETREAT")),
    "break-glass is not sent": (CLEAR, T, "BTG", (), S, (GP,), (), "deny", "14", ("gp", "BTG")),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_the_decision_table(row: tuple) -> None:
    trouble, recipient, purpose, labels, source, relations, consents, result, number, because = row
    question = Question(source, recipient, labels, purpose, relations, trouble == TWO)
    rule = next(r for r in Rule if r.value.split("-")[0] == number)
    assert decide(question, Policy(consents, trouble != UNREADABLE), NOW) == Verdict(Result(result), rule, because)


# The truth table for combination, as far as there are locks, permits, purpose and relation.
# lock matches | explicit permit | treatment + relation || result
COMBINATIONS = [
    ("n", "n", "y", "permit"),
    ("n", "n", "n", "deny"),
    ("n", "y", "y", "permit"),
    ("n", "y", "n", "permit"),
    ("y", "n", "y", "deny"),
    ("y", "n", "n", "deny"),
    ("y", "y", "y", "deny"),
    ("y", "y", "n", "deny"),
]


@pytest.mark.parametrize(("lock", "permit", "relation", "result"), COMBINATIONS)
def test_the_truth_table(lock: str, permit: str, relation: str, result: str) -> None:
    consents = ((LOCK,) if lock == "y" else ()) + ((PERMIT,) if permit == "y" else ())
    question = Question("st-olavs", TRONDHEIM, relations=(GP,) if relation == "y" else ())
    assert decide(question, Policy(consents), NOW).result == result


@pytest.mark.parametrize(
    ("start", "end", "locked"),
    [
        (None, None, True),
        (NOW, None, True), (NOW + 1, None, False), (NOW - 1, None, True),
        (None, NOW, True), (None, NOW - 1, False), (None, NOW + 1, True),
        (NOW, NOW, True), (NOW - 2, NOW - 1, False), (NOW + 1, NOW + 2, False), (0, 0, False),
    ],
)  # fmt: skip
def test_both_ends_of_a_period_are_inside(start: int | None, end: int | None, *, locked: bool) -> None:
    question = Question("st-olavs", TRONDHEIM, relations=(GP,))
    verdict = decide(question, Policy((simple("lock", start_us=start, end_us=end),)), NOW)
    assert (verdict.result is Result.DENY) is locked


ORG = Identifier(ENH, "942110464")
actors = st.sampled_from(
    [(), (ORG,), (Identifier(HUB_PROVIDER, "trondheim"),), (Identifier(HUB_PROVIDER, "malvik"),), (Identifier("", "942110464"),)]
)
bounds = st.one_of(st.none(), st.integers(NOW - 2, NOW + 2))
consents = st.builds(
    simple,
    st.sampled_from("abcde"),
    st.integers(1, 3),
    active=st.booleans(),
    deny=st.booleans(),
    actors=actors,
    start_us=bounds,
    end_us=bounds,
)
policies = st.builds(Policy, st.lists(consents, max_size=5).map(tuple), st.booleans())
questions = st.builds(
    Question,
    st.sampled_from(["st-olavs", "trondheim"]),
    st.sampled_from([TRONDHEIM, SUSPENDED, None]),
    st.lists(st.sampled_from([*sorted(LABELS), "?"]), max_size=2).map(tuple),
    st.sampled_from(["TREAT", "COC", "HRESCH", "", "BTG"]),
    st.lists(st.sampled_from(Relation), unique=True).map(tuple),
    st.booleans(),
)


@given(questions, policies, st.randoms())
def test_the_order_of_consents_never_matters(question: Question, policy: Policy, random) -> None:
    shuffled = list(policy.consents)
    random.shuffle(shuffled)
    assert decide(question, Policy(tuple(shuffled), policy.readable), NOW) == decide(question, policy, NOW)


@given(questions, policies, consents)
def test_one_more_lock_never_opens(question: Question, policy: Policy, lock: Consent) -> None:
    lock = replace(lock, id="added", provision=replace(lock.provision, deny=True))
    before, after = (decide(question, p, NOW) for p in (policy, replace(policy, consents=(*policy.consents, lock))))
    assert before.result is Result.PERMIT or after.result is before.result


@given(questions, policies, policies)
def test_what_else_is_stored_never_opens_a_lock(question: Question, policy: Policy, more: Policy) -> None:
    """Insertion before, between or after: only a later version of the lock itself lifts it."""
    others = tuple(replace(c, id=f"other-{c.id}") for c in more.consents)
    if decide(question, policy, NOW).rule is Rule.LOCKED:
        for consents in (others + policy.consents, policy.consents + others):
            assert decide(question, Policy(consents, policy.readable), NOW).rule is Rule.LOCKED


@given(questions, policies)
def test_an_unreadable_store_never_permits(question: Question, policy: Policy) -> None:
    assert decide(question, replace(policy, readable=False), NOW).result is not Result.PERMIT


@given(questions, policies)
def test_silence_denies(question: Question, policy: Policy) -> None:
    """A permit always has its proof: the own record, a permit, or a relation."""
    verdict = decide(question, policy, NOW)
    if verdict.result is Result.PERMIT and verdict.rule is not Rule.OWN_RECORD:
        assert verdict.because


def test_a_tie_between_two_of_one_version_denies() -> None:
    """The same consent and version said twice, differently: the denial counts, in whichever order."""
    for pair in permutations((LOCK, simple("lock", deny=False), replace(LOCK, active=False))):
        assert decide(Question("st-olavs", TRONDHEIM, relations=(GP,)), Policy(pair), NOW).result is Result.DENY


def test_an_older_version_has_no_say() -> None:
    for pair in permutations((LOCK, simple("lock", 2, deny=False), simple("lock", 1, deny=False))):
        verdict = decide(Question("st-olavs", TRONDHEIM), Policy(pair), NOW)
        assert verdict == Verdict(Result.PERMIT, Rule.EXPLICIT_PERMIT, ("lock/2",))


def test_a_permit_with_a_doubtful_actor_opens_nothing_and_a_lock_with_one_locks() -> None:
    doubtful = (Identifier("", "942110464"),)
    assert decide(Question("st-olavs", TRONDHEIM), Policy((simple("permit", deny=False, actors=doubtful),)), NOW).result is Result.DENY
    locked = decide(Question("st-olavs", TRONDHEIM, relations=(GP,)), Policy((simple("lock", actors=doubtful),)), NOW)
    assert locked.rule is Rule.LOCKED


def test_any_of_several_actors_is_locked() -> None:
    several = (Identifier(HUB_PROVIDER, "malvik"), ORG)
    assert decide(Question("st-olavs", TRONDHEIM, relations=(GP,)), Policy((simple("lock", actors=several),)), NOW).rule is Rule.LOCKED


@pytest.mark.parametrize("answer", [v for v in TABLE.values() if v[7] != "deny"])
def test_a_decision_says_the_relations_to_ask_again_with(answer: tuple) -> None:
    relations, because = answer[5], answer[9]
    assert relations_in(because) == relations
    assert all(type(word) is str for word in because)


def test_the_rows_stand_in_the_order_of_the_table() -> None:
    assert [row.number for row in TABLE_OF_ROWS] == list(range(1, 15))
    assert [row.rule for row in TABLE_OF_ROWS] == list(Rule)
    for row in TABLE_OF_ROWS:
        assert (row.answer.__doc__ or "").startswith(f"Row {row.number}.")


def test_the_page_about_consent_says_what_the_table_says() -> None:
    assert GENERATED[PAGE]() == PAGE.read_text("utf-8"), "run: python -m deploy.generate"
    for row in TABLE_OF_ROWS:
        assert f"| {row.number} | {row.condition} | {row.result} | {row.source} |\n" in PAGE.read_text("utf-8")


SENSITIVE = [
    "ETH", "GDIS", "HIV", "MST", "PREGNANT", "SCA", "SDV", "SEX", "SPI", "BH", "COGN", "DVD", "EMOTDIS", "MH",
    "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "STD", "TBOO", "VIO", "SICKLE", "DEMO", "DOB", "GENDER",
    "LIVARG", "MARST", "PATLOC", "RACE", "REL", "B", "EMPL", "LOCIS", "SSP", "ADOL", "CEL", "DIA", "DRGIS", "EMP",
    "PDS", "PHY", "PRS", "R",
]  # fmt: skip


@pytest.mark.parametrize("label", SENSITIVE)
def test_what_is_sensitive_takes_more_than_a_subscription(label: str) -> None:
    by_agreement = decide(Question(S, T, (label,), relations=(SUBSCRIBES,)), Policy(), NOW)
    treating = decide(Question(S, T, (label,), relations=(PATHWAY,)), Policy(), NOW)
    assert (by_agreement.rule, treating.rule) == (Rule.NO_RELATION, Rule.TREATING_RELATION)


@pytest.mark.parametrize("purpose", ["ETREAT", "BTG", "HPAYMT", "HOPERAT", "PATRQT", "FAMRQT", "PWATRNY", "HRESCH"])
def test_a_known_purpose_that_is_not_care_takes_a_permit(purpose: str) -> None:
    question = Question(S, T, purpose=purpose, relations=(GP, SUBSCRIBES))
    assert decide(question, Policy(), NOW) == Verdict(Result.DENY, Rule.NO_RELATION, ("gp", "subscription", purpose))
    assert decide(question, Policy((PERMIT,)), NOW).rule is Rule.EXPLICIT_PERMIT


def test_a_question_is_about_treatment_and_nothing_special_unless_said() -> None:
    assert Question(S, T) == Question(S, T, (), "TREAT", (), conflict=False)
