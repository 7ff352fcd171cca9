"""Whether the servers the hub needs answer, asked all at once and never for long."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from hub.web.metrics import Missing

SECONDS_MAX: Final = 2.0

Probe = Callable[[], Awaitable[None]]
"""Asks one server; raises whatever it raises when the server does not do its part."""


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
