"""The dashboard over a day in the region: a real Prometheus scrapes the hub that plays it, and no panel is empty."""

import json
import urllib.request
from pathlib import Path

import pytest

from hub.stack.supervise import free_port
from hub.web.tokens import issue
from hub.wiring import now_us
from tests.conftest import Servers
from tests.contracts.prometheus import ask, needs_prometheus, queries, scraping, without_data
from tests.flows.running import up

SECONDS_MAX = 45.0


def lock(base: str, data: Path) -> None:
    """One more lock, of somebody the day does not know."""
    consent = {
        "resourceType": "Consent", "id": "observed", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"value": "nobody"}}, "policyRule": {"coding": [{"code": "OPTIN"}]}, "provision": {"type": "deny"},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {issue(data, 'admin', now_us())}", "Content-Type": "application/fhir+json"}
    request = urllib.request.Request(f"{base}/fhir/Consent/observed", json.dumps(consent).encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


@needs_prometheus
@pytest.mark.timeout(180)
def test_every_panel_has_data_while_the_day_is_played(servers: Servers, database_url: str, topic_prefix: str, tmp_path: Path) -> None:
    given = {
        "HUB_KAFKA": servers.kafka,
        "HUB_DATABASE_URL": database_url,
        "HUB_TOPIC_PREFIX": topic_prefix,
        "HUB_PROMISE": "false",  # the tests' database does not wait for the disk
        "HUB_HTTP": f"127.0.0.1:{free_port()}",
    }
    (tmp_path / "prometheus").mkdir()
    with scraping(given["HUB_HTTP"], tmp_path / "prometheus") as prometheus, up(tmp_path / "data", "--demo", **given) as running:
        assert len(queries()) >= 25
        left = without_data(prometheus, SECONDS_MAX / 2)
        if left:  # a rate needs a change between two scrapes: the day's locks may all have come before the first
            lock(f"http://{given['HUB_HTTP']}", tmp_path / "data")
            left = without_data(prometheus, SECONDS_MAX / 2)
        assert not left, running.output.read_text()
        (accepted,) = ask(prometheus, 'sum(hub_messages_answered_total{code="AA"})')
        with urllib.request.urlopen(f"http://{given['HUB_HTTP']}/metrics", timeout=10) as answer:
            own = [
                line for line in answer.read().decode().splitlines() if line.startswith("hub_messages_answered_total{") and '"AA"' in line
            ]
        assert 0 < float(accepted["value"][1]) <= sum(float(line.rsplit(" ", 1)[1]) for line in own)
        for down in ask(prometheus, "sum by (process) (hub_process_up) == 0"):
            pytest.fail(f"{down['metric']} is down")
