"""The question asked again: as it was in transit, by the consents and the directory of now."""

import pytest

from hub.delivery.gate import ask, ask_all
from hub.ledger.outbox import Asked, Parcel, Place
from hub.model import Channel, Consent, Deliver, Identifier, Policy, Provider, ProviderKind, Result, Rule

NOW = 1_000_000
A = Provider("a", "A", ProviderKind.GP, "974749025", (), Deliver(Channel.MAILBOX))
SUSPENDED = Provider("a", "A", ProviderKind.GP, "974749025", (), Deliver(Channel.MAILBOX), suspended=True)
LOCK = Consent("c", 1, active=True, deny=True, actors=(Identifier("urn:hub:provider", "a"),), start_us=None, end_us=None)
PERMIT = Consent("d", 1, active=True, deny=False, actors=(Identifier("urn:hub:provider", "a"),), start_us=None, end_us=None)


def parcel(rule: str, *because: str, purpose: str = "TREAT", labels: tuple[str, ...] = ()) -> Parcel:
    return Parcel(
        Place(0, 1, "a"),
        "e",
        "p",
        "h",
        0,
        "mailbox",
        "fhir",
        "full",
        labels,
        purpose,
        "patient.admitted",
        0,
        rule,
        because,
        frozenset(),
        "c",
        b"",
    )


@pytest.mark.parametrize(
    ("given", "policy", "recipient", "result", "rule"),
    [
        (parcel("13-treating-relation", "pathway"), Policy(), A, Result.PERMIT, Rule.TREATING_RELATION),
        (parcel("13-treating-relation", "pathway"), Policy((LOCK,)), A, Result.DENY, Rule.LOCKED),
        (parcel("13-treating-relation", "pathway"), Policy((LOCK, PERMIT)), A, Result.DENY, Rule.LOCKED),
        (parcel("13-treating-relation", "pathway"), Policy(readable=False), A, Result.HOLD, Rule.CONSENT_UNREADABLE),
        (parcel("13-treating-relation", "pathway"), Policy(), None, Result.DENY, Rule.RECIPIENT_UNKNOWN),
        (parcel("13-treating-relation", "pathway"), Policy(), SUSPENDED, Result.DENY, Rule.RECIPIENT_UNKNOWN),
        (parcel("12-explicit-permit", "d/1"), Policy((PERMIT,)), A, Result.PERMIT, Rule.EXPLICIT_PERMIT),
        (parcel("12-explicit-permit", "d/1"), Policy(), A, Result.DENY, Rule.NO_RELATION),  # the permit was taken back
        (parcel("12-explicit-permit", "d/1", "gp"), Policy(), A, Result.PERMIT, Rule.TREATING_RELATION),
        (parcel("1-patient-unresolved", "pathway"), Policy(), A, Result.HOLD, Rule.PATIENT_UNRESOLVED),
        (parcel("2-consent-unreadable", "pathway"), Policy(), A, Result.PERMIT, Rule.TREATING_RELATION),  # readable again
        (parcel("13-treating-relation", "pathway", labels=("WHO-KNOWS",)), Policy(), A, Result.DENY, Rule.LABEL_UNKNOWN),
        (parcel(""), Policy(), A, Result.DENY, Rule.NO_RELATION),  # no decision on record: nothing proves a relation
    ],
)
def test_rows(given: Parcel, policy: Policy, recipient: Provider | None, result: Result, rule: Rule) -> None:
    verdict = ask(given, policy, recipient, NOW)
    assert (verdict.result, verdict.rule) == (result, rule)


def test_a_batch_is_decided_as_each_of_it_is() -> None:
    """One patient's lock is nobody else's, whatever their messages have in common."""
    given = parcel("13-treating-relation", "pathway")
    odd = parcel("13-treating-relation", "pathway", labels=("WHO-KNOWS",))
    policies = [Policy(), Policy((LOCK,)), Policy(), Policy(readable=False), Policy((PERMIT,)), Policy()]
    batch = [Asked(p, policy) for policy in policies for p in (given, odd)]
    assert list(ask_all(batch, lambda _id: A, NOW)) == [(a.parcel, ask(a.parcel, a.policy, A, NOW)) for a in batch]
