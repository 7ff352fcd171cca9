"""The rounds of the delivery process over the ledger, and what it remembers between two connections.

Each round reads what is new, settles what ended, asks about what is ready, and sends what may be sent. When the ledger is away nothing new
is sent (what was claimed ends or is given back), and when it is back the rounds go on from where they were. Every decision is the pure
core's (``hub.delivery``); here are the waits, the clock and the connections.
"""

import asyncio
import contextlib
import math
import os
from collections.abc import Iterable, Sequence
from typing import Final

from hub.delivery.backlog import Cursors
from hub.delivery.book import Ended
from hub.delivery.channel import Means
from hub.delivery.dispatch import Dispatch
from hub.delivery.lanes import Offer
from hub.ledger.backlog import MOVED, REDRIVE, BacklogReader
from hub.ledger.delivery import Turns, connect
from hub.ledger.outbox import Waiting
from hub.model import Channel, Deliver
from hub.stream.delivery_providers import Providers
from hub.stream.delivery_turn import Parts, Work

POLL_SECONDS: Final = 0.5  # how often the ledger is looked at without having been told
_READ_ROWS: Final = 500  # of each partition at a time
_TURN_ROWS: Final = 512
_BUSY_SECONDS: Final = 0.005  # between two turns that had something to do, so that the next one is worth its commit too
_NOBODY: Final = Deliver(Channel.MAILBOX)  # how much is asked at once for a provider that is gone: every answer will be no


