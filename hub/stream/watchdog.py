"""When is a consumer stuck? Judged from outside it: by what the broker says is there and what the group has finished.

A consumer library can stop consuming after a rebalance or a broker's restart and say nothing. No positive sign of life while there is
something to do, for long enough, means: end the process. Its supervisor starts it again, and at-least-once makes that safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """What the broker says of a topic and a group: partition -> offset."""

    ends: Mapping[int, int]  # the next offset to be written
    done: Mapping[int, int]  # the next offset the group will read: committed, or the oldest there is

    def lag(self, partitions: frozenset[int]) -> int:
        """Records there and not finished, in these partitions."""
        return sum(max(self.ends[p] - self.done.get(p, 0), 0) for p in partitions if p in self.ends)


class Watchdog:
    """Feed it sights; it says when to give up, and whether the group is behind. Times in seconds of any steady clock."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._sign: object = None
        self._since = 0.0
        self._earlier: Sight | None = None
        self.behind = True  # until the group has finished all that was there at an earlier sight

    def look(self, now: float, sight: Sight, assigned: frozenset[int], beats: int) -> bool:
        """True when stuck: something to do and, for the whole patience, neither an event finished nor a retry made.

        A process that has been assigned nothing watches the whole topic: when nobody works on it, somebody must start again.
        """
        watched = assigned or frozenset(sight.ends)
        sign = (beats, assigned, tuple(sight.done.get(p, 0) for p in sorted(watched)))
        self.behind = self._earlier is None or any(sight.done.get(p, 0) < end for p, end in self._earlier.ends.items())
        self._earlier = sight
        if sign != self._sign or not sight.lag(watched):
            self._sign, self._since = sign, now
        return now - self._since >= self._patience
