import json
from pathlib import Path

import pytest

from hub.stream.translate_tool import BAD_INPUT, DONE, messages, translate
from tests.unit.adapters.fhir.made import bundle, raw_of
from tests.unit.adapters.kith.made import logistics
from tests.unit.adapters.made import PV1, message

ONE = message("ADT^A01", PV1)


@pytest.mark.parametrize(
    "raw",
    [ONE + ONE, b"\x0b" + ONE + b"\x1c\r\x0b" + ONE + b"\x1c\r", (ONE + b"\r\n" + ONE).replace(b"\r", b"\r\n"), b"\xef\xbb\xbf" + ONE + ONE,
     b"FHS|^~\\&|\rBHS|^~\\&|\r" + ONE + ONE + b"BTS|2\rFTS|1\r"],
)  # fmt: skip
def test_a_file_of_several_messages(raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(messages(raw)) == 2
    path = tmp_path / "two.hl7"
    path.write_bytes(raw)
    assert translate(path, "fhir", as_json=True) == DONE
    made = json.loads(capsys.readouterr().out)
    assert [b["resourceType"] for b in made] == ["Bundle", "Bundle"]


def test_a_message_about_several_patients_is_one_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swap = message("ADT^A17", PV1)
    other = b"PID|2||99^^^H\r" + PV1.encode() + b"\r"
    path = tmp_path / "swap.hl7"
    path.write_bytes(swap + other)
    assert translate(path, "event", as_json=True) == DONE
    assert [e["kind"] for e in json.loads(capsys.readouterr().out)] == ["patient.transferred"] * 2
    path.write_bytes(ONE + other)
    assert translate(path, "event", as_json=True) == BAD_INPUT
    assert "message 1 of 1: several_patients at PID: " in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_one_that_is_refused_takes_nothing_from_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    bad = ONE.replace(b"ADT^A01", b"XXX^Y99")
    path = tmp_path / "three.hl7"
    path.write_bytes(ONE + bad + ONE + bad)
    assert translate(path, "event", as_json=as_json) == BAD_INPUT
    said = capsys.readouterr()
    assert [line.split("message ")[1][:6] for line in said.err.splitlines()] == ["2 of 4", "4 of 4"]
    assert len(json.loads(said.out)) == 2 if as_json else said.out.count("patient.admitted") == 2
    path.write_bytes(bad)
    assert translate(path, "event", as_json=as_json) == BAD_INPUT
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("last", ["Brû", "ï", "»", "¿"])  # in UTF-8 or ISO 8859-1 these end with a byte of the byte order mark
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_last_letter_of_a_message_stays(last: str, encoding: str) -> None:
    raw = ONE + f"OBX|1|ST|||{last}".encode(encoding)
    assert messages(raw + b"\r") == messages(raw) == [raw + b"\r"]
    assert messages(raw + b"\r\xef\xbb\xbf" + raw) == [raw + b"\r"] * 2  # files put one behind the other


@pytest.mark.parametrize("to", ["event", "fhir", "hl7v2", "kith"])
@pytest.mark.parametrize("raw", [ONE, raw_of(bundle()), logistics("LOG_INNLAGT"), logistics("LOG_INNLAGT", encoding="ISO-8859-1")])
def test_one_message_is_one_thing(raw: bytes, to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one"
    path.write_bytes(raw)
    assert translate(path, to, as_json=True) == DONE
    made = json.loads(capsys.readouterr().out)
    kinds = {"event": lambda: made["kind"], "fhir": lambda: made["type"], "hl7v2": lambda: made[:3], "kith": lambda: made[:5]}
    assert kinds[to]() == {"event": "patient.admitted", "fhir": "message", "hl7v2": "MSH", "kith": "<?xml"}[to]
    assert to == "event" or "Åse" in json.dumps(made, ensure_ascii=False)
    assert translate(path, to, as_json=False) == DONE
    assert capsys.readouterr().out.endswith("\n")


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"{", b"<a", b"<AppRec/>", b"<!DOCTYPE a><a/>", b"MSH|^~\\&|", ONE.replace(b"ADT^A01", b"XXX^Y01")]
)
def test_bad_input_is_one_line(raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad"
    path.write_bytes(raw)
    assert translate(path, "event", as_json=False) == BAD_INPUT
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert translate(tmp_path / "none", "event", as_json=True) == BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 1
