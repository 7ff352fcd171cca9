"""Bring a database to this version: numbered SQL files, each applied once, under a lock."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import psycopg

from hub.ledger.connect import connect, faults

_LOCK = 7100  # advisory lock: two processes starting together migrate once


def files() -> list[Traversable]:
    """The migrations of this version, in their order."""
    found = (resources.files("hub.ledger") / "migrations").iterdir()
    return sorted((f for f in found if f.name.endswith(".sql")), key=lambda f: f.name)


def is_current(conn: psycopg.Connection[Any]) -> bool:
    """True when the database has every migration of this version, and none of a later one. Raises psycopg.Error."""
    return {row[0] for row in conn.execute("SELECT name FROM migration")} == {f.name for f in files()}


def migrate(database_url: str) -> None:
    """Apply every migration not applied yet. Idempotent. Raises Faulted when the server is away, psycopg.Error when it cannot."""
    with faults(), connect(database_url, "migrate", statement_seconds_max=0) as conn, conn.transaction():  # large tables take their time
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        conn.execute("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())")
        applied = {row[0] for row in conn.execute("SELECT name FROM migration")}
        for file in files():
            if file.name not in applied:
                conn.execute(file.read_bytes())
                conn.execute("INSERT INTO migration (name) VALUES (%s)", (file.name,))
