"""The hub's own ER7 reader: lazy, strict about structure, and total - whatever arrives, only ``Rejected`` comes out.

A message is decoded once and cut into segment lines; fields, repetitions and components are cut when asked for. Values are unescaped
last, so no content can make a segment, field or component.
"""

import dataclasses
import re
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from hub.adapters.hl7v2 import charset, escapes
from hub.adapters.hl7v2.escapes import Delimiters
from hub.errors import Reason, Rejected

_HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})  # field 1 is the separator itself
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))  # no text holds these; VT and FS are the frame's
_CONTROL: Final = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_TAG: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BYTE_LINE_CR: Final = re.compile(rb"[^\r]+\r?")
_BYTE_LINE: Final = re.compile(rb"[^\r\n]+(?:\r\n|\r|\n)?")
_BYTE_TAG: Final = re.compile(rb"[A-Z][A-Z0-9]{2}")
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?")
_USUAL: Final = b"MSH|^~\\&|"
_DEFAULT: Final = Delimiters()
_TAGS_SEEN: set[str] = set()  # segment heads ("PID|") found well-formed, at most 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one message's structure; beyond them it is refused before any of it is cut up."""

    segments_max: int = 20_000
    repetitions_max: int = 20_000
    separators_max: int = 250_000  # fields, components and subcomponents together
    escapes_max: int = 500_000  # escape characters, two a sequence: a document of a megabyte in RTF has about 200,000


_LIMITS: Final = Limits()
NO_LIMITS: Final = Limits(sys.maxsize, sys.maxsize, sys.maxsize, sys.maxsize)
"""Of what has passed the door: its limits were the ones that counted."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. Field numbers are HL7's (MSH-1 is the separator); repetitions count from 0, components from 1."""

    name: str
    fields: list[str] = dataclasses.field(repr=False)
    delimiters: Delimiters
    encoding: str

    def field(self, n: int) -> str:
        """The text of a field as written, still escaped; "" when absent."""
        return self.fields[n] if n < len(self.fields) else ""

    def repetitions(self, n: int) -> list[str]:
        """The repetitions of a field as written; [] when the field is empty."""
        text = self.field(n)
        return text.split(self.delimiters.repetition) if text else []

    def components(self, n: int, rep: int = 0) -> list[str]:
        """The components of one repetition as written (subcomponents not cut, still escaped); [] when absent."""
        reps = self.repetitions(n)
        return reps[rep].split(self.delimiters.component) if rep < len(reps) else []

    def value(self, n: int, component: int = 1, rep: int = 0, sub: int = 1) -> str:
        """One value, unescaped: component and subcomponent count from 1; "" when absent."""
        parts = self.components(n, rep)
        if component > len(parts):
            return ""
        subs = parts[component - 1].split(self.delimiters.subcomponent)
        return self.unescape(subs[sub - 1]) if sub <= len(subs) else ""

    def unescape(self, text: str) -> str:
        """Text taken from this segment, unescaped."""
        return escapes.unescape(text, self.delimiters, self.encoding)

    @property
    def line(self) -> str:
        """The segment as written."""
        sep = self.delimiters.field
        return sep.join([self.name, *self.fields[2:]]) if self.name in _HEADERS else sep.join(self.fields)


