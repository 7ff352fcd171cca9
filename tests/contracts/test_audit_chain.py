"""The chain in a real ledger: whole after everything the hub does, and every kind of tampering by somebody who may do anything is found."""

import asyncio
import json
from collections.abc import Iterator

import psycopg
import pytest

from hub.ledger.backlog import BacklogReader
from hub.ledger.chain import Head
from hub.ledger.checkpoints import Checkpoint, kept_checkpoints, make_checkpoint
from hub.ledger.connect import Conn, connect
from hub.ledger.delivery import Settlement, Turns
from hub.ledger.delivery import connect as connect_delivery
from hub.ledger.directory import replace_file_entries
from hub.ledger.migrate import files
from hub.ledger.outbox import Attempted, Place
from hub.ledger.quarantine import find_parked, release_delivery
from hub.ledger.verify import Damage, Promise, Promises, Report, verify
from hub.model import AttemptOutcome
from tests.contracts import audit_rig
from tests.contracts.audit_rig import Decide, deciding, fill, tampering
from tests.contracts.transit_rig import PROVIDERS, SUBSCRIPTIONS, received


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        yield c


@pytest.fixture
def decide(database_url: str) -> Iterator[Decide]:
    with deciding(database_url) as decided:
        yield decided


@pytest.fixture
def filled(conn: Conn, decide: Decide) -> Conn:
    fill(conn, decide)
    assert verify(conn).findings == []
    return conn


def damage(conn: Conn) -> set[tuple[str, str, int]]:
    return {(f.damage.value, f.chain, f.n) for f in verify(conn).findings}


def test_everything_that_is_recorded_is_in_a_chain(filled: Conn) -> None:
    heads = verify(filled).heads
    ((messages, decisions, attempts),) = filled.execute(
        "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM decision) + (SELECT count(*) FROM identity), "
        "(SELECT count(*) FROM attempt)"
    )
    assert (heads["transit-0"].n, heads["transit-0"].total) == (4, messages + decisions)
    assert (heads["delivery-0"].n, heads["delivery-0"].total) == (4, attempts)
    assert {chain: heads[chain].total for chain in ("consent", "disclosure", "access")} == {"consent": 1, "disclosure": 1, "access": 1}


def test_an_empty_ledger_is_whole(conn: Conn) -> None:
    report = verify(conn)
    assert report.findings == []
    assert {head for chain, head in report.heads.items() if chain != "change"} == {Head()}
    assert report.heads["change"].total == len(PROVIDERS) + len(SUBSCRIPTIONS)  # the directory that the fixture put there


def test_what_delivery_settles_twice_and_what_others_add_stays_whole(conn: Conn, decide: Decide, database_url: str) -> None:
    decide(received("c1"), received("c2"))

    async def settle() -> None:
        async with await connect_delivery(database_url) as delivery:
            turns = Turns(delivery, "w")
            ended = [Attempted(Place(0, off, "town"), 1, 5, 6, AttemptOutcome.DELIVERED, "200") for off in (0, 1)]
            await turns.settle(Settlement(ended))
            await turns.settle(Settlement(ended))
            held = [Attempted(Place(0, 0, "clinic"), n, 5, 6, AttemptOutcome.HELD, "x", 9) for n in (1, 2, 3)]
            for each in held:
                await turns.settle(Settlement([each]))
            await turns.settle(Settlement([Attempted(Place(0, 1, "clinic"), 1, 5, 6, AttemptOutcome.REFUSED, "AE", parked="AE")]))
            await BacklogReader(delivery, "w").take_over([0], 99, 5)

    conn.execute("INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients) VALUES "
                 "('dead', 1, '{p}', '{}', '{0}', '{0}', '{clinic}')")  # fmt: skip
    asyncio.run(settle())
    ((event,),) = conn.execute("SELECT event_id::text FROM outbox WHERE parked <> ''")
    parked = find_parked(conn, f"{event}:clinic")
    assert parked is not None and release_delivery(conn, parked, 77)
    assert conn.execute("SELECT recipient, n, outcome FROM attempt ORDER BY off, recipient, n").fetchall() == [
        ("clinic", 1, "held"), ("clinic", 4, "unknown"), ("town", 1, "delivered"),
        ("clinic", 1, "refused"), ("clinic", 2, "discarded"), ("town", 1, "delivered"),
    ]  # fmt: skip
    report = verify(conn)
    assert report.findings == []
    assert report.heads["delivery-0"].total == 6


