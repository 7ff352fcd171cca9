"""The web process over a real ledger and a real broker: messages, consents and administration."""

import asyncio
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub import telemetry
from hub.adapters.fhir.mappings import OWN
from hub.avro import Codec
from hub.identity import FNR, Pseudonyms, canonical
from hub.ledger.connect import Pool
from hub.ledger.consents import find_consents
from hub.model import Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.intake import Intake
from hub.stream.kafka import Consumer, Producer, Topics, ensure_topics
from hub.stream.promise import objections
from hub.web.consents import UNDER_WAY
from hub.web.readiness import asks, of_ledger
from hub.web.state import Region, State
from hub.web.tokens import issue, load_keys
from tests.contracts.web import Answer, Client, clock, serving
from tests.unit.adapters.fhir import pushed

SAMPLES = Path(os.environ.get("HUB_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples")) / "davinci-alerts"
PSEUDONYMS = Pseudonyms(b"k" * 32)
KARI, OLA = "15076500565", "01410199935"
CONSENT: dict[str, Any] = {
    "resourceType": "Consent",
    "id": "lock-1",
    "status": "active",
    "scope": {"coding": [{"code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"identifier": {"system": FNR, "value": KARI}},
    "policyRule": {"coding": [{"code": "OPTIN"}]},
    "provision": {"type": "deny"},
}
NOBODY = {"reference": {"identifier": {"system": "urn:hub:provider", "value": "nobody"}}}
HOSPITAL = {
    "id": "st-olavs", "name": "St. Olavs hospital", "kind": "hospital", "organisation": "974749025", "senders": ["STOLAV"],
    "deliver": {"channel": "mailbox"},
}  # fmt: skip


@dataclass
class Hub:
    """A web process, tokens for it, and what lies behind it."""

    client: Client
    data: Path
    database_url: str
    bootstrap: str
    topics: Topics

    def as_(self, who: str) -> Client:
        return self.client.with_token(issue(self.data, who, clock()) if who else "")

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]  # a test's own text
            return cursor.fetchall() if cursor.description else []

    def inbound(self, count: int) -> list[Received]:
        """The first records of the topic; waits for them."""
        consumer = Consumer(
            self.bootstrap,
            f"{self.topics.inbound}-test",
            self.topics.inbound,
            on_assign=lambda parts: dict.fromkeys(parts, 0),
            on_revoke=lambda _: None,
        )
        found: list[Received] = []
        deadline = time.monotonic() + 20
        while len(found) < count and time.monotonic() < deadline:
            found += [Codec().decode_received(r.value) for r in consumer.poll_batch(100, 0.2)]
        consumer.close()
        return found


@pytest.fixture
def hub(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Hub]:
    settings = Settings(
        http="127.0.0.1:0", topic_prefix=topic_prefix, partitions=2, revocation_wait_seconds_max=0.3, frame_bytes_max=500_000
    )
    topics = Topics(topic_prefix)
    ensure_topics(kafka, [topics.inbound], settings)

    producer, ledger = Producer(kafka, delivery_timeout_ms=10_000), Pool(database_url, "web")

    def make() -> State:
        intake = Intake(producer, Codec(), PSEUDONYMS, Directory((), (), 0), settings, clock)
        missing, judge = asks(of_ledger(ledger)), partial(objections, settings)
        return State(settings, clock, load_keys(tmp_path), PSEUDONYMS, intake, ledger, Region(ledger), missing, judge)

    with serving(make) as client:
        yield Hub(client, tmp_path, database_url, kafka, topics)
    producer.close()
    asyncio.run(ledger.close())


# --- administration


def test_a_provider_is_in_effect_when_answered(hub: Hub) -> None:
    admin = hub.as_("admin")
    assert admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL).status == 201
    assert hub.client.ask("POST", "/fhir/$process-message", message(sender="STOLAV")).status == 200
    assert admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL | {"suspended": True}).status == 200
    assert hub.client.ask("POST", "/fhir/$process-message", message(sender="STOLAV")).status == 403
    assert admin.ask("GET", "/admin/providers/st-olavs").json()["suspended"] is True
    assert [p["id"] for p in admin.ask("GET", "/admin/providers").json()] == ["st-olavs"]
    assert admin.ask("DELETE", "/admin/providers/st-olavs").status == 204
    assert admin.ask("DELETE", "/admin/providers/st-olavs").status == 404
    assert admin.ask("GET", "/admin/providers/st-olavs").status == 404
    assert hub.client.ask("POST", "/fhir/$process-message", message(sender="STOLAV")).status == 403


