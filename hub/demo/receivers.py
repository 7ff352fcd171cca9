"""The providers' own systems in the demonstration: small MLLP and FHIR servers on real sockets that keep every byte they get.

They share no code with the hub, so that what they saw can be held against what the hub says.
"""

import contextlib
import http.server
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

_START: Final = b"\x0b"
_END: Final = b"\x1c\r"
_BODY_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass
class Inbox:
    """What one provider got, in order."""

    provider: str
    messages: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, raw: bytes) -> None:
        """Keep one message."""
        with self.lock:
            self.messages.append(raw)

    def holding(self, mark: str) -> list[bytes]:
        """The messages in which a text stands, in any of the encodings of the day."""
        with self.lock:
            return [m for m in self.messages if mark.encode("utf-8") in m or mark.encode("iso-8859-1") in m]


class _Mllp(socketserver.StreamRequestHandler):
    """Reads frames and answers each AA."""

    server: "_Server"

    @override
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            buffer = b""
            while data := self.request.recv(65536):
                buffer += data
                while _END in buffer:
                    frame, buffer = buffer.split(_END, 1)
                    raw = frame.partition(_START)[2]
                    self.server.inbox.put(raw)
                    self.request.sendall(_START + _acknowledgement(raw) + _END)


def _acknowledgement(raw: bytes) -> bytes:
    fields = raw.split(b"\r", 1)[0].split(b"|")
    control_id = fields[9]
    return b"MSH|^~\\&|" + b"|".join((*fields[4:6], *fields[2:4])) + b"|||ACK|R-" + control_id + b"|P|2.5.1\rMSA|AA|" + control_id + b"\r"


class _Fhir(http.server.BaseHTTPRequestHandler):
    """Takes any JSON POST and answers 200."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _BODY_BYTES_MAX))
        self.server.inbox.put(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *_: object) -> None:
        """Nothing: the inbox is the log."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    inbox: Inbox

    def __init__(self, port: int, handler: type[socketserver.BaseRequestHandler], inbox: Inbox) -> None:
        self.inbox = inbox
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    @override
    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remember the connection, so that closing the server cuts it."""
        if isinstance(request, socket.socket):
            self._open.add(request)
        super().process_request(request, client_address)

    @override
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forget the connection."""
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Close every open connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Receiver:
    """One provider's server; ``down`` and ``up`` keep port and inbox."""

    def __init__(self, provider: str, *, fhir: bool, port: int) -> None:
        self.inbox = Inbox(provider)
        self.port = port
        self._handler: type[socketserver.BaseRequestHandler] = _Fhir if fhir else _Mllp
        self._server: _Server | None = None

    def up(self) -> None:
        """Listen."""
        self._server = _Server(self.port, self._handler, self.inbox)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name=f"demo {self.inbox.provider}").start()

    def down(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None
