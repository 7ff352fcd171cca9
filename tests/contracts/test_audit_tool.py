"""``hub audit`` as it is run: checkpoints that were shipped away against a ledger that somebody has changed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.ledger.connect import Conn, connect
from hub.ledger.directory import replace_file_entries
from hub.web.seal import CHECKPOINT_FILE, KEY_FILE, PUBLIC_FILE
from tests.contracts import audit_rig
from tests.contracts.audit_rig import deciding, fill, tampering
from tests.contracts.transit_rig import PROVIDERS, SUBSCRIPTIONS

Audit = Callable[..., tuple[int, Any]]


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c, deciding(database_url) as decide:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        fill(c, decide)
        yield c


@pytest.fixture
def audit(conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Run it: the exit code, and what it printed as JSON."""
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.delenv("HUB_KAFKA", raising=False)
    data = tmp_path / "data"
    data.mkdir()

    def run(*arguments: str) -> tuple[int, Any]:
        code = main(["audit", *arguments, "--json", "--data", str(data)])
        return code, json.loads(capsys.readouterr().out or "null")

    return run


def cut_off(database_url: str) -> None:
    """The last batch goes, with its links and everything that tells of it."""
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE n = 4 AND chain ~ '-0$'")
        for table in ("message", "decision", "identity", "attempt"):
            dba.execute(f"DELETE FROM {table} WHERE off > 5".encode())


def damages(found: Any) -> set[tuple[str, str, int]]:
    return {(f["damage"], f["chain"], f["n"]) for f in found["findings"]}


def test_a_whole_record(audit: Audit, conn: Conn, tmp_path: Path) -> None:
    code, line = audit("checkpoint")
    assert (code, line["checkpoint"], line["chains"]["delivery-0"][:2]) == (0, 1, [4, 16])
    assert json.loads((tmp_path / "data" / CHECKPOINT_FILE).read_text()) == line
    code, found = audit("verify")
    assert (code, found["whole"], found["checkpoints"], found["findings"]) == (0, True, 1, [])
    tables = ("message", "decision", "identity", "attempt", "consent", "disclosure", "audit_access", "audit_change", "emergency")
    assert found["rows"] == sum(n for t in tables for (n,) in conn.execute(f"SELECT count(*) FROM {t}".encode()))
    assert found["last_checkpoint"] is not None


def test_without_a_checkpoint_nothing_is_promised_of_the_end(audit: Audit, database_url: str) -> None:
    cut_off(database_url)
    code, found = audit("verify")
    assert (code, found["checkpoints"], found["last_checkpoint"]) == (0, 0, None)


def test_a_tail_cut_off_is_found_by_the_checkpoint_in_the_ledger(audit: Audit, database_url: str) -> None:
    audit("checkpoint")
    cut_off(database_url)
    code, found = audit("verify")
    assert (code, damages(found)) == (1, {("truncated", "transit-0", 4), ("truncated", "delivery-0", 4)})


def test_a_tail_cut_off_with_the_checkpoints_is_found_by_the_file_that_was_shipped(audit: Audit, database_url: str, tmp_path: Path) -> None:
    audit("checkpoint")
    data, shipped, key = tmp_path / "data", tmp_path / "shipped.jsonl", tmp_path / "key.pem"
    (data / CHECKPOINT_FILE).rename(shipped)
    (data / PUBLIC_FILE).rename(key)
    (data / KEY_FILE).unlink()
    cut_off(database_url)
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_checkpoint")
    code, found = audit("verify")
    assert (code, found["findings"]) == (0, [])  # nothing here tells: that is what shipping is for
    code, found = audit("verify", "--checkpoints", str(shipped), "--key", str(key))
    assert code == 1
    assert damages(found) == {("truncated", "transit-0", 4), ("truncated", "delivery-0", 4), ("checkpoint_missing", "checkpoint", 1)}


