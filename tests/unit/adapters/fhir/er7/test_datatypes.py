from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.fhir.document import Number, parse
from hub.adapters.fhir.er7 import datatypes
from hub.adapters.hl7v2.mappings import datatypes as hl7v2_datatypes
from hub.adapters.hl7v2.mappings.content import Text
from tests.unit.adapters.fhir.er7.composed import HL7, LOINC, SNOMED, UCUM, V2, coded

TEXT = Text("^", "&", "~", "\\", lambda text: text.replace("\\F\\", "|"), is_usual=True)
BESIDE = f"{HL7}alternate-codes"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "system", "code", "family", "given", "use", "url"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "make",
    [
        datatypes.cx,
        datatypes.xpn,
        datatypes.xad,
        datatypes.xtn,
        datatypes.ce,
        datatypes.cwe,
        datatypes.ei,
        datatypes.cq,
        datatypes.dr,
        datatypes.number,
        datatypes.moment,
        datatypes.day,
        datatypes.string,
        datatypes.flag,
    ],
)
@settings(deadline=None)
@given(value=anything)
def test_any_json_is_told_or_not_and_stays_in_its_field(make: Any, value: Any) -> None:
    assert not set(make(value)) & set("|\r\n~")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"5", "5"),
        (b"5.50", "5.50"),
        (b"-0.10", "-0.10"),
        (b"1e2", "100"),
        (b"1.5E-3", "0.0015"),
        (b"1e300", ""),
        (b"true", ""),
        (b'"5"', ""),
    ],
)
def test_a_number_keeps_the_digits_it_was_written_with(written: bytes, told: str) -> None:
    value = parse(b'{"resourceType": "Bundle", "total": ' + written + b"}")["total"]
    assert datatypes.number(value) == told
    assert not isinstance(value, float) or isinstance(value, Number)


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("urn:oid:2.16.578.1", "&2.16.578.1&ISO"),
        ("urn:uuid:0a0b0c0d-0000-4000-8000-000000000001", "&0a0b0c0d-0000-4000-8000-000000000001&UUID"),
        ("urn:oid:x|", "&urn:oid:x\\F\\&URI"),
        ("https://x.no/a", "&https://x.no/a&URI"),
        ("STOLAV", "STOLAV"),
        ("SIMULATOR%20MRN", "SIMULATOR MRN"),
        (f"{V2}0396/CLIA", "CLIA"),
        ("a&b", "a\\T\\b"),
        ("", ""),
    ],
)
def test_a_system_is_whose_number_it_is(system: str, told: str) -> None:
    assert datatypes.hd(system) == told


ID: dict[str, Any] = {"value": "7"}
HCD = {"coding": [{"system": f"{V2}0301", "code": "HCD"}]}


@pytest.mark.parametrize(
    ("system", "other", "told"),
    [
        ("urn:oid:1.2.3", {"value": "STOLAV"}, "STOLAV&1.2.3&ISO"),
        ("urn:oid:1.2.3", {"value": "A|B"}, "A\\F\\B&1.2.3&ISO"),
        ("STOLAV", {"value": "1.23", "type": HCD}, "STOLAV&1.23&HCD"),
        ("STOLAV", {"value": "x"}, "STOLAV&x"),
        ("STOLAV", {"value": "1.2.3"}, "STOLAV"),  # a reader would take it for the system
        ("STOLAV", {"value": "1.2.3", "type": {"coding": [{"code": "ISO"}]}}, "STOLAV"),
        ("STOLAV", {"value": "https://x.no", "type": {"coding": [{"code": "URI"}]}}, "STOLAV"),
        ("STOLAV", {"value": "0a0b0c0d-0000-4000-8000-000000000001", "type": {"coding": [{"code": "GUID"}]}}, "STOLAV"),
        ("urn:oid:1.2.3", {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "974749025"}, "&1.2.3&ISO"),  # an organisation's number
        ("", {"value": "STOLAV"}, ""),
    ],
)
def test_the_other_name_of_an_authority_never_makes_another_system(system: str, other: dict[str, Any], told: str) -> None:
    identifier = ID | {"system": system, "assigner": {"identifier": other}}
    made = datatypes.authority(identifier, system)
    assert made == told
    assert datatypes.cx(identifier).split("^")[3:4] == ([told] if told else [])
    assert hl7v2_datatypes.authority(made, TEXT) == hl7v2_datatypes.authority(datatypes.hd(system), TEXT)