class Er7:
    """One message. ``encoding`` is the Python codec its bytes were found to be in."""

    __slots__ = ("_lines", "_tags", "delimiters", "encoding")

    def __init__(self, lines: list[str], delimiters: Delimiters, encoding: str) -> None:
        self._lines: Final = lines
        self._tags: Final = [line[:4] for line in lines]
        self.delimiters: Final = delimiters
        self.encoding: Final = encoding
        if not _TAGS_SEEN.issuperset(self._tags):
            self._check_tags()

    @classmethod
    def from_bytes(cls, raw: bytes, limits: Limits | None = None, *, encoding: str = "", undeclared_encoding: str = "utf-8") -> "Er7":
        """Read a message (or a batch header's file). ``encoding``: the codec to use whatever MSH-18 says, "" = ask MSH-18.

        Raises Rejected: NO_HEADER, BAD_DELIMITERS, BAD_FRAME (control bytes), BAD_SEGMENT, BAD_VALUE (MSH-18), BAD_ENCODING, TOO_COMPLEX.
        """
        body, has_bom = raw, False
        if raw[:9] == _USUAL:
            marks = _DEFAULT
        else:
            body, has_bom = _body(raw)
            marks = _marks(body)
        if len(body.translate(None, _CONTROLS)) != len(body):
            raise Rejected(Reason.BAD_FRAME, f"control byte in segment {_number_of_control(body)}")
        codec = encoding or _declared(body, marks, "utf-8" if has_bom else undeclared_encoding)
        text = charset.decode(body, codec)
        limits = limits or _LIMITS
        _check_size(text, marks, limits)
        lines = _lines(text)
        if len(lines) > limits.segments_max:
            raise Rejected(Reason.TOO_COMPLEX, "segments")
        return cls(lines, marks, codec)

    def count(self, name: str) -> int:
        """How many segments have a name."""
        tags = self._tags
        return tags.count(name + self.delimiters.field) + (name in tags)

    def line(self, name: str) -> str | None:
        """The first segment of a name as written, or None."""
        tag = name + self.delimiters.field
        return self._lines[self._tags.index(tag)] if tag in self._tags else name if name in self._tags else None

    def segment(self, name: str, n: int = 0) -> Segment | None:
        """The n-th segment of a name (from 0), or None."""
        tag = name + self.delimiters.field
        if n == 0 and name not in self._tags:  # no line is the bare name: the tags can be searched as they are
            return self._segment(self._tags.index(tag)) if tag in self._tags else None
        for i, found in enumerate(self._tags):
            if found[:3] == name:
                if n == 0:
                    return self._segment(i)
                n -= 1
        return None

    def segments(self, name: str = "") -> list[Segment]:
        """All segments of a name, or all of them, in order."""
        return [self._segment(i) for i, tag in enumerate(self._tags) if not name or tag[:3] == name]

    def only(self, names: Container[str]) -> Iterator[Segment]:
        """The segments of these names, in order; the others are not cut."""
        return (self._segment(i) for i, tag in enumerate(self._tags) if tag[:3] in names)

    def until(self, name: str, n: int) -> "Er7":
        """The message as far as the n-th segment of a name (from 0), which is left out with all behind it; the whole when there is none."""
        found = [i for i, tag in enumerate(self._tags) if tag[:3] == name]
        return Er7(self._lines[: found[n]], self.delimiters, self.encoding) if n < len(found) else self

    def names(self) -> list[str]:
        """The segment names in order."""
        return [tag[:3] for tag in self._tags]

    def get(self, place: str) -> str:
        """The unescaped value at a place such as ``PID-3.1``, ``OBX[1]-5[0].1`` or ``PID-3.4.2``; "" when absent.

        Segment and repetition numbers count from 0, fields, components and subcomponents from 1.
        """
        match = _PLACE.fullmatch(place)
        if match is None:
            raise ValueError(place)
        name, nth, number, rep, component, sub = match.groups()
        found = self.segment(name, int(nth or 0))
        return found.value(int(number), int(component or 1), int(rep or 0), int(sub or 1)) if found else ""

    def unescape(self, text: str) -> str:
        """Text taken from this message, unescaped."""
        return escapes.unescape(text, self.delimiters, self.encoding)

    def escape(self, text: str) -> str:
        """Text as it may stand in a field of this message."""
        return escapes.escape(text, self.delimiters)

    def _segment(self, i: int) -> Segment:
        line = self._lines[i]
        name, marks = line[:3], self.delimiters
        fields = line.split(marks.field)
        if name in _HEADERS:
            fields.insert(1, marks.field)
        return Segment(name, fields, marks, self.encoding)

    def _check_tags(self) -> None:
        for number, tag in enumerate(self._tags, 1):
            if not _TAG.match(tag) or (len(tag) == 4 and tag[3] != self.delimiters.field):
                raise Rejected(Reason.BAD_SEGMENT, f"segment {number}")
            if len(_TAGS_SEEN) < 4096 and tag[3:] == "|" == self.delimiters.field:
                _TAGS_SEEN.add(tag)

    def __iter__(self) -> Iterator[Segment]:
        """The segments in order."""
        return (self._segment(i) for i in range(len(self._lines)))


