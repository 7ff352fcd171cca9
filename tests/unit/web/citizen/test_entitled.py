"""Who sees what on the page: rows 6 and 7, by the days on which an age is reached, and why not in people's words."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from hub.consent.question import Acp, Asker, Capacity
from hub.identity import FNR, Pseudonyms
from hub.ledger.representations import Basis
from hub.model import Actor, ActorKind, Adapter, Base, Consent, Event, Identifier, Item, Kind, Policy, Provision
from hub.pipeline import Terms
from hub.settings import Settings
from hub.web.citizen.entitled import Entitlement, entitlement
from hub.web.citizen.visit import Subject
from hub.web.citizen.words import WORDS

PARENT = Identifier(FNR, "13116900216")
SELF, CHILD = (Capacity.PATIENT, Acp.NULL, "PATRQT"), (Capacity.REPRESENTATIVE, Acp.PARENT, "FAMRQT")
POWER, GUARDED = (Capacity.REPRESENTATIVE, Acp.ATTORNEY, "PWATRNY"), (Capacity.REPRESENTATIVE, Acp.GUARDIAN, "PWATRNY")
As = tuple[Capacity, Acp, str]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


NOW = at("2026-11-26T12:00:00")


def right(as_: As, born: str, now_us: int = NOW, policy: Policy = Policy(), **more: bool) -> Entitlement:  # noqa: B008  a frozen value
    asker = Asker(as_[0], as_[1], identifiers=(PARENT,), birth_date=born, **more)  # type: ignore[arg-type]
    return Entitlement(asker, as_[2], policy, Terms(), now_us)


@dataclass
class Whole:
    """A message of which only this is known."""

    told: Event
    parts: tuple[Item, ...] = ()
    received: Any = None
    known_as: tuple[str, ...] = ()

    def event(self) -> Event:
        return self.told

    def items(self) -> tuple[Item, ...]:
        return self.parts

    def without(self, keys: Any) -> Any:
        return f"without {', '.join(keys)}"

    def render(self, *_: Any) -> bytes:
        return b""


def event(*labels: str) -> Event:
    return Event("e", Kind.UPDATED, Adapter.HL7V2, "olav", "", "k", (), 1, 1, labels=labels)


@pytest.mark.parametrize(
    ("as_", "born", "now", "closed"),
    [
        (SELF, "2010-11-26", "2026-11-25T22:59:59", "age"),  # Oslo: 25 November
        (SELF, "2010-11-26", "2026-11-25T23:00:00", ""),  # Oslo: 26 November, 16 years
        (SELF, "1938-01-14", "2026-11-26T12:00:00", ""),
        (SELF, "", "2026-11-26T12:00:00", "unknown"),
        (SELF, "2030-01-01", "2026-11-26T12:00:00", "age"),
        (CHILD, "2014-11-27", "2026-11-26T12:00:00", ""),  # 11
        (CHILD, "2014-11-26", "2026-11-26T12:00:00", "age"),  # 12 today
        (CHILD, "", "2026-11-26T12:00:00", "unknown"),
        (POWER, "1938-01-14", "2026-11-26T12:00:00", ""),
        (POWER, "", "2026-11-26T12:00:00", ""),
        (GUARDED, "2000-01-14", "2026-11-26T12:00:00", ""),
        (GUARDED, "", "2026-11-26T12:00:00", ""),
    ],
)
def test_ages_in_norwegian_civil_days(as_: As, born: str, now: str, closed: str) -> None:
    assert right(as_, born, at(now)).closed == closed


@pytest.mark.parametrize("as_", [CHILD, POWER, GUARDED])
def test_nobody_is_represented_where_an_address_is_protected(as_: As) -> None:
    assert right(as_, "2020-01-01", protected_address=True).closed == "protected"


def test_a_child_may_keep_its_parents_out() -> None:
    assert right(CHILD, "2020-01-01", withheld=True).closed == "withheld"


def test_a_lock_keeps_others_out_and_never_the_patient() -> None:
    everyone = Policy((Consent("c", 1, True, Provision(deny=True)),))
    assert right(SELF, "1938-01-14", policy=everyone).closed == ""
    person = Actor(PARENT, ActorKind.PERSON)
    named = Policy((Consent("c", 1, True, Provision(deny=True, actors=(person,)), Base.LAW),))
    assert right(POWER, "1938-01-14", policy=named).closed == "other"


def test_what_cannot_be_read_of_the_consents_shows_nothing() -> None:
    assert right(SELF, "1938-01-14", policy=Policy(readable=False)).closed == "other"


@pytest.mark.parametrize("as_", [SELF, CHILD, POWER, GUARDED])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), True), (("N",), True), (("R",), True), (("N", "PSY"), True), (("V",), False), (("R", "V"), False), (("NORN_ANG",), False),
        (("NORN_ALL",), False), (("N", "whatever"), False), (("",), False),
    ],
)  # fmt: skip
def test_labels(as_: As, labels: tuple[str, ...], *, expected: bool) -> None:
    found = right(as_, "2016-01-01" if as_ is CHILD else "1938-01-14").copy(Whole(event(*labels)))
    assert (found is not None) is expected


def test_what_of_a_message_may_not_be_seen_is_left_out() -> None:
    items = (Item("a", "Observation", ("N",)), Item("b", "Observation", ("V",)))
    message = Whole(event("N", "V"), items)
    assert right(SELF, "1938-01-14").copy(message) == "without b"


def test_every_basis_is_an_access_policy_and_has_a_word() -> None:
    async def asked(basis: Basis | None) -> Entitlement:
        return await entitlement(state, Subject(CHILD_NUMBER, "", None, basis), PARENT, NOW)

    state: Any = SimpleNamespace(pseudonyms=Pseudonyms(b"x" * 32), ledger=SimpleNamespace(run=no_consents), settings=Settings())
    found = [asyncio.run(asked(basis)) for basis in (None, Basis.PARENT, Basis.ATTORNEY, Basis.GUARDIAN)]
    assert [(f.asker.capacity, f.asker.acp, f.purpose) for f in found] == [SELF, CHILD, POWER, GUARDED]
    assert {f"basis_{basis}" for basis in Basis} <= set(WORDS)


CHILD_NUMBER = Identifier(FNR, "15720255178")


async def no_consents(*_: Iterable[object]) -> Policy:
    return Policy()


def test_every_reason_has_a_sentence() -> None:
    assert {f"closed_{word}" for word in ("protected", "unknown", "age", "withheld", "other")} <= set(WORDS)
