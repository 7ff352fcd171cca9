"""May this recipient have this message now? The one answer to it, in transit and again at every attempt to deliver."""

from collections.abc import Iterable

from hub.consent.actors import actor_is, actor_matches
from hub.consent.question import Question, Verdict
from hub.consent.rules import RULES, Case, nothing_permits
from hub.model import Consent, Policy, Provider, Span


def decide(question: Question, policy: Policy, now_us: int) -> Verdict:
    """The first row of the decision table that answers; silence denies (row 14). ``now_us``: the time asked about."""
    case = _case(question, policy, now_us)
    for rule in RULES:
        verdict = rule(case)
        if verdict is not None:
            return verdict
    return nothing_permits(case)


def _case(question: Question, policy: Policy, now_us: int) -> Case:
    if not policy.consents or question.recipient is None:
        return Case(question, policy.readable, (), ())
    in_force = [c for c in _latest(policy.consents) if _applies(c, question.recipient, now_us)]
    locks = {f"{c.id}/{c.version}" for c in in_force if c.provision.deny}
    permits = {f"{c.id}/{c.version}" for c in in_force if not c.provision.deny}
    return Case(question, policy.readable, tuple(sorted(locks)), tuple(sorted(permits)))


def _latest(consents: Iterable[Consent]) -> list[Consent]:
    """Of each consent its highest version; of two that claim the same version both, so that a denial among them still denies."""
    highest: dict[str, int] = {}
    kept = list(consents)
    for c in kept:
        highest[c.id] = max(c.version, highest.get(c.id, c.version))
    return [c for c in kept if c.version == highest[c.id]]


def _applies(consent: Consent, recipient: Provider, now_us: int) -> bool:
    """Active, in its period (both ends inclusive), and naming the recipient or nobody in particular."""
    provision, period = consent.provision, consent.provision.period or Span()
    begun = period.start_us is None or period.start_us <= now_us
    ended = period.end_us is not None and period.end_us < now_us
    if not consent.active or not begun or ended:
        return False
    names = actor_matches if provision.deny else actor_is
    return not provision.actors or any(names(actor.identifier, recipient) for actor in provision.actors)
