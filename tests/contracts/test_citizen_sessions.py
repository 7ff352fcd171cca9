"""Sessions, limits and headers of the patient's page, without a browser: what a stranger, a clock and a machine can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretBytes

from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.connect import Pool, connect
from hub.model import Identifier
from hub.settings import Settings
from hub.stream.readers import read
from hub.stream.recall import recalled
from hub.web.citizen.visit import PER_MINUTE, What
from hub.web.readiness import asks
from hub.web.state import Region as Known
from hub.web.state import State
from hub.web.tokens import issue, load_keys
from hub.wiring import now_us
from tests.contracts import citizen
from tests.contracts.citizen import Clock
from tests.contracts.transit_rig import PSEUDONYMS
from tests.contracts.web import Answer, Client, serving

COOKIE = "a" * 43
CSRF = "b" * 43
MINUTE_US = 60_000_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Page:
    url: str
    client: Client
    clock: Clock
    port: int
    data: Path

    def log_in(self, name: str = "Åse", cookie: str = COOKIE) -> None:
        """A session as a login makes it."""
        body = {
            "system": FNR, "value": PEOPLE["åse"].number, "name": name, "born": "1938-01-14", "csrf": CSRF, "id_token": "", "acting": "",
        }  # fmt: skip
        key = PSEUDONYMS.link(Identifier(FNR, PEOPLE["åse"].number), "")
        row = (sha256(cookie.encode()).digest(), self.clock.us, self.clock.us, key, Jsonb(body))
        with connect(self.url) as conn:
            conn.execute("INSERT INTO web_session VALUES (%s, %s, %s, %s, %s)", row)

    def get(self, path: str) -> Answer:
        return self.client.ask("GET", path, headers={"Cookie": f"hub-session={COOKIE}"})

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        own = FORM | {"Cookie": f"hub-session={COOKIE}", "Origin": f"http://127.0.0.1:{self.port}"}
        return self.client.ask("POST", path, body, own | headers)


@contextmanager
def opened(url: str, data: Path, **more: Any) -> Iterator[Page]:
    """The page over a ledger with the demonstration's providers; more: settings."""
    clock, port = Clock(), citizen.any_port()
    with citizen.region(url):
        pass
    settings = Settings(
        http=f"127.0.0.1:{port}", database_url=url, secret=SecretBytes(PSEUDONYMS.secret), oidc_issuer="http://127.0.0.1:1", **more
    )
    pool, nothing = Pool(url, "web"), None

    def make() -> State:
        return State(
            settings, clock, load_keys(data), PSEUDONYMS, nothing, pool, Known(pool), asks({}), recall=lambda row: read(recalled(row))  # type: ignore[arg-type]
        )  # fmt: skip

    with serving(make) as client:
        yield Page(url, client, clock, port, data)


@pytest.fixture
def page(database_url: str, tmp_path: Path) -> Iterator[Page]:
    with opened(database_url, tmp_path) as found:
        yield found


def test_a_session_ends_when_it_is_not_seen_and_when_it_is_old(page: Page) -> None:
    page.log_in()
    for _ in range(480 // 14):
        page.clock.us += 14 * MINUTE_US
        assert page.get("/me/access").status == 200
    page.clock.us += 14 * MINUTE_US  # more than eight hours, however busy
    assert page.get("/me/access").status == 303


def test_a_session_that_is_idle_is_over(page: Page) -> None:
    page.log_in()
    page.clock.us += 15 * MINUTE_US
    assert page.get("/me").status == 200
    page.clock.us += 15 * MINUTE_US + 1
    assert page.get("/me").headers["Location"] == "/me/welcome"
    assert page.get("/me").status == 303


def test_somebody_can_be_logged_out_everywhere_and_so_can_everybody(page: Page) -> None:
    page.log_in()
    page.log_in(cookie="another browser")
    assert page.get("/me/notices").body.count(b"<li>Logget inn") == 2
    assert page.post("/me/sessions", b"csrf=x").status == 403
    assert page.post("/me/sessions", b"csrf=" + CSRF.encode()).headers["Location"] == "/me/welcome"
    with connect(page.url) as conn:
        assert conn.execute("SELECT count(*) FROM web_session").fetchone() == (0,)
    page.log_in()
    assert page.client.ask("DELETE", "/admin/sessions").status == 401
    admin = page.client.with_token(issue(page.data, "admin", page.clock.us))
    assert admin.ask("DELETE", "/admin/sessions").json() == {"ended": 1}
    assert page.get("/me").status == 303


def test_nobody_is_let_in_without_a_session(page: Page) -> None:
    pages = ("/me", "/me/shared", "/me/access", "/me/notices", "/me/acting", "/me/bundle.json", "/me/pathway.pdf")
    assert [page.get(p).headers.get("Location") for p in pages] == ["/me/welcome"] * len(pages)
    forms = ("/me/access", "/me/access/preview", "/me/acting", "/me/notices", "/me/logout")
    assert [page.post(p, b"csrf=x").status for p in forms] == [303] * len(forms)


def test_every_page_brings_its_own_policies(page: Page) -> None:
    page.log_in()
    for path in ("/me", "/me/access", "/me/nothing", "/me/welcome"):
        answer = page.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert policy.startswith("default-src 'none'")
        assert "form-action 'self'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Server"] == "hub"
        assert b"<script" not in answer.body
        assert b"style=" not in answer.body
    assert page.get("/me/nothing").status == 404


