"""Who is asking: the bearer token, or, on plaintext loopback, nobody in particular."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from hub.web.forwarded import came_by_proxy
from hub.web.state import STATE
from hub.web.tokens import Principal, Role, Unauthorized, verify

_SCHEME: Final = "bearer"
_NAMES: Final = frozenset({"localhost", "ip6-localhost"})


def principal(request: web.Request) -> Principal:
    """The bearer of the request's token. Raises Unauthorized: no token, several, or not one of ours."""
    given = request.headers.getall("Authorization", [])
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    if scheme.lower() != _SCHEME:
        raise Unauthorized
    state = request.app[STATE]
    return verify(token.strip(" "), state.keys, state.clock())


def require(request: web.Request, *roles: Role) -> Principal:
    """The bearer, in one of these roles. Raises Unauthorized, or HTTPForbidden for a good token of another role."""
    who = principal(request)
    if who.role not in roles:
        raise web.HTTPForbidden
    return who


def sender(request: web.Request) -> Principal | None:
    """Who sends a message: a provider, an admin, or None for a request without a token on plaintext loopback.

    There the sender is known by its name in the message alone, as on plaintext MLLP. Raises Unauthorized, HTTPForbidden.
    """
    if "Authorization" not in request.headers and _is_plain_loopback(request):
        return None
    return require(request, Role.PROVIDER, Role.ADMIN)


def require_operator(request: web.Request) -> None:
    """Somebody who may know how much is kept back: on this machine, an admin, or anybody where the settings say so aloud.

    Whoever sees the figures move as a message passes knows what became of it. Raises Unauthorized, HTTPForbidden.
    """
    if not (request.app[STATE].settings.open_metrics or _is_loopback(request)):
        require(request, Role.ADMIN)


def _is_plain_loopback(request: web.Request) -> bool:
    """The same without TLS."""
    transport = request.transport
    return transport is not None and transport.get_extra_info("sslcontext") is None and _is_loopback(request)


def _is_loopback(request: web.Request) -> bool:
    """True when both ends are this machine, and the request names it so.

    A web page of elsewhere whose name was made to point here (DNS rebinding) still sends its own name. A proxy on this machine may call it
    localhost, and is known by what it adds.
    """
    transport = request.transport
    if transport is None or came_by_proxy(request):
        return False
    ends = (transport.get_extra_info("sockname"), transport.get_extra_info("peername"))
    return all(end and ip_address(end[0].partition("%")[0]).is_loopback for end in ends) and _is_local_name(request.headers.get("Host", ""))


def _is_local_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in _NAMES or ip_address(name).is_loopback
    except ValueError:
        return False
