"""``/edi/messages`` for a recipient that fetches (``deliver = { channel = "poll" }``), shaped as Norsk helsenett's EDI 2.0.

    GET  /edi/messages?receiverHerIds=            [{"id", "receiverHerId"}], the first document of each patient; &messagesToFetch=1..100
    GET  /edi/messages/{id}/business-document     the document, the same bytes however often it is fetched; 404 when it is not to be had
    PUT  /edi/messages/{id}/read/{herId}          204: delivered
    POST /edi/messages/{id}/apprec/{herId}        {"appRecStatus": 1 | 2 | 3, "appRecErrorList": [{"errorCode"}]}; 201, and delivered

With the bearer token of the recipient; the last also for one that is sent to, by the id of ``X-Request-Id``.
The consents are asked when a document is listed and again when it is fetched.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from hub.adapters.kith.reply import WORDS
from hub.delivery.pickup import Pickup, said_read
from hub.errors import Cause, Faulted, Reason, Rejected
from hub.identity import derived_id
from hub.ledger.delivery import connect
from hub.ledger.outbox import OTHER, Said
from hub.model import Channel, Provider, ReceiptStatus
from hub.web.access import require
from hub.web.answers import Unprocessable
from hub.web.body import read_object
from hub.web.edi import as_document, as_json, her_ids
from hub.web.judge import bearer
from hub.web.state import STATE
from hub.web.tokens import Role

ROOM: Final = web.AppKey("poll_room", asyncio.Semaphore)
ROOM_SIZE: Final = 16  # connections to the ledger that those who fetch may hold
FETCH_MAX: Final = 100
_FETCH: Final = "10"  # as EDI 2.0 does where nothing is said
_ERRORS_MAX: Final = 100
_LATE_SECONDS: Final = 10.0  # beyond the longest handing over
_SENT_TO: Final = 'documents are sent to this provider: it fetches where its deliver is { channel = "poll" }'
_UNREAD: Final = "it has not been fetched: fetch its business-document first"
# The code, and the words, of Volven 8258 as EDI 2.0 takes them
STATUSES: Final[Mapping[str, ReceiptStatus]] = MappingProxyType(
    {
        "1": ReceiptStatus.ACCEPTED,
        "ok": ReceiptStatus.ACCEPTED,
        "2": ReceiptStatus.REJECTED,
        "rejected": ReceiptStatus.REJECTED,
        "3": ReceiptStatus.PARTLY,
        "okerrorinmessagepart": ReceiptStatus.PARTLY,
    }
)


async def waiting(request: web.Request) -> web.Response:
    """What waits for the bearer, by id: nothing of a patient is told."""
    require(request, Role.PROVIDER)
    asked = [i for name in ("receiverHerIds", "receiverHerId") for i in request.query.getall(name, [])]
    number = request.query.get("messagesToFetch", _FETCH)
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= FETCH_MAX):
        raise Rejected(Reason.BAD_VALUE, "messagesToFetch")
    provider = await _recipient(request, *asked)
    async with _pickup(request, provider) as pickup:
        found = await pickup.offered(int(number))
    ids = [i for i in (*asked, *her_ids(provider)) if i.isdigit()]
    her_id = {"receiverHerId": int(ids[0])} if ids else {}
    return as_json([{"id": parcel.known_as} | her_id for parcel in found])


async def business_document(request: web.Request) -> web.StreamResponse:
    """One document. It is claimed while its bytes leave, so that a lock that comes meanwhile names it."""
    provider, settings = await _recipient(request), request.app[STATE].settings
    async with _pickup(request, provider) as pickup:
        handed = await pickup.hand_over(request.match_info["id"])
        if handed is None:
            raise web.HTTPNotFound
        if asyncio.get_running_loop().time() >= handed.before:
            await pickup.given_back(handed)
            raise Faulted(Cause.OVERLOADED)
        try:
            response = as_json(as_document(handed.parcel.payload))
            async with asyncio.timeout(settings.ack_seconds_max):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            await pickup.handed_over(handed)
    return response


async def read(request: web.Request) -> web.Response:
    """The bearer has it. 204 again for one that was read before."""
    provider, state = await _recipient(request, request.match_info["herId"]), request.app[STATE]
    async with request.app[ROOM], await connect(state.settings.database_url, durable=True) as conn:
        is_read = await said_read(conn, provider.id, request.match_info["id"], "read", state.clock)
    if is_read is None:
        raise web.HTTPNotFound
    if not is_read:
        raise Unprocessable([_UNREAD])
    return web.Response(status=204)


async def apprec(request: web.Request) -> web.Response:
    """What the bearer's application says of one of its documents, now or long after."""
    state, event_id = request.app[STATE], request.match_info["id"]
    provider = await _recipient(request, request.match_info["herId"], is_fetching=False)
    body = await read_object(request)
    said = _said(body, event_id, provider.id)
    if state.receipts is None:
        raise web.HTTPNotFound
    await state.receipts.keep_of(event_id, said, provider.id)
    return as_json({"id": said.id}, 201)


def _said(body: Mapping[str, Any], event_id: str, recipient: str) -> Said:
    """The receipt that a body stands for: the same again is the same one. Raises Rejected."""
    status = STATUSES.get(str(body.get("appRecStatus", "")).lower())
    errors = body.get("appRecErrorList") or []
    if status is None:
        raise Rejected(Reason.BAD_VALUE, "appRecStatus")
    if not isinstance(errors, list) or len(errors) > _ERRORS_MAX or not all(isinstance(e, dict) for e in errors):
        raise Rejected(Reason.BAD_VALUE, "appRecErrorList")
    given = [e.get("errorCode") for e in errors]
    codes = tuple(dict.fromkeys(c if isinstance(c, str) and c in WORDS else OTHER for c in given))
    raw = json.dumps(body, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return Said(derived_id("apprec", event_id, recipient, status, *codes), status, codes, 0, raw)


async def _recipient(request: web.Request, *numbers: str, is_fetching: bool = True) -> Provider:
    """The bearer, whose HER-ids these are; of one who must fetch and does not, Unprocessable.

    Raises Unauthorized, HTTPForbidden, Rejected, Faulted too.
    """
    who = require(request, Role.PROVIDER)
    provider = bearer(who, await request.app[STATE].region.now())
    if not set(numbers) <= {*provider.senders, *her_ids(provider)}:
        raise web.HTTPForbidden
    if is_fetching and provider.deliver.channel is not Channel.POLL:
        raise Unprocessable([_SENT_TO])
    return provider


@asynccontextmanager
async def _pickup(request: web.Request, provider: Provider) -> AsyncIterator[Pickup]:
    """What a provider may fetch, on a connection of its own: one of the pool's could wait for the gate that this holds. Raises Faulted."""
    state, settings = request.app[STATE], request.app[STATE].settings
    assert state.remake is not None  # wherever this route is
    async with request.app[ROOM], await connect(settings.database_url, durable=True) as conn:
        found = Pickup(conn, provider, settings, state.clock, state.remake)
        await found.end_leftovers(int((settings.ack_seconds_max + _LATE_SECONDS) * 1e6))
        yield found
