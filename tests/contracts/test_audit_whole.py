"""All that the record rests on is in the chain: whatever a superuser edits, removes, adds, swaps or cuts off in a table of it is found."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from hub.adapters.kith.receipt import WORDS, Status
from hub.ledger.changes import KEPT
from hub.ledger.checkpoints import unguarded_tables
from hub.ledger.connect import Conn, connect
from hub.ledger.consents import NewVersion, put_consent
from hub.ledger.directory import put_provider, replace_file_entries
from hub.ledger.notices import Notice, NoticeChannel, delete_notice, put_notice, take_notices, told
from hub.ledger.outbox import Said
from hub.ledger.receipts import find_answered, keep, sent_of, take_note
from hub.ledger.representations import Basis, Representation, delete_representation, put_representation
from hub.ledger.verify import Promise, Promises, verify
from tests.consents import simple
from tests.contracts.audit_rig import deciding, fill, tampering
from tests.contracts.test_unmerge import FIRST, join, part
from tests.contracts.transit_rig import PROVIDERS, SUBSCRIPTIONS


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    """A ledger with something in every table of the record, written as the hub writes it."""
    with connect(database_url) as c, deciding(database_url) as decide:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        fill(c, decide)
        for n in (2, 3, 4):
            c.execute("INSERT INTO attempt VALUES (0, 3, 'town', %s, 5, 6, 'unknown', 'timeout')", (n,))
            c.execute("INSERT INTO sent_copy VALUES (0, 3, 'town', %s, %s, 'full', '{k}')", (n, f"copy-{n}"))
        decide(*FIRST)
        decide(join("m", "1", "2"))
        decide(part("n", "1", "2"))
        decide(join("o", "1", "2"))
        for n in range(3):
            receipts(c, n)
        entries(c)
        assert verify(c).findings == []
        yield c


def receipts(c: Conn, n: int) -> None:
    """A refusal of the receiver's application, and a person who took note of it."""
    ((event,),) = c.execute("SELECT event_id::text FROM message WHERE off = 3").fetchall()
    about = sent_of(c, event, "town")
    assert about is not None
    assert keep(c, about, Said(f"r{n}", WORDS[Status.REJECTED], ("E30",), 8, b"raw"), 9 + n)
    found = find_answered(c, f"{event}:town")
    assert found is not None
    assert take_note(c, found, 10 + n)


def entries(c: Conn) -> None:
    """Who acts for whom, who wants to be told, and consents written anew under other identifiers."""
    for who, version in (("k1", 2), ("k2", 3)):
        put_consent(c, NewVersion(simple("lock-1", version), [who, "k"], {}, 60), lambda *_: True, 0.0)
    for n in (1, 2):
        put_representation(c, Representation(f"r{n}", "a", "b", Basis.PARENT, None, n, False, {"patient": {"value": "13116900216"}}))
        put_notice(c, Notice(f"p{n}", NoticeChannel.EMAIL, f"somebody{n}@example.org", "nb", 1), 0)
    delete_representation(c, "r2")
    for notice in take_notices(c, 50, 60):
        told(c, notice, 40)
    delete_notice(c, "p2")
    put_provider(c, replace(PROVIDERS[0], id="late", senders=("LATE",)))


def damage(c: Conn) -> set[tuple[str, str]]:
    """Kind and chain."""
    return {(f.damage.value, f.chain) for f in verify(c).findings}


FACTS = {
    "occurred_us": "1", "municipality": "'9999'", "ward": "'elsewhere'", "encounter_class": "'E'", "labels": "'{PSY}'",
    "addressed": "'{x}'", "gps": "'{a,b}'", "pathway": "'{x}'", "unresolved": "NOT unresolved",
    "items": "'x'", "origin": "'another'", "digest": "sha256('x')",
    "patient_key": "'another'", "control_id": "'another'", "trigger": "'ADT^A03'", "event_id": "gen_random_uuid()", "provider": "'town'",
    "received_us": "1", "decided_us": "1", "answer": "'AE'", "encoding": "'x'", "outcome": "'repeat'", "reason": "'x'", "place": "'x'",
    "kind": "'x'", "application": "'x'", "sender": "'x'", "adapter": "'kith'",
}  # fmt: skip


