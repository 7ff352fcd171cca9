"""Messages every field of which is a token found nowhere else, and receivers that quote what they refuse."""

import http.server
import itertools
import json
import secrets
import selectors
import socket
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from typing_extensions import override

from tests.faults.peers import field_of, frame_of, frames

DATE = "20260401120000"
DATES: Mapping[str, tuple[int, ...]] = {
    "EVN": (2, 3, 6), "PID": (7, 29, 33), "PV1": (44, 45), "OBR": (6, 7, 8, 14, 22), "OBX": (14, 19), "ORC": (9, 15), "TXA": (4, 6, 7, 8),
    "RF1": (7, 8, 9), "NK1": (8, 9, 16), "AIS": (4,), "AIP": (6,),
}  # fmt: skip
CODES: Mapping[str, Mapping[int, str]] = {
    "PID": {1: "1", 8: "F"}, "PV1": {1: "1", 2: "I"}, "OBX": {1: "1", 2: "TX", 11: "F"}, "OBR": {1: "1", 25: "F"}, "NK1": {1: "1"},
    "NTE": {1: "1"}, "ORC": {1: "NW"}, "TXA": {1: "1", 17: "AU"}, "SCH": {25: "Booked"},
}  # fmt: skip


def _mark(start: str) -> str:
    return start + "".join(secrets.choice("bcdfghjkmnpqrstvwx") for _ in range(5))


