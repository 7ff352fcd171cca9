"""The rows of the pathway as values: no SQL and no driver, so that the pure core can be written over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Episode:
    """One row of table ``episode``: one encounter of one patient key.

    ``body`` holds what the row is computed from: the facts told under this key, the guard and the marks (see ``hub.pathway.episode``).
    """

    patient_key: str
    encounter: str
    state: str
    ward: str
    municipality: str
    source: str  # provider id
    admitted_us: int | None
    ready_us: int | None
    ended_us: int | None
    last_kind: str
    last_us: int
    part: int  # (part, off): the place in topic inbound of the last event of this row
    off: int
    body: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merge:
    """One row of table ``episode_merge``: two patient keys are the same person."""

    retired: str
    survivor: str
    received_us: int
    part: int
    off: int

    @property
    def when(self) -> tuple[int, int, int]:
        """What orders merges: time of receipt, then place in topic inbound."""
        return (self.received_us, self.part, self.off)


@dataclass(frozen=True, slots=True)
class Parting:
    """An unmerge: these keys are another's than every other key, whatever was merged before. Rows of table ``episode_parting``."""

    keys: frozenset[str]
    received_us: int
    part: int
    off: int

    @property
    def when(self) -> tuple[int, int, int]:
        """As that of a merge."""
        return (self.received_us, self.part, self.off)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One row of table ``deadline``, as an episode asks for it. Times in microseconds."""

    id: str
    name: str
    patient_key: str
    encounter: str
    due_us: int


@dataclass(frozen=True, slots=True)
class Open:
    """A deadline neither met nor breached, and when its municipality was first told."""

    id: str
    due_us: int
    told_us: int | None
    episode: Episode
