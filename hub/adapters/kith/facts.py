"""What routing needs to know of a KITH message, read from its elements."""

from typing import Final

from hub.adapters.kith.mappings.bundle import general_practitioners
from hub.adapters.kith.message import Message, chain, names, system_of
from hub.adapters.kith.times import microseconds
from hub.adapters.markup import Element
from hub.adapters.volven import GP, LOGISTICS
from hub.model import Identifier, Kind

_MUNICIPALITY_DIGITS: Final = 4


def addressed(message: Message) -> tuple[str, ...]:
    """Every name and number of the receiver and of the other receivers, the innermost unit's first."""
    found = names(message.info.first("Receiver", "Organisation"))
    for other in message.info.all("OtherReceiver"):
        found |= names(other.first("Organisation"))
    return tuple(found)


def municipality(message: Message) -> str:
    """The municipality number of the patient's address: County, where that is one."""
    number = message.patient.value("Address", "County")
    return number if len(number) == _MUNICIPALITY_DIGITS and number.isascii() and number.isdigit() else ""


def gps(message: Message) -> tuple[Identifier, ...]:
    """Who the patient's GP is: a professional with that role (Volven 9034: 6), and the office of a sender who is."""
    found = [i for p in general_practitioners(message.payload) for i in _numbers(p)]
    for unit in chain(message.info.first("Sender", "Organisation")):
        professional = unit.first("HealthcareProfessional")
        if professional is not None and professional.value("RoleToPatient") == GP:
            found += [*_numbers(professional), *_numbers(unit)]
    return tuple(dict.fromkeys(found))


def _numbers(holder: Element) -> list[Identifier]:
    return [Identifier(system_of(i), value) for i in holder.all("Ident") if (value := i.text("Id"))]


def occurred(message: Message, received_us: int) -> int:
    """When it happened: TidspunktForHendelse; else when the message was made; else when it came."""
    said = microseconds(message.event.value("TidspunktForHendelse")) if message.event is not None else None
    if said is None:
        said = microseconds(message.info.text("GenDate"))
    return received_us if said is None else said


def ward(message: Message) -> str:
    """StedForHendelse, with or without StedHendelse in it."""
    event = message.event
    if event is None:
        return ""
    return event.text("StedForHendelse", "StedHendelse") or event.text("StedForHendelse")


def encounter_class(message: Message) -> str:
    """Logistics tell of stays in a bed (HL7 v2 table 0004)."""
    return "I" if message.type in LOGISTICS else ""


def stay(message: Message, occurred_us: int) -> tuple[int | None, int | None]:
    """When the patient was admitted and discharged, as far as the message tells."""
    if message.type not in LOGISTICS:
        return None, None
    return (occurred_us if message.kind is Kind.ADMITTED else None, occurred_us if message.kind is Kind.DISCHARGED else None)
