from typing import Any

import pytest

from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import SNOMED, coded, composed, field_of, lines, message, named, person, to

LUND = "9144889^Lund^Kari^^^^^^&2.16.578.1.12.4.1.4.4&ISO"
DOC = person("doc", "9144889", "Lund", "Kari")
ME = {"actor": to("pat"), "status": "accepted"}
BOOKED: dict[str, Any] = {
    "status": "booked",
    "start": "2026-12-01T09:00:00+01:00",
    "end": "2026-12-01T09:30:00+01:00",
    "serviceType": [coded(SNOMED, "394579002", "Cardiology")],
    "participant": [ME, {"actor": to("doc"), "status": "accepted"}],
    "identifier": [{"value": "T1", "type": coded("0203", "PLAC")}],
}


def told(kind: Kind = Kind.APPOINTMENT_BOOKED, *others: tuple[str, dict[str, Any]], **more: Any) -> Any:
    return composed(message(kind, named("a", "Appointment", **BOOKED | more), DOC, *others))


def test_when_and_for_what_stands_in_sch() -> None:
    made = told(
        reasonCode=[{"text": "kontroll"}],
        appointmentType=coded("0276", "FOLLOWUP"),
        cancelationReason={"text": "syk"},
        priority=1,
        basedOn=[{"identifier": {"value": "P9", "type": coded("0203", "PLAC")}}, to("req")],
    )
    assert {n: said for n in range(1, 28) if (said := field_of(made, f"SCH-{n}"))} == {
        1: "T1",
        6: "^syk",
        7: "^kontroll",
        8: "FOLLOWUP^^HL70276",
        9: "30",
        10: "min^minutes^UCUM",
        11: "^^M30^20261201090000+0100^20261201093000+0100",
        16: LUND,
        20: LUND,
        25: "Booked^^HL70278",
        26: "P9",
    }
    assert lines(made, "TQ1") == ["TQ1|1||||||20261201090000+0100|20261201093000+0100"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Kind.APPOINTMENT_BOOKED, "S12^booked^HL70003"),
        (Kind.APPOINTMENT_RESCHEDULED, "S13^rescheduled^HL70003"),
        (Kind.APPOINTMENT_UPDATED, "S14^modified^HL70003"),
        (Kind.APPOINTMENT_CANCELLED, "S15^cancelled^HL70003"),
        (Kind.APPOINTMENT_MISSED, "S26^no show^HL70003"),
    ],
)
def test_what_happened_is_the_reason_where_none_is_given(kind: Kind, said: str) -> None:
    assert field_of(told(kind), "SCH-6") == said


def test_contacts_take_no_part() -> None:
    back = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "CALLBCK"}]}
    entered = coded("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "enterer")
    people = [
        ME,
        *({"actor": {"display": n}, "type": [back | {"text": f"{n} contact"}]} for n in ("placer", "filler")),
        {"actor": {"display": "sekretær"}, "type": [entered]},
    ]
    made = told(participant=people)
    assert [field_of(made, f"SCH-{n}") for n in (12, 16, 20)] == ["^placer", "^filler", "^sekretær"]
    assert lines(made, "AIP", "AIG", "AIL") == []


def test_who_and_what_takes_part_stands_in_segments_of_its_kind() -> None:
    physical = "http://terminology.hl7.org/CodeSystem/location-physical-type"
    when = {"period": {"start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T09:15:00+01:00"}}
    order = named(
        "req",
        "ServiceRequest",
        status="active",
        intent="order",
        subject=to("pat"),
        code={"text": "x"},
        orderDetail=[{"text": "med kontrast"}],
    )
    made = told(
        Kind.APPOINTMENT_BOOKED,
        named("room", "Location", name="301", physicalType=coded(physical, "ro")),
        order,
        named("ct", "Device", identifier=[{"value": "CT2"}], deviceName=[{"name": "Skanner"}]),
        named("org", "Organization", name="Tolketjenesten"),
        basedOn=[to("req")],
        participant=[
            ME | when,
            {"actor": to("doc"), "type": [{"text": "lege"}]} | when,
            {"actor": to("room"), "type": [coded("0305", "C")]},
            {"actor": to("ct"), "type": [{"text": "utstyr"}]},
            {"actor": to("org")},
        ],
    )
    assert lines(made, "RGS", "AIS", "AIG", "AIL", "AIP") == [
        "RGS|1",
        "AIS|1||394579002^Cardiology^SCT|20261201090000+0100|||15|min^minutes^UCUM||Booked^^HL70278|^med kontrast",
        "AIG|1||CT2^Skanner|^utstyr",
        "AIG|2||^Tolketjenesten|R^Resource",
        "AIL|1||^301|C^^HL70305",
        f"AIP|1||{LUND}|^lege||20261201090000+0100|||15|min^minutes^UCUM",
    ]


def test_each_line_of_a_comment_is_one() -> None:
    assert lines(told(comment="fastende\n\nta med kort", patientInstruction="møt tidlig"), "NTE") == [
        "NTE|1||fastende",
        "NTE|2||ta med kort",
        "NTE|3||møt tidlig",
    ]


def test_the_length_is_what_is_said_or_the_time_between() -> None:
    assert field_of(told(minutesDuration=45), "SCH-9") == "45"
    assert field_of(told(start=None, end=None), "SCH-9") == ""
    assert field_of(told(end="2026-12-01T08:00:00+01:00"), "SCH-9") == ""


def test_two_appointments_are_not_one() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.APPOINTMENT_BOOKED, *(named(n, "Appointment", **BOOKED) for n in "ab"), DOC))
    assert refused.value.reason is Reason.NO_TRANSLATION
