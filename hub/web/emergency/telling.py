"""Tells a provider's supervisor that somebody opened emergency access: who, until when, and where to see why; nothing of the patient.

At least once: what was sent is written down after it was sent. What cannot be sent is tried again, later and later, for ever.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.addresses import MAILTO
from hub.errors import Cause, Faulted
from hub.identity import HPR
from hub.ledger.emergencies import Emergency
from hub.ledger.supervisors import BATCH, SupervisorNotice, supervisor_not_told, supervisor_told, take_supervisor_notices
from hub.model import Provider
from hub.web import audit_elements as ae
from hub.web.citizen.render import words
from hub.web.citizen.sessions import base_url
from hub.web.citizen.times import civil_time
from hub.web.citizen.vocabulary import Language
from hub.web.rounds import rounds
from hub.web.sending import FAILURES, RETRY_SECONDS_MAX, NotSentError, call, mail, retry_seconds
from hub.web.state import STATE, State

LOOK_SECONDS: Final = 5.0
_HELD_SECONDS: Final = 60.0  # what one process has taken is another's after this


async def telling(app: web.Application) -> AsyncIterator[None]:
    """Tell while the app runs (an aiohttp cleanup context)."""
    state = app[STATE]
    async with rounds(lambda: round_of(state), BATCH, LOOK_SECONDS):
        yield


async def round_of(state: State) -> int:
    """One look at what is due: how much there was."""
    now_us = state.clock()
    try:
        taken = await state.ledger.run(take_supervisor_notices, now_us, now_us + int(_HELD_SECONDS * 1e6))
        directory = await state.region.now() if taken else None
        for notice in taken:
            await _one(state, notice, directory.provider(notice.opened.who.provider) if directory else None)
    except Faulted as exc:
        telemetry.fault("web", exc.cause)
        return 0
    except Exception as exc:  # noqa: BLE001  whatever it is, the process goes on, and looks again
        telemetry.fault("web", Cause.INTERNAL)
        telemetry.log("supervisor_notice_fault", place=telemetry.place(exc))
        return 0
    return len(taken)


async def _one(state: State, notice: SupervisorNotice, provider: Provider | None) -> None:
    contact = provider.supervisor if provider else ""
    channel = "email" if contact.startswith(MAILTO) else "webhook"
    access = notice.opened.access
    try:
        await _send(state, notice.opened, provider)
    except FAILURES:
        telemetry.SUPERVISOR_NOTICES.labels(channel, "failed").inc()
        await state.ledger.run(supervisor_not_told, access, state.clock() + int(retry_seconds(notice.tries) * 1e6))
    except Exception as exc:  # noqa: BLE001  whatever it is, it is counted, and the next one is told
        telemetry.fault("web", Cause.INTERNAL)
        telemetry.log("supervisor_notice_fault", place=telemetry.place(exc))
        await state.ledger.run(supervisor_not_told, access, state.clock() + int(RETRY_SECONDS_MAX * 1e6))
    else:
        telemetry.SUPERVISOR_NOTICES.labels(channel, "sent").inc()
        await state.ledger.run(supervisor_told, notice.opened, state.clock())


async def _send(state: State, opened: Emergency, provider: Provider | None) -> None:
    """One message. Raises one of ``FAILURES``."""
    if provider is None or not provider.supervisor:
        raise NotSentError  # whoever is named next is told
    address = f"{base_url(state.settings)}/fhir/$emergency-access"
    if provider.supervisor.startswith(MAILTO):
        subject, text = _words(opened, provider, address)
        await mail(state.settings, provider.supervisor.removeprefix(MAILTO), subject, text)
    else:  # an operator has written it, who knows which network it is in
        await call(provider.supervisor, _body(opened, address), anywhere=True)


def _body(opened: Emergency, address: str) -> dict[str, Any]:
    who = opened.who
    return {
        "event": "emergency-access", "access": opened.access, "organisation": who.provider, "practitioner": f"{HPR}|{who.person}",
        "role": who.role, "purpose": opened.grounds.purpose, "opened": ae.instant(opened.at_us), "expires": ae.instant(opened.until_us),
        "review": address,
    }  # fmt: skip


def _words(opened: Emergency, provider: Provider, address: str) -> tuple[str, str]:
    """Subject and text, in both languages: nobody knows which one the supervisor reads."""
    who = f"{opened.who.name} (HPR {opened.who.person})" if opened.who.name else f"HPR {opened.who.person}"
    texts = []
    for language in Language:
        when = {"opened": civil_time(language, opened.at_us), "until": civil_time(language, opened.until_us)}
        said = {"who": who, "organisation": provider.name, "access": opened.access, "address": address}
        texts.append(words(language, "supervisor_text", **said, **when))
    return words(Language.NORWEGIAN, "supervisor_subject", organisation=provider.name), "\n".join(texts)
