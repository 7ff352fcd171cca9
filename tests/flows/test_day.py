"""A day in the region, played through the real doors and held row by row against what the receivers got and what the ledger says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.stack import apicurio
from hub.stack.supervise import stop
from tests.conftest import Servers
from tests.flows.running import hub

DOORS = ("--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")


@pytest.mark.timeout(400)
def test_the_day_holds_on_the_embedded_stack_and_again_the_next_day(tmp_path: Path) -> None:
    for day in (1, 2):
        done = hub("up", "--demo", "--once", "--data", str(tmp_path / "data"), *DOORS, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"day {day}" in done.stdout


@pytest.fixture(params=["no registry", "a registry"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "no registry":
        yield ""
    else:
        child, url = apicurio.start(tmp_path / "apicurio", print)
        yield url
        stop([child], grace_seconds=10)


@pytest.mark.timeout(300)
def test_the_day_holds_on_given_servers(tmp_path: Path, servers: Servers, database_url: str, topic_prefix: str, registry: str) -> None:
    given = {
        "HUB_KAFKA": servers.kafka,
        "HUB_DATABASE_URL": database_url,
        "HUB_TOPIC_PREFIX": topic_prefix,
        "HUB_SCHEMA_REGISTRY": registry,
        "HUB_PROMISE": "false",  # the tests' database does not wait for the disk
    }
    done = hub("up", "--demo", "--once", "--data", str(tmp_path / "data"), *DOORS, timeout=180, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "data" / "kafka").exists()
    assert not (tmp_path / "data" / "postgres").exists()
