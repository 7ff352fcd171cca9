"""The rows of the decision table as functions of one case: ``hub.consent.table`` says them in words, with their order and the law."""

from typing import Final

from hub.consent import question as q
from hub.consent.ages import ages
from hub.consent.case import Case
from hub.consent.labels import NORMAL, RESTRICTED, level
from hub.consent.question import Acp, Asker, Capacity, Question, Verdict
from hub.model import Boundaries, Consent, Detail, Relation, Result, Rule

_ANY_RELATION: Final = q.TREATING | {Relation.SUBSCRIPTION}
_MOST_FIRST: Final = tuple(Detail)
_HOUR_US: Final = 3_600_000_000


def _ids(consents: tuple[Consent, ...]) -> tuple[str, ...]:
    return tuple(sorted({f"{c.id}/{c.version}" for c in consents}))


def patient_is_unresolved(case: Case) -> Verdict | None:
    """Row 1."""
    return Verdict(Result.HOLD, Rule.PATIENT_UNRESOLVED, case.question.ties) if case.question.conflict else None


def consents_are_unreadable(case: Case) -> Verdict | None:
    """Row 2. An error is never a permit."""
    return None if case.readable else Verdict(Result.HOLD, Rule.CONSENT_UNREADABLE, case.question.ties)


def recipient_or_purpose_is_unknown(case: Case) -> Verdict | None:
    """Row 3. A citizen who asks is no organisation, and needs none."""
    question = case.question
    recipient, asker = question.recipient, question.asker
    if recipient is None and (asker is None or asker.capacity is Capacity.PERSONNEL):
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, (q.UNKNOWN_RECIPIENT,))
    if recipient is not None and recipient.suspended:
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, (q.SUSPENDED,))
    if question.purpose not in q.PURPOSES:
        return Verdict(Result.DENY, Rule.RECIPIENT_UNKNOWN, (q.UNKNOWN_PURPOSE,))
    return None


def label_is_unknown(case: Case) -> Verdict | None:
    """Row 4. The label itself is not named: it is whatever the sender wrote."""
    if not q.LABELS.issuperset(case.item.labels):
        return Verdict(Result.DENY, Rule.LABEL_UNKNOWN)
    if case.boundaries.labels_required and set(case.item.labels).isdisjoint(q.CONFIDENTIALITY):
        return Verdict(Result.DENY, Rule.LABEL_UNKNOWN, (q.NO_LABEL,))
    return None


def record_is_the_recipients_own(case: Case) -> Verdict | None:
    """Row 5."""
    recipient = case.question.recipient
    if recipient is not None and recipient.id == case.question.source:
        return Verdict(Result.PERMIT, Rule.OWN_RECORD, case.question.ties)
    return None


def patient_asks(case: Case) -> Verdict | None:
    """Row 6. Locks keep others out, never the patient."""
    asker = case.question.asker
    if asker is None or asker.capacity is not Capacity.PATIENT:
        return None
    if asker.acp is not Acp.NULL or case.question.purpose != "PATRQT":
        return Verdict(Result.DENY, Rule.PATIENT_THEMSELVES, (q.ACCESS_POLICY,))
    years, b = ages(asker.birth_date, case.now_us), case.boundaries
    if years is not None and years[0] >= b.alone_years:
        return _for_a_citizen(case, Rule.PATIENT_THEMSELVES, RESTRICTED)
    if b.limited and years is not None and years[0] >= b.youth_years:
        return _for_a_citizen(case, Rule.PATIENT_THEMSELVES, NORMAL)
    return Verdict(Result.DENY, Rule.PATIENT_THEMSELVES, (q.AGE,))


def representative_asks(case: Case) -> Verdict | None:
    """Row 7. A lock that names this very person keeps them out too."""
    asker = case.question.asker
    if asker is None or asker.capacity is not Capacity.REPRESENTATIVE:
        return None
    naming = tuple(c for c in case.locks if _names(c, asker))
    if naming:
        return Verdict(Result.DENY, Rule.REPRESENTATIVE, _ids(naming))
    if asker.protected_address:
        return Verdict(Result.DENY, Rule.REPRESENTATIVE, (q.PROTECTED_ADDRESS,))
    if asker.acp is Acp.PARENT and case.question.purpose == "FAMRQT":
        return _parent_asks(case, asker)
    if asker.acp in (Acp.ATTORNEY, Acp.GUARDIAN) and case.question.purpose == "PWATRNY":
        return _for_a_citizen(case, Rule.REPRESENTATIVE, RESTRICTED)
    return Verdict(Result.DENY, Rule.REPRESENTATIVE, (q.ACCESS_POLICY,))


def _parent_asks(case: Case, asker: Asker) -> Verdict:
    years, b = ages(asker.birth_date, case.now_us), case.boundaries
    if asker.withheld:
        return Verdict(Result.DENY, Rule.REPRESENTATIVE, (q.WITHHELD_BY_CHILD,))
    if years is not None and years[1] < min(b.child_years, b.alone_years):
        return _for_a_citizen(case, Rule.REPRESENTATIVE, RESTRICTED)
    if b.limited and years is not None and years[1] < b.alone_years:
        return _for_a_citizen(case, Rule.REPRESENTATIVE, NORMAL)
    return Verdict(Result.DENY, Rule.REPRESENTATIVE, (q.AGE,))


