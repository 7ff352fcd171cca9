"""What a check of a sender's messages finds: frozen values that name places and rules and hold nothing of what the message says."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """What follows from a finding."""

    ERROR = "error"  # the hub refuses the message
    WARNING = "warning"  # the hub takes it, and something will not work
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend.

    code: what a profile names to allow it. place: ``PID-3.4`` or a FHIRPath. segment: which segment of the message it is first found in,
    from 1; 0 = none or not HL7 v2. section: of the standard, "" = the hub's own rule.
    """

    severity: Severity
    code: str
    place: str
    problem: str
    instead: str
    section: str = ""
    segment: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """One message, judged. ``key``: by whom and under which control id it came; () when that could not be read, or when it is refused."""

    findings: tuple[Finding, ...]
    trigger: str = field(default="", repr=False)
    key: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_refused(self) -> bool:
        """Whether the hub refuses it."""
        return any(f.severity is Severity.ERROR for f in self.findings)


def shape(value: str) -> str:
    """What a value looks like, and not what it is: "11 characters, digits"."""
    size = f"{len(value)} character{'' if len(value) == 1 else 's'}"
    if not value.isascii():
        return f"{size}, not all ASCII"
    if value.isdigit():
        return f"{size}, digits"
    if value.isalpha():
        return f"{size}, letters"
    return f"{size}, digits and letters" if value.isalnum() else f"{size}, digits, letters or signs"
