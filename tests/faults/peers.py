"""The hospitals and receivers of the fault runs: plain blocking sockets in threads, written against MLLP and nothing of the hub's."""

import contextlib
import hashlib
import random
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.history import Arrived, History, Sent, clock

VT, END = b"\x0b", b"\x1c\r"
PART = b"SECRET"  # a word of the part of each message that may be locked by itself


def frame_of(message: bytes) -> bytes:
    """One MLLP frame."""
    return VT + message + END


def field_of(message: bytes, segment: bytes, number: int) -> str:
    """Field ``number`` of the first such segment, first repetition and component, as text."""
    for line in message.split(b"\r"):
        if line.startswith(segment + b"|"):
            fields = line.split(b"|")
            at = number - 1 if segment == b"MSH" else number
            value = fields[at] if at < len(fields) else b""
            return value.split(b"~")[0].split(b"^")[0].decode("utf-8")
    return ""


def digest_of(message: bytes) -> str:
    """A short fingerprint of the bytes."""
    return hashlib.sha256(message).hexdigest()[:16]


def frames(connection: socket.socket) -> Iterator[tuple[float, bytes]]:
    """(time the first byte was read, payload) of each whole frame until the peer closes."""
    buffer, begun = b"", 0.0
    while True:
        try:
            data = connection.recv(65536)
        except OSError:
            return
        if not data:
            return
        if not buffer:
            begun = clock()
        buffer += data
        while END in buffer:
            frame, buffer = buffer.split(END, 1)
            yield begun, frame[frame.index(VT) + 1 :]
            begun = clock()


@dataclass
class Receiver:
    """A provider's MLLP receiver. ``mode`` is looked at for each message.

    normal, cut (read it, then close), wrong (another MSA-2), late (answer after the hub has given up), slow, drop (every other message
    unread), refuse (answer AE about some patients), or a mix by chance.
    """

    provider: str
    history: History
    port: int = 0
    mode: str = "normal"
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    late_seconds: float = 3.0
    _server: socketserver.ThreadingTCPServer | None = None

    def start(self) -> None:
        """Listen; the port stays the same over stop and start."""
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    receiver.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 128

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening; open connections end with their threads."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def serve(self, connection: socket.socket) -> None:
        """Record each message before answering it."""
        for begun, message in frames(connection):
            mode = self.mode if self.mode != "mixed" else self.chance.choice(["normal"] * 6 + ["cut", "wrong", "late", "slow"])
            if mode == "drop" and self.chance.random() < 0.5:
                return  # as a receiver that dies before it has read a word
            control_id = field_of(message, b"MSH", 10)
            patient = field_of(message, b"PID", 3)
            if mode == "refuse":
                code = "AE" if patient.endswith("1") else "AA"
            else:
                code = "AA" if mode in {"normal", "slow", "late", "drop"} else ""
            self.history.add(Arrived(self.provider, control_id, patient, digest_of(message), begun, clock(), code, PART in message))
            if mode == "cut" or self._server is None:
                return
            wait = {"slow": 0.2, "late": self.late_seconds}.get(mode, 0.0)
            if wait:
                threading.Event().wait(wait)
            named = control_id if mode != "wrong" else "SOMEBODY-ELSES"
            ack = f"MSH|^~\\&|R|{self.provider}|HUB|HUB|20260101||ACK|A{control_id}|P|2.5\rMSA|{code or 'AA'}|{named}\r"
            connection.sendall(frame_of(ack.encode()))


@dataclass
class Sender:
    """A hospital that sends one patient's messages in order and repeats each, byte for byte, until it is accepted."""

    port: int
    history: History
    seconds_max: float = 30.0  # longer than the hub waits for its broker's word
    stop: threading.Event = field(default_factory=threading.Event)
    silent: int = 0
    _socket: socket.socket | None = None
    _frames: Iterator[tuple[float, bytes]] | None = None

    def send(self, message: bytes, patient: str, seq: int, give_up_after: float) -> str:
        """Send until AA or until ``give_up_after`` seconds; records and returns the outcome."""
        control_id, digest, started, tries, code = field_of(message, b"MSH", 10), digest_of(message), clock(), 0, ""
        outcome, self.silent = "fail", 0
        while clock() - started < give_up_after and not self.stop.is_set():
            tries += 1
            code = self._try(message, control_id)
            if code in {"AA", "CA"}:
                outcome = "ok"
                break
            outcome = "info"
            self.stop.wait(0.1)
        self.history.add(Sent(control_id, patient, seq, digest, outcome, code, started, clock(), max(tries, 1), self.silent))
        return outcome

    def _try(self, message: bytes, control_id: str) -> str:
        begun = clock()
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.seconds_max)
                self._frames = frames(self._socket)
            self._socket.sendall(frame_of(message))
            assert self._frames is not None
            for _, answer in self._frames:
                if field_of(answer, b"MSA", 2) == control_id:
                    return field_of(answer, b"MSA", 1)
            self.silent += clock() - begun >= self.seconds_max  # the answers ended: by a close, or by our patience
        except OSError:
            pass
        self.close()
        return ""

    def close(self) -> None:
        """Drop the connection; the next send opens another."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket, self._frames = None, None