IN_THE_CLEAR = {"channel": "mllp", "host": "10.0.0.1", "port": 2600}


def test_what_would_keep_the_hub_from_starting_again_is_not_taken(hub: Hub) -> None:
    admin = hub.as_("admin")
    refused = admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL | {"deliver": IN_THE_CLEAR})
    assert refused.status == 422
    assert "without TLS" in refused.json()["lines"][0]
    assert admin.ask("GET", "/admin/providers/st-olavs").status == 404
    no_senders = admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL | {"senders": []})
    assert no_senders.status == 201, "its subscription can only be put after it"


def test_an_entry_of_the_file_cannot_be_deleted_and_the_answer_says_so(hub: Hub) -> None:
    hub.sql("INSERT INTO provider VALUES ('st-olavs', 'file', %s)", json.dumps(HOSPITAL))
    answer = hub.as_("admin").ask("DELETE", "/admin/providers/st-olavs")
    assert answer.status == 409
    assert "configuration file" in answer.json()["lines"][0]
    assert hub.as_("admin").ask("GET", "/admin/providers/st-olavs").status == 200


def test_a_subscription_has_a_life(hub: Hub) -> None:
    admin = hub.as_("admin")
    wanted = {"provider": "st-olavs", "events": ["patient.*"], "where": {"municipality": "5001"}, "detail": "minimal"}
    missing = admin.ask("PUT", "/admin/subscriptions/s1", wanted)
    assert missing.status == 422
    assert "there is no provider" in missing.json()["lines"][0]
    admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL)
    assert admin.ask("PUT", "/admin/subscriptions/s1", wanted).status == 201
    assert admin.ask("PUT", "/admin/subscriptions/s1", wanted | {"detail": "notice"}).status == 200
    assert admin.ask("GET", "/admin/subscriptions/s1").json()["detail"] == "notice"
    assert [s["id"] for s in admin.ask("GET", "/admin/subscriptions").json()] == ["s1"]
    assert admin.ask("DELETE", "/admin/providers/st-olavs").status == 422  # the subscription names it
    assert admin.ask("DELETE", "/admin/subscriptions/s1").status == 204
    assert admin.ask("GET", "/admin/subscriptions/s1").status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "clinic"},
        {"id": "another"},
        {"deliver": {"channel": "mllp"}},
        {"unknown": 1},
        {"senders": "STOLAV"},
        {"name": None},
        {"id": 7},
    ],
)
def test_a_wrong_entry_is_told_what_to_write(hub: Hub, change: dict[str, Any]) -> None:
    got = hub.as_("admin").ask("PUT", "/admin/providers/st-olavs", HOSPITAL | change)
    assert got.status == 422
    assert "write" in got.json()["lines"][0]
    assert hub.sql("SELECT count(*) FROM provider") == [(0,)]


def test_readiness_asks_the_ledger_and_its_tables(hub: Hub) -> None:
    def missing() -> list[str]:
        return list(hub.client.ask("GET", "/readyz").json()["missing"])

    assert missing() == []
    hub.sql("INSERT INTO migration (name) VALUES ('9999.sql')")  # a later version has been here
    assert missing() == ["schema"]
    hub.sql("DROP TABLE migration")
    assert missing() == ["schema"]
    hub.sql("DROP TABLE directory_version")
    assert missing() == ["ledger", "schema"]
    assert hub.client.ask("GET", "/healthz").status == 200


# --- consents


