"""The data folder: one hub at a time, its secret, and where its servers are, for the commands that run beside it."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from hub.stack.supervise import StackError

RUN: Final = "run.json"
_LOCK: Final = "lock"
_SECRET: Final = "secret"  # noqa: S105 - a file's name
_DAY: Final = "day"


class Folder:
    """An exclusive hold on a data folder, for as long as this process lives: the kernel lets go of it when the process dies."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def hold(cls, path: Path) -> Self:
        """Make the folder if needed and hold it. Raises StackError."""
        path = path.absolute()
        with _writing(path):
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(lock)
            raise StackError(f"another hub is running on {path}: stop it, or choose another folder with --data DIR") from exc
        return cls(path, lock)

    def release(self) -> None:
        """Let another hub have it."""
        os.close(self._lock)

    def secret(self) -> str:
        """What keys the patients' pseudonyms; made at first start, never changed: every key ever written depends on it.

        Raises StackError.
        """
        file = self.path / _SECRET
        with _writing(self.path):
            if not file.exists():
                self.path.mkdir(parents=True, exist_ok=True)
                own = file.with_name(f"{_SECRET}.{os.getpid()}")
                write_whole(own, secrets.token_hex(32))
                with contextlib.suppress(FileExistsError):  # of two processes that start together the first decides
                    file.hardlink_to(own)
                own.unlink()
            return file.read_text("ascii").strip()

    def instance(self) -> str:
        """A name no other data folder has, on this machine or another: what its processes are called in their groups."""
        return hashlib.sha256(f"{socket.gethostname()}:{self.path.resolve()}".encode()).hexdigest()[:16]

    def next_day(self) -> int:
        """1, 2, 3 ...: how often the demonstration has been played here, this time included."""
        file = self.path / _DAY
        day = (int(file.read_text("ascii")) if file.exists() else 0) + 1
        write_whole(file, str(day))
        return day

    def previous(self) -> dict[str, Any]:
        """What an earlier hub on this folder wrote down; {} when there was none, or it died while writing."""
        return _read(self.path / RUN)

    def note(self, facts: dict[str, Any]) -> None:
        """Write down where the servers are, whole or not at all; readable by this user only, for the database's password is in it."""
        write_whole(self.path / RUN, json.dumps(facts, indent=1))


def running(path: Path) -> dict[str, Any]:
    """The facts of the hub that runs on this folder now; {} when none does."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR)
    except OSError:
        return {}
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(path / RUN)
    else:
        return {}
    finally:
        os.close(lock)


def kept_secret(path: Path) -> dict[str, str]:
    """The secret kept in a data folder, under its setting's name; {} when there is none."""
    with contextlib.suppress(OSError):
        return {"secret": (path / _SECRET).read_text("ascii").strip()}
    return {}


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads(file.read_text("utf-8"))
        if isinstance(facts, dict):
            return facts
    return {}


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """A folder that cannot be written becomes StackError."""
    try:
        yield
    except OSError as exc:
        raise StackError(f"cannot write the data folder {path} ({exc.strerror}): choose another with --data DIR") from exc


def write_whole(file: Path, text: str) -> None:
    """Write a file for this user alone, on the disk when this returns: whoever looks, now or after a power cut, sees all of it or none."""
    temporary = file.with_name(f"{file.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
