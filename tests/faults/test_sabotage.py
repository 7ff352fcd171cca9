"""The checker over the real hub with one bug seeded at a time: each must be caught, under the fault that brings it out."""

import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from hub.ledger.migrate import migrate
from tests.faults.conftest import Stack
from tests.faults.processes import wait_until
from tests.faults.region import Run, run_in
from tests.faults.rounds import merge_beside_one_that_stands_still, second_transit

pytestmark = pytest.mark.timeout(400)


def arrivals(run: Run, count: int) -> None:
    """Wait until the receivers have read ``count`` more messages: a fault must meet traffic, however slow it is."""
    before = len(run.history.arrived)
    wait_until(
        lambda: len(run.history.arrived) >= before + count, 120, lambda: f"{count} messages to arrive: {run.so_far()} {run.hub.tails()}"
    )


def broker_stops_and_gateway_dies(run: Run, stack: Stack) -> None:
    arrivals(run, 20)
    stack.signal("kafka", signal.SIGSTOP)
    time.sleep(0.5)
    run.hub.kill("gateway")
    stack.signal("kafka", signal.SIGCONT)
    run.hub.start("gateway")


def transit_dies_before_commit(run: Run, _stack: Stack) -> None:
    arrivals(run, 20)
    run.hub.kill("transit")
    run.hub.start("transit", HUB_FAULTPOINT="transit.before_commit:3")
    wait_until(lambda: not run.hub.alive("transit"), 20, "transit to die")
    run.hub.kill("transit")
    run.hub.start("transit")


def receiver_away_then_locked(run: Run, _stack: Stack) -> None:
    token = run.hub.command("token", "--as", "admin", "--data", str(run.hub.data)).strip()
    run.receivers["everywhere"].mode = "cut"
    arrivals(run, 30)
    for n in range(run.patients):
        run.lock(n, "everywhere", token)
    run.receivers["everywhere"].mode = "normal"
    time.sleep(2)


def receiver_away_then_part_locked(run: Run, _stack: Stack) -> None:
    token = run.hub.command("token", "--as", "admin", "--data", str(run.hub.data)).strip()
    run.receivers["everywhere"].mode = "cut"
    arrivals(run, 30)
    for n in range(run.patients):
        run.lock(n, "everywhere", token, part=True)
    run.receivers["everywhere"].mode = "normal"
    time.sleep(2)


def receivers_cut(run: Run, _stack: Stack) -> None:
    chance = random.Random(1)
    for receiver in run.receivers.values():
        receiver.chance, receiver.mode = chance, "mixed"
    arrivals(run, 100)
    for receiver in run.receivers.values():
        receiver.mode = "normal"


def receivers_drop(run: Run, _stack: Stack) -> None:
    for receiver in run.receivers.values():
        receiver.mode = "drop"
    arrivals(run, 100)
    for receiver in run.receivers.values():
        receiver.mode = "normal"


def receivers_away(run: Run, _stack: Stack) -> None:
    arrivals(run, 20)
    for receiver in run.receivers.values():
        receiver.stop()
        receiver.mode = "cut"
    time.sleep(2.5)
    for receiver in run.receivers.values():
        receiver.mode = "normal"
        receiver.start()


def receivers_name_another(run: Run, _stack: Stack) -> None:
    for receiver in run.receivers.values():
        receiver.mode = "wrong"
    arrivals(run, 20)
    for receiver in run.receivers.values():
        receiver.mode = "normal"


def one_transit_stands_still_while_patients_are_merged(run: Run, _stack: Stack) -> None:
    now = threading.Event()
    with second_transit(run), run.merging(8, lambda _: now):
        time.sleep(0.5)
        merge_beside_one_that_stands_still(run, now)
        time.sleep(0.5)


def nothing(_run: Run, _stack: Stack) -> None:
    time.sleep(1)


def locks_one_after_another(run: Run, _stack: Stack) -> None:
    token = run.hub.command("token", "--as", "admin", "--data", str(run.hub.data)).strip()
    arrivals(run, 50)
    for n in range(run.patients):
        run.lock(n, "everywhere", token)
        time.sleep(0.05)


def delivery_dies(run: Run, _stack: Stack) -> None:
    for _ in range(3):
        arrivals(run, 10)
        run.hub.kill("delivery")
        run.hub.start("delivery")


BUGS: dict[str, tuple[Callable[[Run, Stack], None], frozenset[str]]] = {
    "ack_before_report": (broker_stops_and_gateway_dies, frozenset({"I1"})),
    "offset_before_effect": (transit_dies_before_commit, frozenset({"I1"})),
    "consent_skipped_at_retry": (receiver_away_then_locked, frozenset({"I2"})),
    "part_left_in": (receiver_away_then_part_locked, frozenset({"I2"})),
    "new_id_on_retry": (receivers_cut, frozenset({"I1", "I3"})),
    "reorder_on_retry": (receivers_drop, frozenset({"I4"})),
    "swallowed_exception": (nothing, frozenset({"I1"})),
    "wrong_partitioner": (receivers_away, frozenset({"I4"})),
    "fence_skipped": (one_transit_stands_still_while_patients_are_merged, frozenset({"I4"})),
    "lock_read_before_commit": (locks_one_after_another, frozenset({"I2"})),
    "answer_not_checked": (receivers_name_another, frozenset({"I1"})),
    "settled_before_sent": (delivery_dies, frozenset({"I1"})),
}


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    """A database of its own on the servers of the fault runs."""
    name = f"sabotage_{time.monotonic_ns()}"
    with psycopg.connect(stack.database_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    url = stack.database_url.rsplit("/", 1)[0] + f"/{name}"
    migrate(url)
    yield url
    with psycopg.connect(stack.database_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


ATTEMPTS = 3  # a bug that shows by chance must show in one of so many runs
SETTLE_SECONDS = 15.0


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_the_seeded_bug_is_caught(bug: str, stack: Stack, database: str) -> None:
    told = []
    for attempt in range(ATTEMPTS):
        found, about = run_with(bug, [BUGS[bug][0]], attempt, stack, database)
        if found & BUGS[bug][1]:
            return
        told.append((found, about))
    pytest.fail(f"{bug} was not caught: {told}")


def test_the_same_faults_without_a_bug_break_nothing(stack: Stack, database: str) -> None:
    """What catches a bug must let the honest hub pass, or it catches the fault."""
    faults = list(dict.fromkeys(fault for fault, _ in BUGS.values()))
    found, about = run_with("", faults, 0, stack, database)
    assert not found, about


def run_with(
    bug: str, faults: Sequence[Callable[[Run, Stack], None]], attempt: int, stack: Stack, database: str
) -> tuple[set[str], object]:
    """One run with the bug ("" = none): the invariants found broken, and what helps to see why. Slowness is no breach here."""
    name = bug or "honest"
    with tempfile.TemporaryDirectory(prefix=f"hub-{name}-", ignore_cleanup_errors=True) as folder:
        run = run_in(Path(folder), f"S{attempt}", stack.kafka, database, f"{name}-{attempt}-", sabotage=bug)
        run.hub.settings["HUB_CLAIM_SECONDS_MAX"] = "1"  # or a claim that came late is given back, which hides what is seeded
        try:
            run.hub.up(("gateway", "transit", "delivery", "web"))
            run.traffic(3.0, lambda: [fault(run, stack) for fault in faults], give_up_after=15)
            run.settle(SETTLE_SECONDS)
            found = [v for v in run.violations() if not v.what.endswith("says waiting") and v.invariant != "I7"]
        finally:
            run.close()
        return {v.invariant for v in found}, (found[:3], len(run.history.arrived), run.hub.tails())
