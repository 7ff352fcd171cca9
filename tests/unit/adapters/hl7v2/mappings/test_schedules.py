"""When and how often: TQ1 and the TQ before it."""

from typing import Any

import pytest

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import schedules
from tests.unit.adapters.made import content, line

T = content().text
UCUM = "http://unitsofmeasure.org"
START, END = "20261120080000+0100", "20261122080000+0100"
STARTS, ENDS = "2026-11-20T08:00:00+01:00", "2026-11-22T08:00:00+01:00"


def segment(fields: dict[int, str]) -> Segment:
    found = content(line("TQ1", fields or {1: "1"})).segment("TQ1")
    assert found is not None
    return found


def repeat(**fields: str) -> dict[str, Any]:
    made = schedules.of_tq1(segment({int(n[1:]): v for n, v in fields.items()}), T).timing.get("repeat", {})
    return {k: v.replace("\x00n", "") if isinstance(v, str) else v for k, v in made.items()}


@pytest.mark.parametrize(
    ("code", "system", "expected"),
    [("BID", "v3-GTSAbbreviation", "BID"), ("Q6H", "v3-GTSAbbreviation", "Q6H"), ("QD", "v3-GTSAbbreviation", "QD"),
     ("QHS", "v2-0335", "QHS"), ("Q36H", "v2-0335", "Q36H")],
)  # fmt: skip
def test_a_pattern_is_a_code_of_timing_where_fhir_has_it(code: str, system: str, expected: str) -> None:
    made = schedules.of_tq1(segment({3: code}), T).timing["code"]
    assert made == {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": expected}]}


def test_a_pattern_s_name_stays() -> None:
    assert schedules.of_tq1(segment({3: "BID&To ganger daglig&HL70335"}), T).timing["code"]["coding"][0]["display"] == "To ganger daglig"
    assert schedules.of_tq1(segment({3: "&Ved behov"}), T).timing["code"] == {"text": "Ved behov"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"f3": "^^^^6^h"}, {"period": "6", "periodUnit": "h"}),
        ({"f3": "^^^^2^døgn"}, {"period": "2", "periodUnit": "d"}),
        ({"f3": "^^^^6^furlong"}, {}),
        ({"f3": "^DW^1^5"}, {"dayOfWeek": ["mon", "tue", "wed", "thu", "fri"]}),
        ({"f3": "^DW^3"}, {"dayOfWeek": ["wed"]}),
        ({"f3": "^DW^9^99"}, {}),
        ({"f3": "^^^^^^^AC^30^min"}, {"when": ["AC"], "offset": 30}),
        ({"f3": "^^^^^^^AC", "f5": "1^h"}, {"when": ["AC"], "offset": 60}),
        ({"f3": "^^^^^^^LUNSJ^30^min"}, {}),
        ({"f5": "1^h"}, {}),
        ({"f3": "^^^^^^^CM^30^min"}, {"when": ["CM"]}),
        ({"f3": "^^^^-6^h"}, {}),
        ({"f13": "-30^min"}, {}),
        ({"f4": "0800~1430~x"}, {"timeOfDay": ["08:00:00", "14:30:00"]}),
        ({"f3": "^^^^^^^AC^30^min", "f4": "0800"}, {"timeOfDay": ["08:00:00"]}),
        ({"f13": "30^min"}, {"duration": "30", "durationUnit": "min"}),
        ({"f14": "4"}, {"count": 4, "countMax": 4}),
        ({"f14": "0"}, {}),
        ({"f14": "many"}, {}),
    ],
)  # fmt: skip
def test_what_is_repeated(fields: dict[str, str], expected: dict[str, Any]) -> None:
    assert repeat(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"f7": START, "f8": END}, {"start": STARTS, "end": ENDS}),
        ({"f6": "2^d", "f7": START}, {"start": STARTS, "end": ENDS}),
        ({"f6": "48^h", "f8": END}, {"start": STARTS, "end": ENDS}),
        ({"f6": "2^d", "f7": "20261120"}, {"start": "2026-11-20", "end": "2026-11-22"}),
        ({"f6": "3^h", "f7": "20261120"}, {"start": "2026-11-20"}),
        ({"f6": "2^mo", "f7": START}, {"start": STARTS}),
        ({"f7": START}, {"start": STARTS}),
        ({"f7": END, "f8": START}, {"start": ENDS}),
    ],
)  # fmt: skip
def test_two_of_start_end_and_length_say_the_third(fields: dict[str, str], expected: dict[str, str]) -> None:
    assert repeat(**fields)["boundsPeriod"] == expected


