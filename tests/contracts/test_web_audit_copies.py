"""``/fhir/AuditEvent`` of a message of which something was left out: told to the patient, and to its recipient as of any other."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from hub.identity import FNR
from hub.ledger.connect import Pool, connect
from hub.settings import Settings
from hub.web.readiness import asks
from hub.web.state import Region, State
from hub.web.tokens import issue, load_keys
from tests.contracts.delivery_rig import provider
from tests.contracts.items_rig import HIV, NUMBER, PSEUDONYMS, decided, lock, put, report
from tests.contracts.web import Answer, Client, clock, serving

WHOLE_OTHER = "15076500565"
PATIENT = f"patient:{FNR}|{NUMBER}"
ATTEMPT = """
INSERT INTO attempt SELECT part, off, recipient, 1, decided_us, decided_us + 1, 'delivered', '200'
FROM decision JOIN message USING (part, off)"""

COPY = """
INSERT INTO sent_copy SELECT part, off, recipient, 1, copy_id, detail, dropped FROM outbox WHERE copy_id <> ''"""


class Hub:
    """A web process; ``ask`` as somebody."""

    def __init__(self, client: Client, data: Path, copy_id: str) -> None:
        self._client = client
        self._data = data
        self.copy_id = copy_id

    def ask(self, who: str, path: str) -> Answer:
        return self._client.with_token(issue(self._data, who, clock())).ask("GET", f"/fhir/AuditEvent{path}")

    def found(self, who: str, path: str) -> list[dict[str, Any]]:
        answer = self.ask(who, path)
        assert answer.status == 200, answer.body
        Bundle.model_validate(answer.json())
        return [e["resource"] for e in answer.json().get("entry", []) if e["resource"]["type"]["code"] != "rest"]


@pytest.fixture
def hub(database_url: str, tmp_path: Path) -> Iterator[Hub]:
    """Two reports delivered to the same recipient: of one patient without the result that is locked, of the other whole."""
    provider(database_url, "a", {"channel": "fhir", "url": "http://127.0.0.1:9/"})
    put(database_url, lock(HIV))
    decided(database_url, report("1"), report("2", number=WHOLE_OTHER))
    with connect(database_url) as conn:
        conn.execute(ATTEMPT)
        conn.execute(COPY)
        ((copy_id,),) = conn.execute("SELECT copy_id FROM sent_copy").fetchall()
    settings, ledger, nothing = Settings(http="127.0.0.1:0", data=tmp_path), Pool(database_url, "web"), None

    def make() -> State:
        return State(settings, clock, load_keys(tmp_path), PSEUDONYMS, nothing, ledger, Region(ledger), asks({}))  # type: ignore[arg-type]

    with serving(make) as client:
        yield Hub(client, tmp_path, copy_id)
    asyncio.run(ledger.close())


def test_the_patient_is_told_which_lock_left_something_out(hub: Hub) -> None:
    for who in (PATIENT, "admin"):
        sent, made = hub.found(who, f"?patient={FNR}|{NUMBER}")
        assert (made["outcome"], made["outcomeDesc"]) == ("0", "redact: 11-locked")
        assert [e["what"]["reference"] for e in made["entity"] if "reference" in e["what"]] == ["Consent/c/_history/1"]
        assert (sent["type"]["code"], sent["outcome"]) == ("110106", "0")
        assert hub.ask(who, f"/{made['id']}").json() == made


def test_its_recipient_cannot_tell_a_copy_from_the_whole(hub: Hub) -> None:
    """But for whose it was, and when: of neither its number in the hub, by which a guess at the rest could be tried."""
    events = hub.found("provider:a", "")
    assert len(events) == 2
    assert all(hub.ask("provider:a", f"/{e['id']}").json() == e for e in events)
    text = str(events)
    for said in ("locked", "Consent", "rule", report("1").event_id):
        assert said not in text
    named = [e["entity"][1]["what"]["identifier"]["value"] for e in events]
    assert sorted(named) == sorted(f"urn:uuid:{i}" for i in (hub.copy_id, report("2", number=WHOLE_OTHER).event_id))
    copy, whole = ({k: v for k, v in e.items() if k not in {"id", "recorded", "extension", "entity"}} for e in events)
    assert copy == whole
    assert [[d["type"] for d in e["entity"][1]["detail"]] for e in events] == [["kind", "detail", "subscription"]] * 2


def test_its_recipient_cannot_try_out_what_was_left_out(hub: Hub) -> None:
    """Neither by the id that the whole message has, nor by a consent, nor by the id that others read the record under."""
    assert hub.ask("provider:a", f"?entity=urn:uuid:{report('1').event_id}").status == 403
    assert hub.ask("provider:a", "?entity=Consent/c").status == 403
    for event in hub.found("admin", f"?patient={FNR}|{NUMBER}"):
        assert hub.ask("provider:a", f"/{event['id']}").status == 404
    assert hub.ask("provider:b", f"/{hub.found('provider:a', '')[0]['id']}").status == 404
