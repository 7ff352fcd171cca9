"""The findings of many messages as one report: the same finding told once with how often it was found, what was allowed apart. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from hub.adapters.finding import Finding, Judged, Severity
from hub.adapters.profile import Allowance, Profile

_ORDER: Final = tuple(Severity)
_NAMED_MAX: Final = 5  # messages named beside a finding
_AGREED: Final = "HL7 v2.5.1 section 2.15.9.10"


@dataclass(frozen=True, slots=True)
class Source:
    """A message and where it came from."""

    file: str
    number: int  # in the file, from 1
    raw: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """``admissions.hl7:3``."""
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, and the messages it was made in."""

    finding: Finding
    count: int
    messages: tuple[str, ...]  # the first of them, ``file:number``
    allowed: str = ""  # the profile's reason


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in all messages: the worst first."""

    messages: int
    lines: tuple[Line, ...]

    @property
    def open(self) -> tuple[Line, ...]:
        """What the profile does not allow."""
        return tuple(line for line in self.lines if not line.allowed)

    def count(self, severity: Severity) -> int:
        """How many different findings of a severity are open."""
        return sum(line.finding.severity is severity for line in self.open)

    @property
    def is_refused(self) -> bool:
        """Whether the hub refuses any message. What it refuses no profile can allow."""
        return any(line.finding.severity is Severity.ERROR for line in self.lines)


def report(judged: Sequence[tuple[Source, Judged]], profile: Profile) -> Report:
    """One report of all messages, in which control ids that come again and agreed messages that never came are findings too."""
    found: dict[tuple[str, str, str], list[tuple[Source | None, Finding]]] = {}
    every = [(source, f) for source, one in judged for f in one.findings]
    for source, finding in [*every, *_repeats(judged), *((None, f) for f in _not_seen(judged, profile))]:
        found.setdefault((finding.severity.value, finding.code, finding.place), []).append((source, finding))
    lines = [_line(group, profile.allowed) for group in found.values()]
    lines.sort(key=lambda line: (bool(line.allowed), _ORDER.index(line.finding.severity), -line.count, line.finding.place))
    return Report(len(judged), tuple(lines))


def _line(group: Sequence[tuple[Source | None, Finding]], allowed: Iterable[Allowance]) -> Line:
    finding = group[0][1]
    names = tuple(dict.fromkeys(source.name for source, _ in group if source is not None))
    is_error = finding.severity is Severity.ERROR
    reasons = [a.reason for a in allowed if a.code == finding.code and a.place in {"", finding.place} and not is_error]
    return Line(finding, max(1, len(names)), names[:_NAMED_MAX], reasons[0] if reasons else "")


def _repeats(judged: Sequence[tuple[Source, Judged]]) -> Iterator[tuple[Source, Finding]]:
    """Control ids that came before: with other bytes they are refused, with the same the message is taken for a repeat."""
    first: dict[tuple[str, ...], bytes] = {}
    for source, one in judged:
        if one.is_refused or not one.key:
            continue
        digest = sha256(source.raw).digest()
        known = first.setdefault(one.key, digest) if one.key in first else None
        first.setdefault(one.key, digest)
        if known == digest:
            problem, instead = "sent before, byte for byte: answered again, and nothing follows from it", "each message once"
            yield source, Finding(Severity.NOTE, "control-id.repeated", "MSH-10", problem, instead, _AGREED, 1)
        elif known is not None:
            problem = "a control id that another message of this sender has: the hub refuses the second"
            instead = "a control id of its own for each message"
            yield source, Finding(Severity.ERROR, "refused.duplicate_control_id", "MSH-10", problem, instead, _AGREED, 1)


def _not_seen(judged: Sequence[tuple[Source, Judged]], profile: Profile) -> Iterator[Finding]:
    seen = {one.trigger for _, one in judged}
    for trigger in profile.messages:
        if trigger not in seen:
            problem = f"{trigger} was agreed, and no such message is among these: it was not judged"
            yield Finding(Severity.NOTE, f"agreed.not-seen.{trigger}", "MSH-9", problem, "a file with one of each message agreed")


def text(found: Report, name: str) -> str:
    """For people."""
    counts = ", ".join(f"{found.count(s)} {s.value}{'' if found.count(s) == 1 else 's'}" for s in _ORDER)
    head = f"{name + ': ' if name else ''}{found.messages} message{'' if found.messages == 1 else 's'}: {counts}"
    return "\n".join([head, *("\n" + _paragraph(line, found.messages) for line in found.open), *_allowed(found)]) + "\n"


def _paragraph(line: Line, messages: int) -> str:
    finding = line.finding
    where = f", segment {finding.segment}" if finding.segment and line.messages else ""
    first = f" (first {line.messages[0]}{where})" if line.messages else ""
    rows = [
        f"{finding.severity.value:8}{finding.place}  [{finding.code}]  in {line.count} of {messages}{first}" if line.messages
        else f"{finding.severity.value:8}{finding.place}  [{finding.code}]",
        f"        {finding.problem}",
        f"        write: {finding.instead}",
    ]  # fmt: skip
    return "\n".join([*rows, f"        {finding.section}"] if finding.section else rows)


def _allowed(found: Report) -> list[str]:
    allowed = [line for line in found.lines if line.allowed]
    rows = [f"        {line.finding.place}  [{line.finding.code}]  in {line.count}: {line.allowed}" for line in allowed]
    return ["", "allowed by the profile", *rows] if rows else []


def to_json(found: Report, name: str) -> dict[str, Any]:
    """For machines."""
    return {
        "sender": name,
        "messages": found.messages,
        **{f"{s.value}s": found.count(s) for s in _ORDER},
        "by_code": dict(Counter(line.finding.code for line in found.open)),
        "findings": [_entry(line) for line in found.lines],
    }


def _entry(line: Line) -> Mapping[str, Any]:
    f = line.finding
    entry: dict[str, Any] = {
        "severity": f.severity.value, "code": f.code, "place": f.place, "problem": f.problem, "instead": f.instead, "section": f.section,
        "count": line.count, "messages": list(line.messages), "segment": f.segment,
    }  # fmt: skip
    return entry | ({"allowed": line.allowed} if line.allowed else {})
