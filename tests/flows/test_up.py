"""``hub up`` from outside: it starts, continues, stops clean whatever hangs or dies, and says in one line why it cannot."""

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.flows.running import ROOT, hub, up
from tests.local import DATABASE, KAFKA, starts

MESSAGE = (
    "MSH|^~\\&|DIPS|STOLAV|HUB|HUB|20261122120000||ADT^A01^ADT_A01|UP-1|P|2.5.1|||||NOR|UNICODE UTF-8\r"
    "EVN||20261122120000\rPID|1||14813810310^^^NOR^NI||Bjørnstad^Åse||19380114|F|||Munkegata 1^^Trondheim^^7013^NOR^H^^5001\r"
    "PV1|1|I|MED1|||||||||||||||||E1\r"
)
pytestmark = pytest.mark.timeout(300)


def is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, int(port)))
        except OSError:
            return False
    return True


@starts(KAFKA, DATABASE)
def test_it_stops_without_a_trace_and_continues_where_it_was(tmp_path: Path) -> None:
    data, temporary = tmp_path / "data", tmp_path / "tmp"
    temporary.mkdir()
    message = tmp_path / "message.hl7"
    message.write_text(MESSAGE, "utf-8")
    with up(data, TMPDIR=str(temporary)) as running:
        facts = running.facts
        sent = hub("send", str(message), "--to", facts["mllp"])
        assert sent.returncode == 0, sent.stderr
        second = hub("up", "--data", str(data))
        assert second.returncode == 69
        assert second.stderr.count("\n") == 1
        assert "another hub is running" in second.stderr
        assert running.stop(signal.SIGINT) == 0
        assert running.left() == []
    assert is_free(facts["mllp"])
    assert is_free(facts["http"])
    assert is_free(facts["kafka"])
    assert not (data / "metrics").exists()
    assert list(temporary.iterdir()) == []
    with up(data) as running:
        assert running.ready_seconds <= 15
        trace = hub("trace", "UP-1", "--json", "--data", str(data))
        assert trace.returncode == 0, trace.stderr
        assert "ADT^A01" in trace.stdout
        assert running.stop(signal.SIGTERM) == 0
        assert running.left() == []


@starts(KAFKA, DATABASE)
def test_a_hanging_child_does_not_keep_it_and_a_dead_one_comes_back(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        old = running.facts["children"]["transit"][0]
        os.kill(old, signal.SIGKILL)
        until = time.monotonic() + 20
        while running.facts["children"]["transit"][0] == old:
            assert time.monotonic() < until
            time.sleep(0.1)
        running.children = psutil.Process(running.process.pid).children(recursive=True)
        assert "transit ended with code -9" in running.output.read_text()
        os.kill(running.facts["children"]["delivery"][0], signal.SIGSTOP)
        begun = time.monotonic()
        assert running.stop(signal.SIGINT) == 0
        assert time.monotonic() - begun < 40
        assert running.left() == []


@starts(KAFKA, DATABASE)
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
def test_killed_it_takes_everything_with_it_and_starts_again(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        running.stop(signal.SIGKILL)
        assert running.left() == []
    with up(tmp_path / "data") as running:
        assert running.stop(signal.SIGTERM) == 0


def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hub("up", "--data", str(tmp_path / "d"), "--mllp", f"127.0.0.1:{port}")
    assert done.returncode == 69
    assert done.stderr.strip().count("\n") == 0
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--mllp" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = hub("up", "--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 69
    assert done.stderr.strip().count("\n") == 0
    assert "--data" in done.stderr


def test_no_java_is_one_clear_line(tmp_path: Path) -> None:
    done = hub("up", "--data", str(tmp_path / "d"), "--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0", PATH=str(tmp_path), JAVA_HOME="")
    assert done.returncode == 69
    assert done.stderr.strip().count("\n") == 0
    assert "Java is not installed" in done.stderr


def test_wrong_usage_bad_input_and_no_servers_have_their_codes(tmp_path: Path) -> None:
    assert hub("fly").returncode == 64
    assert hub("trace").returncode == 64
    config = tmp_path / "hub.toml"
    config.write_text("[[provider]]\nid = 7\n")
    bad = hub("check", "--config", str(config))
    assert bad.returncode == 65
    assert "Traceback" not in bad.stderr
    away = hub("trace", "x", "--data", str(tmp_path))
    assert away.returncode == 69
    assert "no hub is running" in away.stderr
    nowhere = {"HUB_KAFKA": "127.0.0.1:9", "HUB_DATABASE_URL": "postgresql://postgres:sesame@127.0.0.1:9/postgres"}
    for command in (("trace", "x"), ("up", "--data", str(tmp_path / "d"), "--mllp", "127.0.0.1:0", "--http", "127.0.0.1:0")):
        dead = hub(*command, **nowhere)
        assert dead.returncode == 69
        assert "PostgreSQL at 127.0.0.1:9/postgres" in dead.stderr
        assert "Traceback" not in dead.stderr
        assert "sesame" not in dead.stderr + dead.stdout


def test_an_old_python_can_read_far_enough_to_say_that_it_is_too_old() -> None:
    script = str(ROOT / "tools" / "bootstrap.py")
    ast.parse(Path(script).read_text(), feature_version=(3, 4))
    pretend = f"import runpy, sys; sys.version_info = (3, 8, 0); sys.argv = ['x']; runpy.run_path({script!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.strip().count("\n") == 0
    assert "Python 3.8 is too old" in done.stderr
    old = next((p for n in ("8", "9", "10") if (p := shutil.which(f"python3.{n}"))), None)
    if old and subprocess.run([old, "-c", ""], capture_output=True, check=False).returncode == 0:
        assert subprocess.run([old, script], capture_output=True, check=False).returncode == 69
