"""A message of several items: each recipient gets what it may have of it, and nobody learns that there was more."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.consent.sensitive import SensitiveCodes
from hub.errors import Reason
from hub.identity import ENH
from hub.model import (
    Actor,
    Base,
    Boundaries,
    Consent,
    Detail,
    Duty,
    Identifier,
    Item,
    Kind,
    PatientState,
    Policy,
    ProviderKind,
    Provision,
    Result,
    Rule,
    Subscription,
    Where,
)
from hub.pipeline import Again, Terms, plan
from hub.routing.directory import Directory
from tests.unit.test_pipeline import EVENT, EVERYONE, NOW, RECEIVED, Told

LOINC = "http://loinc.org"
SODIUM, HIV = Item("na", "Observation", ("N",), ((LOINC, "2951-2"),)), Item("hiv", "Observation", ("N",), ((LOINC, "7917-8"),))
REPORT = replace(EVENT, kind=Kind.OBSERVATION_REPORTED)
TWO = Told(REPORT, things=(SODIUM, HIV))
ALL = tuple(Subscription(f"s-{p.id}", p.id, ("*",), Where(), Detail.FULL) for p in EVERYONE)


def lock(*codes: str, to: str = "", consent_id: str = "c", **more: object) -> Consent:
    actors = (Actor(Identifier(ENH, to)),) if to else ()
    provision = Provision(True, actors=actors, codes=tuple((LOINC, code) for code in codes), **more)  # type: ignore[arg-type]
    return Consent(consent_id, 1, True, provision, Base.LAW)


def answers(made: object) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    return {d.recipient: (d.result.value, d.rule.value, d.dropped) for d in made.decisions}  # type: ignore[attr-defined]


def payloads(made: object) -> dict[str, bytes]:
    return {d.recipient: d.payload for d in made.deliveries}  # type: ignore[attr-defined]


def planned(message: Told = TWO, *consents: Consent, subscriptions: tuple[Subscription, ...] = ALL, terms: Terms | None = None) -> object:
    directory = Directory(EVERYONE, subscriptions, 1)
    return plan(message, PatientState("5001"), Policy(consents), directory, NOW, terms or Terms())


def test_what_is_locked_is_left_out_for_whom_it_is_locked() -> None:
    made = planned(TWO, lock("7917-8", to="942110464"))
    assert answers(made)["trondheim"] == ("redact", "11-locked", ("hiv",))
    assert answers(made)["malvik"][0] == "permit"
    found = payloads(made)
    assert found["trondheim"] == b"hl7v2 full trondheim na"
    assert found["malvik"] == b"fhir full malvik na hiv"
    copy = next(d for d in made.deliveries if d.recipient == "trondheim")  # type: ignore[attr-defined]
    assert (copy.dropped, copy.copy_id) == (("hiv",), "copy")
    assert made.items == (SODIUM, HIV)  # type: ignore[attr-defined]


def test_where_nothing_would_be_left_nothing_is_sent_and_nothing_said() -> None:
    made = planned(TWO, lock("7917-8", "2951-2"))
    assert answers(made)["trondheim"] == ("deny", "11-locked", ())
    assert payloads(made).keys() == {"st-olavs"}  # its own record


def test_what_would_be_a_shell_is_not_sent() -> None:
    class Shell(Told):
        def without(self, keys: object) -> None:  # type: ignore[override]
            """What is left is only the frame of the message."""

    made = planned(Shell(REPORT, things=(SODIUM, HIV)), lock("7917-8"))
    assert answers(made)["trondheim"] == ("deny", "11-locked", ())
    assert "trondheim" not in payloads(made)


def test_a_notice_of_what_may_be_seen_in_part_is_sent_and_of_what_may_not_be_seen_at_all_is_not() -> None:
    notices = tuple(replace(s, detail=Detail.NOTICE) for s in ALL)
    made = planned(TWO, lock("7917-8"), subscriptions=notices)
    assert payloads(made)["trondheim"] == b"hl7v2 notice trondheim na"
    alone = planned(Told(REPORT, things=(HIV,)), lock("7917-8"), subscriptions=notices)
    assert "trondheim" not in payloads(alone)


def test_a_label_of_one_item_keeps_that_item_from_those_who_only_subscribe() -> None:
    secret = Told(replace(REPORT, labels=("PSY",), addressed=("MLV",)), things=(SODIUM, replace(HIV, labels=("PSY",))))
    made = planned(secret)
    assert answers(made)["trondheim"] == ("redact", "14-no-relation", ("hiv",))
    assert answers(made)["malvik"] == ("permit", "13-treating-relation", ())


def test_a_label_that_no_item_bears_is_one_of_the_whole() -> None:
    made = planned(Told(replace(REPORT, labels=("V",)), things=(SODIUM, HIV)))
    assert answers(made)["trondheim"][0] == "deny"


def test_an_unknown_label_of_one_item_keeps_that_item_from_everyone() -> None:
    made = planned(Told(replace(REPORT, labels=("WHAT",)), things=(SODIUM, replace(HIV, labels=("WHAT",)))))
    assert answers(made)["trondheim"] == ("redact", "4-label-unknown", ("hiv",))


def test_a_plain_message_is_asked_about_whole_and_its_items_are_never_looked_at() -> None:
    class Plain(Told):
        def items(self) -> tuple[Item, ...]:
            raise AssertionError

    for message in (Plain(REPORT), Plain(replace(REPORT, labels=("N", "U")))):
        made = planned(message, Consent("c", 1, True, Provision(True, actors=(Actor(Identifier(ENH, "942110464")),))))
        assert made.items == ()  # type: ignore[attr-defined]
        assert answers(made)["trondheim"] == ("deny", "11-locked", ())


def test_a_sensitive_code_labels_its_item() -> None:
    terms = Terms(sensitive=SensitiveCodes({(LOINC, "7917-8"): "HIV"}, {}))
    made = planned(terms=terms)
    assert answers(made)["trondheim"] == ("redact", "14-no-relation", ("hiv",))
    assert made.items[1].labels == ("N", "HIV")  # type: ignore[attr-defined]
    prefixed = Terms(sensitive=SensitiveCodes({}, {(LOINC, "79"): "HIV"}))
    assert answers(planned(terms=prefixed)) == answers(made)
    assert planned(Told(REPORT, things=(SODIUM,)), terms=terms).items == ()  # type: ignore[attr-defined]


def test_what_cannot_be_redacted_is_held_and_not_sent_whole() -> None:
    class Stuck(Told):
        def without(self, keys: object) -> None:  # type: ignore[override]
            raise KeyError("Kari Nordmann")

    made = planned(Stuck(REPORT, things=(SODIUM, HIV)), lock("7917-8", to="942110464"))
    assert answers(made)["trondheim"][0] == "hold"
    assert "trondheim" not in payloads(made)
    assert made.refusal.reason is Reason.INTERNAL_ERROR  # type: ignore[attr-defined]
    assert made.errors == ("KeyError",)  # type: ignore[attr-defined]


@given(st.sets(st.sampled_from("abcde"), min_size=1), st.sets(st.sampled_from("abcde")), st.permutations(list("abcde")))
def test_nobody_gets_what_a_lock_names(there: set[str], locked: set[str], order: list[str]) -> None:
    items = tuple(Item(name, "Observation", ("N",), ((LOINC, name),)) for name in order if name in there)
    made = planned(Told(REPORT, things=items), *(lock(name, consent_id=name) for name in locked))
    for recipient, payload in payloads(made).items():
        told = set(payload.decode().split()[3:])
        assert told == (there if recipient == "st-olavs" else there - locked)
    decision = next(d for d in made.decisions if d.recipient == "trondheim")  # type: ignore[attr-defined]
    expected = Result.DENY if there <= locked else Result.REDACT if there & locked else Result.PERMIT
    assert decision.result is expected
    assert decision.rule is (Rule.LOCKED if there & locked else Rule.TREATING_RELATION)
    assert RECEIVED.event_id == "e"


def test_an_event_alone_is_decided_item_by_item_as_the_message_was() -> None:
    policy, directory = Policy((lock("7917-8", to="942110464"),)), Directory(EVERYONE, ALL, 1)
    made = plan(TWO, PatientState("5001"), policy, directory, NOW)
    assert made.items == (SODIUM, HIV)
    again = Again(directory)
    about = again.concerned(REPORT, PatientState("5001"))
    assert tuple(again.decided(about, policy, NOW, made.items)) == made.decisions
    labelled = (SODIUM, replace(HIV, labels=("R",)))
    by_labels = again.decided(about, Policy(), NOW, labelled)
    assert {d.recipient: d.dropped for d in by_labels if d.result is Result.REDACT} == dict.fromkeys(
        ("trondheim", "malvik", "legene"), ("hiv",)
    )
    assert not any(d.dropped for d in again.decided(about, Policy(), NOW))


def test_an_item_without_a_sensitive_code_is_left_as_it_is() -> None:
    table = SensitiveCodes({(LOINC, "7917-8"): "HIV"})
    sodium, hiv = table.labelled((SODIUM, HIV))
    assert sodium is SODIUM
    assert hiv == replace(HIV, labels=("N", "HIV"))


def test_of_a_message_that_concerns_nobody_no_item_is_looked_at() -> None:
    made = planned(TWO, lock("7917-8"), subscriptions=())
    assert (made.decisions, made.items) == ((), ())  # type: ignore[attr-defined]


def test_what_the_law_tells_of_a_message_locked_item_by_item_is_told_with_no_more_than_it_asks_for() -> None:
    duty = Terms(Boundaries(duties=(Duty(Kind.OBSERVATION_REPORTED, ProviderKind.OTHER, Detail.MINIMAL),)))
    made = planned(TWO, lock("7917-8"), lock("2951-2", consent_id="d"), terms=duty)
    told = {d.recipient: (d.rule, d.detail) for d in made.decisions if d.rule is not Rule.OWN_RECORD}  # type: ignore[attr-defined]
    assert told == dict.fromkeys(("trondheim", "malvik", "legene"), (Rule.STATUTORY_DUTY, Detail.MINIMAL))
