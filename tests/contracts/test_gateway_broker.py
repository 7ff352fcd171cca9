"""The answer waits for the broker's report: a broker of our own is halted, killed and started again under the gateway."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.adapters.hl7v2.framing import frame
from hub.stack import kafka as local_kafka
from hub.stack.supervise import stop
from tests.contracts.gateways import adt, control_id, gateway, verdict
from tests.local import KAFKA, starts


@starts(KAFKA)
@pytest.mark.skipif(not shutil.which("java"), reason="needs Java for a broker of its own")
def test_no_positive_answer_without_the_brokers_report(  # noqa: PLR0915  # one broker, started once
    tmp_path: Path, topic_prefix: str
) -> None:
    child, bootstrap = local_kafka.start(tmp_path, print)
    children = [child]

    async def run() -> None:
        async with gateway(bootstrap, topic_prefix, delivery_timeout_ms=3_000) as running, running.client() as client:
            assert await running.ask(adt("before")) == "AA"
            os.kill(child.pid, signal.SIGSTOP)  # alive and silent, as in a long pause
            client.write(frame(adt("paused")))
            with pytest.raises(TimeoutError):
                await client.answer(1.5)
            os.kill(child.pid, signal.SIGCONT)
            assert (control_id(ack := await client.answer()), verdict(ack)) == ("paused", "AA")
            os.kill(child.pid, signal.SIGKILL)
            for number in range(4):
                client.write(frame(adt(f"down{number}")))
                assert verdict(await client.answer()) == "AE 207"  # ours, transient: the connection is kept
            client.write(frame(b"garbage"))
            assert verdict(await client.answer()) == "AE 100"
            child.wait(10)
            port = int(bootstrap.rpartition(":")[2])
            children.append((await asyncio.to_thread(local_kafka.start, tmp_path, print, port))[0])
            async with asyncio.timeout(60):
                while True:
                    client.write(frame(adt("down0")))
                    if verdict(await client.answer()) == "AA":
                        break
            recorded = await asyncio.to_thread(running.recorded, 3)
            assert {"before", "paused", "down0"} <= {r.control_id for r in recorded}

    try:
        asyncio.run(run())
    finally:
        stop(children, grace_seconds=10.0)


@pytest.mark.parametrize(("point", "is_recorded"), [("gateway.before_produce", False), ("gateway.after_report", True)])
def test_killed_at_a_named_point(kafka: str, topic_prefix: str, point: str, *, is_recorded: bool) -> None:
    """Neither before the broker has it nor between its report and the answer does the sender hear anything."""
    code = (
        "import asyncio, sys\n"
        "from tests.contracts.gateways import gateway\n"
        "async def run():\n"
        f"    async with gateway({kafka!r}, {topic_prefix!r}) as g:\n"
        "        print(g.port, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(
        command, env=os.environ | {"HUB_FAULTPOINT": point + ":2"}, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout
    port = int(process.stdout.readline())

    async def run() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(adt("1")))
        assert b"MSA|AA|1" in await reader.read(65_536)
        writer.write(frame(adt("2")))
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read(65_536) == b""
        writer.close()
        async with gateway(kafka, topic_prefix) as running:
            recorded = await asyncio.to_thread(running.recorded, 1 + is_recorded, 10.0)
            assert [r.control_id for r in recorded if r.control_id == "2"] == ["2"] * is_recorded

    asyncio.run(run())
    process.wait(10)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
