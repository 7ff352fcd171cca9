"""Lanes and cursors against a ledger in memory: order, nothing lost, nobody starved, memory bounded, whatever happens in between."""

import random
from collections import Counter

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
SMALL = Limits(rows_max=20, recipient_rows_max=8, recipient_rows_min=3, lane_rows_max=3, blocked_lanes_max=50, flying_max=8)
HOLD = {"a": True, "b": True, "c": False}


class Ledger:
    """The outbox as delivery reads it."""

    def __init__(self) -> None:
        self.rows: dict[Place, Waiting] = {}
        self.tops = [0, 0]
        self.decided = [0, 0]
        self.undecided: list[Waiting] = []  # acknowledged, and transit has not come to them yet
        self.lagging = [False, False]
        self.received_us = 0

    def add(self, part: int, patient: str, recipients: list[str]) -> None:
        self.tops[part] += 1
        self.received_us += 1
        self.undecided += [Waiting(Place(part, self.tops[part], r), patient, self.received_us, 0, 0) for r in recipients]
        if not self.lagging[part]:
            self.decide(part)

    def decide(self, part: int) -> None:
        """Transit decides what there is of a partition; everybody is merged, so it sees how far the other one is."""
        other = 1 - part
        fence = [other, self.tops[other] + 1] if self.decided[other] < self.tops[other] else []
        self.rows |= {row.place: row._replace(fence=fence) for row in self.undecided if row.place.part == part}
        self.undecided = [row for row in self.undecided if row.place.part == other]
        self.decided[part] = self.tops[part]

    def nexts(self) -> dict[int, int]:
        return {part: decided + 1 for part, decided in enumerate(self.decided)}

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
    """Two partitions, three recipients (one releases), three patients with messages in both, some of whom turn out to be the same."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.now_us = 1
        self.flying: list[Waiting] = []
        self.start()

    def start(self) -> None:
        self.lanes = Lanes(BACKOFF, SMALL)
        self.cursors = Cursors()
        self.cursors.own([0, 1])
        self.flying = []
        self.moved: set[str] = set()
        self.excused: set[Place] = set()  # were under way when something came before them: patients became one, a released one was redriven

    def offer(self, row: Waiting) -> Offer:
        return self.lanes.offer(row, self.lanes.destination(row.place.recipient, 2, hold=HOLD[row.place.recipient]))

    @rule(patient=st.integers(0, 2), recipients=st.sets(st.sampled_from("abc"), min_size=1), parts=st.lists(st.integers(0, 1), max_size=12))
    def arrives(self, patient: int, recipients: set[str], parts: list[int]) -> None:
        self.arrive(patient, recipients, parts)

    def arrive(self, patient: int, recipients: set[str], parts: list[int]) -> None:
        for part in parts:
            self.ledger.add(part, f"p{patient}", sorted(recipients))

    @rule(part=st.integers(0, 1), patient=st.integers(0, 2), recipients=st.sets(st.sampled_from("abc"), min_size=1))
    def stand_still(self, part: int, patient: int, recipients: set[str]) -> None:
        """The worker of a partition decides nothing more; a message comes there, and then one to the other."""
        self.ledger.lagging[part] = True
        self.arrive(patient, recipients, [part, 1 - part])

    @rule(part=st.integers(0, 1))
    def catch_up(self, part: int) -> None:
        """The worker of a partition goes on."""
        self.ledger.lagging[part] = False
        self.ledger.decide(part)

    @rule(retired=st.integers(0, 2), survivor=st.integers(0, 2))
    def merge(self, retired: int, survivor: int) -> None:
        """Two patients turn out to be one, and delivery hears of it."""
        for place, row in list(self.ledger.rows.items()):
            if row.patient_key == f"p{retired}" and retired != survivor:
                self.ledger.rows[place] = row._replace(patient_key=f"p{survivor}")
                self.moved.add(place.recipient)
        self.ledger.undecided = [
            row._replace(patient_key=f"p{survivor}") if row.patient_key == f"p{retired}" else row for row in self.ledger.undecided
        ]
        self.excused |= {row.place for row in self.flying}
        self.start_over()

    def start_over(self) -> None:
        for recipient in sorted(self.moved):
            if self.lanes.ebb(recipient):
                self.cursors.start_over(recipient)
                self.moved.discard(recipient)

    @rule(limit=st.integers(1, 9))
    def read(self, limit: int) -> None:
        self.start_over()
        if self.lanes.gates:
            self.lanes.decided(self.ledger.nexts())
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
        row = self.flying.pop(index % len(self.flying))
        if row.place not in self.excused:
            earlier = [w for w in self.of_lane(row) if w.received_us < row.received_us]
            assert all(w.parked and not HOLD[row.place.recipient] for w in earlier), "a later message went first"
        self.excused.discard(row.place)
        return row

    def of_lane(self, row: Waiting) -> list[Waiting]:
        whose = (self.ledger.rows[row.place].patient_key, row.place.recipient)
        return [w for w in (*self.ledger.rows.values(), *self.ledger.undecided) if (w.patient_key, w.place.recipient) == whose]

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50))
    def deliver(self, index: int) -> None:
        row = self.land(index)
        self.lanes.answered(row.place.recipient)
        self.lanes.ended(row)
        self.settle(row)

    def settle(self, row: Waiting) -> None:
        del self.ledger.rows[row.place]
        self.lanes.forget(row.place)

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50), unreachable=st.booleans())
    def fail(self, index: int, *, unreachable: bool) -> None:
        row = self.land(index)
        until_us = self.lanes.failed(row.place.recipient, self.now_us, unreachable=unreachable)
        next_us = until_us if unreachable else self.now_us + BACKOFF.wait_us(row.attempts + 1)
        self.lanes.again(row, next_us)
        self.ledger.rows[row.place] = self.ledger.rows[row.place]._replace(attempts=row.attempts + 1, next_us=next_us)

    @precondition(lambda self: self.flying)
    @rule(index=st.integers(0, 50))
    def refuse(self, index: int) -> None:
        row = self.land(index)
        self.lanes.answered(row.place.recipient)
        self.lanes.parked(row)
        self.ledger.rows[row.place] = self.ledger.rows[row.place]._replace(parked="AE")
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
        self.excused |= {row.place for row in self.flying if not HOLD[row.place.recipient]}
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
        for part in (0, 1):
            self.ledger.decide(part)
        for _ in range(400):
            self.now_us += 61_000_000
            self.read(9)
            for recipient in self.lanes.probes(self.now_us):
                self.lanes.reached(recipient)
            self.take(10)
            while self.flying:
                self.deliver(0)
        assert not self.lanes.gates
        for row in self.ledger.rows.values():
            before = [w for w in self.of_lane(row) if w.parked and w.received_us < row.received_us and HOLD[row.place.recipient]]
            assert row.parked or before, "one that nothing holds up was left"


Machine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
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


MIB = 1024 * 1024


def big(recipient: str, count: int, size: int) -> list[Waiting]:
    return [row._replace(size=size) for row in rows(recipient, count, count)]


def test_payloads_under_way_are_bounded_a_turn_a_recipient_and_in_all() -> None:
    lanes = Lanes(BACKOFF)
    for n in range(20):
        fill(lanes, big(f"r{n}", 100, 4 * MIB), connections=64)
    turns = [lanes.take(1, 512) for _ in range(8)]
    assert [len(taken) for taken in turns] == [4, 4, 4, 4, 0, 0, 0, 0]
    for row in turns[0]:
        lanes.ended(row)
    assert len(lanes.take(1, 512)) == 4
    for row in (row for taken in turns[1:4] for row in taken):
        lanes.given_back(row)
    assert len(lanes.take(1, 512)) == 4


def test_everybodys_turn_comes_with_large_messages_too() -> None:
    lanes = Lanes(BACKOFF)
    for n in range(20):
        fill(lanes, big(f"r{n}", 5, 4 * MIB))
    taken = []
    for _ in range(10):
        turn = lanes.take(1, 512)
        taken += [row.place.recipient for row in turn]
        for row in turn:
            lanes.ended(row)
    assert Counter(taken) == {f"r{n}": 2 for n in range(20)}


def test_one_that_hangs_with_large_messages_leaves_room_for_the_others() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, big("hangs", 100, 3 * MIB), connections=64)
    assert [len(lanes.take(1, 512)) for _ in range(3)] == [3, 0, 0]
    fill(lanes, big("well", 100, 10_000), connections=64)
    assert [len(lanes.take(1, 512)) for _ in range(2)] == [100, 0]


def test_a_payload_larger_than_every_bound_goes_alone() -> None:
    lanes = Lanes(BACKOFF, Limits(turn_bytes_max=10, flying_bytes_max=10, recipient_bytes_max=10))
    fill(lanes, big("a", 3, 1000))
    for _ in range(3):
        (row,) = lanes.take(1, 9)
        assert lanes.take(1, 9) == []
        lanes.ended(row)


def test_bytes_under_way_are_known_through_a_change_of_settings() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, big("a", 9, 4 * MIB))
    first, second = lanes.take(1, 9)
    lanes.reset("a", 4, hold=True)
    fill(lanes, big("a", 9, 4 * MIB), connections=4)
    assert lanes.take(1, 9) == []
    lanes.ended(first)
    lanes.again(second, 0)
    assert len(lanes.take(1, 9)) == 2


def at(part: int, off: int, received_us: int, parked: str = "", recipient: str = "a") -> Waiting:
    """One of patient p's."""
    return Waiting(Place(part, off, recipient), "p", received_us, 0, 0, parked)


