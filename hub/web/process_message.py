"""``POST /fhir/$process-message``: the FHIR door. The same promise as MLLP: durable before the answer, refusals kept with their reason."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from hub import telemetry
from hub.adapters.fhir.message import Envelope, envelope
from hub.errors import ANSWERS, Reason, Rejected
from hub.identity import Pseudonyms, event_id
from hub.model import Adapter, Provider, Received, Refusal
from hub.routing.directory import Directory
from hub.web.access import sender
from hub.web.answers import fhir, outcome, refused
from hub.web.body import read
from hub.web.state import STATE
from hub.web.tokens import Principal, Role, Unauthorized

_SENDER: Final = "MessageHeader.sender"


async def process_message(request: web.Request) -> web.Response:
    """200 when it is recorded for good; the status of its reason when it is refused; 503 when the hub could not do its part."""
    clock = request.app[STATE].clock
    started_us = clock()
    try:
        answer = await _answer(request, started_us)
    except Rejected as exc:  # before it could be identified: answered, counted and not kept
        telemetry.REFUSED.labels(Adapter.FHIR, exc.reason).inc()
        telemetry.ANSWERED.labels(Adapter.FHIR, str(exc.answer.http)).inc()
        raise
    except (Unauthorized, web.HTTPForbidden) as exc:
        telemetry.ANSWERED.labels(Adapter.FHIR, "403" if isinstance(exc, web.HTTPForbidden) else "401").inc()
        raise
    telemetry.ANSWERED.labels(Adapter.FHIR, str(answer.status)).inc()
    telemetry.ACK_SECONDS.labels(Adapter.FHIR).observe(max(0, clock() - started_us) / 1e6)
    return answer


async def _answer(request: web.Request, now_us: int) -> web.Response:
    state = request.app[STATE]
    who = sender(request)
    raw = await read(request, state.settings.frame_bytes_max)
    received = judge(raw, envelope(raw), who, await state.region.now(), state.pseudonyms, now_us)
    await state.intake.accept(received)
    telemetry.RECEIVED.labels(Adapter.FHIR).inc()
    if received.refusal is None:
        return fhir(outcome("information", "informational", "recorded for good; who gets it is decided from here"))
    telemetry.REFUSED.labels(Adapter.FHIR, received.refusal.reason).inc()
    return refused(received.refusal)


def judge(  # the message, who brings it, and the three things it is judged by
    raw: bytes, seen: Envelope, who: Principal | None, directory: Directory, pseudonyms: Pseudonyms, now_us: int
) -> Received:
    """The record of one identified message, refused if its bearer may not speak as its sender. Pure."""
    provider, refusal = None, None
    try:
        provider = _speaker(seen.senders, who, directory)
    except Rejected as exc:
        refusal = Refusal(exc.reason, exc.where)
    name = provider.id if provider else ""
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
        answer=str(ANSWERS[refusal.reason].http if refusal else 200),
        refusal=refusal,
    )


def _speaker(names: Sequence[str], who: Principal | None, directory: Directory) -> Provider:
    """The provider that speaks. Raises Rejected(UNKNOWN_SENDER), or SENDER_MISMATCH when it is not the token's."""
    claimed = _claimed(names, directory)
    if who is not None and who.role is Role.PROVIDER and (claimed is None or claimed.id != who.id):
        raise Rejected(Reason.SENDER_MISMATCH, _SENDER)
    if claimed is None or claimed.suspended:
        raise Rejected(Reason.UNKNOWN_SENDER, _SENDER)
    if claimed.certificates and who is None:
        raise Rejected(Reason.SENDER_MISMATCH, _SENDER)  # its name is proven by certificate or token, and neither was shown
    return claimed


def _claimed(names: Sequence[str], directory: Directory) -> Provider | None:
    """Whose name the sender goes by: the first name that somebody claims, else whoever takes what nobody claims."""
    found = [(name, provider) for name in names if (provider := directory.by_sender(name))]
    return next((p for name, p in found if name in p.senders), found[0][1] if found else None)
