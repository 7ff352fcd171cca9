"""What a message must say so that the right providers are told, and the patient's pathway can be followed."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.finding import shape
from hub.adapters.hl7v2.check.case import Case, Spot
from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.gp import NOBODY
from hub.adapters.hl7v2.mappings.times import microseconds
from hub.adapters.labels import V2
from hub.consent.question import LABELS
from hub.identity import ENH, HER, HPR
from hub.model import Kind
from hub.pathway.states import SIGNALS

_CLASSES: Final = frozenset("EIOPRBCNU")  # table 0004
_STARTS: Final = frozenset({Kind.ADMITTED, Kind.REGISTERED})
_TIMES: Final = (("MSH", 7), ("EVN", 2), ("EVN", 6), ("PV1", 44), ("PV1", 45))  # what the hub reads times from
_GP_SYSTEMS: Final = frozenset({ENH, HER, HPR, "ENH", "HER", "HPR"})
_ABOUT_A_PERSON: Final = frozenset({"ADT^A28", "ADT^A31", "ADT^A29"})  # of no stay
_ACK_CODES: Final = frozenset({"", "AL", "NE", "ER", "SU"})  # table 0155


def _is_of_a_stay(case: Case) -> bool:
    return case.event is not None and case.event.kind in SIGNALS and case.seen.trigger not in _ABOUT_A_PERSON


def without_municipality(case: Case) -> Iterator[Spot]:
    """No municipality number in the address."""
    if case.event is not None and not case.event.municipality:
        yield Spot("PID-11.9", case.number_of("PID"))


def without_gp(case: Case) -> Iterator[Spot]:
    """Nobody named as the patient's general practitioner."""
    if case.event is not None and not case.event.gps:
        yield Spot("PD1-4", case.number_of("PD1"))


def gp_of_nobody(case: Case) -> Iterator[Spot]:
    """A general practitioner whose number belongs to no register the hub knows providers by."""
    gps = [i for i in case.event.gps if i != NOBODY] if case.event is not None else []
    if gps and not any(i.system in _GP_SYSTEMS for i in gps):
        yield Spot("PD1-4.9", case.number_of("PD1"))


def without_class(case: Case) -> Iterator[Spot]:
    """A stay of no class."""
    if _is_of_a_stay(case) and not case.value("PV1-2"):
        yield Spot("PV1-2", case.number_of("PV1"))


def unknown_class(case: Case) -> Iterator[Spot]:
    """A stay of a class that is not in table 0004."""
    found = case.value("PV1-2")
    if found and found not in _CLASSES:
        yield Spot("PV1-2", case.number_of("PV1"), shape(found))


def without_ward(case: Case) -> Iterator[Spot]:
    """A stay at no place."""
    if _is_of_a_stay(case) and case.seen.trigger != "ADT^A05" and not case.value("PV1-3"):
        yield Spot("PV1-3", case.number_of("PV1"))


def without_visit(case: Case) -> Iterator[Spot]:
    """A stay without a number."""
    if _is_of_a_stay(case) and case.event is not None and not case.event.encounter_id:
        yield Spot("PV1-19", case.number_of("PV1"))


def without_admission(case: Case) -> Iterator[Spot]:
    """An admission that says not when."""
    if case.event is not None and case.event.kind in _STARTS and case.event.admitted_us is None:
        yield Spot("PV1-44", case.number_of("PV1"))


def without_discharge(case: Case) -> Iterator[Spot]:
    """A discharge that says not when."""
    if case.event is not None and case.event.kind is Kind.DISCHARGED and case.event.discharged_us is None:
        yield Spot("PV1-45", case.number_of("PV1"))


def without_event_time(case: Case) -> Iterator[Spot]:
    """No time of the event in EVN."""
    if case.seen.trigger.startswith("ADT^") and microseconds(case.value("EVN-6")) is None and microseconds(case.value("EVN-2")) is None:
        yield Spot("EVN-2", case.number_of("EVN"))


def unreadable_time(case: Case) -> Iterator[Spot]:
    """A time the hub goes by, which is none."""
    for name, n in _TIMES:
        found = case.value(f"{name}-{n}")
        if found and microseconds(found) is None:
            yield Spot(f"{name}-{n}", case.number_of(name), shape(found))


def without_offset(case: Case) -> Iterator[Spot]:
    """A time of the message that does not say in which zone."""
    found = case.value("MSH-7")
    if found and microseconds(found) is not None and not {"+", "-"} & set(found):
        yield Spot("MSH-7", 1)


def two_events(case: Case) -> Iterator[Spot]:
    """EVN-1 that is not the event of MSH-9."""
    found = case.value("EVN-1")
    if found and found != case.seen.trigger.partition("^")[2]:
        yield Spot("EVN-1", case.number_of("EVN"))


def without_structure(case: Case) -> Iterator[Spot]:
    """No message structure in MSH-9.3."""
    if not case.value("MSH-9.3") and case.seen.version >= "2.4":
        yield Spot("MSH-9.3", 1)


def wrong_structure(case: Case) -> Iterator[Spot]:
    """MSH-9.3 that is not the event's structure."""
    found, right = case.value("MSH-9.3"), case.standard.structure_of(case.seen.trigger)
    if found and right and found != right:
        yield Spot("MSH-9.3", 1, f"{right} in version {case.standard.version}")


def unknown_label(case: Case) -> Iterator[Spot]:
    """A security label that no rule knows."""
    for place in ("MSH-26", "PD1-12", "PV2-22", "TXA-18"):
        found = case.value(place)
        if found and V2.get(found, found) not in LABELS:
            yield Spot(place, case.number_of(place[:3]))


def no_label(case: Case) -> Iterator[Spot]:
    """MSH-8 that is no label."""
    found = case.value("MSH-8")
    if found and found not in codes.HEADER_LABELS:
        yield Spot("MSH-8", 1)


def to_nobody(case: Case) -> Iterator[Spot]:
    """No receiver named."""
    if case.event is not None and not case.event.addressed:
        yield Spot("MSH-6", 1)


def no_translation(case: Case) -> Iterator[Spot]:
    """A message the hub makes no FHIR of."""
    if case.event is not None and not case.can_translate:
        yield Spot("MSH-9", 1)


def unknown_answer(case: Case) -> Iterator[Spot]:
    """MSH-15 or MSH-16 that is not in table 0155."""
    for n in (15, 16):
        if case.value(f"MSH-{n}") not in _ACK_CODES:
            yield Spot(f"MSH-{n}", 1)
