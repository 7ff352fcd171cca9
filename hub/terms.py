"""What whoever runs the hub has settled about consent, read once at start from the settings and the file of sensitive codes they name.

    [[label]]
    sensitivity = "HIV"                           v3-ActCode (InformationSensitivityPolicy), or R or V
    system = "http://hl7.org/fhir/sid/icd-10"     a FHIR system, or a v2 coding system as the hub writes it
    codes = ["Z21"]                               whole codes ...
    prefixes = ["B20", "B21"]                     ... and how codes of a hierarchy begin

What bears such a code is treated as if its sender had labelled it. ``hub/sensitive_codes.toml`` is a small table to begin with.
"""

import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from hub.config import ConfigError
from hub.consent.question import RESTRICTED
from hub.consent.sensitive import NO_CODES, Code, SensitiveCodes
from hub.pipeline import Terms
from hub.settings import Settings

DEFAULT: Final = "default"
_TABLE: Final = "sensitive_codes.toml"
_Text = Annotated[str, Field(min_length=1)]


class _Label(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    sensitivity: _Text
    system: _Text
    codes: list[_Text] = []
    prefixes: list[_Text] = []

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.sensitivity not in RESTRICTED:
            raise PydanticCustomError("sensitivity", "sensitivity is no label that restricts: write one such as HIV, PSY, ETH, STD, SDV, R")
        if not self.codes and not self.prefixes:
            raise PydanticCustomError("codes", "neither codes nor prefixes are given")
        return self


def terms_of(settings: Settings) -> Terms:
    """The terms of these settings. Raises ConfigError."""
    return Terms(settings.consent.boundaries(), sensitive_codes(settings.sensitive_codes))


def sensitive_codes(name: str) -> SensitiveCodes:
    """The table in a file, ``default`` the hub's own, "" none. Raises ConfigError."""
    if not name:
        return NO_CODES
    try:
        text = resources.files("hub").joinpath(_TABLE).read_text("utf-8") if name == DEFAULT else Path(name).read_text("utf-8")
        rows = list(_rows(tomllib.loads(text), name))
    except OSError as exc:
        raise ConfigError([f"{name}: cannot be read: {exc.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{name}: is not TOML: {exc}"]) from None
    exact: dict[Code, str] = {(row.system, code): row.sensitivity for row in rows for code in row.codes}
    prefixes: dict[Code, str] = {(row.system, start): row.sensitivity for row in rows for start in row.prefixes}
    return SensitiveCodes(exact, prefixes)


def _rows(table: dict[str, object], name: str) -> Iterator[_Label]:
    given = table.get("label")
    if table.keys() != {"label"} or not isinstance(given, list):
        raise ConfigError([f"{name}: holds [[label]] tables and nothing else"])
    mistakes = []
    for n, row in enumerate(given, 1):
        try:
            yield _Label.model_validate(row)
        except ValidationError as exc:
            mistakes += [f"{name}: label {n}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors()]
    if mistakes:
        raise ConfigError(mistakes)
