"""Drain an outbox by MLLP to three local receivers: deliveries a second, as JSON lines.

    python -m bench.delivery [--messages 20000] [--patients 2000] [--consents 0]

Needs HUB_DATABASE_URL (a database of its own is made and dropped). The receivers run in a process of their own.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import psycopg

from bench.floor import share
from hub.delivery.channel import Means
from hub.ledger.consent_rows import body_of
from hub.ledger.migrate import migrate
from hub.model import Actor, Consent, Identifier, Provision
from hub.settings import Settings
from hub.stream.delivery import run_delivery

LOCK = Consent("c", 1, True, Provision(True, actors=(Actor(Identifier("", "nobody")),)))
RECIPIENTS = ("a", "b", "c")


class _Receiver(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        *frames, self.buffer = (self.buffer + data).split(b"\x1c\r")
        self.transport.write(
            b"".join(b"\x0bMSH|^~\\&|X|X|H|H|20260101||ACK|1|P|2.5.1\rMSA|AA|" + f.split(b"|", 10)[9] + b"\r\x1c\r" for f in frames)
        )


def _receive(ports: Connection) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(_Receiver, "127.0.0.1", 0) for _ in RECIPIENTS]
        ports.send([s.sockets[0].getsockname()[1] for s in servers])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def _receivers() -> Iterator[list[int]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


@contextmanager
def _database() -> Iterator[str]:
    server = os.environ["HUB_DATABASE_URL"]
    name = f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    url = server.rsplit("/", 1)[0] + "/" + name
    try:
        migrate(url)
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _payload(control_id: str) -> bytes:
    lines = [f"MSH|^~\\&|HIS|STOLAV|HUB|X|20260101120000||ADT^A01|{control_id}|P|2.5.1", "EVN|A01|20260101120000"]
    lines += [f"PID|1||{control_id}^^^HIS||TESTESEN^TEST||19800101|M|||VEIEN 1^^TRONDHEIM^^7010", "PV1|1|I|MED^1^1||||||||||||||||1"]
    lines += [f"OBX|{n}|NM|{n}^TEST||{n}|mmol/L|1-9|N|||F" for n in range(6)]
    return ("\r".join(lines) + "\r").encode()


def _fill(url: str, messages: int, patients: int, consents: int, ports: list[int]) -> None:
    now = time.time_ns() // 1000
    with psycopg.connect(url) as conn:
        cur = conn.cursor()
        for recipient, port in zip(RECIPIENTS, ports, strict=True):
            body = {"id": recipient, "name": recipient, "kind": "other", "organisation": recipient, "senders": []}
            deliver = {"channel": "mllp", "host": "127.0.0.1", "port": port}
            cur.execute("INSERT INTO provider VALUES (%s, 'file', %s)", (recipient, json.dumps(body | {"deliver": deliver})))
            wanted = {"provider": recipient, "events": ["*"], "detail": "full"}
            cur.execute("INSERT INTO subscription VALUES (%s, 'file', %s)", (f"s-{recipient}", json.dumps(wanted)))
        columns = "part, off, recipient, event_id, patient_key, source, received_us, channel, form, detail, labels, purpose"
        with cur.copy(f"COPY outbox ({columns}, lock_keys, control_id, kind, payload) FROM STDIN") as copy:
            for n in range(messages):
                patient = secrets.token_hex(2) + f"{n % patients:028x}"
                keys = [f"{n % patients:032x}", f"{n % patients:030x}aa"]
                for recipient in RECIPIENTS:
                    row = (n % 12, n, recipient, str(uuid.UUID(int=n)), patient, "h", now, "mllp", "hl7v2", "full", [], "TREAT")
                    copy.write_row((*row, keys, f"m{n}", "patient.admitted", _payload(f"m{n}")))
        with cur.copy("COPY decision (part, off, recipient, result, rule, detail, subscription, because) FROM STDIN") as copy:
            for n in range(messages):
                for recipient in RECIPIENTS:
                    copy.write_row((n % 12, n, recipient, "permit", "13-treating-relation", "full", f"s-{recipient}", ["pathway"]))
        cur.execute(
            "INSERT INTO consent (id, version, active, body, written_us, resource) "
            "SELECT 'c'||i, 1, true, %s::jsonb, 0, '{}' FROM generate_series(1, %s) i",
            (json.dumps(body_of(LOCK)), consents),
        )
        cur.execute("INSERT INTO consent_key SELECT lpad(to_hex(i), 32, '0'), 'c'||i FROM generate_series(1, %s) i", (consents,))
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")


async def _drain(url: str, deliveries: int) -> dict[str, float]:
    stop = asyncio.Event()
    settings = Settings(database_url=url)
    async with asyncio.TaskGroup() as group, await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        begun, cpu = time.perf_counter(), time.process_time()
        group.create_task(run_delivery(settings, Means(), clock=lambda: time.time_ns() // 1000, reach=lambda _n: None, stop=stop))
        while True:
            await asyncio.sleep(0.1)
            row = await (await conn.execute("SELECT 1 FROM outbox LIMIT 1")).fetchone()
            if row is None:
                break
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        stop.set()
    with psycopg.connect(url) as check:
        ((count,),) = check.execute("SELECT count(*) FROM attempt WHERE outcome = 'delivered'").fetchall()
    return {
        "deliveries": deliveries,
        "delivered_attempts": count,
        "seconds": round(seconds, 2),
        "deliveries_per_second": round(deliveries / seconds),
        **share(deliveries / seconds),
        "cpu_us_per_delivery": round(cpu / deliveries * 1e6),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--patients", type=int, default=2_000)
    parser.add_argument("--consents", type=int, default=0)
    args = parser.parse_args()
    with _receivers() as ports, _database() as url:
        _fill(url, args.messages, args.patients, args.consents, ports)
        print(json.dumps({"bench": "delivery", **vars(args), **asyncio.run(_drain(url, 3 * args.messages))}), flush=True)


if __name__ == "__main__":
    main()
