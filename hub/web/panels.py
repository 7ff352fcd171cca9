"""What operations looks at: one table of panels, which the plain page computes itself and the Grafana dashboard asks Prometheus for.

Pure: a panel reads snapshots of the metrics and gives rows; nothing here knows a registry, a clock or HTML.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import inf
from typing import Final

WINDOW_SECONDS: Final = 300
QUANTILES: Final = (0.5, 0.9, 0.99)

Labels = tuple[tuple[str, str], ...]


class Show(StrEnum):
    """How a metric is looked at."""

    COUNT = "count"  # a counter: how many since the start, how many a minute now
    LEVEL = "level"  # a gauge, added up
    PEAK = "peak"  # a gauge, the largest
    QUANTILES = "quantiles"  # a histogram of seconds


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric, by some of its labels. ``about`` says what a person should make of it."""

    title: str
    metric: str
    show: Show
    by: tuple[str, ...] = ()
    unit: str = ""
    about: str = ""

    def queries(self) -> dict[str, str]:
        """What to ask Prometheus: legend -> PromQL."""
        by = ", ".join(self.by)
        group = f" by ({by}) " if by else ""
        legend = " ".join(f"{{{{{label}}}}}" for label in self.by) or self.title.lower()
        if self.show is Show.COUNT:
            return {legend: f"sum{group}(rate({self.metric}[5m]))"}
        if self.show is Show.QUANTILES:
            rate = f"sum by ({', '.join(('le', *self.by))}) (rate({self.metric}_bucket[5m]))"
            return {f"p{q * 100:g} {legend}": f"histogram_quantile({q:g}, {rate})" for q in QUANTILES}
        return {legend: f"{'max' if self.show is Show.PEAK else 'sum'}{group}({self.metric})"}


