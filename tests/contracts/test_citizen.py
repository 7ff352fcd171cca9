"""Login to the patient's page in a real browser, at a real provider; sessions, forms and what stands around them."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from hub.demo.people import PEOPLE
from tests.contracts import citizen
from tests.contracts.citizen import Region, Site, log_in, tab

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED: no chromium here (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], int]]:
    """One provider for all tests of the module, and the port the page must have."""
    port = citizen.any_port()
    with citizen.provider(tmp_path_factory.mktemp("identity"), f"http://127.0.0.1:{port}") as settings:
        yield dict(settings), port


@pytest.fixture
def region(database_url: str) -> Iterator[Region]:
    with citizen.region(database_url) as made:
        yield made


@pytest.fixture
def site(login: tuple[dict[str, str], int], database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
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
