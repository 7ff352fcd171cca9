"""Locks set and lifted at milliseconds' distance against subscribers that ask for their events again: no byte after the answer to a lock.

Whether an answer had begun is asked of the subscriber's own socket at the moment at which the lock is answered: what has come by then, read
or not, was sent before. An answer that had not begun, and whose first byte comes before the lock is lifted, holds nothing that was locked.
"""

import array
import fcntl
import itertools
import json
import os
import random
import socket
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hub.delivery.events import Events
from hub.ledger.outbox import Asked
from hub.model import Policy
from hub.web.tokens import issue
from tests.contracts.events_rig import Subscriber, delivered, own_id, reported, subscribed
from tests.contracts.items_rig import HIV, LOINC, decided
from tests.contracts.web import clock

pytestmark = pytest.mark.timeout(900)
IN_SOAK = "HUB_FAULT_ROUNDS" in os.environ
RACES = 2000
ENOUGH = RACES if IN_SOAK else 20
SECONDS = 4.0  # of `make test`, which has as many as there is time for
LOCKERS, READERS, PATIENTS, EVENTS = 4, 4, 12, 3
SECRET = "CANARYcode"


def number(n: int) -> str:
    """A patient who is known by a hospital's own number."""
    return f"P{n:03d}"


@dataclass
class Asking:
    """One request of a subscriber. events: control id -> whether its secret part is in it."""

    who: str
    socket: socket.socket
    read: int = 0
    first: float = 0.0
    events: dict[str, bool] = field(default_factory=dict)
    is_over: bool = False

    def has_begun(self) -> bool:
        """Whether bytes of its answer have come, read or not."""
        waiting = array.array("i", [0])
        try:
            fcntl.ioctl(self.socket, termios.FIONREAD, waiting)
        except (OSError, ValueError):
            return True  # closed: it is over
        return bool(waiting[0]) or self.read > 0 or self.is_over


@dataclass(frozen=True)
class Locked:
    """A lock from its answer on. not_begun: what was being asked for and had not begun to be answered then."""

    patient: str
    who: str
    part: bool
    not_begun: tuple[Asking, ...]
    named: frozenset[tuple[str, str]]
    lifted: float


@dataclass
class Race:
    """Lockers and readers over one web process."""

    hub: Subscriber
    event_ids: dict[str, str]  # control id -> event id
    asking: list[Asking] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    answers: int = 0
    told: int = 0
    failures: list[BaseException] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, seconds: float) -> None:
        """Until the time is over, or there were enough."""
        self.over.clear()
        end = time.monotonic() + seconds
        admin = issue(self.hub.data, "admin", clock())
        lockers = [threading.Thread(target=self._guarded, args=(self._lock, n, admin, end)) for n in range(LOCKERS)]
        readers = [threading.Thread(target=self._guarded, args=(self._read, n, "ab"[n % 2])) for n in range(READERS)]
        for thread in (*lockers, *readers):
            thread.start()
        for thread in lockers:
            thread.join()
        self.over.set()
        for thread in readers:
            thread.join()
        assert not self.failures, self.failures[:1]

    def _guarded(self, work: Any, *args: Any) -> None:
        try:
            work(*args)
        except BaseException as exc:  # noqa: BLE001  # told by the test
            self.failures.append(exc)
            self.over.set()

    def _lock(self, own: int, admin: str, end: float) -> None:
        chance = random.Random(own)
        client = self.hub.client.with_token(admin)
        while time.monotonic() < end and next(self.numbers) < RACES and not self.over.is_set():
            n, who, part = chance.randrange(own, PATIENTS, LOCKERS), chance.choice(["a", "b", ""]), chance.random() < 0.5
            consent = consent_of(n, who, part=part)
            answer = client.ask("PUT", f"/fhir/Consent/{consent['id']}", consent)
            not_begun = tuple(a for a in list(self.asking) if not a.has_begun())
            assert answer.status in {200, 201}, answer.body
            time.sleep(chance.uniform(0.0, chance.choice((0.005, 0.05, 0.3))))
            lifted = time.monotonic()
            client.ask("PUT", f"/fhir/Consent/{consent['id']}", consent | {"status": "inactive"})
            self.locked.append(Locked(number(n), who, part, not_begun, named_in(answer.json()), lifted))

    def _read(self, own: int, who: str) -> None:
        chance = random.Random(100 + own)
        while not self.over.is_set():
            since, released = chance.choice((1, 1, 5, 20)), chance.choice(("true", "false"))
            with socket.create_connection(("127.0.0.1", self.hub.client.port), timeout=30) as connection:
                asking = Asking(who, connection)
                self.asking.append(asking)
                token = issue(self.hub.data, f"provider:{who}", clock())
                path = f"/fhir/Subscription/{own_id(who)}/$events?eventsSinceNumber={since}&includeReleased={released}"
                head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode())
                self._take(asking)
            self.asking.remove(asking)

    def _take(self, asking: Asking) -> None:
        found = b""
        while data := asking.socket.recv(65536):
            asking.first = asking.first or time.monotonic()
            asking.read += len(data)
            found += data
        asking.is_over = True
        head, _, body = found.partition(b"\r\n\r\n")
        if head.split()[1] == b"503":  # so many locks that it could not be made, or too slow a machine: asked for again
            return
        assert head.split()[1] == b"200", found[:500]
        for entry in json.loads(body)["entry"][1:]:
            asking.events[entry["resource"]["identifier"]["value"]] = SECRET in json.dumps(entry)
        self.answers += 1
        self.told += len(asking.events)

    def violations(self) -> list[tuple[Locked, str]]:
        """What was shown by an answer that began after a lock was answered, and before it was lifted."""
        return [
            (lock, control_id)
            for lock in self.locked
            for asking in lock.not_begun
            if lock.who in {"", asking.who} and asking.first < lock.lifted
            for control_id, is_secret in asking.events.items()
            if control_id.startswith(f"{lock.patient}-") and (is_secret or not lock.part)
            if (self.event_ids[control_id], asking.who) not in lock.named
        ]


