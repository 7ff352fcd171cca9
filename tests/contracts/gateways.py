"""A gateway in the test's own event loop, on a real broker and real sockets, and a client that speaks MLLP byte by byte."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.adapters.hl7v2.framing import Deframer, Frame, frame
from hub.adapters.hl7v2.receive import Senders
from hub.avro import Codec
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind, Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.gateway import Parts, run_gateway
from hub.stream.kafka import Consumer, Topics

SAMPLES = Path(os.environ.get("HUB_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
PSEUDONYMS = Pseudonyms(b"test")


def provider(name: str, *senders: str, certificates: tuple[str, ...] = (), undeclared: str = "") -> Provider:
    where = Deliver(Channel.MAILBOX)
    return Provider(name, name, ProviderKind.HOSPITAL, "", senders, where, certificates, undeclared_encoding=undeclared)


def adt(control: str = "C1", patient: str = "7", sender: str = "OPEN", kind: str = "ADT^A01", more: str = "") -> bytes:
    head = f"MSH|^~\\&|APP|{sender}|HUB|HUB|20260401||{kind}|{control}|P|2.5"
    return f"{head}\rEVN||2026\rPID|1||{patient}^^^H||Ødegård^Åse\rPV1|1|I\r{more}".encode()


@dataclass
class Running:
    """A gateway that runs; ``providers`` may be changed, the gateway asks for them again."""

    host: str
    port: int
    settings: Settings
    providers: list[Provider]
    stop: asyncio.Event
    refreshes: int = 0

    @asynccontextmanager
    async def client(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Client"]:
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=context, server_hostname="localhost" if context else None)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def ask(self, raw: bytes) -> str:
        """One message on a connection of its own: MSA-1, and the ERR-3 code when there is one."""
        async with self.client() as client:
            client.write(frame(raw))
            return verdict(await client.answer())

    def recorded(self, expected: int, seconds: float = 15.0) -> list[Received]:
        """What stands in topic inbound, once there is as much as expected."""
        topic = Topics(self.settings.topic_prefix).inbound
        everywhere = dict.fromkeys(range(self.settings.partitions), 0)
        consumer = Consumer(self.settings.kafka, topic + "-test", topic, on_assign=lambda _: everywhere, on_revoke=lambda _: None)
        codec, found, deadline = Codec(), [], time.monotonic() + seconds
        try:
            while len(found) < expected and time.monotonic() < deadline:
                found += [codec.decode_received(r.value) for r in consumer.poll_batch(1000, 0.2)]
            return found + [codec.decode_received(r.value) for r in consumer.poll_batch(1000, 0.3)]
        finally:
            consumer.close()


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    deframer: Deframer = field(default_factory=lambda: Deframer(1 << 24))
    ready: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, seconds: float = 15.0) -> bytes:
        async with asyncio.timeout(seconds):
            while not self.ready:
                data = await self.reader.read(65_536)
                if not data:
                    raise ConnectionError("closed")
                self.ready += [e.payload for e in self.deframer.feed(data) if isinstance(e, Frame)]
        return self.ready.pop(0)

    async def answers(self, count: int) -> list[bytes]:
        return [await self.answer() for _ in range(count)]


def control_id(ack: bytes) -> str:
    return ack.split(b"\rMSA|")[1].split(b"\r")[0].split(b"|")[1].decode("latin-1")


def verdict(ack: bytes) -> str:
    code = ack.split(b"\rMSA|")[1][:2].decode()
    if b"\rERR|" not in ack:
        return code
    err = ack.split(b"\rERR|")[1].split(b"|")
    return f"{code} {err[2].split(b'^')[0].decode()}"


@asynccontextmanager
async def gateway(kafka: str, prefix: str, providers: Sequence[Provider] = (), **more: Any) -> AsyncIterator[Running]:
    given = {"mllp": "127.0.0.1:0", "topic_prefix": prefix, "kafka": kafka, "partitions": 3, "promise": False} | more
    settings = Settings(**given)
    running = Running("", 0, settings, list(providers) or [provider("open", "OPEN")], asyncio.Event())
    ready = asyncio.Event()

    async def refresh(_: Senders | None) -> Directory:
        running.refreshes += 1
        return Directory(running.providers, [], running.refreshes)

    def on_ready(host: str, port: int) -> None:
        running.host, running.port = host, port
        ready.set()

    parts = Parts(Codec(), PSEUDONYMS, refresh, lambda: time.time_ns() // 1000)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run_gateway(settings, parts, running.stop, on_ready))
        waiting = tasks.create_task(ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        try:
            if not task.done():
                yield running
        finally:
            running.stop.set()
            waiting.cancel()
