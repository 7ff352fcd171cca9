from typing import Any

import pytest

from hub.adapters.fhir.mappings import KINDS, OWN, V2
from hub.adapters.fhir.mappings.changes import CONTEXT, STATUSES, Written, is_new, kind_of
from hub.errors import Reason, Rejected
from hub.model import Kind


def meaning(resource: dict[str, Any], method: str = "PUT") -> Kind | None:
    return kind_of(Written(resource, is_new(resource, method)))


def visit(status: str, code: str = "IMP", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Encounter", "status": status, "class": {"code": code}} | more


def span(start: str = "", end: str = "") -> dict[str, Any]:
    return {"period": ({"start": start} if start else {}) | ({"end": end} if end else {})}


FIRST, NOON, NEXT = "2026-11-20T08:00:00+01:00", "2026-11-20T12:00:00+01:00", "2026-11-21T12:00:00+01:00"
MOVED = [{"status": "completed", **span(FIRST, NOON)}, {"status": "active", **span(NOON)}]


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (visit("planned"), Kind.ADMISSION_PLANNED),
        (visit("planned", "PRENC"), Kind.PREADMITTED),
        (visit("arrived", "AMB"), Kind.REGISTERED),
        (visit("arrived"), Kind.ARRIVED),
        (visit("triaged", "EMER"), Kind.UPDATED),
        (visit("in-progress"), Kind.ADMITTED),
        (visit("in-progress", "EMER"), Kind.ADMITTED),
        (visit("in-progress", "AMB"), Kind.REGISTERED),
        (visit("in-progress", location=MOVED), Kind.TRANSFERRED),
        (visit("in-progress", location=[{"status": "completed"}, {"status": "active"}]), Kind.TRANSFERRED),
        (visit("in-progress", location=[{"status": "active"}]), Kind.ADMITTED),
        (visit("in-progress", classHistory=[{"class": {"code": "EMER"}, **span(FIRST, NOON)}]), Kind.CLASS_CHANGED),
        (visit("in-progress", location=MOVED, classHistory=[{"class": {"code": "EMER"}, **span(FIRST, NEXT)}]), Kind.CLASS_CHANGED),
        (visit("in-progress", location=MOVED, statusHistory=[{"status": "onleave", **span(NOON, NEXT)}]), Kind.LEAVE_ENDED),
        (visit("in-progress", statusHistory=[{"status": "finished", **span(NOON, NEXT)}]), Kind.DISCHARGE_CANCELLED),
        (visit("in-progress", statusHistory=[{"status": "planned", **span(FIRST, NOON)}], location=MOVED[:1]), Kind.ADMITTED),
        (visit("onleave"), Kind.LEAVE_STARTED),
        (visit("finished"), Kind.DISCHARGED),
        (visit("cancelled"), Kind.ADMISSION_CANCELLED),
        (visit("cancelled", statusHistory=[{"status": "planned"}]), Kind.ADMISSION_PLAN_CANCELLED),
        (visit("cancelled", statusHistory=[{"status": "planned"}, {"status": "in-progress"}]), Kind.ADMISSION_CANCELLED),
        (visit("cancelled", "PRENC"), Kind.PREADMISSION_CANCELLED),
        (visit("entered-in-error"), Kind.ADMISSION_CANCELLED),
        (visit("unknown"), Kind.UPDATED),
    ],
)
def test_what_a_stay_says_of_itself(resource: dict[str, Any], kind: Kind) -> None:
    assert meaning(resource) is kind


def test_a_stay_written_again_long_after_its_last_change_was_only_updated() -> None:
    old = {"meta": {"versionId": "4", "lastUpdated": NEXT}}
    assert meaning(visit("in-progress", location=MOVED, **old)) is Kind.UPDATED
    assert meaning(visit("finished", **span(FIRST, NOON), **old)) is Kind.UPDATED
    assert meaning(visit("finished", **span(FIRST, NOON), meta={"versionId": "4", "lastUpdated": NOON})) is Kind.DISCHARGED
    assert meaning(visit("finished", **span(FIRST, NOON), meta={"lastUpdated": NEXT})) is Kind.DISCHARGED  # nobody says it was there before


def test_a_tag_says_what_no_status_can() -> None:
    ready = {"tag": [{"system": OWN, "code": Kind.READY_FOR_DISCHARGE.value}]}
    assert meaning(visit("in-progress", meta=ready)) is Kind.READY_FOR_DISCHARGE
    assert meaning(visit("in-progress", meta={"tag": [{"system": V2, "code": "A25"}, {"system": "x", "code": "y"}]})) is (
        Kind.NOT_READY_FOR_DISCHARGE
    )
    assert meaning(visit("in-progress", meta={"tag": [{"system": "x", "code": "y"}]})) is Kind.ADMITTED
    with pytest.raises(Rejected) as caught:
        meaning(visit("in-progress", meta={"tag": [{"system": OWN, "code": Kind.DEADLINE_BREACHED.value}]}))
    assert (caught.value.reason, caught.value.where) == (Reason.UNSUPPORTED_EVENT, "meta.tag")


