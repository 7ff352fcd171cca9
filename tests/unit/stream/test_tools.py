"""hub send and hub receive, end to end on loopback."""

import asyncio
import io
import json
import threading
import time
from pathlib import Path

import pytest

from hub.stream import tools

ONE = b"MSH|^~\\&|A|B|||2026||ADT^A01|C1|P|2.5\rPID|1||7\r"
TWO = b"MSH|^~\\&|A|B|||2026||ADT^A01|C/2|P|2.5\rPID|1||7\r"


@pytest.mark.parametrize(
    "data",
    [
        ONE + TWO,
        b"\xef\xbb\xbf" + ONE + b"\r\n\r\n" + TWO,
        b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r",
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + ONE + TWO + b"BTS|2\rFTS|1\r",
    ],
)
def test_a_file_may_hold_many_messages(data: bytes) -> None:
    assert tools.split_messages(data) == [ONE, TWO]


def test_line_ends_of_a_file_are_kept() -> None:
    assert tools.split_messages(b"MSH|^~\\&|MSH\nPID|1\n\nMSH|2\n") == [b"MSH|^~\\&|MSH\nPID|1\r", b"MSH|2\r"]


@pytest.mark.parametrize(("answer", "code"), [("AA", 0), ("AE", 1), ("AR", 1)])
def test_sent_and_received(tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, code: int) -> None:
    (tmp_path / "in.hl7").write_bytes(ONE + TWO)
    out, folder, ports = io.StringIO(), tmp_path / "out", list[int]()

    async def serve() -> None:
        folder.mkdir()
        receiving = tools._Receiving(folder, answer, lambda: 1, out)
        server = await asyncio.start_server(receiving.serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        async with server:
            await asyncio.to_thread(done.wait)

    done = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    while not ports:
        time.sleep(0.01)
    try:
        assert tools.send([tmp_path / "in.hl7"], f"127.0.0.1:{ports[0]}", as_json=True) == code
    finally:
        done.set()
        thread.join()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["n"], line["control_id"], line["ack"]) for line in told] == [(1, "C1", answer), (2, "C/2", answer)]
    assert all(bool(line.get("why")) is (answer != "AA") for line in told), "a refusal says why"
    assert [json.loads(line)["control_id"] for line in out.getvalue().splitlines()] == ["C1", "C/2"]
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {"000001-C1.hl7": ONE, "000002-C_2.hl7": TWO}


def test_nobody_there_and_nothing_to_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.hl7").write_bytes(ONE)
    (tmp_path / "none.hl7").write_bytes(b"hello")
    assert tools.send([tmp_path / "in.hl7"], "127.0.0.1:1") == 69
    assert tools.send([tmp_path / "none.hl7"], "127.0.0.1:1") == 65
    assert tools.send([tmp_path / "missing.hl7"], "127.0.0.1:1") == 65
    assert len(capsys.readouterr().err.splitlines()) == 3


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]"])
def test_a_receiver_listens_where_it_is_told(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def serve() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await tools._receive(host, 0, tools._Receiving(None, "AA", lambda: 1, io.StringIO()))

    asyncio.run(serve())
    assert f"listening on {host}:" in capsys.readouterr().err
