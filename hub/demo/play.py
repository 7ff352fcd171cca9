"""Plays the day through the real doors: MLLP in, consents over HTTP, receivers on sockets; and keeps what every sender was answered."""

import datetime as dt
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.demo.day import Link, Lock, Message
from hub.demo.messages import build, build_unknown
from hub.demo.people import PEOPLE, Person
from hub.demo.receivers import Receiver
from hub.identity import FNR

OSLO: Final = ZoneInfo("Europe/Oslo")
_START: Final = b"\x0b"
_END: Final = b"\x1c\r"
_SECONDS_MAX: Final = 30.0
_RULE_SYSTEM: Final = "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis"
_SCOPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentscope"


class DemoError(Exception):
    """The day could not be played: a door did not answer as it must. One line."""


@dataclass
class Played:
    """What was sent so far: control id, bytes and answer of each message by its key."""

    day: int
    sent: dict[str, bytes] = field(default_factory=dict)
    control_ids: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)


@dataclass
class Player:
    """The senders of the region and the patients' hands.

    ``mllp`` and ``http`` are HOST:PORT; ``token`` makes one for a patient; ``tls``: how to reach both doors where they speak TLS.
    """

    mllp: str
    http: str
    token: Callable[[str], str]
    clock: Callable[[], int]
    receivers: Mapping[str, Receiver]
    played: Played
    down: set[str] = field(default_factory=set)  # providers whose line is down now
    tls: ssl.SSLContext | None = None

    def send(self, step: Message) -> str:
        """Send one message and wait for its answer; the code in MSA-1."""
        raw = self.played.sent[step.repeat_of] if step.repeat_of else self._build(step)
        try:
            with self._connect() as s:
                s.sendall(_START + raw + _END)
                answer = b""
                while not answer.endswith(_END):
                    data = s.recv(65536)
                    if not data:
                        raise DemoError(f"the hub closed the connection without an answer to {step.key}")
                    answer += data
        except OSError as exc:
            raise DemoError(f"the MLLP door at {self.mllp} failed on {step.key}: {exc.strerror or exc}") from exc
        code = next((line.split(b"|")[1].decode() for line in answer.split(b"\r") if line.startswith(b"MSA|")), "none")
        self.played.sent[step.key] = raw
        self.played.control_ids[step.key] = raw.split(b"|")[9].decode()
        self.played.answers[step.key] = code
        return code

    def _connect(self) -> socket.socket:
        host, _, port = self.mllp.rpartition(":")
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_MAX)
        return self.tls.wrap_socket(plain, server_hostname=host) if self.tls else plain

    def _build(self, step: Message) -> bytes:
        person = PEOPLE[step.patient]
        day = self.played.day
        place = len(self.played.sent) + 1
        now = dt.datetime.fromtimestamp(self.clock() // 1_000_000, OSLO)
        fields = {
            "sender": step.sender, "to": step.to, "ward": step.ward, "cls": step.cls, "control_id": f"D{day:04d}-{place:02d}",
            "episode": f"E{day:04d}{person.number[-5:]}", "mrn": _record_number(person), "merged": f"TMP{day:04d}",
            "now": now.strftime("%Y%m%d%H%M%S%z"),
        }  # fmt: skip
        return build_unknown(person, **(fields | {"mrn": fields["merged"]})) if step.unknown else build(step.type, person, **fields)

    def link(self, step: Link) -> None:
        """Take a provider's system down or bring it back."""
        receiver = self.receivers[step.provider]
        if step.up:
            receiver.up()
            self.down.discard(step.provider)
        else:
            receiver.down()
            self.down.add(step.provider)

    def lock(self, step: Lock) -> None:
        """Write a consent as the patient; it is in force when this returns."""
        number = PEOPLE[step.patient].number
        today = dt.datetime.fromtimestamp(self.clock() // 1_000_000, OSLO).date()
        body = consent(step, number, today)
        host, _, port = self.http.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_SECONDS_MAX)
        if self.tls:
            connection = http.client.HTTPSConnection(host, int(port), timeout=_SECONDS_MAX, context=self.tls)
        try:
            headers = {"Authorization": f"Bearer {self.token(f'patient:{FNR}|{number}')}", "Content-Type": "application/fhir+json"}
            connection.request("PUT", f"/fhir/Consent/{body['id']}", json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            answer.read()
        except OSError as exc:
            raise DemoError(f"the HTTP door at {self.http} failed: {exc.strerror or exc}") from exc
        finally:
            connection.close()
        if answer.status not in {200, 201}:
            raise DemoError(f"the hub answered {answer.status} to the consent {body['id']}")


def consent(step: Lock, number: str, today: dt.date) -> dict[str, Any]:
    """One of the four Norwegian shapes: deny all or one actor, for ever or in a period."""
    provision: dict[str, Any] = {"type": "deny"}
    if step.days:
        provision["period"] = {"start": str(today - dt.timedelta(days=1)), "end": str(today + dt.timedelta(days=step.days))}
    if step.provider:
        role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
        actor = {"identifier": {"system": "urn:hub:provider", "value": step.provider}}
        provision["actor"] = [{"role": role, "reference": actor}]
    return {
        "resourceType": "Consent",
        "id": f"day-{number[-5:]}-{step.provider or 'everyone'}",
        "status": "active" if step.active else "inactive",
        "scope": {"coding": [{"system": _SCOPE_SYSTEM, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": FNR, "value": number}},
        "policyRule": {"coding": [{"system": _RULE_SYSTEM, "code": "PBRL5-3"}]},
        "provision": provision,
    }


def _record_number(person: Person) -> str:
    return f"SO{person.number[-5:]}"
