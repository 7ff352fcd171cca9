"""Which of a patient's consents count: of each the latest version, and none that another stands in for.

A set is judged, never a sequence: in whatever order consents are found, and however often, the same ones count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hub.consent.provisions import is_now
from hub.model import Base, Consent


def in_force(consents: Iterable[Consent], now_us: int) -> list[Consent]:
    """The active consents of this moment, each once."""
    latest = _latest(consents)
    if any(c.replaces for c in latest):
        latest = _without_replaced(latest, now_us)
    return [c for c in latest if c.active]


def _latest(consents: Iterable[Consent]) -> list[Consent]:
    """Of each consent its highest version; of two that claim the same version both, so that a denial among them still denies."""
    kept = list(consents)
    if len(kept) == 1:
        return kept
    highest: dict[str, int] = {}
    for c in kept:
        highest[c.id] = max(c.version, highest.get(c.id, c.version))
    return [c for c in kept if c.version == highest[c.id]]


def _without_replaced(latest: Sequence[Consent], now_us: int) -> list[Consent]:
    """Without the consents that another stands in for, itself or through others.

    One goes only where its successor, which nobody has replaced, is active and in its period: a lock would otherwise have been lifted by
    nothing. But one that has any successor grants nothing any more. In a ring nobody is the successor, and all stay.
    """
    replaced: dict[str, set[str]] = {}
    for c in latest:
        replaced.setdefault(c.id, set()).update(old for old in c.replaces if old != c.id)
    named = set().union(*replaced.values())
    ahead = [c.id for c in latest if c.id not in named and c.active and is_now(c.provision.period, now_us)]
    gone = set[str]()
    while ahead:
        older = replaced.get(ahead.pop(), set()) - gone
        gone |= older
        ahead += older
    return [replace(c, base=Base.LAW) if c.id in named else c for c in latest if c.id not in gone]
