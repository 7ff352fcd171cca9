"""The operator's page: plain HTML made on the server, readable without a script, a font or a picture from anywhere else."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import Final

from hub.telemetry import PROCESSES
from hub.web.panels import QUANTILES, Row, Show, View

REFRESH_SECONDS: Final = 5
ROWS_MAX: Final = 12  # of one panel; the rest is one line
_BAR: Final = 100.0
_COURSE_WIDTH: Final = 240
_COURSE_HEIGHT: Final = 36

# The figures at the top: title, panel's metric, row filter (a word one of the row's labels must be), tone when above zero.
_TILES: Final = (
    ("Received", "hub_messages_received_total", "", ""),
    ("Delivered", "hub_deliveries_total", "delivered", "good"),
    ("Kept out", "hub_decisions_total", "deny", ""),
    ("Refused", "hub_messages_refused_total", "", ""),
    ("Waiting", "hub_lane_backlog", "", ""),
    ("Oldest waiting", "hub_lane_oldest_age_seconds", "", ""),
    ("Parked", "hub_deliveries_parked", "", "bad"),
    ("Faults", "hub_faults_total", "", "bad"),
)
_GOOD: Final = frozenset({"AA", "CA", "200", "permit", "redact", "delivered", "routed"})
_BAD: Final = frozenset({"AE", "AR", "CE", "CR", "refused", "failed", "unknown", "quarantined", "500", "503"})
_TITLES: Final = {Show.COUNT: ("Since start", "A minute"), Show.LEVEL: ("Now",), Show.PEAK: ("Now",)}


def style() -> bytes:
    """The page's style sheet."""
    return (resources.files("hub.web") / "static" / "style.css").read_bytes()


def number(value: float | None, unit: str = "") -> str:
    """A figure for people: ``12,345``, ``0.4``, ``85 ms``, ``2 min 5 s``; a dash for none."""
    if value is None:
        return "–"
    if unit == "s":
        return _duration(value)
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def page(views: Sequence[View], missing: Sequence[str], *, refresh: bool) -> str:
    """The whole page. ``missing`` names what the hub is not ready for; with ``refresh`` it reloads itself."""
    meta = f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' if refresh else ""
    pause = '<a href="/?refresh=off">Pause</a>' if refresh else '<a href="/">Resume</a>'
    how = f"Refreshed every {REFRESH_SECONDS} seconds." if refresh else "Refreshing is paused."
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Care Pathway Hub</title>{meta}'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        '<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"></head><body>'
        '<a class="skip" href="#panels">Skip to the panels</a>'
        f"<header><h1>Care Pathway Hub</h1>{_state(views, missing)}</header><main>"
        f'<section aria-label="At a glance" class="tiles">{"".join(_tiles(views))}</section>'
        f'<div id="panels" class="panels">{"".join(_panel(v) for v in views)}</div></main>'
        f"<footer><p>{how} {pause}. No patient data is shown here. "
        'Rates and quantiles: the last five minutes. <a href="/metrics">Metrics</a>, <a href="/readyz">readiness</a>.</p></footer>'
        "</body></html>"
    )


def _state(views: Sequence[View], missing: Sequence[str]) -> str:
    ready = '<span class="pill good">Ready</span>'
    if missing:
        ready = f'<span class="pill bad">Not ready: {escape(", ".join(missing))}</span>'
    running = next((v for v in views if v.panel.metric == "hub_process_up"), None)
    up = {r.labels[0] for r in running.rows if r.values[0]} if running else set()
    pills = (f'<li class="pill {"good" if p in up else "off"}">{p}{"" if p in up else " off"}</li>' for p in PROCESSES if p != "up")
    return f'<p role="status">{ready}</p><ul aria-label="Processes" class="processes">{"".join(pills)}</ul>'


def _tiles(views: Sequence[View]) -> Iterable[str]:
    by_metric = {v.panel.metric: v for v in views}
    for title, metric, word, tone in _TILES:
        view = by_metric[metric]
        rows = [r for r in view.rows if not word or word in r.labels]
        firsts = [r.values[0] or 0.0 for r in rows]
        value = max(firsts, default=0.0) if view.panel.show is Show.PEAK else sum(firsts)
        minute = sum(r.values[1] or 0.0 for r in rows) if view.panel.show is Show.COUNT else None
        sub = f"<small>{number(minute)} a minute</small>" if minute is not None else "<small>now</small>"
        css = f" {tone}" if tone and value else ""
        yield f'<div class="tile{css}"><h2>{title}</h2><p>{number(value, view.panel.unit)}</p>{sub}</div>'


def _panel(view: View) -> str:
    panel = view.panel
    course = _course(view.course) if len(set(view.course)) > 1 else ""  # a level that did not move needs no picture
    rows = view.rows[:ROWS_MAX]
    body = "".join(_row(view, r) for r in rows)
    rest = len(view.rows) - len(rows)
    more = f'<p class="quiet">and {rest} more, in the metrics</p>' if rest else ""
    titles = _TITLES.get(panel.show, tuple(f"p{q * 100:g}" for q in QUANTILES))
    label = ", ".join(panel.by) or '<span class="hidden">what</span>'
    head = "".join(f'<th scope="col" class="n">{t}</th>' for t in titles)
    table = f'<table><thead><tr><th scope="col">{label}</th>{head}</tr></thead><tbody>{body}</tbody></table>'
    if not rows:
        table = '<p class="quiet">Nothing yet.</p>'
    return f'<section class="panel"><h2>{escape(panel.title)}</h2><p class="about">{escape(panel.about)}</p>{course}{table}{more}</section>'


def _row(view: View, row: Row) -> str:
    unit = view.panel.unit
    tone = "good" if _GOOD & set(row.labels) else "bad" if _BAD & set(row.labels) else ""
    named = zip(view.panel.by, row.labels, strict=True)
    name = " · ".join(word.replace("-", " ") if label == "rule" else word.replace("_", " ") for label, word in named) or "all"
    cells = "".join(f'<td class="n">{number(v, unit)}</td>' for v in row.values)
    largest = max((r.values[0] or 0.0 for r in view.rows), default=0.0)
    is_compared = len({r.values[0] for r in view.rows}) > 1 and view.panel.show is not Show.QUANTILES
    width = _BAR * (row.values[0] or 0.0) / largest if largest and is_compared else 0.0
    rect = f'<rect width="{width:.1f}" height="3"/>'
    bar = f'<svg class="bar {tone}" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">{rect}</svg>'
    return f'<tr><th scope="row">{escape(name)}{bar if width else ""}</th>{cells}</tr>'


def _course(values: Sequence[float]) -> str:
    """A small picture of the last minutes; the numbers stand in the table, so it says nothing to a screen reader."""
    top, step = max(values) or 1.0, _COURSE_WIDTH / max(1, len(values) - 1)
    points = " ".join(f"{i * step:.1f},{_COURSE_HEIGHT - 2 - v / top * (_COURSE_HEIGHT - 4):.1f}" for i, v in enumerate(values))
    area = f"0,{_COURSE_HEIGHT} {points} {_COURSE_WIDTH},{_COURSE_HEIGHT}"
    return (
        f'<svg class="course" viewBox="0 0 {_COURSE_WIDTH} {_COURSE_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="{area}"/><polyline points="{points}"/></svg>'
    )
