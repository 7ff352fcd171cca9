"""Every field of a message is a token: after success, refusal and fault at DEBUG, none is anywhere but where messages are kept."""

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import confluent_kafka as ck
import psycopg
import pytest

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.hl7v2.er7 import Er7, Limits
from hub.adapters.hl7v2.message import header, patient
from tests.faults.processes import wait_until
from tests.flows.canary import Canary
from tests.flows.canary_flow import NUMBER, Flow, flowing, leaks, of_the_outside, scrape, topics

SECONDS_MAX = 25.0
AWAY = ("transit", "web")


@pytest.fixture
def flow(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Flow]:
    with flowing(kafka, database_url, topic_prefix, tmp_path) as made:
        yield made


def refusals(canary: Canary) -> list[tuple[bytes, set[bytes]]]:
    """Messages that are not taken, with the answers they may get."""
    whole = canary.message("ADT^A01^ADT_A01")
    return [
        (canary.message("ADT^A01^ADT_A01", pid3=""), {b"AE"}),
        (canary.message(f"ZZZ^{canary.system_name()}^{canary.system_name()}"), {b"AR"}),
        (canary.message(f"{canary.system_name()}^A01"), {b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m4=canary.system_name()), {b"AE"}),
        (canary.message("ADT^A01^ADT_A01", m11=canary.token()), {b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m18=canary.token()), {b"AE", b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m12=canary.token()), {b"AA", b"AR", b"AE"}),
        (whole.replace(b"PID|1|", b"PID|1|\xff\xfe" + canary.token().encode(), 1), {b"AE"}),
        (canary.segment("PID", 39).encode(), {b"AE"}),
        (b"MSH||||" + canary.token().encode(), {b"AE"}),
        (whole.replace(b"\rPID|1|", b"\rPID|1||||||||" + canary.token().encode() + b"\rQQQ|"), {b"AE", b"AR", b"AA"}),
    ]


def succeed(flow: Flow) -> None:
    canary = flow.canary
    for message in canary.every_kind(NUMBER):
        assert flow.mllp(message) == b"AA"
    dates = canary.message("ADT^A08^ADT_A01").replace(b"20260401120000", canary.token().encode()).replace(canary.token().encode(), b"", 1)
    assert flow.mllp(dates) in {b"AA", b"AE"}  # not even the dates are dates
    for event in ("notification-admit", "notification-transfer", "notification-discharge"):
        assert flow.http("POST", "/fhir/$process-message", canary.bundle(event)) == 200


def refuse(flow: Flow) -> None:
    canary, door = flow.canary, "/fhir/$process-message"
    for number, (message, codes) in enumerate(refusals(canary)):
        assert flow.mllp(message) in codes, number
    whole = json.dumps(canary.bundle()).encode()
    odd = [canary.bundle(is_known=False), canary.bundle(canary.system_name()), canary.bundle(sender=canary.system_name())]
    broken = [whole[:-40], whole.replace(b'"Patient"', b'"Bundle"'), b"<x>" + whole, whole + b"\xff"]
    for body in (*odd, *broken, {"resourceType": canary.token()}):
        assert 400 <= flow.http("POST", door, body) < 500
    assert flow.http("POST", door, whole, token=canary.token()) == 401
    assert flow.http("PUT", "/fhir/Consent/one", canary.consent("one"), is_owners=True, token=flow.token) == 201
    assert flow.http("GET", "/fhir/Consent/one", is_owners=True, token=flow.token) == 200
    unknown = canary.consent("two") | {"policyRule": {"coding": [{"system": "urn:x", "code": canary.token()}]}}
    unknown["provision"]["type"] = canary.token()
    for consent in (unknown, canary.consent("two") | {"patient": canary.token()}, canary.consent("two") | {"scope": canary.token()},
                    canary.consent(canary.token()), canary.token()):  # fmt: skip
        assert 400 <= flow.http("PUT", "/fhir/Consent/two", consent, token=flow.token) < 500
    for path in (f"/fhir/Consent/{canary.token()}", f"/{canary.token()}", f"/admin/providers/{canary.token()}"):
        assert flow.http("GET", path, token=flow.token) == 404
    for path in (f"/fhir/Consent?patient.identifier={canary.token()}", "/admin/providers", "/admin/subscriptions", "/", "/readyz"):
        assert flow.http("GET", path, token=flow.token) == 200


def faults(flow: Flow, process: str) -> float:
    """How often the process missed the ledger."""
    lines = scrape(flow, process).decode().splitlines()
    missed = [x for x in lines if x.startswith("hub_faults_total{") and "ledger_unavailable" in x and process in x]
    return sum(float(x.rsplit(" ", 1)[1]) for x in missed)


