"""Who received what of a patient, and what was withheld, told from a real ledger."""

from collections.abc import Iterator

import pytest

from hub.identity import FNR
from hub.ledger.connect import Conn, connect
from hub.ledger.directory import replace_file_entries
from hub.ledger.disclosures import Attempt, Fate, UnderWay, disclosures_at, disclosures_of, patient_keys_of
from hub.model import Identifier
from tests.contracts.audit_rig import Decide, attempt, deciding
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received

LINK = PSEUDONYMS.link(Identifier(FNR, NUMBER), "olav")
MRN = PSEUDONYMS.link(Identifier("OLAV", "1001"), "olav")


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        yield c


@pytest.fixture
def decide(database_url: str) -> Iterator[Decide]:
    with deciding(database_url) as decided:
        yield decided


def test_each_recipient_of_each_message_with_its_decision_and_attempts(conn: Conn, decide: Decide) -> None:
    decide(received("c1"), at_us=7)
    decide(received("c2", trigger="A03"), at_us=9)
    attempt(conn, 0, "town", 1, "failed", "connect")
    attempt(conn, 0, "town", 2, "delivered", "200")
    attempt(conn, 0, "clinic", 1, "withheld", "11-locked")
    found = disclosures_of(conn, patient_keys_of(conn, [LINK]))
    assert [(d.kind, d.recipient, d.fate) for d in found] == [
        ("patient.discharged", "clinic", Fate.WAITING), ("patient.discharged", "town", Fate.WAITING),
        ("patient.admitted", "clinic", Fate.WITHHELD), ("patient.admitted", "town", Fate.DELIVERED),
    ]  # fmt: skip
    town = found[-1]
    assert town.attempts == (Attempt(1, 10, 11, "failed", "connect"), Attempt(2, 20, 21, "delivered", "200"))
    assert town.disclosed == (Attempt(2, 20, 21, "delivered", "200"),)
    assert (town.source, town.result, town.subscription, town.purpose, town.detail) == ("olav", "permit", "town-1", "TREAT", "full")
    assert town.decided_us == 7
    assert town.event_id == received("c1").event_id


def test_a_denied_one_is_told_as_withheld_and_a_send_that_was_under_way_as_such(conn: Conn, decide: Decide) -> None:
    decide(received("c1"))
    conn.execute("INSERT INTO decision VALUES (0, 0, 'village', 'deny', '11-locked', 'full', 'village-1', '{consent:c1/1}')")
    conn.execute("INSERT INTO disclosure VALUES ('c1', 1, 0, 0, 'town', 30)")
    by_recipient = {d.recipient: d for d in disclosures_of(conn, patient_keys_of(conn, [LINK]))}
    assert by_recipient["village"].fate is Fate.WITHHELD
    assert by_recipient["town"].under_way == (UnderWay("c1", 1, 30),)
    assert by_recipient["clinic"].under_way == ()


def test_a_merged_patient_is_told_of_both_records(conn: Conn, decide: Decide) -> None:
    decide(received("c1", mrn="1", number=""), received("c2", mrn="2", number=""))
    decide(received("c3", mrn="2", number="", trigger="A40", extra="MRG|1^^^OLAV^MR\r"))
    link = PSEUDONYMS.link(Identifier("OLAV", "2"), "olav")
    keys = patient_keys_of(conn, [link])
    assert {d.event_id for d in disclosures_of(conn, keys)} >= {
        received(c, mrn=m, number="").event_id for c, m in (("c1", "1"), ("c2", "2"))
    }
    assert keys == patient_keys_of(conn, [PSEUDONYMS.link(Identifier("OLAV", "1"), "olav")])


def test_another_patient_and_what_came_before_are_left_out(conn: Conn, decide: Decide) -> None:
    first = received("c1")
    decide(first, received("c2", mrn="9", number=""))
    keys = patient_keys_of(conn, [LINK, MRN])
    assert {d.event_id for d in disclosures_of(conn, keys)} == {first.event_id}
    assert disclosures_of(conn, keys, since_us=first.received_us + 1) == []
    assert len(disclosures_of(conn, keys, limit=1)) == 1
    assert patient_keys_of(conn, ["nobody"]) == frozenset()
    assert disclosures_of(conn, frozenset()) == []


def test_of_some_messages_all_recipients_are_told_however_old_they_are(conn: Conn, decide: Decide) -> None:
    """A page of old messages must not be told as if nobody had got them."""
    decide(*(received(f"c{n}") for n in range(4)))
    found = disclosures_at(conn, {(0, 2), (0, 0), (5, 5)})
    assert sorted((d.off, d.recipient) for d in found) == [(0, "clinic"), (0, "town"), (2, "clinic"), (2, "town")]
    assert found == [d for d in disclosures_of(conn, patient_keys_of(conn, [LINK])) if d.off in {0, 2}]
    assert disclosures_at(conn, frozenset()) == []
