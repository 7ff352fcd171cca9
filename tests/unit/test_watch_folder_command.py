"""``hub watch-folder``: put together from its parts, with an exit code that says whether all was taken."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub import commands, processes
from hub.__main__ import main
from hub.errors import Reason, Rejected
from hub.model import Channel, Deliver, Provider, ProviderKind, Received
from hub.routing.directory import Directory
from hub.settings import Settings
from hub.stream.watch_folder import held
from tests.unit.adapters.kith.made import logistics

PROVEN = Provider(
    "st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "", ("8094866",), Deliver(Channel.MAILBOX), certificates=("f" * 64,)
)  # fmt: skip


BYTES_MAX = 100_000


class Nowhere:
    """Stands where the ledger is."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> list[Received]:
    found: list[Received] = []

    class Intake:
        async def accept(self, received: Received) -> None:
            if len(received.raw) > BYTES_MAX:
                raise Rejected(Reason.TOO_LARGE)
            found.append(received)

    @asynccontextmanager
    async def intake(_settings: Settings, _process: str) -> AsyncIterator[Intake]:
        yield Intake()

    async def fresh(_pool: Any, version: int) -> Directory | None:
        return None if version == 1 else Directory((PROVEN,), (), 1)

    monkeypatch.setattr(processes, "Pool", Nowhere)
    monkeypatch.setattr(processes, "_intake", intake)
    monkeypatch.setattr(processes, "_fresh", fresh)
    monkeypatch.setattr(processes.telemetry, "configure", lambda *_: None)
    monkeypatch.setattr(commands, "_settings", lambda _given: Settings(secret=b"k" * 32))
    return found


def drop(folder: Path, name: str, raw: bytes) -> None:
    (folder / name).write_bytes(raw)
    os.utime(folder / name, (1, 1))


def test_the_folder_of_a_provider(tmp_path: Path, accepted: list[Received], capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, "a.xml", logistics("LOG_INNLAGT"))
    drop(tmp_path, "b.xml", logistics("LOG_INNLAGT"))
    assert main(["watch-folder", str(tmp_path), "--as", "st-olavs", "--once", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"done": 2, "refused": 0}
    assert [r.provider for r in accepted] == ["st-olavs"] * 2


def test_what_is_refused_is_an_exit_code(tmp_path: Path, accepted: list[Received], capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, "a.xml", logistics("LOG_INNLAGT"))
    assert main(["watch-folder", str(tmp_path), "--once"]) == 1  # one who has a certificate is not known by a name in a file
    drop(tmp_path, "b.xml", logistics("LOG_DOD"))
    drop(tmp_path, "c.xml", logistics("LOG_INNLAGT"))
    assert main(["watch-folder", str(tmp_path), "--as", "st-olavs", "--once"]) == 1  # one id, two messages
    assert capsys.readouterr().out.splitlines()[-1] == "1 taken, 1 refused"
    assert [r.refusal.reason if r.refusal else "" for r in accepted] == ["sender_mismatch", "", "duplicate_control_id"]


def test_what_was_not_recorded_does_not_use_its_id_up(tmp_path: Path, accepted: list[Received], capsys: pytest.CaptureFixture[str]) -> None:
    drop(tmp_path, "a.xml", logistics("LOG_INNLAGT") + b"\n" * BYTES_MAX)
    drop(tmp_path, "b.xml", logistics("LOG_INNLAGT"))
    assert main(["watch-folder", str(tmp_path), "--as", "st-olavs", "--once"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 taken, 1 refused"
    assert [r.refusal for r in accepted] == [None]


def test_a_folder_that_is_not_there_or_somebody_elses(tmp_path: Path, accepted: list[Received], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch-folder", str(tmp_path / "none"), "--once"]) == 65
    with held(tmp_path):
        assert main(["watch-folder", str(tmp_path), "--once"]) == 69
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert accepted == []
