"""One Kafka broker on this machine: KRaft, broker and controller in one process, settings that keep the promise on a single disk."""

import shutil
import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

from hub.stack import java
from hub.stack.supervise import Child, OnSpawn, Spec, StackError, free_port, spawn, untold, wait_until

MESSAGE_BYTES_MAX: Final = 8 * 1024 * 1024  # a frame of 4 MiB, its envelope, and room for a Bundle of it
_HEAP: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *java.NO_TRACE, "-Djava.awt.headless=true")
_READY_SECONDS: Final = 60.0
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={logs}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
unclean.leader.election.enable=false
log.cleaner.dedupe.buffer.size=16777216
message.max.bytes={bytes_max}
replica.fetch.max.bytes={bytes_max}
"""


def start(folder: Path, say: java.Say, preferred_port: int = 0, on_spawn: OnSpawn = untold) -> tuple[Child, str]:
    """Start the broker with its state in ``folder``; returns it and its bootstrap address when it answers. Raises StackError.

    ``on_spawn`` is given it as soon as there is something to stop.
    """
    runtime, jars = java.java(), java.kafka_jars(say)
    folder.mkdir(parents=True, exist_ok=True)
    port, controller = free_port(preferred_port), free_port()
    properties = folder / "server.properties"
    logs = folder / "logs"
    properties.write_text(_PROPERTIES.format(port=port, controller=controller, logs=logs, bytes_max=MESSAGE_BYTES_MAX), "utf-8")
    if not (logs / "meta.properties").exists():
        _format(runtime, jars, properties, folder)
    logging = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
    scratch = folder / "tmp"  # native libraries are unpacked here, not into the machine's temporary folder
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    argv = (runtime, *_HEAP, *logging, f"-Djava.io.tmpdir={scratch}", "-cp", f"{jars}/*", "kafka.Kafka", str(properties))
    child = spawn(Spec("kafka", argv, log=folder / "broker.log", cwd=folder))
    on_spawn(child)
    wait_until(lambda: _answers(port), child, _READY_SECONDS, f"see {folder / 'broker.log'}")
    return child, f"127.0.0.1:{port}"


def cluster_id(folder: Path) -> str:
    """The id of the cluster in a folder: 16 bytes in base64, as Kafka has it, and no "-" first, which its tool takes for an option."""
    text = urlsafe_b64encode(uuid.uuid5(uuid.NAMESPACE_URL, str(folder)).bytes).decode().rstrip("=")
    return f"A{text[1:]}" if text.startswith("-") else text


def _format(runtime: str, jars: Path, properties: Path, folder: Path) -> None:
    cluster = cluster_id(folder)
    tool = (
        runtime,
        *java.NO_TRACE,
        "-Xmx128m",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-cp",
        f"{jars}/*",
    )
    command = (*tool, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StackError(f"cannot prepare {folder} for Kafka: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")


def _answers(port: int) -> bool:
    """True when the broker answers ApiVersions v0 (key 18), which it does once it serves requests."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as s:
            s.sendall(struct.pack(">i", len(request)) + request)
            return len(s.recv(10)) == 10
    except OSError:
        return False