def test_a_consent_has_versions(hub: Hub) -> None:
    kari = hub.as_(f"patient:{KARI}")
    first = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT)
    assert (first.status, first.headers["ETag"]) == (201, 'W/"1"')
    assert first.headers["Content-Type"].startswith("application/fhir+json")
    assert first.headers["Last-Modified"].endswith("GMT")
    assert first.json()["meta"]["versionId"] == "1"
    assert "contained" not in first.json()
    assert UNDER_WAY not in first.headers
    second = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | {"status": "inactive", "meta": {"versionId": "99"}})
    assert (second.status, second.headers["ETag"]) == (200, 'W/"2"')
    read = kari.ask("GET", "/fhir/Consent/lock-1")
    assert (read.status, read.headers["ETag"], read.json()["status"]) == (200, 'W/"2"', "inactive")
    assert read.json()["patient"] == CONSENT["patient"]
    rows = hub.sql("SELECT version, active, body #> '{root,deny}' FROM consent ORDER BY 1")
    assert rows == [(1, True, True), (2, False, True)]


def test_a_consent_is_in_force_under_the_keys_of_its_patient(hub: Hub) -> None:
    hub.as_("admin").ask("PUT", "/fhir/Consent/lock-1", CONSENT)
    locks = PSEUDONYMS.of_message([canonical("", KARI)], "st-olavs").locks
    with psycopg.connect(hub.database_url, autocommit=True) as conn:
        assert [s.consent.id for s in find_consents(conn, locks)] == ["lock-1"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": 'W/"1"'}, 200),
        ({"If-Match": '"1"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": 'W/"2"'}, 412),
        ({"If-Match": "nonsense"}, 412),
        ({"If-None-Match": "*"}, 412),
        ({}, 200),
    ],
)
def test_a_version_is_written_over_only_as_expected(hub: Hub, headers: dict[str, str], status: int) -> None:
    admin = hub.as_("admin")
    admin.ask("PUT", "/fhir/Consent/lock-1", CONSENT)
    assert admin.ask("PUT", "/fhir/Consent/lock-1", CONSENT, headers).status == status
    assert admin.ask("PUT", "/fhir/Consent/lock-2", CONSENT | {"id": "lock-2"}, {"If-Match": 'W/"1"'}).status == 412


def test_nobody_reaches_anothers_consent(hub: Hub) -> None:
    kari, ola = hub.as_(f"patient:{KARI}"), hub.as_(f"patient:{OLA}")
    of_ola = CONSENT | {"patient": {"identifier": {"value": OLA}}, "status": "inactive"}
    assert ola.ask("PUT", "/fhir/Consent/lock-1", CONSENT).status == 403
    assert kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT).status == 201
    assert ola.ask("GET", "/fhir/Consent/lock-1").status == 403
    assert ola.ask("PUT", "/fhir/Consent/lock-1", of_ola).status == 403  # Kari's lock would be lifted
    assert hub.as_("admin").ask("PUT", "/fhir/Consent/lock-1", of_ola).status == 409
    assert ola.ask("GET", "/fhir/Consent/lock-2").status == 404
    assert hub.sql("SELECT max(version) FROM consent") == [(1,)]


