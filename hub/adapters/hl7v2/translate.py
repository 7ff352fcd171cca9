"""A received HL7 v2 message: what it means, and the bytes each recipient gets."""

import re
from typing import Final

from hub.adapters import bundle as bundles
from hub.adapters.hl7v2 import address
from hub.adapters.hl7v2.er7 import Er7, Segment
from hub.adapters.hl7v2.mappings import KINDS, codes
from hub.adapters.hl7v2.mappings.bundle import bundle
from hub.adapters.hl7v2.mappings.datatypes import NULL, Json, uri_of
from hub.adapters.hl7v2.mappings.times import microseconds
from hub.adapters.hl7v2.message import identifiers
from hub.errors import Reason, Rejected
from hub.model import Detail, Event, Form, Identifier, Kind, Provider, Received

_MUNICIPALITY: Final = re.compile(r"\d{4}", re.ASCII)
_GP_ROLE: Final = "PP"  # table 0443: primary care provider
_ACCOUNT_MERGE: Final = "ADT^A41"
_TIMES: Final = (("EVN", 6), ("EVN", 2), ("MSH", 7))  # when it happened, first that is given


class Hl7v2Message:
    """``model.Message`` over HL7 v2. Reads the bytes once; event and Bundles are made when asked for and kept."""

    def __init__(self, received: Received) -> None:
        self._received: Final = received
        self._er7: Er7 | None = None
        self._event: Event | None = None
        self._bundle: Json | None = None
        self._bytes: Final[dict[Detail, bytes]] = {}

    @property
    def received(self) -> Received:
        """What the gateway took."""
        return self._received

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
        """The bytes one recipient gets. Raises Rejected."""
        if form is Form.FHIR:
            return bundles.addressed(self._bundle_bytes(detail), recipient)
        er7, source = self._read(), self._received.provider
        if detail is Detail.FULL:
            return address.readdressed(self._received.raw, er7, source, recipient)
        return address.filtered(er7, detail, source, recipient)

    def _read(self) -> Er7:
        if self._er7 is None:
            self._er7 = Er7.from_bytes(self._received.raw, encoding=self._received.encoding)
        return self._er7

    def _bundle_bytes(self, detail: Detail) -> bytes:
        data = self._bytes.get(detail)
        if data is None:
            whole = self.bundle()
            shown = whole if detail is Detail.FULL else bundles.filtered(whole, detail, self._received.event_id)
            data = self._bytes[detail] = bundles.to_bytes(shown)
        return data


def _event(er7: Er7, received: Received) -> Event:
    kind = KINDS.get(received.trigger)
    if kind is None:
        raise Rejected(Reason.UNSUPPORTED_EVENT, "MSH-9")
    pv1 = er7.segment("PV1")
    return Event(
        event_id=received.event_id,
        kind=kind,
        adapter=received.adapter,
        provider=received.provider,
        control_id=received.control_id,
        patient_key=received.patient_key,
        identifiers=received.identifiers,
        received_us=received.received_us,
        occurred_us=_occurred(er7, received.received_us),
        addressed=_addressed(er7),
        municipality=_municipality(er7),
        gps=_gps(er7),
        ward=_value(pv1, 3),
        encounter_class=_value(pv1, 2),
        encounter_id=_value(pv1, 19) or _value(pv1, 50),
        labels=_labels(er7),
        merged=_merged(er7, received.identifiers, is_account=received.trigger == _ACCOUNT_MERGE) if kind is Kind.MERGED else (),
        admitted_us=microseconds(_value(pv1, 44)),
        discharged_us=microseconds(_value(pv1, 45)),
    )


def _value(segment: Segment | None, n: int, component: int = 1, rep: int = 0) -> str:
    """One unescaped value; "" when absent or the v2 null."""
    if segment is None or n >= len(segment.fields) or not segment.fields[n]:
        return ""
    value = segment.value(n, component, rep).strip()
    return "" if value == NULL else value


def _occurred(er7: Er7, received_us: int) -> int:
    for name, n in _TIMES:
        us = microseconds(_value(er7.segment(name), n))
        if us is not None:
            return us
    return received_us


