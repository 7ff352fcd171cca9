"""A consent as the columns of its row: id, version, active, deny, actors, start_us, end_us."""

from collections.abc import Sequence
from typing import Any

from hub.model import Actor, Base, Consent, Identifier, Provision, Span


def columns_of(consent: Consent) -> tuple[Any, ...]:
    """The row of a consent, ``actors`` as JSON."""
    p = consent.provision
    span = p.period or Span()
    actors = [[a.identifier.system, a.identifier.value] for a in p.actors]
    return consent.id, consent.version, consent.active, p.deny, actors, span.start_us, span.end_us


def consent_of(columns: Sequence[Any]) -> Consent:
    """The row as a value. Raises TypeError or ValueError for a row nobody can have meant."""
    consent_id, version, active, deny, actors, start_us, end_us = columns
    if not isinstance(version, int) or not isinstance(actors, list):
        raise TypeError
    span = None if start_us is None and end_us is None else Span(start_us, end_us)
    named = tuple(Actor(Identifier(str(s), str(v))) for s, v in actors)
    return Consent(consent_id, version, active, Provision(deny, span, actors=named), Base.LAW if deny else Base.EXPLICIT)
