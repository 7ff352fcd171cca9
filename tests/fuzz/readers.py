"""Every reader of ours as a function of bytes. Whatever the bytes: it comes back, or it raises Rejected with a reason and a place of ours.

Anything else, an assertion of its own included, is a bug. The hypothesis tests and the atheris harness drive the same table.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hub.adapters.fhir import check as fhir_check
from hub.adapters.fhir import parts
from hub.adapters.fhir import submission as submissions
from hub.adapters.fhir.document import parse
from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.fhir.message import heading, unwelcome
from hub.adapters.fhir.translate import FhirMessage
from hub.adapters.hl7v2 import batch, charset, escapes, reply
from hub.adapters.hl7v2.check import judge as hl7v2_check
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.hl7v2.framing import Deframer, Frame, Refused
from hub.adapters.hl7v2.head import peek
from hub.adapters.hl7v2.receive import Peer, receive
from hub.adapters.hl7v2.translate import Hl7v2Message
from hub.adapters.kith import receipt
from hub.adapters.kith import receive as kith_door
from hub.adapters.kith import reply as kith_reply
from hub.adapters.kith.translate import KithMessage
from hub.adapters.profile import Terms
from hub.errors import Reason, Rejected
from hub.model import Adapter, Detail, Form, Received
from hub.numbers import PersonNumbers
from tests.fuzz import corpus
from tests.fuzz.door import DOOR, SENDER

Read = Callable[[bytes], None]
# as we write them: PID-3.4, Bundle.entry[0].resource, MsgHead/MsgInfo/Type/@V, "control byte in segment 3", "character 17", "segments"
_PLACE: Final = re.compile(
    r"[A-Z][A-Z0-9]{2}(-\d+(\.\d+)?)?|[A-Z][A-Za-z]+([./](@?[A-Za-z]+|[*])|\[\d+\])*|[A-Za-z ]+( \d+)?|after [A-Z]{3}"
)
_TERMS: Final = Terms()
_HEAD_BYTES: Final = 4096  # of a refused frame, kept for its answer


@dataclass(frozen=True)
class Reader:
    """A reader and what to begin from."""

    read: Read
    seeds: Callable[[], tuple[bytes, ...]]


def told(exc: Rejected) -> None:
    """A refusal names a place, in words of ours."""
    assert _PLACE.fullmatch(exc.where), (exc.reason, exc.where)


def er7(raw: bytes) -> None:
    """Every value of every segment; written and read again it is the same message."""
    message = Er7.from_bytes(raw)
    lines = []
    for segment in message:
        lines.append(segment.line)
        for n in range(len(segment.fields) + 1):
            segment.value(n, 2, 1, 2)
            segment.unescape(segment.field(n))
    again = Er7.from_bytes("\r".join(lines).encode(message.encoding), encoding=message.encoding)
    assert [s.line for s in again] == lines
    assert (again.delimiters, again.names()) == (message.delimiters, message.names())


def text(raw: bytes) -> None:
    """Escapes: what is escaped comes back and makes no structure, in any delimiters; what is unescaped never fails."""
    marks = escapes.delimiters(*_marks(raw))
    body = raw[6:].decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    written = escapes.escape(body, marks)
    assert not set(written) & {marks.field, marks.component, marks.repetition, marks.subcomponent, "\r", "\n", "\x0b", "\x1c"}
    assert escapes.unescape(written, marks) == body
    for codec in ("utf-8", "iso8859-1", "ascii"):
        escapes.unescape(body, marks, codec)


def _marks(raw: bytes) -> tuple[str, str]:
    usual = raw[:1] < b"\x80"
    return ("|", "^~\\&") if usual else (raw[1:2].decode("latin-1"), raw[2:6].decode("latin-1"))


def characters(raw: bytes) -> None:
    """Names of character sets, and text in them: read and written again it is the same bytes."""
    name, _, body = raw.partition(b"\n")
    codec = charset.codec_of(name.decode("latin-1"))
    assert charset.decode(body, codec).encode(codec) == body


def door(raw: bytes) -> None:
    """The gateway's judgement, and its answer; the answer is itself a message, and repeats nothing but the header's own words."""
    head = peek(raw)
    seen = receive(raw, head, Peer(), DOOR, 0)
    refusal = seen.refusal if isinstance(seen, Received) else seen
    if refusal is not None:
        told(Rejected(refusal.reason, refusal.where))
    for code in reply.codes(head.fields[15], head.fields[16], reply.verdict(refusal)):
        answer = reply.acknowledge(head, code, "1", "20260101", refusal)
        assert answer.split(b"\r")[1].startswith(b"MSA")


def batches(raw: bytes) -> None:
    """A batch keeps every byte of its messages, and its answer is a batch."""
    if batch.is_batch(raw):
        found = batch.split(raw)
        assert all(message in raw for message in found.messages)
        assert batch.is_batch(batch.answer(found, [b"MSH|^~\\&|\r"], "1", "20260101"))


def frames(raw: bytes) -> None:
    """MLLP frames, however the stream is cut: the same events (less what is kept of refused ones), and no more memory than the limit."""
    limit, step = 512, 1 + (raw[0] if raw else 0) % 7 + len(raw) // 100
    whole = _events(Deframer(limit), [raw])
    assert whole == _events(Deframer(limit), [raw[i : i + step] for i in range(0, len(raw), step)])


def _events(deframer: Deframer, chunks: list[bytes]) -> list[bytes | Reason]:
    events = []
    for chunk in chunks:
        events += deframer.feed(chunk)
        assert deframer.buffered_bytes <= _HEAD_BYTES
    events += deframer.quiet()
    assert all(len(e.head) <= _HEAD_BYTES for e in events if isinstance(e, Refused))
    return [e.payload if isinstance(e, Frame) else e.reason for e in events]


def translation(raw: bytes) -> None:
    """What a v2 message means, and every form of it: JSON that is UTF-8, HL7 v2 that the hub can read again."""
    seen = receive(raw, peek(raw), Peer(), DOOR, 0)
    if not isinstance(seen, Received) or seen.refusal is not None:
        return
    message = Hl7v2Message(seen)
    event = message.event()
    assert event.identifiers == seen.identifiers
    for detail in Detail:
        copy = message.render(Form.HL7V2, detail, corpus.RECIPIENT)
        assert Er7.from_bytes(copy, encoding=seen.encoding).names()[0] == "MSH"
        json.loads(message.render(Form.FHIR, detail, corpus.RECIPIENT))
    redacted(message)


def redacted(message: Hl7v2Message | FhirMessage) -> None:
    """The message without its last item, and without the last but one: no less readable than it was."""
    keys = [item.key for item in message.items()]
    assert len(set(keys)) == len(keys)
    for key in keys[-2:]:
        copy = message.without([key])
        if copy is not None:
            assert copy.event().identifiers == message.event().identifiers
            json.loads(copy.render(Form.FHIR, Detail.FULL, corpus.RECIPIENT))


def document(raw: bytes) -> None:
    """JSON as the FHIR door takes it: written and read again it is the same document."""
    value = parse(raw)
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def fhir(raw: bytes) -> None:
    """A FHIR message: heading, envelope, meaning, and every form of it."""
    known = heading(raw)
    unwelcome(raw, PersonNumbers.REAL)
    seen = fhir_envelope(raw)
    assert known is not None
    message = FhirMessage(
        Received("0" * 32, Adapter.FHIR, "sender", seen.application, seen.sender, seen.control_id, seen.trigger, "", seen.identifiers, 0,
                 "utf-8", raw, "")
    )  # fmt: skip
    message.event()
    redacted(message)
    for detail in Detail:
        json.loads(message.render(Form.FHIR, detail, corpus.RECIPIENT))
        try:
            copy = message.render(Form.HL7V2, detail, corpus.RECIPIENT)
        except Rejected as exc:
            assert exc.reason is Reason.NO_TRANSLATION
            continue
        assert receive(copy, peek(copy), Peer(), DOOR, 0)


def submission(raw: bytes) -> None:
    """What a FHIR server pushes: each change is refused with its place, or is a message of its own that the hub can read again."""
    given = submissions.read(raw)
    split = parts.split(given, "sender")
    for refusal in split.refused.values():
        told(Rejected(refusal.reason, refusal.where))
    assert all(n in range(len(given.changes)) for part in split.parts for n in part.changes)


def kith(raw: bytes) -> None:
    """A MsgHead: judged, answered with a receipt that is one, translated into every form; or a receipt itself."""
    with suppress(Rejected):
        receipt.read(raw)
    seen = kith_door.receive(raw, lambda _names, _place: SENDER, kith_door.Door(DOOR.pseudonyms), 0)
    refusal = seen.refusal if isinstance(seen, Received) else seen
    if refusal is not None:
        told(Rejected(refusal.reason, refusal.where))
    if isinstance(seen, Received) and refusal is None:
        assert receipt.read(kith_reply.acknowledge(raw, kith_reply.verdict(refusal, taken=True), 0))
        message = KithMessage(seen, FhirMessage)
        message.event()
        for detail in Detail:
            for form in Form:
                with suppress(Rejected):
                    message.render(form, detail, corpus.RECIPIENT)


def check(raw: bytes) -> None:
    """A check of a sender's messages: findings, whatever the bytes."""
    assert hl7v2_check.judge(raw, _TERMS).findings is not None
    assert fhir_check.judge(raw, _TERMS).findings is not None


