"""The page's own arithmetic, and that page and dashboard look at real metrics."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import telemetry
from hub.web.page import number, page
from hub.web.panels import PANELS, WINDOW_SECONDS, Panel, Show, Snapshot, quantile, view, views

SECOND = 1_000_000


def test_every_panel_shows_a_declared_metric_by_declared_labels() -> None:
    for panel in PANELS:
        assert set(panel.by) <= set(telemetry.LABELS[panel.metric])
        kind = {"counter": Show.COUNT, "histogram": Show.QUANTILES}.get(telemetry.METRICS[panel.metric]._type)
        assert kind is panel.show or (kind is None and panel.show in (Show.LEVEL, Show.PEAK))
    assert len({p.metric for p in PANELS}) == len(PANELS)


def counted(at_s: int, **values: float) -> Snapshot:
    return Snapshot(at_s * SECOND, {"m_total": {(("code", k), ("other", "x")): v for k, v in values.items()}})


def test_a_counter_shows_its_total_and_its_rate_in_the_window() -> None:
    panel = Panel("M", "m_total", Show.COUNT, ("code",))
    history = [counted(0, AA=0), counted(1000, AA=100, AE=1), counted(1000 + WINDOW_SECONDS, AA=160, AE=1, CA=0)]
    got = view(panel, history)
    assert [(r.labels, r.values) for r in got.rows] == [(("AA",), (160, 12.0)), (("AE",), (1, 0.0))]  # a zero is left out
    assert got.course == (101, 60)
    assert got.total == 161


def test_a_counter_that_starts_again_is_no_negative_rate() -> None:
    got = view(Panel("M", "m_total", Show.COUNT, ("code",)), [counted(0, AA=100), counted(60, AA=5)])
    assert got.rows[0].values == (5, 0.0)


def test_levels_add_up_and_peaks_do_not() -> None:
    snapshot = Snapshot(0, {"g": {(("provider", "a"),): 2.0, (("provider", "b"),): 5.0}})
    assert view(Panel("G", "g", Show.LEVEL), [snapshot]).rows[0].values == (7.0,)
    assert view(Panel("G", "g", Show.PEAK), [snapshot]).rows[0].values == (5.0,)


def test_a_histogram_shows_the_window_and_else_all_there_is() -> None:
    def at(second: int, fast: float, slow: float) -> Snapshot:
        ends = {"0.1": fast, "1.0": fast + slow, "+Inf": fast + slow}
        return Snapshot(second * SECOND, {"h_bucket": {(("le", end),): v for end, v in ends.items()}})

    panel = Panel("H", "h", Show.QUANTILES)
    assert view(panel, [at(0, 0, 0)]).rows == ()
    recent = view(panel, [at(0, 100, 0), at(60, 100, 100)]).rows[0].values[0]
    assert recent == pytest.approx(0.55)
    assert view(panel, [at(0, 100, 0), at(60, 100, 0)]).rows[0].values[0] == pytest.approx(0.05)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8), st.floats(0.01, 0.99))
def test_a_quantile_lies_in_its_bucket(counts: list[int], q: float) -> None:
    total, buckets = 0, []
    for i, n in enumerate(counts):
        total += n
        buckets.append((float(i + 1) if i + 1 < len(counts) else inf, float(total)))
    got = quantile(q, buckets)
    if total == 0:
        assert got is None
    else:
        assert got is not None
        low, high = max(0.0, got - 1e-9), got + 1e-9
        assert sum(n for i, n in enumerate(counts) if i + 1 <= high and i + 1 < len(counts)) <= q * total + max(counts)
        assert 0 <= low <= len(counts) - 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "–"), (0, "", "0"), (12345.0, "", "12,345"), (0.44, "", "0.4"), (0.0854, "s", "85.4 ms"), (0, "s", "0 s"),
        (2.5, "s", "2.5 s"), (125, "s", "2 min 5 s"), (7260, "s", "2 h 1 min"),
    ],
)  # fmt: skip
def test_numbers_are_for_people(value: float | None, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_the_page_escapes_whatever_a_label_says() -> None:
    snapshot = Snapshot(0, {"hub_ward_occupancy": {(("ward", "<script>&"),): 3.0}})
    text = page(views([snapshot]), ["<kafka>"], refresh=True)
    assert "<script" not in text
    assert "&lt;script&gt;&amp;" in text
    assert "Not ready: &lt;kafka&gt;" in text


def test_the_page_can_be_paused() -> None:
    snapshot = Snapshot(0, {})
    assert 'http-equiv="refresh"' in page(views([snapshot]), [], refresh=True)
    assert 'http-equiv="refresh"' not in page(views([snapshot]), [], refresh=False)
