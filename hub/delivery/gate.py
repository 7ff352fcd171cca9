"""The question asked again at every attempt: may this recipient have this message now? Pure."""

from collections.abc import Callable, Iterable, Iterator

from hub.consent.decide import decide
from hub.consent.question import Question, Verdict, relations_in
from hub.ledger.outbox import Asked, Parcel
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


def ask_all(batch: Iterable[Asked], provider: Callable[[str], Provider | None], now_us: int) -> Iterator[tuple[Parcel, Verdict]]:
    """Decide each delivery of a batch. Questions that are equal, about patients who have written nothing, are decided once."""
    known: dict[tuple[object, ...], Verdict] = {}
    for parcel, policy in ((asked.parcel, asked.policy) for asked in batch):
        recipient = parcel.place.recipient
        if policy.consents or not policy.readable:
            yield parcel, ask(parcel, policy, provider(recipient), now_us)
            continue
        key = (recipient, parcel.source, parcel.labels, parcel.purpose, parcel.because, parcel.rule)
        verdict = known.get(key)
        if verdict is None:
            verdict = known[key] = ask(parcel, policy, provider(recipient), now_us)
        yield parcel, verdict
