"""The rows of the decision table about people who ask and duties of law, the truth table, time, and the message of several things."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.consent.decide import decide
from hub.consent.question import Acp, Asker, Capacity, Question, Verdict
from hub.identity import FNR, HPR, HUB_PROVIDER
from hub.model import (
    Actor,
    ActorKind,
    Base,
    Boundaries,
    Channel,
    Consent,
    Deliver,
    Detail,
    Duty,
    Identifier,
    Item,
    Kind,
    Policy,
    Provider,
    ProviderKind,
    Provision,
    Relation,
    Result,
    Rule,
    Span,
)
from tests.consents import simple

OSLO = ZoneInfo("Europe/Oslo")


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() * 1_000_000)


NOW = us("2026-05-17T12:00:00")
HOUR = 3_600_000_000
TOWN = Provider("town", "Town", ProviderKind.MUNICIPALITY, "942110464", (), Deliver(Channel.MAILBOX))
MOTHER = Identifier(FNR, "15076500565")
LOCK = replace(simple("lock"), given_us=NOW - 100)
PERMIT = simple("permit", deny=False)
LIMITED = Boundaries(limited=True)
OF_AGE, YOUNG, CHILD = "2000-01-01", "2012-01-01", "2016-01-01"
V, OTHERS = Verdict, (simple("other", actors=(Identifier(HUB_PROVIDER, "village"),)),)


def patient(born: str = OF_AGE, **more: Any) -> Question:
    return Question("hospital", None, purpose="PATRQT", asker=Asker(Capacity.PATIENT, birth_date=born, **more))


def parent(born: str, **more: Any) -> Question:
    asker = Asker(Capacity.REPRESENTATIVE, Acp.PARENT, identifiers=(MOTHER,), birth_date=born, **more)
    return Question("hospital", None, purpose="FAMRQT", asker=asker)


def attorney(acp: Acp = Acp.ATTORNEY, purpose: str = "PWATRNY", **more: Any) -> Question:
    return Question("hospital", None, purpose=purpose, asker=Asker(Capacity.REPRESENTATIVE, acp, identifiers=(MOTHER,), **more))


def personnel(purpose: str = "TREAT", relations: tuple[Relation, ...] = (Relation.PATHWAY,), **more: Any) -> Question:
    return Question("hospital", TOWN, (), purpose, relations, asker=Asker(Capacity.PERSONNEL, identifiers=(Identifier(HPR, "7"),), **more))


def labelled(question: Question, *labels: str) -> Question:
    return replace(question, labels=labels)


ME, REP = Rule.PATIENT_THEMSELVES, Rule.REPRESENTATIVE
NAMES_MOTHER = Consent("m", 1, True, Provision(True, actors=(Actor(MOTHER, ActorKind.PERSON),)))
# question | consents | boundaries || result | rule | because
CITIZENS = {
    # 6: the patient
    "of age": (patient(), (), Boundaries(), "permit", ME, ()),
    "of age, locked for others": (patient(), (LOCK,), Boundaries(), "permit", ME, ()),
    "restricted": (labelled(patient(), "R"), (), Boundaries(), "permit", ME, ()),
    "psychiatry": (labelled(patient(), "PSY"), (), Boundaries(), "permit", ME, ()),
    "very restricted": (labelled(patient(), "V"), (PERMIT,), Boundaries(), "deny", ME, ("V",)),
    "restricted and very restricted": (labelled(patient(), "R", "V"), (), Boundaries(), "deny", ME, ("V",)),
    "denied insight": (labelled(patient(), "N", "NORN_ANG"), (PERMIT,), Boundaries(), "deny", ME, ("NORN_ANG",)),
    "denied insight, and very restricted": (labelled(patient(), "V", "NORN_ANG"), (), Boundaries(), "deny", ME, ("NORN_ANG",)),
    "denied insight by another word": (labelled(patient(), "NORN_ALL", "NORN_FOR"), (), Boundaries(), "deny", ME, ("NORN_ALL", "NORN_FOR")),
    "locked by the source": (labelled(patient(), "NORS"), (), Boundaries(), "deny", ME, ("NORS",)),
    "unknown label": (labelled(patient(), "?"), (), Boundaries(), "deny", Rule.LABEL_UNKNOWN, ()),
    "another purpose": (replace(patient(), purpose="TREAT"), (), Boundaries(), "deny", ME, ("access_policy",)),
    "another access policy": (patient(acp=Acp.ATTORNEY), (), Boundaries(), "deny", ME, ("access_policy",)),
    "two people": (replace(patient(), conflict=True), (), Boundaries(), "hold", Rule.PATIENT_UNRESOLVED, ()),
    "young": (patient(YOUNG), (), Boundaries(), "deny", ME, ("age",)),
    "young, limited": (patient(YOUNG), (), LIMITED, "permit", ME, ()),
    "young, limited, restricted": (labelled(patient(YOUNG), "R"), (), LIMITED, "deny", ME, ("R",)),
    "perhaps young, limited": (patient("2013"), (), LIMITED, "deny", ME, ("age",)),
    "a child": (patient(CHILD), (), LIMITED, "deny", ME, ("age",)),
    "no birth date, where all are of age": (
        patient(""), (), Boundaries(alone_years=1, youth_years=0, limited=True), "deny", ME, ("age",)),
    "no birth date": (patient(""), (), LIMITED, "deny", ME, ("age",)),
    # 7: who acts for another
    "parent of a child": (parent(CHILD), (), Boundaries(), "permit", REP, ()),
    "parent of a child, locked for others": (parent(CHILD), (LOCK,), Boundaries(), "permit", REP, ()),
    "parent of a child, restricted": (labelled(parent(CHILD), "R"), (), Boundaries(), "permit", REP, ()),
    "parent of a child, very restricted": (labelled(parent(CHILD), "V"), (PERMIT,), Boundaries(), "deny", REP, ("V",)),
    "parent of a child who withholds": (parent(CHILD, withheld=True), (PERMIT,), Boundaries(), "deny", REP, ("withheld_by_child",)),
    "parent, protected address": (parent(CHILD, protected_address=True), (PERMIT,), Boundaries(), "deny", REP, ("protected_address",)),
    "parent of one who is young": (parent(YOUNG), (PERMIT,), Boundaries(), "deny", REP, ("age",)),
    "parent of one who is young, limited": (parent(YOUNG), (), LIMITED, "permit", REP, ()),
    "parent of one who is young, restricted": (labelled(parent(YOUNG), "HIV"), (), LIMITED, "deny", REP, ("HIV",)),
    "parent of one who is young and withholds": (parent(YOUNG, withheld=True), (), LIMITED, "deny", REP, ("withheld_by_child",)),
    "parent of one of age": (parent(OF_AGE), (PERMIT,), LIMITED, "deny", REP, ("age",)),
    "parent, no birth date": (parent(""), (PERMIT,), LIMITED, "deny", REP, ("age",)),
    "parent, named by a lock": (parent(CHILD), (NAMES_MOTHER,), Boundaries(), "deny", REP, ("m/1",)),
    "parent, named by a lock that is lifted": (parent(CHILD), (replace(NAMES_MOTHER, active=False),), Boundaries(), "permit", REP, ()),
    "parent, named by a lock that is over": (
        parent(CHILD), (replace(NAMES_MOTHER, provision=replace(NAMES_MOTHER.provision, period=Span(None, NOW - 1))),), Boundaries(),
        "permit", REP, ()),
    "parent, named by a lock on something else": (
        parent(CHILD), (replace(NAMES_MOTHER, provision=replace(NAMES_MOTHER.provision, purposes=("TREAT",))),), Boundaries(),
        "permit", REP, ()),
    "parent, named by an exception to a permit": (
        parent(CHILD), (replace(NAMES_MOTHER, provision=Provision(False, exceptions=(NAMES_MOTHER.provision,))),), Boundaries(),
        "deny", REP, ("m/1",)),
    "parent, and a lock on a doctor": (
        parent(CHILD), (Consent("d", 1, True, Provision(True, actors=(Actor(Identifier(HPR, "7"), ActorKind.PERSON),))),), Boundaries(),
        "permit", REP, ()),
    "parent, another purpose": (replace(parent(CHILD), purpose="PATRQT"), (), Boundaries(), "deny", REP, ("access_policy",)),
    "attorney": (attorney(), (), Boundaries(), "permit", REP, ()),
    "attorney, restricted": (labelled(attorney(), "R"), (), Boundaries(), "permit", REP, ()),
    "attorney, very restricted": (labelled(attorney(), "V"), (PERMIT,), Boundaries(), "deny", REP, ("V",)),
    "attorney, denied insight": (labelled(attorney(), "NORN_EPO"), (), Boundaries(), "deny", REP, ("NORN_EPO",)),
    "attorney, named by a lock": (attorney(), (NAMES_MOTHER,), Boundaries(), "deny", REP, ("m/1",)),
    "attorney, protected address": (attorney(protected_address=True), (), Boundaries(), "deny", REP, ("protected_address",)),
    "of someone unable to consent": (attorney(Acp.GUARDIAN), (), Boundaries(), "permit", REP, ()),
    "attorney as a parent": (attorney(purpose="FAMRQT"), (), Boundaries(), "deny", REP, ("access_policy",)),
    "by no access policy": (attorney(Acp.NULL), (PERMIT,), Boundaries(), "deny", REP, ("access_policy",)),
    "by personnel's access policy": (attorney(Acp.EXPLICIT), (PERMIT,), Boundaries(), "deny", REP, ("access_policy",)),
}  # fmt: skip


@pytest.mark.parametrize(("question", "consents", "boundaries", "result", "rule", "because"), CITIZENS.values(), ids=CITIZENS.keys())
def test_citizens(question: Question, consents: Any, boundaries: Boundaries, result: str, rule: Rule, because: tuple[str, ...]) -> None:
    assert decide(question, Policy(consents), NOW, boundaries) == V(Result(result), rule, because)


# born | boundaries | who asks || shown, the day before the birthday and on it
BIRTHDAYS = [
    ("2010-05-17", Boundaries(), patient, "deny", "permit"),
    ("2013-05-17", LIMITED, patient, "deny", "permit"),
    ("2013-05-17", Boundaries(), patient, "deny", "deny"),
    ("2010-05-17", LIMITED, parent, "permit", "deny"),
    ("2014-05-17", Boundaries(), parent, "permit", "deny"),
    ("2014-05-17", LIMITED, parent, "permit", "permit"),
    ("2013-05-17", Boundaries(child_years=13), parent, "permit", "deny"),
    ("2011-05-17", Boundaries(alone_years=15), patient, "deny", "permit"),
    ("2014-05-17", Boundaries(youth_years=12, limited=True), patient, "deny", "permit"),
    ("2011-05-17", Boundaries(child_years=18, alone_years=15), parent, "permit", "deny"),  # who decides alone is no child
]


@pytest.mark.parametrize(("born", "boundaries", "who", "before", "after"), BIRTHDAYS)
def test_a_birthday_begins_at_midnight_in_norway(born: str, boundaries: Boundaries, who: Any, before: str, after: str) -> None:
    midnight = us("2026-05-17T00:00:00")
    assert [decide(who(born), Policy(), t, boundaries).result for t in (midnight - 1, midnight)] == [before, after]


@pytest.mark.parametrize(("born", "own", "parents"), [("2010", "deny", "deny"), ("2014", "deny", "deny"), ("2009", "permit", "deny")])
def test_a_year_alone_is_read_for_whoever_would_be_shown_less(born: str, own: str, parents: str) -> None:
    assert [decide(q, Policy(), NOW).result for q in (patient(born), parent(born))] == [own, parents]


# what happened | recipient | consents | labels | detail asked || verdict
CITY = ProviderKind.MUNICIPALITY
DUTY = Boundaries(
    duties=(
        Duty(Kind.ADMITTED, CITY), Duty(Kind.DISCHARGED, CITY, Detail.NOTICE), Duty(Kind.TRANSFERRED, CITY, Detail.NOTICE),
        Duty(Kind.TRANSFERRED, CITY),
    )
)  # fmt: skip
LAW, LOCKED, SEND = Rule.STATUTORY_DUTY, Rule.LOCKED, (Relation.SUBSCRIPTION,)
TIES = ("subscription",)
DUTIES = {
    "locked": (Kind.ADMITTED, TOWN, (LOCK,), (), Detail.FULL, V(Result.PERMIT, LAW, TIES, detail=Detail.MINIMAL)),
    "locked, the minimum asked": (Kind.ADMITTED, TOWN, (LOCK,), ("N",), Detail.MINIMAL, V(Result.PERMIT, LAW, TIES)),
    "locked, less than it asked": (Kind.ADMITTED, TOWN, (LOCK,), (), Detail.NOTICE, V(Result.PERMIT, LAW, TIES)),
    "locked, and restricted": (Kind.ADMITTED, TOWN, (LOCK,), ("R",), Detail.FULL, V(Result.DENY, LOCKED, ("lock/1",))),
    "locked, a smaller minimum": (Kind.DISCHARGED, TOWN, (LOCK,), (), Detail.MINIMAL, V(Result.PERMIT, LAW, TIES, detail=Detail.NOTICE)),
    "locked, no duty about it": (Kind.UPDATED, TOWN, (LOCK,), (), Detail.MINIMAL, V(Result.DENY, LOCKED, ("lock/1",))),
    "locked, nobody knows what about": (None, TOWN, (LOCK,), (), Detail.MINIMAL, V(Result.DENY, LOCKED, ("lock/1",))),
    "locked, no duty to such": (
        Kind.ADMITTED, replace(TOWN, kind=ProviderKind.GP), (LOCK,), (), Detail.MINIMAL, V(Result.DENY, LOCKED, ("lock/1",))),
    "not locked": (Kind.ADMITTED, TOWN, (), (), Detail.FULL, V(Result.PERMIT, Rule.TREATING_RELATION, TIES)),
    "nobody knows the recipient": (
        Kind.ADMITTED, None, (), (), Detail.MINIMAL, V(Result.DENY, Rule.RECIPIENT_UNKNOWN, ("unknown_recipient",))),
    "two duties, the larger": (Kind.TRANSFERRED, TOWN, (LOCK,), (), Detail.FULL, V(Result.PERMIT, LAW, TIES, detail=Detail.MINIMAL)),
    "suspended": (
        Kind.ADMITTED, replace(TOWN, suspended=True), (LOCK,), (), Detail.MINIMAL, V(Result.DENY, Rule.RECIPIENT_UNKNOWN, ("suspended",))),
    "unknown label": (Kind.ADMITTED, TOWN, (LOCK,), ("?",), Detail.MINIMAL, V(Result.DENY, Rule.LABEL_UNKNOWN)),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "recipient", "consents", "labels", "detail", "expected"), DUTIES.values(), ids=DUTIES.keys())
def test_the_law_tells_to_notify(kind: Any, recipient: Provider, consents: Any, labels: Any, detail: Detail, expected: Verdict) -> None:
    question = Question("hospital", recipient, labels, "TREAT", SEND, kind=kind, detail=detail)
    assert decide(question, Policy(consents), NOW, DUTY) == expected


def test_a_duty_holds_where_nothing_can_be_read_and_nobody_who_asks_has_it() -> None:
    question = Question("hospital", TOWN, (), "TREAT", SEND, kind=Kind.ADMITTED)
    assert decide(question, Policy(readable=False), NOW, DUTY).result is Result.HOLD
    assert decide(replace(personnel(), kind=Kind.ADMITTED), Policy((LOCK,)), NOW, DUTY).result is Result.DENY


GLASS = {"reason": "unconscious, allergies unknown", "roles": (Identifier("hpr", "LE"),), "since_us": NOW - HOUR}
# asker's | purpose | labels | consents | now || verdict
EMERGENCIES = {
    "locked": (GLASS, "ETREAT", ("R",), (LOCK,), NOW, V(Result.PERMIT, Rule.EMERGENCY, ("emergency", "lock/1"))),
    "break-glass, very restricted": (GLASS, "BTG", ("V",), (), NOW, V(Result.PERMIT, Rule.EMERGENCY, ("emergency",))),
    "locked by the source": (GLASS, "BTG", ("NORS",), (), NOW, V(Result.PERMIT, Rule.EMERGENCY, ("emergency",))),
    "no reason": (GLASS | {"reason": " "}, "BTG", (), (LOCK,), NOW, V(Result.DENY, LOCKED, ("lock/1",))),
    "no role": (GLASS | {"roles": ()}, "BTG", (), (LOCK,), NOW, V(Result.DENY, LOCKED, ("lock/1",))),
    "not opened": (GLASS | {"since_us": None}, "BTG", (), (LOCK,), NOW, V(Result.DENY, LOCKED, ("lock/1",))),
    "just opened": (GLASS | {"since_us": NOW}, "BTG", (), (LOCK,), NOW, V(Result.PERMIT, Rule.EMERGENCY, ("emergency", "lock/1"))),
    "the last moment": (GLASS, "BTG", (), (), NOW + 7 * HOUR - 1, V(Result.PERMIT, Rule.EMERGENCY, ("emergency",))),
    "expired": (GLASS, "BTG", (), (), NOW + 7 * HOUR, V(Result.DENY, Rule.NO_RELATION, ("BTG",))),
    "a clock that went back": (GLASS, "BTG", (), (), NOW - HOUR - 1, V(Result.DENY, Rule.NO_RELATION, ("BTG",))),
    "another purpose": (GLASS, "TREAT", (), (LOCK,), NOW, V(Result.DENY, LOCKED, ("lock/1",))),
    "unknown label": (GLASS, "BTG", ("?",), (), NOW, V(Result.DENY, Rule.LABEL_UNKNOWN)),
    "unreadable": (GLASS, "BTG", (), None, NOW, V(Result.HOLD, Rule.CONSENT_UNREADABLE)),
}  # fmt: skip


@pytest.mark.parametrize(("asker", "purpose", "labels", "consents", "now_us", "expected"), EMERGENCIES.values(), ids=EMERGENCIES.keys())
def test_emergencies(asker: Any, purpose: str, labels: Any, consents: Any, now_us: int, expected: Verdict) -> None:
    policy = Policy(readable=False) if consents is None else Policy(consents)
    assert decide(labelled(personnel(purpose, (), **asker), *labels), policy, now_us) == expected


def test_break_glass_is_never_sent_nor_a_citizens() -> None:
    sent = Question("hospital", TOWN, (), "BTG", (Relation.GP,))
    citizen = Question("hospital", None, purpose="BTG", asker=Asker(Capacity.PATIENT, birth_date=OF_AGE, **GLASS))
    for question in (sent, citizen):
        assert decide(question, Policy(), NOW).result is Result.DENY


CONSENTED = {"acp": Acp.EXPLICIT, "acp_given_us": NOW - 50}
AFTER = V(Result.PERMIT, Rule.CONSENT_AFTER_LOCK, ("consent_given", "lock/1", "pathway"))
NO = V(Result.DENY, LOCKED, ("lock/1",))
# asker's | purpose | relations | labels | consents || verdict
SINCE = {
    "given after the lock": (CONSENTED, "TREAT", (Relation.PATHWAY,), (), (LOCK,), AFTER),
    "very restricted too": (CONSENTED, "TREAT", (Relation.PATHWAY,), ("V",), (LOCK,), AFTER),
    "given as the lock was": (CONSENTED | {"acp_given_us": NOW - 100}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), NO),
    "given before": (CONSENTED | {"acp_given_us": NOW - 101}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), NO),
    "given nobody knows when": (CONSENTED | {"acp_given_us": None}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), NO),
    "given this moment": (CONSENTED | {"acp_given_us": NOW}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), AFTER),
    "given tomorrow": (CONSENTED | {"acp_given_us": NOW + 1}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), NO),
    "a lock of nobody knows when": (CONSENTED, "TREAT", (Relation.PATHWAY,), (), (replace(LOCK, given_us=None),), NO),
    "one of two locks is newer": (
        CONSENTED, "TREAT", (Relation.PATHWAY,), (), (LOCK, replace(simple("new"), given_us=NOW)),
        V(Result.DENY, LOCKED, ("lock/1", "new/1"))),
    "another access policy": (CONSENTED | {"acp": Acp.GIVEN}, "TREAT", (Relation.PATHWAY,), (), (LOCK,), NO),
    "another purpose": (CONSENTED, "HRESCH", (Relation.PATHWAY,), (), (LOCK,), NO),
    "no relation": (CONSENTED, "TREAT", (), (), (LOCK,), NO),
    "no lock": (CONSENTED, "TREAT", (), (), (), V(Result.DENY, Rule.NO_RELATION)),
    "no lock, very restricted": (
        CONSENTED, "TREAT", (Relation.PATHWAY,), ("V",), (), V(Result.DENY, Rule.NO_RELATION, ("pathway", "V"))),
    "locked by the source": (CONSENTED, "TREAT", (Relation.PATHWAY,), ("NORS",), (LOCK,), V(Result.DENY, LOCKED, ("lock/1", "NORS"))),
}  # fmt: skip


@pytest.mark.parametrize(("asker", "purpose", "relations", "labels", "consents", "expected"), SINCE.values(), ids=SINCE.keys())
def test_an_explicit_consent_after_the_lock(
    asker: Any, purpose: str, relations: Any, labels: Any, consents: Any, expected: Verdict
) -> None:
    assert decide(labelled(personnel(purpose, relations, **asker), *labels), Policy(consents), NOW) == expected


def test_personnel_are_shown_what_their_organisation_would_be_sent() -> None:
    assert decide(personnel(), Policy(), NOW) == V(Result.PERMIT, Rule.TREATING_RELATION, ("pathway",))
    assert decide(personnel(relations=()), Policy(), NOW).rule is Rule.NO_RELATION
    assert decide(replace(personnel(), source="town"), Policy((LOCK,)), NOW).rule is Rule.OWN_RECORD
    assert decide(replace(personnel(), recipient=None), Policy(), NOW).rule is Rule.RECIPIENT_UNKNOWN
    keeps_out = Consent("c", 1, True, Provision(True, actors=(Actor(Identifier(HPR, "7"), ActorKind.PERSON),)))
    assert decide(personnel(), Policy((keeps_out,)), NOW).rule is Rule.LOCKED
    lets_in = replace(keeps_out, base=Base.EXPLICIT, provision=replace(keeps_out.provision, deny=False))
    assert decide(personnel("HRESCH", ()), Policy((lets_in,)), NOW).rule is Rule.EXPLICIT_PERMIT


def test_what_is_locked_by_its_source_or_not_labelled_where_labels_are_required() -> None:
    question = Question("hospital", TOWN, ("N", "NORS"), relations=(Relation.GP,))
    assert decide(question, Policy((PERMIT,)), NOW) == V(Result.DENY, LOCKED, ("NORS",))
    strict = Boundaries(labels_required=True)
    for labels, rule in (((), Rule.LABEL_UNKNOWN), (("PSY",), Rule.LABEL_UNKNOWN), (("N",), Rule.TREATING_RELATION)):
        assert decide(replace(question, labels=labels), Policy(), NOW, strict).rule is rule
    assert decide(replace(question, labels=()), Policy(), NOW, strict) == V(Result.DENY, Rule.LABEL_UNKNOWN, ("no_label",))
    assert decide(replace(question, labels=("NORN_ALL",)), Policy(), NOW).rule is Rule.TREATING_RELATION  # personnel are not denied it


def test_a_message_asked_about_whole_is_all_that_may_be_in_it() -> None:
    lock = Consent("lock", 1, True, Provision(True, labels=("PSY",)))
    assert decide(Question("hospital", TOWN, ("N",), relations=(Relation.GP,)), Policy((lock,)), NOW).rule is LOCKED


NEXT_TO = Provision(False, actors=(Actor(Identifier(HUB_PROVIDER, "town")),))
EXCEPT = replace(LOCK, provision=replace(LOCK.provision, exceptions=(NEXT_TO,)))
# lock matches | nested exception matches | explicit permit | acp 5 after lock | emergency | treatment and relation || result
TRUTH = [
    ("n", "-", "n", "-", "n", "y", "permit", Rule.TREATING_RELATION),
    ("n", "-", "n", "-", "n", "n", "deny", Rule.NO_RELATION),
    ("n", "-", "y", "-", "n", "y", "permit", Rule.EXPLICIT_PERMIT),
    ("n", "-", "y", "-", "n", "n", "permit", Rule.EXPLICIT_PERMIT),
    ("y", "n", "n", "n", "n", "y", "deny", Rule.LOCKED),
    ("y", "n", "n", "n", "n", "n", "deny", Rule.LOCKED),
    ("y", "n", "y", "n", "n", "y", "deny", Rule.LOCKED),
    ("y", "n", "y", "n", "n", "n", "deny", Rule.LOCKED),
    ("y", "y", "n", "n", "n", "y", "permit", Rule.TREATING_RELATION),
    ("y", "y", "n", "n", "n", "n", "deny", Rule.NO_RELATION),
    ("y", "n", "n", "y", "n", "y", "permit", Rule.CONSENT_AFTER_LOCK),
    ("y", "n", "y", "y", "n", "y", "permit", Rule.CONSENT_AFTER_LOCK),
    ("y", "n", "n", "n", "y", "y", "permit", Rule.EMERGENCY),
    ("y", "n", "y", "n", "y", "n", "permit", Rule.EMERGENCY),
]


@pytest.mark.parametrize(("lock", "exception", "permit", "acp", "emergency", "relation", "result", "rule"), TRUTH)
def test_the_truth_table(  # noqa: PLR0917
    lock: str, exception: str, permit: str, acp: str, emergency: str, relation: str, result: str, rule: Rule
) -> None:
    consents = ((EXCEPT if exception == "y" else LOCK,) if lock == "y" else ()) + ((PERMIT,) if permit == "y" else ())
    asker = (CONSENTED if acp == "y" else {}) | (GLASS if emergency == "y" else {})
    purpose = "ETREAT" if emergency == "y" else "TREAT"
    question = personnel(purpose, (Relation.GP,) if relation == "y" else (), **asker)
    verdict = decide(question, Policy(consents), NOW)
    assert (verdict.result, verdict.rule) == (result, rule)
    if not asker:  # the same for what is sent
        assert decide(replace(question, asker=None), Policy(consents), NOW) == verdict


DAY = Span(us("2026-05-17T00:00:00"), us("2026-05-18T00:00:00") - 1)
LAST_DAY = replace(simple("day"), provision=Provision(True, DAY))
SENT = Question("hospital", TOWN, relations=(Relation.GP,))
# consents | decided at || rule
TIMES = {
    "the start is inside": ((LAST_DAY,), DAY.start_us, Rule.LOCKED),
    "before the start": ((LAST_DAY,), (DAY.start_us or 0) - 1, Rule.TREATING_RELATION),
    "any time of the last day": ((LAST_DAY,), us("2026-05-17T23:59:59"), Rule.LOCKED),
    "the end is inside": ((LAST_DAY,), DAY.end_us, Rule.LOCKED),
    "just after the end, without a change of status": ((LAST_DAY,), (DAY.end_us or 0) + 1, Rule.TREATING_RELATION),
    "made before the lock, decided after": ((LOCK,), NOW, Rule.LOCKED),  # the time of the event plays no part
    "lifted": ((replace(LOCK, version=2, active=False), LOCK), NOW, Rule.TREATING_RELATION),
    "merged: the locks of both": ((simple("of-one", actors=(Identifier(HUB_PROVIDER, "town"),)), *OTHERS), NOW, Rule.LOCKED),
    "unmerged: its own": (OTHERS, NOW, Rule.TREATING_RELATION),
}  # fmt: skip


@pytest.mark.parametrize(("consents", "now_us", "rule"), TIMES.values(), ids=TIMES.keys())
def test_what_counts_is_the_moment_of_deciding(consents: Any, now_us: int, rule: Rule) -> None:
    assert decide(SENT, Policy(consents), now_us).rule is rule


NORMAL = Item("a", "Observation", ("N",), (("s", "1"),), 5, 5)
SENSITIVE = Item("b", "Observation", ("PSY",), (("s", "2"),), 5, 5)
SECRET = Item("c", "Condition", ("V",), (("s", "3"),), 5, 5)
ODD = Item("d", "Condition", ("?",), (("s", "4"),), 5, 5)
SUB = replace(SENT, relations=(Relation.SUBSCRIPTION,))


def locks(**elements: Any) -> Consent:
    return Consent("lock", 1, True, Provision(True, **elements))


# question | items | consents || verdict
MESSAGES = {
    "all of it": (SENT, (NORMAL, SENSITIVE), (), V(Result.PERMIT, Rule.TREATING_RELATION, ("gp",))),
    "the lock matches one": (
        SENT, (NORMAL, SENSITIVE), (locks(labels=("PSY",)),), V(Result.REDACT, LOCKED, ("lock/1", "gp"), ("b",))),
    "the lock matches a kind": (SENT, (NORMAL, replace(SECRET, labels=("N",))), (locks(classes=("Condition",)),),
                                V(Result.REDACT, LOCKED, ("lock/1", "gp"), ("c",))),
    "the lock matches a code": (
        SENT, (NORMAL, SENSITIVE), (locks(codes=(("s", "1"),)),), V(Result.REDACT, LOCKED, ("lock/1", "gp"), ("a",))),
    "the lock matches all": (SENT, (NORMAL, SENSITIVE), (locks(codes=(("s", "1"), ("s", "2"))),), V(Result.DENY, LOCKED, ("lock/1",))),
    "all of it, for several reasons": (
        SENT, (SECRET, ODD), (), V(Result.DENY, Rule.LABEL_UNKNOWN, ("gp", "V"))),
    "the lock matches none": (
        SENT, (NORMAL, SENSITIVE), (locks(classes=("Condition",)),), V(Result.PERMIT, Rule.TREATING_RELATION, ("gp",))),
    "a lock of a time, an item without one": (
        SENT, (NORMAL, replace(SENSITIVE, first_us=None, last_us=None)), (locks(data_period=Span(1, 2)),),
        V(Result.REDACT, LOCKED, ("lock/1", "gp"), ("b",))),
    "very restricted left out": (SENT, (NORMAL, SECRET), (), V(Result.REDACT, Rule.NO_RELATION, ("gp", "V"), ("c",))),
    "an unknown label left out": (SENT, (ODD, NORMAL), (), V(Result.REDACT, Rule.LABEL_UNKNOWN, ("gp",), ("d",))),
    "for several reasons": (
        SENT, (SECRET, NORMAL, SENSITIVE, ODD), (locks(labels=("PSY",)),),
        V(Result.REDACT, Rule.LABEL_UNKNOWN, ("lock/1", "gp", "V"), ("c", "b", "d"))),
    "restricted for a subscriber": (SUB, (NORMAL, SENSITIVE), (), V(Result.REDACT, Rule.NO_RELATION, ("subscription", "PSY"), ("b",))),
    "permitted what the law does not give": (
        SUB, (NORMAL, SENSITIVE), (replace(PERMIT, provision=Provision(False, labels=("PSY",))),),
        V(Result.PERMIT, Rule.EXPLICIT_PERMIT, ("permit/1", "subscription"))),
    "permitted one for research": (
        replace(SUB, purpose="HRESCH", relations=()), (NORMAL, SENSITIVE), (replace(PERMIT, provision=Provision(False, labels=("N",))),),
        V(Result.REDACT, Rule.NO_RELATION, ("PSY", "HRESCH"), ("b",))),
    "two people": (replace(SENT, conflict=True), (NORMAL, SENSITIVE), (), V(Result.HOLD, Rule.PATIENT_UNRESOLVED, ("gp",))),
    "the patient": (patient(), (NORMAL, SECRET), (), V(Result.REDACT, ME, ("V",), ("c",))),
    "own record": (replace(SENT, source="town"), (NORMAL, SECRET), (LOCK,), V(Result.PERMIT, Rule.OWN_RECORD, ("gp",))),
    "locked, and a duty": (
        replace(SUB, kind=Kind.ADMITTED), (NORMAL, SENSITIVE), (LOCK,),
        V(Result.REDACT, LOCKED, ("lock/1", "subscription"), ("b",), Detail.MINIMAL)),
    "partly locked, and a duty": (
        replace(SENT, kind=Kind.ADMITTED), (NORMAL, SENSITIVE), (locks(labels=("PSY",)),),
        V(Result.REDACT, LOCKED, ("lock/1", "gp"), ("b",))),
}  # fmt: skip


@pytest.mark.parametrize(("question", "items", "consents", "expected"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_of_several_things(question: Question, items: tuple[Item, ...], consents: Any, expected: Verdict) -> None:
    asked = replace(question, items=items, labels=("R",))  # the labels of a message that is not asked about whole play no part
    assert decide(asked, Policy(consents), NOW, DUTY) == expected
