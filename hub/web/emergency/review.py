"""Looking after emergency access: what was asked for and why, and an access that is closed before its time.

By the organisation itself, of its own, or by an administrator. The list holds the reasons, and nothing that says whose record it was.
"""

from typing import Final

from aiohttp import web

from hub import telemetry
from hub.identity import derived_id
from hub.ledger.connect import Conn
from hub.ledger.emergencies import Access, Emergency, Personnel, Step, accesses_by, keep
from hub.ledger.record import Access as Reading
from hub.ledger.record import keep_access
from hub.web.access import require
from hub.web.answers import fhir
from hub.web.emergency import parameters
from hub.web.emergency.reading import find
from hub.web.judge import bearer
from hub.web.state import STATE
from hub.web.tokens import Role

LISTED_MAX: Final = 200


async def asked_for(request: web.Request) -> web.Response:
    """``GET /fhir/$emergency-access``: the latest, as Parameters. That it was read is recorded first."""
    state = request.app[STATE]
    who = require(request, Role.PROVIDER, Role.ADMIN)
    provider = bearer(who, await state.region.now()).id if who.role is Role.PROVIDER else ""
    reading = Reading(state.clock(), who.role.value, provider, request.remote or "", "search-type", "$emergency-access")
    return fhir(parameters.listed(await state.ledger.run(_listed, provider, reading)))


def _listed(conn: Conn, provider: str, reading: Reading) -> list[Access]:
    found = accesses_by(conn, provider, LISTED_MAX)
    keep_access(conn, reading, {a.asked.patient_key for a in found})
    return found


async def close(request: web.Request) -> web.Response:
    """``DELETE /fhir/$emergency-access/{id}``: 204 when nobody can read by it any more, whoever ended it."""
    state = request.app[STATE]
    who = require(request, Role.PROVIDER, Role.ADMIN)
    provider = bearer(who, await state.region.now()).id if who.role is Role.PROVIDER else ""
    opened = (await find(state, request.match_info["id"])).asked
    if provider not in ("", opened.who.provider):
        raise web.HTTPNotFound
    now_us = state.clock()
    row = Emergency(
        derived_id("emergency", Step.CLOSED.value, opened.access), now_us, Step.CLOSED, opened.access, Personnel(provider, ""),
        request.remote or "", opened.patient_key, opened.grounds.without_words,
    )  # fmt: skip
    if now_us < opened.until_us and await state.ledger.run(keep, row):
        telemetry.EMERGENCIES.labels(Step.CLOSED).inc()
    return web.Response(status=204)