def sent(lanes: Lanes) -> list[int]:
    """When each was received, in the order in which they go when every one is delivered."""
    order = []
    while taken := lanes.take(1, 9):
        (row,) = taken
        order.append(row.received_us)
        lanes.ended(row)
        lanes.forget(row.place)
    return order


def test_a_lane_runs_in_the_order_of_receipt_and_each_partition_in_its_own() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, [at(0, 1, 10), at(0, 2, 30), at(0, 3, 25), at(1, 1, 5), at(1, 2, 20), at(2, 1, 30), at(1, 3, 40)])
    assert sent(lanes) == [5, 10, 20, 30, 25, 30, 40]


def test_what_comes_late_never_goes_before_what_is_under_way() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, [at(0, 1, 10), at(0, 2, 30)])
    (first,) = lanes.take(1, 9)
    fill(lanes, [at(1, 1, 5), at(1, 2, 20)])
    assert lanes.take(1, 9) == []
    lanes.ended(first)
    assert sent(lanes) == [5, 20, 30]


def test_a_full_lane_keeps_the_first_and_asks_for_the_others_again() -> None:
    lanes = Lanes(BACKOFF, Limits(lane_rows_max=3))
    fill(lanes, [at(0, 1, 10), at(0, 2, 20), at(0, 3, 30), at(0, 4, 40)])
    assert lanes.offer(at(1, 7, 15), lanes.destination("a")) is Offer.TAKEN
    assert lanes.offer(at(1, 8, 35), lanes.destination("a")) is Offer.LEFT
    assert lanes.rows("a") == len(lanes) == 3
    assert sent(lanes) == [10, 15, 20]
    assert lanes.rewinds == {"a": {0: 3, 1: 8}}


