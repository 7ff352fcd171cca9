"""Java programs leave nothing in the machine's temporary folder, and one that fetches is not waited for when we are asked to stop."""

import os
import time
from pathlib import Path

import pytest

from hub.stack import java, kafka
from hub.stack.supervise import StackError


def program(folder: Path, name: str, script: str) -> Path:
    """A program on the path that notes how it was called."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "$MAVEN_OPTS $@" >> {folder}/called\n{script}\n')
    path.chmod(0o755)
    return folder / "called"


def test_asking_for_the_version_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = program(tmp_path / "bin", "java", "echo 'openjdk version \"21.0.1\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.java() == str(tmp_path / "bin" / "java")
    assert "-XX:-UsePerfData" in called.read_text()


def test_preparing_a_folder_for_kafka_leaves_nothing(tmp_path: Path) -> None:
    called = program(tmp_path / "bin", "java", "")
    kafka._format(str(tmp_path / "bin" / "java"), tmp_path, tmp_path / "server.properties", tmp_path)
    assert "-XX:-UsePerfData" in called.read_text()


def test_fetching_leaves_nothing_and_keeps_the_options_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = program(tmp_path / "bin", "mvn", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("MAVEN_OPTS", "-Xmx99m")
    java._maven(["goal"], print)
    assert "-Xmx99m -XX:-UsePerfData" in called.read_text()


def test_fetching_ends_when_we_are_asked_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "mvn", "echo Copying a.jar; exec sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)

    def stopped(_: str) -> None:
        raise StackError

    begun = time.monotonic()
    with pytest.raises(StackError):
        java._maven(["goal"], stopped)
    assert time.monotonic() - begun < 30
