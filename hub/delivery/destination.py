"""What the lanes are made of: one recipient, one patient's deliveries to it, and the bounds of both. Pure."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.delivery.retry import Backoff
from hub.ledger.outbox import Place, Waiting


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of memory: in rows, and in bytes of the payloads that are asked about and sent (the last of them may go beyond)."""

    rows_max: int = 100_000  # over all recipients
    recipient_rows_max: int = 2_000
    recipient_rows_min: int = 32  # whatever waits for others
    lane_rows_max: int = 32
    blocked_lanes_max: int = 10_000  # a recipient that refused this many patients is not read further
    flying_max: int = 256  # asked about and not ended, a recipient
    turn_bytes_max: int = 16 * 1024 * 1024
    flying_bytes_max: int = 64 * 1024 * 1024  # over all recipients
    recipient_bytes_max: int = 8 * 1024 * 1024  # so that a few that hang do not use up what all have


@dataclass(slots=True, eq=False)
class Lane:
    """The deliveries of one patient to one recipient, in their order; the ones not kept (``left``) come after all of these."""

    patient: str
    rows: deque[Waiting] = field(default_factory=deque)
    flying: bool = False
    queued: bool = False  # in the recipient's ready queue or on a timer
    left: dict[int, int] = field(default_factory=dict)  # part -> first offset that was not kept

    def place_of(self, row: Waiting) -> int:
        """Where a row belongs; never before the one under way."""
        at = len(self.rows)
        while at > self.flying and precedes(row, self.rows[at - 1]):
            at -= 1
        return at

    def leave(self, place: Place) -> None:
        """Remember that a row of this lane was not kept."""
        merge(self.left, {place.part: place.off})


@dataclass(slots=True, eq=False)
class Destination:
    """One recipient: its lanes, how many sends it may have under way, and whether it can be reached."""

    recipient: str
    connections: int
    hold: bool
    window: int
    lanes: dict[str, Lane] = field(default_factory=dict)
    ready: deque[Lane] = field(default_factory=deque)
    blocked: dict[str, Waiting] = field(default_factory=dict)  # patient -> the first message that holds up those after it
    rows: int = 0
    flying: int = 0
    flying_bytes: int = 0
    failures: int = 0  # incidents since the last answer
    down_until_us: int = 0
    unreachable: bool = False  # the last failure was that no connection could be made
    limited: bool = False  # the window was the bound last time
    ebbing: bool = False  # nothing more is sent until all that is under way has ended

    def land(self, row: Waiting) -> Lane:
        """The send of a row has ended. Returns its lane."""
        lane = self.lanes[row.patient_key]
        lane.flying = False
        self.flying -= 1
        self.flying_bytes -= row.size
        return lane

    def allowed(self, now_us: int) -> int:
        """How many more sends may be begun: none while it is down, one to see whether it is back, its window otherwise."""
        if self.unreachable or self.ebbing or now_us < self.down_until_us:
            return 0
        return max(0, (1 if self.down_until_us else self.window) - self.flying)

    def failed(self, now_us: int, backoff: Backoff, *, unreachable: bool, pause_us: int) -> int:
        """It did not do its part. Returns until when it is left alone (microseconds; 0 = it is not).

        It is left alone when no connection could be made, when it asked for a pause, and when as many sends as it has
        connections failed in a row.
        """
        if now_us < self.down_until_us:  # sends of the same incident
            self.down_until_us = max(self.down_until_us, now_us + pause_us)
            return self.down_until_us
        self.failures += 1
        self.unreachable = unreachable
        if unreachable or pause_us or self.down_until_us or self.failures >= self.connections:
            level = self.failures if unreachable else max(1, self.failures - self.connections + 1)
            self.down_until_us = now_us + max(pause_us, backoff.wait_us(level, self.recipient))
        return self.down_until_us


def precedes(a: Waiting, b: Waiting) -> bool:
    """Whether a patient's delivery goes before another to the same recipient.

    Within a partition the order is that of topic ``inbound``. Between partitions (a patient known under several identifiers has messages in
    several) it is the time of receipt, and the place where that is the same.
    """
    if a.place.part == b.place.part:
        return a.place.off < b.place.off
    return (a.received_us, a.place) < (b.received_us, b.place)


def merge(into: dict[int, int], places: Mapping[int, int]) -> None:
    """Keep the lower offset of each partition."""
    for part, off in places.items():
        into[part] = min(off, into.get(part, off))
