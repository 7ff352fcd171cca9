"""A received FHIR message: what it means, and the bytes each recipient gets."""

from collections.abc import Collection
from typing import Final

from hub.adapters import bundle as bundles
from hub.adapters import plo
from hub.adapters.fhir import facts
from hub.adapters.fhir.document import Json, obj, text
from hub.adapters.fhir.er7 import Copy, body, head
from hub.adapters.fhir.items import items_of
from hub.adapters.fhir.message import Message, beside, merged, read
from hub.adapters.fhir.redaction import without
from hub.adapters.fhir.times import microseconds
from hub.identity import redacted
from hub.model import Detail, Event, Form, Item, Kind, Provider, Received

_SIZE_MIN: Final = 65_536
_GROWTH_MAX: Final = 4  # times: a v2 message repeats of a Bundle what several of its resources refer to


class FhirMessage:
    """``model.Message`` over a FHIR message Bundle. Read once; what recipients have in common is made when asked for and kept."""

    def __init__(self, received: Received) -> None:
        self._received: Final = received
        self._message: Message | None = None
        self._event: Event | None = None
        self._bytes: Final[dict[Detail, bytes]] = {}
        self._bodies: Final[dict[Detail, bytes]] = {}

    @property
    def received(self) -> Received:
        """What the gateway took."""
        return self._received

    @property
    def known_as(self) -> tuple[str, ...]:
        """The Bundle's id, which a recipient of the sender's own bytes sees."""
        found = text(self._read().bundle.get("id"))
        return (found,) if found and found != self._received.control_id else ()

    def event(self) -> Event:
        """What it means. Raises Rejected."""
        if self._event is None:
            self._event = _event(self._read(), self._received)
        return self._event

    def render(self, form: Form, detail: Detail, recipient: Provider) -> bytes:
        """The bytes one recipient gets: the sender's own for FHIR in full. Raises Rejected, NO_TRANSLATION among others."""
        if form is Form.HL7V2:
            return self._composed(Copy(self._read(), self.event(), detail, recipient, _SIZE_MIN + _GROWTH_MAX * len(self._received.raw)))
        if form is Form.KITH:
            return plo.compose(plo.Copy(self._read().bundle, self._shown(detail), self.event(), detail, recipient))
        if detail is Detail.FULL:
            return self._received.raw
        return bundles.addressed(self._filtered(detail), recipient)

    def items(self) -> tuple[Item, ...]:
        """What can be left out of it."""
        return items_of(self._read(), self._received)

    def without(self, keys: Collection[str]) -> "FhirMessage | None":
        """The message as if it had never held these items; None when nothing of it is left to be told. Raises Rejected."""
        raw = without(self._read(), keys)
        return None if raw is None else FhirMessage(redacted(self._received, raw))

    def _read(self) -> Message:
        if self._message is None:
            self._message = read(self._received.raw)
        return self._message

    def _shown(self, detail: Detail) -> Json:
        """The Bundle with no more than the detail shows."""
        whole = self._read().bundle
        return whole if detail is Detail.FULL else bundles.filtered(whole, detail, self._received.event_id)

    def _composed(self, copy: Copy) -> bytes:
        if copy.detail not in self._bodies:
            self._bodies[copy.detail] = body(copy)
        return head(copy) + self._bodies[copy.detail]

    def _filtered(self, detail: Detail) -> bytes:
        data = self._bytes.get(detail)
        if data is None:
            shown = self._shown(detail)
            shown["entry"][0]["resource"]["destination"] = bundles.DESTINATION
            system = f"{bundles.PROVIDER}:{self._received.provider or 'unknown'}"
            shown.setdefault("identifier", {"system": system, "value": self._received.control_id})
            data = self._bytes[detail] = bundles.to_bytes(shown)
        return data


def _event(message: Message, received: Received) -> Event:
    visit = facts.encounter(message)
    period = obj(visit.get("period"))
    said = microseconds(text(message.bundle.get("timestamp")))
    return Event(
        event_id=received.event_id,
        kind=message.kind,
        adapter=received.adapter,
        provider=received.provider,
        control_id=received.control_id,
        patient_key=received.patient_key,
        identifiers=received.identifiers,
        received_us=received.received_us,
        occurred_us=received.received_us if said is None else said,
        addressed=facts.addressed(message),
        municipality=facts.municipality(message.patient),
        gps=facts.gps(message),
        ward=facts.ward(visit, message.entries),
        encounter_class=facts.encounter_class(visit),
        encounter_id=facts.encounter_id(visit),
        labels=facts.labels(message),
        merged=merged(message, received.identifiers) if message.kind is Kind.MERGED else (),
        beside=beside(message.patient, received.identifiers),
        admitted_us=microseconds(text(period.get("start"))),
        discharged_us=microseconds(text(period.get("end"))),
    )
