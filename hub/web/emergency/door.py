"""``POST /fhir/$emergency-access``: personnel of a provider open a patient's record in an emergency, for some hours, and say why.

Which organisation asks is the token's to say; which person, as what they are registered, and why, is the organisation's word in the body.
"""

from dataclasses import replace
from typing import Final

from aiohttp import web

from hub import telemetry
from hub.addresses import can_be_told
from hub.errors import Reason, Rejected
from hub.identity import derived_id
from hub.ledger.connect import Conn
from hub.ledger.disclosures import patient_keys_of
from hub.ledger.emergencies import Emergency, Personnel, Step, Why, open_access
from hub.model import Provider, Rule
from hub.pipeline import Terms
from hub.terms import terms_of
from hub.web.access import require
from hub.web.answers import fhir
from hub.web.body import read_object
from hub.web.emergency import denial, parameters
from hub.web.emergency.pace import What, hold_back
from hub.web.emergency.parameters import Asking
from hub.web.emergency.right import right_to
from hub.web.judge import bearer
from hub.web.state import STATE
from hub.web.tokens import Role

_HOUR_US: Final = 3_600_000_000


async def ask(request: web.Request) -> web.Response:
    """200 with the access that is open from now; an OperationOutcome where none is. Either is recorded before it is said."""
    state = request.app[STATE]
    who = require(request, Role.PROVIDER)
    provider = bearer(who, await state.region.now())
    hold_back(request, What.PROVIDER, provider.id)
    asking = parameters.read(await read_object(request))
    hold_back(request, What.PERSON, f"{provider.id} {asking.person}")
    if not state.settings.person_numbers.takes(asking.patient.value):
        raise Rejected(Reason.UNWELCOME_PERSON_NUMBER, "parameter patient")
    asked = _asked(request, asking, provider)
    if not asking.is_explained:
        return await denial.refused(state, asked, Why.NO_REASON)
    if not can_be_told(provider.supervisor, state.settings.smtp):
        return await denial.refused(state, asked, Why.NO_SUPERVISOR)
    judged = await state.ledger.run(_judged, asked, provider, terms_of(state.settings))
    if not isinstance(judged, Emergency):
        return await denial.refused(state, asked, *judged)
    opened = await state.ledger.run(open_access, judged, judged.at_us)
    if opened.id == judged.id:
        telemetry.EMERGENCIES.labels(Step.OPENED).inc()
        telemetry.log("emergency_access_opened", provider=provider.id, access=opened.access)
    return fhir(parameters.opened(opened, f"{request.url.origin()}{request.path}"))


def _asked(request: web.Request, asking: Asking, provider: Provider) -> Emergency:
    """What is asked for, as it is recorded if it is given."""
    state, grounds = request.app[STATE], asking.grounds
    now_us = state.clock()
    keys = state.pseudonyms.of_message([asking.patient], provider.id)
    until_us = now_us + int(state.settings.consent.emergency_hours * _HOUR_US)
    said = (provider.id, asking.person, asking.role, asking.name, keys.patient, grounds.purpose, grounds.template, grounds.reason)
    access = derived_id("emergency", Step.OPENED.value, str(now_us), *said)
    return Emergency(
        access, now_us, Step.OPENED, access, Personnel(provider.id, asking.person, asking.name, asking.role), request.remote or "",
        keys.patient, grounds, until_us, Rule.EMERGENCY.value, lock_keys=keys.locks,
    )  # fmt: skip


def _judged(conn: Conn, asked: Emergency, provider: Provider, terms: Terms) -> Emergency | tuple[Why, Rule | None]:
    """The access with the reasons it is given for, or why it is not. Raises Faulted."""
    if not patient_keys_of(conn, [asked.patient_key]):
        return Why.PATIENT_UNKNOWN, None
    right = right_to(conn, asked, provider, terms, asked.at_us)
    if right.denial is not None:
        return Why.DECIDED, right.denial
    return replace(asked, because=right.verdict.because)
