"""Numbers exactly as they were written, and their units."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.bundle import to_bytes
from hub.adapters.hl7v2.mappings import quantities
from tests.unit.adapters.made import content

T = content().text
UCUM = "http://unitsofmeasure.org"


def plain(number: str) -> str:
    return number.removeprefix(quantities.NUMBER_MARK)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", "5"), ("5.40", "5.40"), ("005.400", "5.400"), (".5", "0.5"), ("-.5", "-0.5"), ("+7", "7"), ("0", "0"), ("00", "0"), ("5.", "5"),
     ("-0", "-0"), ("", ""), (".", ""), ("-", ""), ("<5", ""), ("1e5", ""), ("1,5", "1.5"), ("0,125", "0.125"), ("-12,50", "-12.50"),
     ("1,500", ""), ("12,345", ""), ("1,2,3", ""), (",5", ""), ("5,", ""), ("1,5.0", ""), ("٣", ""), ("9" * 61, ""), ("1 2", "")],
)  # fmt: skip
def test_a_number_keeps_its_digits_and_nothing_else_is_one(text: str, number: str) -> None:
    assert plain(quantities.number(text)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_whatever_is_written_is_the_number_that_is_read(value: Decimal) -> None:
    made = quantities.quantity(f"{value:f}", {})
    assert json.loads(to_bytes(made | {"resourceType": "Bundle"}), parse_float=Decimal, parse_int=Decimal)["value"] == value


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("12", 12), ("", None), ("1.0", None), ("-1", None), ("٣", None), ("9" * 10, None)])
def test_a_count_is_a_whole_number(text: str, count: int | None) -> None:
    assert quantities.count(text) == count


@pytest.mark.parametrize(
    ("raw", "units"),
    [
        ("mmol/L^millimol per liter^UCUM", {"unit": "millimol per liter", "system": UCUM, "code": "mmol/L"}),
        ("mmol/L^^UCUM", {"unit": "mmol/L", "system": UCUM, "code": "mmol/L"}),
        ("mmol/L", {"unit": "mmol/L"}),
        ("^dråper", {"unit": "dråper"}),
        ("^^UCUM", {}),
        ("", {}),
    ],
)
def test_a_unit_is_coded_only_where_its_system_is_said(raw: str, units: dict[str, str]) -> None:
    assert quantities.units_of(raw, T) == units


@pytest.mark.parametrize("comparator", ["<", "<=", ">=", ">"])
def test_a_comparator_of_r4_stays(comparator: str) -> None:
    assert quantities.quantity("90", {}, comparator)["comparator"] == comparator
    assert "comparator" not in quantities.quantity("90", {}, "=")
    assert quantities.quantity("many", {}, comparator) == {}


@pytest.mark.parametrize(("low", "high", "ordered"), [("1", "2", True), ("2", "2.0", True), ("10", "9", False), ("-1", "-2", False)])
def test_the_ends_of_a_range_are_in_order(low: str, high: str, ordered: object) -> None:
    assert quantities.is_ordered(quantities.quantity(low, {}), quantities.quantity(high, {})) is ordered
    assert not quantities.is_ordered({}, quantities.quantity(high, {}))


def test_a_composite_quantity_has_its_unit_in_subcomponents() -> None:
    made = quantities.cq("2.50^mL&milliliter&UCUM", T)
    assert (plain(made["value"]), made["unit"], made["code"]) == ("2.50", "milliliter", "mL")
    assert quantities.cq("^mL", T) == {}
    assert quantities.amount("2^mL&milliliter", T) == ("2", ["mL", "milliliter"])
