"""Behind a reverse proxy: each has their own limit and stands in the record with their own address; nobody else's word is taken for it."""

from pathlib import Path

import pytest

from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.connect import connect
from hub.web.citizen.visit import PER_MINUTE, What
from hub.web.tokens import issue
from tests.contracts.test_citizen_sessions import COOKIE, MINUTE_US, Page, opened

MANY = PER_MINUTE[What.LOGIN] + 1
LOOPBACK = ("127.0.0.1",)


def logins(page: Page, forwarded: str, count: int = MANY) -> list[int]:
    return [page.client.ask("GET", "/me/login", headers={"X-Forwarded-For": forwarded}).status for _ in range(count)]


def test_each_who_comes_by_a_trusted_proxy_has_a_limit_of_their_own(database_url: str, tmp_path: Path) -> None:
    with opened(database_url, tmp_path, trusted_proxies=LOOPBACK) as page:
        assert logins(page, "203.0.113.1") == [303] * (MANY - 1) + [429]
        assert logins(page, "203.0.113.2", 1) == [303]
        assert logins(page, "203.0.113.3, 203.0.113.1", 1) == [429]  # what somebody wrote before the proxy did
        assert page.client.ask("GET", "/me/callback", headers={"X-Forwarded-For": "203.0.113.1"}).status == 429
        page.clock.us += MINUTE_US
        assert logins(page, "203.0.113.1", 1) == [303]


@pytest.mark.parametrize("proxies", [(), ("203.0.113.0/24",)])
def test_nobody_else_gets_another_limit_by_writing_another_address(database_url: str, tmp_path: Path, proxies: tuple[str, ...]) -> None:
    with opened(database_url, tmp_path, trusted_proxies=proxies) as page:
        assert [logins(page, f"203.0.113.{n}", 1)[0] for n in range(MANY)] == [303] * (MANY - 1) + [429]


@pytest.mark.parametrize(("proxies", "address"), [((), "127.0.0.1"), (LOOPBACK, "203.0.113.1")])
def test_the_record_has_the_address_of_who_reads(database_url: str, tmp_path: Path, proxies: tuple[str, ...], address: str) -> None:
    with opened(database_url, tmp_path, trusted_proxies=proxies) as page:
        page.log_in()
        own = {"X-Forwarded-For": "203.0.113.1", "Cookie": f"hub-session={COOKIE}"}
        assert page.client.ask("GET", "/me", headers=own).status == 200
        patient = page.client.with_token(issue(page.data, f"patient:{FNR}|{PEOPLE['åse'].number}", page.clock.us))
        assert patient.ask("GET", f"/fhir/AuditEvent?patient.identifier={FNR}|{PEOPLE['åse'].number}", headers=own).status == 200
        with connect(page.url) as conn:
            rows = conn.execute("SELECT address FROM audit_access").fetchall()
    assert rows == [(address,)] * 2


@pytest.mark.parametrize(("path", "refused"), [("/metrics", 401), ("/", 303)])
@pytest.mark.parametrize("proxies", [(), LOOPBACK])
def test_who_comes_by_a_proxy_is_not_this_machine(
    database_url: str, tmp_path: Path, proxies: tuple[str, ...], path: str, refused: int
) -> None:
    """Whatever it says, and though the proxy is on this machine and calls the hub localhost."""
    with opened(database_url, tmp_path, trusted_proxies=proxies) as page:
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            for said in ("127.0.0.1", "203.0.113.1", "for=127.0.0.1", "::1", ""):
                assert page.client.ask("GET", path, headers={name: said}).status == refused, (name, said)
        assert page.client.ask("GET", path).status == (refused if proxies else 200)
        admin = page.client.with_token(issue(page.data, "admin", page.clock.us))
        assert admin.ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.1"}).status == 200


def test_who_comes_by_a_proxy_sends_nothing_without_a_token(database_url: str, tmp_path: Path) -> None:
    with opened(database_url, tmp_path) as page:
        assert page.client.ask("POST", "/fhir/$process-message", {}, {"X-Forwarded-For": "127.0.0.1"}).status == 401
        assert page.client.ask("POST", "/fhir/$process-message", {}).status != 401