def test_a_refused_one_found_late_holds_those_after_it_and_no_others() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, [at(0, 1, 10), at(0, 2, 20), at(0, 3, 30)])
    assert lanes.offer(at(1, 1, 15, parked="AE"), lanes.destination("a")) is Offer.LEFT
    assert lanes.offer(at(0, 4, 40), lanes.destination("a")) is Offer.LEFT
    assert lanes.offer(at(1, 0, 5), lanes.destination("a")) is Offer.TAKEN
    assert sent(lanes) == [5, 10]
    assert (lanes.rows("a"), len(lanes), lanes.rewinds) == (0, 0, {})
    assert lanes.offer(at(0, 2, 20), lanes.destination("a")) is Offer.LEFT


def test_a_lane_emptied_by_a_refused_one_found_late_is_no_ones_turn() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, [at(0, 2, 20)])
    lanes.offer(at(1, 1, 15, parked="AE"), lanes.destination("a"))
    fill(lanes, [Waiting(Place(0, 9, "a"), "q", 50, 0, 0)])
    assert [row.patient_key for row in lanes.take(1, 9)] == ["q"]


def test_everything_is_let_go_only_when_nothing_is_under_way() -> None:
    lanes = Lanes(BACKOFF)
    fill(lanes, rows("a", 6, 3))
    first = lanes.take(1, 1)[0]
    assert not lanes.ebb("a")
    assert lanes.take(1, 9) == []
    lanes.ended(first)
    assert lanes.take(1, 9) == []
    assert lanes.ebb("a")
    assert (lanes.rows("a"), lanes.take(1, 9)) == (0, [])
    fill(lanes, rows("a", 6, 3))
    assert len(lanes.take(1, 9)) == 3
    assert lanes.ebb("nobody")


def test_a_partition_that_is_read_further_than_another_waits_for_it() -> None:
    """Three rows a look: the first partition's third was received after the second's fourth, which is not seen yet."""
    cursors, taken = Cursors(), list[int]()
    cursors.own([0, 1])

    def take(row: Waiting) -> Offer:
        taken.append(row.received_us)
        return Offer.TAKEN

    found = {0: Read(3, [at(0, 1, 10), at(0, 2, 20), at(0, 3, 50)]), 1: Read(9, [at(1, 1, 12), at(1, 2, 14), at(1, 3, 16)])}
    assert cursors.admit(found, 3, take)
    assert taken == [10, 12, 14, 16]
    assert cursors.heads == {0: Head(2), 1: Head(3, "a")}
    found = {0: Read(3, [at(0, 2, 20), at(0, 3, 50)]), 1: Read(9, [at(1, 4, 30)])}
    assert not cursors.admit(found, 3, take)
    assert taken[4:] == [20, 30, 50]
    assert cursors.heads == {0: Head(4), 1: Head(10)}


