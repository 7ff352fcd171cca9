"""``hub check`` against real servers."""

import json
from pathlib import Path

import pytest
from pydantic import SecretBytes

from hub.ledger.connect import connect
from hub.ledger.directory import put_provider
from hub.model import Channel, Deliver, Provider, ProviderKind
from hub.stream.check_tool import look, run_check
from hub.stream.kafka import ensure_topics
from hub.stream.promise import violations
from hub.web.seal import load_seal
from tests.contracts.transit_rig import rig


def test_it_finds_what_the_servers_are_set_to(
    kafka: str, database_url: str, topic_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rig(kafka, database_url, topic_prefix) as hub:
        key = tmp_path / "key"
        key.touch(0o600)
        facts = look(hub.settings, key)
        assert set(facts.broker) == {hub.topics.inbound, hub.topics.events}
        assert {int(found["partitions"]) for found in facts.broker.values()} == {3}
        assert set(facts.database) == {"fsync", "synchronous_commit", "full_page_writes"}
        assert facts.token_key_mode == 0o600
        assert (facts.audit_key_mode, facts.unguarded) == (None, ())
        settings = hub.settings.model_copy(update={"secret": SecretBytes(b"")})
        assert run_check(settings, key, as_json=True) == 1
        found = json.loads(capsys.readouterr().out)
        assert "hub: secret" in {v["setting"] for v in found}
        assert all(v["sentence"] and v["act"] for v in found)


def test_it_looks_at_the_mailboxes_that_are_there(kafka: str, database_url: str, topic_prefix: str) -> None:
    with rig(kafka, database_url, topic_prefix) as hub, connect(database_url) as conn:
        for name in ("there", "unmade"):
            put_provider(conn, Provider(name, name, ProviderKind.GP, "", (name,), Deliver(Channel.MAILBOX)))
        ensure_topics(kafka, [hub.topics.mailbox("there")], hub.settings.model_copy(update={"partitions": 1}))
        facts = look(hub.settings)
        assert set(facts.broker) == {hub.topics.inbound, hub.topics.events, hub.topics.mailbox("there")}
        assert f"{hub.topics.mailbox('there')}: partitions" in {v.setting for v in violations(facts)}
        assert facts.admins == {"there", "unmade"}


def test_it_sees_a_record_that_is_not_guarded(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> None:
    with rig(kafka, database_url, topic_prefix) as hub:
        load_seal(tmp_path)
        (tmp_path / "audit.key").chmod(0o644)
        hub.conn.execute("ALTER TABLE attempt DISABLE TRIGGER audit_added")
        hub.conn.execute("DROP TRIGGER audit_kept ON decision")
        facts = look(hub.settings.model_copy(update={"audit_checkpoint_seconds": 0}), tmp_path / "token.key")
        assert facts.audit_key_mode == 0o644
        assert {v.setting for v in violations(facts)} >= {
            "hub: the key of audit checkpoints", "postgresql: triggers of attempt", "postgresql: triggers of decision",
            "hub: audit_checkpoint_seconds",
        }  # fmt: skip
