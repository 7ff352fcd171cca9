"""``/fhir/AuditEvent``: the record of decisions, disclosures and readings, searched and read; whoever reads it is recorded in it.

An administrator sees all of it, a patient what is of them, a provider what was disclosed to it: what was withheld from it is not told to
it, nor that anything was, nor that something was left out of what it got. No answer is given that could not be recorded first.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from hub.identity import canonical
from hub.ledger.connect import Conn
from hub.ledger.consents import get_consent
from hub.ledger.disclosures import owners_of, patient_keys_of
from hub.ledger.record import Access, Page, Record, Sought, find, find_given, keep_access, search
from hub.model import Identifier
from hub.web.access import require
from hub.web.answers import Unprocessable, fhir
from hub.web.audit_elements import PATIENT
from hub.web.audit_event import audit_event, to_its_recipient
from hub.web.audit_query import Query, parse
from hub.web.forwarded import client_address
from hub.web.state import STATE, State
from hub.web.tokens import Principal, Role

_DAY_US: Final = 25 * 3600 * 1_000_000  # a civil day has up to 25 hours
SPAN_US_MAX: Final = 31 * _DAY_US
SPAN_OF_AGENT_US_MAX: Final = _DAY_US  # all of it is looked through: what a provider has a part in stands in no index of its own
_WHOSE: Final = f"several patients have this identifier: ask by one that only one has, or by {PATIENT}|key"
_TOO_WIDE: Final = "give patient, entity, or a date from and a date to (date=ge...&date=le...) at most 31 days apart, with agent one day"


@dataclass(frozen=True, slots=True)
class _Person:
    """A patient as the ledger knows them: every key of theirs, and one to record a reading under."""

    key: str
    keys: frozenset[str]


async def search_events(request: web.Request) -> web.Response:
    """``GET /fhir/AuditEvent``: a searchset, the latest first, with a link to the next page."""
    state = request.app[STATE]
    who = require(request, Role.ADMIN, Role.PATIENT, Role.PROVIDER)
    try:
        query = parse(request.query.items())
    except ValueError:
        raise web.HTTPBadRequest from None
    sought, person, reader = await _allowed(state, who, query)
    access = _access(request, who, reader, "search-type", f"AuditEvent?{query.with_key(person.key if person else '')}")
    page = await state.ledger.run(_search, sought, access, person)
    return fhir(_bundle(request, query, page, _teller(who)))


async def read_event(request: web.Request) -> web.Response:
    """``GET /fhir/AuditEvent/{id}``."""
    state = request.app[STATE]
    who = require(request, Role.ADMIN, Role.PATIENT, Role.PROVIDER)
    own = await _person(state, _identifier(who)) if who.role is Role.PATIENT else None
    if who.role is Role.PROVIDER:  # what is not its own is not there
        record = await state.ledger.run(find_given, request.match_info["id"], who.id)
    else:
        record = await state.ledger.run(find, request.match_info["id"])
    if record is None:
        raise web.HTTPNotFound
    if own is not None and record.patient_key not in own.keys:
        raise web.HTTPForbidden
    access = _access(request, who, own.key if own else who.id, "read", f"AuditEvent/{record.id}")
    await state.ledger.run(keep_access, access, [record.patient_key] if record.patient_key else [])
    return fhir(_teller(who)(record))


def _search(conn: Conn, sought: Sought, access: Access, person: _Person | None) -> Page:
    page = search(conn, sought)
    shown = [person.key] if person else sorted({r.patient_key for r in page.records if r.patient_key})
    keep_access(conn, access, shown)
    return page


async def _allowed(state: State, who: Principal, query: Query) -> tuple[Sought, _Person | None, str]:
    """What may be searched for, of whom, and the reader as recorded. Raises HTTPForbidden, Unprocessable, Faulted."""
    sought, person, reader = query.sought, await _asked_for(state, query), who.id
    match who.role:
        case Role.PATIENT:
            own = await _person(state, _identifier(who))
            if person is not None and not (query.patient is not None and who.is_patient(query.patient)) and not person.keys <= own.keys:
                raise web.HTTPForbidden
            person, reader = own, own.key
        case Role.PROVIDER:
            if sought.agent not in {"", who.id} or sought.event_id or sought.consent_id:  # either could be guessed at
                raise web.HTTPForbidden
            sought = replace(sought, only_to=who.id)
        case Role.ADMIN:
            if person is None and not sought.event_id and not _is_narrow(sought):
                raise Unprocessable([_TOO_WIDE])
    return replace(sought, patients=person.keys if person else None), person, reader


async def _asked_for(state: State, query: Query) -> _Person | None:
    """The patient that was named, or whose consent was."""
    if query.patient is not None:
        return await _person(state, query.patient)
    if not query.sought.consent_id:
        return None
    stored = await state.ledger.run(get_consent, query.sought.consent_id)
    given: Any = stored.resource.get("patient", {}).get("identifier", {}) if stored else {}
    return await _person(state, canonical(str(given.get("system", "")), str(given.get("value", ""))))


def _is_narrow(sought: Sought) -> bool:
    span_us = SPAN_OF_AGENT_US_MAX if sought.agent else SPAN_US_MAX
    return sought.from_us > 0 and sought.to_us - sought.from_us <= span_us


def _identifier(who: Principal) -> Identifier:
    system, _, value = who.id.rpartition("|")
    return canonical(system, value)


async def _person(state: State, identifier: Identifier) -> _Person:
    """By a national or global identifier; by a provider's own at whichever provider it is; or by the key the record itself tells.

    Raises Unprocessable where that is several patients': a reading is recorded of each whose record was shown, so it must be known who is.
    """
    if identifier.system == PATIENT:
        links: Iterable[str] = [identifier.value]
    elif identifier.system.startswith(("urn:", "http://", "https://")):
        links = [state.pseudonyms.link(identifier, "")]
    else:
        links = [state.pseudonyms.link(identifier, provider.id) for provider in (await state.region.now()).providers]
    links = [*links, state.pseudonyms.link(identifier, "")]
    if len(await state.ledger.run(owners_of, links)) > 1:  # a number of one provider's, and another's
        raise Unprocessable([_WHOSE])
    keys = await state.ledger.run(patient_keys_of, links)
    return _Person(min(keys, default=links[0]), keys or frozenset(links[:1]))


def _teller(who: Principal) -> Callable[[Record], dict[str, Any]]:
    return to_its_recipient if who.role is Role.PROVIDER else audit_event


def _access(request: web.Request, who: Principal, reader: str, interaction: str, query: str) -> Access:
    state = request.app[STATE]
    return Access(state.clock(), who.role.value, reader, client_address(request), interaction, query)


def _bundle(request: web.Request, query: Query, page: Page, told: Callable[[Record], dict[str, Any]]) -> dict[str, Any]:
    base = f"{request.url.origin()}/fhir/AuditEvent"
    links = [{"relation": "self", "url": f"{base}?{request.query_string}"}]
    if page.next is not None:
        links.append({"relation": "next", "url": f"{base}?{query.after(*page.next)}"})
    resources = [told(record) for record in page.records]
    entries = [{"fullUrl": f"{base}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": links} | ({"entry": entries} if entries else {})
