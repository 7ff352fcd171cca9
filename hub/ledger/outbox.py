"""The rows of the outbox as delivery sees them: values only, importable without a database driver."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.model import AttemptOutcome, Item, Policy, ReceiptStatus

FETCHER: Final = "poll"  # the worker of claims on what is being handed to a recipient that fetches; in the web process
FETCHED: Final = "fetched"  # code of the attempt by which it was
READ: Final = frozenset({"read", "apprec"})  # codes of the attempt by which its recipient said that it has it: nothing leaves
TELLER: Final = "events"  # the worker of claims on what is being told to a subscriber that asks for it again; in the web process
QUERIED: Final = "queried:"  # how the code of the attempt by which it was begins, before the rule that let it
OTHER: Final = "other"  # a code of a receiver's own, which could say anything


class Place(NamedTuple):
    """The primary key of a delivery: the message's place in topic ``inbound``, and who is to get it."""

    part: int
    off: int
    recipient: str


class Waiting(NamedTuple):
    """A delivery that waits, without its payload: what the lanes keep in memory."""

    place: Place
    patient_key: str
    received_us: int
    attempts: int
    next_us: int  # not before
    parked: str = ""  # why a person must look at it, "" = nobody need
    size: int = 0  # of the payload, in bytes
    fence: Sequence[int] | None = None  # partition, offset, ... to be decided first; None = of a patient who is not merged


def is_passed(fence: Sequence[int] | None, nexts: Mapping[int, int]) -> bool:
    """Whether everything that a delivery must wait for is decided, where partitions have been decided up to these offsets."""
    return not fence or all(nexts.get(part, 0) >= off for part, off in zip(fence[::2], fence[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery as it is asked about, with everything a channel and a decision need. The bytes are the same at every attempt."""

    place: Place
    event_id: str
    patient_key: str
    source: str  # provider the message came from
    received_us: int
    channel: str
    form: str
    detail: str
    labels: tuple[str, ...]
    purpose: str
    kind: str
    attempts: int
    subscription: str  # whose decision in transit it is
    because: tuple[str, ...]  # as recorded in transit
    lock_keys: frozenset[str]
    control_id: str = field(repr=False)
    payload: bytes = field(repr=False)
    conflict: bool = False  # the identifiers are those of two patients, still
    merged: tuple[str, ...] = ()  # keys that were retired for this patient's
    items: tuple[Item, ...] | None = field(default=None, repr=False)  # of the message; None = nobody looked
    dropped: tuple[str, ...] = ()  # keys of those that the payload is without
    copy_id: str = ""  # the event id that a redacted copy bears, "" = the message's own
    decided: str = ""  # the detail that was decided in transit, "" = the same

    @property
    def known_as(self) -> str:
        """The event id as its recipient may know it: that of the whole is a print of what the copy is without."""
        return self.copy_id or self.event_id

    @property
    def copy(self) -> "Copy | None":
        """What it is of the message, where that is not the message as it was decided."""
        if not self.copy_id and self.decided in ("", self.detail):
            return None
        return Copy(self.copy_id, self.detail, self.dropped)


@dataclass(frozen=True, slots=True)
class Copy:
    """A message of which some is left out. copy_id: the event id that it bears, "" = the message's own. dropped: keys of items."""

    copy_id: str
    detail: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A receipt as it is kept. codes: of Volven 8221, or ``OTHER``."""

    id: str = field(repr=False)
    status: ReceiptStatus
    codes: tuple[str, ...]
    said_us: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempted:
    """How one attempt ended, as it goes into the ledger.

    next_us: not before, for an attempt that is followed by another. parked: why there is none before somebody does something about it.
    receipt: what the receiver's application said in its answer.
    """

    place: Place
    n: int
    started_us: int
    ended_us: int
    outcome: AttemptOutcome
    code: str
    next_us: int = 0
    parked: str = ""
    receipt: Said | None = None
    consents: tuple[str, ...] = ()  # ids of those that withheld it
    copy: Copy | None = None  # what left, or may have, where that was not the message as it was decided

    @property
    def settles(self) -> bool:
        """Whether the delivery leaves the outbox with this attempt."""
        return self.outcome in _SETTLING


_SETTLING = frozenset({AttemptOutcome.DELIVERED, AttemptOutcome.WITHHELD, AttemptOutcome.DISCARDED})


def consents_in(because: Iterable[str]) -> tuple[str, ...]:
    """Ids of the consents among a decision's reasons, which name them as ``id/version``."""
    return tuple(dict.fromkeys(word.rpartition("/")[0] for word in because if "/" in word))


@dataclass(frozen=True, slots=True)
class Asked:
    """A delivery about to be decided, with every consent that concerns its patient, read under the gate."""

    parcel: Parcel
    policy: Policy


@dataclass(frozen=True, slots=True)
class Claim:
    """The deliveries of one recipient that may be sent now; its row is in the ledger until each of them has ended."""

    id: int
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Remainder:
    """A claim some of whose sends have ended: what is still under way."""

    id: int
    places: tuple[Place, ...]
    patient_keys: tuple[str, ...]
