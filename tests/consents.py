"""Simple consents for tests: a lock or a permit, for everyone or for some, always or in a period."""

from hub.model import Actor, Base, Consent, Identifier, Provision, Span


def simple(consent_id: str = "c", version: int = 1, *, active: bool = True, deny: bool = True, actors: tuple[Identifier, ...] = (),
           start_us: int | None = None, end_us: int | None = None) -> Consent:  # fmt: skip
    """A consent of one provision without exceptions: a lock of Norwegian law, or a permit as IHE PCF has it."""
    period = None if start_us is None and end_us is None else Span(start_us, end_us)
    provision = Provision(deny, period, actors=tuple(Actor(a) for a in actors))
    return Consent(consent_id, version, active, provision, Base.LAW if deny else Base.EXPLICIT)
