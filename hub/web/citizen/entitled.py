"""What somebody on the page may see of a patient: rows 6 and 7 of the decision table, asked of ``decide`` like everybody else's.

For themselves, for a child, by power of attorney, as a guardian; the ages are settings (``[hub.consent]``). A lock that names the
person who acts keeps them out too, and where the patient's consents cannot be read nothing is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from hub.consent import question as q
from hub.consent.decide import decide
from hub.consent.lifting import may_change
from hub.consent.question import Acp, Asker, Capacity, Question, Verdict
from hub.ledger.citizen import policy_of
from hub.ledger.representations import Basis
from hub.model import Identifier, Item, Message, Policy, Result
from hub.pipeline import Terms, items_of
from hub.terms import terms_of
from hub.web.citizen.visit import Subject, Visit
from hub.web.state import State

_AS: Final = MappingProxyType(
    {
        None: (Capacity.PATIENT, Acp.NULL, "PATRQT"),
        Basis.PARENT: (Capacity.REPRESENTATIVE, Acp.PARENT, "FAMRQT"),
        Basis.ATTORNEY: (Capacity.REPRESENTATIVE, Acp.ATTORNEY, "PWATRNY"),
        Basis.GUARDIAN: (Capacity.REPRESENTATIVE, Acp.GUARDIAN, "PWATRNY"),
    }
)
_PLAIN: Final = ("N",)  # what anybody who sees anything sees
_CLOSED: Final = MappingProxyType({q.PROTECTED_ADDRESS: "protected", q.AGE: "age", q.WITHHELD_BY_CHILD: "withheld"})


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One person's right to one patient's information, at one moment."""

    asker: Asker
    purpose: str
    policy: Policy = field(repr=False)
    terms: Terms
    now_us: int

    @property
    def closed(self) -> str:
        """Why nothing at all is shown: a word for people's sentence, "" = something may be."""
        verdict = self._verdict(_PLAIN)
        if verdict.result is Result.PERMIT:
            return ""
        because = verdict.because
        if q.AGE in because and not self.asker.birth_date:
            return "unknown"
        return next((_CLOSED[word] for word in because if word in _CLOSED), "other")

    def copy(self, message: Message) -> Message | None:
        """What may be shown of a message, as if it had never held the rest; None = nothing. Raises Rejected."""
        event = message.event()
        items = items_of(message, event, self.policy, self.terms.sensitive)
        verdict = self._verdict(event.labels, event.provider, items)
        if verdict.result is Result.REDACT:
            return message.without(verdict.dropped)
        return message if verdict.result is Result.PERMIT else None

    def may_change(self, *, by_representatives: bool) -> bool:
        """Whether a consent in force may be lifted, or written anew; by_representatives: all who wrote it act or acted for the patient."""
        return may_change(self.asker, by_representatives=by_representatives, now_us=self.now_us, boundaries=self.terms.boundaries)

    def _verdict(self, labels: Sequence[str], source: str = "", items: tuple[Item, ...] = ()) -> Verdict:
        question = Question(source, None, tuple(labels), self.purpose, items=items, asker=self.asker)
        return decide(question, self.policy, self.now_us, self.terms.boundaries)


async def entitled(visit: Visit) -> Entitlement:
    """Of whoever visits to whom the page is about. Raises Faulted."""
    return await entitlement(visit.state, visit.subject, visit.session.who, visit.now_us)


async def entitlement(state: State, subject: Subject, by: Identifier, now_us: int) -> Entitlement:
    """Of this person to this patient. Raises Faulted."""
    capacity, acp, purpose = _AS[subject.basis]
    born = subject.born.isoformat() if subject.born else ""
    asker = Asker(
        capacity, acp, identifiers=(by,), birth_date=born, protected_address=subject.protected, withheld=subject.withheld
    )  # fmt: skip
    pseudonyms = state.pseudonyms
    keys = pseudonyms.of_message([subject.identifier], "")
    policy = await state.ledger.run(policy_of, keys.patient, keys.locks)
    return Entitlement(asker, purpose, policy, terms_of(state.settings), now_us)
