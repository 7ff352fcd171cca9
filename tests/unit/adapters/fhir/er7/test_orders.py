import pytest

from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import LOINC, SNOMED, V2, coded, composed, lines, message, named, to
from tests.unit.adapters.fhir.er7.whole import AROUND, PRESCRIPTION, whole

O01 = (f"{V2}0003", "O01")


def names(*told: str) -> list[str]:
    return [line.partition("|")[0] for line in told]


def test_an_order_for_the_laboratory_has_what_it_rests_on_and_earlier_results_set_off() -> None:
    told = lines(composed(whole(Kind.ORDER_PLACED)))
    assert names(*told) == [
        "MSH",
        "PID",
        "PV1",
        "IN1",
        "AL1",
        "ORC",
        "TQ1",
        "OBR",
        "NTE",
        "DG1",
        "OBX",
        "NTE",
        "SPM",
        "PID",
        "OBR",
        "NTE",
        "OBX",
        "NTE",
        "OBX",
        "OBX",
    ]
    assert not any(line.startswith("ORC") for line in told[13:])


def test_what_else_was_seen_stands_with_the_last_order() -> None:
    orders = [
        named(f"s{n}", "ServiceRequest", status="active", intent="order", subject=to("pat"), code=coded(LOINC, str(n))) for n in (1, 2)
    ]
    loose = named("o", "Observation", status="final", subject=to("pat"), code=coded(LOINC, "8867-4"), valueInteger=1)
    told = composed(message(Kind.ORDER_PLACED, *orders, loose))
    assert names(*lines(told)) == ["MSH", "PID", "ORC", "OBR", "ORC", "OBR", "OBX"]


def test_what_was_seen_of_a_specimen_stands_behind_it() -> None:
    order = named("s", "ServiceRequest", status="active", intent="order", subject=to("pat"), code=coded(LOINC, "1"), specimen=[to("b")])
    blood = named("b", "Specimen", subject=to("pat"), type=coded("0487", "BLD"))
    seen = named("o", "Observation", status="final", subject=to("pat"), code=coded(LOINC, "8867-4"), valueInteger=1, specimen=to("b"))
    assert names(*lines(composed(message(Kind.ORDER_PLACED, order, blood, seen)))) == ["MSH", "PID", "ORC", "OBR", "SPM", "OBX"]


def test_a_diagnosis_stands_with_the_order_it_is_the_reason_of() -> None:
    orders = [
        named(
            f"s{n}",
            "ServiceRequest",
            status="active",
            intent="order",
            subject=to("pat"),
            code=coded(LOINC, str(n)),
            reasonReference=[to(f"c{n}")],
        )
        for n in (1, 2)
    ]
    reasons = [named(f"c{n}", "Condition", subject=to("pat"), code=coded(SNOMED, str(n), f"d{n}")) for n in (1, 2)]
    told = lines(composed(message(Kind.ORDER_PLACED, *orders, *reasons)), "OBR", "DG1")
    assert [line.split("|")[3] or line.split("|")[4] for line in told] == ["1^^LN", "1^d1^SCT", "2^^LN", "2^d2^SCT"]


def test_a_sender_of_general_orders_is_answered_in_kind() -> None:
    service = named(
        "s",
        "ServiceRequest",
        status="active",
        intent="order",
        subject=to("pat"),
        code=coded(LOINC, "1"),
        priority="stat",
        note=[{"text": "n"}],
    )
    told = composed(message(Kind.ORDER_PLACED, *AROUND, service, PRESCRIPTION, event=O01))
    assert names(*lines(told)) == ["MSH", "PID", "PV1", "IN1", "AL1", "ORC", "OBR", "NTE", "DG1", "ORC", "RXO", "NTE"]
    assert lines(told, "OBR")[0].split("|")[5] == "S"


def test_an_order_of_nothing_is_none() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.ORDER_PLACED, named("t", "Task", status="requested", intent="order")))
    assert refused.value.reason is Reason.NO_TRANSLATION
