"""The limits of consent: read from a table of the configuration or from the environment, and handed on to child processes unchanged."""

import json
from pathlib import Path

import pytest

from hub import wiring
from hub.boundaries import ConsentLimits
from hub.config import ConfigError
from hub.model import Boundaries, Detail, Duty, Kind, ProviderKind
from hub.settings import Settings

FILE = """
[hub.consent]
alone_years = 17
youth_years = 14
child_years = 11
limited = true
emergency_hours = 0.5
labels_required = true

[[hub.consent.duties]]
event = "patient.admitted"
recipient = "municipality"

[[hub.consent.duties]]
event = "patient.ready_for_discharge"
recipient = "gp"
detail = "notice"
"""
READ = Boundaries(
    17, 14, 11, limited=True, emergency_hours=0.5, labels_required=True,
    duties=(Duty(Kind.ADMITTED, ProviderKind.MUNICIPALITY), Duty(Kind.READY_FOR_DISCHARGE, ProviderKind.GP, Detail.NOTICE)),
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"HUB_{name.upper()}", raising=False)


def test_the_defaults_are_the_models() -> None:
    assert Settings().consent.boundaries() == ConsentLimits().boundaries() == Boundaries()


def test_the_table_of_the_file_and_what_a_child_is_handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(FILE, "utf-8")
    settings = wiring.read(path, {}).settings
    assert settings.consent.boundaries() == READ
    monkeypatch.setenv("HUB_CONSENT", wiring.environment(settings)["HUB_CONSENT"])
    assert wiring.read(None, {}).settings.consent == settings.consent
    assert Settings.model_validate(json.loads(json.dumps(wiring.noted(settings)))).consent == settings.consent


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"alone_years": -1}', "consent.alone_years"),
        ('{"alone_years": "old"}', "consent.alone_years"),
        ('{"adult_years": 18}', "consent.adult_years"),
        ('{"emergency_hours": 169}', "consent.emergency_hours"),
        ('{"emergency_hours": NaN}', "consent.emergency_hours"),
        ('{"duties": [{"event": "patient.*", "recipient": "gp"}]}', "consent.duties.0.event"),
        ('{"duties": [{"event": "patient.admitted", "recipient": "everyone"}]}', "consent.duties.0.recipient"),
        ('{"duties": [{"event": "patient.admitted", "recipient": "gp", "detail": "full"}]}', "consent.duties.0.detail"),
        ("16", "consent"),
        ("alone_years=16", "consent: is not JSON"),
    ],
)
def test_a_limit_that_is_none_is_named_in_one_line(text: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONSENT", text)
    with pytest.raises(ConfigError) as found:
        wiring.read(None, {})
    (line,) = found.value.lines
    assert line.startswith(f"setting {named}")
