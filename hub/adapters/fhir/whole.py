"""The resources of a submission and how they hang together: what refers to what, and whose each resource is.

A patient may stand in the Bundle, be contained in a resource, or only be named by an identifier (a logical or conditional reference,
R4 references.html#logical, http.html#trules); then a Patient with that identifier is put beside the others.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from hub.adapters.fhir.document import Json, obj, objects, text
from hub.adapters.fhir.message import identified, names_patient
from hub.adapters.fhir.submission import Change
from hub.errors import Reason, Rejected
from hub.model import Identifier

NOBODY: Final = -1  # names no patient
STRANGER: Final = -2  # names one that nobody knows: it may be anyone's, so it goes with no one
SEVERAL: Final = -3  # is of several, and goes with none of them
SUBJECTS: Final = ("subject", "patient", "beneficiary")  # the elements by which resources name their patient
_PATIENT: Final = "Patient"
_APPOINTMENT: Final = "Appointment"  # its patient is a participant
_CONTAINED: Final = "#"


class Whole:
    """Resources by number: the changes' own, in their order, and after them the patients made of identifiers."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes: Final = changes
        self.resources: Final = [c.resource for c in changes]
        self._names: Final = _names(changes)
        self._people: Final[dict[Identifier, int]] = {}
        for n, resource in enumerate(self.resources):
            for given in _numbers(resource) if self.kind(n) == _PATIENT else ():
                self._people.setdefault(identified(given), n)
        self._owners: Final = [self._owner(n) for n in range(len(changes))]
        self._targets: Final[dict[int, list[int]]] = {}
        self._referrers: dict[int, list[int]] | None = None

    def kind(self, n: int) -> str:
        """The type of a resource."""
        return text(self.resources[n].get("resourceType"))

    def place(self, n: int, element: str = "") -> str:
        """Where a resource, or an element of it, stands in what was sent."""
        place = self.changes[n].place
        return f"{place}.resource.{element}" if element and place.startswith("Bundle.") else f"{place}.{element}" if element else place

    def find(self, name: str) -> int | None:
        """The resource that a reference names: by fullUrl, or by type and id; None when it is not here.

        One of another server is another's, whatever its id (R4 bundle.html#references).
        """
        name = name.partition("/_history/")[0]
        found = self._names.get(name)
        if found is not None or "://" not in name:
            return found
        found = self._names.get("/".join(name.split("/")[-2:]))
        return found if found is None or not _is_at_a_server(self.changes[found].name) else None

    def target(self, reference: Json) -> int | None:
        """What a Reference leads to; a conditional or logical one may lead to a Patient who has that identifier."""
        name = text(reference.get("reference"))
        found = self.find(name) if name else None
        if found is not None:
            return found
        said = _said_patient(name, reference)
        return self._people.get(identified(said)) if said else None

    def owner(self, n: int) -> int:
        """Whose a resource is: the number of a Patient, NOBODY, STRANGER or SEVERAL."""
        return self._owners[n] if n < len(self._owners) else n

    def patient(self, n: int) -> int:
        """The one patient of a change. Raises Rejected(MISSING_PATIENT, SEVERAL_PATIENTS) with its place."""
        owner = self.owner(n)
        if owner == SEVERAL:
            raise Rejected(Reason.SEVERAL_PATIENTS, self.place(n, "participant"))
        if owner < 0:
            raise Rejected(Reason.MISSING_PATIENT, self.place(n))
        return owner

    def targets(self, n: int) -> list[int]:
        """The resources that a resource refers to, wherever in it."""
        known = self._targets.get(n)
        if known is None:
            found = dict.fromkeys(self.target(r) for r in references(self.resources[n]))
            known = self._targets[n] = [t for t in found if t is not None and t != n]
        return known

    def referrers(self, n: int) -> list[int]:
        """The resources that refer to a resource."""
        if self._referrers is None:
            self._referrers = {}
            for one in range(len(self.changes)):
                for target in self.targets(one):
                    self._referrers.setdefault(target, []).append(one)
        return self._referrers.get(n, [])

    def person(self, reference: Json, resource: Json) -> int:
        """The Patient that a Reference in a resource means; NOBODY for something else, STRANGER for one that is not to be found."""
        name = text(reference.get("reference"))
        found = self.target(reference)
        if found is not None:
            return found if self.kind(found) == _PATIENT else NOBODY
        if name.startswith(_CONTAINED):
            inner = next((r for r in objects(resource.get("contained")) if f"{_CONTAINED}{text(r.get('id'))}" == name), {})
            return self._add(_numbers(inner)) if inner.get("resourceType") == _PATIENT else NOBODY
        said = _said_patient(name, reference)
        return self._add([said]) if said else STRANGER if name and _may_be_patient(name, reference) else NOBODY

    def _owner(self, n: int) -> int:
        if self.kind(n) == _PATIENT:
            return n
        resource = self.resources[n]
        named = [r for element in SUBJECTS for r in each(resource.get(element))]
        if self.kind(n) == _APPOINTMENT:
            named = [obj(p.get("actor")) for p in objects(resource.get("participant"))]
        people = {self.person(reference, resource) for reference in named} - {NOBODY}
        return SEVERAL if len(people) > 1 else next(iter(people), NOBODY)

    def _add(self, identifiers: list[Json]) -> int:
        """A Patient of whom only identifiers are known."""
        if not identifiers:
            return STRANGER
        known = identified(identifiers[0])
        if known not in self._people:
            self._people[known] = len(self.resources)
            self.resources.append({"resourceType": _PATIENT, "identifier": identifiers})
        return self._people[known]


