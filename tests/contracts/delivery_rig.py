"""What the delivery tests stand on: an outbox filled directly, receivers that misbehave on purpose, and a delivery process to run."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from hub.delivery.channel import Means
from hub.ledger.consent_rows import body_of
from hub.model import Identifier
from hub.settings import Settings
from hub.stream.delivery import run_delivery
from tests.consents import simple


def now_us() -> int:
    return time.time_ns() // 1000


def message(control_id: str, *, acks: str = "", text: str = "") -> bytes:
    """A short ADT message; ``acks`` is MSH-15 and MSH-16 as they stand between the separators."""
    head = f"MSH|^~\\&|HIS|STOLAV|HUB|X|20260101120000||ADT^A01|{control_id}|P|2.5.1|||{acks}"
    return f"{head}\rPID|1||1^^^HIS||TEST^{text}\rPV1|1|I\r".encode()


@dataclass
class Receiver:
    """An MLLP receiver. ``answers(control id, how often it has come)`` names what it does.

    AA, AE, AR, CA, ... or several with a plus between them; none, late, slow, wrong (another control id), cut, garbage.
    """

    answers: Callable[[str, int], str] = lambda _id, _n: "AA"
    late_seconds: float = 0.6
    got: list[tuple[float, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0)
            self._server = None

    @property
    def ids(self) -> list[str]:
        return [control_id for _, control_id in self.got]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                body = (await reader.readuntil(b"\x1c\r"))[1:-2]
                control_id = body.split(b"|")[9].decode()
                self.got.append((time.monotonic(), control_id))
                self.bodies.append(body)
                await self._answer(self.answers(control_id, self.ids.count(control_id)), control_id, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, mode: str, control_id: str, writer: asyncio.StreamWriter) -> None:
        def ack(code: str, of: str) -> bytes:
            return f"\x0bMSH|^~\\&|X|X|HIS|STOLAV|20260101||ACK^A01^ACK|r{of}|P|2.5.1\rMSA|{code}|{of}\r\x1c\r".encode()

        if mode == "none":
            return
        if mode == "cut":
            writer.transport.abort()
            raise ConnectionError
        if mode == "garbage":
            writer.write(b"\x0bthis is not an acknowledgement\x1c\r")
        elif mode == "wrong":
            writer.write(ack("AA", "other"))
        elif mode in {"late", "slow"}:
            await asyncio.sleep(self.late_seconds)
            writer.write(ack("AA", control_id))
        else:
            for code in mode.split("+"):
                writer.write(ack(code, control_id))
                await asyncio.sleep(0.01 if "+" in mode else 0)


@dataclass(frozen=True)
class Row:
    """One delivery to be made."""

    part: int
    off: int
    recipient: str
    patient: str
    control_id: str = ""
    channel: str = "mllp"
    form: str = "hl7v2"
    payload: bytes = b""
    received_us: int = 0


def locks(patient: str) -> list[str]:
    return [f"lock-{patient}"]


def fill(url: str, rows: Iterable[Row]) -> None:
    """Write deliveries and their decisions as transit does, and say so."""
    with psycopg.connect(url) as conn:
        write(conn, list(rows))


def write(conn: psycopg.Connection[Any], rows: Sequence[Row]) -> None:
    """``fill`` within a transaction."""
    cur = conn.cursor()
    columns = (
        "part, off, recipient, event_id, patient_key, source, received_us, channel, form, detail, labels, purpose, "
        "lock_keys, control_id, kind, payload"
    )
    with cur.copy(f"COPY outbox ({columns}) FROM STDIN") as copy:
        for r in rows:
            control_id = r.control_id or f"{r.part}-{r.off}-{r.recipient}"
            payload = r.payload or message(control_id)
            event = str(uuid.UUID(int=(r.part << 64) + r.off))
            copy.write_row((
                r.part, r.off, r.recipient, event, r.patient, "st-olavs", r.received_us or now_us(), r.channel, r.form, "full", [],
                "TREAT", locks(r.patient), control_id, "patient.admitted", payload,
            ))  # fmt: skip
    with cur.copy("COPY decision (part, off, recipient, result, rule, detail, subscription, because) FROM STDIN") as copy:
        for r in rows:
            copy.write_row((r.part, r.off, r.recipient, "permit", "13-treating-relation", "full", f"s-{r.recipient}", ["pathway"]))
    conn.execute("NOTIFY hub_outbox")


def provider(url: str, provider_id: str, deliver: dict[str, Any], **more: Any) -> None:
    """Put a provider into the directory, subscribed to everything."""
    body = {
        "id": provider_id,
        "name": provider_id,
        "kind": "other",
        "organisation": f"org-{provider_id}",
        "senders": [],
        "deliver": deliver,
    }
    with psycopg.connect(url) as conn:
        conn.execute(
            "INSERT INTO provider VALUES (%s, 'admin', %s) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (provider_id, json.dumps(body | more)),
        )
        wanted = {"id": f"s-{provider_id}", "provider": provider_id, "events": ["*"], "detail": "full"}
        conn.execute("INSERT INTO subscription VALUES (%s, 'admin', %s) ON CONFLICT DO NOTHING", (f"s-{provider_id}", json.dumps(wanted)))
        conn.execute("UPDATE directory_version SET version = version + 1")


def mllp(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"channel": "mllp", "host": "127.0.0.1", "port": receiver.port, **more}


def query(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(sql, values).fetchall()


def attempts(url: str, recipient: str) -> list[tuple[Any, ...]]:
    return query(url, "SELECT off, n, outcome, code FROM attempt WHERE recipient = %s ORDER BY part, off, n", recipient)


def settings(url: str, **more: Any) -> Settings:
    fast = {"retry_first_seconds": 0.05, "retry_seconds_max": 0.4, "ack_seconds_max": 0.3, "connect_seconds_max": 1.0, "partitions": 4}
    return Settings(database_url=url, **{**fast, **more})


@contextlib.asynccontextmanager
async def delivering(url: str, means: Means | None = None, **more: Any) -> AsyncIterator[asyncio.Event]:
    """A delivery process running in this one."""
    config = settings(url, **more)
    stop = asyncio.Event()
    means = means or Means(ack_seconds_max=config.ack_seconds_max, connect_seconds_max=config.connect_seconds_max)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_delivery(config, means, clock=now_us, reach=lambda _name: None, stop=stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def drained(url: str, seconds: float = 15.0, *, parked: int = 0) -> None:
    """Wait until nothing but so many parked deliveries is left."""
    await until(lambda: query(url, "SELECT count(*), count(*) FILTER (WHERE parked <> '') FROM outbox") == [(parked, parked)], seconds)


def lock(
    url: str, patient: str, *, consent: str = "c1", actors: Sequence[tuple[str, str]] = (), deny: bool = True, version: int = 1
) -> None:
    """A consent in force, written as its own transaction under the gate."""
    written = simple(consent, version, deny=deny, actors=tuple(Identifier(*a) for a in actors))
    with psycopg.connect(url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(7101)")
        conn.execute(
            "INSERT INTO consent (id, version, active, body, written_us, resource) VALUES (%s, %s, true, %s, %s, '{}')",
            (consent, version, json.dumps(body_of(written)), now_us()),
        )
        for key in locks(patient):
            conn.execute("INSERT INTO consent_key VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, consent))