def test_a_patient_finds_their_own(hub: Hub) -> None:
    admin = hub.as_("admin")
    admin.ask("PUT", "/fhir/Consent/a", CONSENT | {"id": "a"})
    admin.ask("PUT", "/fhir/Consent/b", CONSENT | {"id": "b", "patient": {"identifier": {"value": OLA}}})
    admin.ask("PUT", "/fhir/Consent/c", CONSENT | {"id": "c", "patient": {"identifier": {"system": "urn:x", "value": "1"}}})

    def found(client: Client, identifier: str) -> list[str] | int:
        got = client.ask("GET", f"/fhir/Consent?patient.identifier={identifier}")
        return [e["resource"]["id"] for e in got.json().get("entry", [])] if got.status == 200 else got.status

    for identifier in (KARI, f"{FNR}%7C{KARI}"):
        assert found(hub.as_(f"patient:{KARI}"), identifier) == ["a"]
        assert found(admin, identifier) == ["a"]
        assert found(hub.as_(f"patient:{OLA}"), identifier) == 403
    assert found(hub.as_("patient:urn:x|1"), "urn:x%7C1") == ["c"]
    assert found(hub.as_("patient:urn:x|1"), "1") == 403
    assert found(admin, "1") == ["c"]
    assert found(hub.as_(f"provider:{KARI}"), KARI) == 403
    assert admin.ask("GET", "/fhir/Consent").status == 400


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"provision": {"type": "deny", "provision": [{"type": "permit", "provision": [{}]}]}}, "Consent.provision.provision[0].provision"),
        ({"provision": {"type": "deny", "purpose": [{}]}}, "Consent.provision.purpose[0]"),
        ({"provision": {"type": "deny", "actor": [{"reference": {"display": "x"}}]}}, "Consent.provision.actor[0]"),
        ({"provision": {"type": "deny", "actor": [NOBODY]}}, "Consent.provision.actor[0]"),
        ({"patient": {"reference": "Patient/1"}}, "Consent.patient.identifier"),
        ({"status": "on"}, "Consent.status"),
        ({"resourceType": "Patient"}, "Consent"),
        ({"id": "other"}, "Consent.id"),
        ({"id": ["lock-1"]}, "Consent.id"),
    ],
)  # fmt: skip
def test_a_consent_the_hub_does_not_understand_is_no_lock(hub: Hub, change: dict[str, Any], place: str) -> None:
    got = hub.as_("admin").ask("PUT", "/fhir/Consent/lock-1", CONSENT | change)
    assert got.status == 422
    assert got.json()["issue"][0]["expression"] == [place]
    assert hub.sql("SELECT count(*) FROM consent") == [(0,)]


def test_a_lock_on_nobody_the_hub_knows_is_taken_and_says_so(hub: Hub) -> None:
    """A provider may come that is known by that number; but a patient must not believe in a lock that keeps nobody out now."""
    kari = hub.as_(f"patient:{KARI}")
    hub.as_("admin").ask("PUT", "/admin/providers/st-olavs", HOSPITAL)
    known, unknown = ({"reference": {"identifier": {"system": "urn:x", "value": v}}} for v in ("974 749 025", "942110464"))
    got = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | {"provision": {"type": "deny", "actor": [known, unknown]}})
    assert got.status == 201
    (note,) = got.json()["contained"]
    assert (note["resourceType"], note["issue"][0]["severity"]) == ("OperationOutcome", "warning")
    assert note["issue"][0]["expression"] == ["Consent.provision.actor[1]"]
    assert "942110464" not in note["issue"][0]["diagnostics"]
    for harmless in ({"provision": {"type": "deny", "actor": [known]}}, {"status": "inactive"}, {}):
        assert "contained" not in kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | harmless).json()


def test_a_consent_in_full_is_stored_shown_and_lifted(hub: Hub) -> None:
    """As IHE PCF writes it; the hub says when it was given where the patient does not."""
    kari = hub.as_(f"patient:{KARI}")
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
    data = [{"meaning": "related", "reference": {"reference": "Encounter/1"}}]
    provision = {"type": "deny", "purpose": [{"code": "TREAT"}], "securityLabel": [label], "provision": [{"type": "permit", "data": data}]}
    full = CONSENT | {"policyRule": {"coding": [{"code": "PBRL5-3"}]}, "provision": provision}
    started = clock()
    got = kari.ask("PUT", "/fhir/Consent/lock-1", full)
    assert (got.status, got.json()["provision"]) == (201, full["provision"])
    assert kari.ask("GET", "/fhir/Consent/lock-1").json()["provision"] == full["provision"]
    ((body,),) = hub.sql("SELECT body FROM consent")
    exception = {"deny": False, "data": [["related", "", "Encounter/1"]]}
    assert body.pop("given_us") >= started
    assert body == {"root": {"deny": True, "purposes": ["TREAT"], "labels": ["PSY"], "exceptions": [exception]}}
    assert kari.ask("PUT", "/fhir/Consent/lock-1", full | {"status": "inactive", "dateTime": "2022-06-13"}).status == 200
    assert hub.sql("SELECT body -> 'given_us' FROM consent WHERE version = 2") == [(1655157599_999_999,)]


