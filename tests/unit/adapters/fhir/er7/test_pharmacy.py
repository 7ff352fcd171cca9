import pytest

from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, V2, coded, composed, field_of, lines, message, much, named, to

GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
BID, QID = ({"timing": {"code": coded(GTS, code)}, "doseAndRate": [{"doseQuantity": much(1, "tablett")}]} for code in ("BID", "QID"))
RX = {"status": "active", "subject": to("pat"), "medicationCodeableConcept": {"text": "Paracet"}}
ORDERED = named(
    "o",
    "MedicationRequest",
    **RX,
    intent="original-order",
    dosageInstruction=[BID],
    identifier=[{"value": "P1"}],
    note=[{"text": "fra legen"}],
)


def names(*told: str) -> list[str]:
    return [line.partition("|")[0] for line in told]


def test_an_order_is_what_the_pharmacy_takes_it_for() -> None:
    told = composed(
        message(
            Kind.MEDICATION_ORDERED, named("rx", "MedicationRequest", **RX, intent="order", dosageInstruction=[BID], note=[{"text": "n"}])
        )
    )
    assert names(*lines(told)) == ["MSH", "PID", "ORC", "RXE", "NTE", "TQ1", "RXR"]
    assert field_of(told, "RXE-3") == "1"


def test_an_order_that_goes_back_to_another_tells_both() -> None:
    encoded = named(
        "rx",
        "MedicationRequest",
        **RX,
        intent="filler-order",
        basedOn=[to("o")],
        dosageInstruction=[BID, QID],
        note=[{"text": "fra apoteket"}],
    )
    told = composed(message(Kind.MEDICATION_ORDERED, encoded, ORDERED, focus="rx"))
    assert names(*lines(told)) == ["MSH", "PID", "ORC", "TQ1", "RXO", "NTE", "RXR", "RXE", "NTE", "TQ1", "RXR"]
    assert field_of(told, "ORC-2") == "P1"
    assert [line.split("|")[3] for line in lines(told, "TQ1")] == ["BID&&HL70335", "QID&&HL70335"]
    assert [line.split("|")[1] for line in lines(told, "TQ1")] == ["1", "1"]


def test_a_dose_nobody_knows_is_told_as_none_by_a_valid_message() -> None:
    told = composed(message(Kind.MEDICATION_ORDERED, named("rx", "MedicationRequest", **RX, intent="order")))
    assert field_of(told, "RXE-3") == '""'
    assert lines(told, "TQ1", "RXR") == ["TQ1|1", "RXR|NI^no information^NULLFL"]


def test_what_is_handed_out_goes_back_to_what_was_ordered() -> None:
    encoded = named("rx", "MedicationRequest", **RX, intent="filler-order", basedOn=[to("o")], dosageInstruction=[BID])
    given = named(
        "d",
        "MedicationDispense",
        status="completed",
        subject=to("pat"),
        medicationCodeableConcept={"text": "Paracet"},
        authorizingPrescription=[to("rx")],
        quantity=much(20, "stk"),
        whenHandedOver="2026-11-20",
    )
    told = composed(message(Kind.MEDICATION_DISPENSED, given, encoded, ORDERED))
    assert names(*lines(told)) == ["MSH", "PID", "ORC", "TQ1", "RXO", "RXE", "TQ1", "RXR", "RXD", "RXR"]
    ordered_alone = given[1] | {"authorizingPrescription": [to("o")]}
    assert names(*lines(composed(message(Kind.MEDICATION_DISPENSED, ("d", ordered_alone), ORDERED)))) == [
        "MSH",
        "PID",
        "ORC",
        "TQ1",
        "RXO",
        "RXD",
        "RXR",
    ]
    alone = {k: v for k, v in given[1].items() if k != "authorizingPrescription"}
    assert names(*lines(composed(message(Kind.MEDICATION_DISPENSED, ("d", alone))))) == ["MSH", "PID", "ORC", "RXD", "RXR"]


def test_what_was_seen_about_an_order_stands_with_it() -> None:
    seen = named(
        "w",
        "Observation",
        status="final",
        subject=to("pat"),
        code=coded(LOINC, "29463-7"),
        valueQuantity=much(70, "kg", "kg"),
        basedOn=[to("o")],
    )
    told = composed(message(Kind.MEDICATION_ORDERED, ORDERED, seen))
    assert names(*lines(told))[-1] == "OBX"


def test_a_refill_that_is_asked_for_is_no_draft() -> None:
    asked = named("rx", "MedicationRequest", **RX, intent="proposal")
    assert field_of(composed(message(Kind.MEDICATION_ORDERED, asked, event=(f"{V2}0003", "O25"))), "MSH-9") == "RDE^O25^RDE_O11"


def test_without_a_medicine_there_is_no_order() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.MEDICATION_DISPENSED, ORDERED))
    assert refused.value.reason is Reason.NO_TRANSLATION
