"""What it means that a resource was written: FHIR R4 resource type and status -> kind of event.

A resource tells a state, an event is a change of it. Where the resource keeps its own history (Encounter) the latest change in it counts;
a sender that knows better says so by a tag on the resource (``meta.tag``) in one of the event code systems of ``KINDS``: that always
counts, and is the only way to say what no status can (ready for discharge).
Sources: FHIR R4 status value sets; the hub's own reading where R4 says nothing of events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from hub.adapters.fhir.document import Json, obj, objects, text
from hub.adapters.fhir.facts import encounter_class
from hub.adapters.fhir.mappings import KINDS, RAISED_BY_THE_HUB
from hub.adapters.fhir.times import microseconds
from hub.errors import Reason, Rejected
from hub.model import Kind

_DAY_US: Final = 24 * 3600 * 1_000_000
_OUTPATIENT: Final = frozenset({"O", "R", "C", "N"})  # table 0004: registered rather than admitted
_PREADMIT: Final = "P"
_REFERRALS: Final = frozenset(  # SNOMED CT: patient referral, referral to service, and kin; Volven writes the word
    {"3457005", "306206005", "306253008", "183444007", "308292007", "referral"}
)
_ORDERS: Final = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_PROBLEM: Final = "problem-list-item"


@dataclass(frozen=True, slots=True)
class Written:
    """A resource and what is known of its writing."""

    resource: Json = field(repr=False)
    is_new: bool  # created, or nobody says it was there before


Meaning = Kind | None  # None: nothing has happened yet that anyone is told of
Reading = Callable[[Written], Meaning]
Row = Meaning | Reading


def is_new(resource: Json, method: str) -> bool:
    """Whether a resource was created: POST, or version 1; without either word it counts as new."""
    version = text(obj(resource.get("meta")).get("versionId"))
    return method == "POST" or not version or version == "1"


def kind_of(written: Written) -> Meaning:
    """The event a resource means. Raises Rejected, naming the element: UNSUPPORTED_TYPE, BAD_VALUE, UNSUPPORTED_EVENT (not to be sent)."""
    resource = written.resource
    kind = text(resource.get("resourceType"))
    statuses = STATUSES.get(kind)
    if statuses is None:
        raise Rejected(Reason.UNSUPPORTED_TYPE)
    tagged = _tagged(resource)
    if tagged is not None:
        return tagged
    status = text(resource.get("status"))
    if status not in statuses and ANY not in statuses:
        raise Rejected(Reason.BAD_VALUE, "status")
    row = statuses.get(status, statuses.get(ANY))
    return row(written) if callable(row) else row


def _tagged(resource: Json) -> Kind | None:
    for tag in objects(obj(resource.get("meta")).get("tag")):
        found = KINDS.get((text(tag.get("system")), text(tag.get("code"))))
        if found is RAISED_BY_THE_HUB:
            raise Rejected(Reason.UNSUPPORTED_EVENT, "meta.tag")
        if found is not None:
            return found
    return None


def _codes(resource: Json, element: str) -> set[str]:
    value = resource.get(element)
    concepts = objects(value) if isinstance(value, list) else [obj(value)]
    return {text(c.get("code")).lower() for concept in concepts for c in objects(concept.get("coding"))}


def _planned(written: Written) -> Kind:
    return Kind.PREADMITTED if encounter_class(written.resource) == _PREADMIT else Kind.ADMISSION_PLANNED


def _here(written: Written) -> Kind:
    """Under way: what the resource's own history says changed last; of an old state written again, only that it was updated."""
    visit = written.resource
    begun = Kind.REGISTERED if encounter_class(visit) in _OUTPATIENT else Kind.ADMITTED
    changes = [(_time(obj(visit.get("period")).get("start")), begun), *_history(visit, begun), *_class_changes(visit), *_moves(visit)]
    when, kind = max(enumerate(changes), key=lambda c: (c[1][0], c[0]))[1]
    return _unless_old(written, when, kind)


