"""A region in a real ledger without a broker: messages decided by transit's own code, the page served by the web process, a real login."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page
from pydantic import SecretBytes

from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.receive import Door, Peer, Rules, receive
from hub.config import load
from hub.demo.messages import build
from hub.demo.people import PEOPLE, Person
from hub.ledger.connect import Pool, connect
from hub.ledger.directory import replace_file_entries
from hub.model import Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stack import identity
from hub.stack.supervise import free_port, stop
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.web.readiness import asks
from hub.web.state import Region as Known
from hub.web.state import State
from hub.web.tokens import load_keys
from hub.wiring import demo_config, now_us
from tests.contracts.decided import decide
from tests.contracts.transit_rig import PSEUDONYMS
from tests.contracts.web import Client, serving

IDENTITIES = (
    identity.Identity("Åse", PEOPLE["åse"].number, "Åse Bjørnstad", "1938-01-14"),
    identity.Identity("Kåre", PEOPLE["kåre"].number, "Kåre Ødegård", "1944-12-21"),
    identity.Identity("Ola (15)", "15720255178", "Ola Test", "2011-07-15"),
    identity.Identity("Nobody", "12345678901", "Nobody", ""),
)


@dataclass
class Clock:
    """A clock that a test moves; it begins now."""

    us: int = field(default_factory=now_us)

    def __call__(self) -> int:
        return self.us


@dataclass
class Region:
    """The demonstration's providers and subscriptions, in a ledger of its own."""

    url: str
    sent: int = 0

    def __post_init__(self) -> None:
        providers, subscriptions, _ = load(demo_config())
        self.conn = connect(self.url)
        replace_file_entries(self.conn, providers, subscriptions)
        self.directory = Directory(providers, subscriptions, 1)

    def close(self) -> None:
        self.conn.close()

    def send(self, type_: str, person: Person, *, more: str = "", at_us: int | None = None, **fields: str) -> Received:
        """A message of the demonstration, received and decided."""
        self.sent += 1
        given = {
            "sender": "STOLAV", "to": "HUB", "ward": "MED1", "cls": "I", "control_id": f"C{self.sent}", "episode": "E1",
            "mrn": f"SO{person.number[-5:]}", "merged": "TMP1", "now": "20261101120000+0100",
        }  # fmt: skip
        raw = build(type_, person, **(given | fields)) + more.encode()
        return self.receive(raw, at_us or now_us())

    def receive(self, raw: bytes, at_us: int) -> Received:
        """A message of the hospital's, received and decided."""
        received = receive(raw, peek(raw), Peer(), Door(self.directory, PSEUDONYMS, Rules("utf-8")), at_us)
        assert isinstance(received, Received)
        assert received.refusal is None, received.refusal
        decide(self.url, [received])
        return received

    def settle(self, outcome: str = "delivered", code: str = "AA", recipient: str = "", at_us: int | None = None) -> None:
        """Everything that waits (for one recipient) has been attempted, with this outcome."""
        now = at_us or now_us()
        rows = self.conn.execute("SELECT part, off, recipient FROM outbox WHERE %s IN ('', recipient)", (recipient,)).fetchall()
        for row in rows:
            columns = "part, off, recipient, n, started_us, ended_us, outcome, code"
            values = (*row, now, now, outcome, code)
            self.conn.execute(f"INSERT INTO attempt ({columns}) VALUES (%s, %s, %s, 1, %s, %s, %s, %s)", values)
            self.conn.execute("DELETE FROM outbox WHERE part = %s AND off = %s AND recipient = %s", row)

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.conn.execute(query, values).fetchall()


@contextmanager
def region(url: str) -> Iterator[Region]:
    made = Region(url)
    try:
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Site:
    """The page and its provider."""

    base: str
    client: Client
    settings: Settings
    data: Path


@contextmanager
def provider(folder: Path, base: str, people: Sequence[identity.Identity] = IDENTITIES) -> Iterator[Mapping[str, Any]]:
    """A login service for a page at this address: the settings that name it."""
    child, found = identity.start(folder, people, base)
    try:
        yield found.settings()
    finally:
        stop([child], 5)


@contextmanager
def site(url: str, data: Path, login: Mapping[str, Any], port: int, **more: Any) -> Iterator[Site]:
    """The web process over this ledger, with this login."""
    settings = Settings(
        http=f"127.0.0.1:{port}", database_url=url, secret=SecretBytes(PSEUDONYMS.secret), data=data,
        **({"web_url": f"http://127.0.0.1:{port}"} | dict(login) | more),
    )  # fmt: skip
    nothing: Any = None
    pool = Pool(url, "web")

    def make() -> State:
        return State(
            settings, now_us, load_keys(data), PSEUDONYMS, nothing, pool, Known(pool), asks({}), recall=lambda row: read(recalled(row))
        )  # fmt: skip

    with serving(make) as client:
        yield Site(f"http://127.0.0.1:{port}", client, settings, data)


_PORTS = count(os.getpid() * 7)


def any_port() -> int:
    """A port for a page that comes and goes: not one of those the kernel gives to whoever asks for any."""
    return free_port(21_000 + next(_PORTS) % 9_000)


def tab(
    browser: Browser, complaints: list[str], *, language: str = "nb", width: int = 1280, height: int = 900
) -> tuple[BrowserContext, Page]:
    """A browser of its own, which tells what it complained of on the hub's pages."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale=f"{language}-NO")
    context.route("**://cdn.jsdelivr.net/**", lambda route: route.fulfill(body=""))  # the test provider's decoration
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    return context, page


def log_in(page: Page, base: str, user: str) -> None:
    page.goto(f"{base}/me")
    page.locator("main a.button").click()
    page.get_by_role("button", name=user).click()
    page.wait_for_url(f"{base}/me")


def until(true: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
