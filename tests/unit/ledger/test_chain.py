"""Links as values: what they are hashed of is written down, and cannot change without this test."""

from dataclasses import replace
from hashlib import sha256

import pytest

from hub.ledger.batch import Entry, Writes
from hub.ledger.chain import DECISION, FIRST_MESSAGE, FORM, MESSAGE, START, Head, added, follow, in_first_form, transit_digest
from hub.ledger.rows import COLUMNS, records
from hub.model import Decision, Detail, Outcome, Plan, Result, Rule
from tests.contracts.transit_rig import received


def test_a_link_is_hashed_with_the_one_before_it() -> None:
    digest = bytes(range(32))
    link = follow("transit-3", Head(), 5, (7, 9), digest)
    assert (link.n, link.count, link.total, link.rows) == (1, 5, 5, "[7, 9]")
    assert link.hash == sha256(START + digest + b"transit-3 1 2 5 5 [7, 9]").digest()
    second = follow("transit-3", link.head, 2, (10, 10), digest)
    assert second.hash == sha256(link.hash + digest + b"transit-3 2 2 2 7 [10, 10]").digest()
    assert link.follows(Head()) and second.follows(link.head)


@pytest.mark.parametrize(
    "change",
    [
        {"chain": "transit-4"},
        {"n": 3},
        {"form": 1},
        {"count": 4},
        {"total": 8},
        {"rows": "[10, 11]"},
        {"digest": bytes(32)},
        {"hash": bytes(32)},
    ],
)
def test_whatever_is_changed_of_a_link_it_no_longer_follows(change: dict[str, object]) -> None:
    first = follow("transit-3", Head(), 5, (7, 9), b"d" * 32)
    second = follow("transit-3", first.head, 2, (10, 10), b"e" * 32)
    assert not replace(second, **change).follows(first.head)  # type: ignore[arg-type]
    assert not second.follows(Head())


def test_the_digest_does_not_hang_on_the_order_rows_come_in() -> None:
    assert transit_digest([b"b", b"a"], [b"d", b"c"]) == transit_digest([b"a", b"b"], [b"c", b"d"]) == sha256(b"abcd").digest()


def test_a_batch_adds_to_each_partition_its_messages_without_content_and_their_decisions() -> None:
    def entry(part: int, off: int, control_id: str, *recipients: str) -> Entry:
        decisions = tuple(Decision(r, Result.PERMIT, Rule.TREATING_RELATION, Detail.FULL) for r in recipients)
        return Entry((part, off), Plan(received(control_id), Outcome.ROUTED, decisions=decisions), "p", ())

    writes = Writes(entries=[entry(0, 4, "c1", "a", "b"), entry(1, 9, "c2"), entry(0, 6, "c3", "a")])
    tables = records(writes, 7)
    found = added(writes, tables)
    assert {part: (a.first, a.last, len(a.messages), len(a.decisions)) for part, a in found.items()} == {0: (4, 6, 2, 3), 1: (9, 9, 1, 0)}
    assert found[0].decisions == tables["decision"]
    raw = received("c1").raw
    assert raw in tables["message"][0]
    assert all(b"PID|" not in row and b"c1" in row for row in found[0].messages[:1])
    chained, written = found[0].messages[0], tables["message"][0]
    assert chained[:2] == (MESSAGE.count(",") + 1).to_bytes(2, "big")
    assert written[2:].replace(len(raw).to_bytes(4, "big") + raw, b"") == chained[2:]
    assert chained.endswith(sha256(raw).digest())
    first = in_first_form(written)
    assert first == in_first_form(chained)
    assert first[:2] == (FIRST_MESSAGE.count(",") + 1).to_bytes(2, "big")
    assert written.startswith(first[2:], 2)


def test_what_is_chained_is_what_is_written() -> None:
    """A column that comes to a table of the record must come to its chain as a new form, or what is chained already no longer holds."""
    assert FORM == 2
    assert COLUMNS["message"].replace(", raw", "") == MESSAGE
    assert COLUMNS["message"].startswith(f"{FIRST_MESSAGE}, raw, occurred_us")
    assert FIRST_MESSAGE.endswith("encoding, outcome, reason, place")
    assert DECISION.removesuffix(", dropped") == "part, off, recipient, result, rule, detail, subscription, because"
