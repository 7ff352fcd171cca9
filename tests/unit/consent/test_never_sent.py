"""Break-glass never sends: whatever is subscribed to, decided, decided again or asked about at an attempt, row 9 answers none of it."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import hub
from hub.consent.decide import decide
from hub.consent.question import EMERGENCIES, Question
from hub.delivery.gate import Moment, answer, ask
from hub.ledger.outbox import Parcel, Place
from hub.model import (
    Adapter,
    Boundaries,
    Channel,
    Deliver,
    Detail,
    Duty,
    Event,
    Identifier,
    Item,
    Kind,
    PatientState,
    Policy,
    Provider,
    ProviderKind,
    Received,
    Relation,
    Rule,
    Subscription,
    Where,
)
from hub.pipeline import Again, Terms, plan
from hub.routing.directory import Directory
from tests.consents import LABELS, identifiers, several, trees

NOW = 50
TOWN = Provider("trondheim", "Trondheim", ProviderKind.MUNICIPALITY, "942110464", ("TRD",), Deliver(Channel.MAILBOX))
purposes = st.sampled_from([*EMERGENCIES, *EMERGENCIES, "TREAT", "COC"])
policies = st.builds(Policy, several(trees), st.sampled_from([True, True, False]))
labels = several(st.sampled_from([*LABELS, "NORS", "?"]))
limits = st.builds(
    Boundaries, emergency_hours=st.sampled_from([0.0, 8.0, 168.0]),
    duties=st.sampled_from([(), (Duty(Kind.ADMITTED, ProviderKind.MUNICIPALITY),)]),
)  # fmt: skip
received = Received("e", Adapter.HL7V2, "hospital", "", "H", "c", "ADT^A01", "k", (Identifier("urn:x", "1"),), 0, "utf-8", b"", "AA")
events = st.builds(
    lambda said, gps, to: Event(
        "e", Kind.ADMITTED, Adapter.HL7V2, "hospital", "c", "k", received.identifiers, 0, 0, addressed=to, gps=gps, labels=said
    ),
    labels, several(identifiers), st.sampled_from([(), ("TRD",)]),
)  # fmt: skip


class Told:
    """A message of this event."""

    received = received

    def __init__(self, event: Event) -> None:
        self._event = event

    def event(self) -> Event:
        return self._event

    def items(self) -> tuple[Item, ...]:
        return (Item("0", "Observation", self._event.labels),)

    def without(self, _: object) -> Any:
        return self

    def render(self, *_: object) -> bytes:
        return b""


@given(events, purposes, policies, limits, st.booleans())
def test_no_subscription_reaches_row_9_in_transit(
    event: Event,
    purpose: str,
    policy: Policy,
    boundaries: Boundaries,
    conflict: bool,  # noqa: FBT001
) -> None:
    directory = Directory((TOWN,), (Subscription("s", TOWN.id, ("*",), Where(), Detail.FULL, purpose),), 1)
    patient, terms = PatientState(conflict=conflict), Terms(boundaries)
    told: Any = Told(event)
    again = Again(directory, terms)
    decided = plan(told, patient, policy, directory, NOW, terms).decisions
    decided += tuple(again.decided(again.concerned(event, patient), policy, NOW))
    assert decided
    assert Rule.EMERGENCY not in {d.rule for d in decided}


@given(purposes, policies, limits, labels, several(st.sampled_from(Relation)), st.integers(-1000, 1000))
def test_no_attempt_to_deliver_does(
    purpose: str, policy: Policy, boundaries: Boundaries, said: tuple[str, ...], relations: tuple[Relation, ...], now_us: int
) -> None:
    parcel = Parcel(
        Place(0, 1, TOWN.id), "e", "p", "hospital", 0, "mailbox", "fhir", "full", said, purpose, Kind.ADMITTED.value, 0, "s",
        ("emergency", *relations), frozenset(), "c", b"",
    )  # fmt: skip

    class Known:
        def get(self, _: str) -> Provider:
            return TOWN

        def subscription(self, _: str) -> Subscription:
            return Subscription("s", TOWN.id, ("*",), Where(), Detail.FULL, purpose)

    asked = [ask(parcel, policy, TOWN, now_us, boundaries), answer(parcel, policy, Known(), Moment(now_us, now_us + 9, boundaries))]
    assert Rule.EMERGENCY not in {v.rule for v in asked}


@given(purposes, policies, limits, labels, st.sampled_from([None, TOWN, replace(TOWN, suspended=True)]))
def test_nothing_that_nobody_asks_for_does(
    purpose: str, policy: Policy, boundaries: Boundaries, said: tuple[str, ...], recipient: Provider | None
) -> None:
    question = Question("hospital", recipient, said, purpose, tuple(Relation), items=(Item("0", labels=said),), kind=Kind.ADMITTED)
    assert decide(question, policy, NOW, boundaries).rule is not Rule.EMERGENCY


def test_only_the_door_says_since_when_somebody_may_look() -> None:
    """Row 9 asks for ``since_us``: nobody else gives one, and nothing that sends knows the door."""
    root = Path(hub.__file__).parent
    giving, knowing = set(), set()
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        name = path.relative_to(root).as_posix()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Asker" and "since_us" in {k.arg for k in node.keywords}:
                giving.add(name)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hub.web.emergency"):
                knowing.add(name)
    assert giving == {"web/emergency/right.py"}
    assert {name for name in knowing if not name.startswith("web/emergency/")} == {"web/app.py"}
