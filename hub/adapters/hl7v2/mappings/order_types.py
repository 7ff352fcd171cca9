"""Data types that only the clinical families need: EIP, coded devices and organisations, sensitivity labels, references by number.

Source: HL7 v2-to-FHIR EIP[Identifier-PlacerAssignedIdentifier], EIP[Identifier-FillerAssignedIdentifier], CWE[CodeableConcept],
CWE[Coding], CWE[Device], CWE[Organization].
"""

from collections.abc import Callable
from typing import Any, Final

from hub.adapters.hl7v2.mappings import codes, datatypes, order_codes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coding_of, put

R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"  # elements of R5 in an R4 resource
_CALLED: Final = "user-friendly-name"
NOT_SAID: Final[Json] = {"coding": [{"system": f"{codes.TERMINOLOGY}v3-NullFlavor", "code": "NI"}]}
ABSENT: Final[Json] = {"extension": [{"url": f"{EXTENSION}data-absent-reason", "valueCode": "unknown"}]}


def concept(system: str, code: str) -> Json:
    """A CodeableConcept of one code."""
    return {"coding": [coding_of(system, code)]}


def eip(raw: str, t: Text, placer: str = "PGN", filler: str = "FGN") -> list[Json]:
    """EIP (a pair of EI as subcomponents) -> the identifiers of whoever ordered and of whoever carries it out."""
    found = []
    for n, kind in ((1, placer), (2, filler)):
        part = t.raw(raw, n)
        made = datatypes.ei(part.replace(t.subcomponent, t.component), t, kind) if part else {}
        if made:
            found.append(made)
    return found


def group_number(raw: str, t: Text) -> list[Json]:
    """ORC-4: an EI in most versions, an EIP in 2.8.2; a pair is told by its subcomponents."""
    if t.subcomponent in raw:
        return eip(raw, t)
    made = datatypes.ei(raw, t, "PGN")
    return [made] if made else []


def typed(kind: str) -> Callable[[str, Text], Json]:
    """EI -> Identifier of a type of table 0203."""
    return lambda raw, t: datatypes.ei(raw, t, kind)


def sensitivity(raw: str, t: Text) -> Json:
    """CWE[Coding] of table 0177 for ``meta.security``; a code that is not in the table stays a v2 code."""
    parts = t.parts(raw)
    code = datatypes.code(t.part(parts, 1))
    if not code:
        return {}
    system, known = order_codes.SENSITIVITY.get(code, (codes.coding_system(t.part(parts, 3)) or f"{codes.TERMINOLOGY}v2-0177", code))
    out: Json = {"system": system, "code": known}
    put(out, "display", t.part(parts, 2))
    return out


def coded_device(raw: str, t: Text) -> Json:
    """CWE[Device]: its codes as identifiers, its names as names."""
    parts = t.parts(raw)
    made: Json = {"resourceType": "Device"}
    for n in (0, 3, 9):
        value, name = t.part(parts, n + 1), t.part(parts, n + 2)
        if value:
            identifier: Json = {"value": value}
            put(identifier, "system", codes.coding_system(t.part(parts, n + 3)))
            made.setdefault("identifier", []).append(identifier)
        if name:
            made.setdefault("deviceName", []).append({"name": name, "type": _CALLED})
    if text := t.part(parts, 9):
        made.setdefault("deviceName", []).append({"name": text, "type": _CALLED})
    return made if len(made) > 1 else {}


def coded_organization(raw: str, t: Text) -> Json:
    """CWE[Organization]: its code as identifier, its text as name."""
    parts = t.parts(raw)
    made: Json = {"resourceType": "Organization"}
    value, name = t.part(parts, 1), t.part(parts, 9) or t.part(parts, 2)
    if value:
        identifier: Json = {"value": value}
        put(identifier, "system", codes.coding_system(t.part(parts, 3)))
        made["identifier"] = [identifier]
    put(made, "name", name)
    return made if len(made) > 1 else {}


def logical(identifier: Json, kind: str) -> Json:
    """A Reference to a resource that is not in the message, by its identifier; ``{}`` for none."""
    return {"type": kind, "identifier": identifier} if identifier else {}


def extended(made: Json, url: str, key: str, value: Any) -> None:
    """Add an extension, unless there is nothing to say."""
    if value:
        made.setdefault("extension", []).append({"url": url, key: value})
