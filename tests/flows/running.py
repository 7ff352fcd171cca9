"""A `hub up` in a process of its own, watched from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
READY = "ready"


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without any setting of a hub."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HUB_") or k == "HUB_STACK_HOME"} | extra


def hub(*arguments: str, timeout: float = 60.0, **extra: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    command = [sys.executable, "-m", "hub", *arguments]
    return subprocess.run(command, env=environment(**extra), capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT)


@dataclass
class Running:
    """One that runs."""

    data: Path
    process: "subprocess.Popen[str]"
    ready_seconds: float
    children: list[psutil.Process]
    output: Path

    @property
    def facts(self) -> dict[str, Any]:
        """What it wrote down about itself."""
        return dict(json.loads((self.data / "run.json").read_text()))

    def stop(self, how: signal.Signals = signal.SIGINT, seconds: float = 60.0) -> int:
        """Signal it and wait for its end; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def left(self) -> list[str]:
        """Children that are still there; given a moment, for the kernel ends those of a killed parent."""
        _, alive = psutil.wait_procs(self.children, timeout=10)
        return [p.name() for p in alive]


@contextmanager
def up(data: Path, *arguments: str, **extra: str) -> Iterator[Running]:
    """Start it and wait until it says that it is ready; whatever happens, nothing is left afterwards."""
    output = data.with_name(f"{data.name}.out")
    begun = time.monotonic()
    http = extra.get("HUB_HTTP", "127.0.0.1:0")
    with output.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "up", "--data", str(data), "--mllp", "127.0.0.1:0", "--http", http, *arguments],
            env=environment(**extra), stdout=out, stderr=out, text=True, cwd=ROOT,
        )  # fmt: skip
    children: list[psutil.Process] = []
    try:
        while READY not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() - begun < 240, output.read_text()
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        yield Running(data, process, time.monotonic() - begun, children, output)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for child in children:
            if child.is_running():
                child.kill()
