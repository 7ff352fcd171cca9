"""``POST /fhir``: what a hospital's FHIR server pushes, or a peer's subscription notifies of, as the messages it means.

The same promise as ``$process-message``: durable before the answer, refusals kept with their reason. A transaction is taken whole or not at
all, as far as it can be judged; one that the hub could only record in part is answered 503, and sent again has no effect twice.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.adapters.fhir import parts, reply, submission
from hub.adapters.fhir.parts import Split
from hub.adapters.fhir.submission import Shape, Submission
from hub.errors import ANSWERS, Cause, Faulted, HubError, Rejected
from hub.model import Adapter, Received, Refusal
from hub.web.access import require
from hub.web.answers import fhir, status_of
from hub.web.body import read
from hub.web.judge import PartRules, bearer, judge_part, without_conflict
from hub.web.process_message import CONTROL_IDS
from hub.web.state import STATE, State
from hub.web.tokens import Role

Json = dict[str, Any]
ACCEPTED: Final = 202
_OK: Final = 200
_AT_ONCE: Final = 64  # patients whose messages are recorded side by side
_RESPONSES: Final = {Shape.TRANSACTION: "transaction-response", Shape.BATCH: "batch-response", Shape.COLLECTION: "batch-response"}


async def submit(request: web.Request) -> web.Response:
    """200 with an answer to each change; the status of its reason for what is refused whole; 503 when the hub could not do its part."""
    clock = request.app[STATE].clock
    started_us = clock()
    try:
        answer = await _answer(request, started_us)
    except Exception as exc:  # whatever it is, it is counted as it is answered; see ``answers.errors``
        if isinstance(exc, Rejected):  # nothing in it could be identified: not kept
            telemetry.REFUSED.labels(Adapter.FHIR, exc.reason).inc()
        telemetry.ANSWERED.labels(Adapter.FHIR, str(status_of(exc))).inc()
        raise
    telemetry.ANSWERED.labels(Adapter.FHIR, str(answer.status)).inc()
    telemetry.ACK_SECONDS.labels(Adapter.FHIR).observe(max(0, clock() - started_us) / 1e6)
    return answer


async def _answer(request: web.Request, now_us: int) -> web.Response:
    state = request.app[STATE]
    who = require(request, Role.PROVIDER)
    raw = await read(request, state.settings.frame_bytes_max)
    given = submission.read(raw)
    provider = bearer(who, await state.region.now())
    split = parts.split(given, provider.id)
    rules = PartRules(state.settings.person_numbers, state.settings.frame_bytes_max)
    control_ids = request.app[CONTROL_IDS]
    judged = [
        without_conflict(judge_part(p, provider, rules, state.pseudonyms, now_us), control_ids, given.changes[p.changes[0]].place)
        for p in split.parts
    ]
    refused = _refused(split, judged)
    is_whole = given.shape is Shape.TRANSACTION and bool(refused)
    for refusal in refused.values():
        telemetry.REFUSED.labels(Adapter.FHIR, refusal.reason).inc()
    recorded, faults = [r for r in judged if not is_whole or r.refusal is not None], dict[str, Faulted]()
    unrecorded = {r.event_id for r in judged}
    try:
        faults = await _record(recorded, state)
        unrecorded -= {r.event_id for r in recorded} - faults.keys()
    finally:  # whatever it was, nobody knows that these are recorded
        for received in judged:
            if received.event_id in unrecorded:
                control_ids.forget(received)
    return _said(given, split, judged, refused, faults)


def _refused(split: Split, judged: Sequence[Received]) -> dict[int, Refusal]:
    """The changes that are refused: those of which no message could be made, and those whose message is refused."""
    found = dict(split.refused)
    for part, received in zip(split.parts, judged, strict=True):
        if received.refusal is not None:
            found |= dict.fromkeys(part.changes, received.refusal)
    return found


async def _record(messages: Iterable[Received], state: State) -> dict[str, Faulted]:
    """Make the messages durable, those of one patient in their order; the faults by event id. After a fault the patient's rest waits."""
    by_patient: dict[str, list[Received]] = {}
    for received in messages:
        by_patient.setdefault(received.patient_key or received.event_id, []).append(received)
    faults: dict[str, Faulted] = {}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def record(those: list[Received]) -> None:
        for n, received in enumerate(those):
            async with gate:
                try:
                    await state.intake.accept(received)
                except HubError as exc:
                    fault = (
                        exc if isinstance(exc, Faulted) else Faulted(Cause.INTERNAL)
                    )  # too large for the broker, though not for the door
                    faults.update(dict.fromkeys((r.event_id for r in those[n:]), fault))
                    return
            telemetry.RECEIVED.labels(Adapter.FHIR).inc()

    async with asyncio.TaskGroup() as group:
        for those in by_patient.values():
            group.create_task(record(those))
    return faults


def _said(
    given: Submission, split: Split, judged: Sequence[Received], refused: Mapping[int, Refusal], faults: Mapping[str, Faulted]
) -> web.Response:
    """The answer in the sender's own shape."""
    told: dict[int, list[str]] = {}
    failed: set[int] = set()
    for part, received in zip(split.parts, judged, strict=True):
        for n in part.changes:
            told.setdefault(n, []).append(received.event_id)
            if received.event_id in faults:
                failed.add(n)
    answers = [
        reply.refused(refused[n]) if n in refused else reply.missed() if n in failed else (ACCEPTED, reply.told(told.get(n, ())))
        for n in range(len(given.changes))
    ]
    is_each_for_itself = given.shape in {Shape.BATCH, Shape.COLLECTION}
    if faults and (not is_each_for_itself or len(faults) == len(judged)):
        raise next(iter(faults.values()))
    if is_each_for_itself or (given.shape is Shape.TRANSACTION and not refused):
        return fhir(reply.responses(_RESPONSES[given.shape], answers))
    return _alone(given, answers, refused)


def _alone(given: Submission, answers: Sequence[tuple[int, Json]], refused: Mapping[int, Refusal]) -> web.Response:
    """One resource, a transaction that is refused, or a notification: an outcome with the issues of all.

    A notification of which anything was taken is a success: a peer that is told otherwise sends it again, and again.
    """
    outcomes = [outcome for _, outcome in answers]
    if given.shape is Shape.NOTIFICATION and len(refused) < sum(not c.is_context for c in given.changes):
        return fhir(reply.all_of(outcomes), _OK)
    if not refused:
        return fhir(reply.all_of(outcomes), _OK)
    first = refused[min(refused)]
    return fhir(reply.all_of(outcome for n, (_, outcome) in enumerate(answers) if n in refused), ANSWERS[first.reason].http)
