"""The elements of a FHIR resource as JSON, read strictly: what is not as it must be is refused at its place, and never shown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hub.errors import Reason, Rejected

Json = Mapping[str, Any]
# Names that may be told: they are the standard's. Any other is whatever the sender wrote.
_STANDARD: Final = frozenset({
    "provision", "action", "class", "code", "data", "dataPeriod", "securityLabel", "purpose", "modifierExtension", "implicitRules",
    "decision", "controller", "grantor", "grantee", "manager", "regulatoryBasis", "policyBasis", "policyText", "expression",
    "resourceType", "documentType", "verification",
})  # fmt: skip
_MODIFIER: Final = "modifierExtension"
_CODING: Final = frozenset({"id", "extension", "system", "version", "code", "display", "userSelected"})


def refused(where: str, reason: Reason = Reason.UNSUPPORTED_CONSENT) -> Rejected:
    """What to raise about the element there."""
    return Rejected(reason, where)


def an_object(value: object, where: str) -> Json:
    """A JSON object. Raises Rejected."""
    if not isinstance(value, Mapping):
        raise refused(where, Reason.BAD_VALUE)
    return value


def only(element: Json, understood: frozenset[str], where: str) -> None:
    """Refuses an element that holds anything else. Raises Rejected."""
    other = [name for name in element if name not in understood]
    if other:
        raise refused(next((f"{where}.{name}" for name in other if name in _STANDARD), where))


def modified(value: object) -> bool:
    """Whether an extension anywhere below modifies what it stands in."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            if _MODIFIER in one:
                return True
            left += one.values()
        elif isinstance(one, list):
            left += one
    return False


def a_list(element: Json, name: str, where: str) -> Sequence[Any]:
    """A repeating element; absent is none, but an empty list is not FHIR, and would mean everything. Raises Rejected."""
    if name not in element:
        return ()
    found = element[name]
    if not isinstance(found, list) or not found:
        raise refused(where, Reason.BAD_VALUE)
    return found


def each(element: Json, name: str, where: str) -> Iterator[tuple[Json, str]]:
    """The objects of a repeating element with their places. Raises Rejected."""
    for n, value in enumerate(a_list(element, name, f"{where}.{name}")):
        place = f"{where}.{name}[{n}]"
        yield an_object(value, place), place


def a_text(element: Json, name: str, where: str) -> str:
    """A required text. Raises Rejected."""
    value = element.get(name)
    if value is None:
        raise refused(where, Reason.MISSING_FIELD)
    if not isinstance(value, str):
        raise refused(where, Reason.BAD_VALUE)
    return value


def coded(coding: Json, where: str) -> tuple[str, str]:
    """System ("" = none given) and code of a Coding. Raises Rejected."""
    only(coding, _CODING, where)
    system, code = coding.get("system", ""), coding.get("code")
    if not isinstance(code, str) or not code.strip() or not isinstance(system, str):
        raise refused(where)
    return system.strip(), code.strip()


def codings(concept: object, where: str) -> list[tuple[str, str]]:
    """System and code of each Coding of a CodeableConcept; "" for what is not given. Raises Rejected."""
    found = []
    for coding, place in each(an_object(concept, where), "coding", where):
        system, code = coding.get("system", ""), coding.get("code", "")
        if not isinstance(system, str) or not isinstance(code, str):
            raise refused(place, Reason.BAD_VALUE)
        found.append((system.strip(), code.strip()))
    return found
