"""Who may have it: the patient's locks, what a new one or its lifting would change, and the gate's answer."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from hub.consent.fhir import consent_from_fhir
from hub.errors import Reason, Rejected
from hub.ledger.consents import StoredConsent
from hub.ledger.disclosures import disclosures_of
from hub.ledger.representations import representatives_of
from hub.model import Kind, Result
from hub.routing.directory import Directory
from hub.terms import terms_of
from hub.web.body import Form
from hub.web.citizen.entitled import Entitlement, entitled
from hub.web.citizen.locks import SORTS, Draft, begins_later, lifted, lock, performers, shown, sorts, worded
from hub.web.citizen.records import events_shown, keys_of, note_reading
from hub.web.citizen.times import civil
from hub.web.citizen.visit import Visit, enter, submitted
from hub.web.citizen.vocabulary import KINDS, Said
from hub.web.consents import UnderWay, of_patient, write
from hub.whatif.replay import Change, changes

LOOK_BACK_DAYS: Final = 30
_DAY_US: Final = 86_400_000_000
_KINDS_MAX: Final = 3  # told of one provider


@dataclass(frozen=True, slots=True)
class Effect:
    """What would have been otherwise for one provider: how many messages, and of what kinds the most. is_part: not all of each."""

    provider: str
    gains: bool
    is_part: bool
    count: int
    kinds: tuple[Said, ...]


async def show(request: web.Request) -> web.Response:
    """``GET /me/access``."""
    return await _page(await enter(request))


async def _page(visit: Visit, wrong: str = "") -> web.Response:
    directory = await visit.state.region.now()
    found = await of_patient(visit.state, visit.subject.principal)
    names = {p.id: p.name for p in directory.providers}
    told = shown([s.consent for s in found], {s.consent.id: s.resource for s in found}, _names(directory), visit.now_us)
    right, representatives = await entitled(visit), await _representatives(visit)
    fixed = {s.consent.id for s in found if not _may_change(visit, right, representatives, s)}
    locks = [replace(lock, may_lift=lock.id not in fixed) for lock in told]
    return visit.page(
        "access.html", status=422 if wrong else 200, closed=right.closed, locks=locks, wrong=wrong, said_sorts=SORTS,
        providers=sorted(names.items(), key=lambda p: p[1]), sorts=[(s, SORTS[s]) for s in sorts()],
    )  # fmt: skip


async def preview(request: web.Request) -> web.Response:
    """``POST /me/access/preview``: what it would have changed in the last days. Nothing is written."""
    visit, form = await submitted(request)
    right = await entitled(visit)
    if right.closed:
        raise web.HTTPForbidden
    directory = await visit.state.region.now()
    try:
        resource, before = await _asked(visit, form)
        _require_change(visit, right, await _representatives(visit), before)
        consent, _ = consent_from_fhir(resource, before.consent.version + 1 if before else 1, directory)
    except Rejected as exc:
        return await _page(visit, exc.where if exc.where in {"provider", "sort", "last", "first"} else "other")
    await note_reading(visit)
    since_us = visit.now_us - LOOK_BACK_DAYS * _DAY_US
    keys = await keys_of(visit)
    found = await visit.state.ledger.run(
        changes, directory, keys, consent, visit.now_us, since_us, terms=terms_of(visit.state.settings), read=visit.state.recall
    )  # fmt: skip
    seen = await events_shown(visit, right, keys, since_us - _DAY_US) if found else frozenset()
    return visit.page(
        "preview.html", lock=_worded(resource, directory), said_sorts=SORTS, days=LOOK_BACK_DAYS,
        effects=effects(found, directory, seen, is_own=visit.subject.basis is None), lifts=bool(form.get("lift")),
        releases=visit.state.settings.release_on_unlock, fields=_fields(form),
        version=before.consent.version if before else 0,
        is_in_force=before is not None and before.resource.get("status") == resource["status"],
    )  # fmt: skip


async def confirm(request: web.Request) -> web.Response:
    """``POST /me/access``: the answer comes when the gate has it in force, and names what was under way."""
    visit, form = await submitted(request)
    right = await entitled(visit)
    if right.closed:
        raise web.HTTPForbidden
    directory = await visit.state.region.now()
    resource, _ = await _asked(visit, form)
    representatives = await _representatives(visit)
    wanted = form.get("version", "0")

    def expected(before: StoredConsent | None) -> None:
        if str(before.consent.version if before else 0) != wanted:
            raise web.HTTPConflict
        _require_change(visit, right, representatives, before)

    stored, under_way = await write(visit.state, visit.subject.principal, resource, directory, expected)
    return visit.page(
        "in_force.html", lock=_worded(resource, directory), said_sorts=SORTS, lifts=bool(form.get("lift")), at_us=stored.written_us,
        is_later=stored.consent.active and begins_later(stored.consent, stored.written_us),
        under_way=await _named(visit, right, under_way, directory),
    )  # fmt: skip


async def _asked(visit: Visit, form: Form) -> tuple[dict[str, Any], StoredConsent | None]:
    """The consent the form asks for, and its version in force. Raises Rejected, HTTPNotFound for the lifting of what is not there."""
    found = {s.consent.id: s for s in await of_patient(visit.state, visit.subject.principal)}
    if form.get("lift"):
        before = found.get(form["lift"])
        if before is None:
            raise web.HTTPNotFound
        return lifted(before.resource), before
    draft = Draft.of(form)
    if draft.sort not in sorts():
        raise Rejected(Reason.BAD_VALUE, "sort")
    if draft.last and draft.last < civil(visit.now_us).date():  # it would keep nobody out
        raise Rejected(Reason.BAD_VALUE, "last")
    patient = visit.subject.identifier
    resource = lock(draft, patient, visit.state.pseudonyms.link(patient, ""), visit.session.who)
    return resource, found.get(resource["id"])


async def _representatives(visit: Visit) -> frozenset[str]:
    """Link keys of those who act for the patient. Raises Faulted."""
    return await visit.state.ledger.run(representatives_of, visit.state.pseudonyms.link(visit.subject.identifier, ""))


def _require_change(visit: Visit, right: Entitlement, representatives: frozenset[str], before: StoredConsent | None) -> None:
    """Raises HTTPForbidden where what has force is not for whoever visits to change."""
    if before is not None and not _may_change(visit, right, representatives, before):
        raise web.HTTPForbidden


def _may_change(visit: Visit, right: Entitlement, representatives: frozenset[str], stored: StoredConsent) -> bool:
    """One without force has nothing to be weakened."""
    wrote = performers(stored.resource) or ()
    by_representatives = bool(wrote) and all(visit.state.pseudonyms.link(who, "") in representatives for who in wrote)
    return not stored.consent.active or right.may_change(by_representatives=by_representatives)


def _fields(form: Form) -> Sequence[tuple[str, str]]:
    return [(name, form[name]) for name in ("whom", "provider", "sort", "first", "last", "lift") if form.get(name)]


def _worded(resource: Mapping[str, Any], directory: Directory) -> Any:
    return worded(resource, 0, _names(directory))


def _names(directory: Directory) -> Mapping[str, str]:
    """What providers are called, by their ids and by the numbers of their organisations."""
    numbers = {p.organisation.rpartition("|")[2]: p.name for p in directory.providers if p.organisation}
    return numbers | {p.id: p.name for p in directory.providers}


def effects(found: Iterable[Change], directory: Directory, seen: Collection[str], *, is_own: bool) -> list[Effect]:
    """The changes by provider, the most first. seen: the events that may be shown; of others only the patient learns, and not what."""
    by_provider: dict[tuple[str, bool, bool], Counter[str]] = {}
    for change in found:
        if is_own or change.event_id in seen:
            kind = change.kind if change.event_id in seen else ""
            by_provider.setdefault((change.recipient, change.gains, _is_part(change)), Counter())[kind] += 1
    made = [
        Effect(_name(provider, directory), gains, is_part, kinds.total(), _most_common(kinds))
        for (provider, gains, is_part), kinds in by_provider.items()
    ]
    return sorted(made, key=lambda e: (-e.count, e.provider, e.is_part))


def _most_common(kinds: Counter[str]) -> tuple[Said, ...]:
    return tuple([KINDS[Kind(kind)] for kind, _ in kinds.most_common() if kind][:_KINDS_MAX])


def _is_part(change: Change) -> bool:
    """Whether something of the message is seen both before and after."""
    return all(d is not None and d.result in (Result.PERMIT, Result.REDACT) for d in (change.before, change.after))


def _name(provider_id: str, directory: Directory) -> str:
    provider = directory.provider(provider_id)
    return provider.name if provider else provider_id


async def _named(visit: Visit, right: Entitlement, under_way: UnderWay, directory: Directory) -> list[tuple[Said, str]]:
    """What was on its way to whom, in words; of what may not be shown only the patient learns, and not what it was."""
    if not under_way:
        return []
    keys = await keys_of(visit)
    rows = [row for row in await visit.state.ledger.run(disclosures_of, keys) if (row.event_id, row.recipient) in under_way]
    seen = await events_shown(visit, right, keys, min((row.received_us for row in rows), default=0))
    kinds = {row.event_id: KINDS[Kind(row.kind)] for row in rows if row.event_id in seen}
    told = [(event, recipient) for event, recipient in under_way if visit.subject.basis is None or event in kinds]
    return [(kinds.get(event, ("En melding", "A message")), _name(recipient, directory)) for event, recipient in told]
