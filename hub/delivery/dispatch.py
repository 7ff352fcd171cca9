"""Sending what was claimed: a queue and at most ``connections`` senders a recipient, so that each is slow by itself."""

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub import telemetry
from hub.delivery.book import Ended
from hub.delivery.channel import NOT_BEGUN, MayStart, Means, Sent, Way, failed
from hub.delivery.channels import open_way
from hub.errors import Cause
from hub.ledger.outbox import Parcel
from hub.model import Provider

Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(slots=True, eq=False)
class _Queue:
    """One recipient's way out and what waits for it."""

    provider: Provider
    way: Way
    parcels: deque[tuple[Parcel, MayStart]] = field(default_factory=deque)
    senders: int = 0


class Dispatch:
    """Every recipient's way out. ``ended`` is called once for each parcel; ``spawn`` starts a task that somebody waits for."""

    def __init__(self, means: Means, spawn: Spawn, ended: Callable[[Ended], None], clock: Callable[[], int]) -> None:
        self._means = means
        self._spawn = spawn
        self._ended = ended
        self._clock = clock
        self._queues: dict[str, _Queue] = {}

    def submit(self, provider: Provider, parcels: Sequence[Parcel], may_start: MayStart) -> None:
        """Send these as soon as a sender is free, or say that they were not begun when ``may_start`` no longer holds."""
        queue = self._queue(provider)
        queue.parcels.extend((parcel, may_start) for parcel in parcels)
        for _ in range(min(len(parcels), max(1, provider.deliver.connections) - queue.senders)):
            queue.senders += 1
            self._spawn(self._send_all(queue))

    def _queue(self, provider: Provider) -> _Queue:
        queue = self._queues.get(provider.id)
        if queue is None or queue.provider.deliver != provider.deliver:
            if queue is not None:
                self._spawn(_close(queue))
            queue = self._queues[provider.id] = _Queue(provider, open_way(provider, self._means))
        return queue

    async def _send_all(self, queue: _Queue) -> None:
        try:
            while queue.parcels:
                parcel, may_start = queue.parcels.popleft()
                started_us = self._clock()
                sent = await self._send(queue, parcel, may_start) if may_start() else NOT_BEGUN
                self._ended(Ended(parcel, sent, started_us, self._clock()))
        finally:
            queue.senders -= 1

    async def _send(self, queue: _Queue, parcel: Parcel, may_start: MayStart) -> Sent:
        try:
            return await queue.way.send(parcel, may_start)
        except Exception as problem:  # noqa: BLE001  # one message that our own code cannot send must not stop everybody's
            _told("send_failed", problem, queue, event_id=parcel.event_id)
            return failed("internal")

    async def reachable(self, provider: Provider) -> bool:
        """Whether a connection can be made to the recipient now. Raises nothing."""
        queue = self._queue(provider)
        try:
            return await queue.way.reachable()
        except Exception as problem:  # noqa: BLE001  # one recipient that our own code cannot try must not stop everybody's
            _told("probe_failed", problem, queue)
            return False

    async def close(self) -> None:
        """Close every way out; nothing may be under way. Raises nothing."""
        for queue in self._queues.values():
            await _close(queue)


async def _close(queue: _Queue) -> None:
    try:
        await queue.way.close()
    except Exception as problem:  # noqa: BLE001  # what cannot be closed is left to the operating system
        _told("close_failed", problem, queue)


def _told(fact: str, problem: Exception, queue: _Queue, **facts: str) -> None:
    """Count and log what none of the channel's own answers covers, by the exception's class alone."""
    telemetry.fault("delivery", Cause.INTERNAL)
    telemetry.log(fact, kind=type(problem).__name__, recipient=queue.provider.id, **facts)
