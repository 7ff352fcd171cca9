"""Files in a folder: each is taken once, whole, and with its receipt, also when the watcher is killed at any moment."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hub.adapters.kith import receipt, reply
from hub.adapters.kith.document import parse
from hub.adapters.kith.receipt import Status
from hub.adapters.kith.receive import Door, receive
from hub.errors import Cause, Faulted, Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind, Received, Refusal
from hub.stream.watch_folder import Count, Desk, TakenError, held, watch
from tests.unit.adapters.kith.made import dialog, logistics

STOLAV = Provider("st-olavs", "St. Olavs", ProviderKind.HOSPITAL, "974749025", ("8094866",), Deliver(Channel.MAILBOX))
DOOR = Door(Pseudonyms(b"k"))
NOW_US = 4_000_000_000_000_000  # every file is old
WORKER = """
import asyncio, os, sys
from pathlib import Path
from tests.unit.stream.test_watch_folder import Log, desk
from hub.stream.watch_folder import held, watch
root = Path(sys.argv[1])
async def main():
    with held(root):
        await watch(root, desk(Log(root / "broker.log")), asyncio.Event(), once=True)
asyncio.run(main())
"""


class Log:
    """A broker: what it has is on the disk before it says so. fails: how many times it is away first."""

    def __init__(self, path: Path, fails: int = 0, error: Rejected | None = None) -> None:
        self._path, self._fails, self._error = path, fails, error

    async def accept(self, received: Received) -> None:
        if self._fails:
            self._fails -= 1
            raise Faulted(Cause.BROKER_UNAVAILABLE)
        if self._error:
            raise self._error
        with self._path.open("a") as file:
            file.write(f"{received.event_id} {received.refusal.reason if received.refusal else 'ok'}\n")
            file.flush()
            os.fsync(file.fileno())

    async def keep(self, raw: bytes) -> None:
        """A receipt's id, where receipts are kept."""
        found = receipt.read(raw)
        if self._fails:
            self._fails -= 1
            raise Faulted(Cause.LEDGER_UNAVAILABLE)
        if self._error:
            raise self._error
        with self._path.open("a") as file:
            file.write(f"{found.id} {found.status}\n")

    def lines(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []


def desk(log: Log, now_us: int = NOW_US, bytes_max: int = 100_000) -> Desk:
    async def judge(raw: bytes, at_us: int) -> Received | Refusal:
        return receive(raw, lambda _names, _where: STOLAV, DOOR, at_us)

    return Desk(judge, log.accept, log.keep, lambda: now_us, bytes_max)


def run(root: Path, log: Log, **more: int) -> Count:
    async def main() -> Count:
        with held(root):
            return await watch(root, desk(log, **more), asyncio.Event(), once=True)

    return asyncio.run(main())


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} if folder.exists() else set()


def drop(root: Path, count: int = 3) -> None:
    for n in range(count):
        (root / f"m{n}.xml").write_bytes(logistics("LOG_INNLAGT").replace(b"m-1", b"m-%d" % n))


def test_a_file_is_taken_and_its_receipt_lies_beside_it(tmp_path: Path) -> None:
    log = Log(tmp_path / "broker.log")
    (tmp_path / "æøå 1.XML").write_bytes(dialog())
    (tmp_path / "bad.xml").write_bytes(b"hello")
    (tmp_path / "refused.xml").write_bytes(logistics("LOG_INNLAGT").replace(b'"LOG_INNLAGT"', b'"MELDING"'))
    (tmp_path / "notes.txt").write_text("not a document")
    assert run(tmp_path, log) == Count(1, 2)
    kept, taken = (line.split()[0] for line in log.lines())
    assert names(tmp_path / "done") == {f"{taken}-æøå 1.XML", f"{taken}-æøå 1.XML.apprec.xml"}
    refused = names(tmp_path / "refused")
    assert {f"{kept}-refused.xml", f"{kept}-refused.xml.apprec.xml"} < refused
    assert len(refused) == 4
    found = receipt.read((tmp_path / "done" / f"{taken}-æøå 1.XML.apprec.xml").read_bytes())
    assert (found.status, found.original_id) == (Status.OK, "m-1")
    found = receipt.read((tmp_path / "refused" / f"{kept}-refused.xml.apprec.xml").read_bytes())
    assert (found.status, [f.code for f in found.faults]) == (Status.REJECTED, ["T10"])
    assert names(tmp_path) == {"done", "refused", "claimed", "broker.log", "notes.txt", ".hub-lock"}
    assert names(tmp_path / "claimed") == set()


