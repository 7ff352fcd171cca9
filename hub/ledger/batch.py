"""A batch of transit as values: what it asks of the ledger, what the ledger knows, what is to be written. No driver, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.ledger.consents import Consents
from hub.model import Event, PatientState, Plan

Spot = tuple[int, int]
"""A message's place in topic ``inbound``: partition and offset."""

_UNKNOWN: Final = PatientState()


def own(patient_key: str) -> str:
    """Under what key it is kept what a patient's own messages told, beside what is known of all that were merged with it."""
    return f"own:{patient_key}"


@dataclass(slots=True)
class Wanted:
    """What a batch needs to know. links and locks are those of all its messages; patients: keys of messages without identifiers."""

    spots: list[Spot] = field(default_factory=list)
    sender_keys: set[bytes] = field(default_factory=set)
    event_ids: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    locks: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    unmerges: bool = False  # whether one of them may take a merge back


@dataclass(slots=True)
class Known:
    """What the ledger knew when it was asked."""

    directory_version: int
    recorded: set[Spot]  # of the batch's spots, those written before: a replay
    seen: dict[bytes, bytes]  # sender key -> digest of the first message
    redrives: dict[str, tuple[str, ...]]  # event id -> recipients it may pass to once more, () = all
    owners: dict[str, str]  # link key -> patient key
    locks: dict[str, set[str]]  # patient key -> lock keys
    states: dict[str, PatientState]
    consents: Consents
    origins: dict[str, str] = field(default_factory=dict)  # link key -> whose it would be without a merge, where that is another
    merges: int = 0  # the version of the latest merge made or taken back
    survivors: dict[str, str] = field(default_factory=dict)  # retired key -> patient, of the keys that messages without identifiers name
    edges: dict[str, tuple[str, int]] = field(default_factory=dict)  # retired key -> survivor, version: the merges that may be taken back
    link_locks: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by link key, where a merge may be taken back


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the batch as it is recorded.

    patient_key: the patient its identifiers belong to. lock_keys: of its own identifiers. conflict: link keys of two patients, else none.
    state: what was remembered of the patient before it.
    """

    spot: Spot
    plan: Plan
    patient_key: str
    lock_keys: tuple[str, ...]
    event: Event | None = None  # the plan's event, of that patient
    conflict: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()  # other ids of the message
    origin: str = ""  # whose it would be without a merge, "" = the same patient's
    fence: tuple[int, ...] | None = None  # partition, offset, ... to be decided before it is delivered; None = the patient is not merged
    state: PatientState = _UNKNOWN
    raw_digest: bytes = b""  # SHA-256 of the message's bytes, b"" = not taken yet


@dataclass(frozen=True, slots=True)
class Merge:
    """Patient keys that stand for one person from now on."""

    retired: tuple[str, ...]
    survivor: str
    lock_keys: tuple[str, ...]  # of all of them


@dataclass(frozen=True, slots=True)
class Unmerge:
    """A merge that is taken back: what is of these keys, and one patient with others now, is ``restored``'s again."""

    patient: str
    restored: str
    keys: tuple[str, ...]


class Link(NamedTuple):
    """A new identifier: whose it is, its own lock keys, and whose it would be without a merge ("" = the same patient's)."""

    patient: str
    lock_keys: tuple[str, ...]
    origin: str = ""


@dataclass(slots=True)
class Writes:
    """Everything of a batch; one transaction."""

    entries: list[Entry] = field(default_factory=list)
    seen: dict[bytes, tuple[bytes, Spot]] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)  # by new link key
    states: dict[str, PatientState] = field(default_factory=dict)
    merges: list[Merge | Unmerge] = field(default_factory=list)  # in their order
    patients: set[str] = field(default_factory=set)  # keys written for ...
    merges_known: int = 0  # ... as of this version of the merges
    redriven: list[tuple[str, Spot]] = field(default_factory=list)
    nexts: Mapping[int, int] = field(default_factory=dict)  # partition -> next offset
