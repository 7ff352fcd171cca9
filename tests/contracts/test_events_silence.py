"""What is denied does not show: every answer of ``$events`` and ``$status`` is, byte for byte, the answer of a hub that never had it.

Two ledgers live the same history, one with what a lock keeps back and one without; of what is locked in part, each has another part. The
locks are there before anything is told: when it is decided in transit, or when it is asked for.
"""

import random
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from hub.identity import event_id
from hub.model import Received
from tests.conftest import Servers
from tests.contracts.events_rig import NUMBERS, Subscriber, delivered, own_id, reported, subscribed
from tests.contracts.items_rig import HIV, decided, lock, put

TIMESTAMP = re.compile(rb'"timestamp":"[^"]*"')  # of the answer: the moment at which it was asked for
HOST = {"Host": "hub.example"}
HIDDEN, PARTED = NUMBERS[:2]  # of the patients with a lock on everything, and on a part of it


@pytest.fixture
def other_url(servers: Servers, template_database: str) -> Iterator[str]:
    """A second database as ``database_url`` is one."""
    name, server = f"test_{secrets.token_hex(6)}", servers.database_url
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"')
    yield server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass
class Hubs:
    """The same hub twice: as it is, and as if what is denied had never been."""

    whole: Subscriber
    without: Subscriber

    def decided(self, *messages: Received) -> None:
        decided(self.whole.url, *messages)
        decided(self.without.url, *(otherwise(m) for m in messages if HIDDEN.encode() not in m.raw))

    def locked(self) -> None:
        put(self.whole.url, lock(), number=HIDDEN)
        for hub in (self.whole, self.without):
            put(hub.url, lock(HIV, consent_id="part"), number=PARTED)

    def delivered(self) -> None:
        for hub in (self.whole, self.without):
            delivered(hub.url)

    def answers(self, method: str, path: str, body: object = None) -> list[bytes]:
        found = []
        for hub in (self.whole, self.without):
            got = hub.as_("a").ask(method, f"/fhir/Subscription{path}", body, HOST)
            found.append(str(got.status).encode() + TIMESTAMP.sub(b"", got.body))
        return found


def otherwise(message: Received) -> Received:
    """The message with another result in the part that may be locked."""
    if PARTED.encode() not in message.raw:
        return message
    raw = message.raw.replace(b"CANARYcode^CANARYword", b"X^something else, and longer than that")
    m = message
    return replace(m, raw=raw, event_id=event_id(m.adapter, m.provider, m.application, m.sender, m.control_id, raw))


@pytest.mark.parametrize("seed", range(4))
def test_no_answer_tells_of_what_is_denied(database_url: str, other_url: str, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with subscribed(database_url, tmp_path) as whole, subscribed(other_url, tmp_path) as without:
        hubs = Hubs(whole, without)
        if in_transit := seed % 2 == 0:
            hubs.locked()
        for turn in range(4):
            first = 100 * (turn + 1)
            hubs.decided(*(reported(first + n, chance.choice(NUMBERS)) for n in range(chance.randrange(2, 7))))
            hubs.delivered()
            if not in_transit and not turn:
                hubs.locked()
            for _ in range(3):
                ask(hubs, chance)


def ask(hubs: Hubs, chance: random.Random) -> None:
    """Ask for something or other, of both."""
    since = chance.choice((None, 0, 1, 2, 3, 5, 8, 13))
    until = chance.choice((None, None, (since or 0) + 2, 99))
    content, released = chance.choice((None, "empty", "id-only", "full-resource")), chance.choice((None, "true", "false"))
    given = {"eventsSinceNumber": since, "eventsUntilNumber": until, "content": content, "includeReleased": released}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    one, other = hubs.answers("GET", f"/{own_id()}/$events?{query}")
    assert one == other, query
    assert one.startswith(b"200")
    one, other = hubs.answers("GET", chance.choice(("/$status", f"/{own_id()}/$status", "")))
    assert one == other
