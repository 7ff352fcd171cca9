"""Providers and subscriptions as rows: from the configuration file or an administrator, with one version that every change raises.

A change by an administrator must go together with everything that is stored; a new file must go together in itself, and where it
contradicts an administrator's entry, ``hub.ledger.together`` says what is in force.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from psycopg.types.json import Jsonb

from hub.config import ConfigError, check_together, provider_from_dict, provider_to_dict, subscription_from_dict, subscription_to_dict
from hub.ledger.connect import Conn, faults
from hub.ledger.together import LeftOut, in_force
from hub.model import Provider, Subscription

CHANNEL: Final = "hub_directory"  # NOTIFY with the new version
FILE: Final = "file"
ADMIN: Final = "admin"
_PROVIDER: Final = "provider"  # also the names of their tables
_SUBSCRIPTION: Final = "subscription"

_T = TypeVar("_T", Provider, Subscription)
_PUT: Final = """
INSERT INTO {table} AS t (id, origin, body) VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET origin = EXCLUDED.origin, body = EXCLUDED.body RETURNING (xmax = 0)"""
_PUT_FILE: Final = """
INSERT INTO {table} AS t (id, origin, body) SELECT id, 'file', body FROM unnest(%s::text[], %s::jsonb[]) AS w(id, body)
ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body WHERE t.origin = 'file' AND t.body <> EXCLUDED.body"""


@dataclass(frozen=True, slots=True)
class Entries:
    """What is in force in one version; what ``routing.Directory`` is made from. ``left_out``: what is stored and not in force."""

    providers: tuple[Provider, ...]
    subscriptions: tuple[Subscription, ...]
    version: int
    left_out: tuple[LeftOut, ...] = ()


class OfTheFileError(ConfigError):
    """An entry of the configuration file: deleted, it would be back at the next start."""

    def __init__(self, table: str, entry_id: str) -> None:
        act = 'take it out there and start the hub again, or PUT it with "suspended": true' if table == _PROVIDER else "change it there"
        super().__init__([f'{table} "{entry_id}": stands in the configuration file, which would bring it back: {act}'])


def directory_version(conn: Conn) -> int:
    """The version in force. Raises Faulted."""
    with faults():
        row = conn.execute("SELECT version FROM directory_version").fetchone()
    return int(row[0]) if row else 0


def load_directory(conn: Conn) -> Entries:
    """Everything in force and its version, read at one moment. Raises Faulted."""
    with faults(), _moment(conn):
        version = directory_version(conn)
        found = in_force(_providers(conn), _subscriptions(conn), _admins(conn, _PROVIDER))
        return Entries(found.providers, found.subscriptions, version, found.left_out)


def as_with_file(conn: Conn, providers: Iterable[Provider], subscriptions: Iterable[Subscription]) -> Entries:
    """What would be in force with these entries in the file, beside an administrator's. Nothing is written. Raises Faulted."""
    with faults(), _moment(conn):
        version, admins, theirs = directory_version(conn), _admins(conn, _PROVIDER), _admins(conn, _SUBSCRIPTION)
        every_provider = [*(p for p in _providers(conn) if p.id in admins), *(p for p in providers if p.id not in admins)]
        every_subscription = [*(s for s in _subscriptions(conn) if s.id in theirs), *(s for s in subscriptions if s.id not in theirs)]
    found = in_force(every_provider, every_subscription, admins)
    return Entries(found.providers, found.subscriptions, version, found.left_out)


def stored_providers(conn: Conn) -> list[Provider]:
    """Every provider as it was put, in force or not. Raises Faulted."""
    with faults():
        return _providers(conn)


def stored_subscriptions(conn: Conn) -> list[Subscription]:
    """Every subscription as it was put, in force or not. Raises Faulted."""
    with faults():
        return _subscriptions(conn)


def admins_providers(conn: Conn) -> frozenset[str]:
    """Ids of the providers that an administrator put. Raises Faulted."""
    with faults():
        return _admins(conn, _PROVIDER)


@contextmanager
def _moment(conn: Conn) -> Iterator[None]:
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _providers(conn: Conn) -> list[Provider]:
    return _read(conn, _PROVIDER, provider_from_dict)


