from typing import Any

import pytest

from hub.adapters.fhir.er7.negation import is_order, is_so
from hub.errors import Reason, Rejected
from hub.model import Detail, Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, SNOMED, VISIT, coded, composed, lines, message, named, to

REQUEST: dict[str, Any] = {"status": "active", "intent": "order", "subject": to("pat"), "code": coded(LOINC, "57698-3", "Lipid panel")}


@pytest.mark.parametrize("kind", ["ServiceRequest", "MedicationRequest"])
def test_what_is_not_to_be_done_is_no_order(kind: str) -> None:
    event = Kind.ORDER_PLACED if kind == "ServiceRequest" else Kind.MEDICATION_ORDERED
    with pytest.raises(Rejected) as refused:
        composed(message(event, named("r", kind, **REQUEST, doNotPerform=True)))
    assert (refused.value.reason, refused.value.where) == (Reason.NO_TRANSLATION, "Bundle.entry[1].resource.doNotPerform")


@pytest.mark.parametrize("place", [("modifierExtension",), ("code", "modifierExtension"), ("implicitRules",)])
def test_an_extension_that_may_change_everything_is_not_passed_over(place: tuple[str, ...]) -> None:
    request = dict(REQUEST)
    value: Any = [{"url": "urn:x", "valueBoolean": True}] if place[-1] == "modifierExtension" else "urn:x"
    for name in reversed(place):
        value = {name: value}
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.ORDER_PLACED, named("r", "ServiceRequest", **(request | value))), Detail.NOTICE)
    assert refused.value.reason is Reason.NO_TRANSLATION


@pytest.mark.parametrize(("element", "value"), [("status", "draft"), ("intent", "plan"), ("intent", "proposal"), ("intent", "option")])
def test_what_is_only_thought_of_is_no_order(element: str, value: str) -> None:
    request = REQUEST | {element: value}
    assert not is_order(request)
    for kind, event in (("ServiceRequest", Kind.ORDER_PLACED), ("MedicationRequest", Kind.MEDICATION_ORDERED)):
        with pytest.raises(Rejected, match="no_translation"):
            composed(message(event, named("r", kind, **request)))
    assert is_order(REQUEST)


@pytest.mark.parametrize(
    ("kind", "element", "void"),
    [
        ("AllergyIntolerance", "verificationStatus", "refuted"),
        ("AllergyIntolerance", "clinicalStatus", "resolved"),
        ("Condition", "verificationStatus", "refuted"),
        ("Procedure", "status", "not-done"),
        ("Coverage", "status", "cancelled"),
        ("RelatedPerson", "active", False),
        ("Specimen", "status", "entered-in-error"),
        ("CareTeam", "status", "inactive"),
    ],
)
def test_what_is_not_so_is_void(kind: str, element: str, void: Any) -> None:
    said = {"coding": [{"code": void}]} if element.endswith("Status") else void
    assert not is_so({"resourceType": kind, element: said})
    assert is_so({"resourceType": kind})
    assert is_so({"resourceType": kind, element: [void]})
    assert is_so({"resourceType": "Encounter", element: said})


def test_no_allergy_diagnosis_or_procedure_is_told_that_is_not_there() -> None:
    nuts, ill = coded(SNOMED, "91935009", "Peanut allergy"), coded(SNOMED, "422504002", "Stroke")
    told = composed(
        message(
            Kind.ADMITTED,
            VISIT,
            named("a", "AllergyIntolerance", patient=to("pat"), code=nuts, verificationStatus={"coding": [{"code": "refuted"}]}),
            named("c", "Condition", subject=to("pat"), code=ill, verificationStatus={"coding": [{"code": "refuted"}]}),
            named("p", "Procedure", subject=to("pat"), status="not-done", code=ill, performedDateTime="2026-11-20"),
            named("k", "RelatedPerson", patient=to("pat"), active=False, name=[{"family": "Berg"}]),
        )
    )
    assert lines(told, "AL1", "DG1", "PR1", "NK1") == []
