"""What is made ready before a process starts, and what it does not touch."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub import wiring
from hub.ledger import directory
from hub.ledger.connect import connect
from hub.model import Channel, Deliver, Detail, Provider, ProviderKind, Subscription, Where
from hub.prepare import for_process, keep_promise
from hub.settings import Settings
from hub.stream.check_tool import look
from hub.stream.promise import violations

CONFIG = '[[provider]]\nid = "mine"\nname = "Mine"\nkind = "gp"\nsenders = ["MINE"]\ndeliver = {{ channel = "mailbox" }}\n{more}'
OTHER = '[[provider]]\nid = "other"\nname = "Other"\nkind = "gp"\nsenders = ["OTHER"]\ndeliver = { channel = "mailbox" }\n'


@pytest.fixture
def own(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a hub in the environment; the file that it was configured by."""
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)
    given = {"KAFKA": kafka, "DATABASE_URL": database_url, "TOPIC_PREFIX": topic_prefix, "PARTITIONS": "1", "PROMISE": "false"}
    for name, value in (given | {"SECRET": "0123456789abcdef", "DATA": str(tmp_path)}).items():
        monkeypatch.setenv(f"HUB_{name}", value)
    path = tmp_path / "mine.toml"
    path.write_text(CONFIG.format(more=OTHER))
    return path


def ids(database_url: str) -> set[str]:
    with connect(database_url) as conn:
        return {p.id for p in directory.load_directory(conn).providers}


def test_a_process_without_a_file_leaves_the_region_as_it_is(own: Path, database_url: str) -> None:
    told: list[str] = []
    for_process("transit", wiring.read(own, {}), told.append)
    assert ids(database_url) == {"mine", "other"}
    for name in ("transit", "gateway"):
        for_process(name, wiring.read(None, {}), told.append)
        assert ids(database_url) == {"mine", "other"}
    own.write_text(CONFIG.format(more=""))
    for_process("transit", wiring.read(own, {}), told.append)
    assert ids(database_url) == {"mine"}
    assert told == []


def test_an_administrators_entry_keeps_nobody_from_starting_and_is_told_of(own: Path, database_url: str) -> None:
    told: list[str] = []
    for_process("gateway", wiring.read(own, {}), told.append)
    with connect(database_url) as conn:
        deliver = Deliver(Channel.MLLP, "10.0.0.1", 2600)
        directory.put_provider(conn, Provider("clear", "Clear", ProviderKind.GP, "", (), deliver))
        directory.put_subscription(conn, Subscription("of-other", "other", ("*",), Where(), Detail.FULL))
    own.write_text(CONFIG.format(more=""))
    found = for_process("gateway", wiring.read(own, {}), told.append)
    assert ids(database_url) == {"mine", "clear"}
    assert [line.partition(":")[0] for line in told] == ["subscription of-other"]
    promised = replace(found, settings=found.settings.model_copy(update={"promise": True})).settings
    stopping = {v.setting for v in violations(look(promised)) if v.stops}
    assert {setting.partition(":")[0] for setting in stopping} <= {"postgresql", f"{found.settings.topic_prefix}inbound"} | {
        f"{found.settings.topic_prefix}events",
        f"{found.settings.topic_prefix}mailbox.mine",
    }, "what stops it are the servers of the tests alone"
    told_only = {v.setting for v in violations(look(promised)) if not v.stops}
    assert told_only == {"provider clear: deliver", "provider clear: senders", "subscription of-other"}
    assert keep_promise(found.settings) == told
