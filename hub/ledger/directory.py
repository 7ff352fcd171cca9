"""Providers and subscriptions as rows: from the configuration file or an administrator, with one version that every change raises."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from psycopg.types.json import Jsonb

from hub.config import check_together, provider_from_dict, provider_to_dict, subscription_from_dict, subscription_to_dict
from hub.ledger.connect import Conn, faults
from hub.model import Provider, Subscription

CHANNEL: Final = "hub_directory"  # NOTIFY with the new version
FILE: Final = "file"
ADMIN: Final = "admin"

_T = TypeVar("_T", Provider, Subscription)
_PUT: Final = """
INSERT INTO {table} AS t (id, origin, body) VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET origin = EXCLUDED.origin, body = EXCLUDED.body RETURNING (xmax = 0)"""
_PUT_FILE: Final = """
INSERT INTO {table} AS t (id, origin, body) VALUES (%s, 'file', %s)
ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body WHERE t.origin = 'file' AND t.body <> EXCLUDED.body"""


@dataclass(frozen=True, slots=True)
class Entries:
    """Everything of one version; what ``routing.Directory`` is made from."""

    providers: tuple[Provider, ...]
    subscriptions: tuple[Subscription, ...]
    version: int


def directory_version(conn: Conn) -> int:
    """The version in force. Raises Faulted."""
    with faults():
        row = conn.execute("SELECT version FROM directory_version").fetchone()
    return int(row[0]) if row else 0


def load_directory(conn: Conn) -> Entries:
    """All entries and their version, read at one moment. Raises Faulted."""
    with faults(), conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        version = directory_version(conn)
        providers = _read(conn, "provider", provider_from_dict)
        return Entries(tuple(providers), tuple(_read(conn, "subscription", subscription_from_dict)), version)


def _read(conn: Conn, table: str, make: Callable[[Mapping[str, object], str], _T]) -> list[_T]:
    rows = conn.execute(f'SELECT id, body FROM {table} ORDER BY id COLLATE "C"', binary=True)  # noqa: S608  # one of two constants
    return [make(body, f'{table} "{entry_id}"') for entry_id, body in rows]


@contextmanager
def _change(conn: Conn) -> Iterator[None]:
    """One change: the version row is locked first, so changes come one by one and versions in the order of their commits."""
    with faults(), conn.transaction():
        row = conn.execute("UPDATE directory_version SET version = version + 1 RETURNING version").fetchone()
        yield
        conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(row[0] if row else 0)))


def _check(conn: Conn) -> None:
    """Raises ConfigError, and so undoes the change, when the entries do not go together."""
    check_together(_read(conn, "provider", provider_from_dict), _read(conn, "subscription", subscription_from_dict))


def _put(conn: Conn, table: str, body: Mapping[str, Any]) -> bool:
    row = conn.execute(_PUT.format(table=table), (body["id"], ADMIN, Jsonb(body))).fetchone()
    return bool(row and row[0])


def _delete(conn: Conn, table: str, entry_id: str) -> bool:
    return conn.execute(f"DELETE FROM {table} WHERE id = %s", (entry_id,)).rowcount > 0  # noqa: S608  # one of two constants


def put_provider(conn: Conn, provider: Provider) -> bool:
    """Store a provider as an administrator's; True when it is new. Raises ConfigError when it does not go with the others, Faulted."""
    with _change(conn):
        is_new = _put(conn, "provider", provider_to_dict(provider))
        _check(conn)
    return is_new


def put_subscription(conn: Conn, subscription: Subscription) -> bool:
    """Store a subscription as an administrator's; True when it is new. Raises ConfigError when its provider is not there, Faulted."""
    with _change(conn):
        is_new = _put(conn, "subscription", subscription_to_dict(subscription))
        _check(conn)
    return is_new


def delete_provider(conn: Conn, provider_id: str) -> bool:
    """Remove a provider; False when there is none. Raises ConfigError while a subscription names it, Faulted."""
    with _change(conn):
        was_there = _delete(conn, "provider", provider_id)
        _check(conn)
    return was_there


def delete_subscription(conn: Conn, subscription_id: str) -> bool:
    """Remove a subscription; False when there is none. Raises Faulted."""
    with _change(conn):
        return _delete(conn, "subscription", subscription_id)


def get_provider(conn: Conn, provider_id: str) -> Provider | None:
    """One provider. Raises Faulted."""
    with faults():
        row = conn.execute("SELECT body FROM provider WHERE id = %s", (provider_id,)).fetchone()
    return provider_from_dict(row[0]) if row else None


def get_subscription(conn: Conn, subscription_id: str) -> Subscription | None:
    """One subscription. Raises Faulted."""
    with faults():
        row = conn.execute("SELECT body FROM subscription WHERE id = %s", (subscription_id,)).fetchone()
    return subscription_from_dict(row[0]) if row else None


def replace_file_entries(conn: Conn, providers: Iterable[Provider], subscriptions: Iterable[Subscription]) -> bool:
    """Make the entries of origin ``file`` those of the file; an administrator's entries stay, also those with an id of the file.

    True when anything changed; only then is there a new version. Raises ConfigError when file and administrator contradict, Faulted.
    """
    providers_wanted = [provider_to_dict(p) for p in providers]
    subscriptions_wanted = [subscription_to_dict(s) for s in subscriptions]
    with faults():
        if not _differs(conn, "provider", providers_wanted) and not _differs(conn, "subscription", subscriptions_wanted):
            return False
    with _change(conn):
        _replace(conn, "provider", providers_wanted)
        _replace(conn, "subscription", subscriptions_wanted)
        _check(conn)
    return True


def _differs(conn: Conn, table: str, wanted: Sequence[Mapping[str, Any]]) -> bool:
    rows = conn.execute(f"SELECT id, origin, body FROM {table}").fetchall()  # noqa: S608  # one of two constants
    admins = {entry_id for entry_id, origin, _ in rows if origin == ADMIN}
    kept = {entry_id: body for entry_id, origin, body in rows if origin == FILE}
    return kept != {body["id"]: body for body in wanted if body["id"] not in admins}


def _replace(conn: Conn, table: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    gone = f"DELETE FROM {table} WHERE origin = 'file' AND id <> ALL (%s)"  # noqa: S608  # one of two constants
    conn.execute(gone, ([body["id"] for body in wanted],))
    with conn.cursor() as cursor:
        cursor.executemany(_PUT_FILE.format(table=table), [(body["id"], Jsonb(body)) for body in wanted])
