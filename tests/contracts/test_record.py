"""The record searched in a real ledger: what is found, page by page, and that nothing is found by reading everything."""

import re
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from hub.identity import FNR
from hub.ledger import record
from hub.ledger.connect import Conn, connect
from hub.ledger.directory import replace_file_entries
from hub.ledger.disclosures import patient_keys_of
from hub.ledger.record import Access, Fact, Record, Sought, find, keep_access, search
from hub.model import Identifier
from tests.contracts.audit_rig import Decide, attempt, deciding, lock
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received

LINK = PSEUDONYMS.link(Identifier(FNR, NUMBER), "olav")
TOLD = tuple[str, int, str, str]


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
def story(conn: Conn, decide: Decide) -> Conn:
    """One patient's two messages, a lock between them, and another patient's message."""
    decide(received("c1"), at_us=1_000)
    attempt_at(conn, 0, "town", 1, 1_100, "failed", "connect")
    attempt_at(conn, 0, "town", 2, 1_200, "delivered", "200")
    attempt_at(conn, 0, "clinic", 1, 1_300, "unknown", "died")
    lock(conn, PSEUDONYMS.locks_of_consent(Identifier(FNR, NUMBER)), 1_400, "town")
    conn.execute("INSERT INTO disclosure VALUES ('lock-1', 1, 0, 0, 'clinic', 1450)")
    decide(received("c2"), at_us=1_500)
    attempt_at(conn, 1, "clinic", 1, 1_600, "withheld", "11-locked")
    decide(received("c3", mrn="9", number=""), at_us=2_000)
    attempt_at(conn, 2, "town", 1, 2_100, "delivered", "200")
    return conn


def attempt_at(conn: Conn, *row: object) -> None:
    """Offset, recipient, number, end, outcome, code."""
    conn.execute("INSERT INTO attempt VALUES (0, %s, %s, %s, 1, %s, %s, %s)", row)


def said(r: Record) -> TOLD:
    return (
        r.fact.name, r.at_us, r.told.recipient if r.told else "", r.attempt.outcome if r.attempt else r.told.result if r.told else "",
    )  # fmt: skip


def found(conn: Conn, sought: Sought) -> list[TOLD]:
    return [said(r) for r in search(conn, sought).records]


MINE: list[TOLD] = [
    ("ATTEMPTED", 1_600, "clinic", "withheld"),
    ("DECIDED", 1_500, "clinic", "permit"),
    ("DECIDED", 1_500, "town", "deny"),
    ("LATE", 1_450, "clinic", "permit"),
    ("ATTEMPTED", 1_300, "clinic", "unknown"),
    ("ATTEMPTED", 1_200, "town", "delivered"),
    ("DECIDED", 1_000, "clinic", "permit"),
    ("DECIDED", 1_000, "town", "permit"),
]
THEIRS: list[TOLD] = [
    ("ATTEMPTED", 2_100, "town", "delivered"),
    ("DECIDED", 2_000, "clinic", "permit"),
    ("DECIDED", 2_000, "town", "permit"),
]


def test_a_patients_own_the_latest_first(story: Conn) -> None:
    """An attempt in which nothing left and nothing was decided is no event of the record."""
    assert found(story, Sought(patients=patient_keys_of(story, [LINK]))) == MINE
    assert found(story, Sought(patients=frozenset({"nobody"}))) == []


def test_all_of_a_time(story: Conn) -> None:
    assert found(story, Sought(from_us=1)) == THEIRS + MINE
    assert found(story, Sought(from_us=1_200, to_us=1_500)) == MINE[3:6]
    assert found(story, Sought(from_us=1_201, to_us=1_450)) == MINE[4:5]


@pytest.mark.parametrize("by_patient", [True, False])
def test_an_agent_is_the_recipient_or_the_source(story: Conn, *, by_patient: bool) -> None:
    sought = Sought(patients=patient_keys_of(story, [LINK]) if by_patient else None)
    everything = MINE if by_patient else THEIRS + MINE
    assert found(story, replace(sought, agent="clinic")) == [r for r in everything if r[2] == "clinic"]
    assert found(story, replace(sought, agent="olav")) == everything
    assert found(story, replace(sought, agent="village")) == []


@pytest.mark.parametrize("by_patient", [True, False])
def test_a_provider_is_told_what_was_disclosed_to_it_and_nothing_else(story: Conn, *, by_patient: bool) -> None:
    sought = Sought(patients=patient_keys_of(story, [LINK]) if by_patient else None)
    assert found(story, replace(sought, only_to="clinic")) == [("ATTEMPTED", 1_300, "clinic", "unknown")]
    assert found(story, replace(sought, only_to="olav")) == []
    town = [("ATTEMPTED", 1_200, "town", "delivered")]
    assert found(story, replace(sought, only_to="town")) == (town if by_patient else [("ATTEMPTED", 2_100, "town", "delivered"), *town])


def test_by_event_and_by_consent(story: Conn) -> None:
    patients = patient_keys_of(story, [LINK])
    assert found(story, Sought(event_id=received("c2").event_id)) == MINE[:3]
    assert found(story, Sought(patients=frozenset({"other"}), event_id=received("c2").event_id)) == []
    assert found(story, Sought(patients=patients, consent_id="lock-1")) == [MINE[2], MINE[3]]
    assert found(story, Sought(patients=patients, consent_id="lock-1", consent_version=1)) == [MINE[2], MINE[3]]
    assert found(story, Sought(patients=patients, consent_id="lock-1", consent_version=2)) == []
    assert found(story, Sought(patients=patients, consent_id="lock")) == []


