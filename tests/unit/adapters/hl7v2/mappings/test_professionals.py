"""Who did it, in what role, for whom."""

from typing import Any

import pytest

from hub.adapters.hl7v2.mappings import professionals
from hub.adapters.hl7v2.mappings.rows import Draft
from tests.unit.adapters.made import content, line

EVENT = "01234567-89ab-8def-8123-456789abcdef"


def draft(*segments: str) -> Draft:
    found = content(*segments)
    return Draft(EVENT, found, found.text, "R01")


def made(d: Draft, kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in d.entries if e["resource"]["resourceType"] == kind]


def test_one_person_is_one_resource_and_another_address_makes_another() -> None:
    d = draft()
    one, two = (professionals.practitioner(d, "9144889^Lund^Kari", place) for place in ("a", "b"))
    other = professionals.practitioner(d, "9144889^Lund^Kari", "c", "Gata 1^^Oslo^^0150")
    assert one["reference"] == two["reference"] != other["reference"]
    assert other["display"] == "Kari Lund"
    assert [p.get("address", [{}])[0].get("city") for p in made(d, "Practitioner")] == [None, "Oslo"]
    assert professionals.practitioner(d, "", "d", "") == {}


@pytest.mark.parametrize(
    ("parts", "keys"),
    [(("Lab Øst^^^^^^^^^9", "", ""), {"name", "identifier"}),
     (("Lab Øst", "Gata 1^^Oslo", "73000000^WPN^PH"), {"name", "address", "telecom"}),
     (("", "Gata 1^^Oslo", ""), {"_name", "address"})],
)  # fmt: skip
def test_an_organisation_by_what_is_known_of_it(parts: tuple[str, str, str], keys: set[str]) -> None:
    d = draft()
    assert professionals.organization(d, "x", *parts)
    (organisation,) = made(d, "Organization")
    assert keys <= organisation.keys()


def test_an_organisation_is_at_home_nowhere() -> None:
    d = draft()
    assert professionals.organization(d, "x", "Lab", "Gata 1^^Oslo^^0150^NOR^H", "73000000^PRN^PH")
    (organisation,) = made(d, "Organization")
    assert "use" not in organisation["address"][0] | organisation["telecom"][0]


def test_nothing_is_nobody() -> None:
    d = draft()
    assert professionals.organization(d, "x", "", "", "") == professionals.role(d, "x", {}) == professionals.ndl(d, "^20260101", "x") == {}
    assert d.entries == []


def test_a_role_shows_the_person_s_name_or_the_place_s() -> None:
    d = draft()
    person, where = {"reference": "urn:uuid:1", "display": "Kari Lund"}, {"reference": "urn:uuid:2", "display": "Lab"}
    assert professionals.role(d, "a", person, where=where)["display"] == "Kari Lund"
    assert professionals.role(d, "b", {}, where=where)["display"] == "Lab"
    assert professionals.role(d, "c", person, where=where) == professionals.role(d, "a", person, where=where)
    assert len(made(d, "PractitionerRole")) == 2


def test_an_ndl_is_a_person_there_and_then() -> None:
    d = draft()
    reference = professionals.ndl(d, "9144889&Lund&Kari&&&Dr.&&&HPR^20261120^20261121^MED3^301^2^STOLAV", "x")
    (role,), (person,) = made(d, "PractitionerRole"), made(d, "Practitioner")
    assert reference["display"] == "Dr. Kari Lund"
    assert role["period"] == {"start": "2026-11-20", "end": "2026-11-21"}
    assert role["location"][0]["display"] == "2"
    assert (person["identifier"][0]["value"], person["name"][0]["family"]) == ("9144889", "Lund")


def test_a_requester_is_orc_12_for_orc_21_else_obr_16() -> None:
    orc = line("ORC", {1: "NW", 12: "7^Berg^Åse", 21: "Legesenteret", 24: "Gata 2^^Molde"})
    obr = line("OBR", {16: "8^Dahl^Eva"})
    d = draft(orc, obr)
    orders, requests = d.content.segment("ORC"), d.content.segment("OBR")
    assert professionals.requester(d, orders, requests, "a")["display"] == "Åse Berg"
    (role,) = made(d, "PractitionerRole")
    assert role["organization"]["display"] == "Legesenteret"
    assert made(d, "Practitioner")[0]["address"][0]["city"] == "Molde"
    plain = professionals.requester(draft(obr), None, requests, "a")
    assert (plain["display"], "type" in plain) == ("Eva Dahl", False)
    assert professionals.requester(draft("ORC|NW"), draft("ORC|NW").content.segment("ORC"), None, "a") == {}
