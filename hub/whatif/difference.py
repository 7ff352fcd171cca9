"""Who would see something of an event that it does not see now, and who would lose sight of something, under other decisions. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.model import Decision, Detail, Result

_SEEN: Final = frozenset({Result.PERMIT, Result.REDACT})
_SHOWN: Final = MappingProxyType({Detail.NOTICE: 1, Detail.MINIMAL: 2, Detail.FULL: 3})


@dataclass(frozen=True, slots=True)
class Difference:
    """What one recipient of one event gains or loses. before, after: the decisions; None = the event did not concern it at all."""

    recipient: str
    gains: bool
    before: Decision | None
    after: Decision | None


def differences(before: Iterable[Decision], after: Iterable[Decision]) -> tuple[Difference, ...]:
    """Gains and losses in the order of the recipients' ids; another reason for seeing the same is no difference.

    Who is shown other items than before both gains and loses.
    """
    old, new = {d.recipient: d for d in before}, {d.recipient: d for d in after}
    found = []
    for recipient in sorted(old.keys() | new.keys()):
        was, now = old.get(recipient), new.get(recipient)
        found += [
            Difference(recipient, gains, was, now) for gains, sees in ((True, _exceeds(now, was)), (False, _exceeds(was, now))) if sees
        ]
    return tuple(found)


def _exceeds(one: Decision | None, other: Decision | None) -> bool:
    """Whether one shows anything the other does not."""
    shown, less = _shown(one), _shown(other)
    if one is None or other is None or not less:
        return shown > less
    return shown > less or (shown > 0 and not set(other.dropped).issubset(one.dropped))


def _shown(decision: Decision | None) -> int:
    """How much is seen, 0 = nothing: a hold shows nothing until it is lifted."""
    return _SHOWN[decision.detail] if decision is not None and decision.result in _SEEN else 0
