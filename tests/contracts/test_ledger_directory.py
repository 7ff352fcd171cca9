"""The directory in a real database: one version a change, told to who listens, file and administrator kept apart."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from hub.config import ConfigError
from hub.errors import Cause, Faulted
from hub.ledger import directory
from hub.ledger.connect import Conn, Pool, connect
from hub.model import Channel, Deliver, Detail, Provider, ProviderKind, Subscription, Where


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        yield c


def provider(i: str, name: str = "Name") -> Provider:
    return Provider(i, name, ProviderKind.HOSPITAL, "", (i.upper(),), Deliver(Channel.MLLP, "127.0.0.1", 2601))


def subscription(i: str, to: str) -> Subscription:
    return Subscription(i, to, ("patient.*",), Where(municipality="5001"), Detail.FULL)


def test_what_is_put_is_read_back_under_a_new_version(conn: Conn) -> None:
    before = directory.directory_version(conn)
    assert directory.put_provider(conn, provider("a"))
    assert not directory.put_provider(conn, provider("a", "Other"))
    assert directory.put_subscription(conn, subscription("a-1", "a"))
    entries = directory.load_directory(conn)
    assert entries == directory.Entries((provider("a", "Other"),), (subscription("a-1", "a"),), before + 3)
    assert directory.get_provider(conn, "a") == provider("a", "Other")
    assert directory.get_subscription(conn, "a-1") == subscription("a-1", "a")
    assert directory.get_provider(conn, "b") is None


def test_what_does_not_go_together_changes_nothing(conn: Conn) -> None:
    directory.put_provider(conn, provider("a"))
    directory.put_subscription(conn, subscription("a-1", "a"))
    before = directory.load_directory(conn)
    with pytest.raises(ConfigError):
        directory.delete_provider(conn, "a")
    with pytest.raises(ConfigError):
        directory.put_subscription(conn, subscription("b-1", "b"))
    assert directory.load_directory(conn) == before
    assert directory.delete_subscription(conn, "a-1")
    assert not directory.delete_subscription(conn, "a-1")
    assert directory.delete_provider(conn, "a")


def test_the_file_replaces_its_own_entries_and_never_an_administrators(conn: Conn) -> None:
    assert directory.replace_file_entries(conn, [provider("a"), provider("b")], [subscription("a-1", "a"), subscription("b-1", "b")])
    directory.put_provider(conn, provider("c"))
    directory.put_provider(conn, provider("a", "Set by hand"))
    version = directory.directory_version(conn)
    assert not directory.replace_file_entries(conn, [provider("a"), provider("b")], [subscription("a-1", "a"), subscription("b-1", "b")])
    assert directory.directory_version(conn) == version
    assert directory.replace_file_entries(conn, [provider("a")], [])
    entries = directory.load_directory(conn)
    assert entries.providers == (provider("a", "Set by hand"), provider("c"))
    assert entries.subscriptions == ()


def test_an_entry_of_the_file_is_not_deleted(conn: Conn) -> None:
    directory.replace_file_entries(conn, [provider("a"), provider("b")], [subscription("a-1", "a")])
    before = directory.load_directory(conn)
    for delete, entry in ((directory.delete_provider, "b"), (directory.delete_provider, "a"), (directory.delete_subscription, "a-1")):
        with pytest.raises(directory.OfTheFileError, match="stands in the configuration file"):
            delete(conn, entry)
    assert directory.load_directory(conn) == before


def test_a_new_file_leaves_out_what_contradicts_it_until_it_does_no_more(conn: Conn) -> None:
    directory.replace_file_entries(conn, [provider("a"), provider("b")], [])
    directory.put_subscription(conn, subscription("set", "b"))
    directory.put_provider(conn, replace(provider("c"), senders=("C", "D")))
    directory.replace_file_entries(conn, [provider("a"), provider("d")], [])  # b is gone, d claims D
    found = directory.load_directory(conn)
    assert [(p.id, p.senders) for p in found.providers] == [("a", ("A",)), ("c", ("C",)), ("d", ("D",))]
    assert found.subscriptions == ()
    assert sorted(left.entry for left in found.left_out) == ["provider c: senders", "subscription set"]
    assert [s.id for s in directory.stored_subscriptions(conn)] == ["set"]
    assert directory.admins_providers(conn) == {"c"}
    directory.put_provider(conn, provider("e"))  # what was there before is no fault of a change
    with pytest.raises(ConfigError):
        directory.put_subscription(conn, subscription("more", "b"))
    assert directory.delete_subscription(conn, "set")
    directory.replace_file_entries(conn, [provider("a"), provider("b")], [])
    assert directory.load_directory(conn).left_out == ()


def test_a_change_is_told(conn: Conn, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {directory.CHANNEL}")
        directory.put_provider(conn, provider("a"))
        heard = [n.payload for n in listener.notifies(timeout=5, stop_after=1)]
    assert heard == [str(directory.directory_version(conn))]


async def _twice(pool: Pool) -> tuple[int, int]:
    first = await pool.run(directory.directory_version)
    for kept in pool._free:
        kept.close()
    again = await pool.run(directory.directory_version)
    await pool.close()
    return first, again


def test_a_pool_outlives_its_connections(database_url: str) -> None:
    assert asyncio.run(_twice(Pool(database_url, "test"))) == (1, 1)


def test_a_server_that_is_away_is_our_fault() -> None:
    with pytest.raises(Faulted) as caught:
        connect("postgresql://postgres@127.0.0.1:1/none")
    assert caught.value.cause is Cause.LEDGER_UNAVAILABLE
