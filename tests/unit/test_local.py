"""``make test`` beside servers that are named starts none of its own, and says of each test that needed one that it did not run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_THEIR_OWN = (
    "tests/contracts/test_gateway_broker.py::test_no_positive_answer_without_the_brokers_report",
    "tests/contracts/test_native.py::test_a_killed_broker_comes_back_on_its_folder_with_every_record",
    "tests/contracts/test_pathway.py::test_a_broker_killed_and_started_again",
    "tests/contracts/test_registry.py::test_a_registry_that_forgot_its_ids_or_gave_them_anew_takes_nothing_away",
    "tests/contracts/test_stack.py::test_postgres_keeps_its_rows_over_a_kill_and_wants_its_password",
    "tests/faults/test_rounds.py",
    "tests/faults/test_sabotage.py",
    "tests/flows/test_day.py::test_the_day_holds_on_the_embedded_stack_and_again_the_next_day",
    "tests/flows/test_up.py::test_it_stops_without_a_trace_and_continues_where_it_was",
    "tests/flows/test_up.py::test_killed_it_takes_everything_with_it_and_starts_again",
    "tests/unit/test_up.py::test_a_server_that_is_only_starting_is_stopped_too",
)


def test_named_servers_are_the_only_ones() -> None:
    named = {"HUB_KAFKA": "127.0.0.1:9", "HUB_DATABASE_URL": "postgresql://127.0.0.1:9/x", "HUB_SCHEMA_REGISTRY": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OF_THEIR_OWN]
    done = subprocess.run(command, env=os.environ | named, capture_output=True, text=True, check=False, cwd=ROOT, timeout=110)
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout
    assert "passed" not in last
    assert "skipped" in last
    assert "NOT TESTED: it starts servers of its own" in done.stdout
