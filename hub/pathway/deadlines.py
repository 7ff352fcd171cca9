"""One deadline: a municipality must be told of an admission in time.

Source: forskrift 2011-11-18-1115 section 8 (within 24 hours of the admission). Told = an event of this stay, the admission or a later one,
has been delivered to a provider of kind municipality.
"""

from enum import StrEnum
from typing import Final

from hub.identity import derived_id
from hub.ledger.episodes import Deadline, Episode
from hub.pathway.facts import Fact, facts_of, in_order
from hub.pathway.states import OUTPATIENT, State
from hub.pathway.stay import Stay, stay_of

NOTICE: Final = "municipality-notice"
SETTLE_US: Final = 2_000_000  # a receipt is written a moment after the receiver answered: judge no earlier than this after the deadline
_HOUR_US: Final = 3_600_000_000
_DUTY: Final = frozenset({State.ADMITTED, State.READY, State.DISCHARGED})  # a discharge does not lift the duty, a cancellation does


class Verdict(StrEnum):
    """What has become of a deadline."""

    OPEN = "open"
    MET = "met"
    BREACHED = "breached"


def begins_us(admission: Fact, notice_us: int) -> int:
    """When the clock starts: the admission as the sender gave it, or the receipt where that time cannot be met or believed.

    An admission in the future, or one already older than the whole notice when the hub first hears of it, counts from its receipt.
    """
    given = admission.admitted_us or admission.occurred_us
    return given if admission.received_us - notice_us < given <= admission.received_us else admission.received_us


def notice_of(stay: Stay, patient_key: str, encounter: str, notice_hours_max: float) -> Deadline | None:
    """The deadline this stay calls for; None without a municipality, out of bed, cancelled, or when the admission was never told."""
    admission = stay.admission
    if admission is None or not admission.identifiers or not stay.municipality or stay.state not in _DUTY:
        return None
    if stay.encounter_class in OUTPATIENT:
        return None
    notice_us = round(notice_hours_max * _HOUR_US)
    due = begins_us(admission, notice_us) + notice_us
    return Deadline(derived_id(admission.event_id, NOTICE), NOTICE, patient_key, encounter, due)


def notices(rows: list[Episode], notice_hours_max: float) -> list[Deadline]:
    """The deadlines the rows of one person call for. A retired row calls for none: the surviving one has its facts."""
    living = [row for row in rows if row.state != State.MERGED]
    found = []
    for row in living:
        same = [f for r in rows if r.encounter == row.encounter for f in facts_of(r.body)]
        deadline = notice_of(stay_of(in_order(same)), row.patient_key, row.encounter, notice_hours_max)
        found += [deadline] if deadline else []
    return found


def calls_for_the_same(before: Episode | None, after: Episode) -> bool:
    """True when nothing a deadline is made of differs between two states of a row."""
    return _basis(before) == _basis(after)


def _basis(row: Episode | None) -> tuple[object, ...]:
    if row is None or row.state not in _DUTY:
        return ()
    return (row.body.get("admission"), row.body.get("class"), row.municipality)


def verdict(due_us: int, told_us: int | None, now_us: int) -> Verdict:
    """Told at the deadline is in time; told after it, or not by it, is a breach."""
    if told_us is not None and told_us <= due_us:
        return Verdict.MET
    return Verdict.BREACHED if now_us > due_us else Verdict.OPEN
