"""Rounds of looking at what is due, beside the app."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def rounds(round_of: Callable[[], Awaitable[int]], batch: int, pause_seconds: float) -> AsyncIterator[None]:
    """One after the other while the block runs, with a pause after each that did less than ``batch``."""

    async def run() -> None:
        while True:
            if await round_of() < batch:
                await asyncio.sleep(pause_seconds)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
