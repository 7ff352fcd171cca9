"""Who the patients of a batch are: whose an identifier is, what a merge joins, what an unmerge takes apart, what must be decided first.

Pure, over what the ledger knew; what changes goes into ``Writes``. All identifiers that were ever seen together are one patient, under
the key of the first. A merge makes two patients one; beside whose an identifier is, it is kept whose it would be without any merge
(``origins``) and which key was retired for which (``edges``, a forest), so that an unmerge can tell them apart again.
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from hub.identity import PatientKeys
from hub.ledger.batch import Known, Link, Merge, Spot, Unmerge, Writes, own
from hub.model import Event, PatientState, Received
from hub.pipeline import remember
from hub.routing.directory import Directory
from hub.stream.kafka.partitioner import partition_of

NOBODY: Final[frozenset[str]] = frozenset()
_NOTHING_KNOWN: Final = PatientState()
NO_KEYS: Final = PatientKeys("", (), ())


@dataclass(frozen=True, slots=True)
class Behind:
    """What was acknowledged and not decided when a batch was decided: partition -> its end. partitions: how many the topic has."""

    ends: Mapping[int, int] = field(default_factory=dict)
    partitions: int = 1


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a message is about. owner: the patient. concerned: every patient it says something of.

    retired: merged into the owner by it. restored: taken from the owner again, key -> all keys that are its own. in_conflict: its
    identifiers are two patients'; then nobody is merged or restored.
    """

    owner: str
    concerned: frozenset[str]
    retired: frozenset[str] = NOBODY
    restored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    in_conflict: bool = False


