"""One hub that is sent nothing but tokens, and everything that comes out of it."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient

from tests.faults.processes import PROCESSES, Hub, free_port, wait_until
from tests.flows.canary import Canary, Wire, fhir_receiver, mllp_receiver, send

NUMBER = "15076500565"  # a synthetic national number
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

    def is_watched(self, process: str) -> bool:
        """Whether the process tells its metrics already."""
        try:
            socket.create_connection(("127.0.0.1", self.metrics[process]), timeout=0.5).close()
        except OSError:
            return False
        return True

    def command(self, *arguments: str) -> str:
        """What a command prints, on both of its outputs."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *arguments], env=self.hub.environment(), capture_output=True, timeout=60, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self.seen.append((f"hub {arguments[0]}", done.stdout + done.stderr))
        return done.stdout.decode()


@contextmanager
def flowing(kafka: str, database_url: str, topic_prefix: str, folder: Path) -> Iterator[Flow]:
    """The five processes at DEBUG over given servers, the ledger behind a wire, and receivers that quote what they get."""
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
    config = folder / "hub.toml"
    config.write_text("".join(entries))
    place = urllib.parse.urlsplit(database_url)
    wire = Wire(place.hostname or "127.0.0.1", place.port or 5432)
    given = {"HUB_LOG_LEVEL": "DEBUG", "HUB_PROMISE": "false", "HUB_NOTICE_HOURS_MAX": "0.0001", "HUB_DEADLINE_CHECK_SECONDS": "0.5"}
    behind = place._replace(netloc=f"{place.netloc.rpartition('@')[0] or 'postgres'}@127.0.0.1:{wire.server.port}").geturl()
    hub = Hub(folder, kafka, behind, topic_prefix, config, settings=given)
    made = Flow(hub, canary, wire, receivers)
    try:
        for name in PROCESSES:
            made.metrics[name] = free_port() if name != "web" else hub.http
            hub.start(name, **({"HUB_METRICS": f"127.0.0.1:{made.metrics[name]}"} if name != "web" else {}))
        wait_until(lambda: hub.listening() and all(map(made.is_watched, PROCESSES)), 60, "the hub to listen")
        made.token = hub.command("token", "--as", "admin").strip()
        yield made
    finally:
        hub.down()
        for server in (*receivers.values(), wire.server):
            server.shutdown()
            server.server_close()


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
