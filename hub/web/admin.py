"""``/admin``: providers and subscriptions while the hub runs. For admin tokens.

What is taken here is judged as if it stood in the configuration file: nothing is stored that would keep the hub from starting again.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from hub.config import ConfigError, provider_from_dict, provider_to_dict, subscription_from_dict, subscription_to_dict
from hub.ledger import directory
from hub.ledger.connect import Conn, Pool
from hub.ledger.sessions import end_sessions
from hub.web.access import require
from hub.web.answers import Conflicting, Unprocessable
from hub.web.body import read_object
from hub.web.state import STATE
from hub.web.tokens import Role

_ID: Final = re.compile(r"[!-~]{1,256}", re.ASCII)


def _id(request: web.Request) -> str:
    """The id of the address. Raises HTTPNotFound for what no id can be."""
    found = request.match_info["id"]
    if not _ID.fullmatch(found):
        raise web.HTTPNotFound
    return found


def _ledger(request: web.Request) -> Pool:
    """The ledger, for an admin. Raises Unauthorized, HTTPForbidden."""
    require(request, Role.ADMIN)
    return request.app[STATE].ledger


async def _entry(request: web.Request) -> Mapping[str, Any]:
    """The body with the id of the address; a body may leave its id out and may not have another."""
    wanted = _id(request)
    body = await read_object(request)
    if body.setdefault("id", wanted) != wanted:
        raise Unprocessable([f"id: not the id of the address; write {wanted!r} or leave it out"])
    return body


async def list_providers(request: web.Request) -> web.Response:
    """``GET /admin/providers``."""
    stored = await _ledger(request).run(directory.stored_providers)
    return web.json_response([provider_to_dict(p) for p in stored])


async def get_provider(request: web.Request) -> web.Response:
    """``GET /admin/providers/{id}``."""
    provider = await _ledger(request).run(directory.get_provider, _id(request))
    if provider is None:
        raise web.HTTPNotFound
    return web.json_response(provider_to_dict(provider))


async def put_provider(request: web.Request) -> web.Response:
    """``PUT /admin/providers/{id}``: in effect when answered."""
    ledger = _ledger(request)
    try:
        provider = provider_from_dict(await _entry(request))
        if lines := request.app[STATE].objections(provider):
            raise Unprocessable(lines)
        is_new = await ledger.run(directory.put_provider, provider)
    except ConfigError as exc:
        raise Unprocessable(exc.lines) from exc
    return web.json_response(provider_to_dict(provider), status=201 if is_new else 200)


async def delete_provider(request: web.Request) -> web.Response:
    """``DELETE /admin/providers/{id}``: 422 while a subscription names it, 409 for one of the configuration file."""
    return await _delete(request, directory.delete_provider)


async def list_subscriptions(request: web.Request) -> web.Response:
    """``GET /admin/subscriptions``."""
    stored = await _ledger(request).run(directory.stored_subscriptions)
    return web.json_response([subscription_to_dict(s) for s in stored])


async def get_subscription(request: web.Request) -> web.Response:
    """``GET /admin/subscriptions/{id}``."""
    subscription = await _ledger(request).run(directory.get_subscription, _id(request))
    if subscription is None:
        raise web.HTTPNotFound
    return web.json_response(subscription_to_dict(subscription))


async def put_subscription(request: web.Request) -> web.Response:
    """``PUT /admin/subscriptions/{id}``: in effect when answered."""
    ledger = _ledger(request)
    try:
        subscription = subscription_from_dict(await _entry(request))
        is_new = await ledger.run(directory.put_subscription, subscription)
    except ConfigError as exc:
        raise Unprocessable(exc.lines) from exc
    return web.json_response(subscription_to_dict(subscription), status=201 if is_new else 200)


async def delete_subscription(request: web.Request) -> web.Response:
    """``DELETE /admin/subscriptions/{id}``: 409 for one of the configuration file."""
    return await _delete(request, directory.delete_subscription)


async def delete_sessions(request: web.Request) -> web.Response:
    """``DELETE /admin/sessions``: everybody is logged out of the patient's page; how many there were."""
    return web.json_response({"ended": await _ledger(request).run(end_sessions, None)})


async def _delete(request: web.Request, delete: Callable[[Conn, str], bool]) -> web.Response:
    ledger = _ledger(request)
    try:
        was_there = await ledger.run(delete, _id(request))
    except directory.OfTheFileError as exc:
        raise Conflicting(exc.lines) from exc
    except ConfigError as exc:
        raise Unprocessable(exc.lines) from exc
    if not was_there:
        raise web.HTTPNotFound
    return web.Response(status=204)
