"""The question asked again at every attempt: may this recipient have this message now? Pure."""

from hub.consent.decide import decide
from hub.consent.question import Question, Verdict, relations_in
from hub.ledger.outbox import Parcel
from hub.model import Policy, Provider, Rule


def ask(parcel: Parcel, policy: Policy, recipient: Provider | None, now_us: int) -> Verdict:
    """Decide one delivery by the consents and the directory of this moment.

    What does not change with time is taken from the decision in transit: the relations it proved, and whether the identifiers pointed at
    two people, which only a replay of the message can put right.
    """
    question = Question(
        source=parcel.source,
        recipient=recipient,
        labels=parcel.labels,
        purpose=parcel.purpose,
        relations=relations_in(parcel.because),
        conflict=parcel.rule == Rule.PATIENT_UNRESOLVED,
    )
    return decide(question, policy, now_us)
