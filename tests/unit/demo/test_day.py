"""The day's messages mean what its table of expectations says, by the pure pipeline alone: no server, no clock."""

import datetime as dt

import pytest
from stdnum.no import fodselsnummer

from hub import wiring
from hub.adapters.hl7v2.message import envelope
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.config import load, remarks
from hub.consent.fhir import consent_from_fhir
from hub.demo import day
from hub.demo.check import text_of
from hub.demo.messages import CLINICAL, HAS_CLINICAL, TEMPLATES
from hub.demo.people import CODECS, LATIN_1, PEOPLE, UTF_8
from hub.demo.play import Played, Player, consent
from hub.model import Adapter, Consent, Outcome, PatientState, Plan, Policy, Received, Result, Rule
from hub.numbers import has_national_checksum
from hub.pipeline import plan
from hub.routing.directory import Directory

NOW_US = 1_790_000_000_000_000
PROVIDERS, SUBSCRIPTIONS, _ = load(wiring.demo_config())
DIRECTORY = Directory(PROVIDERS, SUBSCRIPTIONS, 1)


def play(number: int) -> dict[str, Plan]:
    """The plans of the whole day, in order, with the consents in force at each moment."""
    player = Player("", "", lambda _: "", lambda: NOW_US, {}, Played(number))
    states: dict[str, PatientState] = {}
    consents: dict[tuple[str, str], Consent] = {}
    plans: dict[str, Plan] = {}
    for step in (*day.DAWN, *day.DAY):
        if isinstance(step, day.Lock):
            resource = consent(step, PEOPLE[step.patient].number, dt.date(2026, 9, 21))
            consents[step.patient, step.provider], patient = consent_from_fhir(resource, 1, DIRECTORY)
            assert patient.value == PEOPLE[step.patient].number
        elif isinstance(step, day.Message):
            raw = player.played.sent[step.repeat_of] if step.repeat_of else player._build(step)
            player.played.sent[step.key] = raw
            received = read(raw)
            policy = Policy(tuple(c for (who, _), c in consents.items() if who == step.patient))
            who = received.identifiers[0].value
            plans[step.key] = made = plan(Hl7v2Message(received), states.get(who, PatientState()), policy, DIRECTORY, NOW_US)
            states[who] = made.patient or states.get(who, PatientState())
    return plans


def read(raw: bytes) -> Received:
    """As the gateway reads it."""
    e = envelope(raw)
    provider = DIRECTORY.by_sender(e.sender)
    return Received(
        event_id="018f0000-0000-8000-8000-000000000001", adapter=Adapter.HL7V2, provider=provider.id if provider else "", application="",
        sender=e.sender, control_id=e.control_id, trigger=e.trigger, patient_key="k", identifiers=e.identifiers, received_us=NOW_US,
        encoding=e.encoding, raw=raw, answer="AA",
    )  # fmt: skip


PLANS = play(1)
DECIDED_ELSEWHERE = {"åse-again", "stranger"}  # a repeat is told by the ledger, a stranger by the gateway


@pytest.mark.parametrize("key", [k for k in day.EXPECTED if k not in DECIDED_ELSEWHERE])
def test_each_message_of_the_day_is_decided_as_the_table_says(key: str) -> None:
    decided = {d.recipient: d for d in PLANS[key].decisions}
    for provider, expected in zip(day.PROVIDERS, day.EXPECTED[key], strict=True):
        decision = decided.get(provider)
        if expected == "-":
            assert decision is None or not decision.subscription
        elif expected == "withheld":
            assert decision is not None
            assert (decision.result, decision.rule) == (Result.DENY, Rule.LOCKED)
        else:
            assert decision is not None
            assert decision.result is Result.PERMIT
            assert expected in {decision.detail, "stopped"}
    assert PLANS[key].outcome is Outcome(day.OUTCOMES.get(key, "routed"))


def test_every_message_has_its_row_and_every_row_its_message() -> None:
    keys = [s.key for s in day.DAY if isinstance(s, day.Message)]
    assert sorted(keys) == sorted(day.EXPECTED)
    assert len(set(keys)) == len(keys)
    assert {p.id for p in PROVIDERS} == set(day.PROVIDERS)
    assert remarks(PROVIDERS) == []


def test_the_patients_are_synthetic_and_their_numbers_hold() -> None:
    for person in PEOPLE.values():
        assert has_national_checksum(person.number)
        assert 81 <= int(person.number[2:4]) <= 92  # Test-Norge: month + 80
        assert fodselsnummer.calc_check_digit1(person.number[:9]) == person.number[9]
        assert person.born[6:] == person.number[:2]
        assert int(person.born[4:6]) + 80 == int(person.number[2:4])
        assert person.born[2:4] == person.number[4:6]


def test_names_hold_all_three_letters_in_both_encodings() -> None:
    for charset in (UTF_8, LATIN_1):
        text = "".join(p.family + p.given for p in PEOPLE.values() if p.charset == charset).lower()
        assert {"å", "ø", "æ"} <= set(text)
    for step in day.DAY:
        if isinstance(step, day.Message) and not step.unknown:
            person = PEOPLE[step.patient]
            assert person.family.encode(CODECS[person.charset]) in PLANS[step.key].received.raw


def test_another_day_has_other_control_ids_and_the_same_outcome() -> None:
    other = play(2)
    for key, made in PLANS.items():
        assert other[key].received.control_id != made.received.control_id or key == "åse-again"
        assert [(d.recipient, d.result, d.rule, d.detail) for d in other[key].decisions] == [
            (d.recipient, d.result, d.rule, d.detail) for d in made.decisions
        ]


def test_clinical_words_leave_only_with_full_detail() -> None:
    assert "ADT^A01^ADT_A01" in HAS_CLINICAL
    assert all(name in TEMPLATES for name in HAS_CLINICAL)
    for made in PLANS.values():
        has_any = CLINICAL in made.received.raw.decode(made.received.encoding)
        for delivery in made.deliveries:
            assert (CLINICAL in text_of(delivery.payload)) == (has_any and delivery.detail == "full"), (made.received.trigger, delivery)
