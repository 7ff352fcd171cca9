"""Releasing what a lock kept back, once its patient has lifted it: only where the setting ``release_on_unlock`` says so.

Each message passes transit once more, for those alone it was kept from, and is asked about there and at the attempt as ever: what another
lock keeps back stays back. Among themselves a patient's messages keep the order of their receipt; they come after what came meanwhile.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from hub import telemetry
from hub.errors import Faulted
from hub.ledger import release as ledger
from hub.ledger.connect import Pool
from hub.model import Received
from hub.stream.recall import recalled

_POLL_SECONDS: Final = 0.5
_MESSAGES_MAX: Final = 100  # of one consent at a time

Accept = Callable[[Received], Awaitable[None]]


async def run_release(pool: Pool, accept: Accept, clock: Callable[[], int], stop: asyncio.Event, *, releases: bool) -> None:
    """Look after consents that were written anew until ``stop`` is set. accept: onto topic inbound, durably."""
    while not stop.is_set():
        try:
            for consent_id, version in await pool.run(ledger.lifted):
                if not releases or await _released(pool, accept, clock, consent_id):
                    await pool.run(ledger.forget, consent_id, version)
        except Faulted as fault:
            telemetry.fault("web", fault.cause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await stop.wait()


async def _released(pool: Pool, accept: Accept, clock: Callable[[], int], consent_id: str) -> bool:
    """Send some of what it kept back through the hub again, the oldest first; True when that was all of it. Raises Faulted.

    What fails half way is done again: the message is then a repeat, or passes under the same ids.
    """
    found = await pool.run(ledger.withheld_by, consent_id, _MESSAGES_MAX)
    for one in found:
        try:
            received = recalled(one.stored)
        except Exception as exc:  # noqa: BLE001  # whatever is wrong with one message, it must not stop those behind it
            telemetry.log("not_releasable", event_id=one.stored.event_id, error=type(exc).__name__)
        else:
            await pool.run(ledger.allow, one, clock())
            await accept(received)
        await pool.run(ledger.passed, one)
    return len(found) < _MESSAGES_MAX
