"""One message judged: what the hub refuses, what it needs, what the standard says, what was agreed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from hub.adapters.finding import Finding, Judged, Severity
from hub.adapters.hl7v2.check import agreed, fields, needs, refused, sections
from hub.adapters.hl7v2.check.case import Case
from hub.adapters.hl7v2.check.structure import Fault, Misfit, misfits
from hub.adapters.hl7v2.conformance import Standard
from hub.adapters.hl7v2.er7 import Er7, Limits
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.message import Envelope, header
from hub.adapters.hl7v2.parts import split
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.profile import Terms
from hub.errors import Rejected
from hub.model import Event, Received, Refusal

_STRICT: Final = "HL7 v2 recipients get the message as it is, and a strict one may refuse it"
# fault -> severity, problem, what to write instead; {} is the structure's name, {high} how many there may be
_MISFITS: Final[Mapping[Fault, tuple[Severity, str, str]]] = MappingProxyType(
    {
        Fault.MISSING: (Severity.WARNING, f"required in {{name}} and missing here: {_STRICT}", "the segment, in its place"),
        Fault.MISPLACED: (Severity.WARNING, f"not where {{name}} has it: {_STRICT}", "the segments in the order of the structure"),
        Fault.UNKNOWN: (
            Severity.WARNING,
            f"{{name}} has no such segment: FHIR recipients may not see what it says. {_STRICT}",
            "what it says in a segment of the structure, a message of the event that has it, or a Z segment that recipients agree to",
        ),
        Fault.TOO_MANY: (
            Severity.WARNING,
            f"stands more often than {{name}} has it ({{high}}): {_STRICT}",
            "it once, or in a group of its own",
        ),
    }
)
_ECHOES: Final = frozenset({"standard.type", "standard.required-field", "standard.missing-segment"})


def judge(raw: bytes, terms: Terms) -> Judged:
    """Judge one message, as it stands in a file or a frame. Total: whatever it is, findings come out."""
    seen = refused.received(raw, terms)
    er7 = _cut(raw, seen, terms)
    refusals = refused.refusals(raw, seen, er7, terms)
    errors = tuple(refused.told(r) for r in refusals)
    if er7 is None or isinstance(seen, Refusal):
        return Judged(errors)
    try:
        envelope = header(er7)
    except Rejected:
        return Judged(errors)
    whole, parts = seen
    if len(parts) > 1 and not refusals:
        of_each = _apart(raw, er7, envelope, parts, terms)
    else:
        event, can_translate = _read(whole) if not refusals else (None, True)
        of_each = _of_one(Case(raw, er7, envelope, terms, event, _declared(raw), can_translate))
    case = Case(raw, er7, envelope, terms)
    found = (*errors, *of_each, *_of_structure(case), *fields.faults(er7, case.standard))
    return Judged(_told_once(found), envelope.trigger, (envelope.application, envelope.sender, envelope.control_id))


def _of_one(case: Case) -> Iterator[Finding]:
    """What the hub needs and what was agreed, in the message of one patient."""
    yield from needs.unmet(case)
    yield from agreed.broken(case)


def _apart(raw: bytes, er7: Er7, envelope: Envelope, parts: tuple[Received, ...], terms: Terms) -> Iterator[Finding]:
    """The findings in each patient's part of a message, in the segments of the whole."""
    problem = f"{len(parts)} patients: the hub makes a message of each, and those after the first get a control id of their own"
    yield Finding(Severity.NOTE, "patients.several", "PID", problem, "one patient a message", sections.field("PID", 3))
    for cut, part in zip(split(raw, er7, envelope), parts, strict=True):
        one = Er7.from_bytes(part.raw, encoding=part.encoding)
        event, can_translate = _read(part)
        for f in _of_one(Case(part.raw, one, header(one), terms, event, _declared(raw), can_translate)):
            yield replace(f, segment=cut.lines[f.segment - 1] + 1 if f.segment else 0)


def _declared(raw: bytes) -> str:
    return peek(raw).fields[18].strip()


def _cut(raw: bytes, seen: refused.Seen, terms: Terms) -> Er7 | None:
    try:
        limits = Limits(segments_max=terms.segments_max)
        encoding = seen[0].encoding if not isinstance(seen, Refusal) and seen[0].refusal is None else ""
        undeclared = terms.profile.encoding or terms.undeclared_encoding
        return Er7.from_bytes(raw, limits, encoding=encoding, undeclared_encoding=undeclared)
    except Rejected:
        return None


def _read(seen: Received) -> tuple[Event, bool]:
    message = Hl7v2Message(seen)
    event = message.event()
    try:
        message.bundle()
    except Rejected:
        return event, False
    return event, True


def _of_structure(case: Case) -> Iterator[Finding]:
    standard = case.standard
    name = standard.structure_of(case.seen.trigger)
    structure = standard.structure(name) if name else None
    if structure is None:
        problem = f"version {standard.version} has no structure for this event: the order of its segments was not judged"
        instead = "an event that the declared version has, or the version that has the event"
        yield Finding(Severity.NOTE, "standard.no-structure", "MSH-9", problem, instead, sections.field("MSH", 9), 1)
        return
    for misfit in misfits(structure, case.er7.names()):
        yield _misfit(misfit, name, standard)


def _misfit(misfit: Misfit, name: str, standard: Standard) -> Finding:
    severity, problem, instead = _MISFITS[misfit.fault]
    text = problem.format(name=f"{name} of version {standard.version}", high=misfit.high)
    code = f"standard.{misfit.fault.value}-segment"
    return Finding(severity, code, misfit.name, text, instead, sections.told(sections.STRUCTURE), misfit.at)


def _told_once(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Each rule once a place, where it is first broken; and no fault of the standard where what follows from it has been told."""
    hubs = {f.place for f in found if not f.code.startswith("standard.")}
    first: dict[tuple[str, str], Finding] = {}
    for f in found:
        if f.code not in _ECHOES or f.place.removesuffix(".1") not in hubs:
            first.setdefault((f.code, f.place), f)
    return tuple(first.values())
