"""A checkpoint is believed only as it was signed, by a key that is trusted."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hub.config import ConfigError
from hub.ledger.chain import Head
from hub.ledger.checkpoints import Checkpoint
from hub.web.seal import KEY_FILE, PUBLIC_FILE, UnsealedError, load_seal, opened, trusted

GIVEN = Checkpoint(3, 1_800_000_000_000_000, "ab" * 32, {"transit-0": Head(7, 70, b"h" * 32), "access": Head(1, 1, b"a" * 32)})


def test_what_is_signed_is_read_back(tmp_path: Path) -> None:
    line = load_seal(tmp_path).line(GIVEN.body())
    assert opened(line, trusted(tmp_path, [])) == GIVEN
    assert opened(line, trusted(tmp_path / "elsewhere", [tmp_path / PUBLIC_FILE])) == GIVEN
    assert "\n" not in line


def test_the_key_is_kept_to_its_owner_and_made_once(tmp_path: Path) -> None:
    first = load_seal(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert load_seal(tmp_path / "data").private.private_bytes_raw() == first.private.private_bytes_raw()
    assert first.private.private_bytes_raw().hex() not in repr(first)


def changed(line: str, **changes: Any) -> str:
    said = json.loads(line) | changes
    return json.dumps({k: v for k, v in said.items() if v is not ...}, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": 4}, {"made_us": 0}, {"before": ""}, {"chains": {}}, {"key": "0" * 32}, {"signature": "00" * 64}, {"signature": ""},
        {"signature": "zz"}, {"signature": 1}, {"signature": ...}, {"key": ...}, {"more": 1}, {"key": []},
    ],
)  # fmt: skip
def test_anything_changed_is_not_believed(tmp_path: Path, changes: dict[str, Any]) -> None:
    line = load_seal(tmp_path).line(GIVEN.body())
    with pytest.raises(UnsealedError):
        opened(changed(line, **changes), trusted(tmp_path, []))


def test_another_key_is_not_believed(tmp_path: Path) -> None:
    line = load_seal(tmp_path / "a").line(GIVEN.body())
    load_seal(tmp_path / "b")
    with pytest.raises(UnsealedError):
        opened(line, trusted(tmp_path / "b", []))
    both = trusted(tmp_path, [tmp_path / "a" / PUBLIC_FILE, tmp_path / "b" / PUBLIC_FILE])
    assert opened(line, both) == GIVEN


@pytest.mark.parametrize(
    "body", [{}, {"checkpoint": 1}, {"checkpoint": 1, "made_us": 1, "before": "", "chains": {"a": [1]}}, {"chains": 3}]
)
def test_what_was_signed_and_is_no_checkpoint(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(UnsealedError):
        opened(load_seal(tmp_path).line(body), trusted(tmp_path, []))


@pytest.mark.parametrize("name", [KEY_FILE, PUBLIC_FILE])
def test_a_damaged_key_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("junk")
    with pytest.raises(ConfigError) as caught:
        trusted(tmp_path, [])
    assert name in caught.value.lines[0]
    if name == KEY_FILE:
        with pytest.raises(ConfigError):
            load_seal(tmp_path)


def test_without_a_key_nobody_is_trusted(tmp_path: Path) -> None:
    assert trusted(tmp_path, []) == {}
