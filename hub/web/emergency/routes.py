"""Every address of emergency access, and what stands around them."""

from typing import Final

from aiohttp import web

from hub.web.emergency import door, pace, reading, review, telling

ADDRESS: Final = "/fhir/$emergency-access"


def routes() -> list[web.RouteDef]:
    """The door, the reading, and looking after them."""
    return [
        web.post(ADDRESS, door.ask),  # provider
        web.get(ADDRESS, review.asked_for),  # provider (its own), admin
        web.get(f"{ADDRESS}/{{id}}", reading.read),  # provider (its own)
        web.delete(f"{ADDRESS}/{{id}}", review.close),  # provider (its own), admin
    ]


def prepare(app: web.Application) -> None:
    """What they need beside the state: the limits, and somebody who tells supervisors."""
    app[pace.LIMITS] = pace.limits()
    app.cleanup_ctx.append(telling.telling)