class Delivery:
    """One delivery process: what it remembers between two connections to the ledger."""

    def __init__(self, parts: Parts, means: Means, group: asyncio.TaskGroup) -> None:
        settings, clock = parts.settings, parts.clock
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._group = group
        self._worker = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._wake = asyncio.Event()
        self._providers = Providers()
        self._dispatch = Dispatch(means, group.create_task, self._on_end, clock)
        self._news = True
        self._redriven: set[str] = set()
        self._moved: set[str] = set()
        self._probing: set[str] = set()
        self._idle_behind: dict[str, float] = {}  # recipients for whom there was no room: not read again before
        self._no_claim_before = 0.0
        self._send_seconds_max = settings.claim_seconds_max + settings.ack_seconds_max  # from a claim to the end of its last send
        self._forget_gone_at = math.inf
        self._next_poll = 0.0
        self._stopping = False
        self._begin()

    def _begin(self) -> None:
        self._work = Work(self._parts, self._dispatch, self._providers)
        self._cursors = Cursors()

    def stop(self) -> None:
        """Begin nothing more; what is under way ends and is settled."""
        self._stopping = True
        self._wake.set()

    def tell(self, heard: Iterable[tuple[str, str]]) -> None:
        """Notifications of the ledger: new deliveries, or a recipient of whom something is to be read anew."""
        heard = list(heard)
        self._redriven |= {payload for channel, payload in heard if channel == REDRIVE}
        self._moved |= {payload for channel, payload in heard if channel == MOVED}
        self._news = True
        self._wake.set()

    def was_deaf(self) -> None:
        """Notifications may have been missed until now: everything in memory is to be read anew."""
        self.tell([(MOVED, recipient) for recipient in self._work.lanes.recipients])

    @property
    def parts(self) -> list[int]:
        """The partitions this process owns."""
        return list(self._cursors.heads)

    def _on_end(self, ended: Ended) -> None:
        self._work.on_end(ended)
        self._wake.set()

    async def session(self, partitions: Sequence[int]) -> None:
        """Rounds on one connection, until stopped and idle. Raises Faulted when the ledger is lost."""
        async with await connect(self._settings.database_url) as conn:
            reader = BacklogReader(conn, self._worker)
            turns = Turns(conn, self._worker)
            owned = await reader.own(partitions)
            if not owned.issuperset(self.parts):
                await self._let_go()
            await self._take(reader, owned - set(self.parts))
            await reader.forget_claims_but([*self._work.book.claims, *self._work.unsettled.claims])
            await reader.claim_again(self._work.book.open_claims())
            await self._work.settle_again(turns)
            self._news = True
            while not (self._stopping and self._work.is_idle):
                await self._round(reader, turns, partitions)
        await self._dispatch.close()

    async def _let_go(self) -> None:
        """Another process took some of the partitions: let what is under way end, and start from nothing."""
        await self.ended()
        self._begin()

    async def ended(self) -> None:
        """Wait until nothing is under way."""
        while len(self._work.book) > len(self._work.ended):
            self._wake.clear()
            await self._wake.wait()

    async def _take(self, reader: BacklogReader, parts: set[int]) -> None:
        if not parts:
            return
        if await reader.take_over(sorted(parts), self._clock(), int(self._send_seconds_max * 1e6)):
            self._no_claim_before = asyncio.get_running_loop().time() + self._settings.claim_seconds_max
        self._forget_gone_at = asyncio.get_running_loop().time() + self._send_seconds_max
        self._cursors.own(parts)

    async def _round(self, reader: BacklogReader, turns: Turns, partitions: Sequence[int]) -> None:
        self._wake.clear()
        now = asyncio.get_running_loop().time()
        if now >= self._next_poll:
            self._next_poll = now + POLL_SECONDS
            self._news = True
            await self._take(reader, await reader.own([p for p in partitions if p not in self._cursors.heads]))
            await self._providers.refresh(reader)
            if now >= self._forget_gone_at:
                self._forget_gone_at = math.inf
                await reader.forget_gone(self.parts)
        self._work.collect()
        has_more = False
        if not self._stopping:
            await self._start_over(turns)
            has_more = await self._read(reader)
            self._probe()
        rows = [] if self._stopping or now < self._no_claim_before else self._work.lanes.take(self._clock(), _TURN_ROWS)
        handled = len(rows) + len(self._work.unsettled.attempts)
        if rows:
            await self._work.turn(turns, reader, rows)
        elif self._work.unsettled:
            await self._work.settle(turns)
        if handled:
            await asyncio.sleep(_BUSY_SECONDS)
        elif not has_more:
            await self._sleep()

    async def _sleep(self) -> None:
        now_us = self._clock()
        next_us = self._work.lanes.next_us(now_us)
        now = asyncio.get_running_loop().time()
        seconds = self._next_poll - now
        if now < self._no_claim_before:
            seconds = min(seconds, self._no_claim_before - now)
        elif next_us is not None:
            seconds = min(seconds, (next_us - now_us) / 1e6)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.001, seconds)):
                await self._wake.wait()

    async def _start_over(self, turns: Turns) -> None:
        """Recipients of whom something in memory is no longer so are read from the beginning. Raises Faulted: it is still to be done then.

        Where settings or parked deliveries were changed, at once; where patients became one, when what is under way has ended, because the
        next may have to wait for it. The ledger is first told what ended: until then a refusal holds its patient in memory only.
        """
        self._redriven |= self._providers.changed()
        self._moved |= self._work.take_moved()
        lanes, redriven = self._work.lanes, set(self._redriven)
        for recipient in redriven:
            deliver = self._deliver(recipient)
            lanes.reset(recipient, deliver.connections, hold=deliver.on_refusal == "hold")
        ebbed = {recipient for recipient in self._moved if lanes.ebb(recipient)}
        if (redriven or ebbed) and self._work.unsettled:
            await self._work.settle(turns)
        for recipient in redriven | ebbed:
            self._cursors.start_over(recipient)
        self._redriven -= redriven
        self._moved -= ebbed

    def _deliver(self, recipient: str) -> Deliver:
        provider = self._providers.get(recipient)
        return provider.deliver if provider else _NOBODY

    def _offer(self, row: Waiting) -> Offer:
        deliver = self._deliver(row.place.recipient)
        lanes = self._work.lanes
        return lanes.offer(row, lanes.destination(row.place.recipient, deliver.connections, hold=deliver.on_refusal == "hold"))

    async def _read(self, reader: BacklogReader) -> bool:
        """Fill the lanes: everybody's news, then those who are behind and have room. True when there are more news."""
        lanes, cursors = self._work.lanes, self._cursors
        has_more = False
        rewinds, lanes.rewinds = lanes.rewinds, {}
        for recipient, places in rewinds.items():
            cursors.fall_behind(recipient, places)
        if self._news and cursors.heads:
            self._news = False  # what comes while we read is looked for in the next round
            found = await reader.heads(cursors.heads, list(cursors.behind), _READ_ROWS)
            has_more = cursors.admit(found, _READ_ROWS, self._offer)
            self._news |= has_more
        now = asyncio.get_running_loop().time()
        for recipient in list(cursors.behind):
            room = lanes.room()
            if lanes.rows(recipient) > room // 2 or now < self._idle_behind.get(recipient, 0.0):
                continue
            limit = room // max(1, len(cursors.heads)) + 1
            rows = await reader.behind(recipient, cursors.behind[recipient], cursors.heads, limit)
            moved = cursors.admit_behind(recipient, rows, limit, self._offer)
            self._idle_behind[recipient] = 0.0 if moved else now + POLL_SECONDS
        return has_more

    def _probe(self) -> None:
        for recipient in self._work.lanes.probes(self._clock()):
            if recipient not in self._probing:
                self._probing.add(recipient)
                self._group.create_task(self._try(recipient))

    async def _try(self, recipient: str) -> None:
        """See whether a recipient that could not be reached can be: nothing is asked or sent for it before."""
        lanes = self._work.lanes
        provider = self._providers.get(recipient)
        if provider is None or await self._dispatch.reachable(provider):
            lanes.reached(recipient)
        else:
            lanes.failed(recipient, self._clock(), unreachable=True)
        self._probing.discard(recipient)
        self._wake.set()
