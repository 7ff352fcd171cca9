"""`hub send` and `hub receive`: an MLLP sender and receiver for trying a connection by hand."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, TextIO

from hub.adapters.hl7v2 import charset, reply
from hub.adapters.hl7v2.framing import Deframer, Frame, frame
from hub.adapters.hl7v2.head import Head, peek
from hub.adapters.hl7v2.listener import address
from hub.errors import Reason
from hub.identity import derived_id
from hub.model import Refusal
from hub.settings import FRAME_BYTES_MAX

ACCEPTED: Final = ("AA", "CA")
ANSWERS: Final = ("AA", "AE", "AR", "late", "never")
LATE_SECONDS: Final = 30.0  # later than any sender of ours waits
_ANSWER_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0
_OK, _REFUSED, _BAD_INPUT, _UNAVAILABLE = 0, 1, 65, 69
_STARTS: Final = re.compile(rb"(?:\A|(?<=[\r\n\x0b]))(?=MSH|FHS|BHS|BTS|FTS)")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def split_messages(data: bytes) -> list[bytes]:
    """The messages of a file: each begins with MSH at a line's start. Batch wrappers, blank lines and MLLP framing are dropped."""
    parts = _STARTS.split(data.removeprefix(charset.BOM))
    return [part.strip(b"\r\n\x0b\x1c \t") + b"\r" for part in parts if part.startswith(b"MSH")]


@dataclass(slots=True)
class _Sending:
    """One run of the sender."""

    host: str
    port: int
    rate: float  # messages a second; 0 = as fast as answered
    tell: Callable[[int, str, str, str], None]
    refused: int = 0
    began: float = 0.0

    async def run(self, messages: Sequence[bytes], connections: int) -> int:
        """Send all; the exit code."""
        self.began = asyncio.get_running_loop().time()
        shares = [list(enumerate(messages))[i::connections] for i in range(min(connections, len(messages)))]
        is_lost = False
        try:
            async with asyncio.TaskGroup() as tasks:
                for share in shares:
                    tasks.create_task(self._share(share))
        except* OSError:  # a connection refused, lost or timed out (TimeoutError is one)
            is_lost = True
        return _UNAVAILABLE if is_lost else _REFUSED if self.refused else _OK

    async def _share(self, messages: list[tuple[int, bytes]]) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(self.host, self.port)
        deframer = Deframer(FRAME_BYTES_MAX)
        try:
            for number, message in messages:
                if self.rate:
                    due = self.began + number / self.rate
                    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                writer.write(frame(message))
                await writer.drain()
                head = peek(message)
                code, why = await _answer_to(head, reader, deframer)
                self.refused += code not in (*ACCEPTED, "none")
                self.tell(number, head.fields[10], code, why)
        finally:
            writer.close()


async def _answer_to(head: Head, reader: asyncio.StreamReader, deframer: Deframer) -> tuple[str, str]:
    """MSA-1 of the answer to a message, and what a refusal says about why and what to do.

    For MSA-1: "none" when no answer was asked for, "timeout" when none came, "closed" when nobody is there now.
    """
    if not reply.codes(head.fields[15], head.fields[16], reply.ACCEPT):
        return "none", ""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            while data := await reader.read(65_536):
                for event in deframer.feed(data):
                    code, control_id, why = _read_answer(event.payload) if isinstance(event, Frame) else ("", "", "")
                    if code and control_id in (head.fields[10], ""):
                        return code, why  # others belong to messages before this one
    except TimeoutError:
        return "timeout", ""
    return "closed", ""


def _read_answer(payload: bytes) -> tuple[str, str, str]:
    """MSA-1, MSA-2, and the texts of ERR: where, what (ERR-3.2) and for the user (ERR-8)."""
    separator = peek(payload).marks.field
    code = control_id = why = ""
    for line in re.split(r"[\r\n]+", payload.decode("utf-8", "backslashreplace")):
        fields = [*line.split(separator), *[""] * 9]
        if fields[0] == "MSA":
            code, control_id = fields[1], fields[2]
        elif fields[0] == "ERR" and not why:
            why = ": ".join(filter(None, (fields[2].strip("^"), fields[3].split("^")[1] if "^" in fields[3] else "", fields[8])))
    return code, control_id, why


