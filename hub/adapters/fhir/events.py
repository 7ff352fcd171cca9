"""Which events a submission tells of, and which of its resources belong to each."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hub.adapters.fhir.document import obj, objects, text
from hub.adapters.fhir.mappings.changes import CONTEXT, HOLDS, TOGETHER, Written, is_new, kind_of
from hub.adapters.fhir.submission import Shape
from hub.adapters.fhir.whole import NOBODY, Whole, each
from hub.errors import Reason, Rejected
from hub.model import Kind, Refusal

_ORDERS: Final = frozenset({"ServiceRequest", "MedicationRequest"})  # one that is created is told, whatever came of it since
_CREATED: Final = "POST"
_PATIENT: Final = "Patient"
_STAY: Final = "Encounter"
_OF_PATIENT: Final = frozenset({"RelatedPerson", "Coverage", "Account"})  # explain the patient, who does not refer to them
_OF_STAY: Final = frozenset({"Condition", "Procedure"})  # explain the stay


@dataclass(frozen=True, slots=True)
class Told:
    """One event of one patient."""

    patient: int
    kind: Kind
    changes: tuple[int, ...]  # that it tells of
    retired: tuple[int, ...] = ()  # the Patients that a merge retires

    @property
    def focus(self) -> tuple[int, ...]:
        """What the message is about: the changes; of a merge the survivor."""
        return (self.patient,) if self.kind is Kind.MERGED else self.changes


def told(whole: Whole, shape: Shape) -> tuple[list[Told], dict[int, Refusal]]:
    """The events of a submission in its order, and the changes that are refused, each with its reason."""
    refused = {n: change.refusal for n, change in enumerate(whole.changes) if change.refusal is not None}
    meanings: dict[int, Kind] = {}
    for n, change in enumerate(whole.changes):
        if n not in refused and not change.is_context and whole.kind(n) not in CONTEXT:
            try:
                meanings |= _meaning(whole, n)
            except Rejected as exc:
                refused[n] = Refusal(exc.reason, exc.where)
    merges, lost = _merges(whole, {n: kind for n, kind in meanings.items() if whole.kind(n) == _PATIENT})
    refused |= lost
    meanings = {n: kind for n, kind in meanings.items() if n not in lost}
    found = [*merges, *_others(whole, meanings, merges, shape)]
    return sorted(found, key=lambda t: (min(t.changes), t.kind is not Kind.MERGED)), refused


def _meaning(whole: Whole, n: int) -> dict[int, Kind]:
    """What a change means, by its number; empty when nothing has happened yet. Raises Rejected with its place."""
    change = whole.changes[n]
    try:
        kind = kind_of(Written(change.resource, is_new(change.resource, change.method)))
    except Rejected as exc:
        raise Rejected(exc.reason, whole.place(n, exc.where)) from None
    if kind is None:
        return {}
    whole.patient(n)
    return {n: kind}


def _others(whole: Whole, meanings: dict[int, Kind], merges: list[Told], shape: Shape) -> Iterator[Told]:
    """The events that are no merges. A Patient among others is there to say whom they are of: only one that comes alone was updated."""
    held = _held(whole, meanings, shape)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for n, kind in meanings.items():
        if n not in held and whole.kind(n) != _PATIENT:
            apart = _stay(whole, n) if kind in TOGETHER else n
            groups.setdefault((whole.patient(n), kind, apart), []).append(n)
    for (patient, kind, _), changes in groups.items():
        yield Told(patient, kind, tuple(changes))
    known = {patient for patient, *_ in groups}
    alone = {m.patient for m in merges if m.changes == (m.patient,)}  # an old link of a record that was written anew, for all one knows
    known |= {n for m in merges for n in m.changes} - alone
    for n, kind in meanings.items():
        if whole.kind(n) == _PATIENT:
            meant = Kind.UPDATED if kind is Kind.MERGED else kind
            if meant is not Kind.UPDATED or n not in known:
                yield Told(n, meant, (n,))


def _merges(whole: Whole, patients: dict[int, Kind]) -> tuple[list[Told], dict[int, Refusal]]:
    """Who was merged into whom, told once whichever side says it, and of the last in a chain."""
    into: dict[int, int] = {}
    refused: dict[int, Refusal] = {}
    for n in (n for n, kind in patients.items() if kind is Kind.MERGED):
        pairs = list(_pairs(whole, n))
        into |= dict(pairs)
        if not pairs:
            refused[n] = Refusal(Reason.BROKEN_REFERENCE, whole.place(n, "link"))
    groups: dict[int, list[int]] = {}
    for retired in into:
        groups.setdefault(_survivor(retired, into), []).append(retired)
    out = []
    for survivor, gone in groups.items():
        changes = [n for n in patients if n == survivor or n in gone]
        if survivor in gone:  # a circle: nobody survives
            refused |= dict.fromkeys(changes, Refusal(Reason.BROKEN_REFERENCE, whole.place(changes[0], "link")))
        else:
            out.append(Told(survivor, Kind.MERGED, tuple(changes), tuple(gone)))
    return out, refused


def _pairs(whole: Whole, n: int) -> Iterator[tuple[int, int]]:
    """(retired, survivor) of a Patient's links, where both are known."""
    patient = whole.resources[n]
    for link in objects(patient.get("link")):
        other = whole.person(obj(link.get("other")), patient)
        if other >= 0 and other != n:
            if text(link.get("type")) == "replaced-by":
                yield n, other
            elif text(link.get("type")) == "replaces":
                yield other, n


