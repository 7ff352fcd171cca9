"""The visit: PV1 and PV2 as Encounter, and what else they say (coverage, episode, a place the patient was at for a while)."""

from collections.abc import Callable
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.allergies import allergies
from hub.adapters.hl7v2.mappings.conditions import diagnoses
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coded, coding_of, put, table_concept
from hub.adapters.hl7v2.mappings.header import label
from hub.adapters.hl7v2.mappings.patient import important
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.tables import TABLES

__all__ = ["allergies", "chain", "diagnoses", "encounter", "location"]

_PARTICIPATION: Final = f"{codes.TERMINOLOGY}v3-ParticipationType"
_LATER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"  # elements of R5, as R4 may carry them
# PV1 field, EncounterLocationStatus, is it a temporary one; the first is where the patient is
_LOCATIONS: Final = ((3, "active", False), (6, "completed", False), (11, "active", True), (42, "reserved", False), (43, "completed", True))
_TEMPORARY: Final = [
    {
        "url": f"{EXTENSION}subject-locationClassification",
        "valueCodeableConcept": {"coding": [coding_of("http://hl7.org/fhir/ValueSet/subject-location", "temporary")]},
    }
]
_UNDONE: Final = {"A12": 6, "A26": 42}  # a cancelled transfer: where the patient was, or was to be, sent is no place of the stay
_MAY_BE_OVER: Final = frozenset({None, "unknown", "arrived", "in-progress"})
_CHANGED_CLASS: Final = frozenset({"A06", "A07"})
chain: Final = actors.chain
location: Final = actors.chain


def _role(code: str, shown: str) -> Callable[[Json], Json]:
    kind = [{"coding": [coding_of(_PARTICIPATION, code)], "text": shown}]
    return lambda reference: {"type": kind, "individual": reference}


def _attends(reference: Json) -> Json:
    return {"type": _ATTENDER, "individual": reference}


_ATTENDER: Final = [{"coding": [coding_of(_PARTICIPATION, "ATND", "attender")]}]
_VISIT_NUMBER: Final = {**datatypes.identifier_type("VN"), "text": "visit number"}


def _visit_number(raw: str, t: Text) -> Json:
    """CX of PV1-19: a visit number, whatever else the sender calls it."""
    made = datatypes.cx(raw, t)
    said = [c for c in made.get("type", {}).get("coding", ()) if c["code"] != "VN"]
    return {**made, "type": {**_VISIT_NUMBER, "coding": [*_VISIT_NUMBER["coding"], *said]} if said else _VISIT_NUMBER} if made else {}


