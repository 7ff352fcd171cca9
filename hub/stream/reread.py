"""Reading a quarantined message again, with the directory and the rules of today: the records that go back onto topic ``inbound``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.fhir.message import unwelcome
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.receive import Door, Peer, taken
from hub.adapters.kith.receive import Door as KithDoor
from hub.adapters.kith.receive import receive as receive_kith
from hub.avro import CONFLUENT, SINGLE_OBJECT, Codec
from hub.errors import Reason, Rejected
from hub.identity import Pseudonyms, event_id
from hub.ledger.quarantine import Content
from hub.model import Adapter, Provider, Received, Refusal
from hub.routing.directory import Directory

_SENDER: Final = "MessageHeader.sender"
_RECORD: Final = (SINGLE_OBJECT, bytes([CONFLUENT]))  # how a record begins, and no message does


@dataclass(frozen=True, slots=True)
class Means:
    """What judges a message today."""

    directory: Directory
    pseudonyms: Pseudonyms
    door: Door
    codec: Codec


def reread(content: Content, means: Means) -> tuple[Received, ...]:
    """The message as it would be taken now, one record for each patient it is about, received when it was.

    Raises Rejected when it would be refused again, Faulted.

    What is kept may be a whole record of topic ``inbound``, which an earlier version could not read: then it is what is in it.
    """
    if content.raw.startswith(_RECORD):
        inside = means.codec.decode_received(content.raw)
        content = replace(
            content, adapter=inside.adapter.value, provider=inside.provider, encoding=inside.encoding, received_us=inside.received_us,
            answer=inside.answer, raw=inside.raw,
        )  # fmt: skip
    found = _READERS[Adapter(content.adapter)](content, means)
    return tuple(replace(one, received_us=content.received_us, answer=content.answer) for one in found)


def _hl7v2(content: Content, means: Means) -> tuple[Received, ...]:
    known = means.directory.provider(content.provider)
    peer = Peer(known.certificates[0]) if known and known.certificates else Peer()  # it was proven when the message came
    found = taken(content.raw, peek(content.raw), peer, means.door, content.received_us)
    if isinstance(found, Refusal):
        raise Rejected(found.reason, found.where)
    whole, parts = found
    if whole.refusal is not None:
        raise Rejected(whole.refusal.reason, whole.refusal.where)
    return parts


def _fhir(content: Content, means: Means) -> tuple[Received, ...]:
    place = unwelcome(content.raw, means.door.rules.person_numbers)
    if place:
        raise Rejected(Reason.UNWELCOME_PERSON_NUMBER, place)
    seen = fhir_envelope(content.raw)
    provider = _speaker(content.provider, seen.senders, means.directory)
    received = Received(
        event_id=event_id(Adapter.FHIR, provider.id, seen.application, seen.sender, seen.control_id, content.raw),
        adapter=Adapter.FHIR,
        provider=provider.id,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key=means.pseudonyms.of_message(seen.identifiers, provider.id).patient if seen.identifiers else "",
        identifiers=seen.identifiers,
        received_us=content.received_us,
        encoding="utf-8",
        raw=content.raw,
        answer=content.answer,
    )
    return (received,)


def _kith(content: Content, means: Means) -> tuple[Received, ...]:
    rules = means.door.rules
    door = KithDoor(means.pseudonyms, rules.processing_ids, rules.person_numbers)

    def speaker(names: Sequence[str], where: str) -> Provider:
        return _speaker(content.provider, names, means.directory, where)

    found = receive_kith(content.raw, speaker, door, content.received_us)
    if isinstance(found, Refusal):
        raise Rejected(found.reason, found.where)
    if found.refusal is not None:
        raise Rejected(found.refusal.reason, found.refusal.where)
    return (found,)


def _speaker(known: str, names: Sequence[str], directory: Directory, where: str = _SENDER) -> Provider:
    """The provider it was proven to come from, or the one that claims its name now and needs no proof."""
    if known:
        provider = directory.provider(known)
    else:
        claims = (directory.by_sender(name) for name in names)
        provider = next((p for p in claims if p and not p.certificates), None)
    if provider is None or provider.suspended:
        raise Rejected(Reason.UNKNOWN_SENDER, where)
    return provider


_READERS: Final[Mapping[Adapter, Callable[[Content, Means], tuple[Received, ...]]]] = {
    Adapter.HL7V2: _hl7v2, Adapter.FHIR: _fhir, Adapter.KITH: _kith
}  # fmt: skip
