"""The delivery process: rounds over the ledger until it is told to stop, and beside them what listens and what measures."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hub import telemetry
from hub.delivery.channel import Means
from hub.errors import Faulted
from hub.ledger.backlog import BacklogReader, listen, news
from hub.ledger.delivery import connect
from hub.settings import Settings
from hub.stream.delivery_providers import Gauges
from hub.stream.delivery_rounds import POLL_SECONDS, Delivery
from hub.stream.delivery_turn import Clock, Parts
from hub.stream.readers import read
from hub.terms import terms_of

_MEASURE_SECONDS: Final = 5.0
_RECONNECT_SECONDS: Final = (0.1, 2.0)


async def run_delivery(
    settings: Settings,
    means: Means,
    *,
    clock: Clock,
    reach: Callable[[str], None],
    partitions: Iterable[int] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Deliver until ``stop`` is set (without one: until SIGTERM or SIGINT), then let what is under way end, settle it, and return.

    partitions: those to own, None = all; those another process owns are taken when it lets them go. reach: called at the named fault
    points ``delivery.after_claim``, ``delivery.after_send`` and ``delivery.before_settle``.
    """
    stop = stop or _stop_on_signal()
    parts = sorted(range(settings.partitions) if partitions is None else partitions)
    async with asyncio.TaskGroup() as sends, asyncio.TaskGroup() as watch:
        delivery = Delivery(Parts(settings, clock, reach, read, terms_of(settings)), means, sends)
        watchers = [
            watch.create_task(_stopper(stop, delivery)),
            watch.create_task(_listen(settings, delivery)),
            watch.create_task(_measure(settings, delivery, clock)),
        ]
        await _sessions(delivery, parts, stop)
        for watcher in watchers:
            watcher.cancel()


async def _sessions(delivery: Delivery, parts: Sequence[int], stop: asyncio.Event) -> None:
    seconds, longest = _RECONNECT_SECONDS
    while True:
        try:
            await delivery.session(parts)
        except Faulted as fault:
            telemetry.fault("delivery", fault.cause)
        else:
            return
        if stop.is_set():  # what could not be settled is found as claimed by the next owner, and asked about again
            await delivery.ended()
            return
        await asyncio.sleep(seconds)
        seconds = min(longest, seconds * 2)


async def _stopper(stop: asyncio.Event, delivery: Delivery) -> None:
    await stop.wait()
    delivery.stop()


async def _listen(settings: Settings, delivery: Delivery) -> None:
    """Hear of news at once; without it the polling finds them."""
    while True:
        try:
            async with await connect(settings.database_url) as conn:
                await listen(conn)
                delivery.was_deaf()
                while True:
                    delivery.tell(await news(conn))
        except Faulted:
            await asyncio.sleep(POLL_SECONDS)


async def _measure(settings: Settings, delivery: Delivery, clock: Clock) -> None:
    """Keep the gauges near what the ledger says; a connection of its own, so that a long count holds nothing up."""
    gauges = Gauges()
    while True:
        await asyncio.sleep(_MEASURE_SECONDS)
        with contextlib.suppress(Faulted):
            async with await connect(settings.database_url) as conn:
                gauges.show(await BacklogReader(conn, "").counts(delivery.parts), clock())


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop
