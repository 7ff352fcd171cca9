"""What is pushed to the base URL of the FHIR door, over real HTTP to a real web process; broker and ledger are stood in for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.fhir.message import envelope
from hub.errors import Cause, Faulted
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind, Received
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.web.readiness import asks
from hub.web.state import State
from hub.web.tokens import issue, load_keys
from tests.contracts.web import Answer, Client, clock, serving
from tests.unit.adapters.fhir.pushed import BASE, KARI, OLA, bundle, entry, patient, raw_of, result, stay, to
from tests.unit.adapters.fhir.test_submission import status


class Broker:
    """Takes what it is given, until told not to."""

    def __init__(self) -> None:
        self.taken: list[Received] = []
        self.fails_for: set[str] = set()  # patient keys

    async def accept(self, received: Received) -> None:
        if received.patient_key in self.fails_for:
            raise Faulted(Cause.BROKER_TIMEOUT)
        self.taken.append(received)


class Region:
    """A directory that does not change."""

    def __init__(self, *providers: Provider) -> None:
        self._directory = Directory(providers, (), 1)

    async def now(self) -> Directory:
        return self._directory


PSEUDONYMS = Pseudonyms(b"k" * 32)
HOSPITAL = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("STOLAV", "st-olavs"), Deliver(Channel.MAILBOX))
GONE = Provider("gone", "Gone", ProviderKind.HOSPITAL, "", (), Deliver(Channel.MAILBOX), suspended=True)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def hub(tmp_path: Path, broker: Broker) -> Iterator[Client]:
    made: Any = Region(HOSPITAL, GONE)
    nothing: Any = None
    settings = Settings(http="127.0.0.1:0", frame_bytes_max=200_000, person_numbers=PersonNumbers.ANY)

    def state() -> State:
        return State(settings, clock, load_keys(tmp_path), PSEUDONYMS, broker, nothing, made, asks({}))

    with serving(state) as client:
        yield client.with_token(issue(tmp_path, "provider:st-olavs", clock()))


def push(hub: Client, made: dict[str, Any] | bytes) -> Answer:
    return hub.ask("POST", "/fhir", made if isinstance(made, bytes) else raw_of(made))


def statuses(answer: Answer) -> list[str]:
    return [e["response"]["status"] for e in answer.json()["entry"]]


def events(taken: list[Received]) -> list[tuple[str, str]]:
    return [(envelope(r.raw).kind.value, r.identifiers[0].value) for r in taken]


TWO = [patient("1", KARI), patient("2", OLA), stay("5", "1"), result("7", "2")]
TORN = bundle(*TWO, entry(result("8", "9")))


def test_a_transaction_is_recorded_as_the_messages_it_means(hub: Client, broker: Broker) -> None:
    got = push(hub, bundle(*TWO))
    assert (got.status, got.json()["type"]) == (200, "transaction-response")
    assert statuses(got) == ["202 Accepted"] * 4
    assert sorted(events(broker.taken)) == [("observation.reported", OLA), ("patient.admitted", KARI)]
    assert {r.provider for r in broker.taken} == {"st-olavs"}
    said = [e["response"]["outcome"]["issue"][0]["diagnostics"] for e in got.json()["entry"]]
    assert [r.event_id in said[2] for r in broker.taken].count(True) == 1
    assert "nobody is told of it alone" in said[0]


def test_the_same_bytes_again_are_the_same_messages(hub: Client, broker: Broker) -> None:
    first, second = push(hub, bundle(*TWO)), push(hub, bundle(*TWO))
    assert first.body == second.body
    assert [broker.taken.count(r) for r in broker.taken] == [1] * 4  # received at their own times
    assert len({(r.event_id, r.control_id, r.raw) for r in broker.taken}) == 2


def test_a_transaction_with_one_bad_entry_is_refused_whole(hub: Client, broker: Broker) -> None:
    got = push(hub, TORN)
    assert (got.status, got.json()["resourceType"]) == (422, "OperationOutcome")
    assert [i["expression"] for i in got.json()["issue"]] == [["Bundle.entry[4]"]]
    assert broker.taken == []


def test_a_batch_takes_each_for_itself(hub: Client, broker: Broker) -> None:
    got = push(hub, TORN | {"type": "batch"})
    assert (got.status, got.json()["type"]) == (200, "batch-response")
    assert statuses(got) == ["202 Accepted"] * 4 + ["422 Unprocessable Content"]
    assert len(broker.taken) == 2


def test_a_collection_is_answered_as_a_batch(hub: Client, broker: Broker) -> None:
    got = push(hub, bundle(*({"resource": r} for r in TWO), shape="collection"))
    assert (got.json()["type"], statuses(got)) == ("batch-response", ["202 Accepted"] * 4)
    assert len(broker.taken) == 2


def test_one_resource_is_answered_with_an_outcome(hub: Client, broker: Broker) -> None:
    got = push(hub, stay(subject={"identifier": {"value": KARI}}))
    assert (got.status, got.json()["resourceType"]) == (200, "OperationOutcome")
    assert events(broker.taken) == [("patient.admitted", KARI)]
    assert push(hub, stay()).status == 422


def test_a_notification_is_taken_and_a_handshake_answered(hub: Client, broker: Broker) -> None:
    focus = f"{BASE}Encounter/5"
    got = push(hub, bundle(status("event-notification", focus), entry(stay()), entry(patient()), shape="history"))
    assert (got.status, got.json()["resourceType"], len(broker.taken)) == (200, "OperationOutcome", 1)
    assert push(hub, bundle(status("handshake"), shape="history")).status == 200
    assert push(hub, bundle(status("event-notification", focus), shape="history")).status == 422  # no content to tell of
    assert len(broker.taken) == 1


def test_a_notification_of_which_anything_is_taken_is_a_success(hub: Client, broker: Broker) -> None:
    foci = (f"{BASE}Encounter/5", f"{BASE}Observation/8")
    got = push(hub, bundle(status("event-notification", *foci), entry(stay()), entry(patient()), entry(result("8", "9")), shape="history"))
    assert (got.status, len(broker.taken)) == (200, 1)
    assert [i["severity"] for i in got.json()["issue"]].count("error") == 1


def test_nothing_is_answered_as_done_when_the_broker_does_not_take_it(hub: Client, broker: Broker) -> None:
    key = PSEUDONYMS.of_message(envelope_identifiers(KARI), "st-olavs").patient
    broker.fails_for = {key}
    assert push(hub, bundle(*TWO)).status == 503
    torn = push(hub, bundle(*TWO, shape="batch"))
    assert (torn.status, statuses(torn)) == (200, ["202 Accepted", "202 Accepted", "503 Service Unavailable", "202 Accepted"])
    broker.fails_for.clear()
    assert push(hub, bundle(*TWO)).status == 200


def envelope_identifiers(number: str) -> Any:
    from hub.adapters.fhir.message import identifiers  # noqa: PLC0415

    return identifiers(patient("1", number))


def test_one_patients_messages_are_recorded_in_their_order_and_none_after_a_fault(hub: Client, broker: Broker) -> None:
    many = [stay(str(n), "1") for n in range(20)]
    push(hub, bundle(patient(), *many))
    shown = [json.loads(r.raw)["entry"][1]["resource"]["id"] for r in broker.taken]
    assert shown == [str(n) for n in range(20)]


def test_a_message_refused_for_its_content_is_kept_with_its_reason(tmp_path: Path, broker: Broker) -> None:
    nothing: Any = None
    region: Any = Region(HOSPITAL)
    settings = Settings(http="127.0.0.1:0", person_numbers=PersonNumbers.SYNTHETIC)

    def state() -> State:
        return State(settings, clock, load_keys(tmp_path), PSEUDONYMS, broker, nothing, region, asks({}))

    with serving(state) as client:
        got = push(client.with_token(issue(tmp_path, "provider:st-olavs", clock())), bundle(patient("1", KARI), stay()))
    assert got.status == 422
    assert got.json()["issue"][0]["expression"] == ["Bundle.entry[0].resource.identifier[0]"]
    assert [(r.refusal.where if r.refusal else "", r.answer) for r in broker.taken] == [("Bundle.entry[0].resource.identifier[0]", "422")]


def test_a_message_larger_than_the_door_is_refused(hub: Client, broker: Broker) -> None:
    note = "x" * 199_000
    got = push(hub, bundle(patient(), result("7", note=[{"text": note}]), shape="batch"))
    assert statuses(got) == ["202 Accepted", "413 Content Too Large"]
    assert [r.refusal is not None for r in broker.taken] == [True]


@pytest.mark.parametrize("who", ["provider:gone", "provider:nobody"])
def test_a_token_of_nobody_the_hub_knows(hub: Client, tmp_path: Path, broker: Broker, who: str) -> None:
    got = push(hub.with_token(issue(tmp_path, who, clock())), bundle(*TWO))
    assert (got.status, broker.taken) == (403, [])


def test_answers_quote_nothing_that_was_sent(hub: Client) -> None:
    secret = "SECRETSECRET"
    made = bundle(patient("1", secret), stay(secret, status=secret), {"resourceType": secret}, entry(result(secret, secret), name=secret),
                  entry(patient("3", "7", link=[{"type": "replaced-by", "other": to(secret)}])), shape="batch")  # fmt: skip
    for shape in ("batch", "transaction", "collection", "history", secret):
        assert secret not in push(hub, made | {"type": shape}).body.decode()
    assert secret not in push(hub, {"resourceType": secret}).body.decode()


def altered(message: Received) -> bytes:
    """The same message, by its ids, with another content."""
    return message.raw.replace(b'"status":"finished"', b'"status":"in-progress"').replace(b'"status":"final"', b'"status":"amended"')


def test_a_control_id_that_came_by_the_other_door_with_other_bytes_is_a_conflict(hub: Client, broker: Broker) -> None:
    push(hub, bundle(*TWO))
    part = next(r for r in broker.taken if b'"status":"final"' in r.raw)
    broker.taken.clear()
    assert hub.ask("POST", "/fhir/$process-message", altered(part)).status == 409  # as it is the other way round
    assert [r.refusal is not None for r in broker.taken] == [True]


def test_what_came_by_the_other_door_first_keeps_its_control_id(tmp_path: Path, hub: Client, broker: Broker) -> None:
    push(hub, bundle(*TWO))
    part = next(r for r in broker.taken if b'"status":"final"' in r.raw)
    fresh, nothing = Broker(), None
    region: Any = Region(HOSPITAL)
    settings = Settings(http="127.0.0.1:0")
    with serving(lambda: State(settings, clock, load_keys(tmp_path), PSEUDONYMS, fresh, nothing, region, asks({}))) as other:  # type: ignore[arg-type]
        door = other.with_token(issue(tmp_path, "provider:st-olavs", clock()))
        assert door.ask("POST", "/fhir/$process-message", altered(part)).status == 200
        for _ in range(2):  # nothing of the transaction was taken, so it has used no control id up
            got = push(door, bundle(*TWO))
            assert (got.status, [i["expression"] for i in got.json()["issue"]]) == (409, [["Bundle.entry[3]"]])
        assert statuses(push(door, bundle(*TWO, shape="batch"))) == ["202 Accepted"] * 4  # other bytes, so other ids


def test_what_could_not_be_recorded_uses_no_control_id_up(hub: Client, broker: Broker) -> None:
    broker.fails_for.add(PSEUDONYMS.of_message(envelope(raw_taken(hub, broker)).identifiers, "st-olavs").patient)
    broker.taken.clear()
    later = bundle(*TWO) | {"id": "later"}
    assert push(hub, later).status == 503
    broker.fails_for.clear()
    assert statuses(push(hub, later)) == ["202 Accepted"] * 4


def raw_taken(hub: Client, broker: Broker) -> bytes:
    push(hub, bundle(*TWO))
    return broker.taken[0].raw
