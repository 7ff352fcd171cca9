"""Every field of a message is a token: after success, refusal and fault at DEBUG, none is anywhere but where messages are kept."""

import json
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.hl7v2.er7 import Er7, Limits
from hub.adapters.hl7v2.message import header, patient
from tests.faults.processes import PROCESSES, Hub, free_port, wait_until
from tests.flows.canary import Canary, Wire, fhir_receiver, mllp_receiver, send

NUMBER = "15076500565"  # a synthetic national number
SECONDS_MAX = 25.0
ENTRY = """
[[provider]]
id = "{id}"
name = "{id}"
kind = "{kind}"
senders = ["{sender}"]
deliver = {{ {deliver}, on_refusal = "release" }}
"""
SUBSCRIPTION = '[[subscription]]\nprovider = "{id}"\nevents = ["*"]\ndetail = "full"\n'


@dataclass
class Flow:
    """One hub, its receivers, and everything that came out of it."""

    hub: Hub
    canary: Canary
    wire: Wire
    receivers: dict[str, Any]
    token: str = ""
    metrics: dict[str, int] = field(default_factory=dict)
    seen: list[tuple[str, bytes]] = field(default_factory=list)  # (where, what)

    def mllp(self, message: bytes) -> bytes:
        """The answer, looked at without what it must repeat of the sender's header: MSH-3 to MSH-6."""
        answer = send(self.hub.mllp, message)
        fields = answer.split(b"|")
        self.seen.append(("ack", b"|".join(fields[:2] + fields[6:])))
        return answer.split(b"\rMSA|")[1][:2]

    def http(self, method: str, path: str, body: object = None, *, is_owners: bool = False, token: str = "") -> int:
        """One request; the whole answer is looked at, but a resource that goes back to its owner."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.hub.http}{path}", raw, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, said = answer.status, b"" if is_owners else answer.read()
        except urllib.error.HTTPError as exc:
            status, said, answer = exc.code, exc.read(), exc
        self.seen.append((f"{method} {path.split('/')[1]} {status}", str(answer.headers).encode() + said))
        return int(status)

    def command(self, *arguments: str) -> str:
        """What a command prints, on both of its outputs."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *arguments], env=self.hub.environment(), capture_output=True, timeout=60, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.seen.append((f"hub {arguments[0]}", done.stdout + done.stderr))
        return done.stdout.decode()


@pytest.fixture
def flow(kafka: str, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Flow]:
    canary = Canary()
    receivers = {
        "taker": mllp_receiver("AA", cuts=2), "refuser": mllp_receiver("AE"), "http-taker": fhir_receiver(200),
        "http-refuser": fhir_receiver(422),
    }  # fmt: skip
    entries = [ENTRY.format(id="st-olavs", kind="hospital", sender="STOLAV", deliver='channel = "mailbox"')]
    for name, server in receivers.items():
        is_fhir = name.startswith("http")
        way = (
            f'channel = "fhir", url = "http://127.0.0.1:{server.port}/"'
            if is_fhir
            else f'channel = "mllp", host = "127.0.0.1", port = {server.port}'
        )
        entries.append(ENTRY.format(id=name, kind="municipality", sender=name, deliver=way) + SUBSCRIPTION.format(id=name))
    entries.append(ENTRY.format(id="box", kind="gp", sender="box", deliver='channel = "mailbox"') + SUBSCRIPTION.format(id="box"))
    config = tmp_path / "hub.toml"
    config.write_text("".join(entries))
    place = urllib.parse.urlsplit(database_url)
    wire = Wire(place.hostname or "127.0.0.1", place.port or 5432)
    given = {"HUB_LOG_LEVEL": "DEBUG", "HUB_PROMISE": "false", "HUB_NOTICE_HOURS_MAX": "0.0001", "HUB_DEADLINE_CHECK_SECONDS": "0.5"}
    behind = place._replace(netloc=f"{place.username or 'postgres'}@127.0.0.1:{wire.server.port}").geturl()
    hub = Hub(tmp_path, kafka, behind, topic_prefix, config, settings=given)
    made = Flow(hub, canary, wire, receivers)
    try:
        for name in PROCESSES:
            made.metrics[name] = free_port() if name != "web" else hub.http
            hub.start(name, **({"HUB_METRICS": f"127.0.0.1:{made.metrics[name]}"} if name != "web" else {}))
        wait_until(hub.listening, 40, f"the hub to listen: {hub.tails()}")
        made.token = hub.command("token", "--as", "admin").strip()
        yield made
    finally:
        hub.down()
        for server in (*receivers.values(), wire.server):
            server.shutdown()
            server.server_close()


