"""``POST /fhir/$process-message``: the FHIR door. The same promise as MLLP: durable before the answer, refusals kept with their reason."""

from aiohttp import web

from hub import telemetry
from hub.adapters.control_ids import ControlIds
from hub.adapters.fhir import reply
from hub.errors import Rejected
from hub.model import Adapter
from hub.web.access import sender
from hub.web.answers import fhir, status_of
from hub.web.body import read
from hub.web.judge import identify, judge, without_conflict
from hub.web.state import STATE

CONTROL_IDS = web.AppKey("control_ids", ControlIds)


async def process_message(request: web.Request) -> web.Response:
    """200 when it is recorded for good; the status of its reason when it is refused; 503 when the hub could not do its part."""
    clock = request.app[STATE].clock
    started_us = clock()
    try:
        answer = await _answer(request, started_us)
    except Exception as exc:  # whatever it is, it is counted as it is answered; see ``answers.errors``
        if isinstance(exc, Rejected):  # before it could be identified: not kept
            telemetry.REFUSED.labels(Adapter.FHIR, exc.reason).inc()
        telemetry.ANSWERED.labels(Adapter.FHIR, str(status_of(exc))).inc()
        raise
    telemetry.ANSWERED.labels(Adapter.FHIR, str(answer.status)).inc()
    telemetry.ACK_SECONDS.labels(Adapter.FHIR).observe(max(0, clock() - started_us) / 1e6)
    return answer


async def _answer(request: web.Request, now_us: int) -> web.Response:
    state = request.app[STATE]
    who = sender(request)
    raw = await read(request, state.settings.frame_bytes_max)
    identified = identify(raw, state.settings.person_numbers)
    received = judge(raw, identified, who, await state.region.now(), state.pseudonyms, now_us)
    control_ids = request.app[CONTROL_IDS]
    received = without_conflict(received, control_ids)
    try:
        await state.intake.accept(received)
    except BaseException:  # whatever it was, nobody knows that it is recorded
        control_ids.forget(received)
        raise
    telemetry.RECEIVED.labels(Adapter.FHIR).inc()
    telemetry.each("received", adapter=Adapter.FHIR, provider=received.provider, event_id=received.event_id)
    if received.refusal is None:
        return fhir(reply.accepted(received.event_id))
    telemetry.REFUSED.labels(Adapter.FHIR, received.refusal.reason).inc()
    telemetry.log("refused", adapter=Adapter.FHIR, reason=received.refusal.reason, event_id=received.event_id)
    status, body = reply.refused(received.refusal)
    return fhir(body, status)
