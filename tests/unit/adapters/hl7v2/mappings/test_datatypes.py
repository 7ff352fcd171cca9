"""Data types, one by one: what stands in a component comes out in its element."""

from typing import Any

import pytest

from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text

T = Text("^", "&", "~", "\\", lambda text: text.replace("\\T\\", "&").replace("\\S\\", "^"), is_usual=True)
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Berg^Ole", {"family": "Berg", "given": ["Ole"]}),
        ("Berg^Ole^Per^jr.^Dr.^MD^L", {"use": "official", "family": "Berg", "given": ["Ole", "Per"], "prefix": ["Dr."],
                                       "suffix": ["jr.", "MD"]}),
        ("van Berg&van&Berg^Ole", {"family": "van Berg", "given": ["Ole"], "_family": {"extension": [
            {"url": f"{EXTENSION}humanname-own-prefix", "valueString": "van"},
            {"url": f"{EXTENSION}humanname-own-name", "valueString": "Berg"}]}}),
        ("Berg^Ole^^^^^M^^^20200101&20211231", {"use": "maiden", "family": "Berg", "given": ["Ole"],
                                               "period": {"start": "2020-01-01", "end": "2021-12-31"}}),
        ("Berg^^^^^^^^^^G^2020^2021^RN", {"family": "Berg", "suffix": ["RN"], "period": {"start": "2020", "end": "2021"},
                                         "extension": [{"url": f"{EXTENSION}humanname-assembly-order", "valueCode": "NL3"}]}),
        ("^^^^^^L", {}),
        ('""', {}),
    ],
)  # fmt: skip
def test_names(raw: str, expected: dict[str, Any]) -> None:
    assert datatypes.xpn(raw, T) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Gata 1^2. etg^Oslo^^0150^NOR^H^^0301", {"use": "home", "line": ["Gata 1", "2. etg"], "city": "Oslo", "postalCode": "0150",
                                                  "country": "NOR", "district": "0301"}),
        ("Gata 1&Gata&1^^Oslo", {"line": ["Gata 1"], "city": "Oslo"}),
        ("&Gata&1", {"line": ["Gata", "1"]}),
        ("Postboks 1^^^^^^M", {"type": "postal", "line": ["Postboks 1"]}),
        ("Gata 1^^^^^^^^^0301.1^^^20200101^20201231", {"line": ["Gata 1"], "period": {"start": "2020-01-01", "end": "2020-12-31"},
            "extension": [{"url": f"{EXTENSION}iso21090-ADXP-censusTract", "valueString": "0301.1"}]}),
        ("^^^^^^H", {}),
    ],
)  # fmt: skip
def test_addresses(raw: str, expected: dict[str, Any]) -> None:
    assert datatypes.xad(raw, T) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("90000001^PRN^CP", {"system": "phone", "value": "90000001", "use": "mobile"}),
        ("^NET^Internet^a@b.no", {"system": "email", "value": "a@b.no"}),
        ("a@b.no^NET", {"system": "email", "value": "a@b.no"}),
        ("22^WPN^PH^^^^^^^^^+47 22 00 00 00", {"system": "phone", "value": "+47 22 00 00 00", "use": "work"}),
        ("^^PH^^47^22^000000^9", {"system": "phone", "value": "+47 22 000000 X9", "extension": [
            {"url": f"{EXTENSION}contactpoint-country", "valueString": "47"},
            {"url": f"{EXTENSION}contactpoint-area", "valueString": "22"},
            {"url": f"{EXTENSION}contactpoint-local", "valueString": "000000"},
            {"url": f"{EXTENSION}contactpoint-extension", "valueString": "9"}]}),
        ("1^^PH^^^^^^^^^^20200101^20201231^^^^2", {"system": "phone", "value": "1", "rank": 2,
                                                  "period": {"start": "2020-01-01", "end": "2020-12-31"}}),
        ("^PRN^PH", {}),
    ],
)  # fmt: skip
def test_contact_points(raw: str, expected: dict[str, Any]) -> None:
    assert datatypes.xtn(raw, T) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("7^^^&2.999.1&ISO", {"value": "7", "system": "urn:oid:2.999.1"}),
        ("7^5^M10^HOSP^MR^Ward^20200101^20201231", {"value": "7", "system": "HOSP", "assigner": {"display": "Ward"},
            "type": {"coding": [{"system": f"{codes.TERMINOLOGY}v2-0203", "code": "MR", "display": "Medical record number"}]},
            "period": {"start": "2020-01-01", "end": "2020-12-31"},
            "extension": [{"url": f"{EXTENSION}identifier-checkDigit", "valueString": "5"},
                          {"url": f"{EXTENSION}namingsystem-checkDigit", "valueString": "M10"}]}),
        ("^^^HOSP", {}),
    ],
)  # fmt: skip
def test_identifiers(raw: str, expected: dict[str, Any]) -> None:
    assert datatypes.cx(raw, T) == expected


