import pytest

from hub.adapters.fhir.er7 import codes


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://loinc.org", "LN"),
        ("http://snomed.info/sct", "SCT"),
        (f"{codes.V2}0203", "HL70203"),
        (f"{codes.V2}0396/ICPC%20x", "ICPC x"),
        ("urn:oid:2.16.578.1.12.4.1.1.8116", "urn:oid:2.16.578.1.12.4.1.1.8116"),
        ("", ""),
    ],
)
def test_coding_systems_have_the_names_of_table_0396(uri: str, name: str) -> None:
    assert codes.coding_system(uri) == name


def test_what_a_referral_waits_for_is_no_claim_that_it_was_accepted() -> None:
    assert codes.REFERRAL_STATUS["active"] == "P"
