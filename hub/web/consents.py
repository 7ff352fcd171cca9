"""``/fhir/Consent``: patients lock and unlock.

The answer to a PUT comes when the consent is in force, and names those for whom it came too late.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.consent.actors import actor_matches
from hub.consent.fhir import consent_from_fhir, patient_of
from hub.delivery.gate import came_too_late
from hub.errors import Faulted, Reason, Rejected
from hub.identity import Pseudonyms, canonical
from hub.ledger.consents import Judge, NewVersion, StaleVersionError, StoredConsent, find_consents, get_consent, put_consent
from hub.ledger.outbox import Asked
from hub.model import ActorKind, Boundaries, Consent, Identifier
from hub.routing.directory import Directory
from hub.web.access import require
from hub.web.answers import UnconfirmedError, fhir, outcome
from hub.web.body import read_object
from hub.web.state import STATE, State
from hub.web.tokens import Principal, Role

UNDER_WAY: Final = "X-Hub-Under-Way"
TRIES_MAX: Final = 5  # against others who write the same consent at the same moment
UnderWay = tuple[tuple[str, str], ...]
"""(event id, recipient) of each send a consent came too late for."""

_TOO_LATE: Final = "event {0} was already on its way to {1}"
_UNKNOWN: Final = MappingProxyType(
    {
        ActorKind.ORGANISATION: "no provider the hub knows has this identifier: nobody is kept out by it before one has",
        ActorKind.PERSON: "this keeps the person from looking it up; what is sent to where they work is not kept from them there",
        ActorKind.ROLE: "this keeps whoever has the role from looking it up; what is sent to where they work is not kept from them there",
        ActorKind.GROUP: "the hub does not know who is in this group: every recipient is kept out by it",
    }
)
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)


async def put(request: web.Request) -> web.Response:
    """``PUT /fhir/Consent/{id}``: 201 for a new one, 200 for a new version; ``If-Match`` is honoured."""
    state = request.app[STATE]
    started_us = state.clock()
    who = require(request, Role.PATIENT, Role.ADMIN)
    resource = await read_object(request)
    if resource.get("id") != request.match_info["id"]:
        raise Rejected(Reason.BAD_VALUE, "Consent.id")
    resource.pop("meta", None)  # version and time are the hub's to say
    directory = await state.region.now()
    stored, under_way = await write(state, who, resource, directory, lambda before: _is_as_expected(request, before))
    telemetry.REVOCATION_SECONDS.observe(max(0, state.clock() - started_us) / 1e6)
    notes = [*_too_late(under_way), *_nobody_yet(stored.consent, directory)]
    return _answer(stored, 200 if stored.consent.version > 1 else 201, notes, len(under_way))


async def write(
    state: State, who: Principal, resource: Mapping[str, Any], directory: Directory, expected: Callable[[StoredConsent | None], None]
) -> tuple[StoredConsent, UnderWay]:
    """Bring the next version of a consent into force for its patient, or an administrator; when this returns, it is.

    expected: looks at the version before, and raises where it is not what the writer has seen.
    Raises Rejected, HTTPForbidden, HTTPConflict, what ``expected`` raises, Faulted, UnconfirmedError.
    """
    consent_id = str(resource["id"])
    for _ in range(TRIES_MAX):
        before = await state.ledger.run(get_consent, consent_id)
        consent, patient = consent_from_fhir(resource, before.consent.version + 1 if before else 1, directory)
        _may_write(who, patient, before)
        expected(before)
        now_us, settings = state.clock(), state.settings
        consent = consent if consent.given_us is not None else replace(consent, given_us=now_us)  # it was given by now
        new = NewVersion(consent, state.pseudonyms.locks_of_consent(patient), resource, now_us)
        times_us = (now_us, now_us + int(settings.claim_seconds_max * 1e6))
        judge = _judge(consent, directory, times_us, settings.consent.boundaries())
        try:
            result = await state.ledger.run(put_consent, new, judge, settings.revocation_wait_seconds_max)
        except StaleVersionError:
            continue  # somebody else wrote in between: look again
        except Faulted as fault:
            raise UnconfirmedError(fault.cause) from None
        telemetry.REVOCATIONS.labels(_effect(consent)).inc()
        return StoredConsent(consent, now_us, resource), result.under_way
    raise web.HTTPConflict


def _judge(consent: Consent, directory: Directory, times_us: tuple[int, int], boundaries: Boundaries) -> Judge:
    """A send under way is waited for, and named, when the consent would have stopped it at the first or the last moment it may begin."""

    def judge(before: Asked, after: Asked) -> bool:
        return came_too_late(consent, before, after, directory.provider(after.parcel.place.recipient), times_us, boundaries)

    return judge


def _effect(consent: Consent) -> str:
    root = consent.provision
    denies = root.deny or any(e.deny for e in root.exceptions)
    return ("lock" if denies else "permit") if consent.active else "lifted"


def _may_write(who: Principal, patient: Identifier, before: StoredConsent | None) -> None:
    """A patient writes their own; nobody hands a consent from one patient to another, which would lift the first one's lock."""
    if who.role is not Role.ADMIN and not (who.is_patient(patient) and (before is None or _is_theirs(who, before))):
        raise web.HTTPForbidden
    if before is not None and _patient(before) != patient:
        raise web.HTTPConflict


