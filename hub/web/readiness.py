"""Whether the servers the hub needs answer, asked all at once and never for long."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from hub.ledger.connect import Pool
from hub.ledger.directory import directory_version
from hub.ledger.migrate import is_current
from hub.web.metrics import Missing

SECONDS_MAX: Final = 2.0

Probe = Callable[[], Awaitable[None]]
"""Asks one server; raises whatever it raises when the server does not do its part."""


def of_ledger(ledger: Pool) -> dict[str, Probe]:
    """The probes of the ledger: that it answers, and that its tables are those of this version."""

    async def answers() -> None:
        await ledger.run(directory_version)

    async def is_ours() -> None:
        if not await ledger.run(is_current):
            raise LookupError

    return {"ledger": answers, "schema": is_ours}


def asks(probes: Mapping[str, Probe]) -> Missing:
    """What is missing, by name, of the servers probed. A probe that takes more than two seconds has failed."""

    async def answers(probe: Probe) -> bool:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await probe()
        except Exception:  # noqa: BLE001  why it failed is the server's matter; here it is not ready
            return False
        return True

    async def missing() -> list[str]:
        found = await asyncio.gather(*(answers(p) for p in probes.values()))
        return [name for name, is_there in zip(probes, found, strict=True) if not is_there]

    return missing
