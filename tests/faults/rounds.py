"""The faults, each a function over a run: what is done to the hub and its servers while traffic goes on."""

import contextlib
import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psycopg

from tests.faults.conftest import Stack
from tests.faults.processes import PROCESSES, wait_until
from tests.faults.region import Run

Fault = Callable[[Run, Stack, random.Random], None]
SECONDS = 5.0

TRANSIT_POINTS = ("transit.before_events", "transit.before_commit", "transit.after_commit")
DELIVERY_POINTS = ("delivery.after_claim", "delivery.after_send", "delivery.before_settle")
GATEWAY_POINTS = ("gateway.before_produce", "gateway.after_report")


def kill_process(name: str) -> Fault:
    """kill -9 of one process at random moments, thrice."""

    def fault(run: Run, _stack: Stack, chance: random.Random) -> None:
        for _ in range(3):
            time.sleep(chance.uniform(0.3, 1.5))
            run.hub.kill(name)
            run.hub.start(name)

    return fault


def kill_any(run: Run, _stack: Stack, chance: random.Random) -> None:
    """kill -9 of each process once, in an order drawn by lot."""
    for name in chance.sample(PROCESSES, len(PROCESSES)):
        time.sleep(chance.uniform(0.2, 1.0))
        run.hub.kill(name)
        run.hub.start(name)


def die_at(points: tuple[str, ...]) -> Fault:
    """The process kills itself at each named point of its work, and is started again."""

    def fault(run: Run, _stack: Stack, chance: random.Random) -> None:
        for point in points:
            name = point.split(".")[0]
            run.hub.kill(name)
            run.hub.start(name, HUB_FAULTPOINT=f"{point}:{chance.randint(2, 12)}")
            try:
                wait_until(lambda name=name: not run.hub.alive(name), 15, f"{name} to reach {point}")  # type: ignore[misc]
            finally:
                run.hub.kill(name)
                run.hub.start(name)

    return fault


def broker_killed(_run: Run, stack: Stack, chance: random.Random) -> None:
    """SIGKILL of the broker, then it comes back on its log."""
    time.sleep(chance.uniform(0.5, 1.5))
    stack.kill("kafka")
    time.sleep(1)
    stack.start_kafka()


def broker_stopped(_run: Run, stack: Stack, chance: random.Random) -> None:
    """SIGSTOP of the broker for some seconds: outcomes are unknown."""
    time.sleep(chance.uniform(0.5, 1.5))
    stack.signal("kafka", signal.SIGSTOP)
    time.sleep(4)
    stack.signal("kafka", signal.SIGCONT)


def database_killed(_run: Run, stack: Stack, chance: random.Random) -> None:
    """SIGKILL of the database server, then recovery."""
    time.sleep(chance.uniform(0.5, 1.5))
    stack.kill("postgres")
    time.sleep(1)
    stack.start_postgres()


def bad_receivers(run: Run, _stack: Stack, _chance: random.Random) -> None:
    """Receivers that cut, answer another message's id, late or slowly; one is away for a while."""
    for name in ("everywhere", "trondheim"):
        run.receivers[name].mode = "mixed"
    run.receivers["malvik"].stop()
    time.sleep(2)
    run.receivers["malvik"].start()
    time.sleep(2)
    for receiver in run.receivers.values():
        receiver.mode = "normal"
    refused(run)


def refused(run: Run) -> None:
    """A receiver that refuses for a while; then an operator tries again what was parked."""
    run.receivers["everywhere"].mode = "refuse"
    time.sleep(1)
    run.receivers["everywhere"].mode = "normal"
    for _ in range(3):
        time.sleep(1)
        listed = json.loads(run.hub.command("quarantine", "list", "--json", "--config", str(run.hub.config)))
        for entry in listed:
            if entry["what"] == "delivery":
                run.hub.command("quarantine", "redrive", entry["id"], "--config", str(run.hub.config))


def zombie(run: Run, _stack: Stack, chance: random.Random) -> None:
    """A transit process stopped in its sleep while another takes its work, then woken."""
    time.sleep(chance.uniform(0.5, 1.0))
    sleeping = run.hub.running.pop("transit")
    sleeping.send_signal(signal.SIGSTOP)
    run.hub.start("transit")
    time.sleep(3)
    sleeping.send_signal(signal.SIGCONT)
    time.sleep(2)
    sleeping.kill()
    sleeping.wait(10)


def consent_race(run: Run, _stack: Stack, chance: random.Random) -> None:
    """Locks set one after another while the patients' messages are under way and a receiver is slow."""
    token = run.hub.command("token", "--as", "admin", "--data", str(run.hub.data)).strip()
    run.receivers["everywhere"].mode = "slow"
    for n in range(run.patients):
        run.lock(n, chance.choice(["everywhere", ""]), token)
        time.sleep(chance.uniform(0.0, 0.1))
    run.receivers["everywhere"].mode = "normal"


def merges(run: Run, _stack: Stack, chance: random.Random) -> None:
    """Patients of all partitions are merged while one of two transit processes stands still, and again while one dies."""
    with second_transit(run):
        standing, dying = threading.Event(), threading.Event()
        with run.merging(8, lambda n: (standing, dying)[n % 2]):
            time.sleep(0.7)
            merge_beside_one_that_stands_still(run, standing)
            dying.set()
            die_at((chance.choice(TRANSIT_POINTS),))(run, _stack, chance)
            time.sleep(0.5)


@contextlib.contextmanager
def second_transit(run: Run) -> Iterator[None]:
    """Two transit processes share the partitions."""
    with psycopg.connect(run.hub.database_url, autocommit=True) as conn:

        def epochs() -> list[int]:
            return [int(e) for (e,) in conn.execute("SELECT epoch FROM partition_offset ORDER BY part")]

        before = epochs()
        run.hub.start("transit", "transit-2", HUB_INSTANCE="")  # without a name of its own it leaves when it is told to
        wait_until(lambda: all(now > old for now, old in zip(epochs(), before, strict=True)), 30, "two to share the partitions")
    try:
        yield
    finally:
        run.hub.kill("transit-2", signal.SIGTERM)


def merge_beside_one_that_stands_still(run: Run, now: threading.Event) -> None:
    """A transit process stops in its sleep, patients are merged, and it is woken: what it has not decided came before."""
    sleeping = run.hub.running["transit"]
    sleeping.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    now.set()
    time.sleep(1.5)
    sleeping.send_signal(signal.SIGCONT)


ROUNDS: dict[str, Fault] = {
    "kill_any": kill_any,
    "die_in_transit": die_at(TRANSIT_POINTS),
    "die_in_delivery": die_at(DELIVERY_POINTS),
    "die_in_gateway": die_at(GATEWAY_POINTS),
    "broker_killed": broker_killed,
    "broker_stopped": broker_stopped,
    "database_killed": database_killed,
    "bad_receivers": bad_receivers,
    "zombie": zombie,
    "consent_race": consent_race,
    "merges": merges,
    "kill_gateway": kill_process("gateway"),
    "kill_transit": kill_process("transit"),
    "kill_delivery": kill_process("delivery"),
}
IN_TEST = 11  # of them in `make test`; `make soak` goes round all of them
