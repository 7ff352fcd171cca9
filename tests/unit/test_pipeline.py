"""One message's plan: who gets it, who is kept out and why, what is remembered; and nothing that fails ever opens a door."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Reason, Rejected
from hub.identity import ENH, FNR, HUB_PROVIDER
from hub.model import (
    Adapter,
    Boundaries,
    Channel,
    Decision,
    Deliver,
    Delivery,
    Detail,
    Duty,
    Event,
    Form,
    Identifier,
    Item,
    Kind,
    Outcome,
    PatientState,
    Plan,
    Policy,
    Provider,
    ProviderKind,
    Received,
    Refusal,
    Result,
    Rule,
    Subscription,
    Where,
)
from hub.pipeline import Again, Terms, least, plan
from hub.routing.directory import Directory
from tests.consents import simple

NOW = 1_000
PATIENT = Identifier(FNR, "15076500565")
RECEIVED = Received("e", Adapter.HL7V2, "st-olavs", "EPJ", "STOLAV", "c", "ADT^A01", "k", (PATIENT,), 0, "utf-8", b"raw", "AA")
EVENT = Event("e", Kind.ADMITTED, Adapter.HL7V2, "st-olavs", "c", "k", (PATIENT,), 0, 0, municipality="5001")
MLLP, FHIR, MAILBOX = Deliver(Channel.MLLP, "h", 1), Deliver(Channel.FHIR, url="http://h"), Deliver(Channel.MAILBOX)


def provider(provider_id: str, organisation: str, sender: str, deliver: Deliver) -> Provider:
    return Provider(provider_id, provider_id, ProviderKind.OTHER, organisation, (sender,), deliver)


HOSPITAL = provider("st-olavs", "974749025", "STOLAV", MLLP)
TRONDHEIM = provider("trondheim", "942110464", "TRD", MLLP)
MALVIK = provider("malvik", "971035854", "MLV", FHIR)
GP = provider("legene", "900000001", "LEGENE", MAILBOX)
EVERYONE = (HOSPITAL, TRONDHEIM, MALVIK, GP)
STANDARD = (
    Subscription("trd", "trondheim", ("patient.*",), Where(municipality="5001"), Detail.FULL),
    Subscription("mlv", "malvik", ("*",), Where(municipality="5031"), Detail.FULL),
    Subscription("gp", "legene", ("*",), Where(relation="gp"), Detail.MINIMAL),
)


@dataclass(frozen=True)
class Told:
    """A message that means this event; what it is made into says what was asked for."""

    meaning: Event | Rejected = EVENT
    received: Received = RECEIVED
    stuck: frozenset[Form] = frozenset()
    broken: frozenset[str] = frozenset()  # recipients for whom there is a bug
    things: tuple[Item, ...] = ()

    def items(self) -> tuple[Item, ...]:
        return self.things

    def without(self, keys: Collection[str]) -> "Told | None":
        left = tuple(i for i in self.things if i.key not in keys)
        return replace(self, things=left, received=replace(self.received, event_id="copy")) if left else None

    def event(self) -> Event:
        if isinstance(self.meaning, Rejected):
            raise self.meaning
        return self.meaning

    def render(self, form: Form, detail: Detail, recipient: Provider) -> bytes:
        if recipient.id in self.broken:
            raise KeyError("Kari Nordmann")
        if form in self.stuck:
            raise Rejected(Reason.NO_TRANSLATION)
        told = "".join(f" {item.key}" for item in self.things)
        return f"{form} {detail} {recipient.id}{told}".encode()


def planned(
    message: Told | None = None, patient: PatientState | None = None, policy: Policy | None = None, subscriptions: tuple = STANDARD
) -> Plan:
    return plan(message or Told(), patient or PatientState(), policy or Policy(), Directory(EVERYONE, subscriptions, 1), NOW)


def test_the_main_job() -> None:
    gp = Identifier(ENH, "900000001")
    made = planned(Told(replace(EVENT, gps=(gp,))))
    assert made == Plan(
        RECEIVED,
        Outcome.ROUTED,
        replace(EVENT, gps=(gp,)),
        None,
        (
            Decision("legene", Result.PERMIT, Rule.TREATING_RELATION, Detail.MINIMAL, "gp", ("gp", "subscription")),
            Decision("trondheim", Result.PERMIT, Rule.TREATING_RELATION, Detail.FULL, "trd", ("subscription",)),
        ),
        (
            Delivery("legene", Channel.MAILBOX, Form.FHIR, Detail.MINIMAL, b"fhir minimal legene", "TREAT"),
            Delivery("trondheim", Channel.MLLP, Form.HL7V2, Detail.FULL, b"hl7v2 full trondheim", "TREAT"),
        ),
        PatientState("5001", (gp,), frozenset({"st-olavs"})),
    )


def test_what_was_refused_at_the_door_is_quarantined_and_nothing_else() -> None:
    refusal = Refusal(Reason.MISSING_PATIENT, "PID-3")
    received = replace(RECEIVED, refusal=refusal)
    assert planned(Told(received=received)) == Plan(received, Outcome.QUARANTINED, refusal=refusal)


def test_what_cannot_be_read_is_quarantined_with_its_place() -> None:
    made = planned(Told(Rejected(Reason.BAD_VALUE, "EVN-2")))
    assert made == Plan(RECEIVED, Outcome.QUARANTINED, refusal=Refusal(Reason.BAD_VALUE, "EVN-2"))


def test_nobody_subscribes() -> None:
    made = planned(Told(replace(EVENT, municipality="4601")))
    assert (made.outcome, made.decisions, made.deliveries, made.refusal) == (Outcome.NO_RECIPIENT, (), (), None)
    assert made.patient == PatientState("4601", (), frozenset({"st-olavs"}))


def test_an_addressed_provider_that_does_not_subscribe_is_explained() -> None:
    made = planned(Told(replace(EVENT, municipality="4601", addressed=("MLV",))))
    expected = Decision("malvik", Result.DENY, Rule.NO_RELATION, Detail.NOTICE, "", ("addressed", "pathway", "not_subscribed"))
    assert (made.outcome, made.decisions, made.deliveries) == (Outcome.NO_RECIPIENT, (expected,), ())
    assert made.patient == PatientState("4601", (), frozenset({"st-olavs", "malvik"}))


def test_a_gp_and_one_on_the_pathway_who_do_not_subscribe_are_explained() -> None:
    event = replace(EVENT, municipality="4601", gps=(Identifier(ENH, "942110464"),))
    made = planned(Told(event), PatientState(pathway=frozenset({"malvik", "st-olavs"})))
    assert made.decisions == (
        Decision("malvik", Result.DENY, Rule.NO_RELATION, Detail.NOTICE, "", ("pathway", "not_subscribed")),
        Decision("trondheim", Result.DENY, Rule.NO_RELATION, Detail.NOTICE, "", ("gp", "not_subscribed")),
    )
    assert made.outcome is Outcome.NO_RECIPIENT


def test_a_lock_keeps_one_out_and_the_others_in() -> None:
    lock = simple("c", 2, actors=(Identifier(HUB_PROVIDER, "trondheim"),))
    event = replace(EVENT, gps=(Identifier(ENH, "900000001"),))
    made = planned(Told(event), policy=Policy((lock,)))
    assert [(d.recipient, d.result, d.because) for d in made.decisions] == [
        ("legene", "permit", ("gp", "subscription")),
        ("trondheim", "deny", ("c/2",)),
    ]
    assert [d.recipient for d in made.deliveries] == ["legene"]
    assert made.outcome is Outcome.ROUTED


@pytest.mark.parametrize("now", [NOW - 1, NOW])
def test_the_time_asked_about_is_the_one_given(now: int) -> None:
    lock = simple(start_us=NOW)
    made = plan(Told(), PatientState(), Policy((lock,)), Directory(EVERYONE, STANDARD, 1), now)
    assert made.decisions[0].result is (Result.DENY if now == NOW else Result.PERMIT)


@pytest.mark.parametrize(
    ("patient", "policy", "rule"),
    [
        (PatientState(conflict=True), Policy(), Rule.PATIENT_UNRESOLVED),
        (PatientState(), Policy(readable=False), Rule.CONSENT_UNREADABLE),
    ],
)
def test_a_hold_is_prepared_and_not_permitted(patient: PatientState, policy: Policy, rule: Rule) -> None:
    made = planned(patient=patient, policy=policy)
    assert made.decisions == (Decision("trondheim", Result.HOLD, rule, Detail.FULL, "trd", ("subscription",)),)
    assert made.deliveries == (Delivery("trondheim", Channel.MLLP, Form.HL7V2, Detail.FULL, b"hl7v2 full trondheim"),)
    assert made.outcome is Outcome.ROUTED


def test_nothing_is_learned_of_two_people_at_once() -> None:
    event = replace(EVENT, addressed=("MLV",), gps=(Identifier(ENH, "900000001"),))
    assert planned(Told(event), PatientState("4601", conflict=True)).patient is None


def test_the_state_is_written_only_when_it_changes() -> None:
    gp = Identifier(ENH, "900000001")
    known = PatientState("5001", (gp,), frozenset({"st-olavs", "legene"}))
    assert planned(Told(replace(EVENT, municipality="")), known).patient is None
    assert planned(Told(replace(EVENT, municipality="5031")), known).patient == replace(known, municipality="5031")
    other = Identifier(ENH, "900000002")
    assert planned(Told(replace(EVENT, gps=(other,))), known).patient == replace(known, gps=(other,))
    assert planned(Told(replace(EVENT, provider="unknown")), known).patient is None


def test_whom_a_message_addresses_is_on_the_pathway_from_then_on() -> None:
    wanted = (Subscription("m", "malvik", ("*",), Where(relation="pathway"), Detail.FULL),)
    first = planned(Told(replace(EVENT, addressed=("MLV",))), subscriptions=wanted)
    assert [d.because for d in first.decisions] == [("addressed", "pathway", "subscription")]
    later = planned(patient=first.patient, subscriptions=wanted)
    assert [d.because for d in later.decisions] == [("pathway", "subscription")]
    assert later.patient is None


def test_the_sender_gets_its_own_back_if_it_subscribes_even_when_locked() -> None:
    wanted = (Subscription("own", "st-olavs", ("*",), Where(), Detail.FULL),)
    lock = simple()
    assert [d.rule for d in planned(policy=Policy((lock,)), subscriptions=wanted).decisions] == [Rule.OWN_RECORD]


def test_a_merge_goes_its_way_and_keeps_what_was_known() -> None:
    event = replace(EVENT, kind=Kind.MERGED, municipality="", merged=(Identifier("x", "1"),))
    made = planned(Told(event), PatientState("5001"))
    assert made.event is event
    assert [d.recipient for d in made.deliveries] == ["trondheim"]


def test_a_message_that_cannot_be_made_into_a_form_is_held_and_says_so() -> None:
    both = (*STANDARD, Subscription("all", "malvik", ("*",), Where(), Detail.NOTICE))
    made = planned(Told(stuck=frozenset({Form.HL7V2})), subscriptions=both)
    assert made.decisions == (
        Decision("malvik", Result.PERMIT, Rule.TREATING_RELATION, Detail.NOTICE, "all", ("subscription",)),
        Decision("trondheim", Result.HOLD, Rule.TREATING_RELATION, Detail.FULL, "trd", ("subscription", "no_translation")),
    )
    assert [d.recipient for d in made.deliveries] == ["malvik"]
    assert (made.outcome, made.refusal) == (Outcome.ROUTED, Refusal(Reason.NO_TRANSLATION, "trondheim"))


def test_several_recipients_stuck_are_all_named() -> None:
    both = (*STANDARD, Subscription("all", "malvik", ("*",), Where(), Detail.NOTICE))
    made = planned(Told(stuck=frozenset(Form)), subscriptions=both)
    assert (made.outcome, made.deliveries, made.refusal) == (Outcome.ROUTED, (), Refusal(Reason.NO_TRANSLATION, "malvik,trondheim"))


def test_a_bug_in_making_it_for_one_recipient_costs_no_other() -> None:
    both = (*STANDARD, Subscription("all", "malvik", ("*",), Where(), Detail.NOTICE))
    made = planned(Told(broken=frozenset({"malvik"})), subscriptions=both)
    assert made.decisions[0] == Decision(
        "malvik", Result.HOLD, Rule.TREATING_RELATION, Detail.NOTICE, "all", ("subscription", "internal_error")
    )
    assert [d.recipient for d in made.deliveries] == ["trondheim"]
    assert (made.outcome, made.refusal, made.errors) == (Outcome.ROUTED, Refusal(Reason.INTERNAL_ERROR, "malvik"), ("KeyError",))
    worse = planned(Told(broken=frozenset({"malvik"}), stuck=frozenset({Form.HL7V2})), subscriptions=both)
    assert (worse.deliveries, worse.refusal) == ((), Refusal(Reason.INTERNAL_ERROR, "malvik,trondheim"))


def test_a_subscription_for_research_does_not_cost_the_one_for_care() -> None:
    research = Subscription("a", "trondheim", ("*",), Where(), Detail.FULL, "HRESCH")
    care = Subscription("b", "trondheim", ("*",), Where(), Detail.NOTICE, "COC")
    made = planned(subscriptions=(research, care))
    assert [(d.subscription, d.result, d.detail) for d in made.decisions] == [("b", Result.PERMIT, Detail.NOTICE)]
    assert [d.purpose for d in made.deliveries] == ["COC"]
    alone = planned(subscriptions=(research, replace(care, purpose="HPAYMT")))
    assert [(d.subscription, d.result) for d in alone.decisions] == [("a", Result.DENY)]
    permit = simple(deny=False)
    assert [d.purpose for d in planned(subscriptions=(research, care), policy=Policy((permit,))).deliveries] == ["HRESCH"]


def test_a_subscription_of_a_provider_that_is_gone_is_denied() -> None:
    made = planned(subscriptions=(Subscription("s", "gone", ("*",), Where(), Detail.FULL),))
    assert made.decisions == (Decision("gone", Result.DENY, Rule.RECIPIENT_UNKNOWN, Detail.FULL, "s", ("unknown_recipient",)),)
    assert (made.outcome, made.deliveries) == (Outcome.ROUTED, ())


ACTORS = st.sampled_from([(), *((Identifier(HUB_PROVIDER, p.id),) for p in EVERYONE), (Identifier("", "942110464"),)])
CONSENTS = st.builds(simple, st.sampled_from("abc"), st.integers(1, 2), active=st.booleans(), deny=st.booleans(), actors=ACTORS)
POLICIES = st.builds(Policy, st.lists(CONSENTS, max_size=4).map(tuple), st.booleans())
SUBSCRIPTIONS = st.lists(
    st.builds(
        Subscription, st.just("s"), st.sampled_from([*(p.id for p in EVERYONE), "gone"]), st.just(("*",)),
        st.builds(Where, municipality=st.sampled_from(["", "5001"]), relation=st.sampled_from(["", "gp", "addressed", "pathway"])),
        st.sampled_from(Detail), st.sampled_from(["TREAT", "HRESCH"]),
    ),
    max_size=8,
).map(lambda found: tuple(replace(s, id=f"s{n}") for n, s in enumerate(found)))  # fmt: skip
EVENTS = st.builds(
    lambda addressed, gp, labels, municipality: replace(EVENT, addressed=addressed, gps=gp, labels=labels, municipality=municipality),
    st.sampled_from([(), ("TRD",), ("MLV", "LEGENE")]),
    st.sampled_from([(), (Identifier(ENH, "900000001"),)]),
    st.sampled_from([(), ("R",), ("V",), ("?",)]),
    st.sampled_from(["", "5001"]),
)
STATES = st.builds(PatientState, st.just("5001"), st.just(()), st.frozensets(st.sampled_from(["malvik", "legene"])), st.booleans())
STUCK = st.frozensets(st.sampled_from(Form))


@given(EVENTS, STATES, POLICIES, SUBSCRIPTIONS, STUCK, st.randoms())
def test_the_same_message_always_has_the_same_plan(event, state, policy, subscriptions, stuck, random) -> None:
    made = planned(Told(event, stuck=stuck), state, policy, subscriptions)
    shuffled, consents, providers = list(subscriptions), list(policy.consents), list(EVERYONE)
    for entries in (shuffled, consents, providers):
        random.shuffle(entries)
    directory = Directory(providers, shuffled, 1)
    assert plan(Told(event, stuck=stuck), state, Policy(tuple(consents), policy.readable), directory, NOW) == made


@given(EVENTS, STATES, POLICIES, SUBSCRIPTIONS, STUCK)
def test_nothing_leaves_without_a_decision_that_lets_it(event, state, policy, subscriptions, stuck) -> None:
    made = planned(Told(event, stuck=stuck), state, policy, subscriptions)
    answers = {d.recipient: d for d in made.decisions}
    assert len(answers) == len(made.decisions)
    for delivery in made.deliveries:
        assert answers[delivery.recipient].result is not Result.DENY
        assert delivery.payload.endswith(delivery.recipient.encode())
        assert (delivery.detail, answers[delivery.recipient].rule) != (None, Rule.LOCKED)
    for decision in made.decisions:
        silent = decision.recipient not in {d.recipient for d in made.deliveries}
        assert silent == (decision.result is Result.DENY or "no_translation" in decision.because or decision.recipient == "gone")
    if not policy.readable or state.conflict:
        assert Result.PERMIT not in {d.result for d in made.decisions}


@given(EVENTS, STATES, POLICIES, SUBSCRIPTIONS, SUBSCRIPTIONS, POLICIES)
def test_what_is_added_around_a_lock_never_releases(event, state, policy, subscriptions, more, others) -> None:
    """Other subscriptions and other consents, before or after: whoever was locked out stays out."""
    extra = tuple(replace(s, id=f"x{s.id}") for s in more)
    consents = tuple(replace(c, id=f"other-{c.id}") for c in others.consents)
    before = planned(Told(event), state, policy, subscriptions)
    after = planned(Told(event), state, replace(policy, consents=consents + policy.consents), extra + subscriptions)
    locked = {d.recipient for d in before.decisions if d.rule is Rule.LOCKED}
    assert locked.isdisjoint(d.recipient for d in after.deliveries)


def asked(again: Again, event: Event, patient: PatientState, policy: Policy, now_us: int) -> list[Decision]:
    return again.decided(again.concerned(event, patient), policy, now_us)


@pytest.mark.parametrize("patient", [PatientState(), PatientState("5031", pathway=frozenset({"trondheim"})), PatientState(conflict=True)])
@pytest.mark.parametrize("policy", [Policy(), Policy(readable=False), Policy((simple(start_us=NOW, end_us=NOW),))])
def test_an_event_alone_is_decided_as_the_message_was(patient: PatientState, policy: Policy) -> None:
    """Nothing is made to be sent, so nothing that fails in making it is told; asked again, the answer is the same."""
    event = replace(EVENT, addressed=("MLV",), gps=(Identifier(ENH, "900000001"),))
    directory = Directory(EVERYONE, STANDARD, 1)
    planned_for = plan(Told(event), patient, policy, directory, NOW).decisions
    again = Again(directory)
    assert tuple(asked(again, event, patient, policy, NOW)) == tuple(asked(again, event, patient, policy, NOW)) == planned_for
    assert tuple(asked(again, event, patient, Policy(), NOW)) == plan(Told(event), patient, Policy(), directory, NOW).decisions
    assert {d.recipient for d in planned_for} >= {"malvik", "legene"}


@pytest.mark.parametrize(
    ("asked", "most", "shown"),
    [
        (Detail.FULL, None, Detail.FULL),
        (Detail.FULL, Detail.FULL, Detail.FULL),
        (Detail.FULL, Detail.MINIMAL, Detail.MINIMAL),
        (Detail.MINIMAL, Detail.NOTICE, Detail.NOTICE),
        (Detail.NOTICE, Detail.MINIMAL, Detail.NOTICE),
    ],
)
def test_no_more_is_shown_than_may_be_and_than_was_asked_for(asked: Detail, most: Detail | None, shown: Detail) -> None:
    assert least(asked, most) is shown


def test_equal_questions_about_patients_who_have_written_nothing_are_answered_once() -> None:
    again = Again(Directory(EVERYONE, STANDARD, 1))
    found = [asked(again, EVENT, PatientState(), policy, NOW)[0] for policy in (Policy(), Policy(), Policy((simple(),)), Policy())]
    assert found[0] is found[1] is found[3]
    assert found[2].rule is Rule.LOCKED


@pytest.mark.parametrize(
    ("wanted", "shown"), [(Detail.FULL, Detail.MINIMAL), (Detail.MINIMAL, Detail.MINIMAL), (Detail.NOTICE, Detail.NOTICE)]
)
def test_what_the_law_tells_is_told_with_no_more_than_it_asks_for_or_is_wanted(wanted: Detail, shown: Detail) -> None:
    terms = Terms(Boundaries(duties=(Duty(Kind.ADMITTED, ProviderKind.OTHER, Detail.MINIMAL),)))
    directory = Directory(EVERYONE, (replace(STANDARD[0], detail=wanted),), 1)
    made = plan(Told(), PatientState(), Policy((simple(),)), directory, NOW, terms)
    assert [(d.rule, d.detail) for d in made.decisions] == [(Rule.STATUTORY_DUTY, shown)]
    assert [d.detail for d in made.deliveries] == [shown]


@pytest.mark.parametrize(
    ("event", "patient"),
    [
        (replace(EVENT, provider="malvik"), PatientState()),
        (replace(EVENT, kind=Kind.DISCHARGED), PatientState()),
        (replace(EVENT, labels=("R",)), PatientState()),
        (replace(EVENT, municipality="5031"), PatientState()),
        (replace(EVENT, addressed=("TRD",)), PatientState()),
        (replace(EVENT, gps=(Identifier(ENH, "942110464"),)), PatientState()),
        (EVENT, PatientState(conflict=True)),
    ],
)
def test_what_was_answered_is_not_taken_for_the_answer_to_another_question(event: Event, patient: PatientState) -> None:
    more = (Subscription("trd-0", "trondheim", ("*",), Where(source="malvik"), Detail.NOTICE, "HPAYMT"),)
    directory = Directory(EVERYONE, (*STANDARD, *more), 1)
    duties = Terms(Boundaries(duties=(Duty(Kind.DISCHARGED, ProviderKind.OTHER, Detail.NOTICE),)))
    again = Again(directory, duties)
    asked(again, EVENT, PatientState(), Policy(), NOW)
    assert asked(again, event, patient, Policy(), NOW) == asked(Again(directory, duties), event, patient, Policy(), NOW)
    locked = Policy((simple(),))
    assert asked(again, EVENT, PatientState(), locked, NOW) == asked(Again(directory), EVENT, PatientState(), locked, NOW)


@pytest.mark.parametrize(
    ("deliver", "form"),
    [(MLLP, Form.HL7V2), (FHIR, Form.FHIR), (MAILBOX, Form.FHIR), (Deliver(Channel.EDI, url="http://h"), Form.KITH)],
)
@pytest.mark.parametrize("adapter", Adapter)
def test_each_channel_takes_one_form_whatever_the_message_came_in(deliver: Deliver, form: Form, adapter: Adapter) -> None:
    directory = Directory((HOSPITAL, replace(TRONDHEIM, deliver=deliver)), STANDARD[:1], 1)
    (sent,) = plan(Told(received=replace(RECEIVED, adapter=adapter)), PatientState(), Policy(), directory, NOW).deliveries
    assert sent == Delivery("trondheim", deliver.channel, form, Detail.FULL, f"{form} full trondheim".encode())
