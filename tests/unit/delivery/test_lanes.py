"""Lanes and cursors against a ledger in memory: order, nothing lost, nobody starved, memory bounded, whatever happens in between."""

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.delivery.backlog import Cursors
from hub.delivery.destination import Limits
from hub.delivery.lanes import Lanes, Offer
from hub.delivery.retry import Backoff
from hub.ledger.backlog import Head, Read
from hub.ledger.outbox import Place, Waiting

BACKOFF = Backoff(0.5, 60.0)
SMALL = Limits(rows_max=30, recipient_rows_max=12, recipient_rows_min=3, lane_rows_max=4, blocked_lanes_max=50, flying_max=8)
HOLD = {"a": True, "b": True, "c": False}


class Ledger:
    """The outbox as delivery reads it."""

    def __init__(self) -> None:
        self.rows: dict[Place, Waiting] = {}
        self.tops = [0, 0]

    def add(self, part: int, patient: str, recipients: list[str]) -> None:
        self.tops[part] += 1
        for recipient in recipients:
            place = Place(part, self.tops[part], recipient)
            self.rows[place] = Waiting(place, patient, 0, 0, 0)

    def heads(self, heads: dict[int, Head], behind: list[str], limit: int) -> dict[int, Read]:
        found = {}
        for part, head in heads.items():
            of_part = sorted((p for p in self.rows if p.part == part and p.off >= head.off), key=lambda p: (p.off, p.recipient))
            after = [p for p in of_part if (p.off, p.recipient) > head and p.recipient not in behind]
            found[part] = Read(of_part[-1].off if of_part else -1, [self.rows[p] for p in after[:limit]])
        return found

    def behind(self, recipient: str, resume: dict[int, int], heads: dict[int, Head], limit: int) -> dict[int, list[Waiting]]:
        found = {}
        for part, off in resume.items():
            mine = sorted(p for p in self.rows if p.part == part and p.recipient == recipient and p.off >= off)
            found[part] = [self.rows[p] for p in mine if (p.off, p.recipient) <= heads[part]][:limit]
        return found


