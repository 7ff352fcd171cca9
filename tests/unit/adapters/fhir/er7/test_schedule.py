from typing import Any

import pytest

from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7.schedule import tq1
from tests.unit.adapters.fhir.er7.composed import coded, much

GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def told(request: dict[str, Any]) -> list[str]:
    return tq1(request, Entries({}))


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"code": coded(GTS, "BID")}, "TQ1|1||BID&&HL70335"),
        ({"repeat": {"period": 8, "periodUnit": "h"}}, "TQ1|1||^^^^8^h"),
        ({"repeat": {"dayOfWeek": ["mon", "wed"]}}, "TQ1|1||^DW^1^3"),
        ({"repeat": {"when": ["ACM"], "offset": 30}}, "TQ1|1||^^^^^^^ACM^30^min"),
        ({"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}, "TQ1|1|||080000~200000"),
        ({"repeat": {"boundsPeriod": {"start": "2026-11-20", "end": "2026-11-27"}}}, "TQ1|1||||||20261120|20261127"),
        ({"repeat": {"boundsDuration": much(7, "d", "d")}}, "TQ1|1|||||7^d&d&UCUM"),
        ({"repeat": {"duration": 20, "durationUnit": "min"}}, "TQ1|1||||||||||||20^min"),
        ({"repeat": {"count": 3}}, "TQ1|1|||||||||||||3"),
    ],
)
def test_when_and_how_often_is_a_pattern(timing: dict[str, Any], expected: str) -> None:
    assert told({"occurrenceTiming": timing}) == [expected]


def test_an_order_has_its_urgency_amount_and_condition() -> None:
    request = {"priority": "stat", "quantityQuantity": much(2, "stk"), "asNeededCodeableConcept": {"text": "ved smerter"}}
    assert told(request) == ["TQ1|1|2^stk|||||||S^Stat^HL70485|ved smerter"]


def test_each_dosage_is_one() -> None:
    dosages = [
        {"timing": {"code": coded(GTS, "QID")}, "text": "fire ganger", "doseAndRate": [{"doseQuantity": much(1, "tablett")}]},
        {"asNeededCodeableConcept": {"text": "ved kvalme"}, "additionalInstruction": [{"text": "med mat"}]},
    ]
    assert told({"dosageInstruction": dosages}) == ["TQ1|1|1^tablett|QID&&HL70335||||||||fire ganger", "TQ1|2|||||||||ved kvalme"]


def test_without_a_plan_there_is_none() -> None:
    assert told({}) == []
    assert told({"dosageInstruction": [{"route": {"text": "po"}}]}) == []