def test_what_people_are_called_is_text_and_nothing_else(page: Page) -> None:
    page.log_in("<script>alert(1)</script>")
    body = page.get("/me").body
    assert b"<script>" not in body
    assert b"&lt;script&gt;" in body


def test_who_asks_too_often_waits(page: Page) -> None:
    page.log_in()
    statuses = [page.get("/me/bundle.json").status for _ in range(PER_MINUTE[What.DOWNLOAD] + 1)]
    assert statuses == [200] * PER_MINUTE[What.DOWNLOAD] + [429]
    answer = page.get("/me/pathway.pdf")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    page.clock.us += MINUTE_US
    assert page.get("/me/bundle.json").status == 200
    logins = [page.client.ask("GET", "/me/login").status for _ in range(PER_MINUTE[What.LOGIN] + 1)]
    assert logins == [303] * PER_MINUTE[What.LOGIN] + [429]


def test_a_provider_that_does_not_answer_is_said(page: Page) -> None:
    answer = page.client.ask("GET", "/me/login")
    assert answer.headers["Location"] == "/me/welcome?why=provider"
    told = page.client.ask("GET", "/me/welcome?why=provider", headers={"Accept-Language": "en"})
    assert b"The login service did not answer" in told.body
    assert b"alert(1)" not in page.client.ask("GET", "/me/welcome?why=<script>alert(1)</script>").body


def test_another_site_begins_no_login(page: Page) -> None:
    for site, where in (("cross-site", "/me/welcome"), ("same-origin", "/me/welcome?why=provider"), ("none", "/me/welcome?why=provider")):
        assert page.client.ask("GET", "/me/login", headers={"Sec-Fetch-Site": site}).headers["Location"] == where


def test_an_answer_to_no_login_is_stale(page: Page) -> None:
    answer = page.client.ask("GET", "/me/callback?code=x&state=y", headers={"Cookie": "hub-login=nothing"})
    assert answer.headers["Location"] == "/me/welcome?why=stale"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"csrf=" + CSRF.encode() + b"&csrf=x", {}, 422),
        (b"csrf=" + b"x" * 20_000, {}, 413),
        (b"csrf=x&" + b"&".join(b"a%d=" % n for n in range(60)), {}, 422),
        (b"csrf=%00", {}, 422),
        (b"csrf=%ff", {}, 422),
        (b'{"csrf": "x"}', {"Content-Type": "application/json"}, 415),
        (b"csrf=x", {"Content-Encoding": "gzip"}, 415),
    ],
)
def test_forms_are_read_strictly(page: Page, body: bytes, headers: dict[str, str], status: int) -> None:
    page.log_in()
    answer = page.post("/me/notices", body, **headers)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/html")


