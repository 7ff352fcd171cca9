"""People and organisations, type by type; and whatever a message that is taken holds, its Bundle is valid."""

import json
import re
import warnings
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.kith.document import parse
from hub.adapters.kith.mappings import resources
from hub.adapters.kith.mappings.resources import Draft, address, human_name, organisation, patient, practitioner, telecom
from hub.errors import Rejected
from hub.model import Detail, Form
from tests.unit.adapters.kith.made import dialog, kith, logistics
from tests.unit.adapters.made import RECIPIENT, references

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle


def element(text: str) -> Any:
    return parse(text.encode())[0]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("", {}),
        ('<Type V="H"/>', {}),
        ("<Postbox>Postboks 7</Postbox><City>Å</City>", {"line": ["Postboks 7"], "city": "Å"}),
        ('<Type V="WP"/><StreetAdr>Gata 1</StreetAdr><Postbox>7</Postbox>', {"use": "work", "line": ["Gata 1", "7"]}),
        ('<County V="50" DN="Trøndelag"/>', {"district": "Trøndelag"}),
        ('<Country DN="Norge"/>', {"country": "Norge"}),
        ('<Country V="NO" DN="Norge"/>', {"country": "NO"}),
    ],
)
def test_an_address(inner: str, expected: dict[str, Any]) -> None:
    assert address(element(f"<Address>{inner}</Address>")) == expected


def test_a_municipality_stands_beside_the_district() -> None:
    made = address(element('<Address><County V="5001"/></Address>'))
    assert made["district"] == "5001"
    assert made["_district"]["extension"][0]["url"] == f"{resources.NO_BASIS}no-basis-municipality-code"
    assert address(None) == {}


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("tel:73521234", "", {"system": "phone", "value": "73521234"}),
        ("TEL:73521234", "HP", {"system": "phone", "value": "73521234", "use": "home"}),
        ("73521234", "MC", {"system": "phone", "value": "73521234", "use": "mobile"}),
        ("mailto:a@b.no", "WP", {"system": "email", "value": "a@b.no", "use": "work"}),
        ("https://b.no/x", "", {"system": "url", "value": "https://b.no/x"}),
        ("sip:a@b.no", "", {"system": "other", "value": "a@b.no"}),
        ("tel:", "", {}),
        ("", "", {}),
    ],
)
def test_a_telecom(value: str, kind: str, expected: dict[str, str]) -> None:
    assert telecom(element(f'<TeleCom><TypeTelecom V="{kind}"/><TeleAddress V="{value}"/></TeleCom>')) == expected


def test_names_and_sexes() -> None:
    assert human_name(element("<P><GivenName> Åse </GivenName></P>")) == {"given": ["Åse"]}
    assert human_name(element("<P/>")) == {}
    sexes = {code: patient(element(f'<P><Sex V="{code}"/></P>'), ()).get("gender") for code in ("0", "1", "2", "9", "K", "M", "?", "")}
    assert sexes == {"0": "unknown", "1": "male", "2": "female", "9": "other", "K": "female", "M": "male", "?": None, "": None}
    assert patient(element("<P><DateOfBirth>2002-07-15+02:00</DateOfBirth></P>"), ())["birthDate"] == "2002-07-15"


def test_units_are_parts_of_one_another_and_each_is_there_once() -> None:
    draft = Draft("e")
    outer = "<Organisation><OrganisationName>A</OrganisationName><Organisation/></Organisation>"
    reference = organisation(draft, "Sender", element(outer))
    assert reference["display"] == "A"  # a unit without name and number is none
    assert len(draft.entries) == 1
    assert organisation(draft, "Sender", None) == {}
    assert practitioner(draft, "p", element("<P/>")) == {"reference": draft.entries[1]["fullUrl"]}


ODD = (
    "",
    " ",
    "x y",
    "é",
    "a" * 300,
    "http://a b",
    "2026-02-30",
    "æøå  ø",
    "\u00a0",
    "0",
    "<b>",
    "&",
    "urn:x",
    "tel:",
    "1.2.3",
    "\t\n",
    "13116900216",
)
VALUES = re.compile(r'(?<=V=")[^"]*|(?<=>)[^<>]+(?=</)|(?<=OT=")[^"]*|(?<=DN=")[^"]*')
SOURCES = [logistics(t).decode() for t in ("LOG_INNLAGT", "LOG_UTSKREVET", "LOG_DOD", "LOG_TILBAKEMELDING")] + [dialog().decode()]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_whatever_the_values_are_the_bundle_is_valid(seed: int, changes: int) -> None:
    random = Random(seed)
    text = random.choice(SOURCES)
    for _ in range(changes):
        spot = random.choice(list(VALUES.finditer(text)))
        odd = random.choice(ODD).replace("&", "&amp;").replace("<", "&lt;")
        text = text[: spot.start()] + odd + text[spot.end() :]
    try:
        message = kith(text.encode())
        message.event()
    except Rejected:
        return
    for detail in Detail:
        bundle = json.loads(message.render(Form.FHIR, detail, RECIPIENT))
        Bundle.model_validate(bundle)
        assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
