"""Patient, and who belongs to the patient: PID, PD1, MRG, NK1."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Content, Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply, prune
from hub.adapters.hl7v2.mappings.times import date, date_time
from hub.model import Identifier

_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
_CONTACT: Final = frozenset({"EMR", "E", "F", "I", "S", "EMC"})  # NK1-3 (0131): a contact; every other code is a relation
_YES_NO: Final[Mapping[str, bool]] = MappingProxyType({"Y": True, "N": False})


def _date(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


def _gender(raw: str, t: Text) -> str:
    return codes.GENDER.get(datatypes.leaf(raw, t), "")


def _flag(raw: str, t: Text) -> bool | None:
    return _YES_NO.get(datatypes.leaf(raw, t))


def _extension(name: str, key: str, value: Any) -> Json:
    return {"url": _EXTENSION + name, key: value} if value else {}


def _maiden_name(raw: str, t: Text) -> Json:
    return _extension("patient-mothersMaidenName", "valueString", datatypes.leaf(raw, t))


def _religion(raw: str, t: Text) -> Json:
    return _extension("patient-religion", "valueCodeableConcept", datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0006"))


def _birth_place(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return _extension("patient-birthPlace", "valueAddress", {"text": text} if text else {})


def _citizenship(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0171")
    return _extension("patient-citizenship", "extension", [{"url": "code", "valueCodeableConcept": concept}] if concept else [])


def _nationality(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0212")
    return _extension("patient-nationality", "extension", [{"url": "code", "valueCodeableConcept": concept}] if concept else [])


def _language(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t, "urn:ietf:bcp:47")
    return {"language": concept} if concept else {}


def _marital(raw: str, t: Text) -> Json:
    concept = datatypes.cwe(raw, t, f"{codes.TERMINOLOGY}v2-0002")
    mapped = codes.MARITAL.get(datatypes.leaf(raw, t))
    if mapped:
        system = "v3-NullFlavor" if mapped == "UNK" else "v3-MaritalStatus"
        concept["coding"] = [{"system": codes.TERMINOLOGY + system, "code": mapped}]
    return concept


def _home(raw: str, t: Text) -> Json:
    contact = datatypes.xtn(raw, t)
    return {"use": "home"} | contact if contact else {}


def _work(raw: str, t: Text) -> Json:
    contact = datatypes.xtn(raw, t)
    return {"use": "work"} | contact if contact else {}


def _order(raw: str, t: Text) -> int | None:
    text = datatypes.leaf(raw, t)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) > 0 else None


def _died(raw: str, t: Text) -> str:
    return date_time(datatypes.leaf(raw, t))


def _born(raw: str, t: Text) -> Json:
    whole = date_time(datatypes.leaf(raw, t))
    return {"extension": [_extension("patient-birthTime", "valueDateTime", whole)]} if len(whole) > 10 else {}


PID: Final[Rows] = (
    Row(5, "name", datatypes.xpn, many=True),
    Row(6, "extension", _maiden_name, many=True),
    Row(7, "birthDate", _date),
    Row(7, "_birthDate", _born),
    Row(8, "gender", _gender),
    Row(9, "name", datatypes.xpn, many=True),
    Row(11, "address", datatypes.xad, many=True),
    Row(13, "telecom", _home, many=True),
    Row(14, "telecom", _work, many=True),
    Row(15, "communication", _language, many=True),
    Row(16, "maritalStatus", _marital),
    Row(17, "extension", _religion, many=True),
    Row(23, "extension", _birth_place, many=True),
    Row(25, "multipleBirthInteger", _order),
    Row(24, "multipleBirthBoolean", _flag),
    Row(26, "extension", _citizenship, many=True),
    Row(28, "extension", _nationality, many=True),
    Row(29, "deceasedDateTime", _died),
    Row(30, "deceasedBoolean", _flag),
)
PD1: Final[Rows] = (
    Link(3, "generalPractitioner", actors.xon),
    Link(4, "generalPractitioner", actors.xcn),
)
NK1: Final[Rows] = (
    Row(2, "name", datatypes.xpn, many=True),
    Row(3, "relationship", datatypes.cwe, many=True),
    Row(4, "address", datatypes.xad, many=True),
    Row(5, "telecom", _home, many=True),
    Row(6, "telecom", _work, many=True),
    Row(15, "gender", _gender),
    Row(16, "birthDate", _date),
    Row(33, "identifier", datatypes.cx, many=True),
)


def patient(draft: Draft, identifiers: tuple[Identifier, ...]) -> Json:
    """Add the Patient of the first PID; gives the Reference to it. The identifiers are those the gateway read."""
    content = draft.content
    resource: Json = {"resourceType": "Patient", "identifier": _identifiers(draft, identifiers)}
    pid, pd1 = content.segment("PID"), content.segment("PD1")
    if pid is not None:
        apply(PID, pid, resource, draft, "PID")
        _tidy(resource, pid, draft.text)
    reference = draft.add("PID", resource)
    if pd1 is not None:
        apply(PD1, pd1, resource, draft, "PD1")
    draft.entries[:] = [e for e in draft.entries if e["resource"] is resource] + [
        e for e in draft.entries if e["resource"] is not resource
    ]  # fmt: skip
    _next_of_kin(draft, resource, reference)
    return reference


def _identifiers(draft: Draft, identifiers: tuple[Identifier, ...]) -> list[Json]:
    told = _told(draft.content)
    out = []
    for known in identifiers:
        made: Json = dict(told.get(known.value, {})) | {"value": known.value}
        made.pop("system", None)
        if known.system:
            made["system"] = "%20".join(known.system.split())
        out.append(made)
    return out


def _told(content: Content) -> dict[str, Json]:
    """What PID-3, 2, 4 and 19 say about each number besides its system: type, period, assigner."""
    t = content.text
    made = [datatypes.cx(raw, t) for n in (3, 2, 4) for raw in t.repetitions(content.field("PID", n))]
    if ssn := content.value("PID", 19):
        made.append({"value": ssn, "type": datatypes.identifier_type("SS")})
    return {m["value"]: m for m in reversed(made) if m}


def _tidy(resource: Json, pid: Segment, t: Text) -> None:
    """FHIR allows one of each choice; the death's time says more than a flag, the place in a multiple birth more than "yes"."""
    if "deceasedDateTime" in resource:
        resource.pop("deceasedBoolean", None)
    if "multipleBirthInteger" in resource:
        resource.pop("multipleBirthBoolean", None)
    county = datatypes.leaf(pid.field(12), t)
    if county and resource.get("address"):
        resource["address"][0].setdefault("district", county)


