"""A real Prometheus over our own configuration, and what may be asked of it."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.stack.supervise import free_port

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "prometheus"

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="NOT TESTED: no prometheus here (Debian: apt install prometheus)"
)


def queries() -> list[str]:
    """Every query of the dashboard."""
    board = json.loads((ROOT / "deploy/grafana/hub.json").read_text("utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@contextmanager
def scraping(netloc: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes a hub at HOST:PORT every second, with our own rules; its address."""
    port = free_port()
    config = (DEPLOY / "prometheus.yml").read_text().replace("127.0.0.1:8080", netloc).replace("_interval: 5s", "_interval: 1s")
    assert netloc in config
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(DEPLOY / "rules.yml", folder)
    with (folder / "prometheus.log").open("wb") as log:
        child = subprocess.Popen(
            [
                "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            child.terminate()
            child.wait(20)


def ask(base: str, query: str) -> list[dict[str, Any]]:
    """The result vector of an instant query; [] while Prometheus is not up yet. A query it refuses is an HTTP error."""
    url = f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return list(json.load(response)["data"]["result"])
    except urllib.error.HTTPError as exc:
        if exc.code == 503:
            return []
        raise
    except urllib.error.URLError:
        return []


def counted_nothing(base: str, counters: Iterable[str], seconds_max: float) -> set[str]:
    """Those of the counters (or counts of histograms) that were still at zero by then: a series may be there and never count."""
    left, deadline = set(counters), time.monotonic() + seconds_max
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        left = {c for c in left if not ask(base, f"sum({c}) > 0")}
    return left


def without_data(base: str, seconds_max: float) -> set[str]:
    """The dashboard's queries that had no number by then."""
    left, deadline = set(queries()), time.monotonic() + seconds_max
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        left = {q for q in left if not any(r["value"][1] != "NaN" for r in ask(base, q))}
    return left
