"""The same contract over containers, and the compose file over Docker itself, skipped aloud where there is no Docker; and what it sets."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from hub import wiring
from hub.settings import Settings
from hub.stack.supervise import free_port
from hub.stream.promise import Facts, violations
from tests.contracts.servers import broker_keeps_its_contract, database_keeps_its_contract
from tests.local import DATABASE, KAFKA, starts

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose.yaml"

BROKER = {
    "NODE_ID": "1",
    "PROCESS_ROLES": "broker,controller",
    "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "AUTO_CREATE_TOPICS_ENABLE": "false",
    "LOG_FLUSH_INTERVAL_MESSAGES": "1",
    "MESSAGE_MAX_BYTES": "8388608",
}


def wait_for_broker(address: str) -> None:
    """Until it answers a client; a minute at most."""
    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    until = time.monotonic() + 60
    while True:
        try:
            client.list_topics(timeout=2)
        except KafkaException:
            assert time.monotonic() < until
        else:
            return


def docker_runs() -> bool:
    """Whether a Docker daemon answers."""
    program = shutil.which("docker")
    return program is not None and subprocess.run([program, "info"], capture_output=True, check=False, timeout=30).returncode == 0


needs_docker = pytest.mark.skipif(
    not docker_runs(), reason="no Docker daemon answers here: containers and deploy/compose.yaml are not tried"
)


def environment(service: str, **given: str) -> dict[str, str]:
    """The HUB_ variables of a service of the compose file, read as far as that file goes: its common ones, then the service's own."""
    text = COMPOSE.read_text("utf-8")
    blocks = dict(re.findall(r"^(?:  )?([\w-]+):(.*?)(?=^(?:  )?[\w-]+:|\Z)", text, re.MULTILINE | re.DOTALL))
    found: dict[str, str] = {}
    for name, quoted, plain in re.findall(r'(HUB_\w+): (?:"([^"]*)"|(\$\{[^}]*\}|[^\s,}]+))', blocks["environment"] + blocks[service]):
        found[name] = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: given.get(m[1], m[2] or ""), quoted or plain)
    return found


def test_every_service_is_seen() -> None:
    assert environment("gateway", HUB_SECRET="s")["HUB_SECRET"] == "s"
    assert environment("gateway")["HUB_MLLP"] == "0.0.0.0:2575"
    assert environment("transit").get("HUB_MLLP") is None
    assert environment("demo")["HUB_CONFIG"] == ""


@pytest.mark.parametrize("service", ["prepare", "gateway", "transit", "delivery", "pathway", "web", "demo"])
def test_nothing_in_the_compose_file_keeps_a_process_from_starting(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)
    values = environment(service, HUB_SECRET="long random text, kept")
    for name, value in values.items():
        monkeypatch.setenv(name, value.replace("/config/", f"{COMPOSE.parents[1]}/hub/demo/"))
    found = wiring.read(None, {}, wiring.demo_config())
    kafka = dict(re.findall(r'KAFKA_(\w+): "?([^"\n]*)"?', COMPOSE.read_text("utf-8")))
    topic = {
        "brokers": "1", "partitions": "12", "replication.factor": "1", "flush.messages": "1",  # as ensure_topics makes it
        "max.message.bytes": kafka["MESSAGE_MAX_BYTES"],
        "broker.auto.create.topics.enable": kafka["AUTO_CREATE_TOPICS_ENABLE"],
        "unclean.leader.election.enable": kafka["UNCLEAN_LEADER_ELECTION_ENABLE"],
    }  # fmt: skip
    broken = violations(Facts(found.settings, {"inbound": topic}, {}, found.providers, found.subscriptions))
    assert [v for v in broken if v.stops] == []
    assert [v.setting for v in broken] == [f"hub: {door}" for door in ("mllp", "http") if f"HUB_{door.upper()}" in values]


@starts(KAFKA)
@needs_docker
@pytest.mark.timeout(600)
def test_broker_in_a_container() -> None:
    port = free_port()
    container = DockerContainer("apache/kafka:4.1.0").with_bind_ports(9092, port)
    for name, value in (BROKER | {"ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}).items():
        container = container.with_env(f"KAFKA_{name}", value)
    with container:
        wait_for_broker(f"127.0.0.1:{port}")
        broker_keeps_its_contract(f"127.0.0.1:{port}")


@starts(DATABASE)
@needs_docker
@pytest.mark.timeout(600)
def test_database_in_a_container() -> None:
    with PostgresContainer("postgres:18", driver=None) as container:
        database_keeps_its_contract(container.get_connection_url())


@needs_docker
def test_the_compose_file_is_one() -> None:
    command = ["docker", "compose", "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/usr/local/bin:/bin", "HUB_SECRET": "x"}
    )
    assert done.returncode == 0, done.stderr
