"""A received HL7 v2 message: what it means, and the bytes each recipient gets."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from hub.adapters import bundle as bundles
from hub.adapters import plo
from hub.adapters.hl7v2 import address, labels
from hub.adapters.hl7v2.er7 import NO_LIMITS, Er7
from hub.adapters.hl7v2.items import items_of
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.mappings.bundle import bundle
from hub.adapters.hl7v2.mappings.content import Content
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.gp import gps
from hub.adapters.hl7v2.mappings.times import microseconds
from hub.adapters.hl7v2.message import beside, identifiers, retired, told_apart
from hub.adapters.hl7v2.moved import MOVED, without_the_other
from hub.adapters.hl7v2.redaction import without
from hub.adapters.item_types import with_types
from hub.errors import Reason, Rejected
from hub.identity import redacted
from hub.model import Detail, Event, Form, Identifier, Item, Kind, Provider, Received

_MUNICIPALITY_DIGITS: Final = 4
# Two patients change places, or are told apart: the second is no part of what is told of the first. (The door takes a swap apart; one
# recorded before it did is told of the first alone.)
_OF_TWO: Final = ("ADT^A17", "ADT^A37")
_TIMES: Final = (("EVN", 6), ("EVN", 2), ("MSH", 7))  # when it happened, first that is given


class Hl7v2Message:
    """``model.Message`` over HL7 v2. Reads the bytes once; event and Bundles are made when asked for and kept."""

    def __init__(self, received: Received, *, is_redacted: bool = False) -> None:
        self._received: Final = received
        self._is_redacted: Final = is_redacted
        self._raw = received.raw  # as it may be handed on
        self._er7: Er7 | None = None
        self._content: Content | None = None
        self._event: Event | None = None
        self._whole: address.Whole | None = None
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
            self._event = _event(self._cut(), self._received, beside(self._read(), self._received.identifiers))
            if self._event.kind is Kind.UNLINKED:
                self._event = replace(self._event, apart=told_apart(self._read()))
        return self._event

    def bundle(self) -> Json:
        """The FHIR R4 message Bundle in full, as made; ``bundle.to_bytes`` writes it. Raises Rejected."""
        if self._bundle is None:
            made = bundle(self._cut(), self._received, self.event())
            self._bundle = bundles.unnamed(made) if self._is_redacted else made
        return self._bundle

    def render(self, form: Form, detail: Detail, recipient: Provider) -> bytes:
        """The bytes one recipient gets. Raises Rejected."""
        if form is Form.FHIR:
            return bundles.addressed(self._bundle_bytes(detail), recipient)
        if form is Form.KITH:
            return plo.compose(plo.Copy(self.bundle(), self._shown(detail), self.event(), detail, recipient))
        if detail is not Detail.FULL:
            return address.filtered(self._read(), detail, self._received.provider, recipient)
        if self._whole is None:
            er7 = self._read()
            self._whole = address.Whole(self._raw, er7, self._received.provider)
        return self._whole.readdressed(recipient)

    def items(self) -> tuple[Item, ...]:
        """What can be left out of it."""
        found = items_of(self._cut(), self._received)
        try:
            return with_types(found, self.bundle())
        except Exception:  # noqa: BLE001  # whatever it is, whoever would get it as FHIR meets it again, and is told
            return found

    def without(self, keys: Collection[str]) -> "Hl7v2Message | None":
        """The message as if it had never held these items; None when nothing of it is left to be told. Raises Rejected."""
        raw = without(self._read(), self._cut(), self._received.trigger, keys)
        return None if raw is None else Hl7v2Message(redacted(self._received, raw), is_redacted=True)

    def _read(self) -> Er7:
        if self._er7 is None:
            received = self._received
            self._er7 = Er7.from_bytes(received.raw, NO_LIMITS, encoding=received.encoding)
            if received.trigger == MOVED:
                self._raw = without_the_other(received.raw, self._er7, received.identifiers)
                self._er7 = Er7.from_bytes(self._raw, NO_LIMITS, encoding=received.encoding)
        return self._er7

    def _cut(self) -> Content:
        if self._content is None:
            er7 = self._read()
            self._content = Content(er7.until("PID", 1) if self._received.trigger in _OF_TWO else er7)
        return self._content

    def _numbers(self, detail: Detail) -> frozenset[str]:
        """The numbers that stand for the patient: in a notice those of PID-3, else all that name the patient, the retired ones too.

        A driving licence beside them is for those alone who see everything.
        """
        pid = self._cut().segment("PID")
        if detail is Detail.NOTICE:
            known = frozenset(self._received.identifiers)
            return frozenset(i.value for i in (known.intersection(identifiers(pid, 3)) or known if pid is not None else ()))
        return frozenset(i.value for i in (*self._received.identifiers, *self.event().merged))

    def _bundle_bytes(self, detail: Detail) -> bytes:
        data = self._bytes.get(detail)
        if data is None:
            data = self._bytes[detail] = bundles.to_bytes(self._shown(detail))
        return data

    def _shown(self, detail: Detail) -> Json:
        """The Bundle with no more than the detail shows."""
        if detail is Detail.FULL:
            return self.bundle()
        return bundles.filtered(self.bundle(), detail, self._received.event_id, self._numbers(detail))


def _event(content: Content, received: Received, besides: tuple[Identifier, ...]) -> Event:
    kind = KINDS.get(received.trigger)
    if kind is None:
        raise Rejected(Reason.UNSUPPORTED_EVENT, "MSH-9")
    return Event(
        event_id=received.event_id,
        kind=kind,
        adapter=received.adapter,
        provider=received.provider,
        control_id=received.control_id,
        patient_key=received.patient_key,
        identifiers=received.identifiers,
        received_us=received.received_us,
        occurred_us=_occurred(content, received.received_us),
        addressed=_addressed(content),
        municipality=_municipality(content),
        gps=gps(content),
        ward=content.value("PV1", 3),
        encounter_class=content.value("PV1", 2),
        encounter_id=content.value("PV1", 19) or content.value("PV1", 50),
        labels=labels.all_of(content),
        merged=_merged(content, received) if kind is Kind.MERGED else (),
        beside=besides,
        admitted_us=microseconds(content.text.at(content.value("PV1", 44))),
        discharged_us=microseconds(content.text.at(content.value("PV1", 45))),
    )


def _occurred(content: Content, received_us: int) -> int:
    for name, n in _TIMES:
        us = microseconds(content.text.at(content.value(name, n)))
        if us is not None:
            return us
    return received_us


def _addressed(content: Content) -> tuple[str, ...]:
    """The names in MSH-6 and MSH-5: namespace and universal id; the third component is a type such as ISO, no name."""
    t = content.text
    found = [name for n in (6, 5) if (raw := content.field("MSH", n)) for name in t.parts(raw)[:2] if name]
    return tuple(dict.fromkeys(found))


def _municipality(content: Content) -> str:
    """XAD-9 of PID-11, else PID-12, else XAD-10: the first that is a four-digit number."""
    t = content.text
    addresses = [t.parts(raw) for raw in t.repetitions(content.field("PID", 11))]
    said = [t.part(a, 9) for a in addresses] + [content.value("PID", 12)] + [t.part(a, 10) for a in addresses]
    return next((v for v in said if len(v) == _MUNICIPALITY_DIGITS and v.isascii() and v.isdigit()), "")


def _merged(content: Content, received: Received) -> tuple[Identifier, ...]:
    """The identifiers that MRG retires, less those the patient keeps. Raises Rejected."""
    return tuple(i for i in retired(content.segments("MRG"), received.trigger) if i not in received.identifiers)
