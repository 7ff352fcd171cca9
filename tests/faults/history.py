"""The outside record of a run: what was sent, what arrived, what was locked, by clocks of this process alone.

Nothing here is shared with the hub. An outcome has three values: ``ok`` (certainly happened), ``fail`` (certainly did not),
``info`` (may or may not have happened: no answer came).
"""

import math
import threading
import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of the plan with the outcome of its last try; ``seq`` orders the messages of one patient."""

    control_id: str
    patient: str
    seq: int
    digest: str
    outcome: str  # ok | fail | info
    code: str  # AA, AE, AR, "" = no answer
    started: float
    ended: float
    tries: int = 1
    silent: int = 0  # tries that ended by the sender's patience: no answer, and the connection not closed


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as a receiver read it off the wire; ``answered`` is what the receiver said ("" = it cut the connection)."""

    provider: str
    control_id: str
    patient: str
    digest: str
    started: float  # when its first byte was read
    ended: float
    answered: str
    shows: bool = False  # the part of the message that may be locked by itself


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock the hub has answered: in force from ``answered`` until it is asked to lift it, but for the sends the answer named."""

    patient: str
    provider: str  # "" = everyone
    asked: float
    answered: float
    under_way: frozenset[tuple[str, str]] = frozenset()  # (control id, provider)
    part: bool = False  # on a part of each message; the rest may go
    lifted: float = math.inf  # when it was asked to be lifted


@dataclass(frozen=True, slots=True)
class Settled:
    """What the hub itself says of one (message, provider) at the end: delivered, withheld, refused, waiting, not_a_recipient ..."""

    control_id: str
    provider: str
    state: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """What the hub's pathway says of one patient at the end: the states of the patient's episodes."""

    patient: str
    states: tuple[str, ...]


@dataclass
class History:
    """Appended to by senders, receivers and the lock setter; read by the checker."""

    sent: list[Sent] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    left: int = 0  # deliveries that still waited when the time to heal was over
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, entry: Sent | Arrived | Locked | Settled) -> None:
        lists: dict[type, list] = {Sent: self.sent, Arrived: self.arrived, Locked: self.locked, Settled: self.settled}  # type: ignore[type-arg]
        with self._guard:
            lists[type(entry)].append(entry)

    def lift(self, patient: str, provider: str, at: float, *, part: bool) -> None:
        """The latest such lock is asked to be lifted."""
        with self._guard:
            for n in range(len(self.locked) - 1, -1, -1):
                lock = self.locked[n]
                if (lock.patient, lock.provider, lock.part, lock.lifted) == (patient, provider, part, math.inf):
                    self.locked[n] = replace(lock, lifted=at)
                    return


def clock() -> float:
    """One monotonic clock for the whole record."""
    return time.monotonic()
