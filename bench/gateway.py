"""The gateway beside its floor: `python bench/gateway.py [--seconds 3] [--rounds 3] [--rate 1000]`, JSON lines on standard output.

The floor is a bare asyncio MLLP server that produces to Kafka (acks=all, idempotent) and answers on the delivery report without reading the
message. Both run as their own processes on the same broker (HUB_KAFKA) and take turns under the same lock-step load from a third process.
Only the ratio means something on a machine that has other work.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import secrets
import statistics
import threading
import time
from collections import deque
from multiprocessing.connection import Connection as Pipe

import confluent_kafka as ck
import psutil

from hub.avro import Codec
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.gateway import Parts, run_gateway
from hub.stream.kafka import ensure_topics

MESSAGE = (
    "MSH|^~\\&|DIPS|STOLAV|HUB|HUB|20260401120000||ADT^A01^ADT_A01|{control}|P|2.5.1|||||NOR|UNICODE UTF-8\r"
    "EVN|A01|20260401120000|||SYKPLE^Hansen^Kari\r"
    "PID|1||1{patient:07d}^^^STOLAV^PI~13116900216^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Ødegård^Åse^Marie||19690113|F|||"
    "Munkegata 1^^Trondheim^^7013^NOR^H"
    "||73867890^PRN^PH|||M\r"
    "NK1|1|Ødegård^Per|SPO|Munkegata 1^^Trondheim^^7013^NOR|73867891\r"
    "PV1|1|I|KIR1^101^2^STOLAV||||4021^Berg^Anne^^^Dr|4022^Lie^Jon^^^Dr||SUR|||||||4021^Berg^Anne^^^Dr|I|{patient:08d}^^^STOLAV^VN|||||||||"
    "|||||||||||||||20260401115500\r"
    "DG1|1||K35.8^Akutt appendisitt^ICD10|||A\r"
    "AL1|1|DA|J01CA04^Amoksicillin^ATC|MO|Utslett\r"
    "OBX|1|NM|8867-4^Hjertefrekvens^LN||88|/min|60-100|N|||F|||20260401115800\r"
)


def body(control: str, patient: int) -> bytes:
    return b"\x0b" + MESSAGE.format(control=control, patient=patient).encode() + b"\x1c\r"


class Floor(asyncio.Protocol):
    """Find the frame, send it on, answer when the broker has it. A poll thread serves the reports."""

    def __init__(self, server: "FloorServer") -> None:
        self.server, self.buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\x1c\r")) >= 0:
            payload, self.buffer = self.buffer[1:end], self.buffer[end + 2 :]
            self.server.send(payload, self.transport)


class FloorServer:
    ACK = b"\x0bMSH|^~\\&|HUB|HUB|||20260401||ACK|1|P|2.5\rMSA|AA|1\r\x1c\r"

    def __init__(self, bootstrap: str, topic: str, loop: asyncio.AbstractEventLoop, linger_ms: float) -> None:
        config = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "compression.type": "lz4",
        }
        self.client = ck.Producer(config | {"partitioner": "murmur2_random"})
        self.topic, self.loop, self.done, self.count = topic, loop, deque(), 0
        threading.Thread(target=self.poll, daemon=True).start()

    def poll(self) -> None:
        while True:
            self.client.poll(0.1)

    def send(self, payload: bytes, transport: asyncio.WriteTransport) -> None:
        self.count += 1
        self.client.produce(self.topic, payload, b"%d" % (self.count % 9973), on_delivery=lambda _e, _m: self.reported(transport))

    def reported(self, transport: asyncio.WriteTransport) -> None:
        self.done.append(transport)
        if len(self.done) == 1:
            self.loop.call_soon_threadsafe(self.drain)

    def drain(self) -> None:
        while self.done:
            self.done.popleft().write(self.ACK)


async def floor(bootstrap: str, topic: str, linger_ms: float, pipe: Pipe) -> None:
    loop = asyncio.get_running_loop()
    server = FloorServer(bootstrap, topic, loop, linger_ms)
    listening = await loop.create_server(lambda: Floor(server), "127.0.0.1", 0)
    pipe.send(listening.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


async def gateway(bootstrap: str, prefix: str, pipe: Pipe) -> None:
    settings = Settings(kafka=bootstrap, topic_prefix=prefix, mllp="127.0.0.1:0")
    provider = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("STOLAV",), Deliver(Channel.MAILBOX))
    directory = Directory([provider], [], 1)

    async def refresh(known: object) -> Directory | None:
        return None if known is directory else directory

    parts = Parts(Codec(), Pseudonyms(b"bench"), refresh, lambda: time.time_ns() // 1000)
    await run_gateway(settings, parts, asyncio.Event(), lambda _host, port: pipe.send(port))


class Sender(asyncio.Protocol):
    """Lock-step: the next message when the last one is answered, and when it is due where the load has a rate."""

    def __init__(self, load: "Load") -> None:
        self.load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        wait = self.load.seconds_until_next()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.write)
        else:
            self.write()

    def write(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(self.load.message())

    def data_received(self, data: bytes) -> None:
        if data[-2:] != b"\x1c\r":
            return  # the rest of the answer is on its way
        load = self.load
        load.seconds.append(time.perf_counter() - self.began)
        load.accepted += b"MSA|AA" in data
        if not load.is_over:
            self.next()


class Load:
    def __init__(self, seed: str, rate: float) -> None:
        self.rate, self.slots, self.start = rate, 0, time.perf_counter()
        self.seconds: list[float] = []
        self.accepted = self.count = 0
        self.is_over = False
        parts = [body("@@@@@@", p).split(b"@@@@@@") for p in range(997)]
        self.parts, self.seed = parts, seed.encode()

    def seconds_until_next(self) -> float:
        self.slots += 1
        return self.start + self.slots / self.rate - time.perf_counter() if self.rate else 0.0

    def message(self) -> bytes:
        self.count += 1
        head, tail = self.parts[self.count % 997]
        return head + self.seed + b"%d" % self.count + tail


async def load(port: int, connections: int, rate: float, seconds: float) -> dict[str, float]:
    made, loop = Load(secrets.token_hex(4), rate), asyncio.get_running_loop()
    began = time.perf_counter()
    links = [await loop.create_connection(lambda: Sender(made), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.sleep(seconds)
    made.is_over = True
    spent, answered = time.perf_counter() - began, len(made.seconds)
    await asyncio.sleep(0.2)
    for transport, _ in links:
        transport.close()
    times = sorted(made.seconds)
    p50, p99 = (times[int(len(times) * q)] * 1000 for q in (0.5, 0.99))
    return {"per_second": answered / spent, "p50_ms": p50, "p99_ms": p99, "accepted": made.accepted, "answered": len(made.seconds)}


def _loads(port: int, connections: int, rate: float, seconds: float, pipe: Pipe) -> None:
    pipe.send(asyncio.run(load(port, connections, rate, seconds)))


def _serve(kind: str, bootstrap: str, prefix: str, pipe: Pipe) -> None:
    if kind == "gateway":
        asyncio.run(gateway(bootstrap, prefix, pipe))
    else:
        asyncio.run(floor(bootstrap, prefix + "inbound", float(kind.removeprefix("floor")), pipe))


def _run(context: multiprocessing.context.SpawnContext, port: int, connections: int, rate: float, seconds: float) -> dict[str, float]:
    ours, theirs = context.Pipe()
    process = context.Process(target=_loads, args=(port, connections, rate, seconds, theirs))
    process.start()
    result = ours.recv()
    process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 64])
    parser.add_argument("--rate", type=float, default=1000, help="messages a second of the last, paced run; 0 = none")
    given = parser.parse_args()
    bootstrap, prefix = os.environ["HUB_KAFKA"], f"bench{secrets.token_hex(3)}-"
    ensure_topics(bootstrap, [prefix + "inbound"], Settings())
    context = multiprocessing.get_context("spawn")
    ports, processes, watched = {}, [], {}
    for kind in ("floor0", "floor1", "gateway"):
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=_serve, args=(kind, bootstrap, prefix, theirs), daemon=True))
        processes[-1].start()
        ports[kind], watched[kind] = ours.recv(), psutil.Process(processes[-1].pid)
    runs = [(connections, 0.0) for connections in given.connections] + ([(32, given.rate)] if given.rate else [])
    for connections, rate in runs:
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in ports}
        for _ in range(given.rounds):
            for kind, port in ports.items():
                before = sum(watched[kind].cpu_times()[:2])
                result = _run(context, port, connections, rate, given.seconds)
                result["cpu_us"] = (sum(watched[kind].cpu_times()[:2]) - before) / result["answered"] * 1e6
                found[kind].append(result)
        middle = {kind: statistics.median(r["per_second"] for r in rounds) for kind, rounds in found.items()}
        best = max(middle["floor0"], middle["floor1"])
        for kind, rounds in found.items():
            line = {"bench": "gateway", "server": kind, "connections": connections, "rate": rate, "per_second": round(middle[kind])}
            line |= {name: round(statistics.median(r[name] for r in rounds), 2) for name in ("p50_ms", "p99_ms", "cpu_us")}
            is_whole = all(r["accepted"] == r["answered"] for r in rounds) if kind == "gateway" else None
            print(json.dumps(line | {"of_the_best_floor": round(middle[kind] / best, 2), "all_accepted": is_whole}), flush=True)
    for process in processes:
        process.kill()


if __name__ == "__main__":
    main()
