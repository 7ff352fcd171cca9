"""The directory finds exactly whom a plain reading of every subscription would find, at a cost that does not grow with them."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.identity import ENH, HER, HPR, HUB_PROVIDER
from hub.model import (
    Adapter,
    Channel,
    Deliver,
    Detail,
    Event,
    Identifier,
    Kind,
    PatientState,
    Provider,
    ProviderKind,
    Relation,
    Subscription,
    Where,
)
from hub.routing.directory import Directory, shows_more

EVENT = Event("e", Kind.ADMITTED, Adapter.HL7V2, "st-olavs", "c", "k", (), 0, 0)
NOBODY = PatientState()


def provider(provider_id: str, organisation: str = "", *senders: str, name: str = "") -> Provider:
    return Provider(provider_id, name, ProviderKind.OTHER, organisation, senders, Deliver(Channel.MAILBOX))


HOSPITAL = provider("st-olavs", "974749025", "STOLAV", name="St. Olavs hospital")
TRONDHEIM = provider("trondheim", "942110464", "TRD", "TRD2", name="Trondheim kommune")
GP = provider("legene", f"{HPR}|4711", "LEGENE")
EVERYONE = (HOSPITAL, TRONDHEIM, GP)


def subscription(provider_id: str = "trondheim", *events: str, detail: Detail = Detail.FULL, sub: str = "s", **where: str) -> Subscription:
    return Subscription(sub, provider_id, events or ("*",), Where(**where), detail)


def found(event: Event, state: PatientState, *subscriptions: Subscription) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    candidates = Directory(EVERYONE, subscriptions, 1).candidates(event, state)
    return [(c.provider_id, tuple(s.id for s in c.subscriptions), c.relations) for c in candidates]


SUBSCRIBES = [("trondheim", ("s",), ("subscription",))]
RICH = replace(EVENT, municipality="5001", ward="A1", encounter_class="I")


@pytest.mark.parametrize(
    ("events", "where", "event", "expected"),
    [
        (("*",), {}, EVENT, True),
        (("patient.*",), {}, EVENT, True),
        (("patient.admitted",), {}, EVENT, True),
        (("patient.discharged", "patient.admitted"), {}, EVENT, True),
        (("patient.discharged",), {}, EVENT, False),
        (("admission.*",), {}, EVENT, False),
        (("*",), {"municipality": "5001"}, RICH, True),
        (("*",), {"municipality": "5002"}, RICH, False),
        (("*",), {"municipality": "5001"}, EVENT, False),
        (("*",), {"ward": "A1"}, RICH, True),
        (("*",), {"ward": "A2"}, RICH, False),
        (("*",), {"encounter_class": "I"}, RICH, True),
        (("*",), {"encounter_class": "O"}, RICH, False),
        (("*",), {"source": "st-olavs"}, RICH, True),
        (("*",), {"source": "trondheim"}, RICH, False),
        (("*",), {"municipality": "5001", "ward": "A1", "encounter_class": "I", "source": "st-olavs"}, RICH, True),
        (("*",), {"municipality": "5001", "ward": "A1", "encounter_class": "O", "source": "st-olavs"}, RICH, False),
        (("*",), {"ward": "5001"}, RICH, False),
    ],
)
def test_conditions_on_the_event(events: tuple[str, ...], where: dict[str, str], event: Event, *, expected: bool) -> None:
    assert found(event, NOBODY, subscription("trondheim", *events, **where)) == (SUBSCRIBES if expected else [])


def test_what_the_event_does_not_say_is_remembered() -> None:
    wanted = subscription(municipality="5001")
    assert found(EVENT, PatientState(municipality="5001"), wanted) == SUBSCRIBES
    assert found(replace(EVENT, municipality="5001"), PatientState(municipality="4601"), wanted) == SUBSCRIBES
    assert found(replace(EVENT, municipality="4601"), PatientState(municipality="5001"), wanted) == []


@pytest.mark.parametrize(
    ("provider_id", "gp", "expected"),
    [
        ("legene", Identifier(HPR, "4711"), True),
        ("legene", Identifier(HUB_PROVIDER, "legene"), True),
        ("legene", Identifier("", "4711"), False),
        ("legene", Identifier(HER, "4711"), False),
        ("trondheim", Identifier(ENH, "942110464"), True),
        ("trondheim", Identifier(HER, "942110464"), True),
        ("trondheim", Identifier("ENH", "942110464"), True),
        ("trondheim", Identifier("HER", "942110464"), True),
        ("trondheim", Identifier("", "942110464"), True),
        ("trondheim", Identifier(HPR, "942110464"), False),
        ("trondheim", Identifier(ENH, "974749025"), False),
        ("trondheim", Identifier("", "trondheim"), False),
    ],
)
def test_the_gp_is_told_by_identifier(provider_id: str, gp: Identifier, *, expected: bool) -> None:
    wanted = subscription(provider_id, relation="gp")
    answer = [(provider_id, ("s",), ("gp", "subscription"))] if expected else []
    assert found(replace(EVENT, gps=(Identifier(HPR, "1"), gp)), NOBODY, wanted) == answer
    assert found(EVENT, PatientState(gps=(gp,)), wanted) == answer
    assert found(replace(EVENT, gps=(Identifier(HPR, "1"),)), PatientState(gps=(gp,)), wanted) == []


@pytest.mark.parametrize("word", ["trondheim", "TRD", "TRD2", "942110464", "Trondheim kommune"])
def test_the_addressed_are_told_by_what_the_sender_wrote(word: str) -> None:
    event = replace(EVENT, addressed=("EPJ", word))
    assert found(event, NOBODY, subscription(relation="addressed")) == [("trondheim", ("s",), ("addressed", "subscription"))]
    assert found(replace(EVENT, addressed=("EPJ", f"{word}x")), NOBODY, subscription(relation="addressed")) == []


def test_an_addressed_provider_that_does_not_subscribe_is_a_candidate_all_the_same() -> None:
    event = replace(EVENT, addressed=("TRD", "trondheim", "NOBODY", ""))
    assert found(event, NOBODY) == [("trondheim", (), ("addressed",))]
    candidate = Directory(EVERYONE, (), 1).candidates(event, NOBODY)[0]
    assert (candidate.subscription, candidate.provider) == (None, TRONDHEIM)


def test_the_pathway_is_remembered() -> None:
    wanted = subscription(relation="pathway", municipality="5001")
    here = PatientState(municipality="5001", pathway=frozenset({"trondheim"}))
    assert found(EVENT, here, wanted) == [("trondheim", ("s",), ("pathway", "subscription"))]
    assert found(EVENT, replace(here, pathway=frozenset()), wanted) == []
    assert found(EVENT, replace(here, municipality="5002"), wanted) == [("trondheim", (), ("pathway",))]


def test_whoever_treats_the_patient_is_a_candidate_but_for_the_source_itself() -> None:
    """The GP and those on the pathway do not get what they do not subscribe to, and the record says so."""
    event = replace(EVENT, gps=(Identifier(HPR, "4711"),))
    state = PatientState(pathway=frozenset({"trondheim", "legene", EVENT.provider, "gone"}))
    assert found(event, state) == [("legene", (), ("gp", "pathway")), ("trondheim", (), ("pathway",))]
    own = found(event, state, subscription(EVENT.provider))
    assert own[1] == (EVENT.provider, ("s",), ("pathway", "subscription"))


def test_every_relation_is_named_whichever_subscription_found_it() -> None:
    event = replace(EVENT, addressed=("TRD",), gps=(Identifier(ENH, "942110464"),))
    state = PatientState(pathway=frozenset({"trondheim"}))
    assert found(event, state, subscription()) == [("trondheim", ("s",), ("gp", "addressed", "pathway", "subscription"))]


def test_one_candidate_a_provider_with_the_most_detail_first() -> None:
    subscriptions = [
        subscription(detail=Detail.NOTICE, sub="a"),
        subscription(detail=Detail.FULL, sub="c", municipality="5001"),
        subscription("trondheim", "patient.*", "*", "patient.admitted", detail=Detail.MINIMAL, sub="d"),
        subscription(detail=Detail.FULL, sub="b"),
    ]
    expected = [("trondheim", ("b", "c", "d", "a"), ("subscription",))]
    assert found(RICH, NOBODY, *subscriptions) == expected == found(RICH, NOBODY, *reversed(subscriptions))


def test_the_most_detail_is_the_one_shown_whatever_the_ids() -> None:
    ladder = [(Detail.NOTICE, "a"), (Detail.MINIMAL, "b"), (Detail.FULL, "c")]
    for subset in (ladder, ladder[:2], ladder[1:], [ladder[0], ladder[2]]):
        candidate = Directory(EVERYONE, [subscription(detail=d, sub=i) for d, i in subset], 1).candidates(EVENT, NOBODY)[0]
        assert getattr(candidate.subscription, "id", "") == subset[-1][1]
        assert [s.id for s in candidate.subscriptions] == [i for _, i in reversed(subset)]


def test_candidates_come_in_the_order_of_their_ids() -> None:
    subscriptions = [subscription(p.id, sub=p.id) for p in EVERYONE]
    assert [c[0] for c in found(EVENT, NOBODY, *subscriptions)] == ["legene", "st-olavs", "trondheim"]


def test_a_subscription_of_nobody_is_a_candidate_without_a_provider() -> None:
    candidate = Directory(EVERYONE, [subscription("gone")], 1).candidates(EVENT, NOBODY)[0]
    assert (candidate.provider_id, candidate.provider) == ("gone", None)


def test_a_word_of_two_providers_names_none_and_ids_go_first() -> None:
    twins = (provider("a", name="Legesenteret"), provider("b", name="Legesenteret"), provider("c", name="a"), provider("d", "", "b"))
    directory = Directory(twins, (), 1)
    assert directory.addressed(["Legesenteret"]) == ()
    assert directory.addressed(["a", "b", "c"]) == ("a", "b", "c")
    same = Directory((provider("a", "1", "A", name="A"),), (), 1)
    assert same.addressed(["A", "1", "a"]) == ("a",)


def test_looking_up() -> None:
    certified = replace(TRONDHEIM, certificates=("ab" * 32,))
    directory = Directory((HOSPITAL, certified), (), 7)
    assert directory.version == 7
    assert (directory.provider("trondheim"), directory.provider("x")) == (certified, None)
    assert directory.providers == (HOSPITAL, certified)
    assert directory.by_certificate(":".join(["AB"] * 32)) is certified
    assert directory.by_certificate("00" * 32) is None
    assert (directory.by_sender("TRD2"), directory.by_sender("STOLAV"), directory.by_sender("x")) == (certified, HOSPITAL, None)


def test_any_sender_is_what_no_other_claims_and_no_word_for_a_receiver() -> None:
    directory = Directory((HOSPITAL, provider("rest", "", "*")), (), 1)
    assert directory.by_sender("STOLAV") is HOSPITAL
    assert getattr(directory.by_sender("WHOEVER"), "id", "") == "rest"
    assert directory.addressed(["*"]) == ()


# The plain reading, against which the index is judged.
PROVIDERS = tuple(provider(f"p{n}", f"90000000{n}", f"S{n}", name=f"N{n}") for n in range(4))
ids = st.sampled_from([p.id for p in PROVIDERS])
maybe = st.sampled_from(["", "x", "y"])
wheres = st.builds(Where, maybe, st.sampled_from(["", "gp", "addressed", "pathway"]), maybe, maybe, st.one_of(st.just(""), ids))
patterns = st.lists(st.sampled_from(["*", "patient.*", "admission.*", "patient.admitted", "admission.cancelled"]), min_size=1, max_size=3)
subscriptions = st.lists(st.builds(Subscription, st.just("s"), ids, patterns.map(tuple), wheres, st.sampled_from(Detail)), max_size=12).map(
    lambda found: [replace(s, id=f"s{n}") for n, s in enumerate(found)]
)
gps = st.lists(st.sampled_from([Identifier(ENH, p.organisation) for p in PROVIDERS]), max_size=2).map(tuple)
events = st.builds(
    lambda kind, source, addressed, municipality, gps, ward, cls: replace(
        EVENT, kind=kind, provider=source, addressed=addressed, municipality=municipality, gps=gps, ward=ward, encounter_class=cls
    ),
    st.sampled_from([Kind.ADMITTED, Kind.ADMISSION_CANCELLED, Kind.REFERRAL_SENT]), ids,
    st.lists(st.sampled_from(["S0", "N1", "nobody"]), max_size=2).map(tuple), maybe, gps, maybe, maybe,
)  # fmt: skip
states = st.builds(PatientState, maybe, gps, st.frozensets(ids, max_size=2))


def plainly(s: Subscription, event: Event, state: PatientState) -> bool:
    """Whether a subscription matches, condition by condition."""
    me = next(p for p in PROVIDERS if p.id == s.provider)
    related = {
        "": True,
        "gp": any(i.value == me.organisation for i in event.gps or state.gps),
        "addressed": any(word in (me.id, me.name, me.organisation, *me.senders) for word in event.addressed),
        "pathway": me.id in state.pathway,
    }
    facts = [
        (s.where.municipality, event.municipality or state.municipality),
        (s.where.ward, event.ward),
        (s.where.encounter_class, event.encounter_class),
        (s.where.source, event.provider),
    ]
    family = event.kind.value.split(".")[0] + ".*"
    wanted = not {"*", family, event.kind.value}.isdisjoint(s.events)
    return wanted and related[s.where.relation] and all(w in ("", fact) for w, fact in facts)


@given(subscriptions, events, states, st.randoms())
def test_the_index_finds_what_a_plain_reading_finds(subs: list[Subscription], event: Event, state: PatientState, random) -> None:
    directory = Directory(PROVIDERS, subs, 1)
    matched = {s.id for c in directory.candidates(event, state) for s in c.subscriptions}
    assert matched == {s.id for s in subs if plainly(s, event, state)}
    shuffled = list(subs)
    random.shuffle(shuffled)
    assert Directory(reversed(PROVIDERS), shuffled, 1).candidates(event, state) == directory.candidates(event, state)


def lines_run(directory: Directory, event: Event) -> int:
    """Lines of Python one look-up runs: a cost that does not depend on the machine."""
    count = 0

    def trace(frame, what, arg):
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        directory.candidates(event, NOBODY)
    finally:
        sys.settrace(before)
    return count


def test_the_cost_of_a_message_does_not_grow_with_the_directory() -> None:
    few = [
        subscription(municipality="5001", sub="a"),
        subscription("legene", relation="gp", sub="b"),
        subscription("st-olavs", ward="A1", sub="c"),
    ]
    wheres = {n: Where(f"{n:04}", ("", "gp")[n % 2], f"W{n}" if n % 3 else "") for n in range(20_000) if n != 5001}
    many = [Subscription(f"x{n}", "trondheim", ("*", "patient.admitted"), where, Detail.FULL) for n, where in wheres.items()]
    shapes = few + many[:10]
    event = replace(RICH, gps=(Identifier(HPR, "4711"),))
    small, large = Directory(EVERYONE, shapes, 1), Directory(EVERYONE, shapes + many[10:], 1)
    assert small.candidates(event, NOBODY) == large.candidates(event, NOBODY) != []
    assert lines_run(large, event) == lines_run(small, event)


def test_relations_are_words() -> None:
    assert [str(r) for r in Relation] == ["gp", "addressed", "pathway", "subscription"]


def test_the_details_stand_in_one_order() -> None:
    shown = [(one, other) for one in Detail for other in Detail if shows_more(one, other)]
    assert shown == [(Detail.FULL, Detail.MINIMAL), (Detail.FULL, Detail.NOTICE), (Detail.MINIMAL, Detail.NOTICE)]


def test_providers_of_one_organisation_are_each_the_gp() -> None:
    two = (provider("a", f"{HPR}|4711"), provider("b", f"{HPR}|4711"), provider("c", f"{HPR}|4712"))
    event = replace(EVENT, gps=(Identifier(HPR, "4711"),))
    assert [c.provider_id for c in Directory(two, (), 1).candidates(event, NOBODY)] == ["a", "b"]


@pytest.mark.parametrize("system", ["", ENH, HER])
def test_a_gp_without_a_number_is_nobody_not_the_provider_without_one(system: str) -> None:
    event = replace(EVENT, gps=(Identifier(system, ""),))
    assert Directory((provider("a"),), (), 1).candidates(event, NOBODY) == []
