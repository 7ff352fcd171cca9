"""An unmerge takes a merge back: identifiers, locks, what is remembered and what waits are each patient's own again. Real database."""

from collections.abc import Iterator
from typing import Any

import pytest

from hub.identity import FNR
from hub.ledger.citizen import Slice, messages_of
from hub.ledger.connect import Conn, connect
from hub.ledger.consents import NewVersion, lock_keys_of, put_consent
from hub.ledger.disclosures import disclosures_of, patient_keys_of
from hub.ledger.past import past
from hub.ledger.transit import RacedError, TransitLedger
from hub.model import Identifier, Received
from hub.routing.directory import Directory
from hub.stream.walk import Item, Walk, read_item, wanted
from tests.consents import simple
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, READERS, SUBSCRIPTIONS, received

A, B, C = (PSEUDONYMS.link(Identifier("OLAV", mrn), "olav") for mrn in "123")


class Ledger:
    """Transit on partition 0, message by message; another worker beside it on partition 1."""

    def __init__(self, url: str) -> None:
        self.conn: Conn = connect(url)
        self.transit, self.other, self.offs = TransitLedger(url), TransitLedger(url), [0, 0]
        self.transit.assign([0])
        self.other.assign([1])
        self.events: list[tuple[str, str, tuple[str, ...]]] = []

    def take(self, *messages: Received, part: int = 0, between: Any = None) -> None:
        """One batch."""
        ledger = self.other if part else self.transit
        items = [read_item((part, self.offs[part] + n), m, READERS[m.adapter](m), PSEUDONYMS) for n, m in enumerate(messages)]
        walked = self.walked(ledger, items)
        if between is not None:
            between()
        ledger.write(walked.writes, 7, lambda: None, lambda: None)
        self.offs[part] += len(messages)

    def walked(self, ledger: TransitLedger, items: list[Item]) -> Any:
        def encode(event: Any, _part: int, _off: int, keys: tuple[str, ...], _bundle: bytes | None) -> bytes:
            self.events.append((event.kind, event.patient_key, keys))
            return b""

        return Walk(ledger.read(wanted(items)), Directory(PROVIDERS, SUBSCRIPTIONS, 1), encode, 7).all(items)

    def rows(self, query: str, *values: object) -> list[Any]:
        found = self.conn.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def identity(self) -> dict[str, tuple[str, tuple[str, ...], str | None]]:
        """link -> owner, locks, origin."""
        found = self.conn.execute("SELECT link_key, patient_key, lock_keys, origin FROM identity").fetchall()
        return {link: (owner, tuple(sorted(locks)), origin) for link, owner, locks, origin in found}

    def states(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        found = self.conn.execute("SELECT patient_key, municipality, pathway FROM patient WHERE NOT starts_with(patient_key, 'own:')")
        return {key: (municipality, tuple(sorted(pathway))) for key, municipality, pathway in found}

    def waiting(self) -> dict[str, str]:
        """control id -> whose it is, of what waits for the clinic, which is told everything."""
        return dict(self.conn.execute("SELECT control_id, patient_key FROM outbox WHERE recipient = 'clinic'").fetchall())


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.transit.close()
    made.other.close()
    made.conn.close()


def one(control: str, mrn: str, **more: Any) -> Received:
    return received(control, mrn=mrn, number="", **more)


def join(control: str, survivor: str, retired: str) -> Received:
    return one(control, survivor, trigger="A40", town="", extra=f"MRG|{retired}^^^OLAV^MR\r")


def part(control: str, mrn: str, other: str) -> Received:
    return one(control, mrn, trigger="A37", town="", extra=f"PV1|1|I\rPID|2||{other}^^^OLAV^MR\r")


FIRST = (one("a1", "1", town="5001"), one("b1", "2", town="5031"))


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("pair", [("1", "2"), ("2", "1")])
def test_a_merge_that_is_taken_back_leaves_everything_as_it_was(ledger: Ledger, pair: tuple[str, str], *, in_one_batch: bool) -> None:
    ledger.take(*FIRST)
    before = ledger.identity(), ledger.states(), ledger.waiting()
    steps = (join("m", "2", "1"), part("u", *pair))
    for batch in [steps] if in_one_batch else [[s] for s in steps]:
        ledger.take(*batch)
    assert ledger.identity() == before[0]
    assert ledger.states() == before[1]
    assert ledger.waiting() == before[2] | {"m": B, "u": B}
    assert ledger.events[-2:] == [("patient.merged", B, (A,)), ("patient.unlinked", B, (A,))]
    assert ledger.rows("SELECT retired, survivor, in_force FROM merge") == [(A, B, False)]


def test_what_came_between_goes_to_whoever_it_came_under(ledger: Ledger) -> None:
    ledger.take(*FIRST)
    ledger.take(join("m", "2", "1"))
    ledger.take(one("a2", "1", town=""), one("b2", "2", town=""))
    new = one("a3", "1", town="5001", identifiers=(Identifier("OLAV", "1"), Identifier("OLAV", "9")))
    ledger.take(new)
    assert set(ledger.waiting().values()) == {B}
    ledger.take(part("u", "2", "1"))
    assert ledger.waiting() == {"a1": A, "b1": B, "m": B, "a2": A, "b2": B, "a3": A, "u": B}
    ledger.take(one("a4", "1"), one("b4", "2"), one("c4", "9"))
    assert {c: k for c, k in ledger.waiting().items() if c.endswith("4")} == {"a4": A, "b4": B, "c4": A}
    assert {key: town for key, (town, _) in ledger.states().items()} == {A: "5001", B: "5001"}  # b4 says so


def test_each_lock_is_its_patients_own_again_and_both_hold_in_the_meantime(ledger: Ledger) -> None:
    def stopped(control: str) -> list[str]:
        query = "SELECT recipient FROM decision JOIN message USING (part, off) WHERE control_id = %s AND rule = '11-locked'"
        return sorted(ledger.rows(query, control))

    ledger.take(*FIRST)
    for number, (mrn, recipient) in enumerate((("1", "clinic"), ("2", "town"))):
        actor = (Identifier("urn:hub:provider", recipient),)
        lock = simple(f"lock{number}", 1, active=True, deny=True, actors=actor)
        keys = PSEUDONYMS.of_message([Identifier("OLAV", mrn)], "olav").locks
        put_consent(ledger.conn, NewVersion(lock, keys, {}, 1), lambda _b, _a: True, 1.0)
    ledger.take(join("m", "2", "1"))
    both = lock_keys_of(ledger.conn, [B])[B]
    ledger.take(one("b2", "2", town="5001"))
    ledger.take(part("u", "2", "1"), one("a3", "1", town="5001"), one("b3", "2", town="5001"))
    assert [stopped(c) for c in ("m", "b2", "u", "a3", "b3")] == [["clinic"], ["clinic", "town"], ["clinic", "town"], ["clinic"], ["town"]]
    locks = lock_keys_of(ledger.conn, [A, B])
    assert locks[A] and locks[B] and locks[A].isdisjoint(locks[B]) and locks[A] | locks[B] == both


def test_the_record_of_each_shows_nothing_of_the_other_again(ledger: Ledger) -> None:
    def shown(mrn: str) -> set[str]:
        keys = patient_keys_of(ledger.conn, [PSEUDONYMS.link(Identifier("OLAV", mrn), "olav")])
        ids = [d.event_id for d in disclosures_of(ledger.conn, keys)]
        with ledger.conn.transaction():
            assert {m.event_id for batch in past(ledger.conn, 0, keys) for m in batch} == set(ids)
        assert {k.stored.event_id for k in messages_of(ledger.conn, keys, Slice(100))} == set(ids)
        return {c for (c,) in ledger.conn.execute("SELECT control_id FROM message WHERE event_id = ANY (%s::uuid[])", (ids,))}

    ledger.take(*FIRST)
    ledger.take(join("m", "2", "1"))
    ledger.take(one("a2", "1"), one("b2", "2"))
    assert shown("1") == shown("2") == {"a1", "b1", "m", "a2", "b2"}
    ledger.take(part("u", "2", "1"))
    assert (shown("1"), shown("2")) == ({"a1", "a2"}, {"b1", "m", "b2", "u"})


def test_a_person_number_that_moved_goes_back(ledger: Ledger) -> None:
    ledger.take(received("a1", mrn="1"), one("b1", "2"))
    before = ledger.identity()
    ledger.take(received("m", mrn="2", trigger="A40", extra="MRG|1^^^OLAV^MR\r"))
    ledger.take(part("u", "2", "1"))
    assert ledger.identity() == before
    assert before[PSEUDONYMS.link(Identifier(FNR, NUMBER), "olav")][0] == before[A][0]


def test_of_three_who_were_merged_those_two_are_told_apart_that_are_named(ledger: Ledger) -> None:
    ledger.take(*FIRST, one("c1", "3"))
    ledger.take(join("m1", "2", "1"))
    after_one = ledger.identity()
    ledger.take(join("m2", "3", "2"))
    assert {owner for link, (owner, *_) in ledger.identity().items() if link in (A, B, C)} == {C}
    ledger.take(part("u", "3", "2"))
    assert ledger.identity() == after_one
    assert ledger.waiting() == {"a1": B, "b1": B, "m1": B, "c1": C, "m2": C, "u": C}


def test_two_who_were_never_merged_are_an_event_and_nothing_else(ledger: Ledger) -> None:
    ledger.take(*FIRST)
    before = ledger.identity(), ledger.states()
    ledger.take(part("u", "1", "2"), part("v", "1", "77"))
    assert (ledger.identity(), ledger.states()) == before
    assert ledger.events[-2:] == [("patient.unlinked", A, ()), ("patient.unlinked", A, ())]
    assert ledger.rows("SELECT 1 FROM merge") == []


def test_what_was_decided_for_patients_parted_meanwhile_is_decided_again(ledger: Ledger) -> None:
    ledger.take(*FIRST)
    ledger.take(join("m", "2", "1"))
    late = one("a2", "1")
    with pytest.raises(RacedError):
        ledger.take(late, part=1, between=lambda: ledger.take(part("u", "2", "1")))
    ledger.take(late, part=1)
    assert ledger.waiting()["a2"] == A


def test_who_was_parted_can_be_merged_again(ledger: Ledger) -> None:
    ledger.take(*FIRST)
    ledger.take(join("m1", "2", "1"), part("u1", "2", "1"), join("m2", "1", "2"), one("b2", "2"))
    assert {owner for link, (owner, *_) in ledger.identity().items() if link in (A, B)} == {A}
    assert set(ledger.waiting().values()) == {A}
    ledger.take(part("u2", "1", "2"))
    assert ledger.waiting() == {"a1": A, "b1": B, "m1": B, "u1": B, "m2": A, "b2": B, "u2": A}
