"""``/fhir/Subscription`` for a provider's own: found, read, asked how it stands (``$status``), asked for its events again (``$events``).

    GET       /fhir/Subscription                  those of the bearer
    GET       /fhir/Subscription/{id}             one of them; 404 for anybody else's, be there one or not
    GET, POST /fhir/Subscription/$status          how they stand; [id, status]
    GET, POST /fhir/Subscription/{id}/$status     how one of them stands
    GET, POST /fhir/Subscription/{id}/$events     eventsSinceNumber, eventsUntilNumber, content, includeReleased

Whoever takes its messages in another form than FHIR has none here. Subscriptions are written by administrators alone.
"""

import asyncio
from typing import Final

from aiohttp import web

from hub.config import ConfigError, subscription_from_dict
from hub.delivery.events import Answer, Events, Means
from hub.errors import Cause, Faulted
from hub.ledger.delivery import connect
from hub.ledger.told import Telling, next_numbers, subscriptions_of
from hub.model import AttemptOutcome, Form, Provider, Subscription
from hub.pipeline import Terms
from hub.web import events_query
from hub.web.access import require
from hub.web.answers import FHIR_JSON, fhir
from hub.web.body import read_object
from hub.web.events_query import Asked, Given
from hub.web.judge import bearer
from hub.web.state import STATE
from hub.web.subscription import Own, events, resource, searchset, status
from hub.web.tokens import Role

ROOM: Final = web.AppKey("events_room", asyncio.Semaphore)
TERMS: Final = web.AppKey("terms", Terms)
ROOM_SIZE: Final = 8  # connections to the ledger that those who ask for their events may hold
_TRIES_MAX: Final = 5  # against a machine that is too slow for a claim
_LATE_SECONDS: Final = 10.0  # beyond the longest answer
_STATUS: Final = "active"  # whatever waits: that would tell of what is held


async def search(request: web.Request) -> web.Response:
    """The bearer's, in the order of their configured ids."""
    own = await _own(request)
    if request.query:
        raise web.HTTPBadRequest
    return fhir(searchset(_base(request), ((o.url, resource(o)) for o in own), ""))


async def read(request: web.Request) -> web.Response:
    """One of the bearer's."""
    return fhir(resource(await _one(request)))


async def status_of_all(request: web.Request) -> web.Response:
    """How the bearer's stand, or those of them that were asked about."""
    own = await _own(request)
    ids, statuses = events_query.of_status(await _given(request))
    found = [o for o in own if (not ids or o.id in ids) and (not statuses or _STATUS in statuses)]
    return await _statuses(request, found)


async def status_of_one(request: web.Request) -> web.Response:
    """How one of the bearer's stands."""
    own = await _one(request)
    events_query.of_status(await _given(request))
    return await _statuses(request, [own])


async def told(request: web.Request) -> web.StreamResponse:
    """``$events``. What is told is claimed while its bytes leave, so that a lock that comes meanwhile names it."""
    own = await _one(request)
    state = request.app[STATE]
    asked = events_query.of_events(await _given(request), releases=state.settings.release_on_unlock)
    provider = await _bearer(request)
    async with request.app[ROOM], await connect(state.settings.database_url, durable=True) as conn:
        telling = Telling(conn, provider.id, own.subscription.id)
        await telling.end_leftovers(state.clock(), int((state.settings.ack_seconds_max + _LATE_SECONDS) * 1e6))
        found = Events(telling, provider, own.subscription, await _means(request))
        return await _answered(request, own, asked, found)


async def _answered(request: web.Request, own: Own, asked: Asked, found: Events) -> web.StreamResponse:
    """Raises Faulted(OVERLOADED) when it takes longer than a claim lasts, again and again: no byte of it has left then."""
    state, loop = request.app[STATE], asyncio.get_running_loop()
    for _ in range(_TRIES_MAX):
        answer = await found.asked_for(asked.wanted)
        body = events(own, answer.events, answer.highest, asked.content, state.clock())
        if not answer.events or loop.time() < answer.before:
            return await _written(request, found, answer, web.Response(body=body, content_type=FHIR_JSON, charset="utf-8"))
        await found.ended(answer, None)
    raise Faulted(Cause.OVERLOADED)


async def _written(request: web.Request, found: Events, answer: Answer, response: web.Response) -> web.StreamResponse:
    """What is told is told when all of it has been written; when something else ends it, some of it may have been."""
    ended = AttemptOutcome.UNKNOWN
    try:
        async with asyncio.timeout(request.app[STATE].settings.ack_seconds_max):
            await response.prepare(request)
            await response.write_eof()
        ended = AttemptOutcome.DELIVERED
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise
    finally:
        await found.ended(answer, ended)
    return response


async def _statuses(request: web.Request, found: list[Own]) -> web.Response:
    """What a status tells is what ``$events`` told: a number that was not given yet counts for nothing."""
    state = request.app[STATE]
    next_n = await state.ledger.run(next_numbers, found[0].subscription.provider) if found else {}
    made = [(f"{o.url}/$status", status(o, "query-status", next_n.get(o.subscription.id, 1) - 1)) for o in found]
    return fhir(searchset(_base(request), made, "/$status"))


async def _given(request: web.Request) -> Given:
    """The parameters, of a POST those of its body alone. Raises Rejected."""
    if request.method == "GET":
        return tuple(request.query.items())
    return events_query.of_parameters(await read_object(request))


async def _means(request: web.Request) -> Means:
    state = request.app[STATE]
    assert state.recall is not None  # wherever this route is
    return Means(state.settings, state.clock, state.recall, request.app[TERMS], await state.region.now())


async def _bearer(request: web.Request) -> Provider:
    """Raises Unauthorized, HTTPForbidden, Rejected, Faulted."""
    return bearer(require(request, Role.PROVIDER), await request.app[STATE].region.now())


async def _own(request: web.Request) -> list[Own]:
    provider, state = await _bearer(request), request.app[STATE]
    if provider.deliver.form is not Form.FHIR:
        return []
    found = await state.ledger.run(subscriptions_of, provider.id)
    return [Own(_base(request), s, provider.deliver) for s in (_read(name, body) for name, body in found.items()) if s is not None]


def _read(name: str, body: dict[str, object]) -> Subscription | None:
    try:
        return subscription_from_dict(body | {"id": name})
    except ConfigError:
        return None  # no version of the hub has written it


async def _one(request: web.Request) -> Own:
    """Raises HTTPNotFound too."""
    found = next((o for o in await _own(request) if o.id == request.match_info["id"]), None)
    if found is None:
        raise web.HTTPNotFound
    return found


def _base(request: web.Request) -> str:
    return f"{request.url.origin()}/fhir"
