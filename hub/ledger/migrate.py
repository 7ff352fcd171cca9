"""Bring a database to this version: numbered SQL files, each applied once, under a lock."""

from importlib import resources

import psycopg

_LOCK = 7100  # advisory lock: two processes starting together migrate once


def migrate(database_url: str) -> None:
    """Apply every migration not applied yet. Idempotent. Raises psycopg.Error when the server cannot."""
    files = sorted((f for f in (resources.files("hub.ledger") / "migrations").iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        conn.execute("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())")
        applied = {row[0] for row in conn.execute("SELECT name FROM migration")}
        for file in files:
            if file.name not in applied:
                conn.execute(file.read_bytes())
                conn.execute("INSERT INTO migration (name) VALUES (%s)", (file.name,))