def test_one_that_is_behind_is_read_no_further_than_everybody() -> None:
    cursors, taken = Cursors(), list[int]()
    cursors.own([0, 1])
    cursors.fall_behind("b", {})

    def take(row: Waiting) -> Offer:
        taken.append(row.received_us)
        return Offer.TAKEN

    others = {0: Read(2, [at(0, 1, 10), at(0, 2, 20)]), 1: Read(9, [at(1, 1, 12)])}
    assert cursors.admit(others, 2, take)  # partition 0 may have more, from 20 on
    taken.clear()
    assert cursors.admit_behind("b", {0: [], 1: [at(1, 2, 15, recipient="b"), at(1, 9, 25, recipient="b")]}, 5, take)
    assert taken == [15]
    assert cursors.behind["b"][1] == 3
    cursors.admit({0: Read(3, [at(0, 3, 30)]), 1: Read(9, [])}, 2, take)
    assert cursors.admit_behind("b", {0: [at(0, 3, 22, recipient="b")], 1: [at(1, 9, 25, recipient="b")]}, 5, take)
    assert taken[-2:] == [22, 25]
    assert cursors.behind == {}


def one(part: int, off: int, received_us: int, fence: list[int] | None = None, patient: str = "p") -> Waiting:
    return Waiting(Place(part, off, "a"), patient, received_us, 0, 0, fence=fence)


def offered(lanes: Lanes, *rows: Waiting) -> list[Offer]:
    return [lanes.offer(row, lanes.destination("a")) for row in rows]


def ends(lanes: Lanes) -> list[int]:
    """Deliver what may go, one after the other: the times of receipt."""
    went = []
    while taken := lanes.take(1, 10):
        went += [row.received_us for row in taken]
        for row in taken:
            lanes.ended(row)
    return went


def test_what_is_after_a_merge_waits_until_the_other_partition_is_decided() -> None:
    """What came before it goes meanwhile, that of others too; what is found when the other partition is decided goes first."""
    lanes = Lanes(BACKOFF)
    first = [one(0, 1, 10), one(0, 5, 50, [1, 7]), one(0, 6, 60, []), one(0, 7, 55, None, "another")]
    assert offered(lanes, *first) == [Offer.TAKEN, Offer.LEFT, Offer.LEFT, Offer.TAKEN]
    assert (ends(lanes), lanes.gates) == ([10, 55], 1)
    assert not lanes.decided({0: 8, 1: 6})
    assert offered(lanes, one(1, 6, 40)) == [Offer.TAKEN]
    assert (ends(lanes), lanes.rewinds) == ([40], {})
    assert lanes.decided({0: 8, 1: 7})
    assert (lanes.gates, lanes.rewinds) == (0, {"a": {0: 5}})
    assert offered(lanes, first[1], first[2]) == [Offer.TAKEN, Offer.TAKEN]
    assert ends(lanes) == [50, 60]


def test_what_is_in_memory_and_comes_after_a_merge_is_let_go_of() -> None:
    lanes = Lanes(BACKOFF)
    assert offered(lanes, one(0, 6, 60), one(1, 3, 30), one(0, 5, 50, [1, 7])) == [Offer.TAKEN, Offer.TAKEN, Offer.LEFT]
    assert ends(lanes) == [30]
    lanes.decided({1: 9})
    assert lanes.rewinds == {"a": {0: 5}}


def test_two_merges_that_wait_for_each_others_partition_do_not_wait_for_ever() -> None:
    lanes = Lanes(BACKOFF)
    both = one(0, 5, 50, [1, 4]), one(1, 5, 51, [0, 4], "q")
    assert offered(lanes, *both) == [Offer.LEFT, Offer.LEFT]
    lanes.decided({0: 6, 1: 6})
    assert lanes.rewinds == {"a": {0: 5, 1: 5}}
    assert offered(lanes, *both) == [Offer.TAKEN, Offer.TAKEN]


def test_everything_read_anew_is_judged_anew() -> None:
    lanes = Lanes(BACKOFF)
    offered(lanes, one(0, 5, 50, [1, 7]))
    assert lanes.ebb("a") and not lanes.gates
    offered(lanes, one(0, 5, 50, [1, 7]))
    lanes.reset("a", 1, hold=True)
    assert not lanes.gates
