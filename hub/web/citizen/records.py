"""A patient's messages as the page may show them: read again from the bytes, those of doubt and those withheld left out."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.hl7v2.er7 import NO_LIMITS, Er7
from hub.adapters.hl7v2.message import patient as hl7v2_patient
from hub.adapters.kith.message import envelope as kith_envelope
from hub.errors import Rejected
from hub.ledger.citizen import Kept, messages_of
from hub.ledger.disclosures import patient_keys_of
from hub.model import Adapter, Channel, Deliver, Detail, Event, Form, Identifier, Provider, ProviderKind, Received
from hub.web.citizen.entitled import Entitlement
from hub.web.citizen.visit import Visit
from hub.web.state import State

MESSAGES_MAX: Final = 300  # the page tells of the latest
CITIZEN: Final = Provider("citizen", "Patient", ProviderKind.OTHER, "", (), Deliver(Channel.MAILBOX))

Json = dict[str, Any]


def _hl7v2(received: Received) -> tuple[Identifier, ...]:
    return hl7v2_patient(Er7.from_bytes(received.raw, NO_LIMITS, encoding=received.encoding))


_WHO: Final[Mapping[Adapter, Callable[[Received], tuple[Identifier, ...]]]] = MappingProxyType(
    {
        Adapter.HL7V2: _hl7v2,
        Adapter.FHIR: lambda r: fhir_envelope(r.raw).identifiers,
        Adapter.KITH: lambda r: kith_envelope(r.raw).identifiers,
    }
)


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
    pseudonyms, readers = state.pseudonyms, state.readers
    for k in kept:
        adapter = k.received.adapter
        try:
            message = readers[adapter](_with_identifiers(k.received))
            links = [pseudonyms.link(i, k.received.provider) for i in message.received.identifiers]
            event = message.event()
            if links and keys.issuperset(links) and right.sees(event):
                raw = message.render(Form.FHIR, Detail.FULL, CITIZEN)
                yield Record(k.part, k.off, event, raw, json.loads(raw, parse_float=str))
        except (Rejected, ValueError):
            continue


def _with_identifiers(r: Received) -> Received:
    """The message with its patient's identifiers, which are not kept beside it."""
    return replace(r, identifiers=_WHO[r.adapter](r))
