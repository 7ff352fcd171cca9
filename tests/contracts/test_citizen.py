"""Login to the patient's page in a real browser, at a real provider; sessions, forms and what stands around them."""

import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from hub.demo.people import PEOPLE
from hub.identity import FNR
from hub.ledger.emergencies import Emergency, Grounds, Personnel, Step, keep, open_access
from hub.model import Identifier
from hub.web.citizen.times import civil
from hub.web.tokens import issue
from hub.wiring import now_us
from tests.contracts import citizen
from tests.contracts.citizen import Region, Site, log_in, tab
from tests.contracts.transit_rig import PSEUDONYMS

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED: no chromium here (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], int]]:
    """One provider for all tests of the module, and the port the page must have."""
    port = citizen.any_port()
    with citizen.provider(tmp_path_factory.mktemp("identity"), f"http://127.0.0.1:{port}") as settings:
        yield dict(settings), port


@pytest.fixture
def region(database_url: str) -> Iterator[Region]:
    with citizen.region(database_url) as made:
        yield made


@pytest.fixture
def site(login: tuple[dict[str, Any], int], database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with citizen.site(database_url, tmp_path_factory.mktemp("data"), login[0], login[1]) as made:
        yield made


def test_in_and_out_by_the_providers_word(site: Site, browser: Browser) -> None:
    complaints: list[str] = []
    context, page = tab(browser, complaints)
    log_in(page, site.base, "Åse")
    assert "Åse Bjørnstad" in page.locator("header").inner_text()
    cookie = next(c for c in context.cookies() if c["name"] == "hub-session")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    page.get_by_role("button", name="Logg ut").click()
    page.wait_for_url(f"{site.base}/me/welcome**")
    page.goto(f"{site.base}/me")
    assert page.url.endswith("/me/welcome")
    stolen = site.client.ask("GET", "/me", headers={"Cookie": f"hub-session={cookie['value']}"})
    assert stolen.status == 303  # the session itself is gone, not only the browser's memory of it
    assert complaints == []


@pytest.mark.parametrize(("part", "why"), [("state", "refused"), ("verifier", "refused"), ("nonce", "provider")])
def test_an_answer_that_is_not_to_this_login_is_not_believed(site: Site, region: Region, browser: Browser, part: str, why: str) -> None:
    """The provider itself refuses a wrong verifier (PKCE); a wrong state or nonce is the hub's to see."""
    _, page = tab(browser, [])
    page.goto(f"{site.base}/me/login")
    region.conn.execute("UPDATE web_login SET body = jsonb_set(body, ARRAY[%s], to_jsonb(%s::text))", (part, "z" * 64))
    page.get_by_role("button", name="Åse").click()
    page.wait_for_url(f"{site.base}/me/welcome?why={why}")
    assert region.rows("SELECT count(*) FROM web_session") == [(0,)]
    assert region.rows("SELECT count(*) FROM web_login") == [(0,)]


def test_by_https_the_cookies_are_bound_to_the_host(
    login: tuple[dict[str, Any], int], database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    more = {"web_url": "https://hub.example"}
    with citizen.site(database_url, tmp_path_factory.mktemp("data"), login[0] | more, login[1]) as site:
        answer = site.client.ask("GET", "/me/login")
    given = answer.headers["Set-Cookie"]
    assert given.startswith("__Host-hub-login=")
    assert all(f"; {word}" in given for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in given
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_who_received_what_when_and_why(site: Site, region: Region, browser: Browser) -> None:
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
    region.settle()
    region.send("ADT^A01^ADT_A01", PEOPLE["kåre"])
    complaints: list[str] = []
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Åse")
    page.get_by_role("link", name="Hvem har fått").click()
    text = page.locator("main").inner_text()
    assert "Prøvesvar eller måling" in text
    assert "Nidaros legesenter" in text
    assert "fastlegen din" in text
    assert "Mottatt" in text
    assert "innlagt" not in text  # Kåre's
    assert complaints == []


def test_who_opened_it_in_an_emergency(site: Site, region: Region, browser: Browser) -> None:
    """The patient reads who, when and that there was a reason; somebody else's page says nothing of it."""
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
    region.send("ADT^A01^ADT_A01", PEOPLE["kåre"])
    opened_in_an_emergency(region)
    complaints: list[str] = []
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Åse")
    page.get_by_role("link", name="Se hvem, når og hvorfor").click()
    page.get_by_role("heading", name="Åpnet i nødsfall").wait_for()
    text = page.locator("main").inner_text()
    for word in ("Malvik kommune", "lege, Kari Lege", "Tilgangen varer til", "Det var et nødsfall.", "Meldinger: 1.", "Lest i nødsfall"):
        assert word in text
    for word in ("Bevisstløs", "Fikk ikke tilgang"):
        assert word not in text
    page.goto(f"{site.base}/me/shared?only=withheld")
    assert "Åpnet i nødsfall" not in page.locator("main").inner_text()
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Kåre")
    assert "nødsfall" not in page.locator("main").inner_text()
    page.goto(f"{site.base}/me/shared")
    assert "Åpnet i nødsfall" not in page.locator("main").inner_text()
    assert complaints == []


def opened_in_an_emergency(region: Region) -> None:
    """Somebody opened Åse's record, and read it."""
    who, grounds = Personnel("malvik", "9144889", "Kari Lege", "LE"), Grounds("BTG", "", "Bevisstløs på gata")
    access, at_us = "0f0e0d0c-0b0a-8908-8706-050403020100", now_us()
    key = PSEUDONYMS.link(Identifier(FNR, PEOPLE["åse"].number), "")
    row = Emergency(access, at_us, Step.OPENED, access, who, "::1", key, grounds, at_us + 8 * 3_600_000_000, "9-emergency")
    open_access(region.conn, row, at_us)
    read = [str(event) for (event,) in region.rows("SELECT event_id FROM message WHERE patient_key = %s", key)]
    step = {"step": Step.READ, "at_us": at_us + 1, "until_us": 0, "events": tuple(read), "kinds": ("x",) * len(read)}
    keep(region.conn, replace(row, id=access.replace("0f", "1f"), **step))


def tabbed_to(page: Page, name: str) -> None:
    """Move by the keyboard until the focus is on what has this accessible name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in page.evaluate("(e => [e.name, e.ariaLabel, e.innerText].join('|'))(document.activeElement)"):
            return
    pytest.fail(f"the keyboard never came to {name}")


def lock_out_nidaros(page: Page, region: Region) -> None:
    """By the keyboard alone."""
    tabbed_to(page, "provider")
    page.keyboard.type("Nidaros")
    tabbed_to(page, "Se hva det endrer")
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/access/preview")
    text = page.locator("main").inner_text()
    assert "Nidaros legesenter" in text
    assert "Ville ikke fått én melding" in text
    assert region.rows("SELECT count(*) FROM consent") == [(0,)]  # a look changes nothing
    tabbed_to(page, "Ja, sperr")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Sperren gjelder").wait_for()
    assert "Ingenting var på vei" in page.locator("main").inner_text()


def test_lock_and_lift_with_the_keyboard_alone(site: Site, region: Region, browser: Browser) -> None:
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
    region.settle()
    complaints: list[str] = []
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Åse")
    page.goto(f"{site.base}/me/access")
    assert "Du har ingen sperrer" in page.locator("main").inner_text()
    lock_out_nidaros(page, region)
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
    assert region.rows("SELECT result, rule FROM decision WHERE recipient = 'nidaros' ORDER BY off") == [
        ("permit", "13-treating-relation"),
        ("deny", "11-locked"),
    ]
    page.goto(f"{site.base}/me/shared?only=withheld")
    assert "Du har sperret for dette." in page.locator("main").inner_text()
    page.goto(f"{site.base}/me/access")
    tabbed_to(page, "Opphev: Sperret for Nidaros legesenter")
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/access/preview")
    assert "Ville fått 2 meldinger til" in page.locator("main").inner_text()
    tabbed_to(page, "Ja, opphev")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Opphevet").wait_for()
    assert region.rows("SELECT version, active FROM consent ORDER BY version") == [(1, True), (2, False)]
    assert complaints == []


def test_what_was_under_way_is_named_and_a_stale_preview_is_not_confirmed(site: Site, region: Region, browser: Browser) -> None:
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"])
    places = "ARRAY[part], ARRAY[off], ARRAY[recipient]"
    region.conn.execute(
        f"INSERT INTO claim (worker, claimed_us, patient_keys, lock_keys, parts, offs, recipients)"
        f" SELECT 'w', 0, ARRAY[patient_key], lock_keys, {places} FROM outbox WHERE recipient = 'nidaros'"
    )
    context, page = tab(browser, [])
    log_in(page, site.base, "Åse")
    page.goto(f"{site.base}/me/access")
    other = context.new_page()
    for one in (page, other):
        one.goto(f"{site.base}/me/access")
        one.get_by_label("Alle", exact=True).check()
        one.get_by_label("Til og med").fill("2099-12-31")
        one.get_by_role("button", name="Se hva det endrer").click()
        one.wait_for_url("**/me/access/preview")
    page.get_by_role("button", name="Ja, sperr").click()
    page.get_by_role("heading", name="Sperren gjelder").wait_for()
    text = page.locator("main").inner_text()
    assert "Prøvesvar eller måling, til Nidaros legesenter" in text
    assert "Til og med 2099-12-31" in text
    other.get_by_role("button", name="Ja, sperr").click()
    other.get_by_text("Noe annet endret det samme").wait_for()
    assert region.rows("SELECT max(version) FROM consent") == [(1,)]


def test_a_form_from_elsewhere_changes_nothing(site: Site, region: Region, browser: Browser) -> None:
    context, page = tab(browser, [])
    log_in(page, site.base, "Åse")
    csrf = page.locator("input[name=csrf]").first.get_attribute("value")
    value = next(c["value"] for c in context.cookies() if c["name"] == "hub-session")
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"hub-session={value}"}
    own = form | {"Origin": site.base, "Sec-Fetch-Site": "same-origin"}
    body = f"csrf={csrf}&whom=everyone&version=0".encode()
    tries = (
        (own, b"csrf=wrong&whom=everyone&version=0"),
        (own, b"whom=everyone&version=0"),
        (own | {"Origin": "https://elsewhere.example"}, body),
        (own | {"Sec-Fetch-Site": "cross-site"}, body),
        (own | {"Origin": "null"}, body),
    )
    assert [site.client.ask("POST", "/me/access", sent, headers).status for headers, sent in tries] == [403] * 5
    assert region.rows("SELECT count(*) FROM consent") == [(0,)]
    assert site.client.ask("POST", "/me/access", body, own).status == 200
    assert region.rows("SELECT count(*) FROM consent") == [(1,)]


def eventful(region: Region) -> None:
    """Some of everything for Åse."""
    someone = PEOPLE["åse"]
    region.send("ADT^A01^ADT_A01", someone)
    region.send("ORU^R01^ORU_R01", someone)
    region.send("MDM^T02^MDM_T02", someone)
    region.settle()
    opened_in_an_emergency(region)
    key = PSEUDONYMS.of_message([Identifier(FNR, someone.number)], "").patient
    encounter = PSEUDONYMS.link(Identifier("encounter", "E1"), "st-olavs")
    row = (key, encounter, "ready", "MED1", "5001", "st-olavs", 1, 2, None, "patient.admitted", 3, 0, 0)
    columns = "patient_key, encounter, state, ward, municipality, source, admitted_us, ready_us, ended_us, last_kind, last_us, part, off"
    region.conn.execute(f"INSERT INTO episode ({columns}) VALUES ({', '.join(['%s'] * 13)})", row)
    due = ("00000000-0000-8000-8000-000000000001", "municipality-notice", key, encounter, 4_000_000_000_000_000)
    region.conn.execute("INSERT INTO deadline (id, name, patient_key, encounter, due_us) VALUES (%s, %s, %s, %s, %s)", due)


def test_my_pathway_in_plain_words_and_to_take_along(site: Site, region: Region, browser: Browser) -> None:
    eventful(region)
    region.send("ORU^R01^ORU_R01", PEOPLE["åse"], more="PV2" + "|" * 22 + "V\r", episode="SECRET")
    region.send("ORU^R01^ORU_R01", PEOPLE["kåre"], episode="SOMEBODYELSE")
    context, page = tab(browser, [])
    log_in(page, site.base, "Åse")
    text = page.locator("main").inner_text()
    for said in ("Utskrivningsklar", "Kommunen skal ha beskjed", "Du ble innlagt", "St. Olavs hospital", "Et dokument om deg"):
        assert said in text
    for summary in page.locator("summary").all():
        summary.click()
    assert "182 mg/L (svært høy)" in page.locator("main").inner_text()
    fetched = context.request.get(f"{site.base}/me/bundle.json")
    found = fetched.json()
    assert (found["type"], len(found["entry"])) == ("collection", 3)
    assert [e["resource"]["type"] for e in found["entry"]] == ["message"] * 3
    assert "SECRET" not in fetched.text()
    assert "SOMEBODYELSE" not in fetched.text()
    assert "attachment" in fetched.headers["content-disposition"]
    paper = context.request.get(f"{site.base}/me/pathway.pdf").body()
    assert paper.startswith(b"%PDF-")
    assert b"/Lang (nb)" in paper
    assert "Forløpet til Åse Bjørnstad" in words_of(paper)
    assert "Behandlet med antibiotika" in words_of(paper)


def words_of(paper: bytes) -> str:
    """The text of a PDF as a reader would copy it: the glyphs of its pages by the table (ToUnicode) of its one font."""
    found = [m[1] for m in re.finditer(rb"(?<!end)stream\n(.*?)endstream", paper, re.DOTALL)]
    streams = [zlib.decompress(s) if s.startswith(b"x") else s for s in found]
    cmap = next(s for s in streams if b"beginbfchar" in s)
    letters = {int(g, 16): chr(int(u, 16)) for g, u in re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>\n", cmap)}
    return " ".join(_letters(m, letters) for s in streams for m in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", s, re.DOTALL))


def _letters(shown: bytes, letters: dict[int, str]) -> str:
    plain = re.sub(rb"\\(.)", lambda m: {b"r": b"\r", b"n": b"\n", b"t": b"\t"}.get(m[1], m[1]), shown, flags=re.DOTALL)
    return "".join(letters.get(int.from_bytes(plain[n : n + 2], "big"), "?") for n in range(0, len(plain), 2))


def represent(site: Site, id_: str, patient: str, born: str, **more: object) -> int:
    """Enter that Kåre acts for somebody; the answer's status."""
    admin = site.client.with_token(issue(site.data, "admin", now_us()))
    people = {
        "patient": {"system": FNR, "value": patient, "name": f"Person {id_}", "born": born},
        "representative": {"system": FNR, "value": PEOPLE["kåre"].number},
    }
    return admin.ask("PUT", f"/admin/representations/{id_}", people | {"basis": "parent"} | more).status


def represented(site: Site, region: Region) -> None:
    """Kåre may act for a child and by a power of attorney; for others he may not, or no longer, or not here."""
    region.send("ADT^A01^ADT_A01", PEOPLE["eirik"])
    region.send("ADT^A01^ADT_A01", PEOPLE["åse"])
    child, young = f"{now_year() - 11}-12-31", f"{now_year() - 13}-01-01"
    assert represent(site, "child", PEOPLE["eirik"].number, child) == 201
    assert represent(site, "young", PEOPLE["unn"].number, young) == 201
    assert represent(site, "hidden", PEOPLE["jørgen"].number, child, protected=True) == 201
    assert represent(site, "over", PEOPLE["bjørg"].number, child, until="2020-01-01") == 201
    assert represent(site, "mother", PEOPLE["åse"].number, "1938-01-14", basis="attorney") == 201


def test_acting_for_a_child_and_by_power_of_attorney(site: Site, region: Region, browser: Browser) -> None:
    represented(site, region)
    complaints: list[str] = []
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Kåre")
    page.goto(f"{site.base}/me/acting")
    text = page.locator("main").inner_text()
    assert "Person over" not in text
    assert "Den ene av dere har adressesperre" in text
    assert page.get_by_role("button", name="Se for").all_inner_texts() == ["Se for Person child", "Se for Person mother"]
    judge(page, "nb")
    page.get_by_role("button", name="Se for Person child").click()
    page.get_by_text("Du ser siden på vegne av Person child").wait_for()
    assert "Du ble innlagt" in page.locator("main").inner_text()
    page.goto(f"{site.base}/me/access")
    page.get_by_label("Alle", exact=True).check()
    page.get_by_role("button", name="Se hva det endrer").click()
    page.get_by_role("button", name="Ja, sperr").click()
    page.get_by_role("heading", name="Sperren gjelder").wait_for()
    (resource,) = region.rows("SELECT resource FROM consent")[0]
    assert resource["patient"]["identifier"]["value"] == PEOPLE["eirik"].number
    assert resource["performer"][0]["identifier"]["value"] == PEOPLE["kåre"].number
    admin = site.client.with_token(issue(site.data, "admin", now_us()))
    assert admin.ask("DELETE", "/admin/representations/child").status == 204
    page.goto(f"{site.base}/me")
    assert "på vegne av" not in page.locator("aside, main").first.inner_text()
    assert "Du ble innlagt" not in page.locator("main").inner_text()  # Kåre's own, of which there is nothing
    assert complaints == []


def test_nobody_acts_for_somebody_else(site: Site, region: Region, browser: Browser) -> None:
    represent(site, "child", PEOPLE["eirik"].number, f"{now_year() - 11}-12-31")
    represent(site, "young", PEOPLE["unn"].number, f"{now_year() - 13}-01-01")
    for user, id_ in (("Åse", "child"), ("Kåre", "young"), ("Kåre", "nothing")):
        context, page = tab(browser, [])
        log_in(page, site.base, user)
        csrf = page.locator("input[name=csrf]").first.get_attribute("value")
        sent = context.request.post(f"{site.base}/me/acting", form={"csrf": csrf or "", "id": id_}, headers={"Origin": site.base})
        assert sent.status == 403
        context.close()


def test_the_young_and_the_unknown_see_nothing(site: Site, region: Region, browser: Browser) -> None:
    complaints: list[str] = []
    context, page = tab(browser, complaints)
    log_in(page, site.base, "Ola")
    assert "Alderen gjør at opplysningene ikke vises her" in page.locator("main").inner_text()
    assert context.request.get(f"{site.base}/me/bundle.json").json() == {"resourceType": "Bundle", "type": "collection"}
    context.close()
    _, page = tab(browser, complaints)
    page.goto(f"{site.base}/me/login")
    page.get_by_role("button", name="Nobody").click()
    page.get_by_text("oppga ikke et fødselsnummer").wait_for()
    assert complaints == []


def now_year() -> int:
    return civil(now_us()).year


def test_what_an_administrator_enters_is_judged(site: Site) -> None:
    assert represent(site, "child", PEOPLE["eirik"].number, "2020-01-01") == 201
    assert represent(site, "child", PEOPLE["eirik"].number, "2020-01-01", protected=True) == 200
    wrong = ({"basis": "friend"}, {"from": "2026-02-01", "until": "2026-01-01"}, {"more": 1}, {"id": "other"}, {"from": "soon"})
    assert [represent(site, "child", PEOPLE["eirik"].number, "2020-01-01", **w) for w in wrong] == [422] * len(wrong)
    assert represent(site, "self", PEOPLE["kåre"].number, "2020-01-01") == 422
    assert represent(site, PEOPLE["kåre"].number, PEOPLE["eirik"].number, "2020-01-01") == 404
    assert site.client.ask("GET", "/admin/representations/child").status == 401
    patient = site.client.with_token(issue(site.data, f"patient:{PEOPLE['kåre'].number}", now_us()))
    assert patient.ask("GET", "/admin/representations/child").status == 403


def test_asking_to_be_told(site: Site, region: Region, browser: Browser) -> None:
    complaints: list[str] = []
    _, page = tab(browser, complaints)
    log_in(page, site.base, "Åse")
    page.get_by_role("link", name="Varsler").click()
    page.get_by_label("Med et anrop").check()
    page.get_by_label("E-postadresse eller nettadresse").fill("http://127.0.0.1/")
    page.get_by_role("button", name="Lagre").click()
    page.get_by_role("alert").wait_for()
    judge(page, "nb")
    assert region.rows("SELECT count(*) FROM notice") == [(0,)]
    page.get_by_label("Med et anrop").check()
    page.get_by_label("E-postadresse eller nettadresse").fill("https://hooks.example.org/me")
    page.get_by_role("button", name="Lagre").click()
    page.get_by_role("status").wait_for()
    assert region.rows("SELECT channel, address, language FROM notice") == [("webhook", "https://hooks.example.org/me", "nb")]
    page.get_by_label("Ikke i det hele tatt").check()
    page.get_by_role("button", name="Lagre").click()
    page.get_by_role("status").wait_for()
    assert region.rows("SELECT count(*) FROM notice") == [(0,)]
    assert [c for c in complaints if "422" not in c] == []


PAGES = ("/me", "/me/shared", "/me/access", "/me/acting", "/me/notices")


@pytest.mark.parametrize("language", ["nb", "en"])
def test_axe_finds_nothing_on_any_page(site: Site, region: Region, browser: Browser, language: str) -> None:
    eventful(region)
    complaints: list[str] = []
    _, page = tab(browser, complaints, language=language, width=390, height=844)
    page.goto(f"{site.base}/me")
    judge(page, language)
    log_in(page, site.base, "Åse")
    for address in PAGES:
        page.goto(site.base + address)
        for summary in page.locator("summary").all():
            summary.click()
        judge(page, language)
    page.goto(f"{site.base}/me/access")
    page.locator("select").select_option("nidaros")
    page.locator("form[aria-labelledby=new] button").click()
    page.wait_for_url("**/preview")
    judge(page, language)
    page.locator("main form button").click()
    page.get_by_role("status").wait_for()
    judge(page, language)
    page.goto(f"{site.base}/me/access")
    judge(page, language)
    assert complaints == []


def judge(page: Page, language: str) -> None:
    """axe has nothing to say, nothing is wider than a phone, and the page says which language it is in."""
    found = Axe().run(page)
    assert found.violations_count == 0, (page.url, found.generate_report())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert page.evaluate("document.documentElement.lang") == language
    if os.environ.get("HUB_SCREENSHOTS"):
        page.screenshot(
            path=Path(os.environ["HUB_SCREENSHOTS"], f"{language}-{page.url.rpartition('/')[2]}-{time.time_ns()}.png"), full_page=True
        )