def test_a_checkpoint_that_was_edited_is_not_believed(audit: Audit, database_url: str, tmp_path: Path) -> None:
    audit("checkpoint")
    file = tmp_path / "data" / CHECKPOINT_FILE
    line = json.loads(file.read_text())
    line["chains"]["delivery-0"][0] = 3
    forged = json.dumps(line, sort_keys=True, separators=(",", ":"))
    file.write_text(forged + "\n")
    with tampering(database_url) as dba:
        dba.execute("UPDATE audit_checkpoint SET line = %s", (forged,))
    code, found = audit("verify")
    assert (code, damages(found)) == (1, {("checkpoint_changed", "checkpoint", 0), ("checkpoint_changed", "checkpoint", 1)})


@pytest.mark.parametrize(
    "line", ["", "{}", "null", "[]", "no json", '{"signature": 1}', '{"signature": "00", "key": "x"}', "\x00", "[" * 5000]
)
def test_a_line_that_is_no_checkpoint_is_told(audit: Audit, tmp_path: Path, line: str) -> None:
    audit("checkpoint")
    with (tmp_path / "data" / CHECKPOINT_FILE).open("a") as file:
        file.write(line + "\n")
    code, found = audit("verify")
    assert (code, damages(found)) == ((1, {("checkpoint_changed", "checkpoint", 0)}) if line else (0, set()))


def test_a_checkpoint_signed_by_another_key_is_not_believed(audit: Audit, tmp_path: Path) -> None:
    audit("checkpoint")
    (tmp_path / "data" / KEY_FILE).unlink()
    audit("checkpoint")
    code, found = audit("verify")
    assert (code, damages(found)) == (1, {("checkpoint_changed", "checkpoint", 0), ("checkpoint_changed", "checkpoint", 1)})
    assert "audit-checkpoints.jsonl line 1" in str(found["findings"])


def test_a_checkpoint_taken_out_of_the_middle_is_found(audit: Audit, database_url: str, tmp_path: Path) -> None:
    for _ in range(3):
        audit("checkpoint")
    (tmp_path / "data" / CHECKPOINT_FILE).unlink()
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_checkpoint WHERE n = 2")
    code, found = audit("verify")
    assert (code, damages(found)) == (1, {("checkpoint_missing", "checkpoint", 2)})


def test_an_edit_is_told_to_people_with_its_place(
    audit: Audit, conn: Conn, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit("checkpoint")
    with tampering(database_url) as dba:
        dba.execute("UPDATE decision SET result = 'permit', rule = '12-explicit-permit' WHERE off = 3")
    assert main(["audit", "verify", "--data", str(tmp_path / "data")]) == 1
    out = capsys.readouterr().out
    assert "row changed: transit-0, number 2: offsets 2 to 3" in out
    assert "THE RECORD IS DAMAGED" in out
    audit_rig.attempt(conn, 0, "village", 1, "delivered", "AA")  # the hub goes on meanwhile
    assert main(["audit", "verify", "--data", str(tmp_path / "data")]) == 1


def test_checkpoints_without_a_key_to_check_them_with(audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit("checkpoint")
    (tmp_path / "data" / KEY_FILE).unlink()
    (tmp_path / "data" / PUBLIC_FILE).unlink()
    assert audit("verify") == (65, None)
    (tmp_path / "junk").write_text("junk")
    assert audit("verify", "--key", str(tmp_path / "junk")) == (65, None)
    assert audit("verify", "--checkpoints", str(tmp_path / "none")) == (65, None)


def test_a_server_that_is_away(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert audit("verify")[0] == 69
    assert audit("checkpoint")[0] == 69


def test_half_a_line_of_a_power_cut_is_not_built_upon(audit: Audit, tmp_path: Path) -> None:
    audit("checkpoint")
    file = tmp_path / "data" / CHECKPOINT_FILE
    file.write_text(file.read_text() + '{"before":"12')
    audit("checkpoint")
    assert [json.loads(line)["checkpoint"] for line in file.read_text().splitlines()] == [1, 2]
    assert audit("verify")[0] == 0
