"""What an open access shows: row 9 of the decision table, asked of ``decide`` like everybody else, for each item at each request.

The rows above it stand: whose patient nobody is sure of, consents that cannot be read, a recipient that is suspended, an unknown label.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hub.consent.decide import decide
from hub.consent.question import Asker, Capacity, Question, Verdict
from hub.identity import HPR
from hub.ledger.citizen import policy_of
from hub.ledger.connect import Conn
from hub.ledger.emergencies import Emergency
from hub.model import Identifier, Message, Policy, Provider, Result, Rule
from hub.pipeline import Terms, items_of
from hub.web.audit_emergency import ROLES

_PLAIN: Final = ("N",)
_LAST: Final = 9  # the row of emergencies: what those below it say is not for who is denied, since it may tell of a lock


@dataclass(frozen=True, slots=True)
class Right:
    """Of one person of one provider, to one patient's information, at one moment."""

    recipient: Provider
    asker: Asker
    purpose: str
    policy: Policy = field(repr=False)
    terms: Terms
    now_us: int

    @property
    def verdict(self) -> Verdict:
        """On what is plain and somebody else's: by row 9 where the door is open, by the row that keeps it shut where it is not."""
        return self._decide(Question("", self.recipient, _PLAIN, self.purpose, asker=self.asker))

    @property
    def denial(self) -> Rule | None:
        """The row that keeps the door shut: one above the ninth, or the ninth itself; None = it is open."""
        rule = self.verdict.rule
        if rule is Rule.EMERGENCY:
            return None
        return rule if int(rule.value.partition("-")[0]) < _LAST else Rule.EMERGENCY

    def copy(self, message: Message, *, is_theirs: bool) -> tuple[Message | None, Verdict]:
        """What may be shown of a message, as if it had never held the rest (None = nothing), and why. Raises Rejected."""
        event = message.event()
        items = items_of(message, event, self.policy, self.terms.sensitive)
        verdict = self._decide(
            Question(
                event.provider, self.recipient, event.labels, self.purpose, conflict=not is_theirs, items=items, asker=self.asker,
                kind=event.kind,
            )
        )  # fmt: skip
        match verdict.result:
            case Result.PERMIT:
                return message, verdict
            case Result.REDACT:
                return message.without(verdict.dropped), verdict
            case Result.DENY | Result.HOLD:
                return None, verdict

    def _decide(self, question: Question) -> Verdict:
        return decide(question, self.policy, self.now_us, self.terms.boundaries)


def right_to(conn: Conn, e: Emergency, recipient: Provider, terms: Terms, now_us: int) -> Right:
    """By this access, as it is asked for or was opened; after the time it was opened for there is none. Raises Faulted."""
    who, grounds = e.who, e.grounds
    asker = Asker(
        Capacity.PERSONNEL, identifiers=(Identifier(HPR, who.person),), roles=(Identifier(ROLES, who.role),),
        reason=f"{grounds.template} {grounds.reason}".strip(), since_us=e.at_us if now_us < e.until_us else None,
    )  # fmt: skip
    return Right(recipient, asker, grounds.purpose, policy_of(conn, e.patient_key, e.lock_keys), terms, now_us)


def reasons(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The reasons of several answers, each once."""
    return tuple(dict.fromkeys(word for v in verdicts for word in v.because))
