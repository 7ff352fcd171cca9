"""All measurements, one after the other, as JSON lines: over the servers of the environment, else over the embedded stack."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hub.stack import kafka, postgres
from hub.stack.supervise import Child, stop

ALL = ("er7", "translate", "plan", "gateway", "transit", "transit --bundle", "delivery", "end_to_end")


def say(line: str) -> None:
    """Progress, beside the results."""
    print(line, file=sys.stderr, flush=True)


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
                failed += subprocess.run([sys.executable, "-m", *f"bench.{name}".split()], env=own, check=False).returncode != 0
        finally:
            stop(children, grace_seconds=15)
    return failed


if __name__ == "__main__":
    sys.exit(main())
