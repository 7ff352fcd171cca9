"""Whether an actor of a consent is a provider. In doubt a lock matches and a permit does not: both err on the patient's side."""

from hub.identity import ENH, HER, HUB_PROVIDER
from hub.model import Identifier, Provider


def actor_matches(actor: Identifier, provider: Provider) -> bool:
    """For a lock: the hub's id, the organisation identifier, or either of them written without a system.

    An organisation configured as a bare number matches under any system; one configured as ``system|value`` under that system only.
    """
    system, bar, organisation = provider.organisation.rpartition("|")
    value = actor.value.strip()
    if actor.system == HUB_PROVIDER:
        return value == provider.id
    if not actor.system:
        return value == provider.id or (bool(organisation) and _squeezed(value) == _squeezed(organisation))
    return bool(organisation) and _squeezed(value) == _squeezed(organisation) and (not bar or actor.system == system)


def actor_is(actor: Identifier, provider: Provider) -> bool:
    """For a permit: ``actor_matches`` under a system that leaves no doubt, so a bare organisation number only under the national ones."""
    known = (ENH, HER, HUB_PROVIDER)
    return actor_matches(actor, provider) and bool(actor.system) and ("|" in provider.organisation or actor.system in known)


def _squeezed(value: str) -> str:
    return "".join(value.split())  # organisation numbers are printed as 974 749 025
