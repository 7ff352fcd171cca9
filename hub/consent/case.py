"""One thing asked about: what the rows of the decision table look at."""

from typing import NamedTuple

from hub.consent.question import Question
from hub.model import Boundaries, Consent, Item


class Case(NamedTuple):
    """A thing with the consents in force, and those of them that say something about it.

    only_minimum: nothing of the message may be shown otherwise; asked is whether the least that the law demands may go.
    """

    question: Question
    item: Item
    now_us: int
    boundaries: Boundaries
    readable: bool
    only_minimum: bool = False
    in_force: tuple[Consent, ...] = ()
    locks: tuple[Consent, ...] = ()
    permits: tuple[Consent, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the thing is a whole message, of which its labels are not all that is in it."""
        return not self.question.items