def test_a_batch_that_is_undone_leaves_no_link(conn: Conn, decide: Decide) -> None:
    decide(received("c1"))
    with pytest.raises(RuntimeError), conn.transaction():
        audit_rig.attempt(conn, 0, "town", 1, "delivered", "200")
        raise RuntimeError
    report = verify(conn)
    assert report.findings == []
    assert "delivery-0" not in report.heads


def test_what_was_there_before_the_chain_is_chained_by_the_migration(filled: Conn, database_url: str) -> None:
    """The migrations' own statements, over rows as an older version left them."""
    first, second, third = (f.read_text("utf-8") for f in files() if f.name.startswith(("0015", "0024")))
    genesis = first[first.index("DO $$") : first.index("CREATE TRIGGER")]
    facts = second[second.index("DO $$") : second.rindex("DO $$")] + third[third.index("DO $$") : third.index("-- Of a merge")]
    filled.execute("INSERT INTO message SELECT 5, off + 990, event_id, adapter, provider, application, sender, control_id, trigger, kind, "
                   "patient_key, received_us, decided_us, answer, encoding, outcome, reason, place, raw FROM message")  # fmt: skip
    filled.execute("INSERT INTO decision SELECT 5, off + 990, recipient, result, rule, detail, subscription, because FROM decision")
    with tampering(database_url) as dba:
        dba.execute("UPDATE message SET digest = sha256(raw) WHERE part = 5")
        dba.execute("UPDATE identity SET part = NULL, off = NULL")
        dba.execute("DELETE FROM audit_link WHERE chain NOT IN ('access', 'change', 'emergency')")  # of later migrations
    filled.execute(genesis.encode())
    assert damage(filled) == {("link_missing", "facts-0", 0), ("link_missing", "facts-5", 0), ("row_added", "identity", 0)}
    filled.execute(facts.encode())
    report = verify(filled)
    assert report.findings == []
    assert {chain: head.n for chain, head in report.heads.items() if head.n and chain != "change"} == {
        "transit-0": 1, "transit-5": 1, "facts-0": 1, "facts-5": 1, "delivery-0": 1, "consent": 1, "disclosure": 1, "access": 1,
        "identity": 1, "emergency": 2,
    }  # fmt: skip
    with tampering(database_url) as dba:
        dba.execute("UPDATE message SET ward = 'another' WHERE part = 5 AND off = 993")
    assert damage(filled) == {("row_changed", "facts-5", 1)}


