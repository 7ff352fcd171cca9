"""What the hub refuses, told as its own door tells it, and everything else that the door would find once that is mended."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.adapters.finding import Finding, Severity
from hub.adapters.hl7v2.check.sections import of_place
from hub.adapters.hl7v2.er7 import Er7, Limits
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.message import header, patient
from hub.adapters.hl7v2.receive import Door, Peer, Rules, taken
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.profile import Profile, Terms
from hub.errors import ANSWERS, Reason, Rejected
from hub.identity import Pseudonyms
from hub.model import Channel, Deliver, Provider, ProviderKind, Received, Refusal

SENDER: Final = "sender"
# What a reason means to whoever has to mend the message
PROBLEMS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.NO_HEADER: "no MSH segment at the beginning, or no message at all",
        Reason.BAD_DELIMITERS: "the delimiters of MSH-1 and MSH-2 are not distinct printable signs, or not four or five in MSH-2",
        Reason.BAD_FRAME: "a control byte that no text holds, or a second MSH",
        Reason.BAD_SEGMENT: "a line that begins with no segment name (a capital and two capitals or digits), or stands in no message",
        Reason.SEVERAL_MESSAGES: "a second header: several messages that are no batch",
        Reason.TOO_LARGE: "larger than the hub takes",
        Reason.TOO_COMPLEX: "more segments, fields or repetitions than the hub takes",
        Reason.BAD_ENCODING: "bytes that the character set declared in MSH-18, or else the sender's, does not have",
        Reason.UNSUPPORTED_TYPE: "a message type that the hub does not carry",
        Reason.UNSUPPORTED_EVENT: "a trigger event that the hub does not carry",
        Reason.UNSUPPORTED_PROCESSING_ID: "a processing id that this hub does not take",
        Reason.UNSUPPORTED_VERSION: "no version of HL7 v2",
        Reason.UNKNOWN_SENDER: "not one of the names that were agreed for this sender",
        Reason.MISSING_CONTROL_ID: "no message control id: the message cannot be answered or known again",
        Reason.MISSING_SEGMENT: "a segment that the event is nothing without is missing",
        Reason.MISSING_FIELD: "a field that the hub cannot do without is empty",
        Reason.BAD_VALUE: "a value that the hub cannot read",
        Reason.MISSING_PATIENT: "no identifier of the patient, or none that names one alone: whom the message is about cannot be known",
        Reason.SEVERAL_PATIENTS: "several patients who share no identifier, and nothing tells what is whose",
        Reason.UNWELCOME_PERSON_NUMBER: "a synthetic person number where only real ones are taken, or the other way round",
    }
)


@dataclass(frozen=True, slots=True)
class _Agreed:
    """Who may speak: whoever the profile names; anybody when it names nobody."""

    profile: Profile

    def by_sender(self, sender: str) -> Provider | None:
        """The one sender."""
        if self.profile.facilities and sender not in self.profile.facilities:
            return None
        return Provider(
            SENDER, SENDER, ProviderKind.OTHER, "", (sender,), Deliver(Channel.MAILBOX), undeclared_encoding=self.profile.encoding
        )

    def by_certificate(self, _fingerprint: str) -> Provider | None:
        """Files show no certificate."""
        return None


def door_of(terms: Terms) -> Door:
    """The door as the terms set it; the key of its pseudonyms is none, since nothing made here is kept."""
    limits = Limits(segments_max=terms.segments_max)
    numbers = terms.profile.person_numbers or terms.person_numbers
    rules = Rules(terms.undeclared_encoding, terms.processing_ids, numbers, limits)
    return Door(_Agreed(terms.profile), Pseudonyms(b""), rules)


Seen = tuple[Received, tuple[Received, ...]] | Refusal
"""What the door makes of a message, as ``receive.taken``: the whole, and each patient's message."""


def received(raw: bytes, terms: Terms) -> Seen:
    """What the door makes of a message."""
    return taken(raw, peek(raw), Peer(), door_of(terms), 0)


def refusals(raw: bytes, seen: Seen, er7: Er7 | None, terms: Terms) -> list[Refusal]:
    """Why the hub refuses a message: the first is what it answers, the others come to light when that is mended."""
    first = seen if isinstance(seen, Refusal) else seen[0].refusal
    found = [first] if first else []
    if len(raw) > terms.frame_bytes_max:
        found.insert(0, Refusal(Reason.TOO_LARGE))
    parts = () if isinstance(seen, Refusal) else seen[1]
    if er7 is not None and len(parts) <= 1:  # of several patients, each has been asked about
        found += [r for r in _asked(er7) if r not in found]
    if not found:
        found += [r for part in parts for r in _tried(Hl7v2Message(part).event)]
    return found


def _asked(er7: Er7) -> Iterator[Refusal]:
    for ask in (header, patient):
        yield from _tried(lambda ask=ask: ask(er7))  # type: ignore[misc]


def _tried(ask: Callable[[], object]) -> list[Refusal]:
    try:
        ask()
    except Rejected as exc:
        return [Refusal(exc.reason, exc.where)]
    return []


def told(refusal: Refusal) -> Finding:
    """A refusal as a finding."""
    section = of_place(refusal.where)
    problem = PROBLEMS.get(refusal.reason, refusal.reason.value.replace("_", " "))
    return Finding(Severity.ERROR, f"refused.{refusal.reason.value}", refusal.where or "MSH", problem, ANSWERS[refusal.reason].act, section)
