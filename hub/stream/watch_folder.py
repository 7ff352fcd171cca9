"""``hub watch-folder``: KITH documents dropped as files, for systems that can do no more. No file is lost or counted twice by kill -9.

    DIR/x.xml           dropped here: written under another name and renamed, or left alone until it is complete
    DIR/claimed/        the one being taken; what is here after a crash is taken first
    DIR/done/           taken: the file as ``<event id>-x.xml``, and beside it the receipt, ``<event id>-x.xml.apprec.xml``
    DIR/refused/        the same for what is refused

A receipt that is dropped is kept where receipts are kept, and no receipt is written for it.
A file leaves ``claimed`` only when its message is durable and its receipt on the disk. A crash before that takes it again: the same bytes
make the same message, which transit knows for a repeat. One watcher a folder: it holds a lock that ends with its process.
"""

import asyncio
import fcntl
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from hub import telemetry
from hub.adapters.kith import receipt, reply
from hub.errors import Faulted, Reason, Rejected
from hub.model import Adapter, Received, Refusal
from hub.stream.faultpoint import reach

SUFFIX: Final = ".xml"
RECEIPT: Final = ".apprec.xml"
_LOCK: Final = ".hub-lock"
_POLL_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)  # while the broker or the ledger is away


@dataclass(frozen=True, slots=True)
class Desk:
    """What a watcher works with.

    judge: what a document is. accept: makes it durable; raises Faulted, Rejected(TOO_LARGE). keep: a receipt; raises Faulted, Rejected.
    """

    judge: Callable[[bytes, int], Awaitable[Received | Refusal]]
    accept: Callable[[Received], Awaitable[None]]
    keep: Callable[[bytes], Awaitable[None]]
    clock: Callable[[], int]  # whole microseconds since 1970
    bytes_max: int
    settle_seconds: float = 2.0  # a file that changed within this may still be being written


@dataclass(slots=True)
class Count:
    """How many files ended where."""

    done: int = 0
    refused: int = 0


class TakenError(Exception):
    """Another process watches the folder."""


@contextmanager
def held(root: Path) -> Iterator[None]:
    """The folder, which must be there, as this process's own, with its parts made. Raises TakenError, OSError."""
    for name in ("claimed", "done", "refused"):
        (root / name).mkdir(exist_ok=True)
    with (root / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenError from None
        yield


async def watch(root: Path, desk: Desk, stop: asyncio.Event, *, once: bool = False) -> Count:
    """Take files until told to stop; with ``once``, until none is left. The folder must be ``held``."""
    count = Count()
    while not stop.is_set():
        before = count.done + count.refused
        for path in _files(root / "claimed"):
            await _patiently(path, root, desk, stop, count)
        for path in _files(root):
            claimed = None if stop.is_set() else claim(path, desk)
            if claimed is not None:
                await _patiently(claimed, root, desk, stop, count)
        if count.done + count.refused == before:
            if once:
                break
            await _pause(stop, _POLL_SECONDS)
    return count


def _files(folder: Path) -> list[Path]:
    """The regular files of a folder that may be documents, by name; no links, which could lead anywhere."""
    found = (p for p in folder.iterdir() if p.suffix.lower() == SUFFIX and not p.name.startswith("."))
    return sorted(p for p in found if stat.S_ISREG(p.lstat().st_mode))


def claim(path: Path, desk: Desk) -> Path | None:
    """Move a file to ``claimed``, which is empty; None while it may not be complete."""
    if path.stat().st_mtime > desk.clock() / 1e6 - desk.settle_seconds:
        return None
    claimed = path.rename(path.parent / "claimed" / path.name)
    reach("folder.after_claim")
    return claimed


async def _patiently(path: Path, root: Path, desk: Desk, stop: asyncio.Event, count: Count) -> None:
    """Take a file, again and again while a server is away; told to stop, it stays in ``claimed``."""
    tries = 0
    while not stop.is_set():
        try:
            refusal = await take(path, root, desk)
        except Faulted as exc:
            telemetry.fault("gateway", exc.cause)
            await _pause(stop, _AGAIN_SECONDS[min(tries, len(_AGAIN_SECONDS) - 1)])
            tries += 1
            continue
        if refusal is None:
            count.done += 1
        else:
            count.refused += 1
            telemetry.REFUSED.labels(Adapter.KITH, refusal.reason).inc()
        return


async def take(path: Path, root: Path, desk: Desk) -> Refusal | None:
    """Record one file of ``claimed``, write its receipt, and move it; gives why it was refused. Raises Faulted, and then nothing moved."""
    now_us = desk.clock()
    raw = _read(path, desk.bytes_max)
    found = Refusal(Reason.TOO_LARGE, "document") if raw is None else await desk.judge(raw, now_us)
    if raw is not None and isinstance(found, Refusal) and found.where == receipt.PLACE:
        return await _keep(path, root, raw, desk)
    refusal = found if isinstance(found, Refusal) else found.refusal
    if isinstance(found, Received):
        try:
            await desk.accept(found)
            telemetry.RECEIVED.labels(Adapter.KITH).inc()
        except Rejected as exc:
            refusal = Refusal(exc.reason, exc.where)
        reach("folder.after_accept")
    key = found.event_id if isinstance(found, Received) else _digest(path)
    _finish(path, root / ("refused" if refusal else "done"), key, reply.acknowledge(raw or b"", reply.verdict(refusal), now_us))
    telemetry.log("folder_file", event_id=key, outcome=refusal.reason.value if refusal else "done")
    return refusal


async def _keep(path: Path, root: Path, raw: bytes, desk: Desk) -> Refusal | None:
    """``take`` of a receipt."""
    refusal, key = None, _digest(path)
    try:
        await desk.keep(raw)
    except Rejected as exc:
        refusal = Refusal(exc.reason, exc.where)
    reach("folder.after_accept")
    _move(path, root / ("refused" if refusal else "done") / f"{key}-{path.name}")
    telemetry.log("folder_receipt", outcome=refusal.reason.value if refusal else "done")
    return refusal


def _read(path: Path, bytes_max: int) -> bytes | None:
    """A file's bytes; None when it is too large to be looked at."""
    return path.read_bytes() if path.stat().st_size <= bytes_max else None


def _finish(path: Path, folder: Path, key: str, receipt: bytes) -> None:
    """The receipt first, then the file: one without the other is only ever the receipt of a file that is taken again."""
    target = folder / f"{key}-{path.name}"
    _write(target.with_name(target.name + RECEIPT), receipt)
    reach("folder.after_receipt")
    _move(path, target)


def _move(path: Path, target: Path) -> None:
    path.replace(target)  # what a crash left there under this name is the same document
    _sync(target.parent)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while part := file.read(1024 * 1024):
            digest.update(part)
    return digest.hexdigest()[:32]


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    half = path.with_name(f".{path.name}")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _sync(folder: Path) -> None:
    """Names are on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
