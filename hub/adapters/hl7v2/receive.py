"""What the gateway makes of one payload: a ``Received`` with or without a refusal, or a refusal of something that is no message.

Pure: the directory, the rules and the time are arguments. Checks run in the order a person would mend the faults: header, sender, type,
processing id, patient, and what else transit would refuse it for. A message is *identified* once its header can be split; what is refused
after that is still recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Protocol

from hub.adapters.hl7v2 import charset, reply
from hub.adapters.hl7v2.er7 import Er7, Limits
from hub.adapters.hl7v2.framing import START
from hub.adapters.hl7v2.head import Head, peek
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.message import Envelope, header, identifiers, patient, place_of, retired, told_apart
from hub.adapters.hl7v2.parts import split
from hub.errors import Reason, Rejected
from hub.identity import NATIONAL, Pseudonyms, event_id
from hub.model import Adapter, Identifier, Kind, Provider, Received, Refusal
from hub.numbers import PersonNumbers

_SWAP: Final = "ADT^A17"
TYPES: Final = frozenset(trigger.partition("^")[0] for trigger in KINDS)


class Senders(Protocol):
    """Who may speak; ``hub.routing.directory.Directory`` is one."""

    def by_sender(self, sender: str) -> Provider | None: ...

    def by_certificate(self, fingerprint: str) -> Provider | None: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: the SHA-256 of its client certificate in hex, "" when it showed none."""

    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide what is taken."""

    undeclared_encoding: str = "utf-8"
    processing_ids: frozenset[str] = frozenset({"P", "T", "D"})
    person_numbers: PersonNumbers = PersonNumbers.ANY
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that does not change from message to message."""

    senders: Senders
    pseudonyms: Pseudonyms
    rules: Rules = field(default_factory=Rules)


@dataclass(slots=True)
class _Read:
    """What is known of a message, filled in as it is read."""

    seen: Envelope | None = None
    provider: Provider | None = None
    identifiers: tuple[Identifier, ...] = ()
    others: tuple[Identifier, ...] = ()  # of whoever is merged into the patient, or told apart from it
    refusal: Refusal | None = None


def receive(raw: bytes, head: Head, peer: Peer, door: Door, now_us: int) -> Received | Refusal:
    """Judge one payload; ``head`` is its ``head.peek``. A bare Refusal means that nothing could be identified."""
    read = _Read()
    try:
        er7 = Er7.from_bytes(raw, door.rules.limits, encoding=_encoding(raw, head, peer, door))
        read.seen = header(er7, head.fields if head.is_ascii else ())
        read.provider = sender_of(read.seen.sender, peer, door.senders)
        read.refusal = _unsupported(read.seen, door.rules)
        read.identifiers = patient(er7)
        read.refusal = read.refusal or _unwelcome(er7, read.identifiers, door.rules.person_numbers)
        if read.refusal is None and KINDS[read.seen.trigger] is Kind.MERGED:
            read.others = retired(er7.segments("MRG"), read.seen.trigger)
        elif read.refusal is None and KINDS[read.seen.trigger] is Kind.UNLINKED:
            read.others = told_apart(er7)
        elif read.refusal is None and read.seen.trigger == _SWAP and er7.count("PID") > 1:
            read.refusal = Refusal(Reason.SEVERAL_PATIENTS, "PID[1]")  # two by the event, and one by a number they share
    except Rejected as exc:
        read.refusal = read.refusal or Refusal(exc.reason, exc.where)  # the first fault counts; the patient of a refused message is a help
        if not head.is_readable:
            return read.refusal
    return _received(raw, head, read, door.pseudonyms, now_us)


def taken(raw: bytes, head: Head, peer: Peer, door: Door, now_us: int) -> tuple[Received, tuple[Received, ...]] | Refusal:
    """Judge one payload: the message as its sender is answered, and what is recorded of it.

    That is the message itself; where it is about several patients and taken, a message of its own for each of them, which is judged, and
    would be judged again, as if it had come by itself. One that is refused refuses them all: nothing of them is recorded but the whole.
    """
    whole = receive(raw, head, peer, door, now_us)
    if isinstance(whole, Refusal) or whole.refusal is None or whole.refusal.reason is not Reason.SEVERAL_PATIENTS:
        return whole if isinstance(whole, Refusal) else (whole, (whole,))
    try:
        found = tuple(_apart(raw, whole.encoding, (peer, door, now_us)))
    except Rejected as exc:
        refused = replace(whole, refusal=Refusal(exc.reason, exc.where))
        return refused, (refused,)
    return replace(whole, refusal=None, answer=found[0].answer), found


def _apart(raw: bytes, encoding: str, given: tuple[Peer, Door, int]) -> Iterator[Received]:
    """The messages of a message about several patients. Raises Rejected: of the whole, or of the first that would be refused by itself."""
    er7 = Er7.from_bytes(raw, given[1].rules.limits, encoding=encoding)
    for part in split(raw, er7, header(er7)):
        one = receive(part.raw, peek(part.raw), *given)
        refusal = one if isinstance(one, Refusal) else one.refusal
        if refusal is not None or isinstance(one, Refusal):
            assert refusal is not None
            raise Rejected(refusal.reason, part.place(refusal.where, er7))
        yield one


