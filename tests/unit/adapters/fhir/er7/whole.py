"""A message of every family, with everything in it that the family has segments for. ``CANARY`` marks what only full detail may show."""

from copy import deepcopy
from typing import Any, Final

from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import (
    LOINC,
    PATIENT,
    SNOMED,
    VISIT,
    coded,
    message,
    much,
    named,
    person,
    to,
)

SECRET: Final = "CANARY"
ROUTE: Final = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
AROUND: Final = (
    VISIT,
    PATIENT,
    person("doc", "9144889", "Lund", "Kari"),
    named("org", "Organization", name="St. Olavs", identifier=[{"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "974749025"}]),
    named("ill", "Condition", subject=to("pat"), code=coded(SNOMED, "422504002", f"{SECRET} diagnosis")),
    named("nuts", "AllergyIntolerance", patient=to("pat"), code=coded(SNOMED, "91935009", f"{SECRET} allergy")),
    named("cover", "Coverage", status="active", beneficiary=to("pat"), payor=[{"display": f"{SECRET} payer"}]),
)
VALUE: Final = named(
    "value",
    "Observation",
    status="final",
    subject=to("pat"),
    code=coded(LOINC, "2823-3", f"{SECRET} potassium"),
    valueQuantity=much(4.1, "mmol/L", "mmol/L"),
    specimen=to("blood"),
    note=[{"text": f"{SECRET} remark"}],
)
BLOOD: Final = named("blood", "Specimen", subject=to("pat"), type=coded("0487", "BLD", f"{SECRET} blood"))
ORDER: Final = named(
    "order",
    "ServiceRequest",
    status="active",
    intent="order",
    subject=to("pat"),
    requester=to("doc"),
    code=coded(LOINC, "57698-3", f"{SECRET} lipids"),
    identifier=[{"value": "P1", "type": coded("0203", "PLAC")}],
    specimen=[to("blood")],
    supportingInfo=[to("value"), to("report")],
    note=[{"text": f"{SECRET} order note"}],
    reasonReference=[to("ill")],
    priority="urgent",
    performer=[to("org")],
)
REPORT: Final = named(
    "report",
    "DiagnosticReport",
    status="final",
    subject=to("pat"),
    code=coded(LOINC, "24323-8", f"{SECRET} panel"),
    basedOn=[to("order")],
    result=[to("value")],
    specimen=[to("blood")],
    conclusion=f"{SECRET} conclusion",
    effectiveDateTime="2026-11-20T08:00:00+01:00",
    presentedForm=[{"contentType": "application/pdf", "data": "Q0FOQVJZ"}],
)
LETTER: Final = named(
    "letter",
    "DocumentReference",
    status="current",
    docStatus="final",
    subject=to("pat"),
    type=coded(LOINC, "18842-5", f"{SECRET} summary"),
    author=[to("doc")],
    identifier=[{"system": "urn:d", "value": "D1"}],
    content=[{"attachment": {"contentType": "text/plain", "data": "Q0FOQVJZIHRleHQ="}}],
)
DOSAGE: Final = {"text": f"{SECRET} 1 tablet", "route": coded(ROUTE, "PO"), "doseAndRate": [{"doseQuantity": much(1, "tablett")}]}
PRESCRIPTION: Final = named(
    "rx",
    "MedicationRequest",
    status="active",
    intent="order",
    subject=to("pat"),
    requester=to("doc"),
    dosageInstruction=[DOSAGE],
    medicationCodeableConcept=coded("http://www.whocc.no/atc", "N02BE01", f"{SECRET} paracetamol"),
    note=[{"text": f"{SECRET} rx note"}],
)
HANDED: Final = named(
    "given",
    "MedicationDispense",
    status="completed",
    subject=to("pat"),
    authorizingPrescription=[to("rx")],
    quantity=much(20, "stk"),
    medicationCodeableConcept=coded("http://www.whocc.no/atc", "N02BE01", f"{SECRET} paracetamol"),
    whenHandedOver="2026-11-20",
    dosageInstruction=[DOSAGE],
)
SHOT: Final = named(
    "shot",
    "Immunization",
    status="completed",
    patient=to("pat"),
    vaccineCode=coded("http://hl7.org/fhir/sid/cvx", "208", f"{SECRET} vaccine"),
    lotNumber=f"{SECRET}L1",
    occurrenceDateTime="2026-11-20",
    performer=[{"actor": to("doc")}],
    route=coded(ROUTE, "IM"),
    doseQuantity=much(0.5, "mL", "mL"),
    reaction=[{"detail": to("value")}],
    fundingSource={"text": f"{SECRET} funds"},
)
VISITING: Final = named(
    "booked",
    "Appointment",
    status="booked",
    start="2026-12-01T09:00:00+01:00",
    end="2026-12-01T09:30:00+01:00",
    serviceType=[coded(SNOMED, "394579002", f"{SECRET} cardiology")],
    reasonCode=[{"text": f"{SECRET} reason"}],
    comment=f"{SECRET} come fasting",
    participant=[{"actor": to("pat"), "status": "accepted"}, {"actor": to("doc"), "status": "accepted"}],
)

# kind -> what is in focus, and what stands beside it
FAMILIES: Final[dict[Kind, tuple[str, tuple[tuple[str, dict[str, Any]], ...]]]] = {
    Kind.ADMITTED: ("visit", (VALUE,)),
    Kind.ALLERGIES_UPDATED: ("nuts", ()),
    Kind.OBSERVATION_REPORTED: ("report", (REPORT, ORDER, VALUE, BLOOD)),
    Kind.DOCUMENT_PUBLISHED: ("letter", (LETTER,)),
    Kind.REFERRAL_SENT: ("order", (ORDER, VALUE, BLOOD, REPORT)),
    Kind.REFERRAL_ANSWERED: ("order", (ORDER, VALUE, BLOOD, REPORT)),
    Kind.ORDER_PLACED: ("order", (ORDER, VALUE, BLOOD, REPORT)),
    Kind.MEDICATION_ORDERED: ("rx", (PRESCRIPTION,)),
    Kind.MEDICATION_DISPENSED: ("given", (HANDED, PRESCRIPTION)),
    Kind.IMMUNIZATION_RECORDED: ("shot", (SHOT, VALUE)),
    Kind.PROBLEM_ADDED: ("ill", ()),
    Kind.APPOINTMENT_BOOKED: ("booked", (VISITING,)),
}


def whole(kind: Kind) -> dict[str, Any]:
    """The message of a kind, to be changed as one likes."""
    focus, resources = FAMILIES[kind]
    return deepcopy(message(kind, *AROUND, *resources, focus=focus))
