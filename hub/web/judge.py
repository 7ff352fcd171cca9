"""What the FHIR door makes of one body: a record, refused or not. Checks run as at the MLLP door: header, sender, then the content."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub import telemetry
from hub.adapters.control_ids import ControlIds
from hub.adapters.fhir.message import Envelope, Heading, envelope, heading, unwelcome, unwelcome_in
from hub.adapters.fhir.parts import Part
from hub.errors import ANSWERS, Reason, Rejected
from hub.identity import Pseudonyms, event_id
from hub.model import Adapter, Provider, Received, Refusal
from hub.numbers import PersonNumbers
from hub.routing.directory import Directory
from hub.web.tokens import Principal, Role

_SENDER: Final = "MessageHeader.sender"
_CONTROL_ID: Final = "Bundle.identifier"

Identified = tuple[Envelope | Heading, Refusal | None]
"""What a message says of itself, and why it is refused whoever sent it."""


def judge(  # one message, who brought it, and what it is judged by
    raw: bytes, identified: Identified, who: Principal | None, directory: Directory, pseudonyms: Pseudonyms, now_us: int
) -> Received:
    """The record of an identified message, refused for its sender or else for its content. Pure."""
    provider, refusal = None, identified[1]
    try:
        provider = speaker(identified[0].senders, who, directory)
    except Rejected as exc:
        refusal = Refusal(exc.reason, exc.where)
    return _record(raw, (identified[0], refusal), provider.id if provider else "", pseudonyms, now_us)


def bearer(who: Principal, directory: Directory) -> Provider:
    """The provider that a token is for, who speaks for itself whatever it sends. Raises Rejected(UNKNOWN_SENDER)."""
    provider = directory.provider(who.id) if who.role is Role.PROVIDER else None
    if provider is None or provider.suspended:
        raise Rejected(Reason.UNKNOWN_SENDER)
    return provider


@dataclass(frozen=True, slots=True)
class PartRules:
    """What one message of a submission may be."""

    person_numbers: PersonNumbers
    bytes_max: int


def judge_part(part: Part, provider: Provider, rules: PartRules, pseudonyms: Pseudonyms, now_us: int) -> Received:
    """The record of one message of a submission; what it is refused for is told by its place in what was sent. Pure."""
    place = "" if rules.person_numbers is PersonNumbers.ANY else unwelcome_in(part.message, rules.person_numbers)
    refusal = Refusal(Reason.UNWELCOME_PERSON_NUMBER, part.place(place)) if place else None
    if len(part.raw) > rules.bytes_max:
        refusal = Refusal(Reason.TOO_LARGE)
    return _record(part.raw, (part.envelope, refusal), provider.id, pseudonyms, now_us)


def _record(raw: bytes, identified: Identified, name: str, pseudonyms: Pseudonyms, now_us: int) -> Received:
    seen, refusal = identified
    return Received(
        event_id=event_id(Adapter.FHIR, name, seen.application, seen.sender, seen.control_id, raw),
        adapter=Adapter.FHIR,
        provider=name,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key=pseudonyms.of_message(seen.identifiers, name).patient if seen.identifiers else "",
        identifiers=seen.identifiers,
        received_us=now_us,
        encoding="utf-8",
        raw=raw,
        answer=_status(refusal),
        refusal=refusal,
        also=pseudonyms.of_message((*seen.identifiers, *seen.merged), name).links if seen.merged else (),
    )


def _status(refusal: Refusal | None) -> str:
    return str(ANSWERS[refusal.reason].http if refusal else 200)


def identify(raw: bytes, allowed: PersonNumbers = PersonNumbers.ANY) -> Identified:
    """The envelope, or the heading and why there is no more. Raises Rejected when there is not even that.

    allowed: which person numbers the hub takes. A number refused is told by its place.
    """
    try:
        place = unwelcome(raw, allowed)
        return envelope(raw), Refusal(Reason.UNWELCOME_PERSON_NUMBER, place) if place else None
    except Rejected as exc:
        found = heading(raw)
        if found is None:
            raise
        return found, Refusal(exc.reason, exc.where)


def speaker(names: Sequence[str], who: Principal | None, directory: Directory, where: str = _SENDER) -> Provider:
    """The provider that speaks. Raises Rejected(UNKNOWN_SENDER), or SENDER_MISMATCH when it is not the token's; where: of its names."""
    claimed = _claimed(names, directory)
    if who is not None and who.role is Role.PROVIDER and (claimed is None or claimed.id != who.id):
        raise Rejected(Reason.SENDER_MISMATCH, where)
    if claimed is None or claimed.suspended:
        raise Rejected(Reason.UNKNOWN_SENDER, where)
    if claimed.certificates and who is None:
        raise Rejected(Reason.SENDER_MISMATCH, where)  # its name is proven by certificate or token, and neither was shown
    return claimed


def _claimed(names: Sequence[str], directory: Directory) -> Provider | None:
    """Whose name the sender goes by: the first name that somebody claims, else whoever takes what nobody claims."""
    found = [(name, provider) for name in names if (provider := directory.by_sender(name))]
    return next((p for name, p in found if name in p.senders), found[0][1] if found else None)


def without_conflict(received: Received, control_ids: ControlIds, where: str = _CONTROL_ID) -> Received:
    """The message, refused if its control id came before with other bytes; where: the place of its control id."""
    if received.refusal is not None or not control_ids.is_taken(received):
        return received
    telemetry.CONTROL_ID_CONFLICTS.inc()
    refusal = Refusal(Reason.DUPLICATE_CONTROL_ID, where)
    return replace(received, refusal=refusal, answer=_status(refusal))
