"""The decision table, a row a function, in the order of the rows: the first that answers wins.

| row | condition                                                                              | answer |
|-----|----------------------------------------------------------------------------------------|--------|
| 1   | the identifiers point at two people                                                    | HOLD   |
| 2   | the patient's consents could not be read                                               | HOLD   |
| 3   | recipient unknown or suspended; purpose missing or unknown                             | DENY   |
| 4   | the message carries a label the hub does not know                                      | DENY   |
| 5   | the recipient is the source: its own record                                            | PERMIT |
| 11  | a lock in force names the recipient, or everyone                                       | DENY   |
| 12  | a permit in force names the recipient, or everyone                                     | PERMIT |
| 13  | purpose of care and a relation: treating for labels up to R, a subscription up to N    | PERMIT |
| 14  | anything else                                                                          | DENY   |

Rows 6 to 10 concern people who ask (citizens, proxies, emergency access), not messages that are sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.consent.question import CARE, LABELS, PURPOSES, RESTRICTED, TREATING, Question, Verdict
from hub.model import Relation, Result, Rule

_ANY_RELATION: Final = TREATING | {Relation.SUBSCRIPTION}


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the consents that apply to it now: ``id/version`` of each lock and each permit that names the recipient."""

    question: Question
    readable: bool
    locks: tuple[str, ...]
    permits: tuple[str, ...]


def patient_is_unresolved(case: Case) -> Verdict | None:
    """Row 1."""
    if case.question.conflict:
        return Verdict(Result.HOLD, Rule.PATIENT_UNRESOLVED, case.question.ties)
    return None


def consents_are_unreadable(case: Case) -> Verdict | None:
    """Row 2. An error is never a permit."""
    if not case.readable:
        return Verdict(Result.HOLD, Rule.CONSENT_UNREADABLE, case.question.ties)
    return None


def recipient_or_purpose_is_unknown(case: Case) -> Verdict | None:
    """Row 3."""
    recipient = case.question.recipient
    if recipient is None:
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, ("unknown_recipient",))
    if recipient.suspended:
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, ("suspended",))
    if case.question.purpose not in PURPOSES:
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, ("unknown_purpose",))
    return None


def label_is_unknown(case: Case) -> Verdict | None:
    """Row 4. The label itself is not named: it is whatever the sender wrote."""
    if not LABELS.issuperset(case.question.labels):
        return Verdict(Result.DENY, Rule.LABEL_UNKNOWN)
    return None


def record_is_the_recipients_own(case: Case) -> Verdict | None:
    """Row 5."""
    recipient = case.question.recipient
    if recipient is not None and recipient.id == case.question.source:
        return Verdict(Result.PERMIT, Rule.OWN_RECORD, case.question.ties)
    return None


def patient_has_locked(case: Case) -> Verdict | None:
    """Row 11. Any lock outweighs every permit, however new."""
    if case.locks:
        return Verdict(Result.DENY, Rule.LOCKED, case.locks)
    return None


def patient_has_permitted(case: Case) -> Verdict | None:
    """Row 12. Also what is labelled very restricted, and for any purpose."""
    if case.permits:
        return Verdict(Result.PERMIT, Rule.EXPLICIT_PERMIT, case.permits + case.question.ties)
    return None


def relation_is_proven(case: Case) -> Verdict | None:
    """Row 13. The law's default: those who treat the patient may know unless the patient objects."""
    question = case.question
    if question.purpose not in CARE or "V" in question.labels:
        return None
    proof = _ANY_RELATION if RESTRICTED.isdisjoint(question.labels) else TREATING
    if proof.isdisjoint(question.relations):
        return None
    return Verdict(Result.PERMIT, Rule.TREATING_RELATION, question.ties)


def nothing_permits(case: Case) -> Verdict:
    """Row 14, when no rule answers. Says what there was of a relation, and the labels and the purpose that it did not suffice for."""
    question = case.question
    labels = tuple(sorted(RESTRICTED.intersection(question.labels)))
    purpose = () if question.purpose in CARE else (question.purpose,)
    return Verdict(Result.DENY, Rule.NO_RELATION, (*question.ties, *labels, *purpose))


RULES: Final[tuple[Callable[[Case], Verdict | None], ...]] = (
    patient_is_unresolved,
    consents_are_unreadable,
    recipient_or_purpose_is_unknown,
    label_is_unknown,
    record_is_the_recipients_own,
    patient_has_locked,
    patient_has_permitted,
    relation_is_proven,
)
