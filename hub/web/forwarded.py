"""Whose address a request comes from: the peer's, or what a trusted reverse proxy (``trusted_proxies``) says in ``X-Forwarded-For``.

A proxy adds the address it was asked from at the end of the list, so it is read from the end: what stands before the first address that
is no trusted proxy's was written by whoever wanted it to be believed.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import web

from hub.web.state import STATE

_LIST: Final = "X-Forwarded-For"
_SIGNS: Final = (_LIST, "Forwarded", "X-Real-IP", "Via")  # a proxy of the usual kinds leaves at least one of them
_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


def client_address(request: web.Request) -> str:
    """The address of who asks, for limits and for the record; "" = not known."""
    return origin(request.remote or "", request.headers.getall(_LIST, []), request.app[STATE].settings.trusted_proxies)


def came_by_proxy(request: web.Request) -> bool:
    """Whether somebody else may be behind the peer, trusted or not."""
    return any(name in request.headers for name in _SIGNS) or is_proxy(request.remote or "", request.app[STATE].settings.trusted_proxies)


def origin(peer: str, lines: Sequence[str], proxies: tuple[str, ...]) -> str:
    """The last address that is no trusted proxy's; lines: of ``X-Forwarded-For``, in their order. What cannot be read ends the search."""
    found, hops = _address(peer), [hop for line in lines for hop in line.split(",")]
    while found and hops and _is_within(found, proxies):
        before = _address(_without_port(hops.pop().strip()))
        if before is None:
            break
        found = before
    return str(found or "")


def is_proxy(peer: str, proxies: tuple[str, ...]) -> bool:
    """Whether this is the address of a trusted proxy."""
    found = _address(peer)
    return found is not None and _is_within(found, proxies)


def _is_within(address: _Address, proxies: tuple[str, ...]) -> bool:
    return any(address in network for network in _networks(proxies))


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ip_network(proxy) for proxy in proxies)


def _address(text: str) -> _Address | None:
    """IPv4 that stands in IPv6 (RFC 4291, 2.5.5.2) is IPv4; the zone of a link is left out."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _without_port(hop: str) -> str:
    """``192.0.2.1:80`` and ``[2001:db8::1]:80`` as some proxies write them."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, colon, port = hop.partition(":")
    return host if colon and port.isascii() and port.isdigit() and "." in host else hop
