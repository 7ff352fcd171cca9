"""What turns the meaning of a resource round, and must not be lost on the way (FHIR R4 conformance-rules.html#isModifier).

What v2 has no word for is not told as its opposite: a whole message that asks for something not to be done, or whose meaning an extension
nobody here knows may change, has no v2 form; a resource that says it is not so is left out where its segment could not say that.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, text
from hub.adapters.fhir.er7.datatypes import codings
from hub.errors import Reason, Rejected

_REQUESTS: Final = ("ServiceRequest", "MedicationRequest")
_NO_ORDER: Final = frozenset({"proposal", "plan", "option"})  # intents
_DRAFT: Final = "draft"
# resource type -> element -> values with which the resource says that it is not so, or no longer
_VOID: Final[Mapping[str, Mapping[str, frozenset[Any]]]] = MappingProxyType(
    {
        "AllergyIntolerance": {"verificationStatus": frozenset({"entered-in-error", "refuted"}), "clinicalStatus": frozenset({"resolved"})},
        "CareTeam": {"status": frozenset({"entered-in-error", "inactive"})},
        "Condition": {"verificationStatus": frozenset({"refuted"})},
        "Coverage": {"status": frozenset({"entered-in-error", "cancelled"})},
        "Procedure": {"status": frozenset({"entered-in-error", "not-done"})},
        "RelatedPerson": {"active": frozenset({False})},
        "Specimen": {"status": frozenset({"entered-in-error"})},
    }
)


def is_so(resource: Json) -> bool:
    """Whether a resource does not say of itself that it is not so."""
    for element, void in _VOID.get(text(resource.get("resourceType")), {}).items():
        value = resource.get(element)
        said = (
            {text(c.get("code")) for c in codings(value)}
            if isinstance(value, dict)
            else {value}
            if isinstance(value, str | bool)
            else set()
        )
        if said & void:
            return False
    return True


def is_order(request: Json) -> bool:
    """Whether a request asks for something that is to be done."""
    return text(request.get("status")) != _DRAFT and text(request.get("intent")) not in _NO_ORDER


def refuse(entries: Entries) -> None:
    """Raises Rejected(NO_TRANSLATION) for a message that cannot be told without what turns it round."""
    for n, resource in enumerate(entries.all):
        if resource.get("resourceType") in _REQUESTS and resource.get("doNotPerform") is True:
            raise Rejected(Reason.NO_TRANSLATION, f"Bundle.entry[{n}].resource.doNotPerform")
        if resource.get("implicitRules") or _is_modified(resource):
            raise Rejected(Reason.NO_TRANSLATION, f"Bundle.entry[{n}].resource.modifierExtension")


def _is_modified(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.get("modifierExtension")) or any(map(_is_modified, value.values()))
    return isinstance(value, list) and any(map(_is_modified, value))