def _days(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    system = "http://unitsofmeasure.org"
    return (
        {"value": int(text), "unit": "days", "system": system, "code": "d"} if text.isascii() and text.isdigit() and len(text) < 6 else {}
    )


def _moment(name: str) -> Callable[[str, Text], Json]:
    url = f"{_LATER}{name}"
    return lambda raw, t: {"url": url, "valueDateTime": value} if (value := datatypes.moment(raw, t)) else {}


def _arrival(raw: str, t: Text) -> Json:
    found = _arrived(raw, t).get("coding")
    return {"url": f"{EXTENSION}encounter-modeOfArrival", "valueCoding": found[0]} if found else {}


def _described(raw: str, t: Text) -> Json:
    """PV2-12 as narrative: the text alone, none of it markup."""
    said = t.leaf(raw).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{said}</div>'} if said else {}


def _discharged_to(raw: str, t: Text) -> Json:
    """DLD -> Location of that type: where the patient went is a kind of place, or the name of one."""
    kind = _discharge_place(t.raw(raw, 1).replace(t.subcomponent, t.component), t)  # a CWE that is a component
    coding: Json = next(iter(kind.get("coding", ())), {})
    name = kind.get("text") or coding.get("code", "")
    return {"resourceType": "Location", "name": name, "type": [kind]} if name else {}


_arrived: Final = coded("ModeOfArrivalCode")
_discharge_place: Final = table_concept("0113")
PV1: Final[Rows] = (
    Row(4, "type", coded("AdmissionType"), many=True),
    Row(5, "hospitalization.preAdmissionIdentifier", datatypes.cx),
    Link(7, "participant", actors.xcn, _attends),
    Link(8, "participant", actors.xcn, _role("REF", "referrer")),
    Link(9, "participant", actors.xcn, _role("CON", "consultant")),
    Row(10, "serviceType", coded("HospitalService")),
    Row(13, "hospitalization.reAdmission", coded("ReadmissionIndicator")),
    Row(14, "hospitalization.admitSource", table_concept("0023")),
    Row(15, "hospitalization.specialArrangement", coded("AmbulatoryStatus"), many=True),
    Row(16, "hospitalization.specialCourtesy", table_concept("0099"), many=True),
    Link(17, "participant", actors.xcn, _role("ADM", "admitter")),
    Row(19, "identifier", _visit_number, many=True),
    Row(36, "hospitalization.dischargeDisposition", table_concept("0112")),
    Link(37, "hospitalization.destination", _discharged_to, many=False),
    Row(38, "hospitalization.dietPreference", table_concept("0114"), many=True),
    Row(44, "period.start", datatypes.moment),
    Row(45, "period.end", datatypes.moment),
    Row(50, "identifier", datatypes.cx, many=True),
    Link(52, "participant", actors.xcn, _role("PART", "Participation")),
)
PV2: Final[Rows] = (
    Row(3, "reasonCode", datatypes.concept(""), many=True),
    Row(8, "extension", _moment("Encounter.plannedStartDate"), many=True),
    Row(9, "extension", _moment("Encounter.plannedEndDate"), many=True),
    Row(11, "length", _days),
    Row(12, "text", _described),
    Link(13, "participant", actors.xcn, _role("REF", "referrer")),
    Row(25, "priority", coded("EncounterPriority")),
    Row(38, "extension", _arrival, many=True),
)
_financial_class: Final = table_concept("0064")
_bed: Final = TABLES["BedStatus"]


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
        _more(draft, pv2, resource)
    if draft.trigger in _CHANGED_CLASS:
        _changed(draft, resource)
    if len(pv1.fields) > 16:
        _besides(draft, pv1, resource, subject)
    return reference


def _class(patient_class: str) -> Json:
    known = TABLES["PatientClass[EncounterClass]"].codes.get(patient_class)
    if known:
        return coding_of(known.system, known.code, known.display)
    if patient_class:
        return coding_of(f"{codes.TERMINOLOGY}v2-0004", datatypes.code(patient_class))
    return coding_of(f"{codes.TERMINOLOGY}v3-NullFlavor", "NI")  # Encounter.class is required in R4


def _status(trigger: str, patient_class: str, resource: Json) -> str:
    """What the event says, or finished when there is a discharge time and the visit was begun; else what the patient class says."""
    if trigger == "A13":  # the discharge did not happen
        resource.get("period", {}).pop("end", None)
        resource.get("hospitalization", {}).pop("dischargeDisposition", None)
        for empty in ("hospitalization", "period"):
            if not resource.get(empty, True):
                del resource[empty]
    said = codes.ENCOUNTER_STATUS.get(trigger)
    if "end" in resource.get("period", {}) and said in _MAY_BE_OVER:
        return "finished"
    return said or codes.CLASS_STATUS.get(patient_class, "in-progress" if patient_class else "unknown")


def _locations(draft: Draft, pv1: Segment, resource: Json, patient_class: str) -> None:
    size = len(pv1.fields)
    found: list[Json] = []
    for number, status, is_temporary in _LOCATIONS:
        if number >= size or not (raw := pv1.fields[number]) or _UNDONE.get(draft.trigger) == number:
            continue
        reference = actors.location(draft, raw, f"PV1-{number}")
        if reference:
            said = "planned" if number == 3 and patient_class == "P" else status
            found.append({"location": reference, "status": said} | ({"extension": _TEMPORARY} if is_temporary else {}))
    if found:
        resource["location"] = found
    bed = draft.text.leaf(pv1.fields[40]) if size > 40 else ""
    if bed and found and pv1.field(3):
        known = _bed.codes.get(bed)
        draft.resource(found[0]["location"])["operationalStatus"] = coding_of(_bed.v2, bed, known.display if known else "")


def _more(draft: Draft, pv2: Segment, resource: Json) -> None:
    """PV2: why, when it is planned for, how long; the place the patient was to go to, and who may know of the visit."""
    apply(PV2, pv2, resource, draft, "PV2")
    planned = actors.location(draft, pv2.field(1), "PV2-1") if pv2.field(1) else {}
    if planned:
        resource.setdefault("location", []).append({"location": planned, "status": "planned"})
    secret = draft.text.part(draft.text.parts(pv2.field(22)), 1)
    if secret:
        resource["meta"] = {"security": [label(secret)]}


def _changed(draft: Draft, resource: Json) -> None:
    """A06, A07: the class since when the event happened."""
    since = datatypes.moment(draft.content.field("EVN", 6), draft.text) or datatypes.moment(draft.content.field("EVN", 2), draft.text)
    if since:
        resource["classHistory"] = [{"class": resource["class"], "period": {"start": since}}]


def _besides(draft: Draft, pv1: Segment, resource: Json, subject: Json) -> None:
    """What PV1 says that is not the visit's own: a VIP, a coverage, an episode of care, where the patient was for a while."""
    t = draft.text
    if pv1.field(16):
        important(draft, subject, pv1.field(16))
    financial = next(iter(t.repetitions(pv1.field(20))), "")
    concept = _financial_class(financial, t) if financial else {}
    if concept:
        coverage: Json = {"resourceType": "Coverage", "status": "active", "type": concept, "beneficiary": subject}
        draft.add("PV1-20", coverage | {"payor": [{"display": "unknown"}]})  # R4 demands a payor; PV1-20 names none
    _history(draft, pv1.field(43), subject)
    _episode(draft, pv1, resource, subject)


def _history(draft: Draft, raw: str, subject: Json) -> None:
    """PV1-43, a temporary place the patient has left, as the EncounterHistory of R5 in a Basic."""
    place = actors.location(draft, raw, "PV1-43") if raw else {}
    if not place:
        return
    url = f"{_LATER}EncounterHistory.location"
    said: list[Any] = [
        {"url": f"{url}.location", "valueReference": place},
        {"url": f"{url}.location.status", "valueCode": "complete"},
        *_TEMPORARY,
    ]
    kind = {"coding": [coding_of("http://hl7.org/fhir/fhir-types", "EncounterHistory")]}
    draft.add("PV1-43/history", {"resourceType": "Basic", "extension": [{"url": url, "extension": said}], "code": kind, "subject": subject})


def _episode(draft: Draft, pv1: Segment, resource: Json, subject: Json) -> None:
    """PV1-53 and 54: the episode of care that the visit belongs to."""
    number = datatypes.cx(pv1.field(54), draft.text) if pv1.field(54) else {}
    described = draft.text.leaf(pv1.field(53))
    if not number and not described:
        return
    made: Json = {"resourceType": "EpisodeOfCare", "status": "active", "patient": subject}
    put(made, "extension", [{"url": f"{EXTENSION}resource-instance-description", "valueString": described}] if described else [])
    put(made, "identifier", [number] if number else [])
    resource["episodeOfCare"] = [draft.keep(("episode",), draft.add("PV1-54", made))]
