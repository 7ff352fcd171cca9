"""What an item is told as: its own type, and what no item is for."""

from typing import Any

from hub.adapters.item_types import contained, with_types
from hub.model import Item


def bundle(*types: str, inside: tuple[str, ...] = ()) -> dict[str, Any]:
    resources = [{"resourceType": t, "contained": [{"resourceType": i} for i in inside]} for t in types]
    return {"entry": [*({"resource": r} for r in resources), {"fullUrl": "urn:uuid:1"}]}


def test_what_no_item_is_for_goes_along_with_each() -> None:
    items = Item("1", "Observation"), Item("2", "Condition")
    told = with_types(items, bundle("MessageHeader", "Patient", "Observation", "Condition", "Encounter", "Specimen", "Encounter"))
    assert [i.type for i in told] == ["Observation Encounter Specimen", "Condition Encounter Specimen"]
    assert told[0].types == ("Observation", "Encounter", "Specimen")


def test_more_of_a_type_than_there_are_items_of_it_is_from_elsewhere() -> None:
    items = Item("1", "Observation"), Item("2", "Condition")
    assert [i.type for i in with_types(items, bundle("Observation", "Observation", "Condition"))] == [
        "Observation",
        "Condition Observation",
    ]


def test_nothing_else_changes_nothing_and_what_is_not_known_stays_unknown() -> None:
    items = Item("1", "Observation"), Item("2", "")
    assert with_types(items, bundle("Observation", "Practitioner")) == items
    assert [i.type for i in with_types(items, bundle("Observation", "Encounter"))] == ["Observation Encounter", ""]


def test_what_a_resource_contains_is_told_too() -> None:
    holder = {"resourceType": "MedicationRequest", "contained": [{"resourceType": "Medication"}, {"resourceType": "Patient"}, "x", {}]}
    assert contained(holder) == ("Medication",)
    assert contained({}) == contained({"contained": {}}) == ()
    assert [i.type for i in with_types([Item("1", "List")], bundle("List", "Patient", inside=("Flag",)))] == ["List Flag"]


def test_a_type_is_one_word() -> None:
    assert with_types([Item("1", "List")], bundle("List", "Con dition", "")) == (Item("1", "List"),)
