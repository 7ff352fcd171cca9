"""Locks set and lifted at milliseconds' distance against traffic, while processes are killed: no byte after the answer to a lock."""

import itertools
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.ledger.migrate import migrate
from tests.faults.conftest import Stack
from tests.faults.history import clock
from tests.faults.region import Run, run_in

pytestmark = pytest.mark.timeout(900)
IN_SOAK = "HUB_FAULT_ROUNDS" in os.environ
RACES = 2000
SECONDS = 8.0  # of `make test`, which has as many as there is time for
LOCKERS = 8
RESTARTED = ("delivery", "transit", "delivery", "web", "gateway")


@pytest.fixture
def racing(stack: Stack) -> Iterator[Run]:
    """A hub with a database of its own on the servers of the fault runs."""
    name = f"races_{time.monotonic_ns()}"
    with psycopg.connect(stack.database_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    url = stack.database_url.rsplit("/", 1)[0] + f"/{name}"
    migrate(url)
    with tempfile.TemporaryDirectory(prefix="hub-races-", ignore_cleanup_errors=True) as folder:
        run = run_in(Path(folder), "L", stack.kafka, url, f"{name}-")
        try:
            run.hub.up(("gateway", "transit", "delivery", "web"))
            yield run
        finally:
            run.close()


class Lockers:
    """Threads that each lock and lift for patients of their own."""

    def __init__(self, run: Run, token: str) -> None:
        self.count = 0
        self._run, self._token = run, token
        self._numbers = itertools.count()
        self._end = clock() + (3600 if IN_SOAK else SECONDS)
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(LOCKERS)]
        self.failures: list[BaseException] = []

    def _work(self, own: int) -> None:
        chance = random.Random(own)
        try:
            while clock() < self._end and next(self._numbers) < RACES:
                n = chance.randrange(own, self._run.patients, LOCKERS)
                provider, part = chance.choice(["everywhere", "trondheim", "malvik", ""]), chance.random() < 0.5
                self._run.lock(n, provider, self._token, part=part)
                time.sleep(chance.uniform(0.0, 0.008))
                self._run.lift(n, provider, self._token, part=part)
                time.sleep(chance.uniform(0.0, 0.004))
                self.count += 1
        except BaseException as exc:  # noqa: BLE001  # told by the test
            self.failures.append(exc)


def test_no_byte_after_the_answer_to_a_lock(racing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run, chance = racing, random.Random(1)
    lockers = Lockers(run, run.hub.command("token", "--as", "admin", "--data", str(run.hub.data)).strip())

    def fault() -> None:
        for thread in lockers.threads:
            thread.start()
        for name in itertools.cycle(RESTARTED):
            time.sleep(chance.uniform(2.0, 5.0))
            if not any(t.is_alive() for t in lockers.threads):
                return
            run.hub.kill(name)
            run.hub.start(name)

    started = clock()
    run.traffic(2.0, fault)
    seconds = clock() - started
    run.settle(300.0 if IN_SOAK else 60.0)
    found = run.violations()
    parts = sum(lock.part for lock in run.history.locked)
    said = {
        "races": lockers.count,
        "parts": parts,
        "seconds": round(seconds),
        "sent": len(run.history.sent),
        "arrived": len(run.history.arrived),
    }
    with capsys.disabled():
        print(json.dumps(said | {"violations": len(found), "by": Counter(v.invariant for v in found)}))
    assert not lockers.failures, (lockers.failures[:1], run.hub.tails())
    assert not found, (found[:5], len(found), run.hub.tails())
    assert lockers.count >= (RACES - LOCKERS if IN_SOAK else 20)
    assert any(not a.shows for a in run.history.arrived), "some went without their part"