def _addressed(er7: Er7) -> tuple[str, ...]:
    msh = er7.segment("MSH")
    if msh is None:
        return ()
    found: dict[str, None] = {}
    for n in (6, 5):
        for component in range(1, len(msh.components(n)) + 1):
            if component < 3:  # the third is a type such as ISO, no name
                found[_value(msh, n, component)] = None
    found.pop("", None)
    return tuple(found)


def _municipality(er7: Er7) -> str:
    """XAD-9 of PID-11, else PID-12, else XAD-10: the first that is a four-digit number."""
    pid = er7.segment("PID")
    if pid is None:
        return ""
    reps = range(len(pid.repetitions(11)))
    places = [(11, 9, rep) for rep in reps] + [(12, 1, 0)] + [(11, 10, rep) for rep in reps]
    return next((v for n, component, rep in places if _MUNICIPALITY.fullmatch(v := _value(pid, n, component, rep))), "")


def _gps(er7: Er7) -> tuple[Identifier, ...]:
    """The patient's GP in PD1-3 (organisation) and PD1-4 (person), and in ROL or PRT with the role of primary care provider."""
    names = er7.names()
    found: dict[Identifier, None] = {}
    if "PD1" in names:
        pd1 = er7.segment("PD1")
        found |= dict.fromkeys(_organisations(pd1, 3) + _people(pd1, 4))
    for name, role, person, organisation in (("ROL", 3, 4, 0), ("PRT", 4, 5, 8)):
        for segment in er7.segments(name) if name in names else ():
            if _value(segment, role) == _GP_ROLE:
                found |= dict.fromkeys(_people(segment, person) + (_organisations(segment, organisation) if organisation else []))
    return tuple(found)


def _organisations(segment: Segment | None, n: int) -> list[Identifier]:
    found = []
    for rep in range(len(segment.repetitions(n)) if segment is not None else 0):
        numbers = [v for c in (10, 3) if (v := _value(segment, n, c, rep))] or [v for c in (1,) if (v := _value(segment, n, c, rep))]
        found += [Identifier(_system(segment, n, 6, rep), v) for v in numbers]
    return found


def _people(segment: Segment | None, n: int) -> list[Identifier]:
    reps = range(len(segment.repetitions(n)) if segment is not None else 0)
    return [Identifier(_system(segment, n, 9, rep), v) for rep in reps if (v := _value(segment, n, 1, rep))]


def _labels(er7: Er7) -> tuple[str, ...]:
    """PV2-22 and TXA-18 whatever they hold, an unknown word included; MSH-8 only when it is a label."""
    names = er7.names()
    said = [_value(er7.segment(name), n) for name, n in (("PV2", 22), ("TXA", 18)) if name in names]
    header = _value(er7.segment("MSH"), 8)
    if header in codes.HEADER_LABELS:
        said.append(header)
    return tuple(dict.fromkeys(codes.LABEL.get(label, label) for label in said if label))


def _merged(er7: Er7, known: tuple[Identifier, ...], *, is_account: bool) -> tuple[Identifier, ...]:
    """The identifiers that MRG retires, less those the patient keeps; merging accounts may retire none.

    Raises Rejected(MISSING_SEGMENT, MISSING_FIELD).
    """
    segments = er7.segments("MRG")
    if not segments:
        raise Rejected(Reason.MISSING_SEGMENT, "MRG")
    found = [i for mrg in segments for i in identifiers(mrg, 1)]
    if not found and not is_account:
        raise Rejected(Reason.MISSING_FIELD, "MRG-1")
    return tuple(i for i in dict.fromkeys(found) if i not in known)


def _system(segment: Segment | None, n: int, component: int, rep: int) -> str:
    parts = segment.components(n, rep) if segment is not None else []
    if segment is None or component > len(parts):
        return ""
    namespace, universal, kind = (segment.value(n, component, rep, sub).strip() for sub in (1, 2, 3))
    return uri_of(namespace, universal, kind)