def send(files: Sequence[Path], to: str, rate: float = 0.0, connections: int = 1, *, as_json: bool = False) -> int:
    """Send every message of the files, waiting for each answer; one line a message on standard output.

    Exit code: 0 all accepted, 1 one was not, 65 no message in the files, 69 no connection. Messages go to the connections in turn, so
    only one connection keeps their order.
    """
    try:
        messages = [message for path in files for message in split_messages(path.read_bytes())]
    except OSError as exc:
        print(f"hub send: {exc.strerror}: {exc.filename}", file=sys.stderr)  # noqa: T201
        return _BAD_INPUT
    if not messages:
        print("hub send: no message found: a message begins with MSH at the start of a line", file=sys.stderr)  # noqa: T201
        return _BAD_INPUT

    def tell(number: int, control_id: str, code: str, why: str) -> None:
        known = {"n": number + 1, "control_id": control_id, "ack": code, **({"why": why} if why else {})}
        text = json.dumps(known) if as_json else "\t".join(filter(None, (control_id, code, why)))
        print(text, flush=True)  # noqa: T201

    code = asyncio.run(_Sending(*address(to), rate, tell).run(messages, max(1, connections)))
    if code == _UNAVAILABLE:
        print(f"hub send: cannot connect to {to}, or the connection was lost", file=sys.stderr)  # noqa: T201
    return code


@dataclass(slots=True)
class _Receiving:
    """One run of the receiver."""

    folder: Path | None
    answer: str
    clock: Callable[[], int]
    out: TextIO
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        deframer = Deframer(FRAME_BYTES_MAX)
        try:
            while data := await reader.read(65_536):
                for event in deframer.feed(data):
                    ack = self._take(event.payload) if isinstance(event, Frame) else b""
                    if self.answer == "late":
                        await asyncio.sleep(LATE_SECONDS)
                    writer.write(ack)
                await writer.drain()
        except ConnectionError:
            return  # the sender is gone; what it sent is kept
        finally:
            writer.close()

    def _take(self, payload: bytes) -> bytes:
        """Keep one message and say so; its answer."""
        number, head = next(self.numbers), peek(payload)
        code = {"late": "AA"}.get(self.answer, self.answer)
        told: dict[str, str | int] = {
            "n": number, "control_id": head.fields[10], "trigger": head.fields[9], "bytes": len(payload), "answer": self.answer,
        }  # fmt: skip
        if self.folder is not None:
            told["file"] = str(_keep(self.folder, number, head, payload))
        print(json.dumps(told), file=self.out, flush=True)
        if self.answer == "never":
            return b""
        own = derived_id("receive", str(number), head.fields[10]).replace("-", "")[:20]
        refusal = None if code == "AA" else Refusal(Reason.BAD_VALUE)
        codes = reply.codes(head.fields[15], head.fields[16], code[1])
        when = reply.stamp(self.clock())
        return b"".join(frame(reply.acknowledge(head, c, own, when, refusal)) for c in codes)


def _keep(folder: Path, number: int, head: Head, payload: bytes) -> Path:
    """Write a message under a name of its own; whoever looks sees the whole file or none."""
    path = folder / f"{number:06d}-{_UNSAFE.sub('_', head.fields[10])[:100] or 'unnamed'}.hl7"
    half = path.with_suffix(".part")
    half.write_bytes(payload)
    half.replace(path)
    return path


def receive(
    port: int,
    out_dir: Path | None = None,
    answer: str = "AA",
    *,
    clock: Callable[[], int],
    host: str = "127.0.0.1",
    out: TextIO | None = None,
) -> int:
    """Take messages until interrupted: one JSON line a message, one file a message in ``out_dir``. The exit code."""
    try:
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(_receive(host, port, _Receiving(out_dir, answer, clock, out or sys.stdout)))
    except OSError as exc:
        print(f"hub receive: {exc.strerror}", file=sys.stderr)  # noqa: T201
        return _UNAVAILABLE
    except KeyboardInterrupt:
        return _OK
    return _OK


async def _receive(host: str, port: int, receiving: _Receiving) -> None:
    server = await asyncio.start_server(receiving.serve, host.strip("[]"), port)
    print(f"hub receive: listening on {host}:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)  # noqa: T201
    async with server:
        await server.serve_forever()
