"""The environment: made anew when it was never finished, with a line for each file fetched, and one line when it cannot be made."""

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    return module


def python(tmp_path: Path, script: str = "") -> Path:
    """What stands where the environment's Python would."""
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    return program


def test_an_environment_that_was_never_finished_is_made_anew(bootstrap: ModuleType, tmp_path: Path) -> None:
    program = python(tmp_path)
    (tmp_path / ".venv" / "half").touch()
    bootstrap.make_venv()
    assert not (tmp_path / ".venv" / "half").exists()
    assert subprocess.run([program, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("stamp", ["lock-runtime", "lock-dev"])
def test_a_finished_one_is_kept(bootstrap: ModuleType, tmp_path: Path, stamp: str) -> None:
    program = python(tmp_path, "exit 7")
    (tmp_path / ".venv" / stamp).write_text("digest")
    bootstrap.make_venv()
    assert "exit 7" in program.read_text()


def test_a_checkout_that_cannot_be_written_is_one_line(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SystemExit) as ended:
        bootstrap.make_venv()
    said = capfd.readouterr()
    assert ended.value.code == 69
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_what_is_fetched_is_seen(bootstrap: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = ("Collecting a==1", "  Downloading a-1.whl.metadata (3 kB)", "  Downloading a-1-py3-none-any.whl (12 kB)",
             "Downloading https://host/b-2.tar.gz (1.5 MB)", "Installing collected packages: a, b")  # fmt: skip
    python(tmp_path, "\n".join(f"echo '{line}'" for line in lines))
    bootstrap.pip([])
    assert capfd.readouterr().err.splitlines() == ["    1  a-1-py3-none-any.whl (12 kB)", "    2  b-2.tar.gz (1.5 MB)"]


def test_what_failed_is_told(bootstrap: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    python(tmp_path, "echo 'hash differs'; exit 3")
    with pytest.raises(SystemExit) as ended:
        bootstrap.pip([])
    assert ended.value.code == 69
    assert "hash differs" in capfd.readouterr().err
