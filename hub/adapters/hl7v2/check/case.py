"""All that is known of one message when it is judged: made once, read by every rule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from hub.adapters.hl7v2.conformance import Standard, standard
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.message import Envelope
from hub.adapters.profile import Terms
from hub.model import Event

NULL: Final = '""'


@dataclass(frozen=True, slots=True)
class Case:
    """One message. ``event``: None when the hub refuses the message. ``codec``: what its bytes were read as."""

    raw: bytes = field(repr=False)
    er7: Er7 = field(repr=False)
    seen: Envelope = field(repr=False)
    terms: Terms
    event: Event | None = field(default=None, repr=False)
    declared: str = ""  # MSH-18 as written
    can_translate: bool = True

    @property
    def content(self) -> Content:
        """The segments, as the hub's translation reads them."""
        return Content(self.er7)

    @property
    def standard(self) -> Standard:
        """The standard of MSH-12."""
        return standard(self.seen.version)

    def value(self, place: str) -> str:
        """An unescaped value of the first segment, as ``er7.get``; "" for the v2 null too."""
        found = self.er7.get(place).strip()
        return "" if found == NULL else found

    def number_of(self, name: str) -> int:
        """Which segment of the message, from 1, is the first of a name; 0 = none."""
        names = self.er7.names()
        return names.index(name) + 1 if name in names else 0

    def numbered(self, *names: str) -> Iterator[tuple[int, Segment]]:
        """Segments of these names with their number in the message, from 1."""
        for number, segment in enumerate(self.er7, 1):
            if segment.name in names:
                yield number, segment


def values(segment: Segment, n: int, component: int = 1, sub: int = 1) -> Iterator[str]:
    """One value of each repetition of a field, unescaped, "" where it has none. The field is cut once however often it repeats."""
    marks = segment.delimiters
    for repetition in segment.repetitions(n):
        parts = repetition.split(marks.component, component)
        subs = parts[component - 1].split(marks.subcomponent, sub) if component <= len(parts) else []
        yield segment.unescape(subs[sub - 1]).strip() if sub <= len(subs) else ""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a rule is broken: the place, the segment's number, and what may be said of the value (its shape)."""

    place: str
    segment: int = 0
    detail: str = ""


Test = Callable[[Case], Iterator[Spot]]
