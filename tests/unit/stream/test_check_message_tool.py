"""The command: files in, report and exit code out, mistakes of whoever calls it in one line."""

import json
import re
import time
from pathlib import Path

import pytest

from hub.__main__ import main
from hub.adapters.fhir import check as fhir_check
from hub.adapters.hl7v2.check import needs as hl7v2_needs
from hub.adapters.hl7v2.check.structure import Fault
from tests.unit.adapters.fhir.made import bundle, raw_of
from tests.unit.adapters.hl7v2.check.made import GOOD, raw, spoiled
from tests.unit.adapters.made import samples


def file(folder: Path, *messages: bytes, name: str = "day.hl7") -> str:
    path = folder / name
    path.write_bytes(b"".join(messages))
    return str(path)


def test_good_messages_end_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-message", file(tmp_path, raw(*GOOD))]) == 0
    assert capsys.readouterr().out == "1 message: 0 errors, 0 warnings, 0 notes\n"


def test_a_file_of_many_with_one_the_hub_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(tmp_path, raw(*GOOD), spoiled(("MSH", 10, "C-2"), ("PID", 3, "")), spoiled(("MSH", 10, "C-3"), ("PV1", 3, "")))
    assert main(["check-message", path, "--json"]) == 65
    told = json.loads(capsys.readouterr().out)
    assert (told["messages"], told["errors"], told["warnings"]) == (3, 1, 1)
    assert [(f["code"], f["messages"]) for f in told["findings"]] == [
        ("refused.missing_patient", ["day.hl7:2"]),
        ("pathway.no-ward", ["day.hl7:3"]),
    ]


def test_fhir_and_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = file(tmp_path, raw(*GOOD)), file(tmp_path, raw_of(bundle()), name="admit.json")
    assert main(["check-message", one, other]) == 0
    assert "routing.gp-unknown]  in 1 of 2 (first admit.json:1)" in capsys.readouterr().out


def test_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "sender.toml"
    profile.write_text(
        '[sender]\nname = "St. Olavs"\nfacilities = ["STOLAV"]\nrequired = ["PID-23"]\n[[allow]]\ncode="agreed.required"\nreason="new"'
    )
    assert main(["check-message", file(tmp_path, raw(*GOOD)), "--profile", str(profile)]) == 0
    assert capsys.readouterr().out.startswith("St. Olavs: 1 message: 0 errors, 0 warnings, 0 notes\n\nallowed by the profile\n")


@pytest.mark.parametrize(
    ("content", "profile", "told"),
    [(b"hello", "", "no HL7 v2 message"), (b"", "", "no HL7 v2 message"), (raw(*GOOD), "[sender]\nname=1", "profile: [sender] name: write"),
     (raw(*GOOD), None, "No such file"), (None, "", "No such file")],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(
    content: bytes | None, profile: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, content) if content is not None else str(tmp_path / "none")
    if profile is not None:
        (tmp_path / "p.toml").write_text(profile)
    assert main(["check-message", path, "--profile", str(tmp_path / "p.toml")]) == 65
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


def test_a_hospitals_day_is_judged_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    assert main(["check-message", str(samples("simhospital") / "messages.out")]) == 0
    assert time.process_time() - began < 30
    assert "1013 messages: 0 errors" in capsys.readouterr().out


def test_every_code_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "check-message.md").read_text("utf-8")
    sources = [
        p.read_text("utf-8") for p in (Path(__file__).parents[3] / "hub").rglob("*.py") if "check" in str(p) or "message_report" in p.name
    ]
    codes = {need.code for need in (*hl7v2_needs.NEEDS, *fhir_check.NEEDS)}
    codes |= {f"standard.{code}" for text in sources for code in re.findall(r'\.finding\(_[WN], "([a-z-]+)"', text)}
    codes |= {f"standard.{fault.value}-segment" for fault in Fault}
    codes |= {code for text in sources for code in re.findall(r'"((?:agreed|standard|control-id)\.[a-z-]+)"', text)}
    assert len(codes) > 50
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
