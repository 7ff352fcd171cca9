"""A message's segments, each cut once and when asked for, and how to take their text apart."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings.times import zone_of

NULL: Final = '""'  # "delete this value": there is none
_USUAL: Final = ("^", "&", "~", "\\")
_TO_THE_HOUR: Final = 10  # digits
_SMALL: Final = 40  # segments of a message that is cut as a whole as soon as any of it is asked for
_UNTEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no FHIR string holds these


@dataclass(frozen=True, slots=True)
class Text:
    """How to take a message's text apart. ``unescape`` turns escape sequences into characters; it is called on leaves only."""

    component: str
    subcomponent: str
    repetition: str
    escape: str
    unescape: Callable[[str], str]
    is_usual: bool = False  # the delimiters and the zone are those of nearly every message: what was read once may be known again
    zone: str = ""  # the offset of times that have none; "" = Norwegian civil time

    def leaf(self, raw: str) -> str:
        """The characters meant by a piece that is not divided further; "" for none and for the v2 null."""
        if raw.isalnum():  # most are: nothing to strip, unescape or leave out
            return raw
        raw = raw.strip()
        if raw == NULL:
            return ""
        if self.escape in raw:
            raw = self.unescape(raw).strip()
        return raw if raw.isprintable() else _UNTEXT.sub("", raw).strip()

    def at(self, time: str) -> str:
        """A time (DTM) with the offset that holds for it where it has none: MSH-7's, throughout the message (HL7 v2.5.1 2.15.9.7)."""
        return f"{time}{self.zone}" if self.zone and len(time) >= _TO_THE_HOUR and not {"+", "-"} & set(time) else time

    def parts(self, raw: str) -> list[str]:
        """The texts of a repetition's components; of a divided one its first subcomponent."""
        if raw.isalnum():
            return [raw]
        parts = raw.split(self.component)
        if raw.isprintable() and self.escape not in raw and self.subcomponent not in raw and NULL not in raw:
            return [p.strip() for p in parts] if " " in raw else parts
        return [p and self.leaf(p.split(self.subcomponent, 1)[0]) for p in parts]

    def part(self, parts: list[str], n: int) -> str:
        """Component ``n`` (1-based) of ``parts``; "" when absent."""
        return parts[n - 1] if n <= len(parts) else ""

    def raw(self, raw: str, n: int) -> str:
        """Component ``n`` (1-based) of a repetition as written; "" when absent."""
        parts = raw.split(self.component, n)
        return parts[n - 1] if n <= len(parts) else ""

    def repetitions(self, raw: str) -> list[str]:
        """The repetitions of a field that say anything."""
        if self.repetition not in raw:
            return [raw] if raw and raw != NULL else []
        return [r for r in raw.split(self.repetition) if r and r != NULL]


class Content:
    """The segments of a message in order, by name, and its ``text``."""

    __slots__ = ("_all", "_er7", "_first", "_named", "text")

    def __init__(self, er7: Er7) -> None:
        marks = er7.delimiters
        marked = (marks.component, marks.subcomponent, marks.repetition, marks.escape)
        head = (er7.line("MSH") or "").split(marks.field, 7)
        zone = zone_of(head[6]) if len(head) > 6 else ""
        self.text: Final = Text(*marked, er7.unescape, is_usual=marked == _USUAL and not zone, zone=zone)
        self._er7: Final = er7
        self._first: Final[dict[str, Segment | None]] = {}
        self._all: list[Segment] | None = None
        self._named: dict[str, list[Segment]] = {}

    def __iter__(self) -> Iterator[Segment]:
        """The segments in order, cut once: whoever asks for all of them will come again."""
        return iter(self._cut() if self._all is None else self._all)

    def _cut(self) -> list[Segment]:
        self._all = found = self._er7.segments()
        for segment in found:
            if segment.name in self._named:
                self._named[segment.name].append(segment)
            else:
                self._named[segment.name] = [segment]
                self._first[segment.name] = segment
        return found

    def has(self, *names: str) -> bool:
        """Whether the message has a segment of any of these names."""
        return any(self._er7.count(name) for name in names) if self._all is None else any(name in self._named for name in names)

    def segment(self, name: str) -> Segment | None:
        """The first segment of a name, or None."""
        if name in self._first:
            return self._first[name]
        if self._all is None and len(self._er7.names()) <= _SMALL:
            self._cut()
            return self._first.get(name)
        found = self._first[name] = None if self._all is not None else self._er7.segment(name)
        return found

    def segments(self, name: str) -> list[Segment]:
        """All segments of a name in order."""
        if self._all is not None:
            return self._named.get(name, [])
        first = self.segment(name)
        if first is None:
            return []
        return [first] if self._er7.count(name) == 1 else self._er7.segments(name)

    def field(self, name: str, n: int) -> str:
        """Field ``n`` of the first segment of a name, as written; "" when absent."""
        segment = self._first[name] if name in self._first else self.segment(name)
        return segment.fields[n] if segment is not None and n < len(segment.fields) else ""

    def value(self, name: str, n: int, component: int = 1) -> str:
        """One text of the first repetition of a field; "" when absent."""
        raw = self.field(name, n)
        if raw.isalnum() or not raw:
            return raw if component == 1 else ""
        if self.text.repetition in raw:
            raw = raw.split(self.text.repetition, 1)[0]
        return self.text.part(self.text.parts(raw), component)
