"""The operator's page in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from hub import telemetry
from hub.identity import Pseudonyms
from hub.settings import Settings
from hub.web.panels import PANELS, Show
from hub.web.readiness import asks
from hub.web.state import State
from hub.web.tokens import load_keys
from tests.contracts.web import Client, clock, serving

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED: no chromium here (Debian: apt install chromium)")


def exercise() -> None:
    """Count one of everything."""
    for name, metric in telemetry.METRICS.items():
        labels = [w[0] if isinstance(w, tuple) else "trondheim" for w in telemetry.LABELS[name].values()]
        child: Any = metric.labels(*labels) if labels else metric
        {"counter": lambda c: c.inc(1234), "gauge": lambda c: c.set(7), "histogram": lambda c: c.observe(0.02)}[metric._type](child)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data = tmp_path_factory.mktemp("data")
    nothing: Any = None  # the page asks neither the ledger nor the broker

    def make() -> State:
        settings = Settings(http="127.0.0.1:0")
        return State(settings, clock, load_keys(data), Pseudonyms(b"k"), nothing, nothing, nothing, asks({}))

    exercise()
    with serving(make) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(web: Client, browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """The page, and everything the browser complained of."""
    complaints: list[str] = []
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    tab.on("console", lambda m: complaints.append(m.text))
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.on("requestfailed", lambda r: complaints.append(r.url))
    tab.on("request", lambda r: complaints.append(r.url) if f":{web.port}/" not in r.url and not r.url.startswith("data:") else None)
    tab.goto(f"http://127.0.0.1:{web.port}/?refresh=off")
    yield tab, complaints
    tab.close()


def test_every_panel_shows_numbers_and_the_browser_is_content(page: tuple[Page, list[str]], tmp_path: Path) -> None:
    tab, complaints = page
    for panel in PANELS:
        section = tab.locator("section.panel", has=tab.get_by_role("heading", name=panel.title, exact=True))
        cells = section.locator("tbody td").all_inner_texts()
        assert cells, panel.title
        numbers = [float(c.replace(",", "")) for c in cells if c.replace(",", "").replace(".", "").isdigit()]
        shown = {Show.COUNT: max(numbers, default=0) >= 1234, Show.QUANTILES: any(c.endswith(" ms") for c in cells)}
        assert shown.get(panel.show, any(c.startswith("7") for c in cells)), (panel.title, cells)
    assert tab.get_by_role("status").inner_text() == "Ready"
    assert complaints == []
    tab.screenshot(path=tmp_path / "page.png", full_page=True)


def test_the_style_sheet_is_in_force_and_nothing_overflows(page: tuple[Page, list[str]]) -> None:
    tab, _ = page
    for width in (390, 1280, 2000):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("getComputedStyle(document.querySelector('.tiles')).display") == "grid"
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_headings_tables_and_contrast_serve_everyone(page: tuple[Page, list[str]]) -> None:
    tab, _ = page
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.locator("h1").count() == 1
    assert tab.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    assert tab.evaluate("[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-hidden') === 'true')")
    assert tab.evaluate(_CONTRAST) >= 4.5
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the panels"


def test_it_refreshes_itself_unless_paused(page: tuple[Page, list[str]], web: Client) -> None:
    tab, _ = page
    tab.get_by_role("link", name="Resume").click()
    assert tab.url.endswith(f":{web.port}/")
    before = tab.locator("tbody td").first.inner_text()
    telemetry.RECEIVED.labels("hl7v2").inc(1_000_000)
    tab.wait_for_function("before => document.querySelector('tbody td').innerText !== before", arg=before, timeout=15_000)


_CONTRAST = """
(() => {
  const parse = c => c.match(/[0-9.]+/g).map(Number);
  const light = c => { const [r, g, b] = parse(c).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
                       return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { const c = e ? getComputedStyle(e).backgroundColor : 'rgb(255, 255, 255)';
                        return (parse(c)[3] ?? 1) > 0 ? c : ground(e.parentElement); };
  let worst = 21;
  for (const e of document.querySelectorAll('h1, h2, p, th, td, a, small, li, .pill')) {
    if (!e.textContent.trim() || e.classList.contains('skip')) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    worst = Math.min(worst, (a + .05) / (b + .05));
  }
  return worst;
})()
"""
