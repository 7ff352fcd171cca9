"""The past decided again over a real ledger: as it was decided under the same rules, and otherwise under others."""

from collections.abc import Iterator

import pytest

from hub.identity import FNR, HUB_PROVIDER
from hub.ledger.connect import Conn, connect
from hub.ledger.consents import NewVersion, put_consent
from hub.ledger.directory import load_directory, replace_file_entries
from hub.ledger.past import past
from hub.model import Actor, Consent, Identifier, Provision, Received, Result
from hub.routing.directory import Directory
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.whatif.replay import Change, Replay, Rules, changes
from hub.wiring import now_us
from tests.consents import simple
from tests.contracts.decided import decide, rewrite
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, adt, received

GP = "PD1|||Legesenteret^^999001017^^^ENH\r"
OTHER = "15076500565"
PATIENT, STRANGER = Identifier(FNR, NUMBER), Identifier(FNR, OTHER)
KEY = PSEUDONYMS.of_message([PATIENT], "olav").patient
DAY_US = 86_400_000_000


@pytest.fixture
def conn(database_url: str) -> Iterator[Conn]:
    with connect(database_url) as c:
        replace_file_entries(c, PROVIDERS, SUBSCRIPTIONS)
        yield c


def directory(conn: Conn) -> Directory:
    entries = load_directory(conn)
    return Directory(entries.providers, entries.subscriptions, entries.version)


def lock(provider: str, i: str = "c1", version: int = 1, *, deny: bool = True, **period: int) -> Consent:
    return simple(i, version, deny=deny, actors=(Identifier(HUB_PROVIDER, provider),) if provider else (), **period)


def put(conn: Conn, consent: Consent, patient: Identifier = PATIENT) -> None:
    put_consent(conn, NewVersion(consent, PSEUDONYMS.locks_of_consent(patient), {}, now_us()), lambda _b, _a: False, 0.0)


def replayed(conn: Conn, then: Directory | None = None) -> tuple[Replay, list[Change]]:
    now = directory(conn)
    replay = Replay(Rules(now, then or now), {}, now_us())
    return replay, list(replay.run(conn, 0))


def told(found: list[Change]) -> list[tuple[str, str, bool]]:
    return sorted((c.kind, c.recipient, c.gains) for c in found)


def test_what_decided_a_message_is_kept_as_it_was_then(conn: Conn, database_url: str) -> None:
    """The second message gives no address and no GP: the patient's are as remembered then, whatever came later."""
    decide(database_url, [received("c1", extra=GP), received("c2", town=""), received("c3", town="5031")])
    with conn.transaction():
        found = sorted((p for batch in past(conn, 0) for p in batch), key=lambda p: p.received_us)
    first, second, third = (p.facts for p in found)
    assert first and second and third
    assert [f.municipality for f in (first, second, third)] == ["5001", "5001", "5031"]
    assert [f.gps for f in (first, second, third)] == [("ENH", "999001017")] * 3
    assert [f.pathway for f in (first, second, third)] == [(), ("olav",), ("olav",)]
    assert (first.ward, first.encounter_class, first.kind, first.source) == ("MED", "I", "patient.admitted", "olav")
    assert first.addressed == ("REGION", "HUB") and not first.unresolved


def test_under_the_same_rules_all_is_decided_as_it_was(conn: Conn, database_url: str) -> None:
    """Whatever the patients had locked then, and have locked or opened since."""
    decide(
        database_url,
        [received("c1"), received("c2", town="5031", number=OTHER, mrn="7"), received("c2", town="5031", number=OTHER, mrn="7")],
    )
    put(conn, lock("town"))
    put(conn, lock("clinic", "c2"), STRANGER)
    decide(database_url, [received("c3"), received("c4", number=OTHER, mrn="7")])
    put(conn, lock("town", version=2, deny=False))
    replay, found = replayed(conn)
    assert found == []
    counts = replay.counts
    assert (counts.messages, counts.decisions, counts.unknown, counts.otherwise) == (4, 8, 0, 0)
    assert conn.execute("SELECT count(*) FROM decision WHERE rule = '11-locked'").fetchone() == (2,)


def test_other_entries_say_who_gains_and_who_loses(conn: Conn, database_url: str) -> None:
    decide(database_url, [received("c1"), received("c2", trigger="A03", town="5031")])
    _, found = replayed(conn, Directory(PROVIDERS, SUBSCRIPTIONS[1:], 2))
    assert told(found) == [("patient.admitted", "town", False)]
    _, found = replayed(conn, Directory(PROVIDERS[:1], (), 2))
    assert told(found) == [
        ("patient.admitted", "clinic", False), ("patient.admitted", "town", False),
        ("patient.discharged", "clinic", False), ("patient.discharged", "village", False),
    ]  # fmt: skip
    replace_file_entries(conn, PROVIDERS, SUBSCRIPTIONS[:1])
    replay, found = replayed(conn, Directory(PROVIDERS, SUBSCRIPTIONS, 2))
    assert told(found) == [
        ("patient.admitted", "clinic", True), ("patient.discharged", "clinic", True), ("patient.discharged", "village", True),
    ]  # fmt: skip
    assert replay.counts.otherwise == 2  # the entries in force are no longer those that decided


