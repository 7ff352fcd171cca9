"""One message about several patients over real servers: each patient's part by itself, in consent, order, repeats, crashes and redrives."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.hl7v2.framing import frame
from hub.adapters.hl7v2.receive import Door
from hub.avro import Codec
from hub.errors import Cause, Faulted
from hub.identity import FNR
from hub.ledger.connect import Pool
from hub.ledger.consents import NewVersion, put_consent
from hub.ledger.trace import trace
from hub.model import Identifier, Received
from hub.routing.directory import Directory
from hub.stream import quarantine_tool as tool
from hub.stream.intake import Intake
from hub.stream.kafka import Producer
from hub.stream.readers import READERS
from hub.stream.reread import Means, reread
from hub.wiring import now_us
from tests.consents import simple
from tests.contracts.gateways import gateway, verdict
from tests.contracts.transit_rig import PROVIDERS, PSEUDONYMS, SUBSCRIPTIONS, Rig, rig

ONE, TWO = "13116900216", "15076500565"


@pytest.fixture
def hub(kafka: str, database_url: str, topic_prefix: str) -> Iterator[Rig]:
    with rig(kafka, database_url, topic_prefix) as made:
        yield made


def swap(control: str = "S1", *, sender: str = "OLAV", name: str = "BRAVO", towns: tuple[str, str] = ("5001", "5031")) -> bytes:
    head = f"MSH|^~\\&|DIPS|{sender}|HUB|REGION|20260101120000||ADT^A17|{control}|P|2.5.1|||||NOR|UNICODE UTF-8\rEVN||20260101120000\r"
    people = ((ONE, "ALFA", towns[0]), (TWO, name, towns[1]))
    return (
        head + "".join(f"PID|1||{n}^^^NOR^NI||{who}^X||19691113|F|||Gata 1^^B^^7011^NOR^H^^{t}\rPV1|1|I|MED^1\r" for n, who, t in people)
    ).encode()


def take(hub: Rig, *messages: bytes, directory: Directory | None = None) -> list[bytes]:
    """By a door of its own, which remembers nothing of earlier ones; what it answered."""

    async def run() -> list[bytes]:
        producer = Producer(hub.kafka)
        try:
            known = directory or Directory(PROVIDERS, SUBSCRIPTIONS, 1)
            intake = Intake(producer, Codec(), PSEUDONYMS, known, hub.settings, now_us)
            return [await intake.accept_hl7v2(m) for m in messages]
        finally:
            producer.close()

    return asyncio.run(run())


def code(answer: bytes) -> str:
    return verdict(answer.strip(b"\x0b\x1c\r") + b"\r")


def settle(hub: Rig, more: int) -> None:
    hub.sent += more
    with hub.running():
        hub.settle()


def sent_to(hub: Rig, recipient: str) -> list[tuple[str, bytes]]:
    rows: list[tuple[str, bytes]] = hub.rows("SELECT control_id, payload FROM outbox WHERE recipient = %s ORDER BY part, off", recipient)
    return sorted((str(c), bytes(p)) for c, p in rows)


def test_nobody_hears_of_the_other_patient_and_a_lock_is_one_patients(hub: Rig) -> None:
    lock = simple("lock")
    put_consent(hub.conn, NewVersion(lock, PSEUDONYMS.locks_of_consent(Identifier(FNR, TWO)), {}, 1), lambda _b, _a: True, 1.0)
    assert [code(a) for a in take(hub, swap())] == ["AA"]
    settle(hub, 2)
    told = {r: sent_to(hub, r) for r in ("town", "village", "clinic")}
    assert [c for c, _ in told["town"]] == ["S1"] and told["village"] == []  # the second patient's municipality, and she said no
    assert [c for c, _ in told["clinic"]] == ["S1"]
    assert not any(TWO.encode() in p or b"BRAVO" in p for those in told.values() for _, p in those)
    assert sorted(hub.rows("SELECT recipient, result FROM decision")) == [
        ("clinic", "deny"), ("clinic", "permit"), ("town", "permit"), ("village", "deny"),
    ]  # fmt: skip


def test_the_whole_is_traced_by_its_control_id_and_a_repeat_is_one_in_each_part(hub: Rig) -> None:
    first, again = take(hub, swap(), swap())
    assert (code(first), code(again)) == ("AA", "AA")
    settle(hub, 4)
    found = trace(hub.conn, "S1")["messages"]
    assert sorted((m["control_id"], m["outcome"], len(m["repeats"])) for m in found) == [("S1", "routed", 1), ("S1-p2", "routed", 1)]
    assert trace(hub.conn, "S1-p2")["event_id"] in {m["event_id"] for m in found}
    assert hub.rows("SELECT count(*) FROM outbox") == [4]  # town and village, and the clinic twice


def test_a_control_id_with_other_bytes_is_a_conflict_in_the_part_that_differs(hub: Rig) -> None:
    """Told at a door that remembers; here by the ledger, since the second door does not."""
    take(hub, swap()), take(hub, swap(name="OTHER"))
    settle(hub, 4)
    rows = sorted(hub.rows("SELECT control_id, outcome, reason FROM message"))
    assert rows == [
        ("S1", "repeat", ""), ("S1", "routed", ""), ("S1-p2", "quarantined", "duplicate_control_id"), ("S1-p2", "routed", ""),
    ]  # fmt: skip
    assert not any(b"OTHER" in p for _, p in sent_to(hub, "village"))


def test_a_crash_between_two_parts_loses_neither(kafka: str, hub: Rig) -> None:
    program = (
        "import asyncio\nfrom tests.contracts.gateways import gateway, provider\n"
        "async def run():\n"
        f"    async with gateway({kafka!r}, {hub.prefix!r}, [provider('olav', 'OLAV')]) as g:\n"
        "        print(g.port, flush=True)\n        await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    environment = os.environ | {"HUB_FAULTPOINT": "gateway.after_report:2"}  # the first part is durable, and nobody was answered
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout
    port = int(process.stdout.readline())

    async def run() -> list[Received]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(swap()))
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(65_536) == b""
        writer.close()
        async with gateway(kafka, hub.prefix, list(PROVIDERS)) as running:
            assert await running.ask(swap()) == "AA"
            return await asyncio.to_thread(running.recorded, 4, 10.0)

    recorded = asyncio.run(run())
    process.wait(10)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    assert len({r.event_id for r in recorded}) == 2 and {r.control_id for r in recorded} == {"S1", "S1-p2"}
    settle(hub, len(recorded))
    outcomes = hub.rows("SELECT control_id, outcome FROM message")
    assert {c for c, outcome in outcomes if outcome == "routed"} == {"S1", "S1-p2"}
    assert {outcome for _, outcome in outcomes} <= {"routed", "repeat"}
    assert hub.rows("SELECT count(*) FROM outbox") == [4]


def desk(hub: Rig) -> tool.Desk:
    directory = Directory(PROVIDERS, SUBSCRIPTIONS, 1)
    means = Means(directory, PSEUDONYMS, Door(directory, PSEUDONYMS), Codec())

    async def accept(message: Received) -> None:
        await asyncio.to_thread(hub.put, message)

    pool = Pool(hub.url, "test")
    return tool.Desk(pool, lambda c: reread(c, means), accept, lambda: 99, lambda r: READERS[r.adapter](r), directory.provider)


def do(hub: Rig, action: str, any_id: str = "") -> int:
    async def run() -> int:
        made = desk(hub)
        done = await tool.run_quarantine(made, action, any_id, as_json=True)
        await made.pool.close()
        return done

    return asyncio.run(run())


def listed(hub: Rig, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert do(hub, "list") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_whole_that_was_refused_is_redriven_as_its_parts(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = Directory((), (), 1)
    assert [code(a) for a in take(hub, swap(), directory=nobody)] == ["AE 204"]
    settle(hub, 1)
    (kept,) = listed(hub, capsys)
    assert (kept["reason"], kept["control_id"]) == ("unknown_sender", "S1")
    assert do(hub, "redrive", kept["id"]) == 0
    assert listed(hub, capsys)[0]["state"] == "redriven"
    settle(hub, 0)
    assert listed(hub, capsys) == []
    assert sorted(hub.rows("SELECT control_id, outcome FROM message WHERE outcome <> 'quarantined'")) == [
        ("S1", "routed"),
        ("S1-p2", "routed"),
    ]


def test_a_redrive_that_was_interrupted_passes_on_what_is_left(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    take(hub, swap(), directory=Directory((), (), 1))
    settle(hub, 1)
    (kept,) = listed(hub, capsys)

    async def interrupted() -> None:
        made = desk(hub)

        async def first_only(message: Received) -> None:
            if message.control_id != "S1":
                raise Faulted(Cause.BROKER_UNAVAILABLE)
            await asyncio.to_thread(hub.put, message)

        with pytest.raises(Faulted):
            await tool.redrive(replace(made, accept=first_only), kept["id"])
        await made.pool.close()

    asyncio.run(interrupted())
    settle(hub, 0)
    assert [c for c, _ in sent_to(hub, "clinic")] == ["S1"]
    (kept,) = listed(hub, capsys)
    assert kept["state"] == "redriven"
    assert do(hub, "redrive", kept["id"]) == 0
    settle(hub, 0)
    assert [c for c, _ in sent_to(hub, "clinic")] == ["S1", "S1-p2"]  # neither twice
    assert listed(hub, capsys) == []


def test_a_conflict_is_redriven_in_all_its_parts(hub: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert [code(a) for a in take(hub, swap(), swap(towns=("5031", "5001")))] == ["AA", "AE 205"]
    settle(hub, 3)
    (kept,) = listed(hub, capsys)
    assert do(hub, "redrive", kept["id"]) == 0
    settle(hub, 0)
    assert listed(hub, capsys) == []
    assert sorted(hub.rows("SELECT control_id FROM message WHERE outcome = 'routed'")) == ["S1", "S1", "S1-p2", "S1-p2"]
    assert do(hub, "redrive", kept["id"]) == 1
