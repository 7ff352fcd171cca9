"""The data folder: held by one, its secret kept, its facts whole or not there."""

import stat
from pathlib import Path

import pytest

from hub.stack.folder import Folder, running
from hub.stack.supervise import StackError


def test_one_hub_at_a_time(tmp_path: Path) -> None:
    first = Folder.hold(tmp_path / "d")
    with pytest.raises(StackError, match="another hub is running"):
        Folder.hold(tmp_path / "d")
    first.release()
    Folder.hold(tmp_path / "d").release()


def test_the_secret_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    folder = Folder.hold(tmp_path)
    secret = folder.secret()
    assert len(secret) == 64
    assert folder.secret() == secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    folder.release()


def test_days_are_counted_over_restarts(tmp_path: Path) -> None:
    folder = Folder.hold(tmp_path)
    assert [folder.next_day(), folder.next_day()] == [1, 2]
    folder.release()
    assert Folder.hold(tmp_path).next_day() == 3


def test_facts_are_seen_only_while_the_hub_runs(tmp_path: Path) -> None:
    assert running(tmp_path) == {}
    folder = Folder.hold(tmp_path)
    folder.note({"kafka": "k:1"})
    assert running(tmp_path) == {"kafka": "k:1"}
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
    folder.release()
    assert running(tmp_path) == {}
    assert Folder.hold(tmp_path).previous() == {"kafka": "k:1"}


def test_a_torn_file_is_no_fact(tmp_path: Path) -> None:
    folder = Folder.hold(tmp_path)
    (tmp_path / "run.json").write_text('{"kafka": ')
    assert folder.previous() == {}