def test_every_fact_of_a_message_is_chained(conn: Conn, database_url: str) -> None:
    """Each column but the bytes, which have their hash there: an edit, and the edit taken back."""
    columns = {c for (c,) in conn.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'message'")}
    assert columns == {*FACTS, "part", "off", "raw"}
    with tampering(database_url) as dba:
        for column, value in FACTS.items():
            before = dba.execute(f"SELECT {column} FROM message WHERE off = 3".encode()).fetchone()
            assert before is not None
            dba.execute(f"UPDATE message SET {column} = {value} WHERE off = 3".encode())
            assert ("row_changed", "transit-0") in damage(conn), column
            dba.execute(f"UPDATE message SET {column} = %s WHERE off = 3".encode(), before)
    assert damage(conn) == set()


EDITS = {
    "a copy's id": ("UPDATE sent_copy SET copy_id = '' WHERE n = 3", {("row_changed", "copy-0")}),
    "what was left out": ("UPDATE sent_copy SET dropped = '{}' WHERE n = 3", {("row_changed", "copy-0")}),
    "how much a copy showed": ("UPDATE sent_copy SET detail = 'notice' WHERE n = 3", {("row_changed", "copy-0")}),
    "what a receiver said": ("UPDATE receipt SET status = 'accepted' WHERE receipt_id = 'r1'", {("row_changed", "receipt-0")}),
    "what was wrong with it": ("UPDATE receipt SET codes = '{}' WHERE receipt_id = 'r1'", {("row_changed", "receipt-0")}),
    "which attempt it answers": ("UPDATE receipt SET n = 9 WHERE receipt_id = 'r1'", {("row_changed", "receipt-0")}),
    "when it came": ("UPDATE receipt SET noted_us = 1 WHERE receipt_id = 'r1'", {("row_changed", "receipt-0")}),
    "a receipt's words": ("UPDATE receipt SET raw = 'x' WHERE receipt_id = 'r1'", {("content_changed", "receipt-0")}),
    "when a person saw it": ("UPDATE receipt SET seen_us = 1 WHERE receipt_id = 'r1'", {("row_changed", "change")}),
    "that a person saw it": ("UPDATE receipt SET seen_us = NULL WHERE receipt_id = 'r1'", {("row_missing", "change")}),
    "a message's bytes": ("UPDATE message SET raw = 'x' WHERE off = 3", {("content_changed", "transit-0")}),
    "whose patient it became": ("UPDATE merge SET survivor = 'x'", {("row_changed", "change")}),
    "that a merge was taken back": ("UPDATE merge SET in_force = NOT in_force", {("row_changed", "change")}),
    "whom a lock concerns": ("UPDATE consent_key SET key = 'other' WHERE key = 'k'", {("row_missing", "change"), ("row_added", "change")}),
    "who acts for whom": ("UPDATE representation SET patient_key = 'x'", {("row_changed", "change")}),
    "on what terms": ("UPDATE representation SET body = '{}'", {("row_changed", "change")}),
    "where somebody is told": ("UPDATE notice SET address = 'x@example.org'", {("row_changed", "change")}),
    "what they were told of": ("UPDATE notice SET since_us = 1", {("row_changed", "change")}),
    "who a provider is": ("UPDATE provider SET body = '{}' WHERE id = 'town'", {("row_changed", "change")}),
    "for what somebody subscribes": ("UPDATE subscription SET body = '{}' WHERE id = 'town-1'", {("row_changed", "change")}),
    "whose identifier it is": ("UPDATE identity SET patient_key = 'x', origin = NULL WHERE off = 2", {("row_changed", "transit-0")}),
    "whose it is by a merge": ("UPDATE identity SET patient_key = 'x', origin = coalesce(origin, patient_key) WHERE off = 0",
                               {("row_changed", "change")}),
    "under what locks it stands": ("UPDATE identity SET lock_keys = '{}' WHERE off = 0", {("row_changed", "transit-0")}),
    "when it was first seen": ("UPDATE identity SET off = 3 WHERE off = 0", {("row_missing", "transit-0")}),
    "a change": ("UPDATE audit_change SET state = '{}' WHERE what = 'merge' AND n = (SELECT min(n) FROM audit_change WHERE what = 'merge')",
                 {("row_changed", "change")}),
    "when it was made": ("UPDATE audit_change SET at_us = 1 WHERE n = 5", {("row_changed", "change")}),
}  # fmt: skip
DELETIONS = {
    "a message's bytes": ("UPDATE message SET raw = '' WHERE off = 3", {("content_missing", "transit-0")}),
    "a message": ("DELETE FROM message WHERE off = 3", {("row_missing", "transit-0")}),
    "a copy": ("DELETE FROM sent_copy WHERE n = 3", {("row_missing", "copy-0")}),
    "a receipt": ("DELETE FROM receipt WHERE receipt_id = 'r1'", {("row_missing", "receipt-0"), ("row_missing", "change")}),
    "a merge": ("DELETE FROM merge", {("row_missing", "change"), ("row_changed", "change"), ("row_added", "change")}),
    "an identifier": ("DELETE FROM identity WHERE off = 0", {("row_missing", "transit-0")}),
    "what a retired key leaves behind": ("DELETE FROM identity WHERE starts_with(link_key, 'retired:')", {("row_missing", "change")}),
    "a lock's patient": ("DELETE FROM consent_key WHERE key = 'k'", {("row_missing", "change")}),
    "a representation": ("DELETE FROM representation", {("row_missing", "change")}),
    "a wish to be told": ("DELETE FROM notice", {("row_missing", "change")}),
    "a provider": ("DELETE FROM provider WHERE id = 'town'", {("row_missing", "change")}),
    "a change": ("DELETE FROM audit_change WHERE n = 5", {("row_missing", "change"), ("row_added", "change")}),
}
INSERTIONS = {
    "a message": ("INSERT INTO message SELECT (jsonb_populate_record(m, '{\"off\": 99}')).* FROM message m WHERE off = 3",
                  {("row_added", "transit-0")}),
    "a copy": ("INSERT INTO sent_copy VALUES (0, 3, 'town', 9, '', 'full', '{}')", {("row_added", "copy-0")}),
    "a receipt": ("INSERT INTO receipt SELECT (jsonb_populate_record(r, '{\"receipt_id\": \"r9\"}')).* FROM receipt r LIMIT 1",
                  {("row_added", "receipt-0"), ("row_added", "change")}),
    "a merge": ("INSERT INTO merge VALUES ('x', 'y', 'y', 99, true)", {("row_added", "change")}),
    "an identifier": ("INSERT INTO identity VALUES ('x', 'y', '{}', NULL, 0, 3)", {("row_added", "transit-0")}),
    "a retired key's locks": ("UPDATE identity SET lock_keys = '{}' WHERE starts_with(link_key, 'retired:')", {("row_changed", "change")}),
    "one of no message": ("INSERT INTO identity VALUES ('x', 'y', '{}')", {("row_added", "identity")}),
    "what a retired key would leave behind": ("INSERT INTO identity VALUES ('retired:x', 'y', '{}')", {("row_added", "change")}),
    "a merge that was taken back": ("UPDATE merge SET in_force = true, survivor = 'y'", {("row_changed", "change")}),
    "a lock's patient": ("INSERT INTO consent_key VALUES ('x', 'lock-1')", {("row_added", "change")}),
    "one that was removed": ("INSERT INTO consent_key VALUES ('k1', 'lock-1')", {("row_added", "change")}),
    "a representation": ("INSERT INTO representation VALUES ('x', 'a', 'b', 'parent', NULL, NULL, false, '{}')", {("row_added", "change")}),
    "a wish to be told": ("INSERT INTO notice VALUES ('p2', 'email', 'x', 'nb', 1)", {("row_added", "change")}),
    "a provider": ("INSERT INTO provider VALUES ('x', 'admin', '{}')", {("row_added", "change")}),
    "a change": ("INSERT INTO audit_change (at_us, what, key, state) VALUES (1, 'merge', '[\"x\"]', '{}')",
                 {("row_added", "change"), ("row_missing", "change")}),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["edit", "deletion", "insertion"])
def test_what_is_done_to_a_row_is_found(conn: Conn, database_url: str, kind: str) -> None:
    """Each, and each taken back: a transaction of its own."""
    cases = {"edit": EDITS, "deletion": DELETIONS, "insertion": INSERTIONS}[kind]
    tables = [*KEPT, "message", "identity", "sent_copy", "audit_change"]
    with tampering(database_url) as dba:
        for table in tables:
            dba.execute(f"CREATE TABLE was_{table} AS TABLE {table}".encode())
        for what, (statement, expected) in cases.items():
            assert dba.execute(statement.encode()).rowcount > 0, what
            found = damage(conn)
            assert expected <= found, what
            assert {chain for _, chain in found} == {chain for _, chain in expected}, what
            for table in tables:
                dba.execute(f"DELETE FROM {table}".encode())
                dba.execute(f"INSERT INTO {table} {'OVERRIDING SYSTEM VALUE ' * (table == 'audit_change')}TABLE was_{table}".encode())
    assert damage(conn) == set()


@pytest.mark.parametrize(
    ("column", "one", "other", "chain"),
    [
        ("message.off", "3", "4", "transit-0"),
        ("sent_copy.n", "2", "3", "copy-0"),
        ("receipt.receipt_id", "'r0'", "'r1'", "receipt-0"),
        ("audit_change.n", "4", "5", "change"),
    ],
)
def test_two_rows_in_each_others_place_are_found(conn: Conn, database_url: str, column: str, one: str, other: str, chain: str) -> None:
    table, _, name = column.partition(".")
    spare = "'x'" if one.startswith("'") else "-1"
    with tampering(database_url) as dba:
        if table == "audit_change":
            dba.execute("ALTER TABLE audit_change ALTER n DROP IDENTITY")
        for old, new in ((one, spare), (other, one), (spare, other)):
            dba.execute(f"UPDATE {table} SET {name} = {new} WHERE {name} = {old}".encode())
    assert ("row_changed", chain) in damage(conn)


@pytest.mark.parametrize("chain", ["copy-0", "receipt-0", "change"])
def test_links_in_each_others_place_are_found(conn: Conn, database_url: str, chain: str) -> None:
    with tampering(database_url) as dba:
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            dba.execute("UPDATE audit_link SET n = %s WHERE chain = %s AND n = %s", (new, chain, old))
    assert ("link_changed", chain) in damage(conn)


@pytest.mark.parametrize("chain", ["copy-0", "receipt-0", "change"])
def test_an_end_cut_off_is_found_by_what_a_checkpoint_saw(conn: Conn, database_url: str, chain: str) -> None:
    """The last link with its rows; of a change also what it changed, so that nothing else tells of it."""
    promise = promised(conn)
    row = {"copy-0": "sent_copy WHERE n = 4", "receipt-0": "receipt WHERE receipt_id = 'r2'", "change": "audit_change WHERE n = "}[chain]
    with tampering(database_url) as dba:
        if chain == "change":
            ((n, what, key),) = dba.execute("SELECT n, what, key ->> 0 FROM audit_change ORDER BY n DESC LIMIT 1")
            row += str(n)
            before = dba.execute("SELECT count(*) FROM audit_change WHERE what = %s AND key ->> 0 = %s", (what, key)).fetchone()
            assert (before, what) == ((1,), "provider")
            dba.execute("DELETE FROM provider WHERE id = %s", (key,))
        dba.execute(f"DELETE FROM {row}".encode())
        dba.execute("DELETE FROM audit_link l WHERE chain = %s AND n = (SELECT max(n) FROM audit_link WHERE chain = l.chain)", (chain,))
    found = {(f.damage.value, f.chain) for f in verify(conn, promise).findings}
    assert ("truncated", chain) in found
    left = found - {("truncated", chain)}
    assert left <= ({("row_missing", "change")} if chain == "receipt-0" else set())  # that a person saw it is told beside it


def promised(c: Conn) -> Promises:
    seen = [Promise(chain, head.n, head.hash, 1) for chain, head in verify(c).heads.items() if head.n]
    return lambda _conn, _report: seen


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET origin = 'x'", "UPDATE message SET ward = 'x'", "UPDATE message SET digest = NULL", "DELETE FROM receipt",
        "UPDATE receipt SET status = 'accepted'", "DELETE FROM sent_copy", "UPDATE sent_copy SET n = 9", "TRUNCATE audit_change",
        "UPDATE audit_change SET state = NULL", "DELETE FROM audit_change",
    ],
)  # fmt: skip
def test_the_hub_itself_cannot_change_it(conn: Conn, statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        conn.execute(statement.encode())


def test_no_name_number_or_address_stays_behind_in_a_change(conn: Conn) -> None:
    ((said,),) = conn.execute("SELECT string_agg(concat(key, state), ' ') FROM audit_change")
    assert "example.org" not in said
    assert "13116900216" not in said
    assert "lock-1" in said


def test_a_table_whose_changes_are_no_events_any_more_is_told(conn: Conn) -> None:
    assert unguarded_tables(conn) == ()
    conn.execute("ALTER TABLE notice DISABLE TRIGGER audit_updated")
    conn.execute("DROP TRIGGER audit_deleted ON merge")
    conn.execute("DROP TRIGGER audit_added ON receipt")
    assert sorted(unguarded_tables(conn)) == ["merge", "notice", "receipt"]


def test_what_the_triggers_keep_is_what_is_compared(conn: Conn) -> None:
    found = conn.execute(
        "SELECT DISTINCT tgrelid::regclass::text, encode(tgargs, 'escape') FROM pg_trigger "
        "WHERE tgname IN ('audit_inserted', 'audit_updated', 'audit_deleted')"
    ).fetchall()
    said = {table: arguments.split("\\000")[:2] for table, arguments in found}
    assert said == {table: [",".join(kept.keys), ",".join(kept.columns)] for table, kept in KEPT.items()}
    assert len(found) == len(KEPT)


def test_who_a_patient_is_may_change_and_is_told(conn: Conn) -> None:
    """The life of a merge: made, taken back, made again; the messages' own rows did not change."""
    states = conn.execute("SELECT state ->> 'in_force' FROM audit_change WHERE what = 'merge' ORDER BY n").fetchall()
    assert states == [("true",), ("false",), ("true",)]
    assert conn.execute("SELECT count(DISTINCT coalesce(origin, patient_key)) FROM message WHERE off >= 8").fetchall() == [(2,)]
