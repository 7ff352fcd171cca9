"""A ledger of an older version: what it recorded is in the chain after the migration, and whole; what is changed after that is found."""

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hub.ledger import migrate as migration
from hub.ledger.connect import connect
from hub.ledger.verify import verify
from tests.contracts.audit_rig import deciding, tampering
from tests.contracts.transit_rig import received

MESSAGES = """
INSERT INTO message (part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key, received_us,
    decided_us, answer, encoding, outcome, raw)
SELECT p, o, gen_random_uuid(), 'hl7v2', 'olav', '', '', 'c', '', '', 'k', 1, 2, 'AA', '', CASE WHEN o = 9 THEN 'repeat' ELSE 'routed' END,
    CASE WHEN o = 9 THEN '' ELSE 'raw' || o END::bytea
FROM generate_series(0, 1) p, generate_series(0, 1500, 3) o"""
DECISION = """
INSERT INTO decision (part, off, recipient, result, rule, detail, subscription, because, dropped)
VALUES (0, 3, 'town', 'redact', '11-locked', 'full', 's', '{}', '{k}')"""
LATER = (
    "UPDATE message SET ward = 'w', labels = '{PSY}', origin = 'k0' WHERE off = 3",
    "INSERT INTO attempt VALUES (0, 3, 'town', 1, 1, 2, 'delivered', 'AA')",
    "INSERT INTO receipt VALUES (0, 3, 'town', 'r1', 'rejected', '{E30}', 1, 2, 3, 'raw')",
    "INSERT INTO receipt VALUES (0, 3, 'town', 'r2', 'accepted', '{}', 1, 2, NULL, 'w')",
    "INSERT INTO identity VALUES ('l1', 'k', '{a}', NULL), ('l2', 'k', '{b}', 'k2'), ('retired:k2', 'k2', '{a,b}', NULL)",
    "INSERT INTO merge VALUES ('k2', 'k', 'k', 7, true)",
    "INSERT INTO consent (id, version, active, body, written_us, resource) VALUES ('c', 1, true, '{}', 1, '{}')",
    "INSERT INTO consent_key VALUES ('a', 'c')",
    "INSERT INTO representation VALUES ('r', 'a', 'b', 'parent', NULL, 5, false, '{\"withheld\": true}')",
    "INSERT INTO notice VALUES ('p', 'email', 'somebody@example.org', 'nb', 1)",
    "INSERT INTO provider VALUES ('town', 'admin', '{\"id\": \"town\", \"x\": 1.50}')",
    "INSERT INTO subscription VALUES ('s', 'file', '{\"purpose\": \"TREAT\"}')",
)  # fmt: skip


@pytest.fixture
def url(servers: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database that every version up to this one has written to."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    made = servers.database_url.rsplit("/", 1)[0] + "/" + name
    every = migration.files()
    for last, statements in (("0015", (MESSAGES, DECISION)), ("0020", LATER)):
        monkeypatch.setattr(migration, "files", lambda last=last: [f for f in every if f.name < last])
        migration.migrate(made)
        with psycopg.connect(made, autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement.encode())
    monkeypatch.undo()
    migration.migrate(made)
    yield made
    with psycopg.connect(servers.database_url, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


EDITS = {
    "facts-0": "UPDATE message SET ward = 'another' WHERE part = 0 AND off = 3",
    "facts-1": "UPDATE message SET origin = 'k9' WHERE part = 1 AND off = 1500",
    "copy-0": "UPDATE sent_copy SET dropped = '{}'",
    "receipt-0": "UPDATE receipt SET status = 'accepted' WHERE receipt_id = 'r1'",
    "identity": "UPDATE identity SET lock_keys = '{c}' WHERE link_key = 'l2'",
    "change": "UPDATE merge SET lock_keys = '{}'",
}


def test_what_an_older_version_recorded_is_whole_and_stays_evidence(url: str) -> None:
    with connect(url) as conn, deciding(url, 3) as decide, tampering(url) as dba:
        decide(received("new"))
        report = verify(conn)
        assert report.findings == []
        assert {chain: head.total for chain, head in report.heads.items() if head.n and chain not in ("transit-3", "delivery-0")} == {
            "transit-0": 502, "transit-1": 501, "facts-0": 501, "facts-1": 501, "copy-0": 1, "receipt-0": 2, "identity": 2, "consent": 1,
            "change": 9,
        }  # fmt: skip
        for chain, edit in EDITS.items():
            assert dba.execute(edit.encode()).rowcount == 1
            assert ("row_changed", chain) in {(f.damage.value, f.chain) for f in verify(conn).findings}
