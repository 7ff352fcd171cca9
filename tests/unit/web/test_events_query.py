"""The parameters of $events and $status: what is understood, and that nothing else is."""

from typing import Any

import pytest

from hub.delivery.events import Wanted
from hub.errors import Rejected
from hub.web.events_query import Asked, of_events, of_parameters, of_status
from hub.web.subscription import Content


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([], Asked(Wanted(), Content.FULL)),
        ([("eventsSinceNumber", "3")], Asked(Wanted(3), Content.FULL)),
        ([("eventsSinceNumber", "0"), ("eventsUntilNumber", "0")], Asked(Wanted(0, 0), Content.FULL)),
        ([("eventsUntilNumber", "7"), ("content", "id-only")], Asked(Wanted(1, 7), Content.ID_ONLY)),
        ([("includeReleased", "true"), ("content", "empty")], Asked(Wanted(withheld=True), Content.EMPTY)),
        ([("includeReleased", "false"), ("content", "full-resource")], Asked(Wanted(), Content.FULL)),
    ],
)
def test_what_is_understood(given: list[tuple[str, str]], asked: Asked) -> None:
    assert of_events(given) == asked


def test_the_setting_decides_of_what_was_withheld_where_nothing_is_said() -> None:
    assert of_events([], releases=True).wanted.withheld
    assert not of_events([("includeReleased", "false")], releases=True).wanted.withheld


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ([("eventsSinceNumber", "-1")], "eventsSinceNumber"),
        ([("eventsSinceNumber", "")], "eventsSinceNumber"),
        ([("eventsSinceNumber", "٣")], "eventsSinceNumber"),
        ([("eventsSinceNumber", "1" * 19)], "eventsSinceNumber"),
        ([("eventsSinceNumber", "1"), ("eventsSinceNumber", "1")], "eventsSinceNumber"),
        ([("eventsUntilNumber", "1.0")], "eventsUntilNumber"),
        ([("eventsSinceNumber", "3"), ("eventsUntilNumber", "2")], "eventsUntilNumber"),
        ([("content", "FULL")], "content"),
        ([("includeReleased", "yes")], "includeReleased"),
        ([("SECRET", "1")], "parameter"),
    ],
)
def test_what_is_not_is_refused_at_its_name(given: list[tuple[str, str]], where: str) -> None:
    with pytest.raises(Rejected) as refused:
        of_events(given)
    assert refused.value.where == where


def test_parameters_are_read_whatever_type_a_number_has() -> None:
    listed = [
        {"name": "eventsSinceNumber", "valueString": "2"},
        {"name": "eventsUntilNumber", "valueInteger": 9},
        {"name": "includeReleased", "valueBoolean": True},
        {"id": "x", "name": "content", "valueCode": "empty"},
    ]
    given = of_parameters({"resourceType": "Parameters", "parameter": listed})
    assert of_events(given) == Asked(Wanted(2, 9, withheld=True), Content.EMPTY)
    assert of_parameters({"resourceType": "Parameters"}) == ()


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": ["x"]},
        {"resourceType": "Parameters", "parameter": [{"name": "content"}]},
        {"resourceType": "Parameters", "parameter": [{"valueString": "x"}]},
        {"resourceType": "Parameters", "parameter": [{"name": 1, "valueString": "x"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "content", "valueString": None}]},
        {"resourceType": "Parameters", "parameter": [{"name": "content", "valueDecimal": 1}]},
        {"resourceType": "Parameters", "parameter": [{"name": "content", "valueCode": "empty", "valueString": "id-only"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "content", "valueCode": "empty", "part": []}]},
        {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": "x"}] * 101},
    ],
)
def test_what_are_no_parameters_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        of_parameters(resource)


def test_a_status_is_asked_for_by_ids_and_statuses() -> None:
    assert of_status([]) == (frozenset(), frozenset())
    assert of_status([("id", "a,b"), ("id", "c"), ("status", "active")]) == ({"a", "b", "c"}, {"active"})


@pytest.mark.parametrize(
    ("given", "where"), [(("id", "a b"), "id"), (("id", ""), "id"), (("status", "on"), "status"), (("x", "a"), "parameter")]
)
def test_what_is_no_id_or_status_is_refused(given: tuple[str, str], where: str) -> None:
    with pytest.raises(Rejected) as refused:
        of_status([given])
    assert refused.value.where == where