def test_a_lock_that_the_hub_would_now_refuse_can_be_read_and_lifted(hub: Hub) -> None:
    kari = hub.as_(f"patient:{KARI}")
    assert kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT).status == 201
    hub.sql('UPDATE consent SET resource = resource || \'{"decision": "deny"}\'')
    assert kari.ask("GET", "/fhir/Consent/lock-1").status == 200
    assert kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | {"status": "inactive"}).status == 200


def test_the_answer_says_what_a_lock_on_a_person_and_on_a_group_does(hub: Hub) -> None:
    kari = hub.as_(f"patient:{KARI}")
    named = [
        {"reference": {"type": kind, "identifier": {"system": "urn:x", "value": "942110464"}}} for kind in ("Practitioner", "CareTeam")
    ]
    provision = {"type": "deny", "actor": named[:1], "provision": [{"type": "deny", "actor": named[1:]}]}
    got = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | {"provision": provision})
    assert got.status == 201
    issues = [note["issue"][0] for note in got.json()["contained"]]
    assert [i["expression"] for i in issues] == [["Consent.provision.actor[0]"], ["Consent.provision.provision[0].actor[0]"]]
    assert ["person" in i["diagnostics"] for i in issues] == [True, False]
    assert "every recipient" in issues[1]["diagnostics"]


OUTBOX = """
INSERT INTO outbox (part, off, recipient, event_id, patient_key, source, received_us, channel, form, detail, labels, purpose, lock_keys,
                    control_id, kind, payload)
VALUES (0, 7, 'trondheim', %s, 'p', 'st-olavs', 1, 'mllp', 'hl7v2', 'full', '{}', 'TREAT', %s, 'c', 'k', '')"""
DECISION = "INSERT INTO decision VALUES (0, 7, 'trondheim', 'permit', '13-treating-relation', 'full', 's', '{pathway}')"
CLAIM = """
INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)
VALUES ('w', 1, '{p}', %s, '{0}', '{7}', '{trondheim}')"""


EVENT = "018f0000-0000-8000-8000-000000000001"


def under_way(hub: Hub) -> None:
    """A message about Kari is being sent to Trondheim."""
    keys = list(PSEUDONYMS.of_message([canonical("", KARI)], "st-olavs").locks)
    hub.as_("admin").ask("PUT", "/admin/providers/trondheim", HOSPITAL | {"id": "trondheim", "organisation": "942110464", "senders": []})
    hub.sql(OUTBOX, EVENT, keys)
    hub.sql(DECISION)
    hub.sql(CLAIM, keys)


def to(*providers: str) -> dict[str, Any]:
    actors = [{"reference": {"identifier": {"system": "urn:hub:provider", "value": p}}} for p in providers]
    return {"provision": {"type": "deny", "actor": actors}}


def test_a_consent_waits_for_and_names_only_what_it_would_have_stopped(hub: Hub) -> None:
    under_way(hub)
    hub.as_("admin").ask("PUT", "/admin/providers/st-olavs", HOSPITAL)
    kari = hub.as_(f"patient:{KARI}")
    later = {"provision": {"type": "deny", "period": {"start": "2999-01-01"}}}
    for number, change in enumerate((to("st-olavs"), later, {"provision": {"type": "permit"}}, {"status": "inactive"})):
        got = kari.ask("PUT", f"/fhir/Consent/other-{number}", CONSENT | {"id": f"other-{number}"} | change)
        assert (got.status, got.headers.get(UNDER_WAY)) == (201, None)
    got = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | to("trondheim"))
    assert (got.status, got.headers.get(UNDER_WAY)) == (201, "1")
    lifted = kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT | {"status": "inactive"})
    assert (lifted.status, lifted.headers.get(UNDER_WAY)) == (200, None)
    assert hub.sql("SELECT consent_id, version FROM disclosure") == [("lock-1", 1)]


