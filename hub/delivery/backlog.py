"""How far each partition of the outbox has been read into the lanes. Pure.

All recipients are read together behind one head a partition. A recipient whose rows did not fit, or were let go, falls behind: the heads
pass it by and it is read by itself from where its rows are missing, until it has caught up with them.
Rows are offered in the order of their receipt, whatever partition they are in, and none before every partition has been read as far: a
patient known under several identifiers has messages in several.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from hub.delivery.lanes import Offer
from hub.ledger.backlog import Head, Read
from hub.ledger.outbox import Waiting

Take = Callable[[Waiting], Offer]


class Cursors:
    """The reading positions of one process."""

    def __init__(self) -> None:
        self.heads: dict[int, Head] = {}
        self._until_us = math.inf  # the heads have passed every row received until then
        self.behind: dict[str, dict[int, int]] = {}  # recipient -> part -> offset from which it is to be read, inclusive

    def own(self, parts: Iterable[int]) -> None:
        """Partitions to be read from their beginning from now on."""
        for part in parts:
            self.heads[part] = Head()
            for resume in self.behind.values():
                resume[part] = 0

    def fall_behind(self, recipient: str, places: Mapping[int, int], heads: Mapping[int, Head] | None = None) -> None:
        """Read this recipient by itself: from ``places`` where given, elsewhere from where the heads are (or were: ``heads``)."""
        resume = self.behind.setdefault(recipient, {part: head.off for part, head in (heads or self.heads).items()})
        for part, off in places.items():
            if part in resume:
                resume[part] = min(off, resume[part])

    def start_over(self, recipient: str) -> None:
        """Read everything of this recipient again."""
        self.fall_behind(recipient, dict.fromkeys(self.heads, 0))

    def admit(self, found: Mapping[int, Read], limit: int, take: Take) -> bool:
        """Take what a look at the heads found (at most ``limit`` rows a partition). True when there may be more."""
        before = dict(self.heads)
        look = in_order({part: read.rows for part, read in found.items()}, limit)
        for row in look.rows:
            part, off, recipient = row.place
            resume = self.behind.get(recipient)
            if resume is not None:  # fell behind in this very look
                resume[part] = min(resume[part], off)
            elif take(row) is Offer.FULL:
                self.fall_behind(recipient, {part: off}, before)
        for part, read in found.items():
            if part in look.rest:
                self.heads[part] = max(before[part], Head(look.rest[part]))
            elif len(read.rows) >= limit:
                self.heads[part] = Head(*read.rows[-1].place[1:])
            elif read.top >= before[part].off:
                self.heads[part] = Head(read.top + 1)
        self._until_us = look.until_us
        return look.until_us < math.inf

    def admit_behind(self, recipient: str, found: Mapping[int, Sequence[Waiting]], limit: int, take: Take) -> bool:
        """Take what was found of a recipient that is behind. False when there was no room for any."""
        resume = self.behind[recipient]
        look = in_order(found, limit, self._until_us)
        is_full, moved = False, False
        for row in look.rows:
            is_full = take(row) is Offer.FULL
            if is_full:
                break
            resume[row.place.part] = row.place.off + 1  # a place has one row of a recipient
            moved = True
        has_all = not is_full
        for part, rows in found.items():
            if is_full or part in look.rest or len(rows) >= limit:
                has_all = False
            else:
                resume[part] = max(resume[part], self.heads[part].off)
        if has_all:
            del self.behind[recipient]
        return moved or not is_full


class Look(NamedTuple):
    """What may be taken of what was found: rows in their order, the offset from which each partition has more, up to when all were read."""

    rows: list[Waiting]
    rest: dict[int, int]
    until_us: float


def in_order(found: Mapping[int, Sequence[Waiting]], limit: int, until_us: float = math.inf) -> Look:
    """The rows of all partitions by time of receipt, those of one partition in its own order, up to where all have been read.

    A partition that gave ``limit`` rows may have more, which were received no earlier than its last. until_us: take none after that.
    """
    dated: list[tuple[int, Waiting]] = []
    for part in sorted(found):
        latest_us = 0  # clocks of gateways differ: a row goes no earlier than one before it in its partition
        for row in found[part]:
            latest_us = max(latest_us, row.received_us)
            dated.append((latest_us, row))
        if len(found[part]) >= limit:
            until_us = min(until_us, latest_us)
    rest: dict[int, int] = {}
    for received_us, row in dated:
        if received_us > until_us:
            rest.setdefault(row.place.part, row.place.off)
    dated.sort(key=itemgetter(0))
    return Look([row for received_us, row in dated if received_us <= until_us], rest, until_us)
