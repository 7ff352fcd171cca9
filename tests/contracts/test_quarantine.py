"""``hub quarantine`` over real servers: what is kept, what a person is told, and what sending it in again leads to."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from hub.adapters.hl7v2.receive import Door
from hub.avro import Codec
from hub.errors import Cause, Faulted, Reason
from hub.identity import derived_id, kith_id
from hub.ledger.connect import Pool
from hub.ledger.directory import put_provider
from hub.model import Channel, Deliver, Detail, Form, Provider, Received, Refusal
from hub.routing.directory import Directory
from hub.stream import quarantine_tool as tool
from hub.stream.readers import READERS
from hub.stream.reread import Means, reread
from tests.contracts.transit_rig import PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, Rig, received, rig


@pytest.fixture
def hub(kafka: str, database_url: str, topic_prefix: str) -> Iterator[Rig]:
    with rig(kafka, database_url, topic_prefix) as made:
        yield made


def desk(hub: Rig, providers: tuple[Provider, ...] = PROVIDERS) -> tool.Desk:
    directory = Directory(providers, SUBSCRIPTIONS, 1)
    means = Means(directory, PSEUDONYMS, Door(directory, PSEUDONYMS), Codec())

    async def accept(message: Received) -> None:
        await asyncio.to_thread(hub.put, message)

    return tool.Desk(
        Pool(hub.url, "test"),
        lambda content: reread(content, means),
        accept,
        lambda: 99,
        lambda r: READERS[r.adapter](r),
        directory.provider,
    )


def do(hub: Rig, action: str, any_id: str = "", *, providers: tuple[Provider, ...] = PROVIDERS, **options: Any) -> int:
    async def run() -> int:
        made = desk(hub, providers)
        code = await tool.run_quarantine(made, action, any_id, as_json=True, **options)
        await made.pool.close()
        return code

    return asyncio.run(run())


def listed(hub: Rig, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert do(hub, "list") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_one_refusal_is_one_entry_however_often_it_came(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    refused = received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"))
    hub.run(refused, received("c2"), refused)
    (entry,) = listed(hub, capsys)
    assert (entry["id"], entry["times"], entry["reason"], entry["where"], entry["state"]) == (
        refused.event_id,
        2,
        "unknown_sender",
        "MSH-4",
        "kept",
    )
    assert do(hub, "show", refused.event_id) == 0
    assert json.loads(capsys.readouterr().out) == entry
    assert "Åsen" not in json.dumps(entry, ensure_ascii=False)


def test_raw_bytes_only_when_asked_for(hub: Rig, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    refused = received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"))
    hub.run(refused)
    capfdbinary.readouterr()
    assert do(hub, "show", refused.event_id, with_raw=True) == 0
    assert capfdbinary.readouterr().out == refused.raw


def test_a_message_sent_in_again_passes_once(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused by the rules of yesterday; the same bytes are taken today, and a third copy is a repeat."""
    refused = received("c1", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"))
    hub.run(refused)
    assert do(hub, "redrive", refused.event_id) == 0
    assert listed(hub, capsys)[0]["state"] == "redriven"
    with hub.running():
        hub.settle()
    assert listed(hub, capsys) == []
    hub.run(replace(refused, refusal=None))
    assert hub.rows("SELECT outcome FROM message ORDER BY off") == ["quarantined", "routed", "repeat"]
    assert hub.rows("SELECT count(*) FROM outbox") == [2]
    assert do(hub, "redrive", refused.event_id) == 1


def test_a_conflict_and_a_bug_can_be_sent_in_again_under_their_control_id(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    conflict = received("c1", town="5031")
    hub.run(received("c1"), conflict)
    assert do(hub, "redrive", conflict.event_id) == 0
    with hub.running():
        hub.settle()
    assert hub.rows("SELECT outcome FROM message ORDER BY off") == ["routed", "quarantined", "routed"]
    assert sorted(hub.rows("SELECT recipient FROM outbox")) == ["clinic", "clinic", "town", "village"]
    assert listed(hub, capsys) == []


class _Earlier(Codec):
    """A version of the hub that does not know the record's schema."""

    def decode_received(self, data: bytes) -> Received:
        raise Faulted(Cause.SCHEMA_UNKNOWN)


def test_a_record_that_an_earlier_version_could_not_read_is_what_is_in_it(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    now, hub.codec = hub.codec, _Earlier()
    hub.run(received("c1"))
    hub.codec = now
    (kept,) = listed(hub, capsys)
    assert (kept["reason"], kept["where"], kept["control_id"]) == ("internal_error", "record", "")
    assert do(hub, "redrive", kept["id"]) == 0
    with hub.running():
        hub.settle()
    assert sorted(hub.rows("SELECT control_id, outcome FROM message")) == [("", "quarantined"), ("c1", "routed")]


def test_what_would_be_refused_again_says_so_and_stays(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    bad = received("c1", raw=b"MSH|^~\\&|DIPS|NOBODY|HUB|R|20260101||ADT^A01|c1|P|2.5\r", refusal=Refusal(Reason.UNKNOWN_SENDER, "MSH-4"))
    liar = received("c2", refusal=Refusal(Reason.SENDER_MISMATCH, "MSH-4"))
    hub.run(bad, liar)
    for message, word in ((bad, "unknown_sender"), (liar, "by its owner")):
        capsys.readouterr()
        assert do(hub, "redrive", message.event_id) == 1
        assert word in capsys.readouterr().err
    assert len(listed(hub, capsys)) == 2
    assert hub.rows("SELECT 1 FROM redrive") == []


def test_a_recipient_that_could_not_be_served_is_served_alone(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    message = received("c1")
    hub.run(message)
    hub.conn.execute("DELETE FROM outbox WHERE recipient = 'town'")  # as when no Bundle could be made of it
    hub.conn.execute("SET session_replication_role = replica")  # nobody may change it
    hub.conn.execute("UPDATE decision SET result = 'hold', because = '{no_translation}' WHERE recipient = 'town'")
    hub.conn.execute("UPDATE message SET reason = 'no_translation', place = 'town'")
    (entry,) = listed(hub, capsys)
    assert (entry["reason"], entry["where"]) == ("no_translation", "town")
    assert do(hub, "redrive", message.event_id) == 0
    with hub.running():
        hub.settle()
    assert sorted(hub.rows("SELECT off, recipient FROM outbox")) == [(0, "clinic"), (1, "town")]
    assert listed(hub, capsys) == []


def test_a_parked_delivery_is_listed_tried_again_or_released(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    message = received("c1")
    hub.run(message)
    hub.conn.execute("UPDATE outbox SET parked = 'AE', attempts = 1, next_us = 5 WHERE recipient = 'town'")
    (entry,) = listed(hub, capsys)
    assert (entry["id"], entry["what"], entry["reason"]) == (f"{message.event_id}:town", "delivery", "AE")
    with psycopg.connect(hub.url, autocommit=True) as listener:
        listener.execute("LISTEN hub_redrive")
        assert do(hub, "redrive", entry["id"]) == 0
        assert [n.payload for n in listener.notifies(timeout=5, stop_after=1)] == ["town"]
    assert hub.rows("SELECT parked, next_us, attempts FROM outbox WHERE recipient = 'town'") == [("", 0, 1)]
    assert do(hub, "redrive", entry["id"]) == do(hub, "release", entry["id"]) == 1
    hub.conn.execute("UPDATE outbox SET parked = 'AE' WHERE recipient = 'town'")
    assert do(hub, "release", entry["id"]) == 0
    assert hub.rows("SELECT n, outcome, code FROM attempt") == [(2, "discarded", "released")]
    assert hub.rows("SELECT recipient FROM outbox") == ["clinic"]
    assert do(hub, "release", message.event_id) == 1


def test_a_delivery_held_for_who_the_patient_is_is_listed_and_can_be_released(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    message = received("c1")
    hub.run(message)
    hub.conn.execute("UPDATE outbox SET parked = '1-patient-unresolved', attempts = 1 WHERE recipient = 'town'")
    (entry,) = listed(hub, capsys)
    assert (entry["id"], entry["state"], entry["reason"]) == (f"{message.event_id}:town", "held", "1-patient-unresolved")
    assert "merge" in entry["act"]
    assert do(hub, "release", entry["id"]) == 0
    assert hub.rows("SELECT recipient FROM outbox") == ["clinic"]


@pytest.mark.parametrize("deliver", [Deliver(Channel.MLLP, "127.0.0.1", 1), Deliver(Channel.MAILBOX)])
def test_a_delivery_for_the_channel_of_before_is_made_anew_when_redriven(
    hub: Rig, deliver: Deliver, capsys: pytest.CaptureFixture[str]
) -> None:
    message = received("c1")
    hub.run(message)
    town = next(p for p in PROVIDERS if p.id == "town")
    hub.conn.execute("UPDATE outbox SET parked = 'form_changed', attempts = 1, next_us = 5 WHERE recipient = 'town'")
    before = hub.rows("SELECT part, off, event_id::text, control_id, received_us FROM outbox WHERE recipient = 'town'")
    (entry,) = listed(hub, capsys)
    assert "redrive it to have it made anew" in entry["act"]
    changed = tuple(replace(p, deliver=deliver) if p is town else p for p in PROVIDERS)
    assert do(hub, "redrive", entry["id"], providers=changed) == 0
    assert hub.rows("SELECT part, off, event_id::text, control_id, received_us FROM outbox WHERE recipient = 'town'") == before
    ((parked, next_us, attempts, channel, form, payload),) = hub.rows(
        "SELECT parked, next_us, attempts, channel, form, payload FROM outbox WHERE recipient = 'town'"
    )
    assert (parked, next_us, attempts) == ("", 0, 1)
    if deliver.channel is Channel.MLLP:
        assert (channel, form) == ("mllp", "hl7v2")
        assert payload == READERS[message.adapter](message).render(Form.HL7V2, Detail.FULL, changed[1])
    else:  # what a mailbox takes is what it was
        assert (channel, form) == ("fhir", "fhir")
    assert do(hub, "redrive", entry["id"], providers=changed) == 1


def test_a_bundle_made_anew_is_known_by_its_id(hub: Rig) -> None:
    message = received("c1", town="5031")
    hub.run(message)
    hub.conn.execute("UPDATE outbox SET parked = 'form_changed' WHERE recipient = 'village'")
    hub.conn.execute("DELETE FROM bundle")
    changed = tuple(replace(p, deliver=Deliver(Channel.FHIR, url="http://h/")) if p.id == "village" else p for p in PROVIDERS)
    assert do(hub, "redrive", f"{message.event_id}:village", providers=changed) == 0
    ((form, payload),) = hub.rows("SELECT form, payload FROM outbox WHERE recipient = 'village'")
    assert form == "fhir"
    assert json.loads(payload)["id"] == hub.rows("SELECT bundle_id::text FROM bundle")[0] == derived_id(message.event_id, "bundle", "full")


def test_a_kith_message_made_anew_is_known_by_its_id(hub: Rig) -> None:
    """Or its receiver's receipt would find nothing."""
    message = received("c1", town="5031")
    hub.run(message)
    hub.conn.execute("UPDATE outbox SET parked = 'form_changed' WHERE recipient = 'village'")
    hub.conn.execute("DELETE FROM bundle")
    changed = tuple(replace(p, deliver=Deliver(Channel.POLL)) if p.id == "village" else p for p in PROVIDERS)
    assert do(hub, "redrive", f"{message.event_id}:village", providers=changed) == 0
    assert hub.rows("SELECT channel, form FROM outbox WHERE recipient = 'village'") == [("poll", "kith")]
    assert hub.rows("SELECT bundle_id::text FROM bundle") == [kith_id(message.event_id, Detail.FULL, "village")]


@pytest.mark.parametrize("unknown", ["x", "x:town", "00000000-0000-8000-8000-000000000000", "", "a'b"])
def test_an_unknown_id_is_one_clear_line(hub: Rig, unknown: str, capsys: pytest.CaptureFixture[str]) -> None:
    put_provider(hub.conn, PROVIDERS[0])
    assert do(hub, "show", unknown) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
