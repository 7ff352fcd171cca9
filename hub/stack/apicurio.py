"""A schema registry for the contract tests: Apicurio 2.5.11, which keeps its schemas in memory only and so suits nothing else."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from hub.stack import java
from hub.stack.supervise import Child, Spec, free_port, spawn, wait_until

_READY_SECONDS: Final = 90.0


def start(folder: Path, say: java.Say) -> tuple[Child, str]:
    """Start it; returns it and the URL of its Confluent-compatible API when it answers. Raises StackError."""
    runtime, home = java.java(), java.apicurio_jars(say)
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    memory = ("-Xmx256m", "-XX:+UseSerialGC", *java.NO_TRACE, "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={folder}")
    options = (*memory, "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}")
    runner = next(home.glob("*-runner.jar"))
    argv = (runtime, *options, "-Dquarkus.log.level=WARN", "-cp", f"{runner}:{home}/lib/*", "io.quarkus.runner.GeneratedMain")
    child = spawn(Spec("apicurio", argv, log=folder / "apicurio.log", cwd=folder))
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    wait_until(lambda: _answers(url), child, _READY_SECONDS, f"see {folder / 'apicurio.log'}")
    return child, url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/subjects", timeout=1.0) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
