"""Who opened the patient's record in an emergency, who asked and was refused, and what became of it: for the patient, in plain words.

The reason in their own words is not shown (free text may be of somebody else); the patient can ask the organisation for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from hub.ledger.emergencies import Access, Emergency, Step, Why, accesses_of, used_of
from hub.model import Rule
from hub.web.citizen.visit import Visit
from hub.web.citizen.vocabulary import RULES, Said

SHOWN_MAX: Final = 50
RECENT_US: Final = 30 * 24 * 3_600_000_000  # so long the first page tells of it

WHYS: Final[Mapping[Why, Said]] = MappingProxyType(
    {
        Why.NO_REASON: ("Det ble ikke oppgitt noen grunn.", "No reason was given."),
        Why.NO_SUPERVISOR: (
            "Virksomheten har ingen som får beskjed om slik tilgang, og kan derfor ikke få den.",
            "The organisation has nobody who is told of such access, and so cannot have it.",
        ),
        Why.PATIENT_UNKNOWN: ("Knutepunktet hadde ingenting om deg da.", "The hub had nothing about you then."),
        Why.DECIDED: ("Reglene tillot det ikke.", "The rules did not permit it."),
        Why.EXPIRED: ("Tiden var ute.", "The time was over."),
        Why.CLOSED: ("Tilgangen var lukket.", "The access had been closed."),
        Why.OTHER_PERSON: ("Det var en annen enn den som hadde fått tilgangen.", "It was another person than the one who had the access."),
        Why.OTHER_ORGANISATION: ("Det var en annen virksomhet.", "It was another organisation."),
    }
)
# Volven 9060; of others it is said that they are health personnel.
ROLES: Final[Mapping[str, Said]] = MappingProxyType(
    {
        "AA": ("ambulansearbeider", "ambulance worker"),
        "BI": ("bioingeniør", "biomedical laboratory scientist"),
        "JO": ("jordmor", "midwife"),
        "LE": ("lege", "doctor"),
        "PM": ("paramedisiner", "paramedic"),
        "PS": ("psykolog", "psychologist"),
        "RA": ("radiograf", "radiographer"),
        "SP": ("sykepleier", "nurse"),
        "TL": ("tannlege", "dentist"),
        "VP": ("vernepleier", "social educator"),
    }
)
_PERSONNEL: Final[Said] = ("helsepersonell", "health personnel")


@dataclass(frozen=True, slots=True)
class Use:
    """One reading, or one that was denied. why: None = it was not. whose: the organisation, where it was another one.

    count: of messages; None = not for who looks, who must not learn how many there are.
    """

    at_us: int
    why: Said | None
    whose: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that somebody asked. refused: why they got nothing; None = they were let in, until ``until_us``."""

    organisation: str
    role: Said
    person: str = field(repr=False)
    at_us: int
    until_us: int
    is_closed: bool
    refused: Said | None
    why: Said
    told_us: int | None  # when the organisation's supervisor was; None = not yet
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Emergencies:
    """Of one patient: what was asked for, the latest first, and what was done by it."""

    accesses: Sequence[Access] = ()
    uses: Sequence[Emergency] = ()

    @property
    def readers(self) -> Mapping[str, Sequence[Emergency]]:
        """Event id -> who read that message, of each access the first time."""
        found: dict[str, dict[str, Emergency]] = {}
        for use in self.uses:
            for event_id in use.events:
                found.setdefault(event_id, {}).setdefault(use.access, use)
        return {event_id: tuple(by.values()) for event_id, by in found.items()}


async def emergencies_of(visit: Visit, keys: frozenset[str]) -> Emergencies:
    """The latest of the patient. Raises Faulted."""
    accesses = await visit.state.ledger.run(accesses_of, keys, SHOWN_MAX)
    uses = await visit.state.ledger.run(used_of, [a.asked.access for a in accesses]) if accesses else []
    return Emergencies(accesses, uses)


async def is_recent(visit: Visit, keys: frozenset[str]) -> bool:
    """Whether somebody was let in of late. Raises Faulted."""
    accesses = await visit.state.ledger.run(accesses_of, keys, SHOWN_MAX)
    return any(a.asked.step is Step.OPENED and a.asked.at_us > visit.now_us - RECENT_US for a in accesses)


def openings(found: Emergencies, names: Mapping[str, str], *, is_own: bool) -> list[Opening]:
    """Each with what was done by it."""
    return [_opening(a, [u for u in found.uses if u.access == a.asked.access], names, is_own=is_own) for a in found.accesses]


def _opening(a: Access, uses: Iterable[Emergency], names: Mapping[str, str], *, is_own: bool) -> Opening:
    e, who = a.asked, a.asked.who
    return Opening(
        names.get(who.provider, who.provider), ROLES.get(who.role, _PERSONNEL), who.name or f"HPR {who.person}", e.at_us,
        e.until_us if a.closed_us is None else a.closed_us, a.closed_us is not None,
        WHYS[Why(e.code)] if e.step is Step.REFUSED else None, RULES[Rule.EMERGENCY], a.told_us,
        tuple(_use(u, who.provider, names, is_own=is_own) for u in uses),
    )  # fmt: skip


def _use(u: Emergency, owner: str, names: Mapping[str, str], *, is_own: bool) -> Use:
    whose = "" if u.who.provider == owner else names.get(u.who.provider, u.who.provider)
    is_read = u.step is Step.READ
    return Use(u.at_us, None if is_read else WHYS[Why(u.code)], whose, len(u.events) if is_read and is_own else None)