@dataclass
class Canary:
    """Makes tokens of one run. ``mark`` begins every one of them but two sorts: control ids begin with ``control``, names of sending
    systems and of events with ``system``; a person who looks for a message needs to see these."""

    mark: str = field(default_factory=lambda: _mark("Qz"))
    control: str = field(default_factory=lambda: _mark("Ck"))
    system: str = field(default_factory=lambda: _mark("Sy"))
    count: "itertools.count[int]" = field(default_factory=itertools.count)

    def token(self) -> str:
        return f"{self.mark}{next(self.count):05d}"

    def control_id(self) -> str:
        return f"{self.control}{next(self.count):05d}"

    def system_name(self) -> str:
        return f"{self.system}{next(self.count):05d}"

    def segment(self, name: str, fields: int, **given: str) -> str:
        """A segment full of tokens, but where a date or a code must stand. ``given``: f3="..."."""
        made = [name]
        for n in range(1, fields + 1):
            t = self.token
            fixed = CODES.get(name, {}).get(n) or (DATE if n in DATES.get(name, ()) else "")
            made.append(given.get(f"f{n}") or fixed or f"{t()}^{t()}&{t()}^{t()}~{t()}^{t()}")
        return "|".join(made)

    def header(self, kind: str, **given: str) -> str:
        """MSH-2 to MSH-21."""
        t = self.token
        fixed = {
            3: self.system_name(),
            4: f"STOLAV^{t()}^{t()}",
            7: DATE,
            9: kind,
            10: self.control_id(),
            11: "P",
            12: "2.5.1",
            15: "",
            16: "",
            18: "UNICODE UTF-8",
        }
        fixed |= {int(n[1:]): text for n, text in given.items()}
        return "|".join(["MSH", "^~\\&", *(fixed.get(n, t()) for n in range(3, 22))])

    def patient(self, number: str = "") -> str:
        """PID-3: a local number, one of another system, and a national one when given."""
        t = self.token
        return f"{t()}^{t()}^{t()}^{t()}&{t()}&{t()}^MR~{t()}^^^{t()}^PI" + (f"~{number}^^^NOR^NI" if number else "")

    def message(self, kind: str, *segments: str, pid3: str | None = None, **msh: str) -> bytes:
        """One message; ``segments`` stand between PV1 and two Z segments."""
        given = {"f3": self.patient() if pid3 is None else pid3 or " "}
        lines = [self.header(kind, **msh), self.segment("EVN", 7, f1=kind[4:7]), self.segment("PID", 39, **given)]
        lines += [self.segment("PV1", 52), *segments, self.segment("ZPI", 12), self.segment("ZZZ", 3)]
        return "".join(line + "\r" for line in lines).encode()

    def every_kind(self, number: str) -> list[bytes]:
        """One of each sort that the hub carries; the first names a patient by national number."""
        s = self.segment
        nk1, note = s("NK1", 39), s("NTE", 8)
        return [
            self.message("ADT^A01^ADT_A01", nk1, s("AL1", 6), s("DG1", 21), s("IN1", 49), s("OBX", 25), note, pid3=self.patient(number)),
            self.message("ADT^A02^ADT_A02", nk1),
            self.message("ADT^A40^ADT_A39", s("MRG", 7, f1=self.patient())),
            self.message("ORU^R01^ORU_R01", s("ORC", 30), s("OBR", 50), note, s("OBX", 25), note, s("OBX", 25, f2="NM")),
            self.message("MDM^T02^MDM_T02", s("TXA", 23), s("OBX", 25)),
            self.message("REF^I12^REF_I12", s("RF1", 11), s("PRD", 9), note),
            self.message("SIU^S12^SIU_S12", s("SCH", 27), s("RGS", 3), s("AIS", 12), s("AIP", 12)),
            self.message("ORM^O01^ORM_O01", s("ORC", 30), s("OBR", 50), note),
        ]

    def bundle(self, event: str = "notification-admit", *, sender: str = "STOLAV", is_known: bool = True) -> dict[str, Any]:
        """A FHIR message."""
        t = self.token
        coded = {"coding": [{"system": f"urn:{t()}", "code": t(), "display": t()}], "text": t()}
        more = {"extension": [{"url": f"urn:{t()}", "valueString": t()}], "text": {"status": "generated", "div": f"<div>{t()}</div>"}}
        person = {"family": t(), "given": [t()], "text": t(), "prefix": [t()]}
        header = {
            "resourceType": "MessageHeader", "source": {"name": self.system_name(), "software": t(), "endpoint": f"urn:{t()}"},
            "eventCoding": {"system": "http://hl7.org/fhir/us/davinci-alerts/CodeSystem/notification-event", "code": event, "display": t()},
            "sender": {"display": sender}, "destination": [{"name": t(), "endpoint": f"urn:{t()}"}], "reason": coded,
            "focus": [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000002"}], **more,
        }  # fmt: skip
        patient = {
            "resourceType": "Patient", "name": [person], "birthDate": "1965-07-15", "telecom": [{"system": "phone", "value": t()}],
            "address": [{"line": [t()], "city": t(), "district": t(), "postalCode": t()}], "contact": [{"name": person}], **more,
            "identifier": [{"system": f"urn:{t()}", "value": t()}] if is_known else [],
        }  # fmt: skip
        encounter = {
            "resourceType": "Encounter", "status": "in-progress", "class": {"code": "IMP", "display": t()}, "type": [coded],
            "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001", "display": t()}, "identifier": [{"value": t()}],
            "location": [{"location": {"display": t(), "identifier": {"value": t()}}}], "reasonCode": [coded], **more,
        }  # fmt: skip
        entries = [
            {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{n}", "resource": r}
            for n, r in enumerate((header, patient, encounter))
        ]
        name = {"system": f"urn:{t()}", "value": self.control_id()}
        return {"resourceType": "Bundle", "type": "message", "identifier": name, "timestamp": "2026-04-01T12:00:00Z", "entry": entries}

    def consent(self, any_id: str, *, provider: str = "urn:hub:provider") -> dict[str, Any]:
        """A lock; an actor of another system than the hub's is one that cannot be told."""
        t = self.token
        return {
            "resourceType": "Consent", "id": any_id, "status": "active", "text": {"status": "generated", "div": f"<div>{t()}</div>"},
            "scope": {"coding": [{"code": "patient-privacy", "display": t()}]}, "dateTime": "2026-04-01",
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": t()}]}],
            "patient": {"identifier": {"system": f"urn:{t()}", "value": t()}, "display": t()},
            "policyRule": {"coding": [{"system": "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis", "code": "PBRL5-3"}]},
            "provision": {"type": "deny", "actor": [{
                "role": {"text": t()}, "reference": {"display": t(), "identifier": {"system": provider, "value": "taker"}},
            }]},
        }  # fmt: skip


def send(port: int, message: bytes) -> bytes:
    """The answer to one message on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(frame_of(message))
        return next(frames(connection), (0.0, b""))[1]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.got: list[bytes] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def mllp_receiver(code: str, cuts: int = 0) -> _Server:
    """Answers ``code``, quoting everything; cuts the connection instead the first times."""
    left = itertools.count(-cuts)

    class Handler(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            for _, message in frames(self.request):
                server.got.append(message)
                if next(left) < 0:
                    return
                quoted = message.replace(b"\r", b" ").replace(b"|", b" ").decode(errors="replace")
                named = field_of(message, b"MSH", 10)
                ack = f"MSH|^~\\&|R|R|HUB|HUB|{DATE}||ACK|A|P|2.5\rMSA|{code}|{named}|{quoted}\rERR|||207|E||{quoted}|{quoted}|{quoted}\r"
                self.request.sendall(frame_of(ack.encode()[:60_000]))

    server = _Server(Handler)
    return server


def fhir_receiver(status: int) -> _Server:
    """Answers ``status``, quoting everything, in its reason phrase and headers too."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            server.got.append(body)
            name = str(json.loads(body)["entry"][1]["resource"])[:500].encode("ascii", "replace").decode()
            self.send_response(status, name)
            self.send_header("X-Quoted", name)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *_: object) -> None:
            """Nothing."""

    server = _Server(Handler)
    return server


@dataclass
class Wire:
    """A TCP forwarder that can be cut: what lies behind it is then away."""

    host: str
    to: int
    is_cut: bool = False

    def __post_init__(self) -> None:
        wire = self

        class Handler(socketserver.BaseRequestHandler):
            @override
            def handle(self) -> None:
                if not wire.is_cut:
                    wire.forward(self.request)

        self.server = _Server(Handler)

    def forward(self, near: socket.socket) -> None:
        """Carry bytes both ways until either end closes."""
        with socket.create_connection((self.host, self.to)) as far, selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            try:
                while not self.is_cut:
                    for key, _ in ready.select(0.1):
                        data = cast("socket.socket", key.fileobj).recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
            except OSError:
                return
