"""Whether a message keeps what its sender agreed to (``hub.adapters.profile``)."""

from collections.abc import Iterator

from hub.adapters.finding import Finding, Severity
from hub.adapters.hl7v2 import charset
from hub.adapters.hl7v2.check.case import NULL, Case, values
from hub.adapters.hl7v2.check.sections import field
from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.profile import Required
from hub.errors import Rejected


def broken(case: Case) -> Iterator[Finding]:
    """Every sentence of the agreement that a message breaks; what was not agreed is not held against it."""
    profile, seen = case.terms.profile, case.seen
    told = (
        ("agreed.application", "MSH-3", seen.application, profile.applications),
        ("agreed.message", "MSH-9", seen.trigger, profile.messages),
        ("agreed.version", "MSH-12", seen.version, profile.versions),
    )
    for code, place, found, agreed in told:
        if agreed and found not in agreed:
            problem, instead = "not what was agreed with this sender", f"one of {', '.join(agreed)}"
            yield Finding(Severity.WARNING, code, place, problem, instead, field("MSH", int(place[4:])), 1)
    if profile.encoding and case.declared and not _is_same(case.declared, profile.encoding):
        problem = "another character set than was agreed with this sender; the hub goes by what the message declares"
        yield Finding(Severity.WARNING, "agreed.encoding", "MSH-18", problem, profile.encoding, field("MSH", 18), 1)
    for required in profile.required:
        yield from _unfilled(case, required)


def _is_same(declared: str, agreed: str) -> bool:
    try:
        return charset.codec_of(declared) == charset.codec_of(agreed)
    except Rejected:
        return False


def _unfilled(case: Case, required: Required) -> Iterator[Finding]:
    """The first segment in which a promised field is empty; a promise about a segment that is not there is broken too."""
    if required.trigger not in {"", case.seen.trigger, case.seen.trigger.partition("^")[0]}:
        return
    numbered = list(case.numbered(required.segment))
    empty = [number for number, segment in numbered if not _is_filled(segment, required)]
    if empty or not numbered:
        problem = "empty, and this sender agreed to fill it" if empty else "its segment is missing, and this sender agreed to fill it"
        section = field(required.segment, required.number)
        yield Finding(Severity.WARNING, "agreed.required", required.place, problem, "fill it", section, empty[0] if empty else 0)


def _is_filled(segment: Segment, required: Required) -> bool:
    return any(v and v != NULL for v in values(segment, required.number, required.component))
