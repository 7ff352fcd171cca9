"""Prometheus itself reads our configuration, fires our alerts, and has data for every query of the dashboard."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.generate import GENERATED
from hub.stack.supervise import free_port
from tests.contracts.prometheus import DEPLOY, ROOT, needs_prometheus, queries, scraping, without_data

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="NOT TESTED: no promtool here (Debian: apt install prometheus)"
)


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_promtool
def test_the_configuration_and_the_rules_are_accepted() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")
    assert "FAILED" not in promtool("check", "rules", "rules.yml")


@needs_promtool
def test_every_alert_fires_when_it_must_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", (DEPLOY / "rules.yml").read_text()))
    tested = re.findall(r"alertname: (\w+)\n\s+exp_alerts:( \[\])?", (DEPLOY / "rules_test.yml").read_text())
    assert {name for name, calm in tested if not calm} == alerts
    assert {name for name, calm in tested if calm} == alerts


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: p.name)
def test_what_is_generated_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == GENERATED[path](), "run: python -m deploy.generate"


_EXPOSITION = """
import asyncio, itertools, sys
from hub import telemetry as t
from hub.web.metrics import serve_metrics

def exercise():
    for name, metric in t.METRICS.items():
        labels = [w[0] if isinstance(w, tuple) else "trondheim" for w in t.LABELS[name].values()]
        child = metric.labels(*labels) if labels else metric
        {"counter": lambda: child.inc(), "gauge": lambda: child.set(3), "histogram": lambda: child.observe(0.02)}[metric._type]()

async def ready():
    return []

async def main(port):
    t.configure("web")
    async with serve_metrics(f"127.0.0.1:{port}", ready):
        print("ready", flush=True)
        while True:
            exercise()
            await asyncio.sleep(0.2)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def metrics_url() -> Iterator[str]:
    """Where a hub's metrics are: ``HUB_METRICS_URL``, or a process of our own that counts one of everything again and again."""
    given = os.environ.get("HUB_METRICS_URL")
    if given:
        yield given
        return
    port = free_port()
    child = subprocess.Popen([sys.executable, "-c", _EXPOSITION, str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield f"http://127.0.0.1:{port}/metrics"
    child.kill()
    child.communicate()


@pytest.fixture(scope="module")
def prometheus_url(metrics_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes it every second, with our own rules."""
    with scraping(urllib.parse.urlsplit(metrics_url).netloc, tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@needs_prometheus
def test_every_query_of_the_dashboard_has_data(prometheus_url: str) -> None:
    assert len(queries()) >= 25
    assert not without_data(prometheus_url, 60)


@needs_prometheus
def test_prometheus_loads_the_rules_and_evaluates_them(prometheus_url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{prometheus_url}/api/v1/rules", timeout=10) as response:
                rules = json.load(response)["data"]["groups"][0]["rules"]
        except urllib.error.URLError:
            rules = []
        if rules and all(r["health"] == "ok" for r in rules):
            return
        assert time.monotonic() < deadline, rules
        time.sleep(0.5)
