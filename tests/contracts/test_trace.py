"""``hub trace`` over a real ledger: every outcome a message and a delivery can have is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import Reason
from hub.identity import derived_id
from hub.ledger.trace import lives, trace
from hub.model import Adapter, Refusal
from hub.stream.trace_tool import run_trace
from tests.contracts.transit_rig import Rig, received, rig
from tests.unit.adapters.fhir.made import bundle, raw_of


@pytest.fixture
def hub(kafka: str, database_url: str, topic_prefix: str) -> Iterator[Rig]:
    with rig(kafka, database_url, topic_prefix) as made:
        yield made


def told(hub: Rig, any_id: str, recipient: str = "town") -> dict[str, Any]:
    life = trace(hub.conn, any_id)
    return next(r for r in life["recipients"] if r["recipient"] == recipient)


def attempt(hub: Rig, n: int, outcome: str, code: str, *, parked: str = "") -> None:
    hub.conn.execute("INSERT INTO attempt SELECT part, off, 'town', %s, 1000000, 2000000, %s, %s FROM message", (n, outcome, code))
    if outcome in ("delivered", "withheld", "discarded"):
        hub.conn.execute("DELETE FROM outbox WHERE recipient = 'town'")
    hub.conn.execute("UPDATE outbox SET attempts = %s, parked = %s WHERE recipient = 'town'", (n, parked))


def test_a_life_is_found_by_each_of_its_ids_and_says_everything(hub: Rig) -> None:
    message = received("c1")
    hub.run(message, message, replace(message, received_us=message.received_us + 5_000_000))  # a copy among another's messages; a repeat
    life = trace(hub.conn, "c1")
    assert life["event_id"] == message.event_id
    assert (life["received"]["adapter"], life["received"]["provider"], life["received"]["trigger"]) == ("hl7v2", "olav", "ADT^A01")
    assert life["received"]["at"].endswith(("+01:00", "+02:00"))
    assert (life["answered"], life["translated"], life["outcome"]) == ({"code": "AA"}, {"kind": "patient.admitted"}, "routed")
    assert len(life["repeats"]) == 1
    town = told(hub, "c1")
    assert town["decision"] == {
        "result": "permit", "rule": "13-treating-relation", "because": ["subscription"], "detail": "full", "subscription": "town-1",
    }  # fmt: skip
    assert (town["delivery"]["state"], town["attempts"], town["receipt"]) == ("waiting", [], None)
    for any_id in (message.event_id, message.event_id.upper(), town["bundle_id"], derived_id(message.event_id, "bundle", "minimal")):
        assert trace(hub.conn, any_id) == life
    assert "Åsen" not in json.dumps(life, ensure_ascii=False)


def test_a_fhir_message_is_found_by_the_id_of_its_bundle_too(hub: Rig) -> None:
    """What a FHIR recipient gets in full is the sender's own Bundle, with an id beside the identifier."""
    made = bundle() | {"id": "sent-1", "identifier": {"system": "urn:x", "value": "c9"}}
    message = replace(
        received("c9"), adapter=Adapter.FHIR, control_id="c9", trigger="notification-admit", raw=raw_of(made), event_id=derived_id("f", "1")
    )
    hub.run(message)
    life = trace(hub.conn, "c9")
    assert life["event_id"] == message.event_id
    assert trace(hub.conn, "sent-1") == life


@pytest.mark.parametrize(
    "unknown", ["c1", "x", "", "a\0b", "00000000-0000-8000-8000-000000000000", "urn:uuid:00000000-0000-8000-8000-000000000000"]
)
def test_an_unknown_id_is_said_to_be_unknown(hub: Rig, unknown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace(hub.conn, unknown) == {}
    assert run_trace(hub.url, unknown, as_json=True) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1


def test_what_happens_to_a_delivery_is_told(hub: Rig) -> None:
    hub.run(received("c1"))
    claim = "INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)"
    hub.conn.execute(f"{claim} SELECT 'w', 1, '{{p}}', '{{k}}', ARRAY[part], ARRAY[off], '{{town}}' FROM message")
    assert told(hub, "c1")["delivery"]["state"] == "sending"
    hub.conn.execute("DELETE FROM claim")
    attempt(hub, 1, "failed", "connect")
    assert told(hub, "c1")["delivery"]["state"] == "waiting"
    attempt(hub, 2, "held", "2-consent-unreadable")
    assert told(hub, "c1")["delivery"]["state"] == "held"
    attempt(hub, 9, "held", "1-patient-unresolved", parked="1-patient-unresolved")
    assert (told(hub, "c1")["delivery"]["state"], told(hub, "c1")["delivery"]["code"]) == ("held", "1-patient-unresolved")
    hub.conn.execute("SET session_replication_role = replica")  # nobody may change it
    hub.conn.execute("DELETE FROM attempt WHERE n = 9")
    attempt(hub, 3, "refused", "422", parked="422")
    assert told(hub, "c1")["delivery"] | {"not_before": ""} == {
        "state": "parked",
        "code": "422",
        "channel": "fhir",
        "form": "fhir",
        "not_before": "",
    }
    attempt(hub, 4, "delivered", "200")
    town = told(hub, "c1")
    assert (town["delivery"], town["receipt"]["code"], [a["n"] for a in town["attempts"]]) == ({"state": "delivered"}, "200", [1, 2, 3, 4])
    hub.conn.execute("INSERT INTO disclosure SELECT 'lock', 2, part, off, 'town', 7 FROM message")
    assert [d["consent"] for d in told(hub, "c1")["under_way_when_locked"]] == ["lock/2"]


@pytest.mark.parametrize("outcome", ["withheld", "discarded"])
def test_what_was_settled_unsent_is_told(hub: Rig, outcome: str) -> None:
    hub.run(received("c1"))
    attempt(hub, 1, outcome, "11-locked")
    assert told(hub, "c1")["delivery"] == {"state": outcome}


def test_a_refusal_and_what_followed_are_told_apart(hub: Rig) -> None:
    """Refused, then sent again under the same control id with other bytes, then a conflict: three lives under one id."""
    refused = received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"), town="5031")
    hub.run(refused, refused, received("c1"), received("c1", town="5099"))
    found = lives(hub.conn, "c1")
    assert [m["translated"].get("refused") for m in found] == ["unknown_sender", "unknown_sender", None, "duplicate_control_id"]
    assert (found[0]["answered"], found[0]["translated"]["where"], found[0]["recipients"]) == ({"code": "AE"}, "MSH-4", [])
    assert "registered" in found[0]["translated"]["act"]
    assert trace(hub.conn, "c1") == {"id": "c1", "messages": found}


def test_the_command_prints_json(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    hub.run(received("c1"))
    assert run_trace(hub.url, "c1", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["control_id"] == "c1"