def _next_of_kin(draft: Draft, resource: Json, reference: Json) -> None:
    for n, nk1 in enumerate(draft.content.segments("NK1")):
        made = apply(NK1, nk1, {}, draft, f"NK1[{n}]")
        if not made.get("name"):
            continue
        if datatypes.leaf(nk1.field(3), draft.text) in _CONTACT:
            names = made.pop("name")
            addresses = made.pop("address", [])
            made.pop("birthDate", None)  # Patient.contact has neither this nor an identifier
            made.pop("identifier", None)
            made |= {"name": names[0]} | ({"address": addresses[0]} if addresses else {})
            resource.setdefault("contact", []).append(prune(made))
        else:
            draft.add(f"NK1[{n}]", {"resourceType": "RelatedPerson", "patient": reference, **made})


def retired(draft: Draft, reference: Json, merged: tuple[Identifier, ...]) -> None:
    """Add the Patient that MRG retires, replaced by the survivor, and the survivor's link to it."""
    if not merged:
        return
    identifiers: list[Json] = [{"value": i.value} | ({"system": "%20".join(i.system.split())} if i.system else {}) for i in merged]
    old: Json = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "active": False,
        "link": [{"other": reference, "type": "replaced-by"}],
    }
    mrg = draft.content.segment("MRG")
    if mrg is not None:
        apply((Row(7, "name", datatypes.xpn, many=True),), mrg, old, draft, "MRG")
    survivor = next(e["resource"] for e in draft.entries if e["fullUrl"] == reference["reference"])
    survivor.setdefault("link", []).append({"other": draft.add("MRG", old), "type": "replaces"})
