"""``hub up``: the local stack and every process of the hub as children of this one, until somebody says stop."""

import json
import os
import shutil
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import SecretBytes

from hub import wiring
from hub.config import ConfigError
from hub.settings import Settings
from hub.stack import kafka, postgres
from hub.stack.folder import Folder
from hub.stack.supervise import Child, Spec, StackError, birth, end_strays, free_port, spawn, stop

PROCESSES: Final = ("gateway", "transit", "delivery", "pathway", "web")
GRACE_SECONDS: Final = 8.0
_STRAY_SECONDS: Final = 5.0
_READY_SECONDS: Final = 60.0
_BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_SECONDS: Final = 30.0  # a child that has run this long starts again without delay when it ends
_LOG_BYTES_MAX: Final = 16 * 1024 * 1024


class Stopped(BaseException):
    """Somebody asked us to end: Ctrl-C, SIGTERM or a closed terminal. Not an Exception: nothing may swallow it."""


@dataclass
class Up:
    """One run of ``hub up``: what it holds and what it has started."""

    folder: Folder
    found: wiring.Configuration
    say: Callable[[str], None]
    servers: list[Child] = field(default_factory=list)
    processes: list[Child] = field(default_factory=list)
    deaths: dict[str, int] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None  # how to knock at our own doors

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.found.settings

    def change(self, **values: Any) -> None:
        """Settings that are known only now: addresses, the secret."""
        settings = self.settings.model_copy(update=values)
        self.found = wiring.Configuration(settings, self.found.providers, self.found.subscriptions, self.found.file)

    def note(self) -> None:
        """Write down where everything is, for the commands beside us and for the next start."""
        children = {c.spec.name: (c.pid, birth(c.pid)) for c in (*self.servers, *self.processes)}
        self.folder.note(wiring.noted(self.settings) | {"pid": os.getpid(), "children": children})

    def log(self, name: str) -> Path:
        """The log file of a child; a large one is put aside."""
        file = self.folder.path / "log" / f"{name}.log"
        file.parent.mkdir(exist_ok=True)
        if file.exists() and file.stat().st_size > _LOG_BYTES_MAX:
            file.replace(file.with_suffix(".log.1"))
        return file

    def start(self, name: str) -> Child:
        """Start one process of the hub."""
        env = wiring.environment(self.settings) | {wiring.PREPARED: "1", "HUB_CONFIG": str(self.found.file or "")}
        env["PROMETHEUS_MULTIPROC_DIR"] = str(self.metrics)
        env["HUB_METRICS"] = "none"  # told for all of them by `hub web`
        return spawn(Spec(name, (sys.executable, "-m", "hub", name), log=self.log(name), env=env))

    @property
    def metrics(self) -> Path:
        """Where the processes share their metrics."""
        return self.folder.path / "metrics"

    def stop(self) -> None:
        """The doors first, then what works behind them, then the servers. What hangs is killed."""
        doors = [c for c in self.processes if c.spec.name in {"gateway", "web"}]
        stop(doors, GRACE_SECONDS)
        stop([c for c in self.processes if c not in doors], GRACE_SECONDS)
        stop(self.servers, 2 * GRACE_SECONDS)
        shutil.rmtree(self.metrics, ignore_errors=True)


def start_servers(up: Up) -> None:
    """Start the servers nobody named; one that is only starting when we are asked to stop is stopped too. Raises StackError."""
    previous = up.folder.previous()
    end_strays({name: (int(pid), float(born)) for name, (pid, born) in previous.get("children", {}).items()}, _STRAY_SECONDS)
    given = up.settings.model_fields_set
    if "kafka" not in given:
        _, address = kafka.start(up.folder.path / "kafka", up.say, _port(previous.get("kafka", "")), on_spawn=up.servers.append)
        up.change(kafka=address)
        up.note()
        up.say(f"Kafka         {address}")
    if "database_url" not in given:
        port = _port(previous.get("database_url", "").rpartition("/")[0])
        _, url = postgres.start(up.folder.path / "postgres", port, on_spawn=up.servers.append)
        up.change(database_url=url)
        up.note()
        up.say(f"PostgreSQL    {url.rpartition('@')[2]}")
    if "instance" not in given:
        up.change(instance=up.folder.instance())
    if "secret" not in given:
        up.change(secret=SecretBytes(up.folder.secret().encode()))


