"""Appointments: who comes, when, where, why, and what became of it."""

from typing import Any

import pytest

from tests.unit.adapters.made import hl7v2, line, message, of, rendered

HL7 = "http://terminology.hl7.org/CodeSystem/"
START, END = "2026-12-01T09:00:00+01:00", "2026-12-01T09:30:00+01:00"
SCH = {1: "P1^DIPS", 2: "F1^PLAN", 11: "^^^20261201090000^20261201093000"}


def bundle(sch: dict[int, str], *behind: str, event: str = "S12") -> dict[str, Any]:
    fields = {n: v for n, v in (SCH | sch).items() if v}
    return rendered(hl7v2(message(f"SIU^{event}", line("SCH", fields), *behind)))


def appointment(sch: dict[int, str], *behind: str, event: str = "S12") -> dict[str, Any]:
    return of(bundle(sch, *behind, event=event), "Appointment")[0]


def test_an_appointment_at_the_outpatient_clinic() -> None:
    made = bundle(
        {6: "BOOKED", 7: "ROUTINE^Kontroll^HL70276", 8: "NORMAL^^HL70277", 9: "30", 10: "min", 16: "1^Moe^Ida",
         20: "2^Dahl^Eva", 25: "Booked"},
        "NTE|1||Møt fastende", "RGS|1", "AIS|1||KARD^Kardiologisk kontroll^L", "AIG|1||EKG1^EKG-apparat^L", "AIL|1||POLI^2^^STOLAV",
        "AIP|1||9144889^Lund^Kari^^^Dr.|ATND^Behandler^L",
    )  # fmt: skip
    (found,) = of(made, "Appointment")
    assert (found["status"], found["start"], found["end"], found["minutesDuration"]) == ("booked", START, END, 30)
    assert [(i["value"], i["type"]["coding"][0]["code"]) for i in found["identifier"]] == [("P1", "PLAC"), ("F1", "FILL")]
    assert (found["serviceType"][0]["text"], found["comment"]) == ("Kardiologisk kontroll", "Møt fastende")
    assert (found["reasonCode"][0]["coding"][0]["code"], found["reasonCode"][0]["text"]) == (
        "3780001",
        "Kontroll",
    )  # SNOMED CT, by the guide
    assert found["appointmentType"]["coding"][0]["code"] == "NORMAL"
    patient, *others = found["participant"]
    assert patient["actor"]["reference"] == f"urn:uuid:{of(made, 'Patient')[0]['id']}"
    assert [p["actor"].get("display") for p in others] == ["EKG-apparat", "2", "Dr. Kari Lund", "Ida Moe", "Eva Dahl"]
    assert others[2]["type"][0]["text"] == "Behandler"
    assert {p["status"] for p in found["participant"]} == {"accepted"}
    entered = next(p for p in of(made, "Provenance") if p["target"][0]["reference"] == f"urn:uuid:{found['id']}")
    assert entered["agent"][0]["who"]["display"] == "Eva Dahl"


@pytest.mark.parametrize(
    ("event", "said", "status"),
    [("S12", "", "booked"), ("S12", "Pending", "pending"), ("S12", "Waitlist", "waitlist"), ("S13", "", "booked"),
     ("S14", "Started", "checked-in"), ("S14", "Complete", "fulfilled"), ("S15", "Booked", "cancelled"), ("S16", "", "cancelled"),
     ("S17", "Booked", "entered-in-error"),
     ("S14", "Deleted", "entered-in-error"), ("S26", "Booked", "noshow"), ("S14", "No Show", "noshow"), ("S14", "Etwas", "booked"),
     ("S14", "Canceled", "cancelled")],
)  # fmt: skip
def test_what_became_of_it(event: str, said: str, status: str) -> None:
    assert appointment({25: said}, event=event)["status"] == status


@pytest.mark.parametrize(("event", "status"), [("S12", "proposed"), ("S15", "cancelled"), ("S17", "cancelled"), ("S26", "proposed")])
def test_without_a_time_only_some_statuses_can_be(event: str, status: str) -> None:
    made = appointment({11: ""}, event=event)
    assert made["status"] == status
    assert not made.keys() & {"start", "end"}


@pytest.mark.parametrize(
    ("sch", "behind", "expected"),
    [
        ({11: "^^^20261201090000"}, (), (START, START)),
        ({11: "^^^20261201090000", 9: "30"}, (), (START, END)),
        ({11: "^^^20261201090000", 9: "1", 10: "h"}, (), (START, "2026-12-01T10:00:00+01:00")),
        ({11: ""}, ("TQ1|1||||||20261201090000|20261201093000",), (START, END)),
        ({11: "^^^20261202090000"}, ("TQ1|1||||||20261201090000|20261201093000",), (START, END)),
        ({11: ""}, ("RGS|1", "AIS|1||X^Y^L|20261201090000|||30|min"), (START, END)),
        ({11: ""}, ("AIP|1||1^Lund^Kari|||20261201090000|||30|min",), (START, END)),
    ],
)
def test_when(sch: dict[int, str], behind: tuple[str, ...], expected: tuple[str, str]) -> None:
    made = appointment(sch, *behind)
    assert (made["start"], made["end"]) == expected


