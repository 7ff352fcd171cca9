"""Load and receivers for the benchmarks: asyncio protocols with as little work of their own as possible.

The control id carries the sender's monotonic clock in nanoseconds, so a receiver on the same machine can tell the latency.
"""

import asyncio
import sys
import time
from array import array

VT, END = b"\x0b", b"\x1c\r"


def adt(control_id: str, patient: int, size_bytes: int = 1000) -> bytes:
    """An ADT^A01 of about ``size_bytes`` for one of many patients."""
    head = (
        f"MSH|^~\\&|EPJ|STOLAV|HUB|HUB|20261122120000+0100||ADT^A01^ADT_A01|{control_id}|P|2.5.1|||||NOR|UNICODE UTF-8\r"
        f"EVN|A01|20261122120000\rPID|1||{patient + 1:09d}^^^STOLAVMRN^MR||Bjørnsen^Åse{patient}||19500101|F|||"
        f"Gata {patient}^^Trondheim^^7010^NOR^^^5001\r"
        f"PV1|1|I|MED{patient % 7}^101^1^STO|E|||1234567^Lege^Lars|||MED|||||||||V{patient}|||||||||||||||||||||||||20261122110000\r"
    ).encode()
    tail = b"NK1|1|Nordmann^Kari|SPO|" + b"x" * 40 + b"\r"
    return head + tail * max(0, (size_bytes - len(head)) // len(tail))


class Receiver(asyncio.Protocol):
    """Answers AA to every frame at once and keeps the latency of each, in seconds."""

    def __init__(self, latencies: array, last: list[float]) -> None:  # type: ignore[type-arg]
        self.latencies, self.last, self.buffer = latencies, last, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        out = []
        while (end := buffer.find(END)) >= 0:
            msh = buffer[: buffer.find(b"\r")].split(b"|", 10)
            control_id = msh[9]
            now = time.monotonic_ns()
            self.latencies.append((now - int(control_id.split(b"-")[0])) / 1e9)
            out.append(b"\x0bMSH|^~\\&|R|R|H|H|20260101||ACK|A|P|2.5\rMSA|AA|" + control_id + b"\r\x1c\r")
            buffer = buffer[end + 2 :]
        self.buffer = buffer
        if out:
            self.last[0] = time.monotonic()
            self.transport.write(b"".join(out))  # type: ignore[attr-defined]


class Sender(asyncio.Protocol):
    """Lock-step sender: the next message goes when the last one was answered (and its time has come)."""

    def __init__(self, load: "Load") -> None:
        self.load, self.buffer = load, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        due = self.load.next_due()
        if due is None:
            self.transport.close()
            return
        wait = due - time.monotonic()
        if wait > 0.0005:
            asyncio.get_running_loop().call_later(wait, self.write)
        else:
            self.write()

    def write(self) -> None:
        self.started = time.monotonic_ns()
        self.load.sent += 1
        message = adt(f"{self.started}-{self.load.sent}", self.load.sent % self.load.patients, self.load.size_bytes)
        self.transport.write(VT + message + END)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if END in self.buffer:
            self.load.ack_seconds.append((time.monotonic_ns() - self.started) / 1e9)
            if b"|AA|" in self.buffer or b"|CA|" in self.buffer:
                self.load.accepted += 1
            self.buffer = b""
            self.send()


class Load:
    """``rate`` messages a second (0 = as fast as they are answered) for ``seconds`` over ``connections``."""

    def __init__(self, rate: float, seconds: float, patients: int = 5000, size_bytes: int = 1000) -> None:
        self.rate, self.seconds, self.patients, self.size_bytes = rate, seconds, patients, size_bytes
        self.sent = self.accepted = self._slots = 0
        self.ack_seconds = array("d")
        self.start = time.monotonic()

    def next_due(self) -> float | None:
        due = self.start + (self._slots / self.rate if self.rate else 0.0)
        self._slots += 1
        over = due if self.rate else time.monotonic()
        return None if over - self.start >= self.seconds else due

    async def run(self, port: int, connections: int) -> None:
        self.start = time.monotonic()
        loop = asyncio.get_running_loop()
        transports = [(await loop.create_connection(lambda: Sender(self), "127.0.0.1", port))[0] for _ in range(connections)]
        while not all(t.is_closing() for t in transports):  # noqa: ASYNC110  nobody to say when the last one closes
            await asyncio.sleep(0.05)


def quantile(values: array, q: float) -> float:  # type: ignore[type-arg]
    """The q-quantile; nan of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


async def _send_main(port: int, connections: int, rate: float, seconds: float) -> None:
    load = Load(rate, seconds)
    await load.run(port, connections)
    elapsed = time.monotonic() - load.start
    print(load.sent, load.accepted, elapsed, quantile(load.ack_seconds, 0.5), quantile(load.ack_seconds, 0.99))


if __name__ == "__main__":
    asyncio.run(_send_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
