"""What a stay can be and what each event makes of it: two literal tables and no code beside them.

Read a row as "being in this state, the event at the head of the column leads to ...". Every cell is filled: a message that
comes late, twice, or without the one that should have come before is never dropped. ``MARKS`` names the cells where that
happened, and the episode keeps the name, so that a person can see why a stay looks as it does.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.model import Kind


class State(StrEnum):
    """Where a stay is. ADMITTED and READY take up a bed."""

    NEW = "new"  # nothing heard yet; never stored
    NOTED = "noted"  # something was said of this stay, not that it began
    REGISTERED = "registered"  # an outpatient is here
    PREADMITTED = "preadmitted"
    ADMITTED = "admitted"
    READY = "ready"  # ready for discharge and still in hospital
    DISCHARGED = "discharged"
    CANCELLED = "cancelled"
    MERGED = "merged"  # the patient key was retired; the stay continues under the surviving key


class Signal(StrEnum):
    """What an event says of a stay: a Kind, except that a change of class splits by the class it leads to."""

    ADMIT = "admit"
    REGISTER = "register"
    PREADMIT = "preadmit"
    TRANSFER = "transfer"
    TO_INPATIENT = "to_inpatient"
    TO_OUTPATIENT = "to_outpatient"
    UPDATE = "update"
    READY = "ready"
    NOT_READY = "not_ready"
    DISCHARGE = "discharge"
    CANCEL_ADMIT = "cancel_admit"
    CANCEL_TRANSFER = "cancel_transfer"
    CANCEL_DISCHARGE = "cancel_discharge"


SIGNALS: Final = MappingProxyType(
    {
        Kind.ADMITTED: Signal.ADMIT,
        Kind.REGISTERED: Signal.REGISTER,
        Kind.PREADMITTED: Signal.PREADMIT,
        Kind.TRANSFERRED: Signal.TRANSFER,
        Kind.CLASS_CHANGED: Signal.TO_INPATIENT,  # or TO_OUTPATIENT, by the class: see ``signal_of``
        Kind.UPDATED: Signal.UPDATE,
        Kind.READY_FOR_DISCHARGE: Signal.READY,
        Kind.NOT_READY_FOR_DISCHARGE: Signal.NOT_READY,
        Kind.DISCHARGED: Signal.DISCHARGE,
        Kind.ADMISSION_CANCELLED: Signal.CANCEL_ADMIT,
        Kind.TRANSFER_CANCELLED: Signal.CANCEL_TRANSFER,
        Kind.DISCHARGE_CANCELLED: Signal.CANCEL_DISCHARGE,
    }
)

OUTPATIENT: Final = frozenset({"O", "P", "R", "C", "N"})  # HL7 v2 table 0004; every other class, also none, is a stay in a bed


def signal_of(kind: Kind, encounter_class: str) -> Signal | None:
    """What an event of this kind and class says of a stay; None when it says nothing (a lab result, a merge, an appointment)."""
    if kind is Kind.CLASS_CHANGED and not encounter_class:
        return Signal.UPDATE  # changed to what is not said
    if kind is Kind.CLASS_CHANGED and encounter_class in OUTPATIENT:
        return Signal.TO_OUTPATIENT
    return SIGNALS.get(kind)


_N, _R, _P, _A, _Y, _D, _C = (
    State.NOTED, State.REGISTERED, State.PREADMITTED, State.ADMITTED, State.READY, State.DISCHARGED, State.CANCELLED,
)  # fmt: skip
_COLUMNS: Final = tuple(Signal)
_ROWS: Final = {
    #                 ADM REG PRE TRF  IN OUT UPD RDY NRD DIS  XA  XT  XD
    State.NEW:         (_A, _R, _P, _A, _A, _R, _N, _Y, _A, _D, _C, _A, _A),
    State.NOTED:       (_A, _R, _P, _A, _A, _R, _N, _Y, _A, _D, _C, _A, _A),
    State.REGISTERED:  (_A, _R, _P, _R, _A, _R, _R, _Y, _R, _D, _C, _R, _R),
    State.PREADMITTED: (_A, _R, _P, _A, _A, _R, _P, _Y, _P, _D, _C, _P, _A),
    State.ADMITTED:    (_A, _A, _A, _A, _A, _R, _A, _Y, _A, _D, _C, _A, _A),
    State.READY:       (_Y, _Y, _Y, _Y, _Y, _R, _Y, _Y, _A, _D, _C, _Y, _Y),
    State.DISCHARGED:  (_A, _R, _P, _D, _D, _D, _D, _D, _D, _D, _C, _D, _A),  # XD: ready again if it was
    State.CANCELLED:   (_A, _R, _P, _C, _C, _C, _C, _C, _C, _C, _C, _C, _C),
}  # fmt: skip

TABLE: Final = MappingProxyType({(state, signal): row[i] for state, row in _ROWS.items() for i, signal in enumerate(_COLUMNS)})

_UNKNOWN: Final = {
    Signal.TRANSFER: "transfer_without_admission",
    Signal.READY: "ready_without_admission",
    Signal.NOT_READY: "not_ready_without_admission",
    Signal.DISCHARGE: "discharge_without_admission",
    Signal.CANCEL_ADMIT: "cancellation_without_admission",
    Signal.CANCEL_TRANSFER: "cancellation_without_transfer",
    Signal.CANCEL_DISCHARGE: "cancellation_without_discharge",
}
_ENDED: Final = frozenset({
    Signal.TRANSFER, Signal.TO_INPATIENT, Signal.TO_OUTPATIENT, Signal.READY, Signal.NOT_READY, Signal.DISCHARGE, Signal.CANCEL_TRANSFER,
})  # fmt: skip
MARKS: Final = MappingProxyType(
    {(state, signal): mark for state in (State.NEW, State.NOTED) for signal, mark in _UNKNOWN.items()}
    | {(State.PREADMITTED, s): m for s, m in _UNKNOWN.items() if s is not Signal.CANCEL_ADMIT}
    | {(State.REGISTERED, s): _UNKNOWN[s] for s in (Signal.READY, Signal.NOT_READY, Signal.CANCEL_DISCHARGE)}
    | {(State.DISCHARGED, signal): "after_discharge" for signal in _ENDED}
    | {(State.CANCELLED, signal): "after_cancellation" for signal in _ENDED | {Signal.CANCEL_ADMIT, Signal.CANCEL_DISCHARGE}}
    | {(s, g): "admitted_already" for s in (State.ADMITTED, State.READY) for g in (Signal.ADMIT, Signal.REGISTER, Signal.PREADMIT)}
    | {(s, Signal.CANCEL_DISCHARGE): "cancellation_without_discharge" for s in (State.ADMITTED, State.READY)}
    | {(State.ADMITTED, Signal.NOT_READY): "not_ready_without_ready"}
)

IN_BED: Final = frozenset({State.ADMITTED, State.READY})
