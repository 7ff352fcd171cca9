"""Languages of table 0296 as BCP 47."""

import pytest

from hub.adapters.hl7v2.mappings.languages import BCP_47, language, tag
from tests.unit.adapters.made import content, hl7v2, message, of, rendered

V2 = "http://terminology.hl7.org/CodeSystem/v2-0296"


@pytest.mark.parametrize(
    ("code", "known"),
    [("nor", "no"), ("NOB", "nb"), ("sme", "se"), ("ger", "de"), ("deu", "de"), ("no", "no"), ("sma", ""), ("", ""), ("xx", "")],
)
def test_a_language_goes_by_its_shortest_code(code: str, known: str) -> None:
    assert tag(code) == known


def test_a_code_of_the_v2_table_is_said_in_bcp_47_too() -> None:
    made = language("ara^Arabisk^HL70296", content().text)
    assert made["coding"] == [
        {"system": V2, "code": "ara", "display": "Arabisk"},
        {"system": BCP_47, "code": "ar", "display": "Arabisk"},
    ]
    assert made["text"] == "Arabisk"


def test_a_code_without_a_system_is_bcp_47() -> None:
    assert language("nb", content().text)["coding"] == [{"system": BCP_47, "code": "nb"}]
    assert language("nb-NO", content().text)["coding"] == [{"system": BCP_47, "code": "nb-NO"}]
    assert language("sma", content().text)["coding"] == [{"system": BCP_47, "code": "sma"}]


def test_a_code_that_has_a_shorter_one_is_of_the_table() -> None:
    assert language("nob", content().text)["coding"] == [{"system": V2, "code": "nob"}, {"system": BCP_47, "code": "nb"}]


def test_what_is_no_language_stays_as_it_is() -> None:
    assert language("TEGN^Tegnspråk^L", content().text)["coding"][0]["code"] == "TEGN"
    assert language("^^^^^^^^Tegnspråk", content().text) == {"text": "Tegnspråk"}


def test_patient_and_next_of_kin_speak_bcp_47() -> None:
    raw = message("ADT^A08", "NK1|1|Berg^Ole|SPO^Spouse^HL70063|||||||||||||||||pol^Polsk^HL70296").replace(
        b"73000000^WPN^PH\r", b"73000000^WPN^PH|sme^Nordsamisk^HL70296\r", 1
    )
    made = rendered(hl7v2(raw))
    spoken = [of(made, kind)[0]["communication"][0]["language"]["coding"][1]["code"] for kind in ("Patient", "RelatedPerson")]
    assert spoken == ["se", "pl"]
