"""``hub translate``: what the hub makes of a message, without sending it. Needs no server."""

import json
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.hl7v2.message import envelope as hl7v2_envelope
from hub.adapters.hl7v2.parts import messages as hl7v2_messages
from hub.adapters.kith.message import envelope as kith_envelope
from hub.errors import Rejected
from hub.identity import Pseudonyms, event_id
from hub.model import Adapter, Channel, Deliver, Detail, Event, Form, Message, Provider, ProviderKind, Received
from hub.stream.readers import READERS

EVENT: Final = "event"
DONE: Final = 0
BAD_INPUT: Final = 65  # sysexits EX_DATAERR
_ZONE: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BOM: Final = b"\xef\xbb\xbf"
_HEADERS: Final = re.compile(
    rb"(?:\A|(?<=[\r\n\x0b]))(?:\xef\xbb\xbf)?(?=MSH[^\r\n])"
)  # a message begins after a line end or a start block
_TRAILERS: Final = re.compile(rb"[\r\n](?:BTS|FTS|FHS|BHS)[^\r\n]*")
_PROVIDER: Final = "sender"
_RECIPIENT: Final = Provider("recipient", "recipient", ProviderKind.OTHER, "", (), Deliver(Channel.MAILBOX))


def translate(path: Path, to: str, *, as_json: bool, encoding: str = "utf-8") -> int:
    """Print what becomes of each message of a file, and one line for each that is refused; the exit code, 65 when one is.

    ``to``: event, fhir, hl7v2 or kith. ``as_json``: a Bundle, an event or a message as a JSON string; a list of them for several messages,
    and for a message about several patients, each of whom has one.
    ``encoding``: of messages that do not declare theirs.
    """
    try:
        raw = path.read_bytes()
    except OSError as exc:
        return _refuse(path, exc.strerror or "cannot be read")
    parts = messages(raw)
    if not parts:
        return _refuse(path, "no HL7 v2 message (a line that starts with MSH), no FHIR Bundle and no KITH XML in it")
    made, code = [], DONE
    for n, part in enumerate(parts, 1):
        try:
            made += [_made(message, to) for message in _read(part, encoding)]
        except Rejected as exc:
            where = f" at {exc.where}" if exc.where else ""
            code = _refuse(path, f"message {n} of {len(parts)}: {exc.reason}{where}: {exc.answer.act}")
    if not made:
        return code
    if as_json:
        _print([json.dumps(made[0] if len(parts) == len(made) == 1 else made, ensure_ascii=False, indent=2)])
    else:
        _print(_people(made, to))
    return code


def messages(raw: bytes) -> list[bytes]:
    """The messages of a file: one FHIR Bundle, one KITH document, or HL7 v2 messages one after another, framed or in a batch or neither."""
    body = raw.removeprefix(_BOM).strip()
    if body[:1] in (b"{", b"[", b"<"):
        return [body]
    body = _TRAILERS.sub(b"", raw.removeprefix(_BOM))
    cut = [part.strip(b"\r\n\x0b\x1c") for part in _HEADERS.split(body)]
    return [part + b"\r" for part in cut if part.startswith(b"MSH")]


def _made(message: Message, to: str) -> Any:
    """What is printed of one message. Raises Rejected."""
    if to == EVENT:
        return _event(message.event())
    form = Form(to)
    data = message.render(form, Detail.FULL, _RECIPIENT)
    if form is Form.FHIR:
        return json.loads(data)
    is_own = form.value == message.received.adapter.value
    return data.decode(message.received.encoding if is_own else "utf-8")  # what the hub composes is UTF-8


def _read(raw: bytes, encoding: str) -> list[Message]:
    """The message; each patient's of one about several. Raises Rejected."""
    if raw[:1] in (b"{", b"["):
        found = [_received(Adapter.FHIR, fhir_envelope(raw), raw)]
    elif raw[:1] == b"<":
        found = [_received(Adapter.KITH, kith_envelope(raw), raw)]
    else:
        apart = hl7v2_messages(raw, encoding)
        found = [_received(Adapter.HL7V2, hl7v2_envelope(part, undeclared_encoding=encoding), part) for part in apart]
    return [READERS[received.adapter](received) for received in found]


def _received(adapter: Adapter, seen: Any, raw: bytes) -> Received:
    """The record the gateway would make; the patient's key is made with no secret, and only shows that it is a hash."""
    return Received(
        event_id=event_id(adapter, _PROVIDER, seen.application, seen.sender, seen.control_id, raw),
        adapter=adapter,
        provider=_PROVIDER,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key=Pseudonyms(b"").of_message(seen.identifiers, _PROVIDER).patient,
        identifiers=seen.identifiers,
        received_us=0,
        encoding=seen.encoding,
        raw=raw,
        answer="",
    )


def _event(event: Event) -> dict[str, Any]:
    """An event's facts; times as civil time, and without what only the gateway knows."""
    facts = {k: v for k, v in asdict(event).items() if k not in {"received_us", "patient_key", "provider"}}
    for name in ("occurred_us", "admitted_us", "discharged_us"):
        us = facts.pop(name)
        facts[name.removesuffix("_us")] = _civil(us) if us else None
    return facts


def _civil(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).astimezone(_ZONE).isoformat()


def _people(made: list[Any], to: str) -> Iterable[str]:
    shows: dict[str, Callable[[Any], str]] = {EVENT: _event_text, Form.FHIR: _bundle_text, Form.HL7V2: _segments_text, Form.KITH: str}
    show = shows[to]
    return [show(one) + ("\n" if len(made) > 1 else "") for one in made]


def _event_text(facts: dict[str, Any]) -> str:
    lines = [f"{name:16}{_plain(value)}" for name, value in facts.items() if value not in (None, "", [], ())]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "|".join(str(v) for v in value.values() if v)
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _bundle_text(bundle: dict[str, Any]) -> str:
    return json.dumps(bundle, ensure_ascii=False, indent=2)


def _segments_text(message: str) -> str:
    return "\n".join(line for line in re.split(r"[\r\n]+", message) if line)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _refuse(path: Path, why: str) -> int:
    sys.stderr.write(f"hub translate: {path}: {why}\n")
    return BAD_INPUT
