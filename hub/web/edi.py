"""``/edi/messages``: the KITH door, shaped as Norsk helsenett's EDI 2.0. The same promise as the others: durable before the answer.

    POST /edi/messages               {"businessDocument": base64, "contentType": "application/xml", "contentTransferEncoding": "base64"}
                                     202 {"id", "location"}; a refusal has the status of its reason
    GET  /edi/messages/{id}/status   {"id", "state": Acknowledged | Rejected, "appRecStatus", "receivers"}; 404 until it is decided
    GET  /edi/messages/{id}/apprec   the hub's receipt (AppRec), again as a business document, and "receivers"; ?version=1.1 for that one;
                                     422 when the message's bytes were let go

``receivers``: what the application of each receiver whom the sender wrote said of it, once it has: {"receiver", "receiverHerId",
"appRecStatus", "appRecErrorList"}. Who else was told is not the sender's to know.
A receipt that is posted is no message of a patient: it is kept where receipts are kept, and not sent on.
How a recipient fetches what is for it stands in ``hub.web.poll``.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.adapters.kith import receipt, reply
from hub.adapters.kith.message import CONTROL_ID
from hub.adapters.kith.receive import Door, receive
from hub.errors import ANSWERS, Reason, Rejected
from hub.ledger.receipts import OfReceiver, of_receivers
from hub.ledger.taken import Taken, taken
from hub.model import Adapter, Provider, Received, Refusal
from hub.web.access import require, sender
from hub.web.answers import Unprocessable, status_of
from hub.web.body import read_object
from hub.web.judge import speaker, without_conflict
from hub.web.process_message import CONTROL_IDS
from hub.web.state import STATE, State
from hub.web.tokens import Principal, Role

XML: Final = frozenset({"application/xml", "text/xml"})
BASE64: Final = "base64"
_LET_GO: Final = "the message is not kept any more, so its receipt cannot be written: ask for its status"
_HER_ID_DIGITS_MAX: Final = 8
_ROOM_BYTES: Final = 64 * 1024  # of a request around its document


async def post_message(request: web.Request) -> web.Response:
    """202 when it is recorded for good; the status of its reason when it is refused; 503 when the hub could not do its part."""
    clock = request.app[STATE].clock
    started_us = clock()
    try:
        answer = await _answer(request, started_us)
    except Exception as exc:  # whatever it is, it is counted as it is answered; see ``answers.errors``
        if isinstance(exc, Rejected):  # before it could be identified: not kept
            telemetry.REFUSED.labels(Adapter.KITH, exc.reason).inc()
        telemetry.ANSWERED.labels(Adapter.KITH, str(status_of(exc))).inc()
        raise
    telemetry.ANSWERED.labels(Adapter.KITH, str(answer.status)).inc()
    telemetry.ACK_SECONDS.labels(Adapter.KITH).observe(max(0, clock() - started_us) / 1e6)
    return answer


async def _answer(request: web.Request, now_us: int) -> web.Response:
    state = request.app[STATE]
    who = sender(request)
    bytes_max = state.settings.frame_bytes_max
    raw = document(await read_object(request, bytes_max * 4 // 3 + _ROOM_BYTES), bytes_max)
    directory = await state.region.now()
    door = Door(state.pseudonyms, frozenset(state.settings.processing_ids), state.settings.person_numbers)
    found = receive(raw, lambda names, where: speaker(names, who, directory, where), door, now_us)
    if isinstance(found, Refusal):
        if found.where == receipt.PLACE:
            return await _keep(raw, who, state)
        raise Rejected(found.reason, found.where)
    control_ids = request.app[CONTROL_IDS]
    found = without_conflict(found, control_ids, CONTROL_ID)
    try:
        await state.intake.accept(found)
    except BaseException:  # whatever it was, nobody knows that it is recorded
        control_ids.forget(found)
        raise
    telemetry.RECEIVED.labels(Adapter.KITH).inc()
    telemetry.each("received", adapter=Adapter.KITH, provider=found.provider, event_id=found.event_id)
    return _told(found)


def document(body: Mapping[str, Any], bytes_max: int) -> bytes:
    """The document of a request. Raises Rejected(MISSING_FIELD, UNSUPPORTED_FORMAT, BAD_VALUE, TOO_LARGE)."""
    text, kind, coding = (body.get(name, default) for name, default in _FIELDS)
    if not isinstance(text, str) or not text:
        raise Rejected(Reason.MISSING_FIELD, "businessDocument")
    if not isinstance(kind, str) or kind.partition(";")[0].strip().lower() not in XML:
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "contentType")
    if not isinstance(coding, str) or coding.strip().lower() != BASE64:
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "contentTransferEncoding")
    try:
        raw = b64decode("".join(text.split()), validate=True)
    except (NotBase64, ValueError):  # ValueError: not ASCII
        raise Rejected(Reason.BAD_VALUE, "businessDocument") from None
    if len(raw) > bytes_max:
        raise Rejected(Reason.TOO_LARGE)
    return raw


_FIELDS: Final = (("businessDocument", ""), ("contentType", "application/xml"), ("contentTransferEncoding", BASE64))


async def _keep(raw: bytes, who: Principal | None, state: State) -> web.Response:
    """A receipt: kept under the provider whose token came with it."""
    found = receipt.read(raw)
    if state.receipts is None or who is None or who.role is not Role.PROVIDER:
        raise Rejected(Reason.UNSUPPORTED_TYPE, receipt.PLACE)
    await state.receipts.keep(found, raw, who.id)
    return as_json({"id": found.id}, 202)


def _told(found: Received) -> web.Response:
    if found.refusal is None:
        return as_json({"id": found.event_id, "location": f"/edi/messages/{found.event_id}"}, 202)
    telemetry.REFUSED.labels(Adapter.KITH, found.refusal.reason).inc()
    telemetry.log("refused", adapter=Adapter.KITH, reason=found.refusal.reason, event_id=found.event_id)
    answer = ANSWERS[found.refusal.reason]
    body = {"id": found.event_id, "status": answer.http, "title": answer.act, "reason": found.refusal.reason, "where": found.refusal.where}
    return as_json(body, answer.http, "application/problem+json")


async def status(request: web.Request) -> web.Response:
    """What became of a message."""
    found = await _own(request)
    state = "Rejected" if found.is_refused else "Acknowledged"
    given = reply.verdict(found.refusal, taken=not found.is_refused)
    body = {"id": request.match_info["id"], "state": state, "appRecStatus": int(given.status)}
    return as_json(body | ({"reason": found.reason} if found.reason else {}) | {"receivers": await _receivers(request)})


async def apprec(request: web.Request) -> web.Response:
    """The receipt of a message, the same however often it is asked for."""
    version = request.query.get("version", "1.0")
    if version not in reply.VERSIONS:
        raise Rejected(Reason.UNSUPPORTED_VERSION, "version")
    found = await _own(request)
    if not found.raw:  # let go (``hub retention``): what is to be named in it is not known any more
        raise Unprocessable([_LET_GO])
    given = reply.verdict(found.refusal, taken=not found.is_refused)
    raw = reply.acknowledge(found.raw, given, found.decided_us, version)
    return as_json(as_document(raw) | {"receivers": await _receivers(request)})


def as_document(raw: bytes) -> dict[str, Any]:
    """A document as the body of an answer."""
    return {"businessDocument": b64encode(raw).decode(), "contentType": "application/xml", "contentTransferEncoding": BASE64}


async def _receivers(request: web.Request) -> list[dict[str, Any]]:
    state = request.app[STATE]
    said = await state.ledger.run(of_receivers, request.match_info["id"])
    directory = await state.region.now() if said else None
    return [_said(one, directory.provider(one.recipient) if directory else None) for one in said]


def _said(one: OfReceiver, provider: Provider | None) -> dict[str, Any]:
    numbers = her_ids(provider) if provider else ()
    return {
        "receiver": provider.name if provider else one.recipient,
        **({"receiverHerId": int(numbers[0])} if numbers else {}),
        "appRecStatus": next(int(status) for status, word in receipt.WORDS.items() if word == one.status),
        "appRecErrorList": [{"errorCode": code, "description": reply.WORDS.get(code, "")} for code in one.codes],
    }


def her_ids(provider: Provider) -> tuple[str, ...]:
    """The HER-ids among the names of a provider: they have fewer digits than an organisation number."""
    names = (*provider.senders, provider.organisation.rpartition("|")[2])
    return tuple(dict.fromkeys(n for n in names if n.isascii() and n.isdigit() and len(n) <= _HER_ID_DIGITS_MAX))


async def _own(request: web.Request) -> Taken:
    """The message asked about. Somebody else's is answered as one that is not there. Raises HTTPNotFound, Unauthorized, HTTPForbidden."""
    who = require(request, Role.PROVIDER, Role.ADMIN)
    found = await request.app[STATE].ledger.run(taken, request.match_info["id"], Adapter.KITH.value)
    if found is None or (who.role is Role.PROVIDER and who.id != found.provider):
        raise web.HTTPNotFound
    return found


def as_json(body: Any, code: int = 200, content_type: str = "application/json") -> web.Response:
    """An answer in JSON."""
    return web.Response(text=json.dumps(body, ensure_ascii=False), status=code, content_type=content_type, charset="utf-8")