def test_an_identifier_has_its_check_digit_type_assigner_and_dates() -> None:
    given_ = {
        "system": "urn:oid:2.16.578.1.12.4.1.4.1",
        "value": "13116900216",
        "type": coded("0203", "FNR"),
        "assigner": {"display": "Folkeregisteret"},
        "period": {"start": "1969-11-13", "end": "2030-01-01"},
        "extension": [
            {"url": f"{HL7}identifier-checkDigit", "valueString": "6"},
            {"url": f"{HL7}namingsystem-checkDigit", "valueString": "M11"},
        ],
    }
    assert datatypes.cx(given_) == "13116900216^6^M11^&2.16.578.1.12.4.1.4.1&ISO^FNR^Folkeregisteret^19691113^20300101"
    assert datatypes.cx({"system": "urn:x"}) == ""


def test_a_name_has_all_its_parts() -> None:
    name = {
        "family": "Lund",
        "given": ["Kari", "Anne", "Marie"],
        "prefix": ["Dr."],
        "suffix": ["jr.", "MD", "x"],
        "use": "official",
        "period": {"start": "2020-01-01", "end": "2021-01-01"},
        "_family": {"extension": [{"url": f"{HL7}humanname-own-name", "valueString": "Berg"}]},
        "extension": [{"url": f"{HL7}humanname-assembly-order", "valueCode": "NL3"}],
    }
    assert datatypes.xpn(name) == "Lund&&Berg^Kari^Anne Marie^jr.^Dr.^MD^L^^^^G^20200101^20210101^x"


@pytest.mark.parametrize(
    ("name", "told"),
    [({"text": "Åse|Berg"}, "Åse\\F\\Berg"), ({"given": ["Åse"]}, "^Åse"), ({"use": "official"}, ""), ({}, ""), (None, "")],
)
def test_a_name_is_told_as_far_as_it_goes(name: Any, told: str) -> None:
    assert datatypes.xpn(name) == told


def test_an_address_has_its_lines_use_and_municipality() -> None:
    address = {
        "line": ["Søndre gate 12", "Oppgang B", "3. etg"],
        "city": "Trondheim",
        "postalCode": "7011",
        "country": "NOR",
        "use": "home",
        "district": "5001",
        "period": {"start": "2020-01-01"},
    }
    assert datatypes.xad(address) == "Søndre gate 12^Oppgang B 3. etg^Trondheim^^7011^NOR^H^^5001^^^^20200101"
    assert datatypes.xad({"text": "Ved kirken"}) == "Ved kirken"
    assert datatypes.xad({"use": "home"}) == ""


@pytest.mark.parametrize(
    ("point", "told"),
    [
        ({"value": "90000001", "system": "phone", "use": "mobile"}, "90000001^PRN^CP"),
        ({"value": "73000000", "system": "phone", "use": "work"}, "73000000^WPN^PH"),
        ({"value": "73000001", "system": "fax"}, "73000001^^FX"),
        ({"value": "a@b.no", "system": "email", "use": "work"}, "^NET^Internet^a@b.no"),
        ({"value": "https://a.no", "system": "url"}, ""),
        ({"system": "phone"}, ""),
        (
            {
                "value": "22 11",
                "extension": [
                    {"url": f"{HL7}contactpoint-country", "valueString": "47"},
                    {"url": f"{HL7}contactpoint-local", "valueString": "11"},
                ],
            },
            "22 11^^^^47^^11",
        ),
    ],
)
def test_a_contact_point_is_a_number_with_its_use_or_an_address(point: Any, told: str) -> None:
    assert datatypes.xtn(point) == told