REFERRAL = {"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}]}
LAB = {"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}]}


def request(status: str, intent: str = "order", **more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "status": status, "intent": intent} | more


@pytest.mark.parametrize(
    ("resource", "method", "kind"),
    [
        (request("active", **REFERRAL), "POST", Kind.REFERRAL_SENT),
        (request("active", meta={"versionId": "2"}, **REFERRAL), "PUT", Kind.REFERRAL_UPDATED),
        (request("active", meta={"versionId": "1"}, **REFERRAL), "PUT", Kind.REFERRAL_SENT),
        (request("on-hold", **REFERRAL), "PUT", Kind.REFERRAL_UPDATED),
        (request("completed", **REFERRAL), "PUT", Kind.REFERRAL_UPDATED),
        (request("revoked", **REFERRAL), "PUT", Kind.REFERRAL_CANCELLED),
        (request("entered-in-error", **REFERRAL), "PUT", Kind.REFERRAL_CANCELLED),
        (request("active", **LAB), "POST", Kind.ORDER_PLACED),
        (request("revoked", **LAB), "PUT", Kind.ORDER_PLACED),
        (request("active"), "POST", Kind.ORDER_PLACED),
        (request("active", "reflex-order"), "POST", Kind.ORDER_PLACED),
        (request("active", "proposal"), "POST", Kind.REFERRAL_SENT),
        (request("active", "plan", **LAB), "POST", Kind.ORDER_PLACED),
        (request("draft"), "POST", None),
        ({"resourceType": "Appointment", "status": "booked"}, "POST", Kind.APPOINTMENT_BOOKED),
        ({"resourceType": "Appointment", "status": "booked", "meta": {"versionId": "3"}}, "PUT", Kind.APPOINTMENT_UPDATED),
        ({"resourceType": "Appointment", "status": "proposed"}, "POST", Kind.APPOINTMENT_UPDATED),
        ({"resourceType": "Appointment", "status": "cancelled"}, "PUT", Kind.APPOINTMENT_CANCELLED),
        ({"resourceType": "Appointment", "status": "entered-in-error"}, "PUT", Kind.APPOINTMENT_CANCELLED),
        ({"resourceType": "Appointment", "status": "noshow"}, "PUT", Kind.APPOINTMENT_MISSED),
        ({"resourceType": "Observation", "status": "final"}, "POST", Kind.OBSERVATION_REPORTED),
        ({"resourceType": "DiagnosticReport", "status": "corrected"}, "PUT", Kind.OBSERVATION_REPORTED),
        ({"resourceType": "DocumentReference", "status": "current"}, "POST", Kind.DOCUMENT_PUBLISHED),
        ({"resourceType": "MedicationRequest", "status": "active"}, "POST", Kind.MEDICATION_ORDERED),
        ({"resourceType": "MedicationRequest", "status": "draft"}, "POST", None),
        ({"resourceType": "MedicationDispense", "status": "preparation"}, "POST", None),
        ({"resourceType": "MedicationDispense", "status": "completed"}, "POST", Kind.MEDICATION_DISPENSED),
        ({"resourceType": "Immunization", "status": "completed"}, "POST", Kind.IMMUNIZATION_RECORDED),
        ({"resourceType": "AllergyIntolerance"}, "POST", Kind.ALLERGIES_UPDATED),
        ({"resourceType": "Condition"}, "POST", None),
        ({"resourceType": "Condition", "category": [{"coding": [{"code": "problem-list-item"}]}]}, "POST", Kind.PROBLEM_ADDED),
        ({"resourceType": "Condition", "category": [{"coding": [{"code": "problem-list-item"}]}], "meta": {"versionId": "2"}}, "PUT",
         Kind.PROBLEM_UPDATED),
        ({"resourceType": "Condition", "category": [{"coding": [{"code": "problem-list-item"}]}],
          "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, "PUT", Kind.PROBLEM_DELETED),
        ({"resourceType": "Patient"}, "PUT", Kind.UPDATED),
        ({"resourceType": "Patient", "link": [{"type": "replaced-by"}]}, "PUT", Kind.MERGED),
        ({"resourceType": "Patient", "link": [{"type": "replaces"}]}, "PUT", Kind.MERGED),
        ({"resourceType": "Patient", "link": [{"type": "seealso"}]}, "POST", Kind.LINKED),
        ({"resourceType": "Patient", "link": [{"type": "seealso"}], "meta": {"versionId": "2"}}, "PUT", Kind.UPDATED),
        ({"resourceType": "Patient", "link": [{"type": "refer"}]}, "PUT", Kind.UPDATED),
    ],
)  # fmt: skip
def test_what_a_resource_means_by_its_status(resource: dict[str, Any], method: str, kind: Kind | None) -> None:
    assert meaning(resource, method) is kind


@pytest.mark.parametrize(
    ("resource", "reason", "where"),
    [
        ({"resourceType": "Foo"}, Reason.UNSUPPORTED_TYPE, ""),
        ({"resourceType": "Consent", "status": "active"}, Reason.UNSUPPORTED_TYPE, ""),
        ({}, Reason.UNSUPPORTED_TYPE, ""),
        ({"resourceType": "Encounter"}, Reason.BAD_VALUE, "status"),
        ({"resourceType": "Appointment", "status": "late"}, Reason.BAD_VALUE, "status"),
    ],
)
def test_what_means_nothing_here(resource: dict[str, Any], reason: Reason, where: str) -> None:
    with pytest.raises(Rejected) as caught:
        meaning(resource)
    assert (caught.value.reason, caught.value.where) == (reason, where)


def test_no_type_is_both_an_event_and_a_fact_of_others_and_a_lock_is_neither() -> None:
    assert not STATUSES.keys() & CONTEXT
    assert "Consent" not in STATUSES.keys() | CONTEXT  # a lock that is only carried would not be in force


def test_every_kind_that_is_meant_may_be_sent() -> None:
    plain = {row for statuses in STATUSES.values() for row in statuses.values() if isinstance(row, Kind)}
    assert plain <= set(KINDS.values()) - {Kind.DEADLINE_BREACHED}