def test_a_driving_licence() -> None:
    made = datatypes.dln("D1^NO^20300102", T)
    assert (made["value"], made["system"], made["type"]["coding"][0]["code"], made["period"]) == ("D1", "NO", "DL", {"end": "2030-01-02"})
    assert datatypes.dln("^NO", T) == {}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("I21^Infarct^I10^22298006^MI^SCT^2020^2021^heart attack", {"text": "heart attack", "coding": [
            {"code": "I21", "system": "http://hl7.org/fhir/sid/icd-10", "display": "Infarct", "version": "2020"},
            {"code": "22298006", "system": "http://snomed.info/sct", "display": "MI", "version": "2021"}]}),
        ("X", {"coding": [{"code": "X", "system": "default"}]}),
        ("^said", {"text": "said"}),
        ("X^^L", {"coding": [{"code": "X", "system": f"{codes.TERMINOLOGY}v2-0396/L"}]}),
    ],
)  # fmt: skip
def test_concepts(raw: str, expected: dict[str, Any]) -> None:
    assert datatypes.cwe(raw, T, "default") == expected


@pytest.mark.parametrize(
    ("raw", "code", "system"),
    [
        ("M", "M", "v3-MaritalStatus"),
        ("M^Married^HL70002", "M", "v3-MaritalStatus"),
        ("M^Married^L", "M", "v2-0396/L"),  # the sender's own table: not to be translated
        ("ZZ", "ZZ", "v2-0002"),
    ],
)
def test_a_code_is_translated_by_its_table_alone(raw: str, code: str, system: str) -> None:
    coding = datatypes.coded("MaritalStatus")(raw, T)["coding"][0]
    assert (coding["code"], coding["system"]) == (code, codes.TERMINOLOGY + system)


def test_what_is_remembered_is_what_would_be_made_again() -> None:
    calls: list[str] = []

    def make(raw: str, t: Text) -> str:
        calls.append(raw)
        return raw.upper()

    made = datatypes.remembered(make)
    unusual = Text("!", "&", "~", "\\", str)
    assert [made("a", T), made("a", T), made("a\\T\\", T), made("a\\T\\", T), made("a", unusual), made("x" * 200, T)] == [
        "A", "A", "A\\T\\", "A\\T\\", "A", "X" * 200,
    ]  # fmt: skip
    assert calls == ["a", "a\\T\\", "a\\T\\", "a", "x" * 200]


@pytest.mark.parametrize(
    ("authority", "system", "assigner"),
    [
        ("STOLAV", "STOLAV", None),
        ("&2.16.578.1&ISO", "urn:oid:2.16.578.1", None),
        ("STOLAV&2.16.578.1&ISO", "urn:oid:2.16.578.1", {"identifier": {"value": "STOLAV"}}),
        ("ADT 1&1.23&HCD", "ADT%201", {"identifier": {"value": "1.23", "type": {"coding": [{
            "system": f"{codes.TERMINOLOGY}v2-0301", "code": "HCD"}]}}}),
        ("ADT1&x", "ADT1", {"identifier": {"value": "x"}}),
        ("X&https://x.no&URI", "https://x.no", {"identifier": {"value": "X"}}),
    ],
)  # fmt: skip
def test_an_authority_with_two_names_is_a_system_and_an_assigner(authority: str, system: str, assigner: dict[str, Any] | None) -> None:
    """HD: the one that identifies is the system; the other (HD[Organization] 1, or 2 and 3) is not lost."""
    made = datatypes.cx(f"7^^^{authority}^MR", T)
    assert (made["system"], made.get("assigner")) == (system, assigner)
    assert datatypes.ei(f"7^{authority.replace('&', '^')}", T).get("assigner") == assigner
    with_facility = datatypes.cx(f"7^^^{authority}^MR^Facility", T)["assigner"]
    assert with_facility == (assigner or {}) | {"display": "Facility"}
