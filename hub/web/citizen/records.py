"""A patient's messages as the page may show them: read again from the bytes, what is of doubt or withheld left out, whole or in part."""

import asyncio
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hub.errors import Rejected
from hub.ledger.citizen import Kept, messages_of
from hub.ledger.disclosures import patient_keys_of
from hub.model import Channel, Deliver, Detail, Event, Form, Message, Provider, ProviderKind
from hub.web.citizen.entitled import Entitlement
from hub.web.citizen.visit import Visit
from hub.web.state import State

MESSAGES_MAX: Final = 300  # the page tells of the latest
CITIZEN: Final = Provider("citizen", "Patient", ProviderKind.OTHER, "", (), Deliver(Channel.MAILBOX))

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """One message that may be shown. raw: its FHIR R4 message Bundle in full; bundle: the same read, numbers with a point as text."""

    part: int
    off: int
    event: Event
    raw: bytes = field(repr=False)
    bundle: Json = field(repr=False)


async def keys_of(visit: Visit) -> frozenset[str]:
    """Every key the patient of the visit was ever recorded under. Raises Faulted."""
    state = visit.state
    return await state.ledger.run(patient_keys_of, [state.pseudonyms.link(visit.subject.identifier, "")])


async def records_of(visit: Visit, right: Entitlement, keys: frozenset[str]) -> list[Record]:
    """What may be shown, the latest first; nothing where nothing may be. Raises Faulted."""
    if right.closed:
        return []
    kept = await visit.state.ledger.run(messages_of, keys, MESSAGES_MAX)
    return await asyncio.to_thread(lambda: list(_readable(visit.state, right, kept, keys)))


def _readable(state: State, right: Entitlement, kept: Collection[Kept], keys: frozenset[str]) -> Iterator[Record]:
    """A message whose identifiers are somebody else's too, or that cannot be read, is not shown: in doubt nothing is."""
    if state.recall is None:
        return
    for k in kept:
        try:
            message = state.recall(k.stored)
            if not _is_theirs(state, message, keys):
                continue
            copy = right.copy(message)
            if copy is not None:
                raw = copy.render(Form.FHIR, Detail.FULL, CITIZEN)
                yield Record(k.part, k.off, copy.event(), raw, json.loads(raw, parse_float=str))
        except (Rejected, ValueError):
            continue


def _is_theirs(state: State, message: Message, keys: frozenset[str]) -> bool:
    links = [state.pseudonyms.link(i, message.received.provider) for i in message.received.identifiers]
    return bool(links) and keys.issuperset(links)
