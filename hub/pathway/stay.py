"""A stay told as its facts: the state table walked from the first fact to the last."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from hub.model import Identifier
from hub.pathway.facts import Fact
from hub.pathway.states import IN_BED, MARKS, TABLE, Signal, State


@dataclass(frozen=True, slots=True)
class Stay:
    """What is known of an encounter after its facts. Times in microseconds."""

    state: State = State.NEW
    before: State = State.ADMITTED  # what it was when it was discharged
    ward: str = ""
    wards: tuple[str, ...] = ()  # left by transfers, the latest last
    encounter_class: str = ""
    municipality: str = ""
    source: str = ""
    admitted_us: int | None = None
    ready_us: int | None = None
    ended_us: int | None = None
    admission: Fact | None = None  # the fact that began the stay in a bed
    places: tuple[tuple[int, int], ...] = ()  # of the admission and every later fact, in topic inbound
    marks: tuple[str, ...] = ()

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """The patient's identifiers as the admission gave them."""
        return self.admission.identifiers if self.admission else ()


def stay_of(facts: Iterable[Fact]) -> Stay:
    """Fold ordered facts. Total: every state takes every signal."""
    stay = Stay()
    for fact in facts:
        signal = fact.signal
        if signal is not None:
            stay = _step(stay, signal, fact)
    return stay


def _step(stay: Stay, signal: Signal, fact: Fact) -> Stay:
    mark = MARKS.get((stay.state, signal), "")
    if signal is Signal.CANCEL_TRANSFER and stay.state in IN_BED and not stay.wards:
        mark = "cancellation_without_transfer"
    after = TABLE[stay.state, signal]
    if after in (State.DISCHARGED, State.CANCELLED) and stay.state is after:
        moved = stay if signal is not Signal.UPDATE else replace(stay, municipality=fact.municipality or stay.municipality)
    else:
        moved = _EFFECTS.get(signal, _noted)(_said(stay, after, fact), fact)
    marks = moved.marks if not mark or mark in moved.marks else (*moved.marks, mark)
    return replace(moved, marks=marks, places=(*moved.places, (fact.part, fact.off)))


def _said(stay: Stay, after: State, fact: Fact) -> Stay:
    """The new state, a new stay begun where one begins, and the plain values the fact carries."""
    if stay.state in (State.DISCHARGED, State.CANCELLED) and after not in (State.DISCHARGED, State.CANCELLED) and not _reopens(fact):
        stay = Stay(state=stay.state, municipality=stay.municipality, marks=stay.marks)  # another stay under the same name
    entered = after in IN_BED and stay.state not in IN_BED and not _reopens(fact)
    if entered:
        stay = replace(stay, admitted_us=fact.admitted_us or fact.occurred_us, admission=fact, places=())
    return replace(
        stay,
        before=stay.state if after is State.DISCHARGED and stay.state in IN_BED else stay.before,
        state=after,
        encounter_class=fact.encounter_class or stay.encounter_class,
        municipality=fact.municipality or stay.municipality,
        source=fact.source if entered or not stay.source else stay.source,
    )


def _reopens(fact: Fact) -> bool:
    return fact.signal is Signal.CANCEL_DISCHARGE


def _noted(stay: Stay, fact: Fact) -> Stay:
    """Whatever else it says, the place it names is where the patient is."""
    return replace(stay, ward=fact.ward or stay.ward)


def _corrected(stay: Stay, fact: Fact) -> Stay:
    return replace(_noted(stay, fact), admitted_us=(fact.admitted_us or stay.admitted_us) if stay.state in IN_BED else stay.admitted_us)


def _transferred(stay: Stay, fact: Fact) -> Stay:
    if not fact.ward or fact.ward == stay.ward:
        return stay
    return replace(stay, ward=fact.ward, wards=(*stay.wards, stay.ward) if stay.ward else stay.wards)


def _back(stay: Stay, fact: Fact) -> Stay:
    """The ward before the transfer that is cancelled; what the message names counts only if none is remembered."""
    if not stay.wards:
        return _noted(stay, fact)
    return replace(stay, ward=stay.wards[-1], wards=stay.wards[:-1])


def _outpatient(stay: Stay, fact: Fact) -> Stay:
    return replace(_noted(stay, fact), admitted_us=None, ready_us=None, admission=None, places=())


def _ready(stay: Stay, fact: Fact) -> Stay:
    return replace(_noted(stay, fact), ready_us=stay.ready_us or fact.occurred_us)


def _not_ready(stay: Stay, fact: Fact) -> Stay:
    return replace(_noted(stay, fact), ready_us=None)


def _ended(stay: Stay, fact: Fact) -> Stay:
    return replace(_noted(stay, fact), ended_us=fact.discharged_us or fact.occurred_us)


def _cancelled(stay: Stay, fact: Fact) -> Stay:
    return replace(stay, ended_us=fact.occurred_us, ready_us=None)


def _reopened(stay: Stay, fact: Fact) -> Stay:
    """As it was before the discharge: still ready when it had been declared ready."""
    known = replace(stay, admitted_us=stay.admitted_us or fact.admitted_us)
    if stay.state not in IN_BED or stay.ended_us is None:
        return _noted(known, fact)
    return replace(_noted(known, fact), state=stay.before, ended_us=None)


_EFFECTS: Final[Mapping[Signal, Callable[[Stay, Fact], Stay]]] = MappingProxyType(
    {
        Signal.ADMIT: _corrected,
        Signal.UPDATE: _corrected,
        Signal.TRANSFER: _transferred,
        Signal.CANCEL_TRANSFER: _back,
        Signal.TO_OUTPATIENT: _outpatient,
        Signal.READY: _ready,
        Signal.NOT_READY: _not_ready,
        Signal.DISCHARGE: _ended,
        Signal.CANCEL_ADMIT: _cancelled,
        Signal.CANCEL_DISCHARGE: _reopened,
    }
)
