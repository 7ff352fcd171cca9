"""The local stack starts, keeps its state, and can always be stopped."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from hub.stack import java, postgres
from hub.stack.supervise import Spec, StackError, end_strays, free_port, spawn, stop, wait_until
from tests.local import DATABASE, starts


def test_a_child_that_ignores_the_stop_signal_is_killed_with_its_group(tmp_path: Path) -> None:
    script = (
        "import signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '60'])\ntime.sleep(60)"
    )
    child = spawn(Spec("stubborn", (sys.executable, "-c", script), log=tmp_path / "log"))
    time.sleep(0.5)
    grandchildren = psutil.Process(child.pid).children()
    assert grandchildren
    started = time.monotonic()
    stop([child], grace_seconds=0.5)
    assert time.monotonic() - started < 5
    assert child.code == -signal.SIGKILL
    psutil.wait_procs(grandchildren, timeout=5)
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in grandchildren)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_children_die_with_a_killed_parent() -> None:
    script = (
        "import time; from hub.stack.supervise import Spec, spawn\n"
        "child = spawn(Spec('sleeper', ('sleep', '60')))\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        sleeper = psutil.Process(pid)
        parent.kill()
    gone, _ = psutil.wait_procs([sleeper], timeout=5)
    assert gone


def test_strays_of_an_earlier_start_are_ended_and_strangers_are_not(tmp_path: Path) -> None:
    stray = spawn(Spec("stray", ("sleep", "60"), log=tmp_path / "log"))
    stranger = spawn(Spec("stranger", ("sleep", "60"), log=tmp_path / "log"))
    try:
        born = psutil.Process(stray.pid).create_time()
        end_strays({"a": (stray.pid, born), "b": (stranger.pid, born - 1000.0)}, seconds=0.2)
        assert stray.code is not None
        assert stranger.code is None
    finally:
        stop([stray, stranger], grace_seconds=1)


def test_a_program_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(StackError, match="cannot start nothing"):
        spawn(Spec("nothing", ("/no/such/program",)))


def test_a_server_that_dies_at_start_says_its_last_words(tmp_path: Path) -> None:
    child = spawn(Spec("server", ("sh", "-c", "echo the disk is full; exit 3"), log=tmp_path / "log"))
    with pytest.raises(StackError, match=r"ended with code 3.*the disk is full"):
        wait_until(lambda: False, child, 5.0, "hint")


def test_java_missing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackError, match="Java is not installed"):
        java.java()


def test_maven_missing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HUB_STACK_HOME", str(tmp_path / "stack"))
    with pytest.raises(StackError, match="Maven is not installed"):
        java.kafka_jars(print)
    assert list((tmp_path / "stack").iterdir()) == []


@starts(DATABASE)
def test_postgres_keeps_its_rows_over_a_kill_and_wants_its_password(tmp_path: Path) -> None:
    child, url = postgres.start(tmp_path / "pg")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE kept (n int)")
        conn.execute("INSERT INTO kept VALUES (7)")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.replace("postgres:", "postgres:x", 1).replace("postgresql:x", "postgresql:"))
    child.kill()
    child, url = postgres.start(tmp_path / "pg")
    try:
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT n FROM kept").fetchall() == [(7,)]
    finally:
        stop([child], grace_seconds=10)


@starts(DATABASE)
def test_a_kill_while_the_database_is_made_is_made_good(tmp_path: Path) -> None:
    script = f"import pathlib; from hub.stack import postgres; postgres.start(pathlib.Path({str(tmp_path / 'pg')!r}))"
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        until = time.monotonic() + 30
        while not list(tmp_path.glob("pg/*/PG_VERSION")):
            assert time.monotonic() < until
        parent.kill()
    child, url = postgres.start(tmp_path / "pg")
    try:
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    finally:
        stop([child], grace_seconds=10)
    assert not (tmp_path / "pg" / "data.new").exists()


def test_a_busy_port_is_not_chosen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]