def test_a_concept_is_told_by_two_codings_with_versions_and_the_text() -> None:
    concept = {
        "coding": [
            {"system": LOINC, "code": "8867-4", "display": "Heart rate", "version": "2.74"},
            {"system": SNOMED, "code": "364075005", "display": "Heart rate"},
        ],
        "text": "puls",
    }
    assert datatypes.ce(concept) == "8867-4^Heart rate^LN^364075005^Heart rate^SCT"
    assert datatypes.cwe(concept) == "8867-4^Heart rate^LN^364075005^Heart rate^SCT^2.74^^puls"


def test_a_text_is_the_name_where_no_coding_has_one() -> None:
    assert datatypes.ce({"coding": [{"system": LOINC, "code": "8867-4"}], "text": "puls"}) == "8867-4^puls^LN"
    assert datatypes.ce({"text": "puls"}) == "^puls"
    assert datatypes.ce({}) == ""
    assert datatypes.cwe({"coding": [{"system": LOINC, "code": "1"}], "text": "puls"}) == "1^puls^LN"


def test_a_code_that_the_guide_changed_is_the_v2_code_it_was() -> None:
    married = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "T"}], "text": "samboer"}
    assert datatypes.ce(married, "0002") == "P^samboer^HL70002"
    assert datatypes.is_code("0002")(married) == "P"


def test_of_several_codings_the_table_s_own_counts_first_and_then_the_guide_s_map() -> None:
    urgent = {"coding": [{"code": "3"}, {"system": "http://terminology.hl7.org/CodeSystem/v3-ActPriority", "code": "UR"}]}
    assert datatypes.code(urgent, "0217") == "2"
    assert datatypes.code({"coding": [*urgent["coding"], {"system": f"{V2}0217", "code": "1"}]}, "0217") == "1"
    assert datatypes.code({"coding": [{"system": SNOMED, "code": "1"}]}, "0217") == ""


def test_the_code_that_stood_in_v2_counts_before_what_it_became() -> None:
    beside = {"status": "unknown", "_status": {"extension": [{"url": BESIDE, "valueCodeableConcept": coded("0085", "S")}]}}
    assert datatypes.original(beside, "status") == "S"
    assert datatypes.original({"status": "final"}, "status") == ""


@pytest.mark.parametrize(
    ("quantity", "told"),
    [
        ({"value": 5, "unit": "mg", "system": UCUM, "code": "mg"}, ("5", "mg^mg^UCUM")),
        ({"value": 5, "unit": "tablett"}, ("5", "tablett")),
        ({"value": 5, "code": "x", "unit": "y"}, ("5", "x^y")),
        ({"unit": "mg"}, ("", "mg")),
        (None, ("", "")),
    ],
)
def test_a_quantity_is_a_number_and_its_unit(quantity: Any, told: tuple[str, str]) -> None:
    assert datatypes.quantity(quantity) == told


def test_a_quantity_in_one_field_has_its_unit_inside() -> None:
    assert datatypes.cq({"value": 5, "unit": "mg", "system": UCUM, "code": "mg"}) == "5^mg&mg&UCUM"
    assert datatypes.cq({"unit": "mg"}) == ""


def test_times_keep_their_precision_and_offset() -> None:
    assert datatypes.moment("2026-11-20T08:25:00+01:00") == "20261120082500+0100"
    assert datatypes.moment("2026-11") == "202611"
    assert datatypes.day("2026-11-20T08:25:00+01:00") == "20261120"
    assert datatypes.moment("soon") == ""
    assert datatypes.dr({"start": "2026-11-20", "end": "2026-11-21"}) == "20261120^20261121"


def test_an_organisation_is_known_by_a_namespace_and_a_universal_id() -> None:
    numbers = [{"value": "STOLAV"}, {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.578.1"}]
    assert datatypes.hd_of({"identifier": numbers}) == "STOLAV^2.16.578.1^ISO"
    assert datatypes.hd_of({"name": "St. Olav"}) == "St. Olav"
    assert datatypes.hd_of({}) == ""