class Machine(RuleBasedStateMachine):
    """Two partitions, three recipients (one releases), six patients; each patient's messages are in one partition."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.now_us = 1
        self.flying: list[Waiting] = []
        self.sent: dict[tuple[str, str], list[Place]] = defaultdict(list)  # in the order of first delivery
        self.parked: set[Place] = set()
        self.start()

    def start(self) -> None:
        self.lanes = Lanes(BACKOFF, SMALL)
        self.cursors = Cursors()
        self.cursors.own([0, 1])
        self.flying = []

    def offer(self, row: Waiting) -> Offer:
        return self.lanes.offer(row, self.lanes.destination(row.place.recipient, 2, hold=HOLD[row.place.recipient]))

    @rule(patient=st.integers(0, 5), recipients=st.sets(st.sampled_from("abc"), min_size=1), count=st.integers(1, 12))
    def arrive(self, patient: int, recipients: set[str], count: int) -> None:
        for _ in range(count):
            self.ledger.add(patient % 2, f"p{patient}", sorted(recipients))

    @rule(limit=st.integers(1, 9))
    def read(self, limit: int) -> None:
        rewinds, self.lanes.rewinds = self.lanes.rewinds, {}
        for recipient, places in rewinds.items():
            self.cursors.fall_behind(recipient, places)
        self.cursors.admit(self.ledger.heads(self.cursors.heads, list(self.cursors.behind), limit), limit, self.offer)
        for recipient in list(self.cursors.behind):
            rows = self.ledger.behind(recipient, self.cursors.behind[recipient], self.cursors.heads, limit)
            self.cursors.admit_behind(recipient, rows, limit, self.offer)

    @rule(limit=st.integers(1, 10))
    def take(self, limit: int) -> None:
        taken = self.lanes.take(self.now_us, limit)
        assert len(taken) <= limit
        self.flying += taken

    def land(self, index: int) -> Waiting:
        return self.flying.pop(index % len(self.flying))

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50))
    def deliver(self, index: int) -> None:
        row = self.land(index)
        self.lanes.answered(row.place.recipient)
        self.lanes.ended(row)
        self.settle(row)

    def settle(self, row: Waiting) -> None:
        earlier = [
            w for w in self.ledger.rows.values()
            if w.patient_key == row.patient_key and w.place.recipient == row.place.recipient and w.place < row.place
        ]  # fmt: skip
        assert all(w.parked and not HOLD[row.place.recipient] for w in earlier), "a later message went first"
        self.sent[row.place.recipient, row.patient_key].append(row.place)
        del self.ledger.rows[row.place]
        self.lanes.forget(row.place)

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50), unreachable=st.booleans())
    def fail(self, index: int, *, unreachable: bool) -> None:
        row = self.land(index)
        until_us = self.lanes.failed(row.place.recipient, self.now_us, unreachable=unreachable)
        next_us = until_us if unreachable else self.now_us + BACKOFF.wait_us(row.attempts + 1)
        self.lanes.again(row, next_us)
        self.ledger.rows[row.place] = row._replace(attempts=row.attempts + 1, next_us=next_us)

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50))
    def refuse(self, index: int) -> None:
        row = self.land(index)
        self.lanes.answered(row.place.recipient)
        self.lanes.parked(row)
        self.ledger.rows[row.place] = row._replace(parked="AE")
        self.lanes.forget(row.place)

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50))
    def give_back(self, index: int) -> None:
        self.lanes.given_back(self.land(index))

    @rule(recipient=st.sampled_from("abc"))
    def redrive(self, recipient: str) -> None:
        for place, row in list(self.ledger.rows.items()):
            if place.recipient == recipient and row.parked:
                self.ledger.rows[place] = row._replace(parked="", next_us=0)
        self.lanes.reset(recipient, 2, hold=HOLD[recipient])
        self.cursors.start_over(recipient)

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.now_us += seconds * 1_000_000

    @rule()
    def restart(self) -> None:
        self.start()

    @invariant()
    def memory_is_bounded(self) -> None:
        for recipient in "abc":
            assert self.lanes.rows(recipient) <= SMALL.recipient_rows_max

    @invariant()
    def one_of_a_lane_is_under_way(self) -> None:
        assert len({(r.place.recipient, r.patient_key) for r in self.flying}) == len(self.flying)

    def teardown(self) -> None:
        """Everything heals: all is delivered but what a person must look at, and what is held behind it."""
        for row in self.flying:
            self.lanes.ended(row)
            self.settle(row)
        self.flying = []
        for _ in range(400):
            self.now_us += 61_000_000
            self.read(9)
            for recipient in self.lanes.probes(self.now_us):
                self.lanes.reached(recipient)
            self.take(10)
            while self.flying:
                self.deliver(0)
        blocked = {(p.recipient, r.patient_key) for p, r in self.ledger.rows.items() if r.parked and HOLD[p.recipient]}
        left = {p: r for p, r in self.ledger.rows.items() if not r.parked and (p.recipient, r.patient_key) not in blocked}
        assert left == {}


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLanes = Machine.TestCase


def rows(recipient: str, count: int, patients: int, part: int = 0) -> list[Waiting]:
    return [Waiting(Place(part, off, recipient), f"p{off % patients}", 0, 0, 0) for off in range(count)]


def fill(lanes: Lanes, waiting: list[Waiting], connections: int = 8) -> None:
    for row in waiting:
        lanes.offer(row, lanes.destination(row.place.recipient, connections))


def test_everybody_gets_a_share_of_a_turn() -> None:
    lanes = Lanes(BACKOFF)
    for recipient in "abcdef":
        fill(lanes, rows(recipient, 100, 100))
    taken = lanes.take(1, 12)
    assert {r.place.recipient for r in taken} == set("abcdef")


@pytest.mark.parametrize("down", [0, 10, 100, 300])
def test_those_who_are_down_take_nothing_from_a_turn(down: int) -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("live", 1000, 1000), connections=128)
    for n in range(down):
        fill(lanes, rows(f"down{n}", 5, 5))
        lanes.failed(f"down{n}", 1, unreachable=True)
    assert [r.place.recipient for r in lanes.take(1, 512)] == ["live"] * 256


def test_what_one_has_no_use_for_goes_to_the_others() -> None:
    lanes = Lanes(BACKOFF)
    for n in range(9):
        fill(lanes, rows(f"few{n}", 2, 2))
    for name in ("many", "more"):
        fill(lanes, rows(name, 300, 300), connections=128)
    counts = Counter(r.place.recipient for r in lanes.take(1, 512))
    assert counts["many"] + counts["more"] == 512 - 9 * 2
    assert abs(counts["many"] - counts["more"]) <= 1
    assert {counts[f"few{n}"] for n in range(9)} == {2}


def test_everybodys_turn_comes_however_many_there_are() -> None:
    lanes = Lanes(BACKOFF)
    for n in range(30):
        fill(lanes, rows(f"r{n}", 4, 4))
    taken = [r.place.recipient for _ in range(3) for r in lanes.take(1, 10)]
    assert sorted(taken) == sorted(f"r{n}" for n in range(30))


def test_one_that_cannot_be_reached_is_asked_for_nothing_until_it_is_found_again() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("a", 20, 20))
    row = lanes.take(1, 1)[0]
    until_us = lanes.failed("a", 1, unreachable=True)
    lanes.again(row, until_us)
    assert lanes.take(until_us - 1, 50) == []
    assert lanes.probes(until_us - 1) == []
    assert lanes.next_us(1) == until_us
    assert lanes.take(until_us, 50) == []
    assert lanes.probes(until_us) == ["a"]
    lanes.reached("a")
    assert len(lanes.take(until_us, 50)) == 1  # one, to see
    lanes.answered("a")
    assert len(lanes.take(until_us, 50)) > 1


def test_sends_of_one_incident_count_once() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("a", 20, 20))
    taken = lanes.take(1, 8)
    first = lanes.failed("a", 1, unreachable=True)
    assert {lanes.failed("a", 2, unreachable=True) for _ in taken[1:]} == {first}


def test_failures_in_a_row_leave_it_alone_and_a_single_one_does_not() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("a", 20, 20), connections=3)
    assert [lanes.failed("a", 1, unreachable=False) > 0 for _ in range(3)] == [False, False, True]
    lanes.answered("a")
    assert lanes.failed("a", 1, unreachable=False) == 0
    assert lanes.failed("a", 1, unreachable=False, pause_us=9) >= 10


def test_the_window_follows_how_fast_sends_end() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("a", 1000, 1000), connections=4)
    sizes = []
    for _ in range(8):
        taken = lanes.take(1, 512)
        sizes.append(len(taken))
        for row in taken:
            lanes.ended(row)
    assert sizes == [8, 16, 32, 64, 128, 256, 256, 240]
    fill(lanes, rows("a", 1000, 1000, part=1), connections=4)
    late = lanes.take(1, 512)
    for row in late:
        lanes.given_back(row)
    assert len(lanes.take(1, 512)) <= 8


def test_a_million_rows_do_not_fit_and_need_not() -> None:
    lanes = Lanes(BACKOFF)
    offers = [lanes.offer(row, lanes.destination("a")) for row in rows("a", 5000, 5000)]
    assert offers.count(Offer.TAKEN) == 2000
    assert set(offers[2000:]) == {Offer.FULL}


def test_many_recipients_share_the_memory() -> None:
    lanes = Lanes(BACKOFF, Limits(rows_max=1000))
    chance = random.Random(1)
    for recipient in range(100):
        fill(lanes, rows(f"r{recipient}", 30, chance.randint(1, 30)))
    assert len(lanes) <= 1000 + 100 * Limits().recipient_rows_min
    assert min(lanes.rows(f"r{recipient}") for recipient in range(100)) >= 30
