"""How often emergency access may be asked for and used: far above what people in need do, far below what looks through a register."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from aiohttp import web

from hub.web.limits import Limiter
from hub.web.state import STATE


class What(StrEnum):
    """What is limited, each by its own key."""

    PROVIDER = "provider"  # asking, of one organisation
    PERSON = "person"  # asking, of one person of it
    READING = "reading"  # of one access


PER_MINUTE: Final = MappingProxyType({What.PROVIDER: 120, What.PERSON: 10, What.READING: 60})
LIMITS: Final = web.AppKey("emergency_limits", dict)


def limits() -> dict[What, Limiter]:
    """The limits of one process."""
    return {what: Limiter(count, 60) for what, count in PER_MINUTE.items()}


def hold_back(request: web.Request, what: What, key: str) -> None:
    """Raises HTTPTooManyRequests when it has been asked too often."""
    seconds = request.app[LIMITS][what].wait_seconds(key, request.app[STATE].clock())
    if seconds:
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})
