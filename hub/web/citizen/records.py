"""A patient's messages as the page may show them: read again from the bytes, what is of doubt or withheld left out, whole or in part."""

import asyncio
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.errors import Cause, Rejected
from hub.ledger.citizen import Kept, Slice, messages_of
from hub.ledger.disclosures import patient_keys_of
from hub.ledger.record import Access, keep_access
from hub.model import Channel, Deliver, Detail, Event, Form, Message, Provider, ProviderKind
from hub.web.citizen.entitled import Entitlement
from hub.web.citizen.visit import Visit
from hub.web.forwarded import client_address
from hub.web.state import State
from hub.web.tokens import Role
from hub.web.whose import is_theirs

ON_A_PAGE: Final = 50
DOWNLOADED_MAX: Final = 2_000  # messages, the latest
PRINTED_MAX: Final = 500  # of them in a PDF: 3 ms of CPU each
_AT_ONCE: Final = 200
CITIZEN: Final = Provider("citizen", "Patient", ProviderKind.OTHER, "", (), Deliver(Channel.MAILBOX))

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """One message, or what may be shown of it."""

    part: int
    off: int
    event: Event
    message: Message = field(repr=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """Some of a patient's messages. records: those that may be shown, the latest first. places: of all that were looked at.

    has_older: whether there are any before these.
    """

    records: tuple[Record, ...] = ()
    places: frozenset[tuple[int, int]] = frozenset()
    has_older: bool = False


async def keys_of(visit: Visit) -> frozenset[str]:
    """Every key the patient of the visit was ever recorded under. Raises Faulted."""
    state = visit.state
    return await state.ledger.run(patient_keys_of, [state.pseudonyms.link(visit.subject.identifier, "")])


async def note_reading(visit: Visit) -> None:
    """Record in the audit record who reads of whom, before anything is shown. Raises Faulted; then nothing may be."""
    request, link = visit.request, visit.state.pseudonyms.link
    access = Access(
        visit.now_us, Role.PATIENT.value, link(visit.session.who, ""), client_address(request), "read", request.path.lstrip("/")
    )
    await visit.state.ledger.run(keep_access, access, [link(visit.subject.identifier, "")])


async def records_of(visit: Visit, right: Entitlement, keys: frozenset[str], part: Slice) -> Looked:
    """Those of a part of the patient's messages that may be shown; none where nothing may be. Raises Faulted.

    For whoever acts for somebody a part is one of what may be shown: neither a short page nor where it ends tells that there is more.
    """
    if right.closed:
        return Looked()
    if visit.subject.basis is not None:
        return await _shown(visit, right, keys, part)
    found = await visit.state.ledger.run(messages_of, keys, replace(part, limit=part.limit + 1))
    kept = found[: part.limit]
    records = await asyncio.to_thread(lambda: tuple(_readable(visit.state, right, kept, keys)))
    return Looked(records, frozenset((k.part, k.off) for k in kept), len(found) > part.limit)


async def _shown(visit: Visit, right: Entitlement, keys: frozenset[str], part: Slice) -> Looked:
    """``records_of`` counted by what may be shown: what is not is looked at and passed over."""
    found: list[Record] = []
    wanted, at = part.skip + part.limit, Slice(max(part.limit, ON_A_PAGE), kinds=part.kinds)
    while len(found) <= wanted:
        kept = await visit.state.ledger.run(messages_of, keys, at)
        found += await asyncio.to_thread(lambda some: list(_readable(visit.state, right, some, keys)), kept)
        if len(kept) < at.limit:
            break
        at = replace(at, skip=at.skip + at.limit)
    records = tuple(found[part.skip : wanted])
    return Looked(records, frozenset((r.part, r.off) for r in records), len(found) > wanted)


async def events_shown(visit: Visit, right: Entitlement, keys: frozenset[str], since_us: int) -> frozenset[str]:
    """The events received since of which something may be shown. Raises Faulted."""
    found: set[str] = set()
    at = Slice(_AT_ONCE)
    while True:
        kept = await visit.state.ledger.run(messages_of, keys, at)
        events = {(k.part, k.off): k.stored.event_id for k in kept}
        readable = await asyncio.to_thread(lambda some: list(_readable(visit.state, right, some, keys)), kept)
        found.update(events[r.part, r.off] for r in readable)
        if len(kept) < at.limit or kept[-1].stored.received_us < since_us:
            return frozenset(found)
        at = replace(at, skip=at.skip + at.limit)


def part_of(visit: Visit) -> Slice:
    """The part of the messages that the address asks for (``?from=50``). Raises HTTPBadRequest."""
    skip = visit.request.query.get("from", "0")
    if not (skip.isascii() and skip.isdigit() and len(skip) < 7):
        raise web.HTTPBadRequest
    return Slice(ON_A_PAGE, int(skip))


def bundles(records: Iterable[Record]) -> Iterator[tuple[Record, bytes]]:
    """Each with its FHIR R4 message Bundle in full; one of which none can be made is left out."""
    for record in records:
        try:
            yield record, record.message.render(Form.FHIR, Detail.FULL, CITIZEN)
        except Exception as exc:  # noqa: BLE001  # whatever it is: one message must not keep the patient from the others
            _note(exc)


def _note(exc: Exception) -> None:
    """A message that cannot be read is its sender's affair, or a bug of ours."""
    if not isinstance(exc, Rejected):
        telemetry.fault("web", Cause.INTERNAL)
        telemetry.log("not_shown", place=telemetry.place(exc))


def read(bundle: bytes) -> Json:
    """A Bundle as values, numbers with a point as they were written."""
    found = json.loads(bundle, parse_float=str)
    assert isinstance(found, dict)  # a Bundle is an object
    return found


def older(part: Slice, looked: Looked) -> int | None:
    """Where the messages before these begin; None = there are none."""
    return part.skip + part.limit if looked.has_older else None


def _readable(state: State, right: Entitlement, kept: Collection[Kept], keys: frozenset[str]) -> Iterator[Record]:
    """A message whose identifiers are somebody else's too, or that cannot be read, is not shown: in doubt nothing is."""
    if state.recall is None:
        return
    for k in kept:
        try:
            message = state.recall(k.stored)
            copy = right.copy(message) if is_theirs(state, message, keys) else None
            if copy is not None:
                yield Record(k.part, k.off, copy.event(), copy)
        except Exception as exc:  # noqa: BLE001  # in doubt it is not shown, and the others are
            _note(exc)
