"""Which of the stored entries are in force. Each was good with the others when it was put; a new configuration file can change that.

Then the file holds, and of an administrator's entries only what contradicts it is left out: nobody else's messages suffer, the entry stays
as it was put, and it is in force again as soon as it goes together with the rest.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from hub.model import Provider, Subscription


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry, or a part of one, that is stored and not in force. ``act``: what to do about it."""

    entry: str
    why: str
    act: str


@dataclass(frozen=True, slots=True)
class InForce:
    """What goes together, in the order given, and what had to be left out."""

    providers: tuple[Provider, ...]
    subscriptions: tuple[Subscription, ...]
    left_out: tuple[LeftOut, ...] = ()


def in_force(providers: Sequence[Provider], subscriptions: Iterable[Subscription], admins: Collection[str]) -> InForce:
    """The entries that go together. A name or certificate that two providers claim is the file's; ``admins``: ids put by administrators."""
    left: list[LeftOut] = []
    owners: dict[tuple[str, str], str] = {}
    for p in sorted(providers, key=lambda p: p.id in admins):
        for claim in _claims(p):
            if owners.setdefault(claim, p.id) != p.id:
                act = f'take it out of one of them; until then it is "{owners[claim]}" alone'
                left.append(LeftOut(f"provider {p.id}: {claim[0]}", f'claimed by "{owners[claim]}" too', act))
    ids = {p.id for p in providers}
    kept = []
    for s in subscriptions:
        missing = next((i for i in (s.provider, s.where.source) if i and i not in ids), "")
        if missing:
            act = "put the provider back, or delete the subscription; until then nobody is told by it"
            left.append(LeftOut(f"subscription {s.id}", f'there is no provider "{missing}" any more', act))
        else:
            kept.append(s)
    claimed = providers if not left else [_without_others(p, owners) for p in providers]
    return InForce(tuple(claimed), tuple(kept), tuple(left))


def _claims(p: Provider) -> list[tuple[str, str]]:
    return [*(("senders", s) for s in p.senders), *(("certificates", c) for c in p.certificates)]


def _without_others(p: Provider, owners: dict[tuple[str, str], str]) -> Provider:
    """The provider with what it alone claims. One whose every proof is somebody else's can prove no name: it may not speak without."""
    certificates = tuple(c for c in p.certificates if owners["certificates", c] == p.id)
    is_unproven = bool(p.certificates) and not certificates
    senders = () if is_unproven else tuple(s for s in p.senders if owners["senders", s] == p.id)
    return p if (senders, certificates) == (p.senders, p.certificates) else replace(p, senders=senders, certificates=certificates)
