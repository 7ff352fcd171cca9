"""Child processes that never outlive their parent, and always can be stopped.

Each child leads a session of its own, so a Ctrl-C in the terminal reaches the parent only and the parent stops them in the right order.
On Linux the kernel kills a child whose parent dies (PR_SET_PDEATHSIG), also after ``kill -9``. Children must be started from the main
thread: the kernel's signal is tied to the thread that forked.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
_CLONE_NEWUSER: Final = 0x10000000
_UNPRIVILEGED: Final = 1000  # the id a child of root sees as its own inside a user namespace
_LIBC: Final = ctypes.CDLL(None, use_errno=True)  # loaded here: nothing may be loaded between fork and exec


class StackError(Exception):
    """A server could not be had. The text is one line for a person: what is wrong and what to do."""


@dataclass(frozen=True)
class Spec:
    """How to start one process. ``stop_signal`` asks it to end cleanly; ``death_signal`` is what it gets if this process dies."""

    name: str
    argv: Sequence[str]
    log: Path | None = None  # None = our own standard error
    env: Mapping[str, str] = field(default_factory=dict)  # added to ours
    cwd: Path | None = None
    user: str | None = None
    user_namespace: bool = False  # root outside, an ordinary user inside: for servers that refuse root
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL


class Child:
    """One running process and its group."""

    def __init__(self, spec: Spec, process: "subprocess.Popen[bytes]") -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process

    @property
    def code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal; no effect on one that has ended."""
        if self._process.poll() is None:
            self._process.send_signal(self.spec.stop_signal)

    def wait(self, seconds: float) -> bool:
        """True when it ended within this time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the whole group, now."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def log_tail(self, lines: int = 3) -> str:
        """The end of its log, for an error line."""
        if self.spec.log is None or not self.spec.log.exists():
            return ""
        return " | ".join(self.spec.log.read_text("utf-8", "replace").strip().splitlines()[-lines:])[-400:]


OnSpawn = Callable[[Child], None]
"""Told of a process the moment there is one, so that whoever stops everything knows of it."""


def untold(_: Child) -> None:
    """For those who hold the process themselves once it is ready."""


def spawn(spec: Spec) -> Child:
    """Start a process. Raises StackError when the program cannot be executed."""
    parent = os.getpid()
    output: int | IO[bytes] = sys.stderr.fileno() if spec.log is None else spec.log.open("ab")
    try:
        process = subprocess.Popen(  # noqa: S603 - our own argv
            spec.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **spec.env}, cwd=spec.cwd,
            user=spec.user, start_new_session=True, preexec_fn=lambda: _between_fork_and_exec(spec, parent),  # noqa: PLW1509
        )  # fmt: skip
    except OSError as exc:
        raise StackError(f"cannot start {spec.name} ({spec.argv[0]}): {exc.strerror}") from exc
    finally:
        if not isinstance(output, int):
            output.close()
    return Child(spec, process)


def _between_fork_and_exec(spec: Spec, parent: int) -> None:
    if spec.user_namespace:
        uid, gid = os.getuid(), os.getgid()
        if _LIBC.unshare(_CLONE_NEWUSER) != 0:
            os._exit(126)
        for file, text in (("setgroups", "deny"), ("uid_map", f"{_UNPRIVILEGED} {uid} 1"), ("gid_map", f"{_UNPRIVILEGED} {gid} 1")):
            Path("/proc/self", file).write_text(text, "ascii")
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(spec.death_signal), 0, 0, 0)  # after the change of user: that clears it
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)


def stop(children: Sequence[Child], grace_seconds: float) -> None:
    """Ask all to stop, wait together, kill what is left. The group goes too: no grandchild stays."""
    for child in children:
        child.ask_to_stop()
    until = time.monotonic() + grace_seconds
    for child in children:
        child.wait(max(0.0, until - time.monotonic()))
        child.kill()


def wait_until(ready: Callable[[], bool], child: Child, seconds: float, hint: str) -> None:
    """Poll until ready. Raises StackError with the end of the child's log when it dies or the time is up."""
    until = time.monotonic() + seconds
    while not ready():
        if child.code is not None:
            raise StackError(f"{child.spec.name} ended with code {child.code} at start; {hint}; its last words: {child.log_tail()}")
        if time.monotonic() > until:
            child.kill()
            raise StackError(f"{child.spec.name} was not ready in {seconds:.0f} s; {hint}; its last words: {child.log_tail()}")
        time.sleep(0.05)


def free_port(preferred: int = 0) -> int:
    """A free TCP port on loopback: the preferred one if nobody has it."""
    for port in (preferred, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(s.getsockname()[1])
    raise StackError("no free TCP port on 127.0.0.1")


def end_strays(pids: Mapping[str, tuple[int, float]], seconds: float) -> None:
    """End processes of an earlier start that are still there, told by pid and start time; wait for those that are just ending."""
    strays = []
    for pid, started in pids.values():
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - started) < 1.0:
                strays.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(strays, timeout=seconds)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=seconds)


def birth(pid: int) -> float:
    """When a process started, seconds since 1970; 0.0 if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0