def _body(raw: bytes) -> tuple[bytes, bool]:
    """The message without byte order mark and blank lines before it."""
    if raw[:3] == b"MSH":
        return raw, False
    body = raw.lstrip(b"\r\n")
    has_bom = body.startswith(charset.BOM)
    return body.removeprefix(charset.BOM).lstrip(b"\r\n"), has_bom


def _marks(body: bytes) -> Delimiters:
    if body[:3] not in (b"MSH", b"FHS", b"BHS"):
        raise Rejected(Reason.NO_HEADER, "MSH")
    head = body[3:12].decode("latin-1")  # MSH-1, at most five characters of MSH-2, and what must end them
    end = head.find(head[:1], 1) if head else -1
    ended = end if end > 0 else re.search(r"[\r\n]|\Z", head).start()  # type: ignore[union-attr]  # \Z always matches
    return escapes.delimiters(head[:1], head[1:ended])


def _declared(body: bytes, marks: Delimiters, undeclared: str) -> str:
    """The codec of MSH-18, read from the header's bytes: all character sets carried agree on ASCII."""
    end = min((i for i in (body.find(b"\r"), body.find(b"\n")) if i >= 0), default=len(body))
    fields = body[:end].split(marks.field.encode(), 18)
    name = fields[17].split(marks.repetition.encode(), 1)[0].strip() if len(fields) > 17 and body[:3] == b"MSH" else b""
    return charset.codec_of(name.decode("latin-1")) if name and name != b'""' else charset.codec_of(undeclared)


def _check_size(text: str, marks: Delimiters, limits: Limits) -> None:
    size = len(text)
    if size > limits.segments_max and text.count("\r") + text.count("\n") > 2 * limits.segments_max:
        raise Rejected(Reason.TOO_COMPLEX, "segments")
    if size > limits.repetitions_max and text.count(marks.repetition) > limits.repetitions_max:
        raise Rejected(Reason.TOO_COMPLEX, "repetitions")
    if size > limits.separators_max and sum(map(text.count, (marks.field, marks.component, marks.subcomponent))) > limits.separators_max:
        raise Rejected(Reason.TOO_COMPLEX, "fields")
    if size > limits.escapes_max and text.count(marks.escape) > limits.escapes_max:
        raise Rejected(Reason.TOO_COMPLEX, "escapes")


def _number_of_control(body: bytes) -> int:
    """In which segment (from 1) the first control byte stands."""
    found = _CONTROL.search(body)
    return len(_lines((body[: found.start() if found else 0] + b"x").decode("latin-1")))


def byte_lines(raw: bytes) -> tuple[list[bytes], bytes]:
    """The segments of a message as bytes, each with what ends it, in the order of ``Er7``; and the byte order mark before them, if any.

    For a message that ``Er7`` has read: every line with text in it is a segment.
    """
    body, has_bom = _body(raw)
    first, line_feed = body.find(b"\r"), body.find(b"\n")
    is_cr = line_feed < 0 or 0 <= first < line_feed - 1
    found = (_BYTE_LINE_CR if is_cr else _BYTE_LINE).finditer(body)
    lines = [line for match in found if _BYTE_TAG.match(line := match[0].lstrip(b"\n"))]
    return lines, charset.BOM if has_bom else b""


def _lines(text: str) -> list[str]:
    """Segment lines. The first line end decides: after a CR, a LF in the text is text; after LF or CRLF every kind ends a line."""
    if "\n" not in text:
        lines = text.split("\r")
    elif 0 <= (first := text.find("\r")) < text.find("\n") - 1:
        lines = [line.lstrip("\n") for line in text[:first].split("\r") + text[first + 1 :].rstrip("\r\n").split("\r")]
    else:
        lines = _LINE_END.split(text)
    return [line for line in lines if line and not line.isspace()]
