from typing import Any

import pytest
from hl7apy import load_reference

from hub.adapters.fhir.er7 import FAMILIES
from hub.adapters.fhir.er7.triggers import STRUCTURES, TRIGGERS
from hub.adapters.fhir.mappings import KINDS, V2
from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, VISIT, coded, composed, field_of, message, named, to

# kinds of event that v2 has no message for that the hub composes -> why
WITHOUT = {
    Kind.ACCOUNT_OPENED: "BAR is between the departments of a hospital and its accounts",
    Kind.ACCOUNT_UPDATED: "as above",
    Kind.ACCOUNT_CLOSED: "as above",
    Kind.ACCOUNT_PURGED: "as above",
    Kind.CHARGE_POSTED: "DFT likewise",
    Kind.DISCHARGE_ANSWERED: "v2 has no event for a municipality's answer",
    Kind.DEADLINE_BREACHED: "the hub's own, which no v2 event means",
}


def test_every_kind_is_a_message_or_has_a_reason_not_to_be() -> None:
    assert set(TRIGGERS) | set(WITHOUT) == set(Kind)
    assert not set(TRIGGERS) & set(WITHOUT)


@pytest.mark.parametrize("kind", [k for k in WITHOUT if k is not Kind.DEADLINE_BREACHED])
def test_a_kind_without_a_message_is_refused_as_that(kind: Kind) -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(kind, named("account", "Account", subject=[to("pat")])))
    assert refused.value.reason is Reason.NO_TRANSLATION


@pytest.mark.parametrize(("name", "structure"), STRUCTURES.items())
def test_every_structure_is_one_of_the_standard_with_a_family(name: str, structure: str) -> None:
    assert load_reference(structure, "Message", "2.5.1")
    assert name.partition("^")[0] in FAMILIES


def test_every_v2_event_that_is_read_is_written_as_that_event() -> None:
    codes = {code for (system, code), kind in KINDS.items() if system == V2 and kind in TRIGGERS}
    named_ = {name.partition("^")[2] for name in STRUCTURES}
    assert codes - named_ <= {"A17", "R22", "R23", "R24", "O21"}, "two patients in one message; results are ORU"


def trigger(kind: Kind, *resources: tuple[str, dict[str, Any]], event: tuple[str, str] | None = None) -> str:
    return field_of(composed(message(kind, *resources, event=event)), "MSH-9")


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [(Kind.UPDATED, "A28", "A28"), (Kind.UPDATED, "A31", "A31"), (Kind.MERGED, "A40", "A40"), (Kind.REGISTERED, "A04", "A04")],
)
def test_a_sender_who_names_a_v2_event_is_taken_at_its_word(kind: Kind, code: str, expected: str) -> None:
    old = named("old", "Patient", identifier=[{"system": "urn:m", "value": "9"}], link=[{"other": to("pat"), "type": "replaced-by"}])
    pat = named("pat", "Patient", identifier=[{"system": "urn:m", "value": "7"}], link=[{"other": to("old"), "type": "replaces"}])
    assert trigger(kind, VISIT, pat, old, event=(V2, code)).split("^")[1] == expected


def test_who_is_updated_without_a_visit_is_a_person() -> None:
    assert trigger(Kind.UPDATED) == "ADT^A31^ADT_A05"
    assert trigger(Kind.UPDATED, VISIT) == "ADT^A08^ADT_A01"
    assert trigger(Kind.DELETED) == "ADT^A29^ADT_A21"
    assert trigger(Kind.DELETED, VISIT) == "ADT^A23^ADT_A21"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, "T01"),
        ({"content": [{"attachment": {"contentType": "text/plain", "data": "aGVp"}}]}, "T02"),
        ({"relatesTo": [{"code": "appends", "target": {"display": "x"}}]}, "T05"),
        ({"relatesTo": [{"code": "replaces", "target": {"display": "x"}}], "content": [{"attachment": {"url": "https://x.no/1"}}]}, "T10"),
        ({"docStatus": "amended"}, "T07"),
        ({"docStatus": "entered-in-error"}, "T11"),
        ({"status": "entered-in-error"}, "T11"),
    ],
)
def test_what_became_of_a_document_is_its_event(elements: dict[str, Any], expected: str) -> None:
    document = {"status": "current", "subject": to("pat"), "type": coded(LOINC, "18842-5")} | elements
    assert trigger(Kind.DOCUMENT_PUBLISHED, named("d", "DocumentReference", **document)).split("^")[1] == expected


def test_an_appointment_that_never_was_is_deleted() -> None:
    person = [{"actor": to("pat"), "status": "accepted"}]
    for status, expected in (("cancelled", "S15"), ("entered-in-error", "S17")):
        booked = named("a", "Appointment", status=status, participant=person)
        assert trigger(Kind.APPOINTMENT_CANCELLED, booked).split("^")[1] == expected


def test_an_order_is_for_the_laboratory_or_for_any_other_service_or_for_a_medicine() -> None:
    order = {"status": "active", "intent": "order", "subject": to("pat"), "code": coded(LOINC, "57698-3")}
    assert trigger(Kind.ORDER_PLACED, named("o", "ServiceRequest", **order)).startswith("OMG^O19")
    laboratory = order | {"category": [coded("0074", "LAB")]}
    assert trigger(Kind.ORDER_PLACED, named("o", "ServiceRequest", **laboratory)).startswith("OML^O21")
    medicine = {"status": "active", "intent": "order", "subject": to("pat"), "medicationCodeableConcept": {"text": "Paracet"}}
    assert trigger(Kind.ORDER_PLACED, named("o", "MedicationRequest", **medicine)).startswith("RDE^O11")