def each(value: Any) -> list[Json]:
    """The objects of an element that may be a list."""
    return objects(value) if isinstance(value, list) else [v for v in [obj(value)] if v]


def references(value: Any) -> Iterator[Json]:
    """Every Reference below a value."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                yield value
            stack += reversed(value.values())
        elif isinstance(value, list):
            stack += reversed(value)


def conditional(name: str) -> Json:
    """The identifier that a conditional reference asks for (``Patient?identifier=system|value``); ``{}`` when it is none."""
    if "?" not in name:
        return {}
    given = parse_qs(urlsplit(name).query).get("identifier", [""])[0]
    system, _, value = given.rpartition("|")
    return ({"system": system} if system else {}) | {"value": value} if value else {}


def kind_named(name: str) -> str:
    """The type that a reference names; "" when it names none."""
    if name.startswith(("urn:", _CONTAINED)):
        return ""
    path, query, _ = name.partition("?")
    parts = path.split("/")
    return parts[-1] if query else parts[-2] if len(parts) > 1 else ""


def _names(changes: Sequence[Change]) -> dict[str, int]:
    out: dict[str, int] = {}
    two: set[str] = set()  # types and ids that two servers have
    for n, change in enumerate(changes):
        for name in (change.name, f"{text(change.resource.get('resourceType'))}/{text(change.resource.get('id'))}"):
            if change.resource and name and not name.endswith("/"):
                first = changes[out.setdefault(name, n)].name
                if first != change.name and _is_at_a_server(first) and _is_at_a_server(change.name):
                    two.add(name)
    return {name: n for name, n in out.items() if name not in two}


def _is_at_a_server(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _numbers(resource: Json) -> list[Json]:
    given = objects(resource.get("identifier"))
    return [i for i in given if names_patient(i)] or [i for i in given if names_patient(i, is_sure=False)]


def _may_be_patient(name: str, reference: Json) -> bool:
    """Whether a Reference may mean a Patient, by the type it names; one that names none may."""
    return (text(reference.get("type")) or kind_named(name)) in {"", _PATIENT}


def _said_patient(name: str, reference: Json) -> Json:
    """The identifier by which a Reference means a Patient; ``{}`` when it does not."""
    if not _may_be_patient(name, reference):
        return {}
    said = conditional(name) or obj(reference.get("identifier"))
    return said if names_patient(said, is_sure=False) else {}
