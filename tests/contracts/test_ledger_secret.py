"""One secret for one ledger: a process with another is told, before it accepts a lock that would match nobody."""

import pytest
from pydantic import SecretBytes

from hub.config import ConfigError
from hub.identity import Pseudonyms
from hub.ledger.connect import connect
from hub.ledger.secret import agrees
from hub.prepare import prepare
from hub.settings import Settings
from hub.wiring import Configuration, demo_config


def test_the_first_secret_is_the_ledgers(database_url: str) -> None:
    first, second = Pseudonyms(b"one secret of this test").check(), Pseudonyms(b"another one").check()
    with connect(database_url) as conn:
        assert agrees(conn, first)
        assert agrees(conn, first)
        assert not agrees(conn, second)
        assert conn.execute("SELECT value FROM secret_check").fetchall() == [(first,)]


def test_a_process_with_another_secret_does_not_start(kafka: str, database_url: str, topic_prefix: str) -> None:
    def found(secret: bytes) -> Configuration:
        settings = Settings(kafka=kafka, database_url=database_url, topic_prefix=topic_prefix, secret=SecretBytes(secret), promise=False)
        return Configuration(settings, (), (), demo_config())

    prepare(found(b"one secret of this test"))
    prepare(found(b"one secret of this test"))
    with pytest.raises(ConfigError, match="HUB_SECRET"):
        prepare(found(b"another one"))