def _subscriptions(conn: Conn) -> list[Subscription]:
    return _read(conn, _SUBSCRIPTION, subscription_from_dict)


def _admins(conn: Conn, table: str) -> frozenset[str]:
    return frozenset(i for (i,) in conn.execute(f"SELECT id FROM {table} WHERE origin = %s", (ADMIN,)))  # noqa: S608  # one of two


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


@contextmanager
def _going_together(conn: Conn) -> Iterator[None]:
    """Raises ConfigError, and so undoes the change, when it brings a contradiction that was not there before."""
    before = _contradictions(conn)
    yield
    brought = [line for line in _contradictions(conn) if line not in before]
    if brought:
        raise ConfigError(brought)


def _contradictions(conn: Conn) -> tuple[str, ...]:
    try:
        check_together(_providers(conn), _subscriptions(conn))
    except ConfigError as exc:
        return exc.lines
    return ()


def _put(conn: Conn, table: str, body: Mapping[str, Any]) -> bool:
    with _change(conn), _going_together(conn):
        row = conn.execute(_PUT.format(table=table), (body["id"], ADMIN, Jsonb(body))).fetchone()
    return bool(row and row[0])


def _delete(conn: Conn, table: str, entry_id: str) -> bool:
    with _change(conn), _going_together(conn):
        found = conn.execute(f"DELETE FROM {table} WHERE id = %s RETURNING origin", (entry_id,)).fetchone()  # noqa: S608  # one of two
        if found and found[0] == FILE:
            raise OfTheFileError(table, entry_id)
    return found is not None


def put_provider(conn: Conn, provider: Provider) -> bool:
    """Store a provider as an administrator's; True when it is new. Raises ConfigError when it does not go with the others, Faulted."""
    return _put(conn, _PROVIDER, provider_to_dict(provider))


def put_subscription(conn: Conn, subscription: Subscription) -> bool:
    """Store a subscription as an administrator's; True when it is new. Raises ConfigError when its provider is not there, Faulted."""
    return _put(conn, _SUBSCRIPTION, subscription_to_dict(subscription))


def delete_provider(conn: Conn, provider_id: str) -> bool:
    """Remove an administrator's provider; False when there is none.

    Raises ConfigError while a subscription names it, OfTheFileError, Faulted.
    """
    return _delete(conn, _PROVIDER, provider_id)


def delete_subscription(conn: Conn, subscription_id: str) -> bool:
    """Remove an administrator's subscription; False when there is none. Raises OfTheFileError, Faulted."""
    return _delete(conn, _SUBSCRIPTION, subscription_id)


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

    True when anything changed; only then is there a new version. What contradicts an administrator's entry is for ``in_force`` to settle.
    Raises Faulted.
    """
    providers_wanted = [provider_to_dict(p) for p in providers]
    subscriptions_wanted = [subscription_to_dict(s) for s in subscriptions]
    with faults():
        if not _differs(conn, _PROVIDER, providers_wanted) and not _differs(conn, _SUBSCRIPTION, subscriptions_wanted):
            return False
    with _change(conn):
        _replace(conn, _PROVIDER, providers_wanted)
        _replace(conn, _SUBSCRIPTION, subscriptions_wanted)
    return True


def _differs(conn: Conn, table: str, wanted: Sequence[Mapping[str, Any]]) -> bool:
    rows = conn.execute(f"SELECT id, origin, body FROM {table}").fetchall()  # noqa: S608  # one of two constants
    admins = {entry_id for entry_id, origin, _ in rows if origin == ADMIN}
    kept = {entry_id: body for entry_id, origin, body in rows if origin == FILE}
    return kept != {body["id"]: body for body in wanted if body["id"] not in admins}


def _replace(conn: Conn, table: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    gone = f"DELETE FROM {table} WHERE origin = 'file' AND id <> ALL (%s)"  # noqa: S608  # one of two constants
    conn.execute(gone, ([body["id"] for body in wanted],))
    bodies = {body["id"]: Jsonb(body) for body in wanted}
    conn.execute(_PUT_FILE.format(table=table).encode(), (list(bodies), list(bodies.values())))