def turned_away(raw: bytes, head: Head, peer: Peer, door: Door, refusal: Refusal, now_us: int) -> Received | None:
    """The record of what cannot be read as one message (a frame cut short, the beginning of one, a batch).

    None unless its header names a sender that may speak. It keeps its start block, so that nobody takes it for a whole message later.
    """
    if not head.is_readable:
        return None
    seen = _as_far_as_read(head)
    try:
        provider = sender_of(seen.sender, peer, door.senders)
    except Rejected:
        return None
    return _received(START + raw, head, _Read(seen, provider, refusal=refusal), door.pseudonyms, now_us)


def sender_of(name: str, peer: Peer, senders: Senders) -> Provider:
    """The provider that speaks. Raises Rejected(UNKNOWN_SENDER) or, when its certificate says otherwise, Rejected(SENDER_MISMATCH)."""
    claimed = senders.by_sender(name)
    if peer.certificate:
        proven = senders.by_certificate(peer.certificate)
        if proven is None or claimed is None or proven.id != claimed.id:
            raise Rejected(Reason.SENDER_MISMATCH, "MSH-4")
    if claimed is None or claimed.suspended:
        raise Rejected(Reason.UNKNOWN_SENDER, "MSH-4")
    if claimed.certificates and not peer.certificate:
        raise Rejected(Reason.SENDER_MISMATCH, "MSH-4")  # its name is proven by certificate, and none was shown
    return claimed


def patient_key(identifiers: tuple[Identifier, ...], provider: str, pseudonyms: Pseudonyms) -> str:
    """``pseudonyms.of_message(...).patient`` without the other keys; "" when there are no identifiers."""
    if not identifiers:
        return ""
    return pseudonyms.link(next((i for i in identifiers if i.system in NATIONAL), identifiers[0]), provider)


def kafka_key(received: Received) -> bytes:
    """The key under which a message keeps its place among its patient's others."""
    return (received.patient_key or sha256(received.raw).hexdigest()[:32]).encode()


def _encoding(raw: bytes, head: Head, peer: Peer, door: Door) -> str:
    """The codec to read a message with: what it declares, otherwise its sender's, otherwise the hub's.

    Raises Rejected(BAD_VALUE, MSH-18).
    """
    declared = head.fields[18].partition(head.marks.repetition)[0].strip()
    if declared and declared != '""':
        return charset.codec_of(declared)
    if raw.isascii() or charset.BOM in raw[:16]:
        return "utf-8"
    provider = door.senders.by_certificate(peer.certificate) if peer.certificate else None
    provider = provider or door.senders.by_sender(head.fields[4].partition(head.marks.component)[0])
    return charset.codec_of((provider.undeclared_encoding if provider else "") or door.rules.undeclared_encoding)


def _unsupported(seen: Envelope, rules: Rules) -> Refusal | None:
    if seen.trigger not in KINDS:
        is_known = seen.trigger.partition("^")[0] in TYPES
        return Refusal(Reason.UNSUPPORTED_EVENT if is_known else Reason.UNSUPPORTED_TYPE, "MSH-9")
    if seen.processing_id and seen.processing_id not in rules.processing_ids:
        return Refusal(Reason.UNSUPPORTED_PROCESSING_ID, "MSH-11")
    return None


def _unwelcome(er7: Er7, of_patient: tuple[Identifier, ...], allowed: PersonNumbers) -> Refusal | None:
    """Why the person numbers of the patient, or of the one merged into it, are not for this hub; the field is named, never the number."""
    if allowed is PersonNumbers.ANY:
        return None
    wrong = next((i for i in of_patient if not allowed.takes(i.value)), None)
    if wrong is not None:
        return Refusal(Reason.UNWELCOME_PERSON_NUMBER, place_of(er7, wrong))
    retired = (i for mrg in er7.segments("MRG") for i in identifiers(mrg, 1))
    return None if all(allowed.takes(i.value) for i in retired) else Refusal(Reason.UNWELCOME_PERSON_NUMBER, "MRG-1")


def _as_far_as_read(head: Head) -> Envelope:
    """The envelope of a message whose header could be split and not read."""

    def text(value: str) -> str:
        try:
            return value.encode("latin-1").decode()
        except UnicodeDecodeError:
            return value

    def name(value: str) -> str:
        return text(value).partition(head.marks.component)[0]

    f = head.fields
    kind = text(f[9].partition(head.marks.component)[0])
    trigger = f"{kind}^{text(head.event)}" if head.event else kind
    return Envelope(name(f[3]), name(f[4]), name(f[5]), name(f[6]), text(f[10]), trigger, f[12], f[11], f[15], f[16], "latin-1")


def _received(raw: bytes, head: Head, read: _Read, pseudonyms: Pseudonyms, now_us: int) -> Received:
    seen = read.seen or _as_far_as_read(head)
    name = read.provider.id if read.provider else ""
    answers = reply.codes(head.fields[15], head.fields[16], reply.verdict(read.refusal))
    return Received(
        event_id=event_id(Adapter.HL7V2, name, seen.application, seen.sender, seen.control_id, raw),
        adapter=Adapter.HL7V2,
        provider=name,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key=patient_key(read.identifiers, name, pseudonyms),
        identifiers=read.identifiers,
        received_us=now_us,
        encoding=seen.encoding,
        raw=raw,
        answer=answers[0] if answers else "none",
        refusal=read.refusal,
        also=pseudonyms.of_message((*read.identifiers, *read.others), name).links if read.others else (),
    )
