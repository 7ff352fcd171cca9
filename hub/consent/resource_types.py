"""The FHIR R4 resource types that can tell something of a patient, or that a reference of a Consent may name."""

from typing import Final

RESOURCE_TYPES: Final = frozenset({
    "Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "AuditEvent", "Basic", "Binary",
    "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CarePlan", "CareTeam", "ChargeItem", "Claim", "ClaimResponse",
    "ClinicalImpression", "Communication", "CommunicationRequest", "Composition", "Condition", "Consent", "Contract", "Coverage",
    "CoverageEligibilityRequest", "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceMetric", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis", "Encounter",
    "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "Group",
    "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation",
    "InsurancePlan", "Invoice", "Linkage", "List", "Location", "MeasureReport", "Media", "Medication", "MedicationAdministration",
    "MedicationDispense", "MedicationRequest", "MedicationStatement", "MessageHeader", "MolecularSequence", "NutritionOrder",
    "Observation", "Organization", "OrganizationAffiliation", "Patient", "PaymentNotice", "PaymentReconciliation", "Person",
    "Practitioner", "PractitionerRole", "Procedure", "Provenance", "QuestionnaireResponse", "RelatedPerson", "RequestGroup",
    "ResearchStudy", "ResearchSubject", "RiskAssessment", "Schedule", "ServiceRequest", "Slot", "Specimen", "Substance",
    "SupplyDelivery", "SupplyRequest", "Task", "VerificationResult", "VisionPrescription",
})  # fmt: skip
# Who and where, and what is about a message itself: they go along with what is told, and by themselves nothing can be kept back.
ACTORS: Final = frozenset((
    "Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Device", "RelatedPerson", "HealthcareService", "Endpoint",
    "Group", "Person",
))  # fmt: skip
ABOUT: Final = frozenset({"MessageHeader", "Provenance", "AuditEvent", "Consent"})
NO_ITEMS: Final = ACTORS | ABOUT