def test_why_it_was_cancelled() -> None:
    assert appointment({6: "SYK^Pasienten er syk^L"}, event="S15")["cancelationReason"]["text"] == "Pasienten er syk"
    assert "cancelationReason" not in appointment({6: "SYK"})


def test_a_kind_is_a_kind_wherever_it_stands() -> None:
    made = appointment({7: "COMPLETE^^HL70277"})
    assert made["appointmentType"]["coding"][0]["code"] == "COMPLETE"
    assert "reasonCode" not in made


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Booked", "accepted"),
        ("Pending", "tentative"),
        ("Cancelled", "declined"),
        ("Dc", "declined"),
        ("No show", "declined"),
        ("", "accepted"),
    ],
)
def test_whether_one_comes(said: str, status: str) -> None:
    made = appointment({}, line("AIP", {1: "1", 3: "1^Lund^Kari", 12: said}))
    assert made["participant"][1]["status"] == status


def test_from_when_to_when_one_takes_part() -> None:
    made = appointment({}, "AIS|1||X^Y^L|||||60|min", line("AIL", {1: "1", 3: "POLI", 6: "20261201084500", 9: "30", 10: "min"}),
                       line("AIP", {1: "1", 3: "1^Lund^Kari", 7: "15", 8: "min", 9: "10"}))  # fmt: skip
    assert "period" not in made["participant"][0]
    assert [p["period"] for p in made["participant"][1:]] == [
        {"start": "2026-12-01T08:45:00+01:00", "end": "2026-12-01T09:15:00+01:00"},
        {"start": "2026-12-01T09:15:00+01:00", "end": "2026-12-01T09:25:00+01:00"},
    ]


def test_each_comment_says_whose_and_of_what_kind_it_is() -> None:
    remark = line("NTE", {1: "2", 3: "Ta med liste", 4: "RE^Merknad^L", 5: "1^Moe^Ida"})
    made = appointment({}, "NTE|1||Fastende", remark, "AIP|1||1^Lund^Kari", "NTE|1||Kommer senere")
    assert made["comment"] == "Fastende\nTa med liste\nKommer senere"
    notes = [e["valueAnnotation"] for e in made["extension"] if e["url"].endswith("Appointment.note")]
    assert notes[1]["authorReference"]["display"] == "Ida Moe"
    assert notes[1]["extension"][0]["valueCodeableConcept"]["text"] == "Merknad"


def test_the_orders_it_is_for() -> None:
    made = bundle(
        {25: "Booked", 26: "O1^DIPS~O2^DIPS", 27: "X1^LAB"}, "AIS|1||A^CT^L", line("AIS", {1: "2", 3: "B^MR^L", 11: "K^Kontrast^L"})
    )
    first, second = of(made, "ServiceRequest")
    assert [(r["code"]["text"], [i["value"] for i in r["identifier"]], r["status"]) for r in (first, second)] == [
        ("CT", ["O1", "X1"], "active"), ("MR", ["O2"], "active"),
    ]  # fmt: skip
    assert second["orderDetail"][0]["text"] == "Kontrast"
    assert [b["reference"] for b in of(made, "Appointment")[0]["basedOn"]] == [f"urn:uuid:{r['id']}" for r in (first, second)]


@pytest.mark.parametrize(("said", "status"), [("Complete", "completed"), ("Cancelled", "revoked"), ("Deleted", "entered-in-error")])
def test_an_order_s_status_is_one_that_an_order_can_have(said: str, status: str) -> None:
    assert of(bundle({25: said, 26: "O1"}), "ServiceRequest")[0]["status"] == status


def test_what_is_known_of_the_patient() -> None:
    made = bundle({}, "PV1|1|O", "OBX|1|NM|29463-7^Vekt^LN||72|kg|||||F", "DG1|1||I20.9^Angina^I10||||W")
    assert len(of(made, "Appointment")[0]["supportingInformation"]) == 1
    assert of(made, "Condition")[0]["code"]["text"] == "Angina"


def test_a_length_beyond_all_calendars_is_cut() -> None:
    assert appointment({9: "999999999", 10: "wk"})["minutesDuration"] == 1_000_000


def test_who_and_what_is_taken_out_of_an_appointment_does_not_take_part() -> None:
    """Segment action code D (0206) of the resource, or of its group."""
    behind = (
        "RGS|1|U", "AIP|1|D|9144889^Lund^Kari", "AIP|2|A|2^Vik^Ola", "AIL|1|D|POLI^2", "AIS|1|D|OLD^Gammel^L", "AIS|2|U|NEW^Ny^L",
        "RGS|2|D", "AIP|1|U|3^Moe^Ida",
    )  # fmt: skip
    made = appointment({}, *behind, event="S13")
    assert [p["actor"].get("display") for p in made["participant"]] == [None, "Ola Vik"]
    assert [s["text"] for s in made["serviceType"]] == ["Ny"]
