"""Encounter, and what belongs to it: PV1, PV2, DG1, AL1."""

from collections.abc import Callable
from functools import partial
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply

_PARTICIPATION: Final = f"{codes.TERMINOLOGY}v3-ParticipationType"
_CLINICAL: Final = f"{codes.TERMINOLOGY}allergyintolerance-clinical"
_VERIFICATION: Final = f"{codes.TERMINOLOGY}condition-ver-status"
# PV1 field, EncounterLocationStatus; the first is where the patient is
_LOCATIONS: Final = ((3, "active"), (6, "completed"), (11, "active"), (42, "reserved"))
_CRITICALITY: Final = {"SV": "high", "MO": "high", "MI": "low", "U": "unable-to-assess"}  # 0128
_ALLERGY_CATEGORY: Final = {"DA": "medication", "FA": "food", "EA": "environment", "LA": "environment", "PA": "environment"}  # 0127


def _role(code: str) -> Callable[[Json], Json]:
    kind = [{"coding": [{"system": _PARTICIPATION, "code": code}]}]
    return lambda reference: {"type": kind, "individual": reference}


def _from_table(number: str) -> Callable[[str, Text], Json]:
    system = f"{codes.TERMINOLOGY}v2-{number}"
    return lambda raw, t: datatypes.cwe(raw, t, system)


def _named(raw: str, t: Text) -> Json:
    name = t.part(t.parts(raw), 1)
    return {"resourceType": "Location", "name": name} if name else {}


def _visit_number(raw: str, t: Text) -> Json:
    made = datatypes.cx(raw, t)
    return made | {"type": made.get("type") or datatypes.identifier_type("VN")} if made else {}