def _texts() -> tuple[bytes, ...]:
    return (b"|^~\\&|a\\T\\b\\.br\\", b"\xff!*$%@Berg*Dal", "æ\\X41\\ÅØ\\Zx\\".encode(), b"\\H\\x\\N\\\\")


def _names() -> tuple[bytes, ...]:
    return tuple(f"{name}\nBlåbær".encode("latin-1") for name in ("8859/1", "UNICODE UTF-8", "ASCII", "CP1252", "8859/15"))


def _streams() -> tuple[bytes, ...]:
    return (b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\x0b\x0bMSH", b"x\x0b" + b"a" * 600 + b"\x1c\r", b"\x0bMSH\x1cX\x1c\r\n")


READERS: Final = {
    "er7": Reader(er7, corpus.v2),
    "escapes": Reader(text, _texts),
    "charset": Reader(characters, _names),
    "door": Reader(door, lambda: (*corpus.v2(), *corpus.batches())),
    "batch": Reader(batches, corpus.batches),
    "framing": Reader(frames, _streams),
    "translation": Reader(translation, corpus.v2),
    "json": Reader(document, corpus.fhir),
    "fhir": Reader(fhir, corpus.fhir),
    "submission": Reader(submission, corpus.submissions),
    "kith": Reader(kith, corpus.kith),
    "check": Reader(check, lambda: (*corpus.v2(), *corpus.fhir())),
}


def attempt(name: str, raw: bytes) -> bool:
    """Read once; whether it was taken. Anything but a refusal that says where goes through."""
    try:
        READERS[name].read(raw)
    except Rejected as exc:
        told(exc)
        return False
    return True
