"""From how sends ended to what the ledger and the lanes are told. Pure: the one place that says what follows an attempt."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hub.consent.question import Verdict
from hub.delivery.channel import Sent
from hub.delivery.gate import SUBSCRIPTION_ENDED
from hub.delivery.lanes import Lanes
from hub.delivery.retry import Backoff
from hub.ledger.delivery import Settlement
from hub.ledger.disclosures import MADE_ANEW
from hub.ledger.outbox import Attempted, Claim, Parcel, Place, Remainder, Waiting, consents_in
from hub.model import AttemptOutcome, Result, Rule

FORM_CHANGED: Final = "form_changed"
NOT_REDACTABLE: Final = "not_redactable"


@dataclass(frozen=True, slots=True)
class Ended:
    """A send that ended, or was not begun in time."""

    parcel: Parcel
    sent: Sent
    started_us: int
    ended_us: int


def unsent(parcel: Parcel, verdict: Verdict, backoff: Backoff, now_us: int) -> Attempted:
    """A delivery that may not be sent: withheld for good, or held and asked about later.

    Who the patient is does not change with time: a hold for that waits for a merge, or for a person, as a refusal does.
    """
    n = parcel.attempts + 1
    if verdict.result is Result.DENY:
        code = SUBSCRIPTION_ENDED if SUBSCRIPTION_ENDED in verdict.because else verdict.rule
        consents = consents_in(verdict.because) if verdict.rule is Rule.LOCKED else ()
        return Attempted(parcel.place, n, now_us, now_us, AttemptOutcome.WITHHELD, code, consents=consents)
    if verdict.rule is Rule.PATIENT_UNRESOLVED:
        return Attempted(parcel.place, n, now_us, now_us, AttemptOutcome.HELD, verdict.rule, parked=verdict.rule)
    next_us = now_us + backoff.wait_us(n, parcel.event_id, parcel.place.recipient)
    return Attempted(parcel.place, n, now_us, now_us, AttemptOutcome.HELD, verdict.rule, next_us)


def form_changed(parcel: Parcel, now_us: int) -> Attempted:
    """A delivery that was rendered before its recipient changed its channel: parked until a person has it made anew or releases it.

    The recipient has no part in it, and nothing of it was sent.
    """
    return Attempted(parcel.place, parcel.attempts + 1, now_us, now_us, AttemptOutcome.HELD, FORM_CHANGED, parked=FORM_CHANGED)


class Became(Enum):
    """What became of a delivery whose bytes were to be made anew. READY: to be asked about once more."""

    READY = "ready"
    DENIED = "denied"  # nothing of it may be sent
    STUCK = "stuck"  # what may be sent cannot be made


def remade(parcel: Parcel, became: Became, verdict: Verdict, backoff: Backoff, now_us: int) -> Attempted:
    """A delivery whose bytes were made anew, or that shows more than it may and cannot be made without it: then a person sees to it."""
    n = parcel.attempts + 1
    if became is Became.DENIED:
        return unsent(parcel, verdict, backoff, now_us)
    if became is Became.STUCK:
        return Attempted(parcel.place, n, now_us, now_us, AttemptOutcome.HELD, NOT_REDACTABLE, parked=NOT_REDACTABLE)
    return Attempted(parcel.place, n, now_us, now_us, AttemptOutcome.HELD, MADE_ANEW, now_us)


@dataclass(slots=True)
class _Open:
    claimed_us: int
    left: dict[Place, str]  # place -> patient key, of what is still under way
    touched: bool = False


@dataclass(slots=True)
class Book:
    """What is under way: the rows taken from the lanes, and the claims they were sent under."""

    lanes: Lanes
    backoff: Backoff
    claim_us_max: int
    _rows: dict[Place, tuple[Waiting, int]] = field(default_factory=dict)
    _claims: dict[int, _Open] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def claims(self) -> list[int]:
        """Ids of the claims that are in the ledger."""
        return list(self._claims)

    def open_claims(self) -> list[tuple[Remainder, int]]:
        """What is still under way of each claim, and when it was claimed: what the ledger must know of, whatever it has forgotten."""
        return [(Remainder(n, tuple(c.left), tuple(c.left.values())), c.claimed_us) for n, c in self._claims.items()]

    def begin(self, claim: Claim, rows: dict[Place, Waiting], now_us: int) -> None:
        """These may be sent now."""
        self._claims[claim.id] = _Open(now_us, {p.place: p.patient_key for p in claim.parcels})
        for parcel in claim.parcels:
            self._rows[parcel.place] = (rows[parcel.place], claim.id)

    def answered(self, row: Waiting, parcel: Parcel, verdict: Verdict, now_us: int) -> Attempted:
        """``unsent``, and its lane is told."""
        attempted = unsent(parcel, verdict, self.backoff, now_us)
        if attempted.settles:
            self.lanes.ended(row)
        elif attempted.parked:
            self.lanes.parked(row)
        else:
            self.lanes.again(row, attempted.next_us)
        return attempted

    def unsendable(self, row: Waiting, parcel: Parcel, now_us: int) -> Attempted:
        """``form_changed``, and its lane is told."""
        self.lanes.parked(row)
        return form_changed(parcel, now_us)

    def remade(self, row: Waiting, parcel: Parcel, became: Became, verdict: Verdict, now_us: int) -> Attempted:
        """``remade``, and its lane is told: what is ready is asked about again at once, before anything after it."""
        if became is Became.DENIED:
            return self.answered(row, parcel, verdict, now_us)
        attempted = remade(parcel, became, verdict, self.backoff, now_us)
        if attempted.parked:
            self.lanes.parked(row)
        else:
            self.lanes.again(row, attempted.next_us)
        return attempted

    def settle(self, ended: Iterable[Ended], into: Settlement, now_us: int) -> None:
        """Tell the lanes what ended and collect what the ledger must be told."""
        touched: dict[int, _Open] = {}
        for end in ended:
            row, claim_id = self._rows.pop(end.parcel.place)
            claim = self._claims[claim_id]
            claim.left.pop(end.parcel.place)
            touched[claim_id] = claim
            if end.sent.outcome is None:
                self.lanes.given_back(row)
            else:
                into.attempts.append(self._attempted(end, end.sent.outcome, row))
        for claim_id, claim in touched.items():
            if not claim.left:
                into.claims.append(claim_id)
                del self._claims[claim_id]
            claim.touched = True
        self._shrink(into, now_us)

    def _shrink(self, into: Settlement, now_us: int) -> None:
        """A claim held open by a slow send no longer names those that ended beside it."""
        for claim_id, claim in self._claims.items():
            if claim.touched and now_us - claim.claimed_us > self.claim_us_max:
                claim.touched = False
                into.remainders.append(Remainder(claim_id, tuple(claim.left), tuple(claim.left.values())))

    def _attempted(self, end: Ended, outcome: AttemptOutcome, row: Waiting) -> Attempted:
        place, sent, n, copy = end.parcel.place, end.sent, end.parcel.attempts + 1, end.parcel.copy
        next_us = 0
        if outcome is AttemptOutcome.FAILED:
            pause_us = sent.retry_after_us
            until_us = self.lanes.failed(place.recipient, end.ended_us, unreachable=sent.unreachable, pause_us=pause_us)
            own_us = end.ended_us + max(pause_us, self.backoff.wait_us(n, end.parcel.event_id, place.recipient))
            next_us = until_us if sent.unreachable else own_us
            self.lanes.again(row, next_us)
            return Attempted(place, n, end.started_us, end.ended_us, outcome, sent.code, next_us, copy=copy)
        self.lanes.answered(place.recipient)
        if outcome is AttemptOutcome.REFUSED:
            self.lanes.parked(row)
            return Attempted(place, n, end.started_us, end.ended_us, outcome, sent.code, parked=sent.code, receipt=sent.receipt, copy=copy)
        self.lanes.ended(row)
        return Attempted(place, n, end.started_us, end.ended_us, outcome, sent.code, receipt=sent.receipt, copy=copy)
