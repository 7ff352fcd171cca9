"""The dashboard over a day in the region: a real Prometheus scrapes the hub that plays it, and no panel is empty."""

import time
import urllib.request
from pathlib import Path

import pytest

from hub.demo.day import Lock, Message
from hub.demo.play import Played, Player
from hub.stack.supervise import free_port
from hub.web.tokens import issue
from hub.wiring import now_us
from tests.conftest import Servers
from tests.contracts.prometheus import ask, counted_nothing, needs_prometheus, queries, scraping, without_data
from tests.flows.running import Running, up

DAY_SECONDS = 20.0
AFTER_SECONDS = 30.0
MOVED = (  # what a day cannot pass without counting
    "hub_messages_received_total", "hub_messages_answered_total", "hub_messages_outcome_total", "hub_decisions_total",
    'hub_decisions_total{result="deny"}', "hub_deliveries_total", 'hub_deliveries_total{outcome="delivered"}',
    'hub_deliveries_total{outcome="failed"}', "hub_consents_changed_total", "hub_pathway_events_total", "hub_ack_seconds_count",
    "hub_transit_seconds_count", "hub_end_to_end_seconds_count", "hub_revocation_to_effect_seconds_count",
)  # fmt: skip


def go_on(running: Running, rounds: int) -> None:
    """Another message and another lock each round: a rate needs a change between two scrapes, and the day may be over before the first."""
    facts = running.facts
    player = Player(
        facts["mllp"], facts["http"], lambda subject: issue(running.data, subject, now_us()), now_us, receivers={}, played=Played(900)
    )
    for number in range(rounds):
        assert player.send(Message(f"observed-{number}", "", "åse", "ADT^A02^ADT_A02", ward=("LUNGE", "MED1")[number % 2])) == "AA"
        player.lock(Lock("", "åse", "malvik", active=number % 2 == 0))
        time.sleep(1.5)


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
        left = without_data(prometheus, DAY_SECONDS)
        if left:
            go_on(running, rounds=6)
            left = without_data(prometheus, AFTER_SECONDS)
        assert not left, sorted(left)
        still = counted_nothing(prometheus, MOVED, AFTER_SECONDS)
        assert not still, sorted(still)
        (accepted,) = ask(prometheus, 'sum(hub_messages_answered_total{code="AA"})')
        with urllib.request.urlopen(f"http://{given['HUB_HTTP']}/metrics", timeout=10) as answer:
            own = [
                line for line in answer.read().decode().splitlines() if line.startswith("hub_messages_answered_total{") and '"AA"' in line
            ]
        assert 0 < float(accepted["value"][1]) <= sum(float(line.rsplit(" ", 1)[1]) for line in own)
        for down in ask(prometheus, "sum by (process) (hub_process_up) == 0"):
            pytest.fail(f"{down['metric']} is down")
