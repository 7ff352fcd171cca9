"""My pathway: what happened, where, what comes next, the messages themselves; and all of it to take along."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiohttp import web

from hub.ledger.citizen import Due, Slice, Stay, stays_of
from hub.model import Kind
from hub.pathway.deadlines import NOTICE
from hub.pathway.episode import encounter_of
from hub.pathway.states import State
from hub.web.citizen.emergencies import is_recent
from hub.web.citizen.entitled import entitled
from hub.web.citizen.pdf import Chapter, Section, document
from hub.web.citizen.plain import Told, actors, microseconds, resources, told
from hub.web.citizen.records import (
    DOWNLOADED_MAX,
    ON_A_PAGE,
    PRINTED_MAX,
    Record,
    bundles,
    keys_of,
    note_reading,
    older,
    part_of,
    read,
    records_of,
)
from hub.web.citizen.render import words
from hub.web.citizen.times import OSLO, civil_time
from hub.web.citizen.visit import Visit, What, enter
from hub.web.citizen.vocabulary import KINDS, STATES, Language, Said, say

_OPEN: Final = frozenset({State.ADMITTED, State.READY, State.REGISTERED})
_OFF: Final = frozenset({"cancelled", "noshow", "entered-in-error", "fulfilled"})
_APPOINTMENTS: Final = tuple(kind for kind in Kind if kind.value.startswith("appointment."))
_VALUES: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
_FHIR: Final = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Happened:
    """One message for people."""

    what: Said
    source: str
    ward: str
    at_us: int
    told: tuple[Told, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bed:
    """One stay for people. is_open: it goes on."""

    state: Said
    source: str
    ward: str
    from_us: int | None
    ready_us: int | None
    until_us: int | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """Something that is to come, or a deadline. key: its sentence."""

    key: str
    at_us: int
    where: str


async def show(request: web.Request) -> web.Response:
    """``GET /me``."""
    visit = await enter(request)
    await note_reading(visit)
    keys, right = await keys_of(visit), await entitled(visit)
    part = part_of(visit)
    looked, names = await records_of(visit, right, keys, part), await names_of(visit)
    planned = await records_of(visit, right, keys, Slice(ON_A_PAGE, kinds=_APPOINTMENTS))
    stays, due = await visit.state.ledger.run(stays_of, keys)
    seen = {encounter_of(r.event, visit.state.pseudonyms) for r in looked.records}
    stays, due = [s for s in stays if s.encounter in seen], [d for d in due if d.encounter in seen]
    to_come = (*ahead(planned.records, visit.now_us), *deadlines(due, visit.now_us))
    return visit.page(
        "pathway.html", happened=await asyncio.to_thread(happened, looked.records, names, visit.language), beds=beds(stays, names),
        ahead=sorted(to_come, key=lambda a: a.at_us), older=older(part, looked), closed=right.closed,
        is_opened=await is_recent(visit, keys),
    )  # fmt: skip


async def names_of(visit: Visit) -> Mapping[str, str]:
    """What providers are called, by id. Raises Faulted."""
    return {p.id: p.name for p in (await visit.state.region.now()).providers}


def happened(records: Iterable[Record], names: Mapping[str, str], language: Language) -> list[Happened]:
    """The messages for people, in their order."""
    return [
        Happened(
            KINDS[r.event.kind], names.get(r.event.provider, r.event.provider), r.event.ward, r.event.occurred_us,
            tuple(told(read(raw), language)),
        )
        for r, raw in bundles(records)
    ]  # fmt: skip


def beds(stays: Sequence[Stay], names: Mapping[str, str]) -> list[Bed]:
    """The stays for people, those that go on first."""
    found = [
        Bed(
            STATES[State(s.state)], names.get(s.source, s.source), s.ward, s.admitted_us, s.ready_us, s.ended_us, State(s.state) in _OPEN
        )
        for s in stays
    ]  # fmt: skip
    return sorted(found, key=lambda b: not b.is_open)


def ahead(records: Iterable[Record], now_us: int) -> Iterator[Ahead]:
    """Appointments to come: of each the latest word, which the records begin with."""
    known: set[str] = set()
    for _, raw in bundles(records):
        for r in resources(read(raw)):
            if r.get("resourceType") != "Appointment":
                continue
            key = json.dumps(r.get("identifier", r.get("id")), sort_keys=True)
            at_us = _us(r.get("start"))
            if key not in known and at_us is not None and at_us > now_us and str(r.get("status")) not in _OFF:
                yield Ahead("ahead_appointment", at_us, ", ".join(actors(r)))
            known.add(key)


def _us(text: object) -> int | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return microseconds(at if at.tzinfo else at.replace(tzinfo=OSLO)) if at else None


def deadlines(due: Iterable[Due], now_us: int) -> Iterator[Ahead]:
    """What the law gives somebody a time for, and what came of it if the time is over."""
    for d in due:
        if d.name == NOTICE and d.met_us is None:
            yield Ahead("ahead_notice" if d.breached_us is None and d.due_us > now_us else "ahead_notice_late", d.due_us, "")


async def bundle(request: web.Request) -> web.Response:
    """``GET /me/bundle.json``: every message that may be shown, as FHIR R4, one Bundle in another. The bytes are those the hub made."""
    visit = await enter(request, What.DOWNLOAD)
    await note_reading(visit)
    looked = await records_of(visit, await entitled(visit), await keys_of(visit), Slice(DOWNLOADED_MAX))
    body = await asyncio.to_thread(lambda: _collection(looked.records, is_all=not looked.has_older))
    return web.Response(
        body=body, content_type=_FHIR, charset="utf-8", headers={"Content-Disposition": 'attachment; filename="pathway.json"'}
    )


def _collection(records: Iterable[Record], *, is_all: bool) -> bytes:
    """is_all: False = there are older ones, and the Bundle says so."""
    entries = b",".join(b'{"fullUrl":"urn:uuid:%b","resource":%b}' % (r.event.event_id.encode(), raw) for r, raw in bundles(records))
    tag = b"" if is_all else b',"meta":{"tag":[{"system":"%b","code":"SUBSETTED"}]}' % _VALUES.encode()
    return b'{"resourceType":"Bundle"%b,"type":"collection"%b}' % (tag, b',"entry":[%b]' % entries if entries else b"")


async def pdf(request: web.Request) -> web.Response:
    """``GET /me/pathway.pdf``: the same in plain words."""
    visit = await enter(request, What.DOWNLOAD)
    await note_reading(visit)
    looked = await records_of(visit, await entitled(visit), await keys_of(visit), Slice(PRINTED_MAX))
    names = await names_of(visit)

    def made() -> bytes:
        found = happened(looked.records, names, visit.language)
        return document(visit.language, _title(visit), _about(visit, is_all=not looked.has_older), _chapters(found, visit.language))

    body = await asyncio.to_thread(made)
    return web.Response(body=body, content_type="application/pdf", headers={"Content-Disposition": 'attachment; filename="pathway.pdf"'})


def _title(visit: Visit) -> str:
    name = visit.subject.name
    return words(visit.language, "pdf_title", name=name) if name else words(visit.language, "nav_pathway")


def _about(visit: Visit, *, is_all: bool) -> str:
    about = words(visit.language, "pdf_about", at=civil_time(visit.language, visit.now_us))
    return about if is_all else f"{about} {words(visit.language, 'pdf_latest', count=PRINTED_MAX)}"


def _chapters(found: Iterable[Happened], language: Language) -> Iterator[Chapter]:
    for h in found:
        under = words(language, "from_at", source=h.source, at=civil_time(language, h.at_us))
        yield Chapter(say(h.what, language), under, [_section(t, language) for t in h.told])


def _section(t: Told, language: Language) -> Section:
    head = f"{say(t.sort, language)}: {t.name}" if t.name else say(t.sort, language)
    return Section(head, [(say(label, language), text) for label, text in t.facts])