def named_in(consent: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """(event id, provider) of what the answer to a lock says was under way."""
    said = [issue.get("diagnostics", "") for c in consent.get("contained", []) for issue in c.get("issue", [])]
    words = [part.split() for text in said for part in text.split("; ") if part.startswith("event ")]
    return frozenset((w[1], w[-1]) for w in words)


def consent_of(n: int, who: str, *, part: bool) -> dict[str, Any]:
    actor = [{"role": {"text": "recipient"}, "reference": {"identifier": {"system": "urn:hub:provider", "value": who}}}]
    code = [{"coding": [{"system": LOINC, "code": HIV}]}]
    return {
        "resourceType": "Consent", "id": f"{n}-{who or 'all'}{'-part' if part else ''}", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"value": number(n)}},
        "policyRule": {"coding": [{"system": "http://hl7.no/fhir/CodeSystem/no-basis-legal-formality-or-basis", "code": "PBRL5-3"}]},
        "provision": {"type": "deny", **({"actor": actor} if who else {}), **({"code": code} if part else {})},
    }  # fmt: skip


@pytest.fixture
def race(database_url: str, tmp_path: Path) -> Iterator[Race]:
    with subscribed(database_url, tmp_path, ("a", "b"), claim_seconds_max=0.5) as hub:
        messages = [reported(f"{number(n)}-{k}", number(n)) for n in range(PATIENTS) for k in range(EVENTS)]
        decided(database_url, *messages)
        delivered(database_url)
        yield Race(hub, {m.control_id: m.event_id for m in messages})


def test_no_byte_is_told_after_the_answer_to_a_lock(race: Race, capsys: pytest.CaptureFixture[str]) -> None:
    while len(race.locked) < ENOUGH or race.told < 100:  # as many as there is time for, and on a slow machine enough of them
        race.run(3600 if IN_SOAK else SECONDS)
    found = race.violations()
    named = sum(len(lock.named) for lock in race.locked)
    said = {"races": len(race.locked), "answers": race.answers, "told": race.told, "named": named, "violations": len(found)}
    with capsys.disabled():
        print(json.dumps(said))
    assert not found, (found[0][1], found[0][0].patient, found[0][0].who, len(found))


def test_the_race_finds_what_is_asked_before_the_gate_and_not_under_it(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trusting(_: Events, copies: list[Any], __: Any) -> list[Any]:
        return [(copy, Asked(copy.parcel, Policy())) for copy in copies]

    monkeypatch.setattr(Events, "_still_permitted", trusting)
    for _ in range(15):
        race.run(2.0)
        if race.violations():
            return
    pytest.fail("the race does not see it")
