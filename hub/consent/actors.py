"""Whether an actor of a consent is who asks. In doubt a lock matches and a permit does not: both err on the patient's side.

What is sent goes to an organisation, and an organisation is neither a person nor a person's role: those are kept out where they ask
themselves. Whom a group has for members only the group knows.
"""

from collections.abc import Collection
from typing import Final

from hub.consent.question import Asker, Question
from hub.identity import ENH, HER, HPR, HUB_PROVIDER, NO_BASIS, RESH
from hub.model import Actor, ActorKind, Identifier, Provider

_NATIONAL: Final = frozenset({ENH, HER, HPR, RESH})  # a number means one thing in each of these, and another in the next


def names_asked(actor: Actor, question: Question) -> bool:
    """For a lock: whether the actor may be the recipient, or the person who asks for it."""
    recipient, asker = question.recipient, question.asker
    if recipient is not None and actor_matches(actor.identifier, recipient):
        return True
    if actor.kind is ActorKind.GROUP:
        groups = None if asker is None else asker.groups
        return groups is None or (bool(groups) and _may_be_among(actor.identifier, groups))
    if asker is None or actor.kind is ActorKind.ORGANISATION:
        return asker is not None and any(actor.identifier.value == i.value for i in asker.identifiers)
    return _may_be_among(actor.identifier, _of_kind(asker, actor.kind))


def surely_names_asked(actor: Actor, question: Question) -> bool:
    """For a permit: whether the actor is the recipient, or the person who asks for it."""
    recipient, asker = question.recipient, question.asker
    if actor.kind is not ActorKind.GROUP and recipient is not None and actor_is(actor.identifier, recipient):
        return True
    return asker is not None and bool(actor.identifier.system) and actor.identifier in _of_kind(asker, actor.kind)


def _of_kind(asker: Asker, kind: ActorKind) -> tuple[Identifier, ...]:
    """What the asker is known by, of this kind; an organisation is the question's recipient."""
    match kind:
        case ActorKind.PERSON:
            return asker.identifiers
        case ActorKind.ROLE:
            return asker.roles
        case ActorKind.GROUP:
            return asker.groups or ()
        case ActorKind.ORGANISATION:
            return ()


def _may_be_among(wanted: Identifier, known: Collection[Identifier]) -> bool:
    """One of these, or not known to be another: by identifiers of other systems nobody can tell."""
    comparable = [i for i in known if not wanted.system or _system(i.system) == _system(wanted.system)]
    return not comparable or any(i.value == wanted.value for i in (*comparable, *(i for i in known if not i.system)))


def actor_matches(actor: Identifier, provider: Provider) -> bool:
    """For a lock: the hub's id, or the organisation's number under whatever system, or either of them without one.

    Only where both systems are national and not the same is an equal number known to be somebody else's.
    """
    system, value = _system(actor.system), actor.value.strip()
    if system == HUB_PROVIDER:
        return value == provider.id
    known, organisation = _organisation(provider)
    if organisation and _squeezed(value) == organisation:
        return system == known or not (system in _NATIONAL and known in _NATIONAL)
    return value == provider.id and system not in _NATIONAL


def actor_is(actor: Identifier, provider: Provider) -> bool:
    """For a permit: under a system that leaves no doubt, so a bare organisation number only under the two it may be of."""
    system, value = _system(actor.system), actor.value.strip()
    if system == HUB_PROVIDER:
        return value == provider.id
    known, organisation = _organisation(provider)
    return bool(organisation) and _squeezed(value) == organisation and system in ({known} if known else {ENH, HER})


def _organisation(provider: Provider) -> tuple[str, str]:
    """System and value of a provider's organisation; "" for a bare number's system."""
    system, _, value = provider.organisation.rpartition("|")
    return _system(system), _squeezed(value)


def _system(written: str) -> str:
    """The national systems may be written by their words."""
    return NO_BASIS.get(written.strip(), written.strip())


def _squeezed(value: str) -> str:
    return "".join(value.split())  # organisation numbers are printed as 974 749 025