EDITS = {
    "a decision": ("UPDATE decision SET result = 'deny' WHERE off = 3 AND recipient = 'town'", ("row_changed", "transit-0", 2)),
    "why it was taken": ("UPDATE decision SET because = '{gp}' WHERE off = 3 AND recipient = 'town'", ("row_changed", "transit-0", 2)),
    "whose message it was": ("UPDATE message SET patient_key = 'other' WHERE off = 4", ("row_changed", "transit-0", 3)),
    "when it was sent": ("UPDATE attempt SET ended_us = 1 WHERE off = 5 AND recipient = 'town'", ("row_changed", "delivery-0", 3)),
    "what came of it": ("UPDATE attempt SET outcome = 'withheld' WHERE off = 0 AND recipient = 'town'", ("row_changed", "delivery-0", 1)),
    "what a patient wrote": ("UPDATE consent SET resource = '{}'", ("row_changed", "consent", 1)),
    "that it was locked": ("UPDATE consent SET active = false", ("row_changed", "consent", 1)),
    "when a lock came too late": ("UPDATE disclosure SET noted_us = 1", ("row_changed", "disclosure", 1)),
    "why a record was opened": ("UPDATE emergency SET reason = 'Feil' WHERE fact = 'opened'", ("row_changed", "emergency", 1)),
    "who opened it": ("UPDATE emergency SET person = '1' WHERE fact = 'opened'", ("row_changed", "emergency", 1)),
    "until when": ("UPDATE emergency SET until_us = 0 WHERE fact = 'opened'", ("row_changed", "emergency", 1)),
    "what was read in it": ("UPDATE emergency SET events = '{}' WHERE fact = 'read'", ("row_changed", "emergency", 2)),
    "who read the record": ("UPDATE audit_access SET who = 'somebody'", ("row_changed", "access", 1)),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_found(filled: Conn, database_url: str, what: str) -> None:
    statement, expected = EDITS[what]
    with tampering(database_url) as dba:
        assert dba.execute(statement.encode()).rowcount > 0
    assert damage(filled) == {expected}


DELETIONS = {
    "a decision": ("DELETE FROM decision WHERE off = 3 AND recipient = 'town'", ("row_missing", "transit-0", 2)),
    "a message": ("DELETE FROM message WHERE off = 3", ("row_missing", "transit-0", 2)),
    "an attempt": ("DELETE FROM attempt WHERE off = 4 AND recipient = 'clinic'", ("row_missing", "delivery-0", 3)),
    "all of a batch": ("DELETE FROM attempt WHERE off IN (2, 3)", ("row_missing", "delivery-0", 2)),
    "a consent": ("DELETE FROM consent", ("row_missing", "consent", 1)),
    "a note": ("DELETE FROM disclosure", ("row_missing", "disclosure", 1)),
    "an emergency": ("DELETE FROM emergency WHERE fact = 'opened'", ("row_missing", "emergency", 1)),
    "what was read in an emergency": ("DELETE FROM emergency WHERE fact = 'read'", ("row_missing", "emergency", 2)),
    "a reading": ("DELETE FROM audit_access", ("row_missing", "access", 1)),
    "a link": ("DELETE FROM audit_link WHERE chain = 'consent'", ("row_added", "consent", 0)),
    "a link in the middle": (
        "DELETE FROM audit_link WHERE chain = 'disclosure' OR chain = 'consent' AND n = 9",
        ("row_added", "disclosure", 0),
    ),
}


@pytest.mark.parametrize("what", DELETIONS)
def test_a_deletion_is_found(filled: Conn, database_url: str, what: str) -> None:
    statement, expected = DELETIONS[what]
    with tampering(database_url) as dba:
        assert dba.execute(statement.encode()).rowcount > 0
    assert damage(filled) == {expected}


def test_a_deletion_says_which_row(filled: Conn, database_url: str) -> None:
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM attempt WHERE off = 4 AND recipient = 'clinic'")
    assert [f.where for f in verify(filled).findings] == ['[4, "clinic", 1]']


def test_a_batch_taken_out_with_its_link_is_found(filled: Conn, database_url: str) -> None:
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE chain = 'transit-0' AND n = 2")
        dba.execute("DELETE FROM message WHERE off IN (2, 3)")
        dba.execute("DELETE FROM decision WHERE off IN (2, 3)")
        dba.execute("DELETE FROM identity WHERE off IN (2, 3)")
    assert damage(filled) == {("link_missing", "transit-0", 2)}


def test_a_batch_taken_out_and_the_later_ones_moved_up_is_found(filled: Conn, database_url: str) -> None:
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE chain = 'delivery-0' AND n = 2")
        dba.execute("DELETE FROM attempt WHERE off IN (2, 3)")
        for n in (3, 4):
            dba.execute("UPDATE audit_link SET n = n - 1, total = total - 4 WHERE chain = 'delivery-0' AND n = %s", (n,))
    assert damage(filled) == {("link_changed", "delivery-0", 2), ("link_changed", "delivery-0", 3)}


INSERTIONS = {
    "a decision in a batch": (
        "INSERT INTO decision VALUES (0, 3, 'village', 'permit', '13-treating-relation', 'full', '', '{}')", ("row_added", "transit-0", 2),
    ),
    "a decision after all": (
        "INSERT INTO decision VALUES (0, 99, 'village', 'permit', 'x', 'full', '', '{}')", ("row_added", "transit-0", 4),
    ),
    "a decision of a partition without any": (
        "INSERT INTO decision VALUES (7, 9, 'village', 'permit', 'x', 'full', '', '{}')", ("row_added", "transit-7", 0),
    ),
    "an attempt": ("INSERT INTO attempt VALUES (0, 3, 'village', 1, 1, 2, 'delivered', 'AA')", ("row_added", "delivery-0", 4)),
    "a consent": (
        "INSERT INTO consent SELECT (jsonb_populate_record(c, '{\"version\": 2}')).* FROM consent c", ("row_added", "consent", 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", INSERTIONS)
def test_an_insertion_beside_the_chain_is_found(filled: Conn, database_url: str, what: str) -> None:
    statement, expected = INSERTIONS[what]
    with tampering(database_url) as dba:
        dba.execute(statement.encode())
    assert damage(filled) == {expected}


def test_reordering_is_found(filled: Conn, database_url: str) -> None:
    """Two links in each other's place, rows and all that is theirs with them."""
    with tampering(database_url) as dba:
        for old, new in ((2, -1), (3, 2), (-1, 3)):
            dba.execute("UPDATE audit_link SET n = %s WHERE chain = 'delivery-0' AND n = %s", (new, old))
    assert damage(filled) == {("link_changed", "delivery-0", n) for n in (2, 3, 4)}


def test_a_link_in_the_middle_taken_out_is_found(filled: Conn, database_url: str) -> None:
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE chain = 'delivery-0' AND n = 2")
    found = damage(filled)
    assert ("link_missing", "delivery-0", 2) in found
    assert ("row_added", "delivery-0", 4) in found


def test_two_attempts_in_each_others_place_are_found(conn: Conn, decide: Decide, database_url: str) -> None:
    decide(received("c1"))
    audit_rig.attempt(conn, 0, "town", 1, "failed", "timeout")
    audit_rig.attempt(conn, 0, "town", 2, "delivered", "200")
    with tampering(database_url) as dba:
        for old, new in ((1, -1), (2, 1), (-1, 2)):
            dba.execute("UPDATE attempt SET n = %s WHERE n = %s", (new, old))
    assert damage(conn) == {("row_changed", "delivery-0", 1), ("row_changed", "delivery-0", 2)}


@pytest.mark.parametrize(
    "rows", ["{}", "[]", "[3]", '[["x", 1, 2]]', '[[1e3, "town", 1]]', "[-1, 99999999999999999999]", '[[1, "a\\u0000", 1]]']
)
@pytest.mark.parametrize("chain", ["transit-0", "delivery-0"])
def test_a_link_that_names_other_rows_or_none_is_found(filled: Conn, database_url: str, chain: str, rows: str) -> None:
    with tampering(database_url) as dba:
        dba.execute("UPDATE audit_link SET rows = %s WHERE chain = %s AND n = 2", (rows, chain))
    assert ("link_changed", chain, 2) in damage(filled)


def test_a_chain_the_hub_does_not_have_is_found(filled: Conn, database_url: str) -> None:
    name = "x'; DROP TABLE decision; --"
    with tampering(database_url) as dba:
        dba.execute("UPDATE audit_link SET chain = %s WHERE chain = 'access'", (name,))
    assert damage(filled) == {("link_changed", name, 0), ("row_added", "access", 0)}


def promised(conn: Conn) -> Promises:
    """What a checkpoint would have seen now."""
    seen = [Promise(chain, head.n, head.hash, 1) for chain, head in verify(conn).heads.items() if head.n]
    return lambda _conn, _report: seen


def truncated(report: Report) -> set[tuple[str, int]]:
    assert {f.damage for f in report.findings} <= {Damage.TRUNCATED}
    return {(f.chain, f.n) for f in report.findings}


def test_a_tail_cut_off_with_its_links_is_found_by_what_a_checkpoint_saw(filled: Conn, database_url: str) -> None:
    promise = promised(filled)
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE n = 4 AND chain ~ '-0$' OR chain IN ('consent', 'disclosure')")
        for table in ("message", "decision", "identity", "attempt"):
            dba.execute(f"DELETE FROM {table} WHERE off > 5".encode())
        dba.execute("DELETE FROM consent")
        dba.execute("DELETE FROM disclosure")
    assert damage(filled) == set()
    assert truncated(verify(filled, promise)) == {("transit-0", 4), ("delivery-0", 4), ("consent", 1), ("disclosure", 1)}


def test_a_chain_written_anew_by_its_own_rules_is_found_by_what_a_checkpoint_saw(filled: Conn, database_url: str) -> None:
    promise = promised(filled)
    with tampering(database_url) as dba:
        dba.execute("DELETE FROM audit_link WHERE chain = 'consent'")
        dba.execute("UPDATE consent SET active = false")
        dba.execute(
            "SELECT audit_append('consent', 1, json_build_array(json_build_array(id, version)), sha256(audit_row(c))) FROM consent c"
        )
    assert damage(filled) == set()
    assert {(f.damage, f.chain, f.n) for f in verify(filled, promise).findings} == {(Damage.LINK_CHANGED, "consent", 1)}


def test_a_checkpoint_says_where_every_chain_ends(filled: Conn) -> None:
    seen: list[dict[str, object]] = []

    def seal(body: dict[str, object]) -> str:
        seen.append(body)
        return '{"chains": {}}'

    line = make_checkpoint(filled, 100, seal)
    with filled.transaction():
        assert list(kept_checkpoints(filled)) == [(1, line)]
    found = Checkpoint.parse(seen[0])
    assert {chain: head for chain, head in verify(filled).heads.items() if head.n} == found.heads
    make_checkpoint(filled, 101, seal)
    second = Checkpoint.parse(seen[1])
    assert (second.n, second.made_us, len(second.before)) == (2, 101, 64)


REFUSED = (
    "UPDATE decision SET result = 'permit'", "DELETE FROM decision", "TRUNCATE decision", "UPDATE attempt SET outcome = 'withheld'",
    "DELETE FROM attempt", "UPDATE message SET patient_key = 'x'", "DELETE FROM message", "UPDATE consent SET active = false",
    "DELETE FROM disclosure", "DELETE FROM audit_link", "UPDATE audit_link SET hash = digest", "DELETE FROM audit_access",
    "UPDATE emergency SET until_us = 1", "DELETE FROM emergency",
    "UPDATE audit_checkpoint SET line = ''",
)  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_the_hub_itself_cannot_change_what_it_recorded(filled: Conn, statement: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        filled.execute(statement.encode())


def test_a_checkpoint_is_made_when_it_is_time_and_something_was_added(filled: Conn) -> None:
    assert make_checkpoint(filled, 1_000, json.dumps, every_us=500)
    assert not make_checkpoint(filled, 1_400, json.dumps, every_us=500)
    assert not make_checkpoint(filled, 2_000, json.dumps, every_us=500)
    filled.execute("INSERT INTO disclosure VALUES ('lock-1', 1, 0, 1, 'town', 51)")
    assert make_checkpoint(filled, 2_000, json.dumps, every_us=500)
