"""The hub's processes as an outsider sees them: command lines, signals, HTTP. Nothing of the hub is imported."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PROCESSES = ("gateway", "transit", "delivery", "pathway", "web")


def free_port() -> int:
    """A port nobody listens on now, below those that outgoing connections are given: it stays free while nobody holds it."""
    for _ in range(200):
        port = random.randrange(12_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def wait_until(condition: object, seconds_max: float, what: str | Callable[[], str]) -> None:
    """Poll a callable until it is true. Raises TimeoutError naming what was waited for; a callable is asked for it at that time."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise TimeoutError(what if isinstance(what, str) else what())


@dataclass
class Hub:
    """The five processes over given servers, each started, killed and started again at will."""

    data: Path
    kafka: str
    database_url: str
    topic_prefix: str
    config: Path
    mllp: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    sabotage: str = ""  # name of a seeded bug in tests/faults/sabotaged.py; "" = the hub as it ships
    settings: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """What every process is told."""
        return os.environ | {
            "HUB_KAFKA": self.kafka,
            "HUB_DATABASE_URL": self.database_url,
            "HUB_TOPIC_PREFIX": self.topic_prefix,
            "HUB_DATA": str(self.data),
            "HUB_INSTANCE": "faults",  # a killed process is back at once, not after its session
            "HUB_SECRET": "the secret of the fault tests",
            "HUB_MLLP": f"127.0.0.1:{self.mllp}",
            "HUB_HTTP": f"127.0.0.1:{self.http}",
            "HUB_RETRY_FIRST_SECONDS": "0.1",
            "HUB_RETRY_SECONDS_MAX": "1",
            "HUB_ACK_SECONDS_MAX": "2",
            "HUB_AUDIT_CHECKPOINT_SECONDS": "0.2",
            "HUB_SABOTAGE": self.sabotage,
            **self.settings,
        }

    def start(self, name: str, alias: str = "", **extra: str) -> None:
        """Start one process (again); under an alias a second one of its kind."""
        module = ["tests.faults.sabotaged"] if self.sabotage else ["hub"]
        with (self.data / f"{alias or name}.log").open("ab") as log:
            self.running[alias or name] = subprocess.Popen(
                [sys.executable, "-m", *module, name, "--config", str(self.config)],
                env=self.environment() | extra, stdout=log, stderr=log, start_new_session=True, cwd=Path(__file__).parents[2],
            )  # fmt: skip

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Kill one process and reap it."""
        process = self.running.pop(name, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            process.wait(30)

    def revive(self) -> None:
        """What a supervisor does: a process that ended by itself (its watchdog, a server away too long) is started again."""
        for name in list(self.running):
            if not self.alive(name):
                self.kill(name)
                self.start(name)

    def alive(self, name: str) -> bool:
        """Whether the process runs."""
        return name in self.running and self.running[name].poll() is None

    def up(self, names: tuple[str, ...] = PROCESSES) -> None:
        """Start all and wait until messages are taken and pages are answered."""
        for name in names:
            self.start(name)
        try:
            wait_until(self.listening, 60, "the hub to listen")
        except TimeoutError as exc:
            raise TimeoutError(f"{exc}: {self.tails()}") from None

    def listening(self) -> bool:
        """Whether the MLLP port and the HTTP port answer."""
        for port in (self.mllp, self.http):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            except OSError:
                return False
        return True

    def down(self) -> None:
        """Stop all, hard."""
        for name in list(self.running):
            self.kill(name)

    def tails(self) -> dict[str, str]:
        """The end of each log, for a failing test's message."""
        return {p.stem: p.read_text(errors="replace")[-1500:] for p in sorted(self.data.glob("*.log"))}

    def command(self, *arguments: str) -> str:
        """Standard output of a hub command."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", *arguments], env=self.environment(), capture_output=True, text=True, timeout=60,
            cwd=Path(__file__).parents[2], check=True,
        )  # fmt: skip
        return done.stdout

    def record(self) -> dict[str, object]:
        """What ``hub audit verify`` says of the record, by every checkpoint so far."""
        done = subprocess.run(
            [sys.executable, "-m", "hub", "audit", "verify", "--json"], env=self.environment(), capture_output=True, text=True, timeout=120,
            cwd=Path(__file__).parents[2], check=False,
        )  # fmt: skip
        said: dict[str, object] = json.loads(done.stdout or "{}")
        return said | {"stderr": done.stderr[-2000:]}

    def request(self, method: str, path: str, body: object, token: str) -> tuple[int, dict[str, object]]:
        """One HTTP request; (status, JSON body)."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}", data=json.dumps(body).encode() if body is not None else None, method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as exc:
            return exc.code, json.loads(exc.read() or b"{}")