def _history(visit: Json, begun: Kind) -> list[tuple[int, Kind]]:
    """The end of an earlier status is the beginning of this one."""
    after = {"onleave": Kind.LEAVE_ENDED, "finished": Kind.DISCHARGE_CANCELLED}
    past = [(_time(obj(h.get("period")).get("end")), text(h.get("status"))) for h in objects(visit.get("statusHistory"))]
    ended = [(when, status) for when, status in past if status and status != text(visit.get("status"))]
    return [(when, after.get(status, begun)) for when, status in sorted(ended, key=lambda e: e[0])[-1:]]


def _class_changes(visit: Json) -> list[tuple[int, Kind]]:
    return [(_time(obj(h.get("period")).get("end")), Kind.CLASS_CHANGED) for h in objects(visit.get("classHistory"))]


def _moves(visit: Json) -> list[tuple[int, Kind]]:
    """A place left and another taken."""
    places = objects(visit.get("location"))
    left = [p for p in places if text(p.get("status")) == "completed"]
    taken = [p for p in places if text(p.get("status")) == "active"]
    if not left or not taken:
        return []
    ends = [_time(obj(p.get("period")).get("end")) for p in left]
    return [(max([_time(obj(p.get("period")).get("start")) for p in taken] + ends), Kind.TRANSFERRED)]


def _gone(written: Written) -> Kind:
    return _unless_old(written, _time(obj(written.resource.get("period")).get("end")), Kind.DISCHARGED)


def _unless_old(written: Written, when: int, kind: Kind) -> Kind:
    """An encounter that is written again a day or more after its last change was only updated."""
    saved = _time(obj(written.resource.get("meta")).get("lastUpdated"))
    return Kind.UPDATED if not written.is_new and when and saved - when >= _DAY_US else kind


def _cancelled(written: Written) -> Kind:
    """What was cancelled: a stay that had begun, or a plan."""
    visit = written.resource
    past = [text(h.get("status")) for h in objects(visit.get("statusHistory")) if text(h.get("status")) != "cancelled"]
    if encounter_class(visit) == _PREADMIT:
        return Kind.PREADMISSION_CANCELLED
    return Kind.ADMISSION_PLAN_CANCELLED if past and set(past) == {"planned"} else Kind.ADMISSION_CANCELLED


def _time(value: object) -> int:
    return microseconds(text(value)) or 0


def _is_referral(written: Written) -> bool:
    """By its category; without one, what is no order yet is a referral."""
    given = _codes(written.resource, "category")
    return bool(given & _REFERRALS) if given else text(written.resource.get("intent")) not in _ORDERS


def _requested(written: Written) -> Kind:
    if not _is_referral(written):
        return Kind.ORDER_PLACED
    return Kind.REFERRAL_SENT if written.is_new else Kind.REFERRAL_UPDATED


def _request_changed(written: Written) -> Kind:
    return Kind.REFERRAL_UPDATED if _is_referral(written) else Kind.ORDER_PLACED


def _request_revoked(written: Written) -> Kind:
    return Kind.REFERRAL_CANCELLED if _is_referral(written) else Kind.ORDER_PLACED


def _booked(written: Written) -> Kind:
    return Kind.APPOINTMENT_BOOKED if written.is_new else Kind.APPOINTMENT_UPDATED


def _person(written: Written) -> Kind:
    """A link that says replaced is a merge, on either side of it."""
    links = {text(link.get("type")) for link in objects(written.resource.get("link"))}
    return Kind.MERGED if links & {"replaces", "replaced-by"} else Kind.LINKED if "seealso" in links and written.is_new else Kind.UPDATED


def _problem(written: Written) -> Meaning:
    """Of conditions only those of the problem list are events; a diagnosis of a stay is told with the stay."""
    condition = written.resource
    if _PROBLEM not in _codes(condition, "category"):
        return None
    if "entered-in-error" in _codes(condition, "verificationStatus"):
        return Kind.PROBLEM_DELETED
    return Kind.PROBLEM_ADDED if written.is_new else Kind.PROBLEM_UPDATED


