"""A day in the region, played through the real doors and held row by row against what the receivers got and what the ledger says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.conftest import Servers
from tests.flows.running import hub
from tests.local import DATABASE, KAFKA, schema_registry, starts

DOORS = ("--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")


@starts(KAFKA, DATABASE)
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
        with schema_registry(tmp_path / "apicurio") as url:
            yield url


@pytest.mark.timeout(300)
def test_the_day_holds_over_tls_and_a_program_is_told_so(tmp_path: Path, servers: Servers, database_url: str, topic_prefix: str) -> None:
    trustme.CA().issue_cert("hub.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "hub.pem"))
    given = {
        "HUB_KAFKA": servers.kafka,
        "HUB_DATABASE_URL": database_url,
        "HUB_TOPIC_PREFIX": topic_prefix,
        "HUB_PROMISE": "false",
        "HUB_TLS_CERTIFICATE": str(tmp_path / "hub.pem"),
    }
    done = hub("up", "--once", "--json", "--data", str(tmp_path / "data"), *DOORS, timeout=180, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {"day": 1, "held": True, "differences": []}
    assert "(TLS)" in done.stderr
    assert "https://" in done.stderr


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
