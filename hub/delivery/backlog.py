"""How far each partition of the outbox has been read into the lanes. Pure.

All recipients are read together behind one head a partition. A recipient whose rows did not fit, or were let go, falls behind: the heads
pass it by and it is read by itself from where its rows are missing, until it has caught up with them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from hub.delivery.lanes import Offer
from hub.ledger.backlog import Head, Read
from hub.ledger.outbox import Waiting

Take = Callable[[Waiting], Offer]


class Cursors:
    """The reading positions of one process."""

    def __init__(self) -> None:
        self.heads: dict[int, Head] = {}
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
        for part, read in found.items():
            for row in read.rows:
                recipient = row.place.recipient
                resume = self.behind.get(recipient)
                if resume is not None:  # fell behind in this very look
                    resume[part] = min(resume[part], row.place.off)
                elif take(row) is Offer.FULL:
                    self.fall_behind(recipient, {part: row.place.off}, before)
            if len(read.rows) >= limit:
                last = read.rows[-1].place
                self.heads[part] = Head(last.off, last.recipient)
            elif read.top >= self.heads[part].off:
                self.heads[part] = Head(read.top + 1)
        return any(len(read.rows) >= limit for read in found.values())

    def admit_behind(self, recipient: str, found: Mapping[int, Sequence[Waiting]], limit: int, take: Take) -> bool:
        """Take what was found of a recipient that is behind. True when it moved forward, False when there was no room for any."""
        resume = self.behind[recipient]
        has_all = True
        moved = False
        for part, rows in found.items():
            full = False
            for row in rows:
                full = take(row) is Offer.FULL
                resume[part] = row.place.off
                if full:
                    break
                moved = True
            if not full and len(rows) < limit:
                resume[part] = max(resume[part], self.heads[part].off)
            else:
                has_all = False
                resume[part] += 0 if full else 1  # a place has one row of a recipient
        if has_all:
            del self.behind[recipient]
        return moved or has_all
