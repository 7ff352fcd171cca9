"""Every fault once, over the hub as it ships: the outside record must show the promise kept."""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.checker import repeats
from tests.faults.conftest import Stack
from tests.faults.history import History
from tests.faults.region import Run, run_in
from tests.faults.rounds import IN_TEST, ROUNDS, SECONDS

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def running(stack: Stack) -> Iterator[Run]:
    """One hub for all rounds: what one round leaves behind, the next one meets."""
    with tempfile.TemporaryDirectory(prefix="hub-fault-run-", ignore_cleanup_errors=True) as folder:
        run = run_in(Path(folder), "R", stack.kafka, stack.database_url, "faults-")
        try:
            run.hub.up()
            yield run
        finally:
            run.close()


NAMES = list(ROUNDS)
COUNT = int(os.environ.get("HUB_FAULT_ROUNDS", IN_TEST))  # make soak asks for more: every fault again, with other chances


@pytest.mark.parametrize(("name", "number"), [(NAMES[n % len(NAMES)], n) for n in range(COUNT)])
def test_the_promise_holds_through(name: str, number: int, running: Run, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(f"{name} {number // len(NAMES)}")
    run = running
    run.history = History()
    run.name = f"R{number}"
    for receiver in run.receivers.values():
        receiver.history = run.history
    run.traffic(SECONDS, lambda: ROUNDS[name](run, stack, chance))
    run.settle()
    found = run.violations()
    said = {"round": name, "sent": len(run.history.sent), "arrived": len(run.history.arrived), "repeats": round(repeats(run.history), 4)}
    with capsys.disabled():
        print(json.dumps(said | ({"violations": len(found), "first": [str(v) for v in found[:3]]} if found else {})))
    record = run.hub.record()
    assert record.get("whole"), record
    assert record["checkpoints"], "something must have been signed"
    assert not found, (found[:5], len(found), run.hub.tails())
    assert sum(s.outcome == "ok" for s in run.history.sent) >= run.patients, "the run must have carried something"