def refusals(canary: Canary) -> list[tuple[bytes, set[bytes]]]:
    """Messages that are not taken, with the answers they may get."""
    whole = canary.message("ADT^A01^ADT_A01")
    return [
        (canary.message("ADT^A01^ADT_A01", pid3=""), {b"AE"}),
        (canary.message(f"ZZZ^{canary.system_name()}^{canary.system_name()}"), {b"AR"}),
        (canary.message(f"{canary.system_name()}^A01"), {b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m4=canary.system_name()), {b"AR", b"AE"}),
        (canary.message("ADT^A01^ADT_A01", m11=canary.token()), {b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m18=canary.token()), {b"AE", b"AR"}),
        (canary.message("ADT^A01^ADT_A01", m12=canary.token()), {b"AA", b"AR", b"AE"}),
        (whole.replace(b"PID|1|", b"PID|1|\xff\xfe" + canary.token().encode(), 1), {b"AE"}),
        (canary.segment("PID", 39).encode(), {b"AR"}),
        (b"MSH||||" + canary.token().encode(), {b"AR"}),
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
    time.sleep(1.5)
    flow.wire.is_cut = False


def settled(flow: Flow, database_url: str) -> None:
    """Wait until all is delivered or parked, and the pathway has seen it."""
    with psycopg.connect(database_url, autocommit=True) as conn:

        def quiet() -> bool:
            known = conn.execute("SELECT count(DISTINCT control_id) FROM message WHERE trigger = 'ADT^A03'").fetchone()
            waiting = conn.execute("SELECT count(*) FROM outbox WHERE parked = ''").fetchone()
            return known == (1,) and waiting == (0,) and b'ward="other"} ' in scrape(flow, "pathway")

        wait_until(quiet, SECONDS_MAX, f"the backlog to drain: {flow.hub.tails()}")


def scrape(flow: Flow, process: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{flow.metrics[process]}/metrics", timeout=10) as answer:
        return bytes(answer.read())


def topics(flow: Flow) -> int:
    """Look at the names of everything on the broker, and at key and headers of every record of ours; how many there were."""
    admin = AdminClient({"bootstrap.servers": flow.hub.kafka})
    found = admin.list_topics(timeout=20).topics
    groups = [g.group_id for g in admin.list_consumer_groups().result(20).valid]
    flow.seen.append(("topic and group names", "\n".join([*found, *groups]).encode()))
    reader = ck.Consumer({"bootstrap.servers": flow.hub.kafka, "group.id": f"{flow.hub.topic_prefix}canary", "enable.partition.eof": False})
    parts = [ck.TopicPartition(n, p, 0) for n, t in found.items() if n.startswith(flow.hub.topic_prefix) for p in t.partitions]
    left = sum(reader.get_watermark_offsets(part, 10)[1] for part in parts)
    reader.assign(parts)
    count, deadline = 0, time.monotonic() + 15
    while count < left and time.monotonic() < deadline:
        for record in reader.consume(500, 0.5):
            assert not record.error(), record.error()
            flow.seen.append((f"key of {record.topic()}", (record.key() or b"") + repr(record.headers()).encode()))
            count += 1
    reader.close()
    assert count == left
    return count


def of_the_outside(flow: Flow) -> None:
    """Metrics, commands, and every file but the configuration that we wrote ourselves."""
    for process in PROCESSES:
        flow.seen.append((f"metrics of {process}", scrape(flow, process)))
    kept = json.loads(flow.command("quarantine", "list", "--json"))
    assert len(kept) > 10
    for entry in kept:
        assert entry["reason"], entry
    for entry in (kept[0], kept[-1], next(e for e in kept if e["what"] != "message")):
        assert flow.command("quarantine", "show", str(entry["id"]))
    flow.command("trace", next(e["control_id"] for e in kept if e["control_id"]))
    flow.command("check")
    files = [p for p in flow.hub.data.rglob("*") if p.is_file()]
    assert {f"{name}.log" for name in PROCESSES} <= {p.name for p in files}
    flow.seen += [(f"file {p.relative_to(flow.hub.data)}", p.read_bytes()) for p in files]
    flow.seen.append(("file names", "\n".join(map(str, files)).encode()))


def leaks(flow: Flow) -> list[tuple[str, bytes]]:
    """Where a token stands, with what is around it. An answer repeats its message's control id, and a command names it and its sender."""
    found = []
    for where, text in flow.seen:
        marks = [flow.canary.mark, NUMBER]
        marks += [] if where.startswith(("ack", "hub ")) else [flow.canary.control]
        marks += [] if where.startswith("hub ") else [flow.canary.system]
        for mark in marks:
            for form in (mark.lower().encode(), mark.encode().hex().encode(), mark.encode("utf-16-le")):
                at = text.lower().find(form)
                if at >= 0:
                    found.append((where, text[max(0, at - 150) : at + 80]))
    return found


@pytest.mark.timeout(110)
def test_no_field_of_a_message_is_told_anywhere(flow: Flow, database_url: str) -> None:
    for act in (succeed, refuse, fault):
        act(flow)
    settled(flow, database_url)
    assert topics(flow) > 20
    of_the_outside(flow)
    found = leaks(flow)
    assert not found, "\n".join(map(str, found))
    mark = flow.canary.mark.encode()
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
