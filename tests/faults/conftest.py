"""A stack of its own for the fault runs, whose servers are killed; and one hub over it for all rounds."""

import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.ledger.migrate import migrate
from hub.stack import kafka as local_kafka
from hub.stack import postgres as local_postgres
from hub.stack.supervise import Child
from tests.local import DATABASE, KAFKA, why_not


@dataclass
class Stack:
    """A broker and a database server that can be killed and started again on the same ports and folders."""

    folder: Path
    children: dict[str, Child] = field(default_factory=dict)
    kafka: str = ""
    database_url: str = ""

    def start_kafka(self) -> None:
        """Start the broker (again)."""
        port = int(self.kafka.rsplit(":", 1)[1]) if self.kafka else 0
        self.children["kafka"], self.kafka = local_kafka.start(self.folder / "kafka", lambda *_: None, port)

    def start_postgres(self) -> None:
        """Start the database server (again)."""
        port = int(self.database_url.rsplit(":", 1)[1].split("/")[0]) if self.database_url else 0
        self.children["postgres"], self.database_url = local_postgres.start(self.folder / "postgres", port)

    def kill(self, name: str) -> None:
        """SIGKILL the whole group."""
        self.children.pop(name).kill()

    def signal(self, name: str, how: signal.Signals) -> None:
        """Any signal, to the group."""
        os.killpg(self.children[name].pid, how)

    def down(self) -> None:
        """Everything away."""
        for name in list(self.children):
            self.kill(name)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Servers that may be killed; never those of the environment."""
    if reason := why_not(KAFKA, DATABASE):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="hub-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Stack(Path(folder))
        try:
            made.start_kafka()
            made.start_postgres()
            migrate(made.database_url)
            yield made
        finally:
            made.down()
