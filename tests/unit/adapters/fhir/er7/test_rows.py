from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7 import rows
from hub.adapters.fhir.er7.datatypes import string
from tests.unit.adapters.fhir.er7.composed import HL7

NONE = Entries({})
RESOURCE = {
    "status": "final",
    "name": [{"family": "A"}, {"family": ""}, {"family": "C"}],
    "list": ["x", "y"],
    "extension": [{"url": f"{HL7}a", "valueString": "1"}, {"url": "https://x.no/b", "extension": [{"url": "part", "valueString": "2"}]}],
}


def test_the_first_row_of_a_field_that_says_anything_counts() -> None:
    table: rows.Rows = ((2, rows.one("missing", string)), (2, rows.one("status", string)), (2, rows.always("never")))
    assert rows.fields(table, RESOURCE, NONE) == {2: "final"}
    assert rows.written("OBX", table, RESOURCE, NONE, 3) == "OBX|3|final"
    assert rows.written("OBX", table, RESOURCE, NONE) == "OBX||final"


def test_a_path_leads_through_objects_and_the_first_of_a_list() -> None:
    assert rows.at(RESOURCE, "name.family") == "A"
    assert rows.at(RESOURCE, "name.family.x") is None
    assert rows.one("list", string)(RESOURCE, NONE) == "x"
    assert rows.many("list", string)(RESOURCE, NONE) == "x~y"


def test_objects_may_be_chosen() -> None:
    assert rows.many("name", lambda n: string(n.get("family")))(RESOURCE, NONE) == "A~C"
    assert rows.many("name", lambda n: string(n.get("family")), lambda n: n["family"] == "C")(RESOURCE, NONE) == "C"
    assert rows.first("name", lambda n: string(n.get("family")), lambda n: n["family"] != "A")(RESOURCE, NONE) == "C"


def test_nobody_who_is_referred_to_twice_is_told_twice() -> None:
    found = {"who": [{"display": "a"}, {"display": "b"}, {"display": "a"}]}
    assert rows.refers("who", lambda r, _: string(r.get("display")))(found, NONE) == "a~b"
    assert rows.refers_once("who", lambda r, _: string(r.get("display")))(found, NONE) == "a"


def test_extensions_are_found_by_name_and_by_address_and_inside() -> None:
    assert rows.in_extension("a", "valueString", string)(RESOURCE, NONE) == "1"
    assert rows.in_extension("https://x.no/b", "valueString", string, "part")(RESOURCE, NONE) == "2"
    assert rows.in_extension("b", "valueString", string)(RESOURCE, NONE) == ""


def test_codes_go_by_their_table_or_not_at_all() -> None:
    assert rows.coded("status", {"final": "F"})(RESOURCE, NONE) == "F"
    assert rows.coded("status", {}, "O")(RESOURCE, NONE) == "O"
