import pytest

from hub.adapters.fhir.er7.concepts import CONCEPTS
from hub.adapters.hl7v2.mappings.tables import TABLES

# codes that R4's value sets have and the guide's maps do not lead to: table -> FHIR codes
OURS = {
    "0002": {"P"},
    "0052": {"AD", "DD"},
    "0063": {"HUSB", "WIFE", "DOMPART", "SON", "DAU", "GUARD", "FAMMEMB", "NBOR"},
    "0131": set(),
    "0167": {"BC", "E", "EC", "F", "G", "N", "TE", "TG"},
    "0270": set(),
}


def maps_of(table: str) -> list[dict[str, tuple[str, str]]]:
    """The guide's maps of a v2 table: v2 code -> (system, code)."""
    return [{v2: (to.system, to.code) for v2, to in known.codes.items()} for known in TABLES.values() if known.v2.endswith(f"/v2-{table}")]


@pytest.mark.parametrize("table", [t for t in CONCEPTS if t != "0270"])
def test_a_code_leads_back_to_one_that_led_to_it(table: str) -> None:
    maps = maps_of(table)
    for (system, code), v2 in CONCEPTS[table].items():
        found = [m for m in maps if m.get(v2) == (system, code)]
        assert found or code in OURS.get(table, set()) or system.endswith("/v2-0131"), (table, system, code, v2)


def test_a_document_s_loinc_code_is_a_type_of_document() -> None:
    assert CONCEPTS["0270"]["http://loinc.org", "18842-5"] == "DS"
