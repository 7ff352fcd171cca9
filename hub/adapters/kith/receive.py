"""What a door makes of one document: a ``Received`` with or without a refusal, or a refusal of something that is no message.

Pure: who may speak, the rules and the time are arguments. Checks run as at the other doors: header, sender, then the content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.adapters.kith.document import parse
from hub.adapters.kith.message import INFO, SENDER, Envelope, Heading, envelope_of, heading, of_tree, unwelcome
from hub.adapters.markup import Element
from hub.errors import ANSWERS, Reason, Rejected
from hub.identity import Pseudonyms, event_id
from hub.model import Adapter, Identifier, Provider, Received, Refusal
from hub.numbers import PersonNumbers

TAKEN: Final = "202"  # taken, and decided after this
_PROCESSING_IDS: Final = frozenset({"P", "D", "T"})

Speaker = Callable[[Sequence[str], str], Provider]
"""Who speaks under these names; the place they stand at is for the refusal. Raises Rejected(UNKNOWN_SENDER, SENDER_MISMATCH)."""


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that does not change from message to message."""

    pseudonyms: Pseudonyms
    processing_ids: frozenset[str] = _PROCESSING_IDS
    person_numbers: PersonNumbers = PersonNumbers.ANY


def receive(raw: bytes, speaker: Speaker, door: Door, now_us: int) -> Received | Refusal:
    """Judge one document. A bare Refusal means that nothing could be identified."""
    try:
        root, encoding = parse(raw)
    except Rejected as exc:
        return Refusal(exc.reason, exc.where)
    seen, refusal = _read(root, encoding, door)
    if seen is None:
        return refusal or Refusal(Reason.MISSING_CONTROL_ID, INFO)
    name = ""
    try:
        name = speaker(seen.senders, SENDER).id
    except Rejected as exc:
        refusal = Refusal(exc.reason, exc.where)
    return _received(raw, seen, name, refusal, door.pseudonyms, now_us)


def answer(refusal: Refusal | None) -> str:
    """What the sender is answered, as an HTTP status."""
    return str(ANSWERS[refusal.reason].http) if refusal else TAKEN


def _read(root: Element, encoding: str, door: Door) -> tuple[Envelope | Heading | None, Refusal | None]:
    """The envelope, or the heading and why there is no more; no heading, and why, when there is not even that."""
    try:
        message = of_tree(root, encoding)
        found = envelope_of(message)
        place = unwelcome(message, door.person_numbers)
        if place:
            return found, Refusal(Reason.UNWELCOME_PERSON_NUMBER, place)
        if found.processing_id and found.processing_id not in door.processing_ids:
            return found, Refusal(Reason.UNSUPPORTED_PROCESSING_ID, f"{INFO}/ProcessingStatus")
    except Rejected as exc:
        return heading(root), Refusal(exc.reason, exc.where)
    return found, None


def _received(  # what is known of a message, and what it is made with
    raw: bytes, seen: Envelope | Heading, name: str, refusal: Refusal | None, pseudonyms: Pseudonyms, now_us: int
) -> Received:
    identifiers: tuple[Identifier, ...] = seen.identifiers if isinstance(seen, Envelope) else ()
    return Received(
        event_id=event_id(Adapter.KITH, name, seen.application, seen.sender, seen.control_id, raw),
        adapter=Adapter.KITH,
        provider=name,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key=pseudonyms.of_message(identifiers, name).patient if identifiers else "",
        identifiers=identifiers,
        received_us=now_us,
        encoding=seen.encoding if isinstance(seen, Envelope) else "utf-8",
        raw=raw,
        answer=answer(refusal),
        refusal=refusal,
    )
