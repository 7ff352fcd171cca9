"""The web process signs checkpoints of the audit chain and writes them to a file of the data folder, line by line, to be shipped away.

The web process, because it is the one that keeps keys already and has the data folder, and because no message waits for it. Where there are
several, the ledger lets one of them at a time make one.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import web

from hub import telemetry
from hub.errors import Cause, Faulted
from hub.ledger.checkpoints import make_checkpoint
from hub.web.seal import CHECKPOINT_FILE
from hub.web.state import STATE, State

_LINE_BYTES_MAX: Final = 1 << 20


async def checkpointing(app: web.Application) -> AsyncIterator[None]:
    """Make a checkpoint as often as the settings say while the app runs (an aiohttp cleanup context)."""
    state = app[STATE]
    if state.seal is None or not state.settings.audit_checkpoint_seconds:
        yield
        return
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_run(state))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(state: State) -> None:
    seconds = state.settings.audit_checkpoint_seconds
    while True:
        try:
            await checkpoint(state, int(seconds * 1e6))
        except (Faulted, OSError) as exc:  # the next one says all that this one would have
            cause = exc.cause if isinstance(exc, Faulted) else Cause.INTERNAL
            telemetry.fault("web", cause)
            telemetry.log("checkpoint_not_made", cause=cause.value)
        await asyncio.sleep(seconds)


async def checkpoint(state: State, every_us: int) -> str:
    """Make one if it is time: its line, in the ledger and the file; "" = not yet. Raises Faulted, OSError."""
    if state.seal is None:
        return ""
    line = await state.ledger.run(make_checkpoint, state.clock(), state.seal.line, every_us)
    if line:
        await asyncio.to_thread(write_line, state.settings.data / CHECKPOINT_FILE, line)
    return line


def write_line(path: Path, line: str) -> None:
    """Append a checkpoint to a file, on disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    with os.fdopen(descriptor, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _LINE_BYTES_MAX))
        last = file.read()
        if last and not last.endswith(b"\n"):  # a power cut in the middle of a line
            file.seek(end - len(last.rpartition(b"\n")[2]))
            file.truncate()
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
