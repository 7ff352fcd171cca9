"""A received KITH message: what it means, and the bytes each recipient gets."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

from hub.adapters import bundle as bundles
from hub.adapters import plo, volven
from hub.adapters.bundle import Json
from hub.adapters.item_types import with_types
from hub.adapters.kith import facts
from hub.adapters.kith.mappings.bundle import bundle
from hub.adapters.kith.message import Message, beside, read
from hub.adapters.kith.times import instant_of
from hub.adapters.markup import Element
from hub.errors import Reason, Rejected
from hub.identity import HUB_PROVIDER
from hub.model import Adapter, Detail, Event, Form, Identifier, Item, Provider, Received
from hub.model import Message as AnyMessage

_WHOLE: Final = "MsgHead"


class KithMessage:
    """``model.Message`` over a MsgHead. Reads the bytes once; event and Bundles are made when asked for and kept.

    fhir: how a FHIR message is read. A recipient of HL7 v2 gets what is made for it of this message's Bundle.
    """

    def __init__(self, received: Received, fhir: Callable[[Received], AnyMessage] | None = None) -> None:
        self._received: Final = received
        self._fhir: Final = fhir
        self._message: Message | None = None
        self._event: Event | None = None
        self._bundle: Json | None = None
        self._bytes: Final[dict[Detail, bytes]] = {}

    @property
    def received(self) -> Received:
        """What the gateway took."""
        return self._received

    @property
    def known_as(self) -> tuple[str, ...]:
        """Nothing: the control id is all there is."""
        return ()

    def event(self) -> Event:
        """What it means. Raises Rejected."""
        if self._event is None:
            self._event = _event(self._read(), self._received)
        return self._event

    def bundle(self) -> Json:
        """The FHIR R4 message Bundle in full, as made; ``bundle.to_bytes`` writes it. Raises Rejected."""
        if self._bundle is None:
            self._bundle = bundle(self._read(), self._received, self.event())
        return self._bundle

    def render(self, form: Form, detail: Detail, recipient: Provider) -> bytes:
        """The bytes one recipient gets: the sender's own for KITH in full. Raises Rejected, NO_TRANSLATION among others."""
        if form is Form.FHIR:
            return bundles.addressed(self._bundle_bytes(detail), recipient)
        if form is Form.HL7V2:
            return self._onward(detail, recipient)
        if detail is Detail.FULL:
            return self._received.raw
        return plo.compose(plo.Copy(self.bundle(), self._shown(detail), self.event(), detail, recipient))

    def items(self) -> tuple[Item, ...]:
        """One: the document is told whole or not at all."""
        event, message = self.event(), self._read()
        said = [code for document in message.documents for code in _codes(document)]
        named = tuple(dict.fromkeys(((f"urn:oid:{volven.MESSAGE}", message.type), *said)))
        source = Identifier(HUB_PROVIDER, self._received.provider)
        ids = (Identifier("", self._received.control_id),)
        whole = Item(_WHOLE, "DocumentReference", event.labels, named, event.occurred_us, event.occurred_us, (source,), ids)
        try:
            return with_types((whole,), self.bundle())
        except Exception:  # noqa: BLE001  # whatever it is, whoever would get it as FHIR meets it again, and is told
            return (whole,)

    def without(self, keys: Collection[str]) -> "KithMessage | None":
        """The message, or None."""
        return None if _WHOLE in keys else self

    def _read(self) -> Message:
        if self._message is None:
            self._message = read(self._received.raw)
        return self._message

    def _onward(self, detail: Detail, recipient: Provider) -> bytes:
        """What the FHIR adapter makes of the Bundle. A v2 message tells when it happened, which there is the Bundle's own time."""
        if self._fhir is None:
            raise Rejected(Reason.NO_TRANSLATION)
        whole = self.bundle() | {"timestamp": instant_of(self.event().occurred_us)}
        raw = bundles.addressed(bundles.to_bytes(whole), recipient)
        return self._fhir(replace(self._received, adapter=Adapter.FHIR, encoding="utf-8", raw=raw)).render(Form.HL7V2, detail, recipient)

    def _bundle_bytes(self, detail: Detail) -> bytes:
        data = self._bytes.get(detail)
        if data is None:
            data = self._bytes[detail] = bundles.to_bytes(self._shown(detail))
        return data

    def _shown(self, detail: Detail) -> Json:
        """The Bundle with no more than the detail shows."""
        return self.bundle() if detail is Detail.FULL else bundles.filtered(self.bundle(), detail, self._received.event_id)


def _codes(element: Element) -> Iterator[tuple[str, str]]:
    """(system, code) of every coded value in a document (V in the code system S); a diagnosis stands under ICD-10's own URI too."""
    value, system = element.attributes.get("V", "").strip(), element.attributes.get("S", "").strip()
    if value and system:
        yield (f"urn:oid:{system}" if system[:1].isdigit() else system), value
        if system == volven.ICD_10:
            yield "http://hl7.org/fhir/sid/icd-10", value
    for child in element.children:
        yield from _codes(child)


def _event(message: Message, received: Received) -> Event:
    occurred_us = facts.occurred(message, received.received_us)
    admitted_us, discharged_us = facts.stay(message, occurred_us)
    return Event(
        event_id=received.event_id,
        kind=message.kind,
        adapter=received.adapter,
        provider=received.provider,
        control_id=received.control_id,
        patient_key=received.patient_key,
        identifiers=received.identifiers,
        received_us=received.received_us,
        occurred_us=occurred_us,
        addressed=facts.addressed(message),
        municipality=facts.municipality(message),
        gps=facts.gps(message),
        ward=facts.ward(message),
        encounter_class=facts.encounter_class(message),
        beside=beside(message.patient, received.identifiers),
        admitted_us=admitted_us,
        discharged_us=discharged_us,
    )
