"""Who is logging in and who is logged in to the patient's page. Only hashes of what the browsers hold are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from hub.ledger.connect import Conn, faults


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One row of ``web_session``."""

    id: bytes
    started_us: int
    seen_us: int
    person_key: str
    body: Mapping[str, Any] = field(repr=False)


def begin_login(conn: Conn, id_: bytes, body: Mapping[str, str], now_us: int, oldest_us: int) -> None:
    """Keep a login that has been sent to the provider, and forget those begun before ``oldest_us``. Raises Faulted."""
    with faults():
        conn.execute("DELETE FROM web_login WHERE made_us < %s", (oldest_us,))
        conn.execute("INSERT INTO web_login (id, made_us, body) VALUES (%s, %s, %s)", (id_, now_us, Jsonb(dict(body))))


def take_login(conn: Conn, id_: bytes, oldest_us: int) -> Mapping[str, str] | None:
    """A login begun in this browser, once: it is gone afterwards. None = there is none, or it is too old. Raises Faulted."""
    with faults():
        row = conn.execute("DELETE FROM web_login WHERE id = %s RETURNING made_us, body", (id_,)).fetchone()
    return row[1] if row and row[0] >= oldest_us else None


def start_session(conn: Conn, session: StoredSession, idle_since_us: int) -> None:
    """Keep a session, and forget those not seen since ``idle_since_us``. Raises Faulted."""
    with faults():
        conn.execute("DELETE FROM web_session WHERE seen_us < %s", (idle_since_us,))
        row = (session.id, session.started_us, session.seen_us, session.person_key, Jsonb(dict(session.body)))
        conn.execute("INSERT INTO web_session (id, started_us, seen_us, person_key, body) VALUES (%s, %s, %s, %s, %s)", row)


def see_session(conn: Conn, id_: bytes, now_us: int, idle_since_us: int, started_since_us: int) -> StoredSession | None:
    """A session that lives, and is seen at ``now_us``. Raises Faulted."""
    query = """
    UPDATE web_session SET seen_us = greatest(seen_us, %s) WHERE id = %s AND seen_us >= %s AND started_us >= %s
    RETURNING id, started_us, seen_us, person_key, body"""
    with faults():
        row = conn.execute(query, (now_us, id_, idle_since_us, started_since_us)).fetchone()
    return StoredSession(bytes(row[0]), *row[1:]) if row else None


def change_session(conn: Conn, id_: bytes, changes: Mapping[str, str]) -> None:
    """Replace parts of a session's body. Raises Faulted."""
    with faults():
        conn.execute("UPDATE web_session SET body = body || %s WHERE id = %s", (Jsonb(dict(changes)), id_))


def sessions_of(conn: Conn, person_key: str, idle_since_us: int, started_since_us: int) -> list[tuple[bytes, int, int]]:
    """(id, started_us, seen_us) of each session of this person that lives, the latest first. Raises Faulted."""
    query = """
    SELECT id, started_us, seen_us FROM web_session WHERE person_key = %s AND seen_us >= %s AND started_us >= %s ORDER BY started_us DESC"""
    with faults():
        return [(bytes(row[0]), row[1], row[2]) for row in conn.execute(query, (person_key, idle_since_us, started_since_us))]


def end_sessions(conn: Conn, person_key: str | None) -> int:
    """Forget every session of this person, or of everybody: how many there were. Raises Faulted."""
    with faults():
        return conn.execute("DELETE FROM web_session WHERE coalesce(person_key = %s, true)", (person_key,)).rowcount


def end_session(conn: Conn, id_: bytes) -> None:
    """Forget a session. Raises Faulted."""
    with faults():
        conn.execute("DELETE FROM web_session WHERE id = %s", (id_,))
