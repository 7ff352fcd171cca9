"""What a message must say of who the patient is, so that the hub's promises hold beyond its own sender."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.finding import shape
from hub.adapters.hl7v2.check.case import NULL, Case, Spot, values
from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.message import identifiers
from hub.identity import NATIONAL, NO_BASIS, SHARED_TYPES, STAY_TYPES
from hub.identity import names_nobody as is_nobody
from hub.model import Identifier, Kind
from hub.numbers import person_number

_URIS: Final = ("urn:", "http://", "https://")
_PERSON_TYPES: Final = frozenset({"FNR", "DNR", "FHN", "NNNOR"})  # CX-5: it is said to be a person number
_AUTHORITY, _TYPE = 4, 5  # components of CX
_SSN: Final = 19


def _identifiers(segment: Segment, n: int) -> Iterator[tuple[str, str, str, str]]:
    """CX-1, the namespace and the universal id of CX-4, and CX-5 of each identifier in a field."""
    parts = (values(segment, n), values(segment, n, _AUTHORITY), values(segment, n, _AUTHORITY, 2), values(segment, n, _TYPE))
    yield from (found for found in zip(*parts, strict=True) if found[0] and found[0] != NULL)


def _of_nobody(case: Case, name: str, n: int) -> Iterator[Spot]:
    for number, segment in case.numbered(name):
        for value, namespace, universal, _ in _identifiers(segment, n):
            if not namespace and not universal and not person_number(value):
                yield Spot(f"{name}-{n}.4", number)


def without_authority(case: Case) -> Iterator[Spot]:
    """PID-3 that says not whose number it is."""
    yield from _of_nobody(case, "PID", 3)


def merged_without_authority(case: Case) -> Iterator[Spot]:
    """MRG-1 likewise."""
    yield from _of_nobody(case, "MRG", 1)


def by_namespace_only(case: Case) -> Iterator[Spot]:
    """PID-3 whose authority is a local word: known within the sender only."""
    for number, pid in case.numbered("PID"):
        for value, namespace, universal, _ in _identifiers(pid, 3):
            if namespace and not universal and not namespace.startswith(_URIS) and namespace not in NO_BASIS and not person_number(value):
                yield Spot("PID-3.4", number)


def is_no_person_number(case: Case) -> Iterator[Spot]:
    """An identifier that is said to be a person number and does not hold."""
    for number, segment in case.numbered("PID", "MRG"):
        n = 3 if segment.name == "PID" else 1
        for value, namespace, universal, kind in _identifiers(segment, n):
            system = NO_BASIS.get(namespace, f"urn:oid:{universal}")
            if (kind in _PERSON_TYPES or system in NATIONAL) and not person_number(value):
                yield Spot(f"{segment.name}-{n}.1", number, shape(value))


def without_person_number(case: Case) -> Iterator[Spot]:
    """No identifier that the whole country knows the patient by."""
    if case.event is not None and not any(i.system in NATIONAL for i in case.event.identifiers):
        yield Spot("PID-3", case.number_of("PID"))


def not_read(case: Case) -> Iterator[Spot]:
    """PID-2, PID-4 and PID-19 that are there and name nobody."""
    if case.event is None:
        return
    for number, pid in case.numbered("PID"):
        for n in (2, 4, _SSN):
            if any(i not in case.event.identifiers for i in identifiers(pid, n)):
                yield Spot(f"PID-{n}", number)


def names_nobody(case: Case) -> Iterator[Spot]:
    """PID-3 that stands for an unknown number, or is not the patient's alone."""
    if case.event is None:
        return
    known = {i.value for i in case.event.identifiers}
    for number, pid in case.numbered("PID"):
        for value, namespace, universal, kind in _identifiers(pid, 3):
            system = NO_BASIS.get(namespace, f"urn:oid:{universal}")
            if value not in known and not (system in NATIONAL and not is_nobody(Identifier(system, value))):  # that is told by itself
                is_of_others = kind in SHARED_TYPES | STAY_TYPES
                yield Spot("PID-3.5" if is_of_others else "PID-3.1", number)


def merges_nobody(case: Case) -> Iterator[Spot]:
    """A merge that retires no identifier: those of MRG-1 are all the survivor's."""
    is_merge = case.event is not None and case.event.kind is Kind.MERGED
    if is_merge and case.event is not None and case.number_of("MRG") and case.er7.get("MRG-1") and not case.event.merged:
        yield Spot("MRG-1", case.number_of("MRG"))


def moved_from_another(case: Case) -> Iterator[Spot]:
    """A visit that is moved from somebody else."""
    if case.event is not None and case.event.kind is Kind.ENCOUNTER_MOVED:
        for number, mrg in case.numbered("MRG"):
            if set(identifiers(mrg, 1)).isdisjoint(case.event.identifiers):
                yield Spot("MRG-1", number)