def _days(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    system = "http://unitsofmeasure.org"
    return {"value": int(text), "unit": "d", "system": system, "code": "d"} if text.isascii() and text.isdigit() and len(text) < 6 else {}


PV1: Final[Rows] = (
    Row(4, "type", _from_table("0007"), many=True),
    Row(5, "hospitalization.preAdmissionIdentifier", datatypes.cx),
    Link(7, "participant", actors.xcn, _role("ATND")),
    Link(8, "participant", actors.xcn, _role("REF")),
    Link(9, "participant", actors.xcn, _role("CON")),
    Row(10, "serviceType", _from_table("0069")),
    Row(13, "hospitalization.reAdmission", _from_table("0092")),
    Row(14, "hospitalization.admitSource", _from_table("0023")),
    Row(15, "hospitalization.specialArrangement", _from_table("0009"), many=True),
    Row(16, "hospitalization.specialCourtesy", _from_table("0099"), many=True),
    Link(17, "participant", actors.xcn, _role("ADM")),
    Row(19, "identifier", _visit_number, many=True),
    Row(36, "hospitalization.dischargeDisposition", _from_table("0112")),
    Link(37, "hospitalization.destination", _named, many=False),
    Row(38, "hospitalization.dietPreference", _from_table("0114"), many=True),
    Row(44, "period.start", datatypes.moment),
    Row(45, "period.end", datatypes.moment),
    Row(50, "identifier", datatypes.cx, many=True),
    Link(52, "participant", actors.xcn, _role("PART")),
)
PV2: Final[Rows] = (
    Row(3, "reasonCode", datatypes.cwe, many=True),
    Row(11, "length", _days),
    Row(25, "priority", _from_table("0217")),
)
DG1: Final[Rows] = (
    Row(3, "code", datatypes.cwe),
    Row(5, "onsetDateTime", datatypes.moment),
    Row(19, "recordedDate", datatypes.moment),
)
AL1: Final[Rows] = (
    Row(3, "code", datatypes.cwe),
    Row(6, "onsetDateTime", datatypes.moment),
)


def encounter(draft: Draft, subject: Json) -> Json:
    """Add the Encounter of PV1; gives the Reference to it, ``{}`` when the message has no PV1."""
    pv1 = draft.content.segment("PV1")
    if pv1 is None:
        return {}
    patient_class = draft.text.part(draft.text.parts(pv1.field(2)), 1)
    resource: Json = {"resourceType": "Encounter", "class": _class(patient_class), "subject": subject}
    reference = draft.add("PV1", resource)
    apply(PV1, pv1, resource, draft, "PV1")
    for empty in ("hospitalization", "period"):
        if not resource.get(empty, True):
            del resource[empty]
    resource["status"] = _status(draft.trigger, patient_class, resource)
    _locations(draft, pv1, resource, patient_class)
    pv2 = draft.content.segment("PV2")
    if pv2 is not None:
        apply(PV2, pv2, resource, draft, "PV2")
    return reference


def _class(patient_class: str) -> Json:
    mapped = codes.CLASS.get(patient_class)
    if mapped:
        return {"system": codes.ACT_CODE, "code": mapped}
    if patient_class:
        return {"system": f"{codes.TERMINOLOGY}v2-0004", "code": datatypes.code(patient_class)}
    return {"system": f"{codes.TERMINOLOGY}v3-NullFlavor", "code": "NI"}  # Encounter.class is required in R4


def _status(trigger: str, patient_class: str, resource: Json) -> str:
    """What the event says; else finished when there is a discharge time; else what the patient class says."""
    if trigger == "A13":  # the discharge did not happen
        resource.get("period", {}).pop("end", None)
        resource.get("hospitalization", {}).pop("dischargeDisposition", None)
        for empty in ("hospitalization", "period"):
            if not resource.get(empty, True):
                del resource[empty]
    said = codes.ENCOUNTER_STATUS.get(trigger)
    if said:
        return said
    if "end" in resource.get("period", {}):
        return "finished"
    return codes.CLASS_STATUS.get(patient_class, "in-progress" if patient_class else "unknown")


def _locations(draft: Draft, pv1: Segment, resource: Json, patient_class: str) -> None:
    for number, status in _LOCATIONS:
        raw = pv1.field(number)
        if not raw or (draft.trigger == "A12" and number == 6):  # a cancelled transfer: where the patient was sent is no place of the stay
            continue
        levels = actors.pl(raw, draft.text)
        if levels:
            planned = "planned" if number == 3 and patient_class == "P" else status
            reference = location(draft, levels, f"PV1-{number}")
            resource.setdefault("location", []).append({"location": reference, "status": planned})


def location(draft: Draft, levels: list[Json], place: str) -> Json:
    """Add a chain of Locations, the innermost first; gives the Reference to the innermost."""
    reference: Json = {}
    key: tuple[str, ...] = ("PL",)
    for n in reversed(range(len(levels))):
        level = levels[n] | {"partOf": reference} if reference else levels[n]
        key += (level["name"], str(level.get("physicalType")))
        reference = draft.once(key, f"{place}/{n}", partial(dict, level))
    return reference


def diagnoses(draft: Draft, subject: Json, visit: Json) -> None:
    """Add a Condition for each DG1; the Encounter, if any, refers to them."""
    for n, dg1 in enumerate(draft.content.segments("DG1")):
        made: Json = {"resourceType": "Condition", "subject": subject}
        if visit:
            made["encounter"] = visit
        made = apply(DG1, dg1, made, draft, f"DG1[{n}]")
        if "code" not in made:
            text = draft.text.leaf(dg1.field(4))
            if not text:
                continue
            made["code"] = {"text": text}
        status = "entered-in-error" if dg1.field(21) == "D" else "confirmed" if dg1.field(6) == "F" else "unconfirmed"
        made["verificationStatus"] = {"coding": [{"system": _VERIFICATION, "code": status}]}
        if status != "entered-in-error":
            made["clinicalStatus"] = {"coding": [{"system": f"{codes.TERMINOLOGY}condition-clinical", "code": "active"}]}
        draft.add(f"DG1[{n}]", made)


def allergies(draft: Draft, subject: Json) -> None:
    """Add an AllergyIntolerance for each AL1."""
    for n, al1 in enumerate(draft.content.segments("AL1")):
        made = apply(AL1, al1, {"resourceType": "AllergyIntolerance", "patient": subject}, draft, f"AL1[{n}]")
        if "code" not in made:
            continue
        t = draft.text
        category = _ALLERGY_CATEGORY.get(t.part(t.parts(al1.field(2)), 1))
        criticality = _CRITICALITY.get(t.part(t.parts(al1.field(4)), 1))
        made["clinicalStatus"] = {"coding": [{"system": _CLINICAL, "code": "active"}]}
        if category:
            made["category"] = [category]
        if criticality:
            made["criticality"] = criticality
        reactions = [{"text": text} for raw in t.repetitions(al1.field(5)) if (text := t.leaf(raw))]
        if reactions:
            made["reaction"] = [{"manifestation": reactions}]
        draft.add(f"AL1[{n}]", made)
