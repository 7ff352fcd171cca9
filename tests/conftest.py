"""Fixtures over the real servers: Kafka and PostgreSQL from the environment, or the embedded stack."""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from hub.ledger.migrate import migrate


@pytest.fixture(scope="session")
def kafka() -> str:
    """Bootstrap address of a real broker."""
    return os.environ["HUB_KAFKA"]


@pytest.fixture
def database_url() -> Iterator[str]:
    """A fresh, migrated database of its own."""
    server = os.environ["HUB_DATABASE_URL"]
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    url = server.rsplit("/", 1)[0] + "/" + name
    migrate(url)
    yield url
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of its own, so that tests share a broker without meeting."""
    return f"t{uuid.uuid4().hex[:10]}-"