ANY: Final = "*"  # the status of a type whose statuses all mean the same
STATUSES: Final[Mapping[str, Mapping[str, Row]]] = MappingProxyType(
    {
        "Patient": {ANY: _person},
        "Encounter": {
            "planned": _planned,
            "arrived": lambda w: Kind.REGISTERED if encounter_class(w.resource) in _OUTPATIENT else Kind.ARRIVED,
            "triaged": Kind.UPDATED,
            "in-progress": _here,
            "onleave": Kind.LEAVE_STARTED,
            "finished": _gone,
            "cancelled": _cancelled,
            "entered-in-error": Kind.ADMISSION_CANCELLED,
            "unknown": Kind.UPDATED,
        },
        "Observation": {ANY: Kind.OBSERVATION_REPORTED},
        "DiagnosticReport": {ANY: Kind.OBSERVATION_REPORTED},
        "DocumentReference": {ANY: Kind.DOCUMENT_PUBLISHED},
        "ServiceRequest": {
            "draft": None,
            "active": _requested,
            "on-hold": _request_changed,
            "revoked": _request_revoked,
            "completed": _request_changed,
            "entered-in-error": _request_revoked,
            "unknown": _request_changed,
        },
        "Appointment": {
            "proposed": Kind.APPOINTMENT_UPDATED,
            "pending": Kind.APPOINTMENT_UPDATED,
            "waitlist": Kind.APPOINTMENT_UPDATED,
            "booked": _booked,
            "arrived": Kind.APPOINTMENT_UPDATED,
            "checked-in": Kind.APPOINTMENT_UPDATED,
            "fulfilled": Kind.APPOINTMENT_UPDATED,
            "cancelled": Kind.APPOINTMENT_CANCELLED,
            "noshow": Kind.APPOINTMENT_MISSED,
            "entered-in-error": Kind.APPOINTMENT_CANCELLED,
        },
        "MedicationRequest": {"draft": None, ANY: Kind.MEDICATION_ORDERED},
        "MedicationDispense": {"preparation": None, ANY: Kind.MEDICATION_DISPENSED},
        "Immunization": {ANY: Kind.IMMUNIZATION_RECORDED},
        "AllergyIntolerance": {ANY: Kind.ALLERGIES_UPDATED},
        "Condition": {ANY: _problem},
    }
)
# Told with whatever refers to them, and never alone
CONTEXT: Final = frozenset(
    {"Account", "Binary", "CarePlan", "CareTeam", "Coverage", "Device", "Endpoint", "EpisodeOfCare", "HealthcareService", "ImagingStudy",
     "Location", "Media", "Medication", "Organization", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "RelatedPerson",
     "Schedule", "Slot", "Specimen"}
)  # fmt: skip
# A resource that holds another: the other is told with it, unless it is an order that was created beside it
HOLDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(  # type -> (path, type of what is held)
    {
        "DiagnosticReport": (("result", "Observation"), ("basedOn", "ServiceRequest")),
        "Observation": (("hasMember", "Observation"),),
        "DocumentReference": (("context.related", "Observation"),),
        "ServiceRequest": (("supportingInfo", "Observation"),),
        "Appointment": (("supportingInformation", "Observation"),),
        "MedicationDispense": (("authorizingPrescription", "MedicationRequest"),),
    }
)
# Events of one patient and one stay that are one message; every other event is one by itself
TOGETHER: Final = frozenset(
    {Kind.OBSERVATION_REPORTED, Kind.ORDER_PLACED, Kind.MEDICATION_ORDERED, Kind.MEDICATION_DISPENSED, Kind.IMMUNIZATION_RECORDED,
     Kind.ALLERGIES_UPDATED, Kind.PROBLEM_ADDED, Kind.PROBLEM_UPDATED, Kind.PROBLEM_DELETED}
)  # fmt: skip