def test_a_lock_names_what_it_came_too_late_for(hub: Hub) -> None:
    under_way(hub)
    started = time.monotonic()
    got = hub.as_(f"patient:{KARI}").ask("PUT", "/fhir/Consent/lock-1", CONSENT)
    assert 0.3 <= time.monotonic() - started < 3
    assert (got.status, got.headers[UNDER_WAY]) == (201, "1")
    note = got.json()["contained"][0]
    assert note["resourceType"] == "OperationOutcome"
    assert "trondheim" in note["issue"][0]["diagnostics"]
    assert EVENT in note["issue"][0]["diagnostics"]
    assert hub.sql("SELECT consent_id, version, recipient FROM disclosure") == [("lock-1", 1, "trondheim")]
    assert "contained" not in hub.as_("admin").ask("GET", "/fhir/Consent/lock-1").json()


def test_a_ledger_that_goes_away_when_the_lock_is_in_force_does_not_say_that_nothing_was_done(hub: Hub) -> None:
    under_way(hub)
    kari, answers = hub.as_(f"patient:{KARI}"), list[Answer]()
    writer = threading.Thread(target=lambda: answers.append(kari.ask("PUT", "/fhir/Consent/lock-1", CONSENT)))
    writer.start()
    while not hub.sql("SELECT 1 FROM consent"):
        time.sleep(0.005)
    hub.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hub web'")
    writer.join()
    (got,) = answers
    assert got.status == 503
    assert "may be in force already: read it back" in got.json()["issue"][0]["diagnostics"]
    assert kari.ask("GET", "/fhir/Consent/lock-1").status == 200


