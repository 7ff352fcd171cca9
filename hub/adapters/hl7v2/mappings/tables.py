"""The guide's code-system maps, read once from ``tables.json`` (made by ``tools/code_tables.py``): v2 code -> FHIR code.

Source: HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), code-system maps, CC0-1.0.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple


class Code(NamedTuple):
    """A FHIR code, its system and what it is called ("" where the guide does not say)."""

    code: str
    system: str
    display: str


class Table(NamedTuple):
    """One map: the URI of its v2 table as a code system, and v2 code -> FHIR code."""

    v2: str
    codes: Mapping[str, Code]


def _table(made: dict[str, Any]) -> Table:
    default = made["system"]
    codes = {code: Code(row[0], row[2] if len(row) > 2 else default, row[1]) for code, row in made["codes"].items()}
    return Table(f"http://terminology.hl7.org/CodeSystem/v2-{made['table']}", MappingProxyType(codes))


def _read() -> Mapping[str, Table]:
    text = files(__package__).joinpath("tables.json").read_text("utf-8")
    return MappingProxyType({name: _table(made) for name, made in json.loads(text)["maps"].items()})


TABLES: Final = _read()


def plain(name: str) -> dict[str, str]:
    """v2 code -> FHIR code of a map, for elements that hold a bare code."""
    return {code: found.code for code, found in TABLES[name].codes.items()}
