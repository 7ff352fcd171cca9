"""The same contract over containers, and the compose file over Docker itself; skipped aloud where there is no Docker."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer

from hub.stack.supervise import free_port
from tests.contracts.servers import broker_keeps_its_contract, database_keeps_its_contract

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