def _names(lock: Consent, asker: Asker) -> bool:
    """Whether it is about this very person, and not about everyone."""
    denying = [p for p in (lock.provision, *lock.provision.exceptions) if p.deny]
    return any(a.identifier in asker.identifiers for p in denying for a in p.actors)


def _for_a_citizen(case: Case, rule: Rule, highest: int) -> Verdict:
    """What is labelled no higher, and what the patient is not denied insight in."""
    kept_back = sorted(q.PATIENT_DENIED.intersection(case.item.labels))
    if kept_back or level(case.item.labels) > highest:
        above = () if kept_back else _above(case.item.labels, highest)
        return Verdict(Result.DENY, rule, (*kept_back, *above))
    return Verdict(Result.PERMIT, rule)


def _above(labels: tuple[str, ...], highest: int) -> tuple[str, ...]:
    return tuple(sorted({label for label in labels if level((label,)) > highest}))


def law_tells_to_notify(case: Case) -> Verdict | None:
    """Row 8. What is labelled above N is not told."""
    most = minimum(case.question, case.boundaries) if case.only_minimum else None
    if most is None or level(case.item.labels) > NORMAL:
        return None
    less = most if _MOST_FIRST.index(case.question.detail) < _MOST_FIRST.index(most) else None
    return Verdict(Result.PERMIT, Rule.STATUTORY_DUTY, case.question.ties, detail=less)


def minimum(question: Question, boundaries: Boundaries) -> Detail | None:
    """How much the law tells the source to let the recipient know of this, if anything; nobody who asks has that claim."""
    recipient = question.recipient
    if not boundaries.duties or question.asker is not None or recipient is None:
        return None
    told = {d.detail for d in boundaries.duties if d.kind is question.kind and d.recipient is recipient.kind}
    return next((detail for detail in _MOST_FIRST if detail in told), None)


def life_is_at_stake(case: Case) -> Verdict | None:
    """Row 9. Only personnel who ask (citizens have their answer), never who is sent to; and only for as long as it lasts."""
    asker = case.question.asker
    if asker is None or case.question.purpose not in q.EMERGENCIES:
        return None
    if not asker.reason.strip() or not asker.roles or asker.since_us is None:
        return None
    if not 0 <= case.now_us - asker.since_us < case.boundaries.emergency_hours * _HOUR_US:
        return None
    return Verdict(Result.PERMIT, Rule.EMERGENCY, (q.EMERGENCY, *_ids(case.locks), *case.question.ties))


def patient_has_consented_since(case: Case) -> Verdict | None:
    """Row 10. Of a lock that nobody dated, nobody can say that a consent came after it."""
    asker, question = case.question.asker, case.question
    if asker is None or not case.locks or q.SOURCE_LOCKED in case.item.labels:
        return None
    given = asker.acp_given_us
    if asker.acp is not Acp.EXPLICIT or given is None or given > case.now_us:
        return None
    if question.purpose not in q.CARE or _ANY_RELATION.isdisjoint(question.relations):
        return None
    if not all(lock.given_us is not None and lock.given_us < given for lock in case.locks):
        return None
    return Verdict(Result.PERMIT, Rule.CONSENT_AFTER_LOCK, (q.CONSENT_GIVEN, *_ids(case.locks), *question.ties))


def patient_has_locked(case: Case) -> Verdict | None:
    """Row 11. Any lock outweighs every permit, however new."""
    by_source = (q.SOURCE_LOCKED,) if q.SOURCE_LOCKED in case.item.labels else ()
    if case.locks or by_source:
        return Verdict(Result.DENY, Rule.LOCKED, (*_ids(case.locks), *by_source))
    return None


def patient_has_permitted(case: Case) -> Verdict | None:
    """Row 12. Also what is labelled very restricted, and for any purpose."""
    if case.permits:
        return Verdict(Result.PERMIT, Rule.EXPLICIT_PERMIT, (*_ids(case.permits), *case.question.ties))
    return None


def relation_is_proven(case: Case) -> Verdict | None:
    """Row 13. The law's default: those who treat the patient may know unless the patient objects."""
    question, high = case.question, level(case.item.labels)
    if question.purpose not in q.CARE or high > RESTRICTED:
        return None
    proof = _ANY_RELATION if high < RESTRICTED else q.TREATING
    if proof.isdisjoint(question.relations):
        return None
    return Verdict(Result.PERMIT, Rule.TREATING_RELATION, question.ties)


def nothing_permits(case: Case) -> Verdict:
    """Row 14. Says what there was of a relation, and the labels and the purpose that it did not suffice for."""
    question = case.question
    labels = tuple(sorted(q.RESTRICTED.intersection(case.item.labels)))
    purpose = () if question.purpose in q.CARE else (question.purpose,)
    return Verdict(Result.DENY, Rule.NO_RELATION, (*question.ties, *labels, *purpose))