PANELS: Final = (
    Panel("Received", "hub_messages_received_total", Show.COUNT, ("adapter",), about="Messages identified at the door."),
    Panel("Answered", "hub_messages_answered_total", Show.COUNT, ("adapter", "code"), about="AA, CA and 200: durable before the answer."),
    Panel("Refused", "hub_messages_refused_total", Show.COUNT, ("adapter", "reason"), about="The sender was told why; kept in quarantine."),
    Panel("Outcome in transit", "hub_messages_outcome_total", Show.COUNT, ("outcome",), about="What became of each message."),
    Panel("Decisions", "hub_decisions_total", Show.COUNT, ("stage", "result", "rule"), about="One for every candidate recipient."),
    Panel("Deliveries", "hub_deliveries_total", Show.COUNT, ("channel", "outcome"), about="Attempts, by how they ended."),
    Panel("Receipts", "hub_receipts_total", Show.COUNT, ("status",), about="What receivers' applications said of KITH documents."),
    Panel("Waiting for delivery", "hub_lane_backlog", Show.LEVEL, ("provider",), about="Deliveries queued for each provider."),
    Panel("Oldest waiting", "hub_lane_oldest_age_seconds", Show.PEAK, ("provider",), "s", "Age of the oldest delivery not yet settled."),
    Panel("Parked", "hub_deliveries_parked", Show.LEVEL, ("provider",), about="Refused by the receiver; a person must look."),
    Panel(
        "Waiting for a merge",
        "hub_deliveries_fenced",
        Show.LEVEL,
        ("provider",),
        about="Of merged patients: what was acknowledged earlier in another partition is decided first.",
    ),
    Panel("Waiting in transit", "hub_transit_lag_messages", Show.LEVEL, about="Acknowledged, not yet decided."),
    Panel("Time to answer", "hub_ack_seconds", Show.QUANTILES, ("adapter",), "s", "From a message's last byte to its answer."),
    Panel("Time to decision", "hub_transit_seconds", Show.QUANTILES, (), "s", "From receipt to the decision."),
    Panel("Time to delivery", "hub_end_to_end_seconds", Show.QUANTILES, ("channel",), "s", "From receipt to the receiver's answer."),
    Panel("Lock to effect", "hub_revocation_to_effect_seconds", Show.QUANTILES, (), "s", "From a lock's request to its being in force."),
    Panel("Consents changed", "hub_consents_changed_total", Show.COUNT, ("effect",), about="Locks and permits written by patients."),
    Panel(
        "Logins of patients", "hub_logins_total", Show.COUNT, ("outcome",), about="By how they ended; stale: too slow, or begun elsewhere."
    ),
    Panel(
        "Notices to patients", "hub_notices_total", Show.COUNT, ("channel", "outcome"), about="That somebody received something of theirs."
    ),
    Panel(
        "Emergency access",
        "hub_emergency_access_total",
        Show.COUNT,
        ("step",),
        about="Opened, read and closed; refused and denied: somebody asked and was not let in.",
    ),
    Panel(
        "Supervisors told",
        "hub_supervisor_notices_total",
        Show.COUNT,
        ("channel", "outcome"),
        about="Of emergency access; tried until sent.",
    ),
    Panel("Patients in ward", "hub_ward_occupancy", Show.PEAK, ("ward",), about="As the pathway has followed them."),
    Panel("Ready for discharge", "hub_patients_ready_for_discharge", Show.PEAK, about="Patients ready and still in hospital."),
    Panel(
        "Events of the pathway",
        "hub_pathway_events_total",
        Show.COUNT,
        ("outcome",),
        about="Poison: could not be applied.",
    ),
    Panel("Deadlines passed", "hub_deadlines_breached_total", Show.COUNT, ("deadline",), about="Raised again as an event."),
    Panel("Faults", "hub_faults_total", Show.COUNT, ("process", "cause"), about="The hub could not do its part; nothing was acknowledged."),
    Panel("Control id conflicts", "hub_control_id_conflicts_total", Show.COUNT, about="Same sender and control id, other bytes."),
    Panel("MLLP connections", "hub_mllp_connections", Show.LEVEL, about="Open now."),
    Panel("Processes", "hub_process_up", Show.LEVEL, ("process",), about="Running now."),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All samples of the metrics at one moment: name -> labels -> value."""

    at_us: int
    samples: Mapping[str, Mapping[Labels, float]]

    def grouped(self, name: str, by: Sequence[str], *, largest: bool = False) -> dict[tuple[str, ...], float]:
        """The samples of one name, added up (or the largest) over every label not in ``by``."""
        out: dict[tuple[str, ...], float] = {}
        for labels, value in self.samples.get(name, {}).items():
            named = dict(labels)
            key = tuple(named.get(label, "") for label in by)
            out[key] = max(out.get(key, -inf), value) if largest else out.get(key, 0.0) + value
        return out


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a panel: COUNT has (total, a minute), LEVEL and PEAK (value), QUANTILES one value a quantile, None = no data."""

    labels: tuple[str, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A panel computed: its rows, largest first, and its course over the snapshots for a small picture."""

    panel: Panel
    rows: tuple[Row, ...]
    course: tuple[float, ...]

    @property
    def total(self) -> float:
        """The first value of all rows, added up (the largest of a peak)."""
        firsts = [r.values[0] or 0.0 for r in self.rows]
        return max(firsts, default=0.0) if self.panel.show is Show.PEAK else sum(firsts)


def views(history: Sequence[Snapshot]) -> tuple[View, ...]:
    """Every panel over the snapshots, oldest first; at least one."""
    return tuple(view(panel, history) for panel in PANELS)


def view(panel: Panel, history: Sequence[Snapshot]) -> View:
    """One panel over the snapshots, oldest first; at least one."""
    now, then = history[-1], _window_start(history)
    if panel.show is Show.COUNT:
        return View(panel, _counts(panel, then, now), _changes(panel, history))
    if panel.show is Show.QUANTILES:
        return View(panel, _quantiles(panel, then, now), ())
    largest = panel.show is Show.PEAK
    rows = (Row(k, (v,)) for k, v in now.grouped(panel.metric, panel.by, largest=largest).items())
    course = (_all(panel, s) for s in history)
    return View(panel, _sorted(rows), tuple(course))


def _window_start(history: Sequence[Snapshot]) -> Snapshot:
    since = history[-1].at_us - WINDOW_SECONDS * 1_000_000
    return next(s for s in history if s.at_us >= since)


def _sorted(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda r: (-(r.values[0] or 0.0), r.labels)))


def _all(panel: Panel, snapshot: Snapshot) -> float:
    return snapshot.grouped(panel.metric, (), largest=panel.show is Show.PEAK).get((), 0.0)


def _counts(panel: Panel, then: Snapshot, now: Snapshot) -> tuple[Row, ...]:
    before = then.grouped(panel.metric, panel.by)
    minutes = (now.at_us - then.at_us) / 60_000_000
    found = now.grouped(panel.metric, panel.by).items()
    rows = (Row(k, (v, max(0.0, v - before.get(k, 0.0)) / minutes if minutes else 0.0)) for k, v in found if v or not panel.by)
    return _sorted(rows)


def _changes(panel: Panel, history: Sequence[Snapshot]) -> tuple[float, ...]:
    return tuple(max(0.0, _all(panel, b) - _all(panel, a)) for a, b in pairwise(history))


def _quantiles(panel: Panel, then: Snapshot, now: Snapshot) -> tuple[Row, ...]:
    """Over the window; over everything since the start where the window saw nothing."""
    name, by = f"{panel.metric}_bucket", (*panel.by, "le")
    before, after = then.grouped(name, by), now.grouped(name, by)
    rows = []
    for key in sorted({k[:-1] for k in after}):
        ends = sorted(((float(k[-1]), v, v - before.get(k, 0.0)) for k, v in after.items() if k[:-1] == key), key=lambda e: e[0])
        recent = [(end, new) for end, _, new in ends]
        counted = recent if recent[-1][1] > 0 else [(end, total) for end, total, _ in ends]
        rows.append(Row(key, tuple(quantile(q, counted) for q in QUANTILES)))
    return tuple(r for r in rows if r.values[0] is not None)


def quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """The q-quantile of a cumulative histogram [(upper end, count)], linear within its bucket as Prometheus does; None when empty."""
    rank = q * buckets[-1][1]
    if rank <= 0:
        return None
    start, below = 0.0, 0.0
    for end, count in buckets:
        if count >= rank:
            return start if end == inf else start + (end - start) * (rank - below) / (count - below)
        start, below = end, count
    return start