def fault(flow: Flow) -> None:
    """Records nobody can read on both topics, and a ledger that is away in the middle."""
    canary, prefix = flow.canary, flow.hub.topic_prefix
    producer = ck.Producer({"bootstrap.servers": flow.hub.kafka})
    for topic in (f"{prefix}inbound", f"{prefix}events"):
        for value in (canary.message("ADT^A01"), b"\xc3\x01" + canary.message("ADT^A01"), json.dumps(canary.bundle()).encode()):
            producer.produce(topic, value, b"nobody")
    assert producer.flush(20) == 0
    flow.wire.is_cut = True
    assert flow.mllp(canary.message("ADT^A03^ADT_A03")) == b"AA"
    assert flow.http("PUT", "/fhir/Consent/three", canary.consent("three"), token=flow.token) == 503
    wait_until(lambda: all(faults(flow, process) for process in AWAY), SECONDS_MAX, "each process to miss the ledger")
    flow.wire.is_cut = False


def settled(flow: Flow, database_url: str) -> None:
    """Wait until all is delivered or parked, and the pathway has seen it."""
    with psycopg.connect(database_url, autocommit=True) as conn:

        def quiet() -> bool:
            known = conn.execute("SELECT count(DISTINCT control_id) FROM message WHERE trigger = 'ADT^A03'").fetchone()
            waiting = conn.execute("SELECT count(*) FROM outbox WHERE parked = ''").fetchone()
            return known == (1,) and waiting == (0,) and b'ward="other"} ' in scrape(flow, "pathway")

        wait_until(quiet, SECONDS_MAX, f"the backlog to drain: {flow.hub.tails()}")


def the_faults_happened(flow: Flow) -> None:
    """What was to go wrong went wrong, and was told of without a word of a message."""
    logs = {name: (flow.hub.data / f"{name}.log").read_text() for name in ("transit", "web")}
    assert "transit_record_unreadable" in logs["transit"]
    assert "web_fault" in logs["web"]
    poison = [x for x in scrape(flow, "pathway").decode().splitlines() if x.startswith("hub_pathway_events_total") and '"poison"' in x]
    assert sum(float(x.rsplit(" ", 1)[1]) for x in poison) == 3


@pytest.mark.timeout(110)
def test_no_field_of_a_message_is_told_anywhere(flow: Flow, database_url: str) -> None:
    for act in (succeed, refuse, fault):
        act(flow)
    settled(flow, database_url)
    assert topics(flow) > 20
    of_the_outside(flow)
    found = leaks(flow)
    assert not found, "\n".join(map(str, found))
    the_faults_happened(flow)
    mark = flow.canary.mark.encode()
    flow.seen = [("a log", b"... " + mark.lower() + b"00001")]
    assert leaks(flow), "a leak would be found"
    for name, server in flow.receivers.items():  # the tokens were really there
        assert any(mark in message for message in server.got), name
    outcomes = scrape(flow, "delivery").decode()
    for outcome in ("delivered", "refused", "failed"):
        counts = [
            float(line.rsplit(" ", 1)[1]) for line in outcomes.splitlines() if line.startswith("hub_deliveries_total") and outcome in line
        ]
        assert sum(counts) > 0, outcome


def raised(read: Callable[[], object]) -> str:
    """All that can be printed of what a reader raises."""
    try:
        return repr(read())
    except Exception as exc:  # noqa: BLE001  whatever it is
        return "".join(traceback.format_exception(exc)) + repr(exc) + repr(exc.args)


def test_no_exception_and_no_repr_quotes_a_message() -> None:
    canary = Canary()
    v2 = [m for m, _ in refusals(canary)] + canary.every_kind(NUMBER)
    v2 += [m[:n] for m in v2[:4] for n in range(0, len(m), 97)] + [m.replace(b"|", b"^", 7) for m in v2]
    fhir = [json.dumps(b).encode() for b in (canary.bundle(), canary.bundle(is_known=False), canary.bundle(canary.system_name()))]
    fhir += [fhir[0][:n] for n in range(0, len(fhir[0]), 97)] + [fhir[0].replace(b'"value"', b'"value": 1, "value"')]

    def whole(raw: bytes) -> object:
        er7 = Er7.from_bytes(raw, Limits())
        return header(er7), len(patient(er7)), er7

    told = [raised(lambda raw=raw: whole(raw)) for raw in v2]  # type: ignore[misc]
    told += [raised(lambda raw=raw: fhir_envelope(raw)) for raw in fhir]  # type: ignore[misc]
    assert sum("Rejected" in t for t in told) > 50
    for text in told:
        assert canary.mark not in text
        assert canary.control not in text
        assert canary.system not in text
        assert NUMBER not in text
