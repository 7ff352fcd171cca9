"""Write what follows from the code: dashboard, reference of the metrics, decision table. ``python -m deploy.generate``."""

import json
import re
from pathlib import Path
from typing import Any, Final

from hub import telemetry
from hub.consent.question import WORDS
from hub.consent.table import TABLE
from hub.web.panels import PANELS, Panel, Show

ROOT: Final = Path(__file__).resolve().parent.parent
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_UNITS: Final = {Show.COUNT: "ops", Show.LEVEL: "short", Show.PEAK: "short", Show.QUANTILES: "s"}
_PATTERNS: Final = {
    telemetry.PROVIDER: "a provider's id",
    telemetry.WARD: "a ward's name",
}


def _panel(place: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(place, _COLUMNS)
    targets = [
        {"refId": chr(65 + n), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
        for n, (legend, expr) in enumerate(panel.queries().items())
    ]
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": row * _HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit or _UNITS[panel.show], "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": True},
        },
        "targets": targets,
    }


def dashboard() -> str:
    """The dashboard as Grafana imports it: the panels of the plain page, three in a row."""
    body = {
        "uid": "care-pathway-hub",
        "title": "Care Pathway Hub",
        "description": "The same panels as the plain page of the hub. No patient data.",
        "tags": ["hub"],
        "editable": True,
        "schemaVersion": 41,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(n, p) for n, p in enumerate(PANELS)],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _label(name: str, words: telemetry.Words) -> str:
    if isinstance(words, re.Pattern):
        return f"`{name}`: {_PATTERNS[words]}"
    return f"`{name}`: " + ", ".join(words)


def reference() -> str:
    """Every metric with its labels and all they may say, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "Every process answers `/metrics`; `hub web` on its own address, and so, as on the operator's page, only to this machine and to",
        "admin tokens, unless `HUB_OPEN_METRICS=true` says aloud that whoever reaches it may know how much is kept back.",
        "",
        "Labels take only the values listed, or ids of the hub's own configuration; what is not among",
        "them is counted as `other`. No label holds anything that identifies a patient or a message. Times are in seconds.",
        "",
        "| metric | type | what it counts | labels |",
        "|---|---|---|---|",
    ]
    for name, metric in telemetry.METRICS.items():
        labels = "<br>".join(_label(n, w) for n, w in telemetry.LABELS[name].items()) or "none"
        lines.append(f"| `{name}` | {metric._type} | {metric._documentation} | {labels} |")  # noqa: SLF001
    return "\n".join(lines) + "\n"


def consent() -> str:
    """The page about consent, with the decision table as the code has it and the words of its reasons."""
    head, begin, rest = (ROOT / "docs/consent.md").read_text("utf-8").partition("<!-- table: ")
    title, _, rest = rest.partition("\n")
    _, end, tail = rest.partition("<!-- end of table -->")
    rows = [f"| {row.number} | {row.condition} | {row.result} | {row.source} |" for row in TABLE]
    words = ", ".join(f"`{word}`" for word in sorted(WORDS))
    table = ["", "| row | condition | result | source |", "|---|---|---|---|", *rows, "", f"Words of the reasons: {words};"]
    table += ["relations (`gp`, `addressed`, `pathway`, `subscription`), purposes and labels.", ""]
    return f"{head}{begin}{title}\n" + "\n".join(table) + f"\n{end}{tail}"


GENERATED: Final = {
    ROOT / "deploy/grafana/hub.json": dashboard,
    ROOT / "docs/metrics.md": reference,
    ROOT / "docs/consent.md": consent,
}


def main() -> None:
    """Write every generated file."""
    for path, content in GENERATED.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content(), "utf-8")


if __name__ == "__main__":
    main()
