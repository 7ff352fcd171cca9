"""The bytes of old messages are let go where nothing is open of them; what is open keeps them, and the record stays whole."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from hub.__main__ import main
from hub.errors import Reason
from hub.ledger.connect import Conn, connect
from hub.ledger.directory import replace_file_entries
from hub.ledger.retention import IN_BED, OVER, Open, let_go, look
from hub.ledger.verify import verify
from hub.model import Refusal
from hub.pathway import states
from hub.wiring import now_us
from tests.contracts.audit_rig import Decide, deciding, tampering
from tests.contracts.test_unmerge import A, B, join, one
from tests.contracts.transit_rig import PROVIDERS, SUBSCRIPTIONS, received

OLD, NEW, NOW = 100, 200, 300
BEFORE = 150


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        yield c


@pytest.fixture
def decide(database_url: str) -> Iterator[Decide]:
    with deciding(database_url) as decided:
        yield decided


def settled(c: Conn) -> None:
    """Everything that waits is delivered."""
    c.execute("INSERT INTO attempt SELECT part, off, recipient, 1, 1, 2, 'delivered', 'AA' FROM outbox")
    c.execute("DELETE FROM outbox")


def bytes_of(c: Conn) -> dict[int, int]:
    """offset -> bytes that are kept."""
    return dict(c.execute("SELECT off::int, octet_length(raw) FROM message ORDER BY off").fetchall())


def test_what_is_settled_and_old_is_let_go_and_the_record_stays_whole(conn: Conn, decide: Decide) -> None:
    decide(*(received(f"c{n}") for n in range(3)), at_us=OLD)
    decide(received("c9"), at_us=NEW)
    settled(conn)
    rows = conn.execute("SELECT off, digest, control_id, ward FROM message ORDER BY off").fetchall()
    size = sum(bytes_of(conn).values()) // 4 * 3
    assert look(conn, BEFORE).messages == 3
    assert bytes_of(conn)[0]  # a look changes nothing
    assert let_go(conn, BEFORE, NOW) == (3, size)
    assert let_go(conn, BEFORE, NOW) == (0, 0)
    assert [kept > 0 for kept in bytes_of(conn).values()] == [False, False, False, True]
    assert conn.execute("SELECT off, digest, control_id, ward FROM message ORDER BY off").fetchall() == rows
    report = verify(conn)
    assert (report.findings, report.let_go, report.heads["let_go"].total) == ([], 3, 1)


def parked(c: Conn) -> None:
    c.execute("UPDATE outbox SET parked = 'AE' WHERE off = 0 AND recipient = 'clinic'")
    c.execute("DELETE FROM outbox WHERE parked = ''")


def withheld(c: Conn) -> None:
    settled(c)
    c.execute("INSERT INTO withheld VALUES ('lock-1', 0, 0, 'town')")


def redriven(c: Conn) -> None:
    settled(c)
    c.execute("INSERT INTO redrive SELECT 7, 7, event_id, '{}', 1 FROM message")


def episode(c: Conn, state: str, last_us: int = OLD, patient: str = "") -> None:
    settled(c)
    c.execute(
        "INSERT INTO episode (patient_key, encounter, state, ward, municipality, source, last_kind, last_us, part, off) "
        "SELECT coalesce(nullif(%s, ''), patient_key), 'e', %s, '', '', 'olav', '', %s, 0, 0 FROM message WHERE off = 0",
        (patient, state, last_us),
    )


OPEN: dict[str, tuple[Callable[[Conn], Any], Open]] = {
    "unsent": (lambda c: c.execute("DELETE FROM outbox WHERE recipient = 'town'"), Open.WAITING),
    "parked": (parked, Open.WAITING),
    "withheld by a lock": (withheld, Open.WITHHELD),
    "let through once more": (redriven, Open.REDRIVEN),
    "in a bed": (lambda c: episode(c, "admitted"), Open.PATHWAY),
    "ready for discharge": (lambda c: episode(c, "ready"), Open.PATHWAY),
    "registered not long ago": (lambda c: episode(c, "registered", NEW), Open.PATHWAY),
}


@pytest.mark.parametrize("what", OPEN)
def test_what_is_open_keeps_its_bytes(conn: Conn, decide: Decide, what: str) -> None:
    make, why = OPEN[what]
    decide(received("c1"), at_us=OLD)
    make(conn)
    found = look(conn, BEFORE)
    assert (found.messages, found.kept) == (0, {why: 1})
    assert let_go(conn, BEFORE, NOW) == (0, 0)
    assert bytes_of(conn)[0]


@pytest.mark.parametrize(("state", "last_us"), [("discharged", NEW), ("cancelled", NEW), ("registered", OLD)])
def test_a_stay_that_is_over_keeps_nothing(conn: Conn, decide: Decide, state: str, last_us: int) -> None:
    decide(received("c1"), at_us=OLD)
    episode(conn, state, last_us)
    assert let_go(conn, BEFORE, NOW)[0] == 1


def test_what_was_refused_keeps_its_bytes_until_a_person_has_sent_it_in_again(conn: Conn, decide: Decide) -> None:
    decide(received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4")), at_us=OLD)
    assert look(conn, BEFORE).kept == {Open.REFUSED: 1}
    assert let_go(conn, BEFORE, NOW) == (0, 0)


@pytest.mark.parametrize("stay_of", [A, B])
def test_a_stay_of_a_patient_who_was_merged_is_one_of_both(conn: Conn, decide: Decide, stay_of: str) -> None:
    decide(one("a", "1", town="5001"), one("b", "2", town="5001"), at_us=OLD)
    decide(join("m", "1", "2"), at_us=OLD)
    episode(conn, "admitted", patient=stay_of)
    assert look(conn, BEFORE).messages == 0


def test_the_states_are_the_pathways() -> None:
    assert set(IN_BED) == {s.value for s in states.IN_BED}
    assert set(OVER) | set(IN_BED) < {s.value for s in states.State}


FORGED = {
    "one more is said to be gone": ("UPDATE let_go SET offs = offs || 1::bigint", {("row_changed", "let_go")}),
    "when": ("UPDATE let_go SET at_us = 1", {("row_changed", "let_go")}),
    "it is not said": ("DELETE FROM let_go", {("row_missing", "let_go"), ("content_missing", "transit-0")}),
    "one is taken beside it": ("UPDATE message SET raw = '' WHERE off = 1", {("content_missing", "transit-0")}),
    "with a word of its own": ("INSERT INTO let_go (at_us, part, offs) VALUES (1, 0, '{1}')", {("row_added", "let_go")}),
    "other bytes in its place": ("UPDATE message SET raw = 'x' WHERE off = 0", {("content_changed", "transit-0")}),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_is_not_let_go_as_it_is_recorded_is_found(conn: Conn, decide: Decide, database_url: str, what: str) -> None:
    decide(received("c1"), at_us=OLD)
    decide(received("c2"), at_us=NEW)
    settled(conn)
    assert let_go(conn, BEFORE, NOW)[0] == 1
    statement, expected = FORGED[what]
    with tampering(database_url) as dba:
        assert dba.execute(statement.encode()).rowcount > 0
    assert {(f.damage.value, f.chain) for f in verify(conn).findings} == expected


def test_the_hub_itself_takes_nothing_back(conn: Conn, decide: Decide) -> None:
    decide(received("c1"), at_us=OLD)
    settled(conn)
    let_go(conn, BEFORE, NOW)
    with pytest.raises(psycopg.errors.RestrictViolation):
        conn.execute("DELETE FROM let_go")


def test_the_command_tells_first_and_does_when_told(
    conn: Conn, decide: Decide, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day_us = 86_400_000_000
    decide(received("c1"), at_us=now_us() - 40 * day_us)
    decide(received("c2"), at_us=now_us() - 20 * day_us)
    decide(received("c3", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4")), at_us=now_us() - 40 * day_us)
    settled(conn)
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_KAFKA", "127.0.0.1:1")
    for days in ("0", "29"):
        monkeypatch.setenv("HUB_KEEP_MESSAGE_DAYS", days)
        assert main(["retention", "--apply"]) == 65
        assert "HUB_KEEP_MESSAGE_DAYS" in capsys.readouterr().err
    monkeypatch.setenv("HUB_KEEP_MESSAGE_DAYS", "30")
    assert main(["retention", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["messages"], told["kept"], told["let_go"]) == (1, {"refused": 1}, 0)
    assert bytes_of(conn)[0]
    assert main(["retention", "--apply"]) == 0
    assert "let go: 1 (" in capsys.readouterr().out
    assert [kept > 0 for kept in bytes_of(conn).values()] == [False, True, True]
    assert main(["audit", "verify"]) == 0
    assert "the record is whole" in (said := capsys.readouterr().out)
    assert "the bytes of 1 messages were let go" in said