def test_a_receipt_is_kept_and_never_answered_by_another(tmp_path: Path) -> None:
    raw = reply.acknowledge(logistics("LOG_INNLAGT"), reply.verdict(None), NOW_US)
    (tmp_path / "a.xml").write_bytes(raw)
    log = Log(tmp_path / "broker.log", fails=1)
    assert run(tmp_path, log) == Count(1, 0)
    assert log.lines() == [f"{receipt.read(raw).id} 1"]
    assert names(tmp_path / "done") == {f"{hashlib.sha256(raw).hexdigest()[:32]}-a.xml"}
    (tmp_path / "b.xml").write_bytes(raw)
    (tmp_path / "c.xml").write_bytes(raw.replace(b'Status V="1"', b'Status V="9"'))
    assert run(tmp_path, Log(tmp_path / "broker.log", error=Rejected(Reason.BROKEN_REFERENCE))) == Count(0, 2)
    assert {name.partition("-")[2] for name in names(tmp_path / "refused")} == {"b.xml", "c.xml"}


def test_a_file_that_is_still_written_is_left_alone(tmp_path: Path) -> None:
    drop(tmp_path, 1)
    (tmp_path / ".half.xml").write_bytes(b"<Msg")
    (tmp_path / "link.xml").symlink_to("/etc/passwd")
    just_now = int((tmp_path / "m0.xml").stat().st_mtime * 1e6) + 1_000_000
    assert run(tmp_path, Log(tmp_path / "broker.log"), now_us=just_now) == Count(0, 0)
    assert run(tmp_path, Log(tmp_path / "broker.log"), now_us=just_now + 2_000_000) == Count(1, 0)
    assert {".half.xml", "link.xml"} < names(tmp_path)


def test_while_the_broker_is_away_nothing_moves(tmp_path: Path) -> None:
    drop(tmp_path, 2)
    log = Log(tmp_path / "broker.log", fails=1)
    started = time.monotonic()
    assert run(tmp_path, log) == Count(2, 0)
    assert time.monotonic() - started > 0.4
    assert len(log.lines()) == 2


def test_told_to_stop_a_file_waits_where_it_is(tmp_path: Path) -> None:
    drop(tmp_path, 2)

    async def main() -> Count:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, stop.set)
        with held(tmp_path):
            return await watch(tmp_path, desk(Log(tmp_path / "broker.log", fails=1000)), stop)

    assert asyncio.run(main()) == Count(0, 0)
    assert (names(tmp_path / "claimed"), names(tmp_path) & {"m0.xml", "m1.xml"}) == ({"m0.xml"}, {"m1.xml"})
    assert run(tmp_path, Log(tmp_path / "broker.log")) == Count(2, 0)


def test_what_is_too_large_is_refused_unread_and_what_the_broker_does_not_take_too(tmp_path: Path) -> None:
    drop(tmp_path, 1)
    assert run(tmp_path, Log(tmp_path / "broker.log"), bytes_max=100) == Count(0, 1)
    drop(tmp_path, 1)
    log = Log(tmp_path / "broker.log", error=Rejected(Reason.TOO_LARGE))
    assert run(tmp_path, log) == Count(0, 1)
    codes = [parse(p.read_bytes())[0].value("Error") for p in (tmp_path / "refused").glob("*.apprec.xml")]
    assert codes == ["T99", "T99"]
    (tmp_path / "empty.xml").touch()
    assert run(tmp_path, Log(tmp_path / "broker.log")) == Count(0, 1)


def test_the_same_file_again_is_the_same_message(tmp_path: Path) -> None:
    log = Log(tmp_path / "broker.log")
    drop(tmp_path, 1)
    run(tmp_path, log)
    drop(tmp_path, 1)
    assert run(tmp_path, log) == Count(1, 0)
    assert len(set(log.lines())) == 1
    assert len(names(tmp_path / "done")) == 2


def test_one_watcher_a_folder(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(TakenError), held(tmp_path):
        pass
    with pytest.raises(FileNotFoundError), held(tmp_path / "none"):
        pass


@pytest.mark.parametrize("point", ["folder.after_claim", "folder.after_accept", "folder.after_receipt"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_any_point_no_file_is_lost_and_none_is_counted_twice(tmp_path: Path, point: str, nth: int) -> None:
    drop(tmp_path)
    environment = os.environ | {"HUB_FAULTPOINT": f"{point}:{nth}", "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", WORKER, str(tmp_path)], env=environment, check=False, timeout=60, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    log = Log(tmp_path / "broker.log")
    assert len(names(tmp_path) & {"m0.xml", "m1.xml", "m2.xml"}) + len(names(tmp_path / "claimed")) == 4 - nth
    assert run(tmp_path, log).done == 4 - nth
    counted = Counter(log.lines())
    assert len(counted) == 3  # every message, and what was sent again is the same message
    assert counted.total() == (3 if point == "folder.after_claim" else 4)
    files = {n for n in names(tmp_path / "done") if not n.endswith(".apprec.xml")}
    assert {n[37:] for n in files} == {"m0.xml", "m1.xml", "m2.xml"}
    assert {f"{n}.apprec.xml" for n in files} == names(tmp_path / "done") - files
    assert names(tmp_path / "claimed") == names(tmp_path / "refused") == set()
