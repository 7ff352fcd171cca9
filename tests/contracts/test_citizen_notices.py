"""Notices of new access over real sockets: a mail server, a web server that fails at first, and doors that are not to be knocked at."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretBytes

from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.connect import Pool
from hub.ledger.notices import Notice, NoticeChannel, delete_notice, get_notice, put_notice
from hub.model import Identifier
from hub.settings import Settings
from hub.web.citizen.notifier import round_of
from hub.web.readiness import asks
from hub.web.sending import may_be_called, retry_seconds
from hub.web.state import Region as Known
from hub.web.state import State
from hub.web.tokens import load_keys
from tests.contracts import citizen
from tests.contracts.citizen import Clock, Region
from tests.contracts.listeners import Mailbox, webhook
from tests.contracts.transit_rig import PSEUDONYMS

KEY = PSEUDONYMS.link(Identifier(FNR, PEOPLE["åse"].number), "")
MINUTE_US = 60_000_000


@dataclass
class Desk:
    region: Region
    clock: Clock
    settings: Settings
    data: Path

    def ask(self, channel: NoticeChannel, address: str) -> None:
        put_notice(self.region.conn, Notice(KEY, channel, address, "nb", self.clock.us), self.clock.us)

    def received(self) -> None:
        """Somebody receives something of Åse's, a minute later."""
        self.clock.us += MINUTE_US
        self.region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
        self.region.settle(at_us=self.clock.us)

    def look(self, minutes: float = 10) -> None:
        """Let the time pass and look once."""
        self.clock.us += int(minutes * MINUTE_US)

        async def run() -> None:
            pool = Pool(self.region.url, "web")
            nothing: Any = None
            state = State(self.settings, self.clock, load_keys(self.data), PSEUDONYMS, nothing, pool, Known(pool), asks({}))
            await round_of(state)
            await pool.close()

        asyncio.run(run())

    def row(self) -> tuple[int, int]:
        found = get_notice(self.region.conn, KEY)
        assert found is not None
        return found.tries, found.since_us


@contextmanager
def desk(url: str, data: Path, **more: Any) -> Iterator[Desk]:
    with citizen.region(url) as region:
        settings = Settings(
            database_url=url, secret=SecretBytes(b"x"), web_url="https://hub.example", oidc_issuer="https://id.example", **more
        )
        yield Desk(region, Clock(), settings, data)


def test_a_mail_says_that_it_happened_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=citizen.any_port())
    server.start()
    try:
        with desk(database_url, tmp_path, smtp=f"127.0.0.1:{server.port}", smtp_from="hub@hub.example", smtp_starttls=False) as d:
            d.ask(NoticeChannel.EMAIL, "aase@example.org")
            d.look()
            assert box.mails == []  # nothing has happened
            d.received()
            d.look()
            d.look()
            ((to, text),) = box.mails  # once
            assert to == ["aase@example.org"]
            assert "https://hub.example/me/shared" in text
            assert not [word for word in ("Nidaros", "CRP", "Bj", PEOPLE["åse"].number) if word in text]
            d.received()
            d.look()
            assert len(box.mails) == 2
            delete_notice(d.region.conn, KEY)
            d.received()
            d.look()
            assert len(box.mails) == 2
    finally:
        server.stop()


def test_a_mail_server_that_is_away_is_tried_later_and_later(database_url: str, tmp_path: Path) -> None:
    with desk(database_url, tmp_path, smtp=f"127.0.0.1:{citizen.any_port()}", smtp_from="h@h.example", smtp_starttls=False) as d:
        d.ask(NoticeChannel.EMAIL, "aase@example.org")
        since = d.row()[1]
        d.received()
        d.look()
        assert d.row() == (1, since)
        d.look(0.5)
        assert d.row() == (1, since)  # not yet
        d.look(0.6)
        assert d.row() == (2, since)
        assert [retry_seconds(n) for n in (0, 1, 2, 9, 1000)] == [60, 120, 240, 21_600, 21_600]


def test_a_webhook_is_called_until_it_answers(database_url: str, tmp_path: Path) -> None:
    with webhook(500, 302, 204) as (url, got), desk(database_url, tmp_path, notice_private_hosts=True) as d:
        d.ask(NoticeChannel.WEBHOOK, url)
        d.received()
        for _ in range(5):
            d.look()
        said = ("application/json", {"event": "access", "page": "https://hub.example/me/shared"})
        assert got == [said] * 3  # a redirection is followed nowhere, and after the good answer there is nothing more to tell
        assert d.row()[0] == 0


def test_a_private_door_is_not_knocked_at(database_url: str, tmp_path: Path) -> None:
    with webhook(204) as (url, got), desk(database_url, tmp_path) as d:
        port = url.rpartition(":")[2].partition("/")[0]
        for address in (url, f"https://127.0.0.1:{port}/", f"https://localhost:{port}/", f"https://localhost.localdomain:{port}/"):
            d.ask(NoticeChannel.WEBHOOK, address)
            d.received()
            d.look()
            assert d.row()[0] == 1, address
        assert got == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.org/x", True), ("https://192.0.2.1/x", False), ("https://8.8.8.8/x", True), ("https://", False),
        ("http://hooks.example.org/x", False), ("https://10.0.0.1/", False), ("https://[::1]/", False), ("https://intranet/", False),
        ("https://user@hooks.example.org/", False), ("file:///etc/passwd", False), ("https://169.254.169.254/latest", False),
        ("https://h.example:x/", False),
    ],
)  # fmt: skip
def test_which_addresses_may_be_called(url: str, *, expected: bool) -> None:
    assert may_be_called(url, Settings()) is expected
