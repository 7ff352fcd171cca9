"""Whether an actor of a consent is a provider. In doubt a lock matches and a permit does not: both err on the patient's side."""

from typing import Final

from hub.identity import ENH, HER, HPR, HUB_PROVIDER, NO_BASIS, RESH
from hub.model import Identifier, Provider

_NATIONAL: Final = frozenset({ENH, HER, HPR, RESH})  # a number means one thing in each of these, and another in the next


def actor_matches(actor: Identifier, provider: Provider) -> bool:
    """For a lock: the hub's id, or the organisation's number under whatever system, or either of them without one.

    Only where both systems are national and not the same is an equal number known to be somebody else's.
    """
    system, value = _system(actor.system), actor.value.strip()
    if system == HUB_PROVIDER:
        return value == provider.id
    known, organisation = _organisation(provider)
    if organisation and _squeezed(value) == organisation:
        return system == known or not {system, known} <= _NATIONAL
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