def test_the_language_is_the_browsers_until_it_is_chosen(page: Page) -> None:
    def spoken(**headers: str) -> str:
        return page.client.ask("GET", "/me/welcome", headers=headers).headers["Content-Language"]

    assert spoken() == "nb"
    assert spoken(**{"Accept-Language": "sv, en-GB;q=0.9, nb;q=0.8"}) == "en"
    assert spoken(**{"Accept-Language": "nn"}) == "nb"
    chosen = page.post("/me/language", b"language=en&back=/me/shared")
    assert (chosen.status, chosen.headers["Location"]) == (303, "/me/shared")
    assert chosen.headers["Set-Cookie"].startswith("hub-language=en; HttpOnly; Max-Age=31536000; Path=/me; SameSite=Lax")
    assert spoken(**{"Accept-Language": "nb", "Cookie": "hub-language=en"}) == "en"
    assert page.post("/me/language", b"language=en&back=//elsewhere.example").headers["Location"] == "/me"
    assert page.post("/me/language", b"language=xx&back=/me").status == 403
    assert page.post("/me/language", b"language=en&back=/me", Origin="https://elsewhere.example").status == 403


def test_another_name_for_the_machine_is_sent_to_the_one_the_provider_knows(page: Page) -> None:
    answer: Any = page.client.ask("GET", "/me/welcome", headers={"Host": "rebound.example"})
    assert (answer.status, answer.headers["Location"]) == (303, f"http://127.0.0.1:{page.port}/me/welcome")


def test_many_messages_come_fifty_at_a_time(page: Page) -> None:
    with citizen.region(page.url) as region:
        for n in range(51):
            region.send("ADT^A08^ADT_A01", PEOPLE["åse"], at_us=1_700_000_000_000_000 + n * 1_000_000)
    page.log_in()
    for path in ("/me", "/me/shared"):
        first, second = page.get(path).body, page.get(f"{path}?from=50").body
        assert first.count(b'<li class="card">') == 50
        assert f'href="{path}?from=50"'.encode() in first
        assert second.count(b'<li class="card">') == 1
        assert b"?from=" not in second
        assert page.get(f"{path}?from=-1").status == 400
        assert page.get(f"{path}?from=99999999999999999999").status == 400
    assert len(page.get("/me/bundle.json").json()["entry"]) == 51


def test_an_appointment_to_come_is_told_by_its_latest_word(page: Page) -> None:
    def booked(trigger: str, at: str, n: int) -> None:
        raw = (
            f"MSH|^~\\&|DIPS|STOLAV|HUB|HUB|20261101120000+0100||SIU^{trigger}^SIU_S12|A{n}|P|2.5.1|||||NOR|UNICODE UTF-8\r"
            f"SCH|B1^STOLAV|||||ROUTINE|Kontroll|NORMAL|30|min|^^30^{at}^{at}|||||||||||||{'Cancelled' if trigger == 'S15' else 'Booked'}\r"
            f"PID|1||{PEOPLE['åse'].number}^^^NOR^NI||Bjørnstad^Åse||19380114|F\r"
        ).encode()
        with citizen.region(page.url) as region:
            region.receive(raw, now_us() + n * 1_000_000)

    page.log_in()
    booked("S12", "20990302090000+0100", 1)
    assert "Du har time 2. mars 2099 kl. 09.00" in page.get("/me").body.decode()
    booked("S13", "20990303100000+0100", 2)
    told = page.get("/me").body.decode()
    assert "Du har time 3. mars 2099 kl. 10.00" in told
    assert "2. mars 2099 kl. 09.00</strong>" not in told
    booked("S15", "20990303100000+0100", 3)
    assert "Du har time" not in page.get("/me").body.decode()


def test_whoever_reads_is_recorded_first(page: Page) -> None:
    page.log_in()
    for path in ("/me", "/me/shared", "/me/bundle.json", "/me/access"):
        assert page.get(path).status == 200
    key = PSEUDONYMS.link(Identifier(FNR, PEOPLE["åse"].number), "")
    with connect(page.url) as conn:
        rows = conn.execute("SELECT role, who, interaction, query, patient_keys FROM audit_access ORDER BY at_us, query").fetchall()
    assert sorted(rows, key=lambda r: r[3]) == [("patient", key, "read", path, [key]) for path in ("me", "me/bundle.json", "me/shared")]


def test_who_comes_to_the_front_door_is_led_to_the_patients_page(page: Page) -> None:
    """The operator's page is for this machine and administrators."""
    elsewhere = {"Host": "hub.example"}
    assert page.client.ask("GET", "/", headers=elsewhere).headers["Location"] == "/me"
    assert page.client.ask("GET", "/metrics", headers=elsewhere).status == 401
    assert b"Kept out" in page.client.ask("GET", "/").body
