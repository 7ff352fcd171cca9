"""A process that runs alone tells its metrics and whether it is ready: with its servers there, and without."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from hub.settings import METRICS_PORTS
from hub.stack.supervise import free_port
from tests.conftest import Servers
from tests.faults.processes import wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def running(name: str, env: dict[str, str], folder: Path) -> Iterator[Path]:
    """One process of the hub; its log."""
    log = folder / "log"
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-m", "hub", name], env=env, stdout=out, stderr=out, cwd=ROOT)
    try:
        yield log
    finally:
        child.terminate()
        child.wait(30)


def ask(port: int, path: str) -> tuple[int, bytes]:
    """(status, body); status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read()
    except OSError:
        return 0, b""


def environment(servers: Servers, database_url: str, topic_prefix: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": "", "HOME": str(folder), "HUB_KAFKA": servers.kafka, "HUB_DATABASE_URL": database_url, "HUB_TOPIC_PREFIX": topic_prefix,
        "HUB_DATA": str(folder / "data"), "HUB_SECRET": "the secret of this test", "HUB_PROMISE": "false",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["transit", "delivery", "pathway"])
def test_a_process_alone_is_ready_while_its_servers_answer(
    name: str, servers: Servers, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    port = free_port()
    env = environment(servers, database_url, topic_prefix, tmp_path) | {"HUB_METRICS": f"127.0.0.1:{port}"}
    with running(name, env, tmp_path) as log:
        wait_until(lambda: ask(port, "/readyz")[0] == 200, 30, f"{name} to be ready: {log.read_text()[-500:]}")
        status, text = ask(port, "/metrics")
        assert status == 200
        assert f'hub_process_up{{process="{name}"}} 1.0'.encode() in text
        database = database_url.rpartition("/")[2]
        with psycopg.connect(servers.database_url, autocommit=True) as conn:
            conn.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
            wait_until(lambda: ask(port, "/readyz")[0] == 503, 30, f"{name} to say that it is not ready")
            assert json.loads(ask(port, "/readyz")[1]) == {"status": "not ready", "missing": ["ledger", "schema"]}
            assert ask(port, "/healthz")[0] == 200
            conn.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
        wait_until(lambda: ask(port, "/readyz")[0] == 200, 30, f"{name} to be ready again")


def test_without_a_setting_metrics_are_where_the_documentation_says_or_where_the_log_says(
    servers: Servers, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    env = environment(servers, database_url, topic_prefix, tmp_path)
    with running("transit", env, tmp_path) as log:

        def port() -> int:
            told = [json.loads(line) for line in log.read_text().splitlines() if '"metrics_at"' in line]
            return int(told[0]["port"]) if told else 0

        wait_until(port, 30, "the line that says where the metrics are")
        assert port() == METRICS_PORTS["transit"] or port() > 1024
        wait_until(lambda: ask(port(), "/metrics")[0] == 200, 30, "the metrics")
