"""Who may be sent to now: one lane a (recipient, patient), one message of a lane at a time, in the order of ``inbound``.

Pure: no clock, no I/O. A recipient that is down, slow or refusing holds up its own lanes and nobody else's; the number of rows in memory
is bounded whatever waits in the ledger (``Limits``), and what does not fit is read again later (``Offer.FULL`` and ``rewinds``).
Within a lane rows run in their order (``precedes``), in whatever order they are offered.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Mapping
from enum import Enum
from typing import Final

from hub.delivery.destination import Destination, Lane, Limits, merge, precedes
from hub.delivery.gates import Gates
from hub.delivery.retry import Backoff
from hub.ledger.outbox import Place, Waiting

_PROBE_SECONDS_MAX: Final = 5.0  # trying to connect shows nothing to nobody, so it is done more often than sending


class Offer(Enum):
    """What became of a row that was offered."""

    TAKEN = "taken"
    KNOWN = "known"  # in memory already
    FULL = "full"  # no room: offer it again later
    LEFT = "left"  # its lane is blocked or long: the lane remembers to ask for it


class Lanes:
    """All lanes of one delivery process."""

    def __init__(self, backoff: Backoff, limits: Limits | None = None) -> None:
        self._backoff = backoff
        self._probing = Backoff(backoff.first_seconds, min(_PROBE_SECONDS_MAX, backoff.max_seconds))
        self._limits = limits or Limits()
        self._destinations: dict[str, Destination] = {}
        self._ready: dict[str, Destination] = {}  # those with a lane that could go, in turn
        self._timers: list[tuple[int, int, Destination, Lane]] = []
        self._timer = 0
        self._known: set[Place] = set()
        self._bytes = 0  # of what is under way
        self._gates: defaultdict[str, Gates] = defaultdict(Gates)  # by recipient
        self._nexts: Mapping[int, int] = {}  # partition -> up to where it had been decided before the rows offered now were read
        self.rewinds: dict[str, dict[int, int]] = {}  # recipient -> part -> offset to read again from

    def __len__(self) -> int:
        return len(self._known)

    @property
    def recipients(self) -> list[str]:
        """Everybody something was ever offered for."""
        return list(self._destinations)

    def rows(self, recipient: str) -> int:
        """How many rows of a recipient are in memory."""
        return self._destinations[recipient].rows if recipient in self._destinations else 0

    def room(self) -> int:
        """How many rows each recipient may have in memory now: its share when many wait, a few when there is no more memory."""
        limits = self._limits
        share = 0 if len(self._known) >= limits.rows_max else limits.rows_max // max(1, len(self._destinations))
        return max(limits.recipient_rows_min, min(limits.recipient_rows_max, share))

    def destination(self, recipient: str, connections: int = 8, *, hold: bool = True) -> Destination:
        """The recipient's destination, made when it is first heard of."""
        found = self._destinations.get(recipient)
        if found is None:
            found = Destination(recipient, connections, hold, window=2 * connections)
            self._destinations[recipient] = found
        return found

    def offer(self, row: Waiting, destination: Destination) -> Offer:
        """Take a row into its lane, where it belongs, if there is room. A refused one holds up those after it, unless released."""
        if row.place in self._known:
            return Offer.KNOWN
        if row.parked and destination.hold:
            self._block(destination, row)
        stop = destination.blocked.get(row.patient_key)
        if row.parked or (stop is not None and precedes(stop, row)):
            return Offer.LEFT
        lane = destination.lanes.get(row.patient_key) or Lane(row.patient_key)
        at = lane.place_of(row)
        if at == len(lane.rows) and (lane.left or at >= self._limits.lane_rows_max):
            lane.leave(row.place)
            return Offer.LEFT
        gates = self._gates[destination.recipient]
        if destination.rows >= self.room() or max(len(destination.blocked), len(gates)) >= self._limits.blocked_lanes_max:
            return Offer.FULL
        if (row.fence or gates) and self._waits(gates, destination, lane, row):
            return Offer.LEFT
        destination.lanes[row.patient_key] = lane
        lane.rows.insert(at, row)
        destination.rows += 1
        self._known.add(row.place)
        if len(lane.rows) > self._limits.lane_rows_max:
            lane.leave(self._drop_last(destination, lane).place)
        self._queue(destination, lane)
        return Offer.TAKEN

    def _waits(self, gates: Gates, destination: Destination, lane: Lane, row: Waiting) -> bool:
        """Whether a row must wait for another partition; what comes after it is let go of then."""
        if not gates.stop(row, self._nexts):
            return False
        while len(lane.rows) > lane.flying and precedes(row, lane.rows[-1]):
            lane.leave(self._drop_last(destination, lane).place)
        gates.leave(row.patient_key, lane.left)
        lane.left.clear()
        if not lane.rows:
            destination.lanes.pop(lane.patient, None)
        return True

    @property
    def gates(self) -> int:
        """How many patients' deliveries wait for another partition, counted by recipient."""
        return sum(map(len, self._gates.values()))

    def decided(self, nexts: Mapping[int, int]) -> bool:
        """How far each partition was decided before the next look at the backlog. True when some that waited are to be read again."""
        self._nexts, before = nexts, self.gates
        for recipient, gates in self._gates.items():
            for left in gates.opened(nexts):
                merge(self.rewinds.setdefault(recipient, {}), left)
        return self.gates < before

    def _block(self, destination: Destination, refused: Waiting) -> None:
        """Hold what comes after a refused message; what comes before it still goes."""
        stop = destination.blocked.get(refused.patient_key)
        if stop is None or precedes(refused, stop):
            destination.blocked[refused.patient_key] = refused
        lane = destination.lanes.get(refused.patient_key)
        while lane and len(lane.rows) > lane.flying and precedes(refused, lane.rows[-1]):
            self._drop_last(destination, lane)
            lane.left.clear()
        if lane and not lane.rows:
            del destination.lanes[lane.patient]

    def take(self, now_us: int, limit: int) -> list[Waiting]:
        """Up to ``limit`` rows that may be asked about now, at most one a lane; each recipient in turn. They are under way from here on.

        The limit is shared by the recipients that may be sent to; what one of them has no use for goes to the others. So are the bytes.
        """
        self._wake(now_us)
        open_to = {destination: count for destination in self._ready.values() if (count := self._may_take(destination, now_us))}
        taken: list[Waiting] = []
        full_at = min(self._limits.flying_bytes_max, self._bytes + self._limits.turn_bytes_max)
        while open_to and len(taken) < limit and self._bytes < full_at:
            share = max(1, (limit - len(taken)) // len(open_to))
            for destination, count in list(open_to.items())[: limit - len(taken)]:
                some = min(share, count)
                is_served = self._take_from(destination, some, full_at, taken)
                open_to[destination] = count - some
                if count == some:
                    del open_to[destination]
                    destination.limited = is_served and bool(destination.ready) and not destination.down_until_us
                if self._bytes >= full_at:
                    break
        return taken

    def _may_take(self, destination: Destination, now_us: int) -> int:
        """How many rows of a recipient may be asked about now, one a lane."""
        if destination.limited and destination.flying < destination.connections:  # it ran dry between two turns
            destination.window = min(self._limits.flying_max, destination.window * 2)
        allowed = destination.allowed(now_us)
        destination.limited = not allowed and not destination.down_until_us
        return min(allowed, len(destination.ready))

    def _take_from(self, destination: Destination, count: int, full_at: int, taken: list[Waiting]) -> bool:
        """So many rows of a recipient, fewer and False when there are bytes enough under way."""
        is_full = False
        for _ in range(count):
            is_full = self._bytes >= full_at or destination.flying_bytes >= self._limits.recipient_bytes_max
            if is_full:
                break
            lane = destination.ready.popleft()
            lane.queued = False
            if not lane.rows:  # held up meanwhile
                continue
            lane.flying = True
            destination.flying += 1
            destination.flying_bytes += lane.rows[0].size
            self._bytes += lane.rows[0].size
            taken.append(lane.rows[0])
        del self._ready[destination.recipient]
        if destination.ready:  # to the end of the line
            self._ready[destination.recipient] = destination
        return not is_full

    def ended(self, row: Waiting) -> None:
        """The delivery is settled (delivered, withheld or gone): its lane moves on. ``forget`` it once the ledger knows."""
        destination, lane = self._land(row)
        lane.rows.popleft()
        destination.rows -= 1
        self._after(destination, lane)

    def forget(self, place: Place) -> None:
        """The ledger has it: the row can no longer be read again."""
        self._known.discard(place)

    def parked(self, row: Waiting) -> None:
        """The recipient refused the message: hold the patient's later ones behind it, or release them, as the provider wants."""
        destination, lane = self._land(row)
        lane.rows.popleft()
        destination.rows -= 1
        if destination.hold:
            self._block(destination, row)
            lane.left.clear()
        self._after(destination, lane)

    def again(self, row: Waiting, next_us: int) -> None:
        """Another attempt of this row, not before ``next_us``; its lane waits. A row that keeps failing keeps no others in memory."""
        destination, lane = self._land(row)
        lane.rows[0] = row._replace(attempts=row.attempts + 1, next_us=next_us)
        if row.attempts >= 2:
            head = lane.rows.popleft()
            self._drop_rest(destination, lane)
            lane.rows.append(head)
        self._queue(destination, lane)

    def given_back(self, row: Waiting) -> None:
        """Asked about and not begun in time: ask again, and ask this recipient about fewer at once."""
        destination, lane = self._land(row)
        destination.window = max(destination.connections, destination.window // 2)
        self._queue(destination, lane, first=True)

    def answered(self, recipient: str) -> None:
        """The recipient is there: it gave an answer."""
        destination = self._destinations[recipient]
        destination.failures, destination.down_until_us, destination.unreachable = 0, 0, False

    def reached(self, recipient: str) -> None:
        """A connection could be made again: one send will show whether the recipient answers."""
        self._destinations[recipient].unreachable = False

    def failed(self, recipient: str, now_us: int, *, unreachable: bool, pause_us: int = 0) -> int:
        """The recipient did not do its part. Returns until when it is left alone (microseconds; 0 = it is not)."""
        backoff = self._probing if unreachable else self._backoff
        return self._destinations[recipient].failed(now_us, backoff, unreachable=unreachable, pause_us=pause_us)

    def probes(self, now_us: int) -> list[str]:
        """Recipients that could not be reached, whose time to be tried again has come and for whom something waits."""
        return [d.recipient for d in self._ready.values() if d.unreachable and d.down_until_us <= now_us and d.ready and not d.flying]

    def ebb(self, recipient: str) -> bool:
        """Let everything of a recipient go, once what is under way has ended; until then nothing more of it is sent.

        True when that is so: all of it is then to be read again.
        """
        destination = self._destinations.get(recipient)
        if destination is None:
            return True
        destination.ebbing = destination.flying > 0
        if not destination.ebbing:
            for lane in destination.lanes.values():
                self._drop_rest(destination, lane)
            for them in (destination.lanes, destination.ready, destination.blocked, self._gates[recipient]):
                them.clear()
        return not destination.ebbing

    def reset(self, recipient: str, connections: int, *, hold: bool) -> None:
        """Forget what is not under way and start over with the provider's new settings; everything of it is to be read again."""
        old = self._destinations.pop(recipient, None)
        self._ready.pop(recipient, None)
        fresh = self.destination(recipient, connections, hold=hold)
        self._gates.pop(recipient, None)
        if old is None:
            return
        for lane in old.lanes.values():
            if lane.flying:
                head = lane.rows.popleft()
                self._drop_rest(old, lane)
                fresh.lanes[lane.patient] = Lane(lane.patient, deque([head]), flying=True)
                fresh.rows += 1
                fresh.flying += 1
                fresh.flying_bytes += head.size
            else:
                self._drop_rest(old, lane)

    def next_us(self, now_us: int) -> int | None:
        """When a row may next become ready by the passing of time alone; None = never."""
        times = [self._timers[0][0]] if self._timers else []
        times += [d.down_until_us for d in self._ready.values() if d.down_until_us > now_us]
        return min(times, default=None)

    def _land(self, row: Waiting) -> tuple[Destination, Lane]:
        self._bytes -= row.size
        return (destination := self._destinations[row.place.recipient]), destination.land(row)

    def _after(self, destination: Destination, lane: Lane) -> None:
        if lane.rows:
            self._queue(destination, lane)
            return
        destination.lanes.pop(lane.patient, None)
        if lane.left:
            merge(self.rewinds.setdefault(destination.recipient, {}), lane.left)

    def _queue(self, destination: Destination, lane: Lane, *, first: bool = False) -> None:
        if lane.flying or lane.queued:
            return
        lane.queued = True
        if lane.rows[0].next_us:
            self._timer += 1
            heapq.heappush(self._timers, (lane.rows[0].next_us, self._timer, destination, lane))
            return
        if first:
            destination.ready.appendleft(lane)
        else:
            destination.ready.append(lane)
        self._ready.setdefault(destination.recipient, destination)

    def _wake(self, now_us: int) -> None:
        while self._timers and self._timers[0][0] <= now_us:
            _, _, destination, lane = heapq.heappop(self._timers)
            if self._destinations.get(destination.recipient) is destination and lane.rows:  # not reset meanwhile
                destination.ready.append(lane)
                self._ready.setdefault(destination.recipient, destination)

    def _drop_last(self, destination: Destination, lane: Lane) -> Waiting:
        row = lane.rows.pop()
        self._known.discard(row.place)
        destination.rows -= 1
        return row

    def _drop_rest(self, destination: Destination, lane: Lane) -> None:
        for row in lane.rows:
            lane.leave(row.place)
            self._known.discard(row.place)
        destination.rows -= len(lane.rows)
        lane.rows.clear()