def _patient(stored: StoredConsent) -> Identifier:
    return patient_of(stored.resource)


def _is_theirs(who: Principal, stored: StoredConsent) -> bool:
    return who.role is Role.ADMIN or who.is_patient(_patient(stored))


def _is_as_expected(request: web.Request, before: StoredConsent | None) -> None:
    """``If-Match`` and ``If-None-Match: *`` (RFC 9110, 13.1). Raises HTTPPreconditionFailed."""
    wanted = request.headers.get("If-Match")
    if wanted is not None:
        found = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        if before is None or not found & {"*", f'"{before.consent.version}"'}:
            raise web.HTTPPreconditionFailed
    if before is not None and request.headers.get("If-None-Match", "").strip() == "*":
        raise web.HTTPPreconditionFailed


async def get(request: web.Request) -> web.Response:
    """``GET /fhir/Consent/{id}``: the version in force."""
    who = require(request, Role.PATIENT, Role.ADMIN)
    if not _ID.fullmatch(request.match_info["id"]):
        raise web.HTTPNotFound
    stored = await request.app[STATE].ledger.run(get_consent, request.match_info["id"])
    if stored is None:
        raise web.HTTPNotFound
    if not _is_theirs(who, stored):
        raise web.HTTPForbidden
    return _answer(stored, 200)


async def search(request: web.Request) -> web.Response:
    """``GET /fhir/Consent?patient.identifier=[system|]value``: the versions in force of one patient, as a searchset."""
    state = request.app[STATE]
    who = require(request, Role.PATIENT, Role.ADMIN)
    system, _, value = request.query.get("patient.identifier", "").rpartition("|")
    if set(request.query) != {"patient.identifier"} or not value:
        raise web.HTTPBadRequest
    asked = Principal(Role.PATIENT, f"{system}|{value}" if system else value)
    if who.role is not Role.ADMIN and asked != who and not (system and who.is_patient(Identifier(system, value))):
        raise web.HTTPForbidden
    entries = [_entry(request, s) for s in await of_patient(state, asked)]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return fhir(bundle | ({"entry": entries} if entries else {}))


async def of_patient(state: State, patient: Principal) -> list[StoredConsent]:
    """The versions in force of one patient. Raises Faulted."""
    system, _, value = patient.id.rpartition("|")
    found = await state.ledger.run(find_consents, _search_keys(state.pseudonyms, system, value))
    return [s for s in found if _is_theirs(patient, s)]


def _search_keys(pseudonyms: Pseudonyms, system: str, value: str) -> Sequence[str]:
    """Where consents that name this patient are stored: with a system, that one; without, every system that has the value."""
    patient = canonical(system, value) if system else Identifier("", value)
    return pseudonyms.of_message([patient], "").locks


def _entry(request: web.Request, stored: StoredConsent) -> dict[str, Any]:
    return {"fullUrl": f"{request.url.origin()}/fhir/Consent/{stored.consent.id}", "resource": _shown(stored), "search": {"mode": "match"}}


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, UTC)


def _shown(stored: StoredConsent) -> dict[str, Any]:
    moment = _moment(stored.written_us).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**stored.resource, "meta": {"versionId": str(stored.consent.version), "lastUpdated": moment}}


def _too_late(under_way: UnderWay) -> Iterator[dict[str, Any]]:
    """Names the providers to whom something had already left, if any."""
    if under_way:
        said = "; ".join(_TOO_LATE.format(*send) for send in under_way)
        yield {"id": "under-way", **outcome("warning", "incomplete", said)}


def _nobody_yet(consent: Consent, directory: Directory) -> Iterator[dict[str, Any]]:
    """Names the actors of a lock that are no provider the hub knows, with what the lock does then."""
    root, where = consent.provision, "Consent.provision"
    denying = [(p, at) for p, at in ((root, where), *((e, f"{where}.provision[{n}]") for n, e in enumerate(root.exceptions))) if p.deny]
    actors = [(actor, f"{at}.actor[{n}]") for p, at in denying for n, actor in enumerate(p.actors)] if consent.active else []
    for n, (actor, place) in enumerate(actors):
        if not any(actor_matches(actor.identifier, provider) for provider in directory.providers):
            yield {"id": f"nobody-yet-{n}", **outcome("warning", "not-found", _UNKNOWN[actor.kind], place)}


def _answer(stored: StoredConsent, code: int, notes: Sequence[Mapping[str, Any]] = (), too_late: int = 0) -> web.Response:
    """The resource, with the notes inside; too_late: the sends under way, counted in a header."""
    body = _shown(stored)
    headers = {
        "ETag": f'W/"{stored.consent.version}"',
        "Last-Modified": format_datetime(_moment(stored.written_us), usegmt=True),
        "Location": f"/fhir/Consent/{stored.consent.id}/_history/{stored.consent.version}",
    }
    if code != 201:
        del headers["Location"]
    if too_late:
        headers[UNDER_WAY] = str(too_late)
    if notes:
        own = body.get("contained", [])
        body["contained"] = [*(own if isinstance(own, list) else []), *notes]
    return fhir(body, code, headers)
