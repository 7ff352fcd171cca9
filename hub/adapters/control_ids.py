"""The control ids of late, at a door: a courtesy to senders, who hear of a conflict at once. The ledger's memory is the one that counts."""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

from hub.model import Received

_SEEN_MAX: Final = 100_000


class ControlIds:
    """Which bytes came under which sender's control id. A refused message does not use its control id up."""

    def __init__(self) -> None:
        self._seen: Final[OrderedDict[bytes, bytes]] = OrderedDict()

    def is_taken(self, received: Received) -> bool:
        """True when the control id came before with other bytes. Otherwise it is remembered for these."""
        digest = _digest(received)
        known = self._seen.setdefault(_key(received), digest)
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)
        return known != digest

    def forget(self, received: Received) -> None:
        """It was not made durable, or nobody knows whether it was: its sender may build the message anew under the same control id."""
        key = _key(received)
        if self._seen.get(key) == _digest(received):
            del self._seen[key]


def _key(r: Received) -> bytes:
    return sha256(f"{r.provider}\x1f{r.application}\x1f{r.sender}\x1f{r.control_id}".encode()).digest()[:16]


def _digest(r: Received) -> bytes:
    return sha256(r.raw).digest()[:16]