def test_a_length_alone_has_no_beginning() -> None:
    made = schedules.of_tq1(segment({6: "3^uker"}), T).timing["repeat"]["boundsDuration"]
    assert (made["value"], made["code"], made["system"]) == ("\x00n3", "wk", UCUM)


def test_no_calendar_runs_out() -> None:
    assert repeat(f6="999999999^wk", f7=START) == {"boundsPeriod": {"start": STARTS}}
    assert schedules.shifted("9999-12-31", 86_400) == schedules.shifted(STARTS, 0) == schedules.shifted("2026", 86_400) == ""


def test_the_rest_of_tq1() -> None:
    made = schedules.of_tq1(segment({2: "2^tbl", 9: "S^Stat^HL70485", 10: "ved smerter", 11: "Tas med vann"}), T)
    assert made.quantity == {"value": "\x00n2", "unit": "tbl"}
    assert (made.priority, made.condition, made.text, made.timing) == ("stat", "ved smerter", "Tas med vann", {})


@pytest.mark.parametrize(("code", "priority"), [("S", "stat"), ("A", "asap"), ("R", "routine"), ("T", "urgent"), ("TS10", ""), ("", "")])
def test_priorities(code: str, priority: str) -> None:
    assert schedules.priority(code, T) == priority


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1&tbl^BID&0800,2000^D3^20261120^^R", {"timeOfDay": ["08:00:00", "20:00:00"], "boundsPeriod": {"start": "2026-11-20"}}),
        ("^^D3", {"boundsDuration": {"value": 3, "unit": "d", "system": UCUM, "code": "d"}}),
        ("^^X4", {"count": 4}),
        ("^^X4^^^^^^^^^6", {"count": 6}),
        ("^^soon", {}),
    ],
)
def test_tq_says_the_same_in_one_field(raw: str, expected: dict[str, Any]) -> None:
    assert schedules.of_tq(raw, T).timing.get("repeat", {}) == expected


def test_tq_has_amount_priority_condition_and_text() -> None:
    made = schedules.of_tq("1&tbl^BID^^^^S^ved feber^etter mat", T)
    assert made.quantity == {"value": "\x00n1", "unit": "tbl"}
    assert (made.priority, made.condition, made.text) == ("stat", "ved feber", "etter mat")


def test_a_schedule_goes_into_a_dosage() -> None:
    plan = schedules.Schedule({"code": {"coding": [{"code": "PRN"}]}}, {"value": 2}, "", "ved smerter", "maks 4")
    made = schedules.dosage(plan, {"text": "Tas hel"})
    assert made["text"] == "Tas hel\nmaks 4"
    assert (made["asNeededBoolean"], made["additionalInstruction"]) == (True, [{"text": "ved smerter"}])
    assert made["doseAndRate"] == [{"doseQuantity": {"value": 2}}]


def test_a_dose_that_is_known_is_not_overwritten() -> None:
    plan = schedules.Schedule(quantity={"value": 2})
    for known in ({"doseRange": {}}, {"doseQuantity": {"value": 1}}):
        assert schedules.dosage(plan, {"doseAndRate": [dict(known)]})["doseAndRate"] == [known]


@pytest.mark.parametrize(
    ("digits", "unit", "minutes"),
    [("30", [], 30), ("30", ["min"], 30), ("2", ["H"], 120), ("90", ["s"], 1), ("1", ["d"], 1440), ("1", ["mo"], None), ("x", [], None),
     ("1", ["furlong"], None), ("999999999", ["wk"], 2**31 - 1)],
)  # fmt: skip
def test_minutes(digits: str, unit: list[str], minutes: int | None) -> None:
    assert schedules.minutes(digits, unit) == minutes
