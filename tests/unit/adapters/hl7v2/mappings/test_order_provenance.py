"""Who entered, verified, ordered and carried out an order."""

from typing import Any

import pytest

from tests.unit.adapters.made import hl7v2, line, message, of, rendered


def bundle(fields: dict[int, str]) -> dict[str, Any]:
    return rendered(hl7v2(message("ORM^O01", line("ORC", {1: "NW", 2: "P1"} | fields), "OBR|1|||1^x^LN")))


def provenance(fields: dict[int, str]) -> list[dict[str, Any]]:
    made = bundle(fields)
    target = f"urn:uuid:{of(made, 'ServiceRequest')[0]['id']}"
    return [p for p in of(made, "Provenance") if p["target"] == [{"reference": target}]]


def test_everyone_with_a_part_in_it() -> None:
    (made,) = provenance({9: "20261120080000", 10: "1^Moe^Ida", 11: "2^Dahl^Eva", 12: "3^Lund^Kari", 17: "MED^Medisinsk^L",
                          18: "PC1^Arbeidsstasjon^L", 19: "4^Berg^Åse", 21: "St. Olavs",
                          22: "Gata 1^^Trondheim", 23: "73000000^WPN^PH", 28: "R"})  # fmt: skip
    people = [(a["type"]["coding"][0]["code"], a["who"]["display"]) for a in made["agent"] if "type" in a]
    assert people == [("enterer", "Ida Moe"), ("verifier", "Eva Dahl"), ("author", "Kari Lund"), ("performer", "Åse Berg")]
    assert made["agent"][0]["onBehalfOf"]["display"] == "Medisinsk"
    assert (made["recorded"], made["occurredDateTime"]) == ("2026-11-20T08:00:00+01:00", "2026-11-20T08:00:00+01:00")
    assert made["activity"]["coding"][0]["code"] == "CREATE"
    assert made["meta"]["security"][0]["code"] == "R"
    assert len(made["agent"]) == 5  # and the workstation


def test_where_it_was_ordered() -> None:
    made = bundle({10: "1^Moe^Ida", 21: "St. Olavs", 22: "Gata 1^^Trondheim", 23: "73000000^WPN^PH"})
    (place,) = (p for p in of(made, "Location") if "address" in p)
    assert (place["name"], place["address"]["city"], place["telecom"][0]["value"]) == ("St. Olavs", "Trondheim", "73000000")


@pytest.mark.parametrize(("control", "activity"), [("NW", "CREATE"), ("SC", "UPDATE"), ("CA", "CANCEL"), ("OC", "CANCEL"), ("RE", None)])
def test_what_was_done(control: str, activity: str | None) -> None:
    (made,) = provenance({1: control, 10: "1^Moe^Ida"})
    assert made.get("activity", {"coding": [{"code": None}]})["coding"][0]["code"] == activity


def test_an_order_that_names_nobody_has_none_and_without_a_time_it_is_as_old_as_the_message() -> None:
    assert provenance({9: "20261120080000"}) == []
    (made,) = provenance({10: "1^Moe^Ida"})
    assert made["recorded"] == "2026-11-20T08:30:15+01:00"
    assert "occurredDateTime" not in made
