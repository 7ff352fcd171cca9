"""Resource types that a consent may name: each that tells something of a patient, and none that says who, where or of what message."""

import pytest

from hub.consent.resource_types import ABOUT, ACTORS, NO_ITEMS, RESOURCE_TYPES
from hub.errors import Rejected
from hub.identity import ENH
from tests.unit.consent.test_fhir_provision import of

# FHIR R4: clinical, diagnostics, medications, care provision, requests, finance, documents, research
TELLS = [
    "Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "Basic", "Binary",
    "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CarePlan", "CareTeam", "ChargeItem", "Claim", "ClaimResponse",
    "ClinicalImpression", "Communication", "CommunicationRequest", "Composition", "Condition", "Contract", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "DeviceMetric", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis", "Encounter",
    "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GuidanceResponse", "ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "InsurancePlan",
    "Invoice", "Linkage", "List", "MeasureReport", "Media", "Medication", "MedicationAdministration", "MedicationDispense",
    "MedicationRequest", "MedicationStatement", "MolecularSequence", "NutritionOrder", "Observation", "OrganizationAffiliation",
    "PaymentNotice", "PaymentReconciliation", "Procedure", "QuestionnaireResponse", "RequestGroup", "ResearchStudy",
    "ResearchSubject", "RiskAssessment", "Schedule", "ServiceRequest", "Slot", "Specimen", "Substance", "SupplyDelivery",
    "SupplyRequest", "Task", "VerificationResult", "VisionPrescription",
]  # fmt: skip
WHO_AND_WHERE = [
    "Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Device", "RelatedPerson", "HealthcareService", "Endpoint",
    "Group", "Person",
]  # fmt: skip
OF_A_MESSAGE = ["MessageHeader", "Provenance", "AuditEvent", "Consent"]
KNOWN_AS_ACTORS = {"Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "Group", "CareTeam"}


@pytest.mark.parametrize("kind", TELLS)
def test_what_tells_something_can_be_kept_back_by_its_type(kind: str) -> None:
    assert of({"class": [{"code": kind}]}).classes == (kind,)


@pytest.mark.parametrize("kind", [*WHO_AND_WHERE, *OF_A_MESSAGE])
def test_what_goes_along_with_what_is_told_cannot(kind: str) -> None:
    assert kind in NO_ITEMS
    with pytest.raises(Rejected):
        of({"class": [{"code": kind}]})


@pytest.mark.parametrize("kind", sorted({*TELLS, *WHO_AND_WHERE, *OF_A_MESSAGE} - {"Endpoint"} - KNOWN_AS_ACTORS))
def test_a_reference_that_shows_that_it_is_nobody_names_no_actor(kind: str) -> None:
    with pytest.raises(Rejected):
        of({"actor": [{"reference": {"reference": f"{kind}/1", "identifier": {"system": ENH, "value": "1"}}}]})


def test_these_are_all_of_them() -> None:
    assert {*TELLS, *WHO_AND_WHERE, *OF_A_MESSAGE} - {"Endpoint"} == RESOURCE_TYPES
    assert (set(WHO_AND_WHERE), set(OF_A_MESSAGE)) == (ACTORS, ABOUT)
