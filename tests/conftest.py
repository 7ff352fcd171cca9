"""Fixtures over the real servers: those named by HUB_KAFKA and HUB_DATABASE_URL, else the embedded stack, started once a session."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings

from hub import telemetry
from hub.ledger.migrate import migrate
from hub.stack import kafka as local_kafka
from hub.stack import postgres as local_postgres
from hub.stack.supervise import Child, stop

# A machine that is busy with something else must not fail a property: how long an example takes is for the benchmarks.
hypothesis_settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("hub")
# make mutate: the same examples for every mutant, and none made smaller, for nobody reads them
hypothesis_settings.register_profile(
    "mutants", hypothesis_settings.get_profile("hub"), phases=[Phase.explicit, Phase.generate], derandomize=True, database=None
)


@pytest.fixture(autouse=True)
def strict_labels() -> None:
    """A label value outside its vocabulary is an error in every test."""
    telemetry.be_strict()


@dataclass(frozen=True)
class Servers:
    """Where the session's servers are."""

    kafka: str
    database_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A real broker and a real database server for the whole session."""
    given_kafka, given_database = os.environ.get("HUB_KAFKA", ""), os.environ.get("HUB_DATABASE_URL", "")
    children: list[Child] = []
    with tempfile.TemporaryDirectory(prefix="hub-tests-", ignore_cleanup_errors=True) as folder:
        try:
            if not given_kafka:
                child, given_kafka = local_kafka.start(Path(folder, "kafka"), print)
                children.append(child)
            if not given_database:
                child, given_database = local_postgres.start(Path(folder, "postgres"), settings=local_postgres.NOT_DURABLE)
                children.append(child)
            yield Servers(given_kafka, given_database)
        finally:
            stop(children, grace_seconds=15.0)


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> str:
    """Bootstrap address of a real broker."""
    return servers.kafka


def _sibling(server: str, name: str) -> str:
    return server.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="session")
def template_database(servers: Servers) -> Iterator[str]:
    """The name of a migrated, empty database that each test's own is copied from."""
    name = f"template_{secrets.token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    migrate(_sibling(servers.database_url, name))
    yield name
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(servers: Servers, template_database: str) -> Iterator[str]:
    """A fresh, migrated database of its own."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
    yield _sibling(servers.database_url, name)
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of its own, so that tests share a broker without meeting."""
    return f"t{secrets.token_hex(5)}-"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what this run did not test, so that a skip is never taken for a pass."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"NOT TESTED HERE: {len(skipped)}", sep="!", yellow=True, bold=True)
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
