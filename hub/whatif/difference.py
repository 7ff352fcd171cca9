"""Who would see more of one event, and who less, under other decisions. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hub.model import Decision, Detail, Result

_SHOWN: Final = MappingProxyType({Detail.NOTICE: 1, Detail.MINIMAL: 2, Detail.FULL: 3})


@dataclass(frozen=True, slots=True)
class Difference:
    """One recipient of one event that is decided otherwise, to an effect. before, after: None = the event did not concern it at all."""

    recipient: str
    gains: bool  # sees more than before; False = sees less
    before: Decision | None
    after: Decision | None


def differences(before: Iterable[Decision], after: Iterable[Decision]) -> tuple[Difference, ...]:
    """Those who see more or less after than before, in the order of their ids; another reason for the same is no difference."""
    old, new = {d.recipient: d for d in before}, {d.recipient: d for d in after}
    pairs = ((recipient, old.get(recipient), new.get(recipient)) for recipient in sorted(old.keys() | new.keys()))
    return tuple(Difference(r, _shown(b) < _shown(a), b, a) for r, b, a in pairs if _shown(b) != _shown(a))


def _shown(decision: Decision | None) -> int:
    """How much is seen, 0 = nothing: a hold shows nothing until it is lifted."""
    return _SHOWN[decision.detail] if decision is not None and decision.result is Result.PERMIT else 0
