"""``/fhir/AuditEvent`` over a real ledger: who may see what, page by page, and every reading recorded."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from hub.identity import FNR
from hub.ledger.connect import Conn, Pool, connect
from hub.ledger.directory import replace_file_entries
from hub.ledger.verify import verify
from hub.model import Identifier
from hub.settings import Settings
from hub.web.readiness import asks
from hub.web.seal import CHECKPOINT_FILE, load_seal, opened, trusted
from hub.web.state import Region, State
from hub.web.tokens import issue, load_keys
from tests.contracts.audit_rig import deciding, lock
from tests.contracts.delivery_rig import until
from tests.contracts.transit_rig import NUMBER, PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, received
from tests.contracts.web import Answer, Client, clock, serving

OTHER = "15076500565"
AT_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
ATTEMPT = "INSERT INTO attempt VALUES (0, %s, %s, 1, 1, %s, %s, %s)"
PATIENT = f"patient:{FNR}|{NUMBER}"


@dataclass
class Hub:
    """A web process over a ledger in which something is recorded."""

    client: Client
    data: Path
    conn: Conn

    def ask(self, who: str, path: str) -> Answer:
        return self.client.with_token(issue(self.data, who, clock()) if who else "").ask("GET", f"/fhir/AuditEvent{path}")

    def found(self, who: str, path: str) -> list[dict[str, Any]]:
        answer = self.ask(who, path)
        assert answer.status == 200, answer.body
        Bundle.model_validate(answer.json())
        return [e["resource"] for e in answer.json().get("entry", [])]


@pytest.fixture
def hub(database_url: str, tmp_path: Path) -> Iterator[Hub]:
    settings = Settings(http="127.0.0.1:0", audit_checkpoint_seconds=0.05, data=tmp_path)
    ledger, nothing = Pool(database_url, "web"), None

    def make() -> State:
        keys, seal = load_keys(tmp_path), load_seal(tmp_path)
        return State(settings, clock, keys, PSEUDONYMS, nothing, ledger, Region(ledger), asks({}), seal=seal)  # type: ignore[arg-type]

    with connect(database_url) as conn, deciding(database_url) as decide:
        replace_file_entries(conn, PROVIDERS, SUBSCRIPTIONS)
        decide(received("c1"), at_us=AT_US)
        conn.execute(ATTEMPT, (0, "town", AT_US + 1_100, "delivered", "200"))
        conn.execute(ATTEMPT, (0, "clinic", AT_US + 1_200, "withheld", "11-locked"))
        resource = {"resourceType": "Consent", "patient": {"identifier": {"system": FNR, "value": NUMBER}}}
        lock(conn, PSEUDONYMS.locks_of_consent(Identifier(FNR, NUMBER)), AT_US + 1_400, "town", resource)
        decide(received("c2"), at_us=AT_US + 2_000)
        decide(received("c3", number=OTHER, mrn="7"), at_us=AT_US + 3_000)
        conn.execute(ATTEMPT, (2, "town", AT_US + 3_100, "delivered", "200"))
        with serving(make) as client:
            yield Hub(client, tmp_path, conn)
    asyncio.run(ledger.close())


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["type"]["code"], e["outcome"]) for e in events if e["type"]["code"] != "rest"]


def test_an_administrator_finds_a_patient_by_any_identifier(hub: Hub) -> None:
    by_number = hub.found("admin", f"?patient={FNR}|{NUMBER}")
    assert kinds(by_number) == [("110113", "0"), ("110113", "8"), ("110113", "8"), ("110106", "0"), ("110113", "0"), ("110113", "0")]
    for query in (f"patient={NUMBER}", f"patient.identifier={FNR}|{NUMBER}", f"patient:identifier={NUMBER}", "patient=OLAV|1001"):
        assert kinds(hub.found("admin", f"?{query}")) == kinds(by_number)
    key = by_number[0]["extension"][0]["valueReference"]["identifier"]["value"]
    assert kinds(hub.found("admin", f"?patient=urn:hub:patient|{key}")) == kinds(by_number)
    assert NUMBER not in str(by_number)


def test_an_identifier_of_several_patients_finds_none_of_them(hub: Hub) -> None:
    """Two providers may give out the same number; whose record was read could not be recorded."""
    links = [PSEUDONYMS.link(Identifier("OLAV", "1001"), "town"), PSEUDONYMS.link(Identifier(FNR, OTHER), "")]
    key = hub.conn.execute("SELECT patient_key FROM identity WHERE link_key = %s", (links[1],)).fetchone()
    hub.conn.execute("INSERT INTO identity (link_key, patient_key, lock_keys) VALUES (%s, %s, '{}')", (links[0], key and key[0]))
    for who in ("admin", "provider:town", "patient:OLAV|1001"):
        answer = hub.ask(who, "?patient=OLAV|1001")
        assert (answer.status, "several patients" in answer.json()["issue"][0]["diagnostics"]) == (422, True)
    assert hub.conn.execute("SELECT count(*) FROM audit_access").fetchone() == (0,)


def test_a_patient_sees_their_own_and_no_other(hub: Hub) -> None:
    own = hub.found(PATIENT, "")
    assert kinds(own) == kinds(hub.found("admin", f"?patient={NUMBER}"))
    assert kinds(hub.found(PATIENT, f"?patient={FNR}|{NUMBER}")) == kinds(own)
    assert kinds(hub.found(f"patient:{NUMBER}", "")) == kinds(own)
    assert kinds(hub.found(PATIENT, "?entity=Consent/lock-1")) == [("110113", "8")]
    assert hub.ask(PATIENT, f"?patient={OTHER}").status == 403
    assert hub.ask(f"patient:{OTHER}", "?entity=Consent/lock-1").status == 403
    theirs = hub.found(f"patient:{OTHER}", "")
    assert {e["id"] for e in theirs}.isdisjoint(e["id"] for e in own)
    assert hub.ask(PATIENT, f"/{theirs[-1]['id']}").status == 403
    assert hub.ask(PATIENT, f"/{own[-1]['id']}").json() == own[-1]


def test_a_provider_sees_what_it_was_given_and_not_what_was_kept_from_it(hub: Hub) -> None:
    assert kinds(hub.found("provider:town", "")) == [("110106", "0"), ("110106", "0")]
    assert kinds(hub.found("provider:town", f"?patient={NUMBER}")) == [("110106", "0")]
    assert hub.found("provider:clinic", "") == []
    assert hub.found("provider:olav", "") == []
    assert kinds(hub.found("provider:town", "?agent=town")) == [("110106", "0"), ("110106", "0")]
    assert hub.ask("provider:town", "?agent=clinic").status == 403
    for event in hub.found("admin", f"?patient={NUMBER}"):  # its ids are its own: under those of others nothing is there for it
        assert hub.ask("provider:town", f"/{event['id']}").status == 404
    given = hub.found("provider:town", f"?patient={NUMBER}")[0]
    assert hub.ask("provider:town", f"/{given['id']}").json() == given
    assert hub.ask("provider:clinic", f"/{given['id']}").status == 404


@pytest.mark.parametrize("path", ["", "?patient=x", "/0f0e0d0c-0b0a-8908-8706-050403020100.0123456789abcdef"])
def test_without_a_token_nothing(hub: Hub, path: str) -> None:
    assert hub.ask("", path).status == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?colour=red", 400), ("?patient=", 400), ("?date=soon", 400), ("?_count=0", 400), ("?patient=a&patient=b", 400), ("", 422),
        ("?agent=town", 422), ("?date=ge2026-01-01", 422), ("?date=ge2026-01-01&date=le2026-03-01", 422), ("?date=2026-01", 200),
        ("?date=2026-01&agent=town", 422), ("?date=2026-01-01&agent=town", 200),
        ("?entity=Consent/none", 200), ("?entity=0f0e0d0c-0b0a-8908-8706-050403020100", 200), ("?patient=nobody", 200), ("/x", 404),
        ("/0f0e0d0c-0b0a-8908-8706-050403020100.0123456789abcdef", 404), ("/%00", 404),
    ],
)  # fmt: skip
def test_what_an_administrator_is_answered(hub: Hub, path: str, status: int) -> None:
    answer = hub.ask("admin", path)
    assert answer.status == status
    if status == 422:
        assert "31 days" in answer.json()["issue"][0]["diagnostics"]


def test_by_date_agent_and_entity(hub: Hub) -> None:
    assert len(kinds(hub.found("admin", "?date=2026-01-01T00:00:00.002Z"))) == 2
    clinic = kinds(hub.found("admin", "?date=2026-01-01&agent=clinic"))
    assert clinic == [("110113", "0"), ("110113", "0"), ("110113", "8"), ("110113", "0")]
    assert len(kinds(hub.found("admin", f"?entity=urn:uuid:{received('c2').event_id}"))) == 2
    assert kinds(hub.found("admin", "?entity=Consent/lock-1/_history/1")) == [("110113", "8")]
    assert kinds(hub.found("admin", "?entity=Consent/lock-1/_history/2")) == []


def test_pages_by_the_link_to_the_next(hub: Hub) -> None:
    whole = [e["id"] for e in hub.found("admin", "?date=2026-01-01")]
    path, told = "?date=2026-01-01&_count=2", []
    for _ in range(20):
        bundle = hub.ask("admin", path).json()
        told += [e["resource"]["id"] for e in bundle.get("entry", [])]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        if "next" not in links:
            break
        path = links["next"].partition("/fhir/AuditEvent")[2]
    assert told == whole
    assert len(whole) == 9


def test_reading_it_is_in_it(hub: Hub) -> None:
    """Who, what and when, to be found by the patient; and the chain holds it."""
    first = hub.found("admin", f"?patient={NUMBER}&_count=1")[0]
    hub.ask("provider:town", f"?patient={NUMBER}")
    hub.ask(PATIENT, f"/{first['id']}")
    reads = [e for e in hub.found(PATIENT, "") if e["type"]["code"] == "rest"]
    assert [(e["subtype"][0]["code"], next(a for a in e["agent"] if a["requestor"])["who"]["identifier"]["value"]) for e in reads] == [
        ("read", key_of(first)), ("search-type", "town"), ("search-type", "admin"),
    ]  # fmt: skip
    assert reads[-1]["entity"][0]["description"] == f"AuditEvent?patient={key_of(first)}&_count=1"
    assert NUMBER not in str(reads)
    rows = hub.conn.execute("SELECT role, address, patient_keys FROM audit_access ORDER BY at_us").fetchall()
    assert [row[0] for row in rows] == ["admin", "provider", "patient", "patient"]
    assert {row[1] for row in rows} == {"127.0.0.1"}
    assert all(row[2] == [key_of(first)] for row in rows)
    report = verify(hub.conn)
    assert report.findings == []
    assert report.heads["access"].n == 4
    assert hub.ask(PATIENT, f"/{reads[0]['id']}").json() == reads[0]


def key_of(event: dict[str, Any]) -> str:
    value = event["extension"][0]["valueReference"]["identifier"]["value"]
    assert isinstance(value, str)
    return value


def test_a_search_over_several_patients_is_a_reading_of_each(hub: Hub) -> None:
    hub.found("admin", "?date=2026-01-01")
    ((keys,),) = hub.conn.execute("SELECT patient_keys FROM audit_access")
    assert len(keys) == 2
    assert [e["type"]["code"] for e in hub.found(f"patient:{OTHER}", "")].count("rest") == 1


def test_what_cannot_be_recorded_is_not_answered(hub: Hub) -> None:
    event = hub.found("admin", f"?patient={NUMBER}")[0]
    hub.conn.execute("ALTER TABLE audit_access ADD CHECK (role = 'nobody') NOT VALID")
    for path in (f"?patient={NUMBER}", f"/{event['id']}"):
        answer = hub.ask("admin", path)
        assert answer.status >= 500
        assert b"AuditEvent" not in answer.body


def test_the_web_process_signs_where_the_chain_is(hub: Hub) -> None:
    file = hub.data / CHECKPOINT_FILE

    def is_signed() -> bool:
        lines = file.read_text().splitlines() if file.exists() else []
        return bool(lines) and opened(lines[-1], trusted(hub.data, [])).heads.get("access") is not None

    hub.found("admin", f"?patient={NUMBER}")
    asyncio.run(until(is_signed))


def test_the_capability_statement_tells_of_it(hub: Hub) -> None:
    statement = hub.client.ask("GET", "/fhir/metadata").json()
    CapabilityStatement.model_validate(statement)
    (resource,) = [r for r in statement["rest"][0]["resource"] if r["type"] == "AuditEvent"]
    assert {p["name"] for p in resource["searchParam"]} == {"patient", "patient.identifier", "agent", "date", "entity"}
