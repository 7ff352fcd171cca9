"""A database server that dies: what was signed is there when it comes back, whatever it forgot."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ledger.chain import Head
from hub.ledger.checkpoints import Checkpoint, make_checkpoint
from hub.ledger.connect import connect
from hub.ledger.delivery import Settlement, Turns
from hub.ledger.delivery import connect as connect_delivery
from hub.ledger.migrate import migrate
from hub.ledger.outbox import Attempted, Place
from hub.ledger.verify import Promise, Report, verify
from hub.model import AttemptOutcome
from hub.stack import postgres as local_postgres
from hub.stack.supervise import Child
from tests.local import DATABASE, starts

pytestmark = starts(DATABASE)
LAZY = {
    "wal_writer_delay": "10s",
    "checkpoint_timeout": "1d",
    "autovacuum": "off",
}  # what does not wait for the disk is not written for long


class Server:
    """One that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child: Child | None = None
        self.url = ""
        self.start()

    def start(self) -> None:
        port = int(self.url.rsplit(":", 1)[1].split("/")[0]) if self.url else 0
        self.child, self.url = local_postgres.start(self.folder, port, settings=LAZY)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
        self.child = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    tmp_path.chmod(0o755)
    made = Server(tmp_path / "postgres")
    try:
        migrate(made.url)
        yield made
    finally:
        made.kill()


def settle(server: Server, *offs: int) -> None:
    """As delivery does, without waiting for the disk."""

    async def turn() -> None:
        async with await connect_delivery(server.url) as conn:
            ended = [Attempted(Place(0, off, "town"), 1, 5, 6, AttemptOutcome.DELIVERED, "AA") for off in offs]
            await Turns(conn, "w").settle(Settlement(ended))

    asyncio.run(turn())


def signed(server: Server) -> dict[str, Head]:
    """What a checkpoint has seen, once it is handed out."""
    seen: list[Checkpoint] = []

    def seal(body: dict[str, object]) -> str:
        seen.append(Checkpoint.parse(body))
        return "{}"

    with connect(server.url) as conn:
        make_checkpoint(conn, 1, seal)
    return dict(seen[0].heads)


def verified(server: Server, heads: dict[str, Head]) -> Report:
    with connect(server.url) as conn:
        return verify(conn, lambda _conn, _report: [Promise(chain, head.n, head.hash, 1) for chain, head in heads.items()])


def test_what_was_signed_is_never_forgotten(server: Server) -> None:
    settle(server, 1)
    heads = signed(server)
    settle(server, 2)
    server.kill()
    server.start()
    report = verified(server, heads)
    assert report.findings == []
    assert report.heads["delivery-0"] == heads["delivery-0"]  # the second is forgotten, link and row: it was not signed
    settle(server, 1, 2)  # delivery writes again what it settled last
    report = verified(server, heads)
    assert report.findings == []
    assert report.heads["delivery-0"].total == 2
