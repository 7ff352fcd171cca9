"""Every fault once, over the hub as it ships: the outside record must show the promise kept."""

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.checker import repeats
from tests.faults.conftest import Stack
from tests.faults.history import History
from tests.faults.region import Run, run_in
from tests.faults.rounds import ROUNDS, SECONDS

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


@pytest.mark.parametrize("name", sorted(ROUNDS))
def test_the_promise_holds_through(name: str, running: Run, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(name)
    run = running
    run.history = History()
    run.name = f"R{sorted(ROUNDS).index(name)}"
    for receiver in run.receivers.values():
        receiver.history = run.history
    run.traffic(SECONDS, lambda: ROUNDS[name](run, stack, chance))
    run.settle()
    found = run.violations()
    with capsys.disabled():
        print(json.dumps({"round": name, "sent": len(run.history.sent), "arrived": len(run.history.arrived), "repeats": round(repeats(run.history), 4)}))
    assert not found, (found[:5], len(found), run.hub.tails())
    assert sum(s.outcome == "ok" for s in run.history.sent) >= run.patients, "the run must have carried something"