def choose_doors(up: Up) -> None:
    """Settle the two public addresses; port 0 means any free one.

    Raises StackError when one is taken, ConfigError for a certificate that cannot be used.
    """
    up.tls = own_tls(up.settings)
    chosen = {}
    for name, what in (("mllp", "MLLP"), ("http", "HTTP")):
        host, _, port = getattr(up.settings, name).rpartition(":")
        if port == "0":
            port = str(free_port())
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((host.strip("[]"), int(port)))
        except OSError as exc:
            raise StackError(f"cannot listen for {what} on {host}:{port} ({exc.strerror}): choose another with --{name} HOST:PORT") from exc
        chosen[name] = f"{host}:{port}"
    up.change(**chosen)


def start_processes(up: Up) -> None:
    """Start the hub's processes and wait until both doors answer. Raises StackError."""
    shutil.rmtree(up.metrics, ignore_errors=True)
    up.metrics.mkdir()
    for name in PROCESSES:
        up.processes.append(up.start(name))
        up.started[name] = time.monotonic()
    up.note()
    until = time.monotonic() + _READY_SECONDS
    while not (_listens(up.settings.mllp) and is_ready(up.settings.http, up.tls)):
        dead = next((c for c in up.processes if c.code is not None), None)
        if dead is not None:
            raise StackError(f"hub {dead.spec.name} ended with code {dead.code} at start: {dead.log_tail()}")
        if time.monotonic() > until:
            raise StackError(f"the hub was not ready in {_READY_SECONDS:.0f} s: see {up.folder.path / 'log'}")
        time.sleep(0.1)


def watch(up: Up) -> None:
    """One look at the children: one that ended is started again, later and later if it keeps ending, and everybody is told."""
    now = time.monotonic()
    for group in (up.servers, up.processes):
        for place, child in enumerate(group):
            name = child.spec.name
            if child.code is None:
                continue
            if name not in up.due:
                steady = now - up.started.get(name, 0.0) > _STEADY_SECONDS
                up.deaths[name] = 1 if steady else up.deaths.get(name, 0) + 1
                wait = _BACKOFF_SECONDS[min(up.deaths[name], len(_BACKOFF_SECONDS)) - 1]
                up.due[name] = now + wait
                up.say(f"!! {name} ended with code {child.code}; starting it again in {wait:g} s (see {child.spec.log})")
            elif now >= up.due[name]:
                del up.due[name]
                child.kill()  # what is left of its group
                group[place] = spawn(child.spec)
                up.started[name] = now
                up.note()


def run_watching(up: Up, task: Callable[[], int] | None) -> int:
    """Supervise until stopped, or until the task, run beside it, has ended with a code."""
    codes: list[int] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            codes.append(task() if task else 0)
        except Exception as exc:  # noqa: BLE001 - carried over to the main thread, which raises it
            failed.append(exc)

    thread = threading.Thread(target=work, daemon=True, name="task") if task else None
    if thread is not None:
        thread.start()
    while thread is None or thread.is_alive():
        watch(up)
        time.sleep(0.2)
    if failed:
        raise failed[0]
    return codes[0]


def on_signals() -> None:
    """The first signal stops us; later ones change nothing, for stopping is bounded by itself."""

    def stopped(_number: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stopped)


def own_tls(settings: Settings) -> ssl.SSLContext | None:
    """How to knock at our own doors: None in plaintext, else trusting the hub's own certificate and no other, whatever name it bears.

    Raises ConfigError for a certificate that cannot be used.
    """
    if not settings.tls_certificate:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_certificate)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    except OSError as exc:
        raise ConfigError(
            [f"setting tls_certificate or tls_key: cannot be used: {exc.strerror or exc}; write the path of a PEM file"]
        ) from exc
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def is_ready(address: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether ``/readyz`` answers 200."""
    try:
        with urllib.request.urlopen(f"{scheme(tls)}://{reachable(address)}/readyz", timeout=2.0, context=tls) as answer:  # noqa: S310 - our own
            return bool(json.loads(answer.read()) and answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def scheme(tls: ssl.SSLContext | None) -> str:
    """What a URL of the web door begins with."""
    return "https" if tls else "http"


def reachable(address: str) -> str:
    """Where to knock for an address to listen on."""
    host, _, port = address.rpartition(":")
    return f"127.0.0.1:{port}" if host in {"0.0.0.0", "", "[::]"} else address  # noqa: S104 - compared, not bound


def _listens(address: str) -> bool:
    host, _, port = reachable(address).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


def _port(address: str) -> int:
    port = address.rpartition(":")[2]
    return int(port) if port.isdigit() else 0