READER = Access(1_550, "provider", "town", "10.0.0.7", "search-type", "patient=K")


def test_a_reading_is_in_the_record_once_for_each_patient(story: Conn) -> None:
    patients = patient_keys_of(story, [LINK])
    keep_access(story, READER, [*patients, "other"])
    keep_access(story, READER, [*patients, "other"])  # the same moment, reader and question: the same reading
    records = search(story, Sought(patients=patients)).records
    readings = [r for r in records if r.fact is Fact.READ]
    assert [(r.patient_key in patients, r.access) for r in readings] == [(True, READER)] * len(patients)
    assert len([r for r in search(story, Sought(from_us=1)).records if r.fact is Fact.READ]) == len(patients) + 1
    assert [r.fact for r in search(story, Sought(patients=patients, agent="town", from_us=1_550, to_us=1_551)).records] == [
        Fact.READ
    ] * len(patients)
    assert [r.fact for r in search(story, Sought(patients=patients, agent="village")).records] == []
    for sought in (Sought(only_to="town"), Sought(event_id=received("c1").event_id), Sought(patients=patients, consent_id="lock-1")):
        assert Fact.READ not in {r.fact for r in search(story, sought).records}


def test_a_reading_of_nobody_in_particular(story: Conn) -> None:
    keep_access(story, READER, [])
    (reading,) = [r for r in search(story, Sought(from_us=1)).records if r.fact is Fact.READ]
    assert reading.patient_key == ""


def test_every_record_is_found_by_its_id_again(story: Conn) -> None:
    keep_access(story, READER, ["p", "q"])
    records = search(story, Sought(from_us=1)).records
    assert len(records) == len(MINE) + len(THEIRS) + 2
    assert len({r.id for r in records}) == len(records)
    for r in records:
        assert find(story, r.id) == r
        assert len(r.id) <= 64
        assert find(story, r.id[:-1]) is None
    for junk in ("", "x", "a.b", "../..", "0" * 64, f"{records[0].id}.x", "00000000-0000-8000-8000-000000000000.0123456789abcdef"):
        assert find(story, junk) is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("way", ["patient", "time", "provider"])
def test_pages_are_all_of_it_once(story: Conn, way: str, count: int) -> None:
    keep_access(story, READER, ["p", "q", "r"])
    keep_access(story, replace(READER, at_us=1_500), [*patient_keys_of(story, [LINK])])
    ways = {"patient": Sought(patients=patient_keys_of(story, [LINK])), "time": Sought(from_us=1), "provider": Sought(only_to="town")}
    sought = replace(ways[way], count=count)
    whole = search(story, replace(sought, count=100))
    assert whole.next is None
    told: list[Record] = []
    for _ in range(100):
        page = search(story, sought)
        told += page.records
        if page.next is None:
            break
        assert len(page.records) == count
        sought = replace(sought, to_us=page.next[0], skip=page.next[1])
    assert [r.id for r in told] == [r.id for r in whole.records]


WAYS = {
    "patient": Sought(patients=frozenset({"a", "b"})),
    "event": Sought(event_id=received("c1").event_id),
    "provider": Sought(only_to="town", from_us=5, to_us=9),
    "time": Sought(from_us=5, to_us=9),
    "agent in a time": Sought(agent="town", from_us=5, to_us=9),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_reads_a_whole_table(conn: Conn, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query as the server would do it: with sequential scans as the last resort, one that has no index still shows one."""
    plans: list[str] = []
    fetch = record._fetch

    def explained(c: Conn, query: str, values: dict[str, object]) -> list[object]:
        plans.extend(line for (line,) in c.execute(f"EXPLAIN {query}".encode(), values))
        return fetch(c, query, values)

    monkeypatch.setattr(record, "_fetch", explained)
    search(conn, WAYS[way])
    assert len(plans) > 3
    assert [line for line in plans if "Seq Scan" in line] == []


def test_the_recipient_of_an_attempt_is_never_asked_of_all_of_them(conn: Conn, database_url: str) -> None:
    """Which recipients there are is read from the index, one step each."""
    conn.execute("INSERT INTO attempt SELECT 0, g, 'r' || g % 3, 1, 1, g, 'delivered', 'AA' FROM generate_series(1, 20000) g")
    conn.execute("VACUUM ANALYZE attempt")
    with connect(database_url) as other, other.transaction():
        other.execute(record._SESSION)
        plan = "\n".join(line for (line,) in other.execute(f"EXPLAIN ANALYZE {record._RECIPIENTS}".encode()))
    assert "Seq Scan" not in plan
    read = [float(rows) for rows in re.findall(r"actual [^)]*rows=([0-9.]+)", plan)]
    assert 1 <= max(read) <= 10


def test_the_story_is_whole(story: Conn) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        story.execute("DELETE FROM audit_access")
    attempt(story, 2, "clinic", 1, "delivered", "AA")
    assert search(story, Sought(from_us=1)).records
