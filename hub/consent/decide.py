"""May this recipient have this now, and how much of it? The one answer to it: in transit, at every attempt to deliver, and to who asks."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from hub.consent.case import Case
from hub.consent.in_force import in_force
from hub.consent.provisions import Opinion, opinion
from hub.consent.question import Question, Verdict
from hub.consent.rules import minimum
from hub.consent.table import TABLE
from hub.model import Boundaries, Item, Policy, Result

BOUNDARIES: Final = Boundaries()
_ANSWERS: Final = tuple(row.answer for row in TABLE)
_PLACES: Final = {row.rule: row.number for row in TABLE}


def decide(question: Question, policy: Policy, now_us: int, boundaries: Boundaries = BOUNDARIES) -> Verdict:
    """The first row of the decision table that answers, for each item of the message; silence denies (row 14).

    ``now_us``: the time asked about. Items that may not be shown are left out (REDACT); where none is left, nothing is shown.
    """
    consents = policy.consents and tuple(in_force(policy.consents, now_us))
    readable = policy.readable
    if not question.items:
        return _answer_whole(_with_opinions(Case(question, _whole(question.labels), now_us, boundaries, readable, in_force=consents)))
    cases = [_with_opinions(Case(question, item, now_us, boundaries, readable, in_force=consents)) for item in question.items]
    verdict = _together(question, [(case.item, _answer(case)) for case in cases])
    if verdict.result is Result.DENY and minimum(question, boundaries) is not None:
        return _together(question, [(case.item, _answer(case._replace(only_minimum=True))) for case in cases])
    return verdict


def _answer_whole(case: Case) -> Verdict:
    verdict = _answer(case)
    if verdict.result is Result.DENY and minimum(case.question, case.boundaries) is not None:
        return _answer(case._replace(only_minimum=True))
    return verdict


@lru_cache(maxsize=1024)
def _whole(labels: tuple[str, ...]) -> Item:
    """A message of which nobody knows more than its labels."""
    return Item("", labels=labels)


def _with_opinions(case: Case) -> Case:
    """The same with what the consents say about it."""
    if not case.in_force:  # as nearly all are
        return case
    said = [(consent, opinion(consent, case)) for consent in case.in_force]
    locks, permits = (tuple(consent for consent, what in said if what is wanted) for wanted in (Opinion.LOCK, Opinion.PERMIT))
    return case._replace(locks=locks, permits=permits)


def _answer(case: Case) -> Verdict:
    for answer in _ANSWERS:
        verdict = answer(case)
        if verdict is not None:
            return verdict
    raise AssertionError  # the last row always answers


def _together(question: Question, answers: Sequence[tuple[Item, Verdict]]) -> Verdict:
    """One answer for the whole message from those for its items, in whatever order they stand: the uppermost row of those that decided."""
    verdicts = [v for _, v in answers]
    refused = [v for v in verdicts if v.result is not Result.PERMIT]
    decided = sorted(refused or verdicts, key=lambda v: (_PLACES[v.rule], v.because))
    because = tuple(dict.fromkeys(word for v in decided for word in v.because))
    if len(refused) == len(verdicts):
        return Verdict(decided[0].result, decided[0].rule, because)
    less = next((v.detail for v in verdicts if v.detail is not None), None)  # the law's minimum is one for the whole message
    if not refused:
        return Verdict(Result.PERMIT, decided[0].rule, because, detail=less)
    dropped = tuple(item.key for item, v in answers if v.result is not Result.PERMIT)
    because = tuple(dict.fromkeys((*because, *question.ties)))  # to be asked again with
    return Verdict(Result.REDACT, decided[0].rule, because, dropped, less)