def _survivor(patient: int, into: dict[int, int]) -> int:
    seen = {patient}
    while patient in into:
        patient = into[patient]
        if patient in seen:
            break
        seen.add(patient)
    return patient


def holds(whole: Whole, n: int) -> list[int]:
    """The resources that a resource holds: they are told with it."""
    found = []
    for path, kind in HOLDS.get(whole.kind(n), ()):
        value: Any = whole.resources[n]
        for name in path.split("."):
            value = obj(value).get(name)
        targets = [whole.target(r) for r in each(value)]
        found += [t for t in targets if t is not None and whole.kind(t) == kind and whole.owner(t) == whole.owner(n) >= 0]
    return [t for t in found if t >= len(whole.changes) or not (whole.kind(t) in _ORDERS and whole.changes[t].method == _CREATED)]


def _held(whole: Whole, meanings: dict[int, Kind], shape: Shape) -> set[int]:
    """The changes that are told with others: in a circle the first holds the rest.

    A stay that others refer to is one of their facts where nobody says that it was written.
    """
    held_by_any = {t for n in meanings for t in holds(whole, n)}
    held: set[int] = set()
    seen: set[int] = set()
    for n in [*(n for n in meanings if n not in held_by_any), *meanings]:
        stack = [] if n in seen else [n]
        while stack:
            one = stack.pop()
            seen.add(one)
            inner = [t for t in holds(whole, one) if t not in seen]
            held.update(inner)
            stack += inner
    if shape is Shape.COLLECTION:
        held |= {n for n in meanings if whole.kind(n) == _STAY and any(r in meanings for r in whole.referrers(n))}
    return held


def _stay(whole: Whole, n: int) -> int | None:
    """The Encounter a resource belongs to."""
    resource = whole.resources[n]
    context = obj(resource.get("context"))
    for reference in (obj(resource.get("encounter")), context, *each(context.get("encounter"))):
        found = whole.target(reference)
        if found is not None and whole.kind(found) == _STAY:
            return found
    return None


def members(whole: Whole, event: Told) -> list[int]:
    """The resources of an event's message: what it is about, the patient, and what explains them; nothing of another patient.

    What a change refers to belongs to it. Of that, people, places and the stay are explained further; a result, an order or a document is
    not, unless the change holds it: a message tells no more than the event.
    """
    seen = dict.fromkeys((*event.focus, event.patient, *event.retired))
    about = set(event.changes)
    queue = deque([*event.changes, event.patient])
    while queue:
        n = queue.popleft()
        held = set(holds(whole, n)) if n in about else set()
        for target in whole.targets(n):
            if target in seen or not _may_go_with(whole, target, event.patient):
                continue
            explains = whole.kind(target) in CONTEXT or whole.kind(target) == _STAY
            if explains or n in about:
                seen[target] = None
                about |= held & {target}
                queue += [target] if explains or target in held else []
    more = _around(whole, event, seen)
    return [*seen, *(n for n in more if n not in seen)]


def _may_go_with(whole: Whole, n: int, patient: int) -> bool:
    return whole.kind(n) != _PATIENT and whole.owner(n) in {patient, NOBODY}


def _around(whole: Whole, event: Told, seen: dict[int, None]) -> list[int]:
    """What refers to the event's resources and explains them: records of their writing; of a stay its diagnoses; of a patient the kin."""
    is_of_stay = any(whole.kind(n) in {_STAY, _PATIENT} for n in event.focus)
    found = []
    for n in seen:
        for referrer in whole.referrers(n):
            kind = whole.kind(referrer)
            is_wanted = (
                (kind == "Provenance" and n in event.changes)
                or (kind in _OF_STAY and n in event.changes and whole.kind(n) == _STAY)
                or (kind in _OF_PATIENT and n == event.patient and is_of_stay)
            )
            if is_wanted and _may_go_with(whole, referrer, event.patient):
                found.append(referrer)
    return list(dict.fromkeys(found))