def test_what_was_decided_before_the_facts_were_kept_is_said_and_not_guessed(conn: Conn, database_url: str) -> None:
    decide(database_url, [received("c1"), received("c2")])
    rewrite(conn, "message", "occurred_us = NULL WHERE control_id = 'c1'")
    replay, found = replayed(conn, Directory((), (), 2))
    assert (replay.counts.messages, replay.counts.unknown, len(found)) == (1, 1, 2)


def test_a_lock_says_what_it_would_have_kept_from_whom_and_of_nobody_else(conn: Conn, database_url: str) -> None:
    decide(database_url, [received("c1"), received("c2", number=OTHER, mrn="7"), received("c3", trigger="A03")])
    now, since = now_us(), now_us() - 30 * DAY_US
    found = changes(conn, directory(conn), [KEY], lock("town"), now, since)
    assert told(found) == [("patient.admitted", "town", False), ("patient.discharged", "town", False)]
    assert {c.event_id for c in found} == {received("c1").event_id, received("c3", trigger="A03").event_id}
    assert [c.after.because for c in found if c.after] == [("c1/1",)] * 2
    assert changes(conn, directory(conn), [KEY], lock("town"), now, now) == []
    assert changes(conn, directory(conn), ["nobody"], lock("town"), now, since) == []


def test_a_lock_is_asked_about_as_if_it_were_in_force(conn: Conn, database_url: str) -> None:
    """It begins now or later, so that by its period it would have stopped nothing of the past; one that is over stops nothing ever."""
    decide(database_url, [received("c1")])
    now = now_us()
    for period in ({"start_us": now}, {"start_us": now + DAY_US, "end_us": now + 2 * DAY_US}):
        assert told(changes(conn, directory(conn), [KEY], lock("town", **period), now, 0)) == [("patient.admitted", "town", False)]
    assert changes(conn, directory(conn), [KEY], lock("town", end_us=now - 1), now, 0) == []


def test_what_another_lock_keeps_out_already_is_not_this_ones_doing(conn: Conn, database_url: str) -> None:
    decide(database_url, [received("c1")])
    put(conn, lock("town"))
    put(conn, lock("clinic", "c2"))
    now = now_us()
    assert changes(conn, directory(conn), [KEY], lock("", "c3"), now, 0) == []
    lifted = simple("c1", 2, active=False)
    assert told(changes(conn, directory(conn), [KEY], lifted, now, 0)) == [("patient.admitted", "town", True)]
    assert changes(conn, directory(conn), [KEY], lock("town", version=2), now, 0) == []


def test_who_turned_out_to_be_the_same_is_replayed_with_every_lock(conn: Conn, database_url: str) -> None:
    """What was decided under a key that a merge has retired is the survivor's, and the locks of both hold."""
    merge = "MRG|8^^^OLAV^MR\r"
    decide(database_url, [received("c1", number="", mrn="8"), received("c2"), received("c3", trigger="A40", extra=merge)])
    found = changes(conn, directory(conn), [KEY], lock("town"), now_us(), 0)
    assert ("patient.admitted", "town", False) in told(found) and len({c.event_id for c in found}) == 3
    put(conn, lock("clinic"))
    now = directory(conn)
    replay = Replay(Rules(now, Directory(PROVIDERS, (), 2)), {}, now_us())
    rewrite(conn, "message", "decided_us = decided_us + 60000000")  # as if all had been decided after the lock
    assert {c.recipient for c in replay.run(conn, 0)} == {"town"}


def on_conditions(provider: str) -> Consent:
    """A lock on diagnoses alone."""
    provision = Provision(deny=True, actors=(Actor(Identifier(HUB_PROVIDER, provider)),), classes=("Condition",))
    return Consent("c1", 1, active=True, provision=provision)


def with_diagnosis(control_id: str) -> Received:
    return received(control_id, adt(control_id) + b"DG1|1||J18.9^Pneumoni^ICD-10||20260101|A\r")


def test_a_lock_on_a_part_of_a_message_reads_the_message_again(conn: Conn, database_url: str) -> None:
    """Where it cannot be read, the part is taken to be the whole."""
    decide(database_url, [with_diagnosis("c1"), received("c2")])
    now, directory_ = now_us(), directory(conn)
    (change,) = changes(conn, directory_, [KEY], on_conditions("town"), now, 0, read=lambda row: read(recalled(row)))
    assert (change.recipient, change.gains, change.after and change.after.result) == ("town", False, Result.REDACT)
    assert change.event_id == with_diagnosis("c1").event_id and change.after and len(change.after.dropped) == 1
    unread = changes(conn, directory_, [KEY], on_conditions("town"), now, 0)
    assert [(c.recipient, c.after and c.after.result) for c in unread] == [("town", Result.DENY)] * 2


def test_what_was_asked_about_item_by_item_is_so_again(conn: Conn, database_url: str) -> None:
    put(conn, on_conditions("town"))
    decide(database_url, [with_diagnosis("c1")])
    replay, found = replayed(conn)
    assert (found, replay.counts.otherwise) == ([], 0)
    (change,) = replayed(conn, Directory(PROVIDERS, SUBSCRIPTIONS[1:], 2))[1]
    assert change.before and (change.before.result, len(change.before.dropped)) == (Result.REDACT, 1)
