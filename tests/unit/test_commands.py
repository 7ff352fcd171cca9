"""The command line from inside: every mistake is one line and its own exit code, and no mistake shows a password or a traceback."""

import errno
import json
import os
from pathlib import Path

import pytest

from hub import processes
from hub.__main__ import main
from hub.settings import Settings
from hub.stack.folder import Folder
from hub.wiring import PREPARED, environment, noted

AWAY = {"HUB_KAFKA": "127.0.0.1:9", "HUB_DATABASE_URL": "postgresql://postgres:sesame@127.0.0.1:9/postgres"}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--mllp", "nonsense"),
        ("up", "--http", "127.0.0.1:70000"),
        ("up", "--mllp", "::1:2575"),
        ("send", "file", "--to", "nonsense"),
        ("send", "file", "--to", "127.0.0.1:"),
        ("receive", "--port", "99999"),
        ("receive", "--port", "-1"),
        ("receive", "--port", "x"),
    ],
)
def test_an_address_that_is_none_is_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 64
    assert arguments[-1] in capsys.readouterr().err


@pytest.mark.parametrize("since", ["30", "d", "-1d", "0d", "30y", "1.5d", "99999999999999999999d"])
def test_a_time_to_look_back_on_is_a_number_and_its_unit(since: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["what-if", "--policy", "file", f"--since={since}"])
    assert ended.value.code == 64
    assert "30d" in capsys.readouterr().err


def test_there_must_be_something_to_compare_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["what-if"]) == 64
    assert "--policy" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--demo", "--once"])
@pytest.mark.parametrize("by_environment", [True, False])
def test_the_day_is_played_in_a_region_of_its_own(
    flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, by_environment: bool
) -> None:
    if by_environment:
        monkeypatch.setenv("HUB_CONFIG", "mine.toml")
    named = [] if by_environment else ["--config", "mine.toml"]
    assert main(["up", flag, "--data", str(tmp_path / "data"), *named]) == 64
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "told"),
    [
        (["trace", "x"], AWAY, 69, "PostgreSQL at 127.0.0.1:9/postgres"),
        (["what-if", "--policy", os.devnull], AWAY, 69, "PostgreSQL at 127.0.0.1:9/postgres"),
        (["what-if", "--policy", "no-such-file"], AWAY, 65, "no-such-file"),
        (["what-if", "--consents", "no-such-file"], AWAY, 65, "no-such-file"),
        (["check"], AWAY, 69, "PostgreSQL at 127.0.0.1:9/postgres"),
        (["gateway"], AWAY, 69, "PostgreSQL at 127.0.0.1:9/postgres"),
        (["gateway"], AWAY | {"HUB_DATABASE_URL": "sesame"}, 65, "setting database_url"),
        (["trace", "x"], AWAY | {"HUB_DATABASE_URL": "postgresql://u:sesame@h/d?no=such"}, 65, "setting database_url"),
        (["gateway"], AWAY | {"HUB_SCHEMA_REGISTRY": "localhost:8081"}, 65, "setting schema_registry"),
        (["transit"], AWAY | {"HUB_MLLP": "nonsense"}, 65, "setting mllp"),
    ],
)
def test_what_is_away_or_wrong_is_one_line(  # what is asked, under which settings, and what comes of it
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    told: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main([*arguments, "--data", str(tmp_path / "new")]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert told in said
    assert "sesame" not in said


def test_a_data_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in AWAY.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file").touch()
    assert main(["gateway", "--data", str(tmp_path / "file" / "data")]) == 69
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--data" in said


def test_a_token_is_json_where_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--as", "admin", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["token"].count(".") == 2
    assert main(["token", "--as", "admin", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count(".") == 2
    assert main(["token", "--as", "nobody", "--data", str(tmp_path)]) == 64


@pytest.mark.parametrize("content", [b"", b"not PEM", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_the_keys_fault(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token.key").write_bytes(content)
    assert main(["token", "--as", "admin", "--data", str(tmp_path)]) == 65
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert os.fspath(tmp_path / "token.key") in said
    assert "PEM" not in said


def test_a_child_of_a_running_hub_takes_nothing_from_what_an_earlier_one_wrote_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder.hold(tmp_path)
    folder.note(noted(Settings(topic_prefix="stale-", kafka="stale:1")))
    for name, value in environment(Settings(data=tmp_path, database_url="postgresql://x")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(PREPARED, "1")
    seen: list[Settings] = []
    monkeypatch.setattr(processes, "run", lambda _, settings: seen.append(settings))
    assert main(["transit"]) == 0
    assert (seen[0].topic_prefix, seen[0].kafka) == ("", "127.0.0.1:9092")
    folder.release()


def test_an_address_that_is_taken_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def taken(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "address already in use")

    monkeypatch.setenv(PREPARED, "1")
    monkeypatch.setattr(processes, "run", taken)
    assert main(["web", "--data", str(tmp_path)]) == 69
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("word", ["LOUD", "", "NOTSET", "17"])
def test_a_log_level_that_is_none_is_one_line(word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (AWAY | {"HUB_LOG_LEVEL": word or " "}).items():
        monkeypatch.setenv(name, value)
    assert main(["gateway"]) == 65  # as every other setting that cannot be read
    assert capsys.readouterr().err == "hub: setting log_level: is not DEBUG, INFO, WARNING or ERROR\n"


def test_a_log_level_may_be_written_small() -> None:
    assert Settings(log_level="debug").log_level == "DEBUG"


@pytest.mark.parametrize(("process", "door"), [("gateway", "mllp"), ("web", "http")])
def test_plaintext_where_everybody_listens_is_one_line_without_the_promise_too(
    process: str, door: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in (AWAY | {"HUB_PROMISE": "false", f"HUB_{door.upper()}": "0.0.0.0:0", "HUB_SECRET": "x" * 32}).items():
        monkeypatch.setenv(name, value)
    assert main([process, "--data", str(tmp_path)]) == 65
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and f"hub: {door} = 0.0.0.0:0 without TLS" in told and "HUB_INSECURE_PLAINTEXT=true" in told
    monkeypatch.setenv("HUB_INSECURE_PLAINTEXT", "true")
    assert main([process, "--data", str(tmp_path)]) == 69  # said aloud: what is missing now is the servers
