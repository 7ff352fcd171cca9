"""What events said of a stay, kept in the row they made: the memory that makes a replay give the same rows.

A row is computed from the *set* of facts, never from the order in which they were applied: after a merge a patient's facts come
from several partitions, between which Kafka promises no order. Within one partition the offset orders; between partitions the
time of receipt does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from hub.model import Event, Identifier, Kind
from hub.pathway.states import Signal, signal_of

FACTS_MAX: Final = 500  # facts a row keeps; a longer stay forgets its oldest transfers and updates
TEXT_MAX: Final = 200  # characters of a ward's or an identifier's text
_FORGETTABLE: Final = frozenset({Kind.UPDATED, Kind.TRANSFERRED, Kind.TRANSFER_CANCELLED})
_NAMED: Final = frozenset({Kind.ADMITTED, Kind.CLASS_CHANGED})  # facts that can start the notice's clock keep the patient's identifiers


@dataclass(frozen=True, slots=True)
class Fact:
    """One event, reduced to what the pathway needs. Times in microseconds."""

    part: int
    off: int
    received_us: int
    kind: Kind
    occurred_us: int
    event_id: str
    source: str
    ward: str = ""
    encounter_class: str = ""
    municipality: str = field(default="", repr=False)
    admitted_us: int | None = None
    discharged_us: int | None = None
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, event: Event, partition: int, offset: int) -> Self:
        """The fact of an event read from this place of topic inbound."""
        return cls(
            partition, offset, event.received_us, event.kind, event.occurred_us, event.event_id, event.provider,
            _text(event.ward), _text(event.encounter_class), _text(event.municipality), event.admitted_us, event.discharged_us,
            tuple(Identifier(_text(i.system), _text(i.value)) for i in event.identifiers) if event.kind in _NAMED else (),
        )  # fmt: skip

    @property
    def signal(self) -> Signal | None:
        """What it says of the stay."""
        return signal_of(self.kind, self.encounter_class)

    def says_nothing_after(self, earlier: "Fact | None") -> bool:
        """True for an update that repeats what the fact before it already said: a chatty sender must not make rows grow."""
        return (
            self.kind is Kind.UPDATED
            and earlier is not None
            and (self.ward, self.encounter_class, self.municipality, self.admitted_us)
            == (earlier.ward, earlier.encounter_class, earlier.municipality, earlier.admitted_us)
        )

    def to_json(self) -> list[Any]:
        """Compact form in ``episode.body``."""
        ids = [[i.system, i.value] for i in self.identifiers]
        return [
            self.part, self.off, self.received_us, self.kind.value, self.occurred_us, self.event_id, self.source,
            self.ward, self.encounter_class, self.municipality, self.admitted_us, self.discharged_us, ids,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Self:
        """Inverse of ``to_json``."""
        named: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
        named["kind"] = Kind(named["kind"])
        named["identifiers"] = tuple(Identifier(system, value) for system, value in named["identifiers"])
        return cls(**named)


def _text(written: str) -> str:
    """Sender-written text as a row can hold it: bounded, and without NUL, which PostgreSQL refuses."""
    return written.replace("\0", "")[:TEXT_MAX]


_FIELDS: Final = tuple(f.name for f in fields(Fact))


def facts_of(body: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The facts of a row."""
    return tuple(Fact.from_json(v) for v in body.get("facts", ()))


def remember(facts: tuple[Fact, ...], fact: Fact) -> tuple[Fact, ...]:
    """The facts with one more, in the order of their places; bounded."""
    earlier = max((f for f in facts if f.part == fact.part), key=lambda f: f.off, default=None)
    if fact.says_nothing_after(earlier):
        return facts
    kept = sorted((*facts, fact), key=lambda f: (f.part, f.off))
    if len(kept) > FACTS_MAX:
        kept.remove(next((f for f in kept if f.kind in _FORGETTABLE), kept[0]))
    return tuple(kept)


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """The order in which a stay happened as far as the hub can know: offsets within a partition, receipt between partitions.

    An event told under two keys of one person (whose it was became clear between two attempts of transit) counts once.
    """
    facts = {(f.part, f.off): f for f in sorted(facts, key=lambda f: f.event_id)}.values()
    latest: dict[int, int] = {}
    placed: list[tuple[int, int, int, Fact]] = []
    for fact in sorted(facts, key=lambda f: (f.part, f.off)):
        latest[fact.part] = max(latest.get(fact.part, 0), fact.received_us)  # clocks of two gateways may differ; offsets do not
        placed.append((latest[fact.part], fact.part, fact.off, fact))
    return [fact for *_, fact in sorted(placed, key=lambda p: p[:3])]
