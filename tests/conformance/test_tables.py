"""The code tables checked in are what the generator makes of the guide's files, and what the hub says beyond them is said on purpose."""

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from hub.adapters.hl7v2.mappings import codes
from hub.adapters.hl7v2.mappings.tables import TABLES, plain
from tests.conformance import guide

ROOT = Path(__file__).parents[2]
# table of ours -> the guide's; what differs is an override, which ``codes`` gives the reason for
OVERRIDDEN: Mapping[str, tuple[str, set[str]]] = {
    "GENDER": ("AdministrativeSex", set()),
    "NAME_USE": ("NameType", {"C", "NOUSE", "S"}),
    "ADDRESS_USE": ("AddressType[Use]", {"V"}),
    "ADDRESS_TYPE": ("AddressType[Type]", set()),
    "TELECOM_SYSTEM": ("TelecommunicationEquipmentType", {"CP", "SAT"}),
    "TELECOM_USE": ("TelecommunicationUseCode", {"ORN", "VHN"}),
}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("code_tables", ROOT / "tools" / "code_tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_the_guide_s() -> None:
    if not guide.is_here():
        pytest.skip(f"the guide's tables are not at {guide.GUIDE}: set HUB_V2_TO_FHIR")
    made = generator()
    assert made.written(made.tables(guide.GUIDE / "codesystems")) == made.OUT.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(OVERRIDDEN))
def test_what_differs_from_the_guide_is_an_override(name: str) -> None:
    ours, (theirs, overridden) = getattr(codes, name), OVERRIDDEN[name]
    guided = plain(theirs)
    assert {code for code in ours.keys() | guided.keys() if ours.get(code) != guided.get(code)} == overridden


def test_known_errors_of_the_guide_are_mended() -> None:
    assert TABLES["ConfidentialityCode"].codes["PSY"].system.endswith("v3-ActCode")
    assert TABLES["ConfidentialityCode"].codes["HIV"].system.endswith("v3-ActCode")
    assert not [row for table in TABLES.values() for row in table.codes.values() if "errror" in row.code]


def test_every_code_is_one_and_has_a_system() -> None:
    for name, table in TABLES.items():
        for v2, row in table.codes.items():
            assert re.fullmatch(r"\S+( \S+)*", row.code), (name, v2)
            assert row.system.startswith(("http://", "urn:")), (name, v2)