class Persons:
    """The patients of one batch."""

    def __init__(self, known: Known, writes: Writes, directory: Directory, behind: Behind) -> None:
        self._known: Final = known
        self._writes: Final = writes
        self._directory: Final = directory
        self._behind: Final = behind

    def owners(self, keys: PatientKeys) -> set[str]:
        """Every patient that one of these identifiers belongs to."""
        return {self._known.owners[link] for link in keys.links if link in self._known.owners}

    def owner(self, keys: PatientKeys, received: Received, leaving: AbstractSet[str] = NOBODY) -> tuple[str, set[str]]:
        """The patient a message is about, and every patient its identifiers belong to.

        leaving: patients it merges into another. What is theirs may stand on the survivor already (the person number of a duplicate
        does), so they do not count, unless nobody else is there.
        """
        owners, found = self._known.owners, self.owners(keys)
        named = self._known.survivors.get(received.patient_key, received.patient_key)
        if named and received.patient_key not in keys.links:
            found.add(named)
        found = found - leaving or found
        if len(found) == 1:
            return next(iter(found)), found
        if not found:
            return named or keys.patient, found
        return next((owners[link] for link in keys.links if owners.get(link) in found), min(found)), found

    def who(self, keys: PatientKeys, merged: PatientKeys, apart: PatientKeys, received: Received) -> Who:
        """Whom a message is about that names a patient, whom it merges into that one, and from whom it tells it apart."""
        leaving = self.owners(merged)
        owner, owners = self.owner(keys, received, leaving)
        if len(owners - leaving) > 1:
            return Who(owner, frozenset({owner, *owners}), in_conflict=True)
        if not leaving and not merged.links and not apart.links:
            return Who(owner, frozenset(owners | {owner}))
        retired = frozenset((leaving or {*merged.links[:1]}) - {owner})  # one that nobody has heard of has the key it would have had
        restored = self.apart(owner, keys, apart) if apart.links else {}
        return Who(owner, frozenset({owner, *owners, *retired, *restored, *self.owners(apart)}), retired, restored)

    def origin(self, keys: PatientKeys, patient: str) -> str:
        """Whose of the patient's identifiers these are without any merge; "" = the patient's own, or of several."""
        found = self._origins(keys, patient) if self._known.origins else NOBODY
        (one,) = found if len(found) == 1 else (patient,)
        return "" if one == patient else one

    def _origins(self, keys: PatientKeys, patient: str) -> set[str]:
        owners, origins = self._known.owners, self._known.origins
        return {origins.get(link, patient) for link in keys.links if owners.get(link) == patient}

    def is_merged(self, patient: str) -> bool:
        """Whether others were merged into this patient."""
        return bool(self._known.origins) and any(self._known.owners[link] == patient for link in self._known.origins)

    def fence(self, patient: str, spot: Spot) -> tuple[int, ...] | None:
        """What must be decided before a message of this patient goes out: partition, offset, and so on; None = of one that is not merged.

        A merged patient's messages lie in every partition that one of the identifiers leads to. What was acknowledged there before this
        message was decided, and is not decided yet, may have been acknowledged before it was.
        """
        if not self.is_merged(patient):
            return None
        links = (link for link, owner in self._known.owners.items() if owner == patient)
        parts = {partition_of(link, self._behind.partitions) for link in links} - {spot[0]}
        return tuple(n for part in sorted(parts) if part in self._behind.ends for n in (part, self._behind.ends[part]))

    def state(self, patient: str, others: Collection[str] = ()) -> PatientState:
        """What is remembered of a patient, and of those who turn out to be the same."""
        found = self._known.states.get(patient, _NOTHING_KNOWN)
        return joined((found, *(self._known.states.get(key, _NOTHING_KNOWN) for key in others))) if others else found

    def remember(self, event: Event, origins: Iterable[str], whole: PatientState | None) -> None:
        """Keep the state that an event led to; of one who is merged also what it told of that one alone."""
        if whole is not None:
            self._keep(event.patient_key, whole)
        if self.is_merged(event.patient_key):
            for key in origins:
                self._keep(own(key), remember(self.state(own(key)), event, self._directory))

    def _keep(self, key: str, state: PatientState) -> None:
        self._known.states[key] = self._writes.states[key] = state

    def learn(self, keys: PatientKeys, owner: str, origin: str) -> None:
        """Identifiers not seen before become the patient's."""
        known = self._known
        for link, locks in zip(keys.links, keys.own, strict=True):
            if link not in known.owners:
                known.owners[link] = owner
                known.link_locks[link] = locks
                self._writes.links[link] = Link(owner, locks, "" if origin == owner else origin)
                if origin not in ("", owner):
                    known.origins[link] = origin
        known.locks.setdefault(owner, set()).update(keys.locks)

    def merge(self, retired: AbstractSet[str], survivor: str, lock_keys: Iterable[str]) -> None:
        """What is of the retired patients becomes the survivor's, and it is kept what was whose."""
        known, links = self._known, self._writes.links
        for key in (survivor, *sorted(retired)):
            if not self.is_merged(key):
                self._keep(own(key), self.state(key))
        self._writes.merges.append(Merge(tuple(sorted(retired)), survivor, tuple(sorted(lock_keys))))
        version = max((known.merges, *(version for _, version in known.edges.values()))) + 1
        known.edges |= dict.fromkeys(retired, (survivor, version))
        known.survivors |= {key: survivor for key, patient in known.survivors.items() if patient in retired}
        known.survivors |= dict.fromkeys(retired, survivor)
        for link, patient in known.owners.items():
            if patient in retired:
                known.origins.setdefault(link, patient)
                known.owners[link] = survivor
        links.update({k: Link(survivor, n.lock_keys, n.origin or n.patient) for k, n in links.items() if n.patient in retired})
        known.locks.setdefault(survivor, set()).update(lock_keys)
        for key in retired:
            known.states.pop(key, None)
            self._writes.states.pop(key, None)

    def names(self, patient: str, restored: Mapping[str, AbstractSet[str]]) -> list[str]:
        """The keys and the identifiers that are another's once these are restored."""
        keys = {key for theirs in restored.values() for key in theirs}
        links = (link for link, origin in self._known.origins.items() if origin in keys and self._known.owners[link] == patient)
        return sorted(keys.union(links)) if keys else []

    def apart(self, patient: str, one: PatientKeys, other: PatientKeys) -> dict[str, frozenset[str]]:
        """Whom an unmerge restores: key -> all keys that are its own again. {} = the two were never merged, or are not any more.

        Of the merges that make the two one, the latest is taken back: before it they were two.
        """
        first, second = self._origins(one, patient), self._origins(other, patient)
        edges, cut = dict(self._known.edges), False
        for a in first - second or first:
            for b in second - first or second:
                while path := _path(edges, a, b):
                    del edges[max(path, key=lambda key: edges[key][1])]
                    cut = True
        restored: dict[str, set[str]] = {}
        for key in {origin for link, origin in self._known.origins.items() if self._known.owners[link] == patient} if cut else ():
            restored.setdefault(_chain(edges, key)[-1], set()).add(key)
        return {root: frozenset(keys) for root, keys in restored.items() if root != patient}

    def unmerge(self, patient: str, restored: Mapping[str, AbstractSet[str]]) -> None:
        """Give everybody their own back."""
        for root in sorted(restored):
            keys = restored[root]
            self._give_back(patient, root, keys)
            self._known.edges.pop(root, None)
            self._known.survivors.pop(root, None)
            self._known.survivors |= {key: root for key in keys if key in self._known.survivors}
            self._writes.merges.append(Unmerge(patient, root, tuple(sorted(keys))))
            self._state_apart(root, keys)
        left = {self._known.origins.get(link, patient) for link, owner in self._known.owners.items() if owner == patient}
        self._state_apart(patient, left)

    def _state_apart(self, root: str, keys: AbstractSet[str]) -> None:
        self._keep(root, joined(self.state(own(key)) for key in (root, *sorted(keys - {root}))))
        locks = self._known.link_locks
        self._known.locks[root] = {lock for link, owner in self._known.owners.items() if owner == root for lock in locks.get(link, ())}

    def _give_back(self, patient: str, root: str, keys: Collection[str]) -> None:
        known, writes = self._known, self._writes
        for link in [link for link, origin in known.origins.items() if origin in keys and known.owners[link] == patient]:
            known.owners[link] = root
            origin = known.origins.pop(link)
            if origin != root:
                known.origins[link] = origin
            if link in writes.links:
                writes.links[link] = Link(root, writes.links[link].lock_keys, "" if origin == root else origin)
        for n, entry in enumerate(writes.entries):
            if entry.patient_key == patient and entry.origin in keys:
                writes.entries[n] = replace(entry, patient_key=root, origin="" if entry.origin == root else entry.origin)


def joined(states: Iterable[PatientState]) -> PatientState:
    """What is remembered of several who are one: of the first where it says something, else of the next."""
    whole = PatientState()
    for other in states:
        whole = PatientState(whole.municipality or other.municipality, whole.gps or other.gps, whole.pathway | other.pathway)
    return whole


def _chain(edges: Mapping[str, tuple[str, int]], key: str) -> list[str]:
    """A key, and every key it was merged into, one after the other."""
    chain = [key]
    while chain[-1] in edges:
        chain.append(edges[chain[-1]][0])
    return chain


def _path(edges: Mapping[str, tuple[str, int]], a: str, b: str) -> list[str]:
    """The merges that make two keys one patient, by the key they retired; [] = they are two, or the same."""
    up, down = _chain(edges, a), _chain(edges, b)
    return [k for k in (*up, *down) if (k in up) != (k in down)] if up[-1] == down[-1] else []
