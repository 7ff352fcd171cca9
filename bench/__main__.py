"""All measurements, one after the other, as JSON lines: over the servers of the environment, else over the embedded stack."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bench.floor import FLOOR, found_in
from hub.stack import kafka, postgres
from hub.stack.supervise import Child, stop

ALL = ("gateway", "er7", "translate", "plan", "transit", "transit --bundle", "delivery", "what_if", "end_to_end")


def say(line: str) -> None:
    """Progress, beside the results."""
    print(line, file=sys.stderr, flush=True)


def told(output: IO[str] | None) -> Iterator[str]:
    """The lines of a measurement, passed on as they come."""
    for line in output or ():
        print(line, end="", flush=True)
        yield line


def main() -> int:
    """Run those named, or all; the number that failed."""
    wanted = sys.argv[1:] or ALL
    children: list[Child] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as folder:
        try:
            env = dict(os.environ)
            if not env.get("HUB_KAFKA"):
                child, env["HUB_KAFKA"] = kafka.start(Path(folder, "kafka"), say)
                children.append(child)
            if not env.get("HUB_DATABASE_URL"):
                child, env["HUB_DATABASE_URL"] = postgres.start(Path(folder, "postgres"))
                children.append(child)
            for name in wanted:
                say(f"bench: {name}")
                own = os.environ if name == "end_to_end" else env  # `hub up` starts servers of its own where none are given
                command = [sys.executable, "-m", *f"bench.{name}".split()]
                with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True) as running:
                    lines = list(told(running.stdout))
                failed += running.returncode != 0
                if name == "gateway":
                    env[FLOOR] = os.environ[FLOOR] = found_in(lines)
        finally:
            stop(children, grace_seconds=15)
    return failed


if __name__ == "__main__":
    sys.exit(main())