def test_writers_of_one_consent_take_turns(hub: Hub) -> None:
    admin, answers = hub.as_("admin"), list[int]()
    writers = [threading.Thread(target=lambda: answers.append(admin.ask("PUT", "/fhir/Consent/lock-1", CONSENT).status)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(answers) == [200, 200, 200, 201]
    assert hub.sql("SELECT count(*), max(version) FROM consent") == [(4, 4)]


def test_a_ledger_that_is_away_is_503_and_nothing_more(hub: Hub) -> None:
    name = hub.database_url.rpartition("/")[2]
    server = hub.database_url.rpartition("/")[0] + "/postgres"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[arg-type]  # a test's own name
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        got = hub.as_("admin").ask("PUT", "/fhir/Consent/lock-1", CONSENT)
        assert (got.status, got.headers["Retry-After"]) == (503, "5")
        assert name not in got.body.decode()
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[arg-type]
    assert hub.as_("admin").ask("PUT", "/fhir/Consent/lock-1", CONSENT).status == 201


# --- messages


def message(sender: str, control_id: str = "m-1") -> dict[str, Any]:
    """A small message Bundle."""
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A01"},
        "source": {"name": "EPJ", "endpoint": "urn:epj"},
        "sender": {"identifier": {"value": sender}},
        "focus": [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}],
    }
    patient = {"resourceType": "Patient", "identifier": [{"system": FNR, "value": KARI}]}
    return {
        "resourceType": "Bundle",
        "type": "message",
        "id": control_id,
        "entry": [{"resource": header}, {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": patient}],
    }


@pytest.fixture
def region(hub: Hub) -> Hub:
    admin = hub.as_("admin")
    assert admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL).status == 201
    other = HOSPITAL | {"id": "levanger", "senders": ["LEV"], "certificates": ["a" * 64]}
    assert admin.ask("PUT", "/admin/providers/levanger", other).status == 201
    return hub


@pytest.mark.parametrize(
    ("who", "sender", "status", "reason"),
    [
        ("", "STOLAV", 200, None),
        ("", "LEV", 403, "sender_mismatch"),  # known by certificate or token, and shows neither
        ("", "UNKNOWN", 403, "unknown_sender"),
        ("provider:st-olavs", "STOLAV", 200, None),
        ("provider:levanger", "LEV", 200, None),
        ("provider:levanger", "STOLAV", 403, "sender_mismatch"),
        ("provider:nobody", "STOLAV", 403, "sender_mismatch"),
        ("admin", "STOLAV", 200, None),
    ],
)
def test_who_may_speak_as_whom(region: Hub, who: str, sender: str, status: int, reason: str | None) -> None:
    got = region.as_(who).ask("POST", "/fhir/$process-message", message(sender))
    assert got.status == status, got.body
    assert got.json()["resourceType"] == "OperationOutcome"
    assert got.json()["issue"][0]["severity"] == ("error" if reason else "information")
    (record,) = region.inbound(1)  # the refused one too: it was identified
    assert (record.refusal.reason.value if record.refusal else None) == reason
    assert (record.answer, record.control_id, record.sender) == (str(status), "m-1", sender)
    assert json.loads(record.raw) == message(sender)


def test_whoever_takes_what_nobody_claims(region: Hub) -> None:
    everyone = HOSPITAL | {"id": "others", "senders": ["*"]}
    assert region.as_("admin").ask("PUT", "/admin/providers/others", everyone).status == 201
    assert region.client.ask("POST", "/fhir/$process-message", message("UNKNOWN")).status == 200
    assert region.as_("provider:others").ask("POST", "/fhir/$process-message", message("UNKNOWN")).status == 200
    assert region.as_("provider:others").ask("POST", "/fhir/$process-message", message("STOLAV")).status == 403


def test_the_same_message_has_the_same_id_and_key(region: Hub) -> None:
    for _ in range(2):
        assert region.client.ask("POST", "/fhir/$process-message", message("STOLAV")).status == 200
    first, second = region.inbound(2)
    assert first.event_id == second.event_id
    assert first.patient_key == second.patient_key == PSEUDONYMS.of_message(first.identifiers, "st-olavs").patient


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"NOT TESTED: no Da Vinci samples at {SAMPLES}")
def test_the_notifications_of_da_vinci_are_taken(region: Hub) -> None:
    everyone = HOSPITAL | {"id": "others", "senders": ["*"]}
    region.as_("admin").ask("PUT", "/admin/providers/others", everyone)
    files = sorted(SAMPLES.glob("*-message-bundle-*.json"))
    assert len(files) >= 4
    for file in files:
        got = region.client.ask("POST", "/fhir/$process-message", file.read_bytes())
        assert got.status == 200, (file.name, got.body)
    assert {r.raw for r in region.inbound(len(files))} == {f.read_bytes() for f in files}


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], int]] = {
    "another type of Bundle": (lambda m: m.update(type="batch"), 422),
    "no Bundle": (lambda m: m.update(resourceType="Patient"), 422),
    "no header": (lambda m: m["entry"].pop(0), 400),
    "an event nobody carries": (lambda m: m["entry"][0]["resource"]["eventCoding"].update(code="Z99"), 422),
    "no patient": (lambda m: m["entry"].pop(1), 422),
    "a patient without identifier": (lambda m: m["entry"][1]["resource"].pop("identifier"), 422),
    "no id": (lambda m: m.pop("id"), 422),
    "a merge of nobody": (lambda m: m["entry"][0]["resource"].update(eventCoding={"system": OWN, "code": "patient.merged"}), 422),
    "a crowd of identifiers": (lambda m: m["entry"][1]["resource"].update(identifier=[{"value": str(n)} for n in range(9_000)]), 413),
    "too large": (lambda m: m.update(x="a" * 600_000), 413),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_message_is_told_why(region: Hub, name: str) -> None:
    change, status = BROKEN[name]
    broken = message("STOLAV")
    change(broken)
    got = region.client.ask("POST", "/fhir/$process-message", broken)
    assert got.status == status, got.body
    assert got.json()["issue"][0]["severity"] == "error"
    assert KARI not in got.body.decode()


@pytest.mark.parametrize(
    "name", ["an event nobody carries", "no patient", "a patient without identifier", "a merge of nobody", "a crowd of identifiers"]
)
def test_what_is_refused_after_it_was_identified_is_kept(region: Hub, name: str) -> None:
    change, status = BROKEN[name]
    broken = message("STOLAV")
    change(broken)
    region.client.ask("POST", "/fhir/$process-message", broken)
    (record,) = region.inbound(1)
    assert record.refusal is not None
    assert (record.provider, record.control_id, record.answer) == ("st-olavs", "m-1", str(status))


def test_a_control_id_used_again_for_something_else_is_told(region: Hub) -> None:
    other = message("STOLAV") | {"timestamp": "2026-01-01T00:00:00Z"}
    answers = [region.client.ask("POST", "/fhir/$process-message", m).status for m in (message("STOLAV"), other, message("STOLAV"))]
    assert answers == [200, 409, 200]
    assert sorted(r.answer for r in region.inbound(3)) == ["200", "200", "409"]


def test_what_a_server_pushes_becomes_messages_and_the_same_again_the_same_messages(region: Hub) -> None:
    server = region.as_("provider:st-olavs")
    both = pushed.bundle(pushed.patient(), pushed.stay(), pushed.patient("2", pushed.OLA), pushed.result("7", "2"))
    for _ in range(2):
        got = server.ask("POST", "/fhir", both)
        assert got.status == 200, got.body
        assert got.json()["type"] == "transaction-response"
    records = region.inbound(4)
    assert len(records) == 4
    found = Counter((r.event_id, r.trigger, r.patient_key) for r in records)
    assert sorted(trigger for _, trigger, _ in found) == ["observation.reported", "patient.admitted"]
    assert set(found.values()) == {2}
    assert len({key for _, _, key in found}) == 2
    assert all((r.provider, r.answer, r.refusal) == ("st-olavs", "200", None) for r in records)


def test_a_transaction_that_is_refused_in_part_is_not_taken_and_says_where(region: Hub) -> None:
    broken = pushed.bundle(pushed.patient(), pushed.stay(), pushed.stay("6", "9"))
    got = region.as_("provider:st-olavs").ask("POST", "/fhir", broken)
    assert got.status == 422, got.body
    assert got.json()["issue"][0]["expression"] == ["Bundle.entry[2]"]
    whole = pushed.bundle(pushed.patient(), pushed.stay())
    assert region.as_("provider:st-olavs").ask("POST", "/fhir", whole).status == 200
    assert [r.trigger for r in region.inbound(1)] == ["patient.admitted"]


def test_a_broker_that_is_away_is_503(database_url: str, tmp_path: Path) -> None:
    settings = Settings(http="127.0.0.1:0")

    def make() -> State:
        ledger = Pool(database_url, "web")
        intake = Intake(Producer("127.0.0.1:9", delivery_timeout_ms=1500), Codec(), PSEUDONYMS, Directory((), (), 0), settings, clock)
        return State(settings, clock, load_keys(tmp_path), PSEUDONYMS, intake, ledger, Region(ledger), asks({}))

    with serving(make) as client:
        admin = client.with_token(issue(tmp_path, "admin", clock()))
        assert admin.ask("PUT", "/admin/providers/st-olavs", HOSPITAL).status == 201
        before = telemetry.ANSWERED.labels("fhir", "503")._value.get()
        for body in (
            message("STOLAV"),
            message("STOLAV") | {"timestamp": "2026-01-01T00:00:00Z"},
        ):  # built anew: no conflict with what is nowhere
            got = client.ask("POST", "/fhir/$process-message", body)
            assert (got.status, got.headers["Retry-After"]) == (503, "5")
            assert got.json()["issue"][0]["code"] == "transient"
            assert "send the same again" in got.json()["issue"][0]["diagnostics"]
        assert telemetry.ANSWERED.labels("fhir", "503")._value.get() - before == 2
