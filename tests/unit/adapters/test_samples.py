"""Other people's real messages: every one that is carried becomes a valid Bundle that holds together, and says what others read in it."""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.fhir.message import envelope as fhir_envelope
from hub.adapters.hl7v2.mappings import KINDS
from hub.adapters.hl7v2.message import envelope
from hub.errors import Reason, Rejected
from hub.model import Detail, Form, Kind
from tests.unit.adapters.made import RECIPIENT, fhir, hl7v2, of, references, rendered, sample_messages, samples

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle

NOBODY = {Reason.MISSING_PATIENT}  # corpora made to test one segment leave the patient out
NOT_OBX = {"autopsy", "coroner", "death-certificate", "injury-incident"}  # they make these of ACC and PDA
AGREEMENT_MIN = 0.97


def test_every_carried_sample_becomes_a_valid_bundle_for_every_detail() -> None:
    outcomes: Counter[str] = Counter()
    for n, (name, raw) in enumerate(sample_messages()):
        try:
            carried = envelope(raw).trigger in KINDS
        except Rejected as exc:
            assert exc.reason in NOBODY, name
            outcomes[exc.reason] += 1
            continue
        if not carried:
            outcomes["not carried"] += 1
            continue
        m = hl7v2(raw)
        assert m.event().kind in Kind
        for detail in Detail if not name.startswith("simhospital") or n % 10 == 0 else [Detail.FULL]:
            bundle = rendered(m, detail)
            Bundle.model_validate(bundle)
            assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}, name
            named = envelope(m.render(Form.HL7V2, detail, RECIPIENT)).identifiers
            assert named == m.received.identifiers or (detail is Detail.NOTICE and set(named) < set(m.received.identifiers)), name
        outcomes["valid"] += 1
    assert outcomes["valid"] > 1000


def test_davinci_notifications_are_accepted_with_their_kinds() -> None:
    kinds = {}
    for path in sorted(samples("davinci-alerts").glob("*.json")):
        m = fhir(path.read_bytes())
        kinds[path.name.split("-")[0]] = m.event().kind
        assert "HOLY FAMILY HOSPITAL" in fhir_envelope(path.read_bytes()).senders
        assert m.render(Form.FHIR, Detail.FULL, RECIPIENT) == path.read_bytes()
        for detail in (Detail.MINIMAL, Detail.NOTICE):
            bundle = rendered(m, detail)
            Bundle.model_validate(bundle)
            assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}
            assert "Examplotomy" not in json.dumps(bundle)
        seen = envelope(m.render(Form.HL7V2, Detail.FULL, RECIPIENT))
        assert {i.value for i in seen.identifiers} == {i.value for i in m.received.identifiers}
    assert kinds == {"admit": Kind.ADMITTED, "discharge": Kind.DISCHARGED, "transfer": Kind.TRANSFERRED}


def _patient(bundle: dict[str, Any]) -> dict[str, Any]:
    return next(iter(of(bundle, "Patient")), {})


def _family(bundle: dict[str, Any]) -> str:
    """The first name's: they add those of guarantors and insured, who are not the patient."""
    return str(next((n["family"] for n in _patient(bundle).get("name", ()) if "family" in n), ""))


def _numbers(bundle: dict[str, Any]) -> set[str]:
    return {i["value"] for i in _patient(bundle).get("identifier", ()) if "value" in i}


def _results(bundle: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Code -> value and status."""
    found = {}
    for o in of(bundle, "Observation"):
        quantity, concept = o.get("valueQuantity", {}), o.get("valueCodeableConcept", {})
        value = quantity.get("value", o.get("valueString", next(iter(c.get("code", "") for c in concept.get("coding", ())), "")))
        code = next((c.get("code", "") for c in o.get("code", {}).get("coding", ())), "")
        found[code] = (str(float(value)) if isinstance(value, int | float) else str(value), o.get("status", ""))
    return {code: result for code, result in found.items() if code not in NOT_OBX}


def _class(bundle: dict[str, Any]) -> str:
    return str(next((e.get("class", {}).get("code", "") for e in of(bundle, "Encounter")), ""))


# fact -> how both sides show it; what theirs does not say is not compared
FACTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "family name": _family,
    "birth date": lambda b: _patient(b).get("birthDate"),
    "gender": lambda b: _patient(b).get("gender"),
    "patient numbers": _numbers,
    "encounter class": _class,
    "observation values": lambda b: {code: value for code, (value, _) in _results(b).items() if value},
    "observation status": lambda b: {code: status for code, (_, status) in _results(b).items() if status != "unknown"},
}


def _pairs() -> list[tuple[Path, Path]]:
    found = [(p, p.with_name(p.stem + ".expected.json")) for p in sorted(samples("microsoft-fhir-converter").glob("*.hl7"))]
    return [(p, e) for p, e in found if e.exists()]


def _agrees(fact: str, ours: Any, theirs: Any) -> bool:
    if fact == "patient numbers":
        return bool(ours <= theirs)  # they also take PID-18, and bare words in PID-2, 4 and 19, which name no patient here
    if fact.startswith("observation"):
        return all(ours.get(code) == said for code, said in theirs.items())
    return bool(ours == theirs)


def test_key_facts_agree_with_the_converters_bundles(capsys: pytest.CaptureFixture[str]) -> None:
    same: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    differing: list[str] = []
    for path, expected in _pairs():
        raw = path.read_bytes()
        try:
            if envelope(raw).trigger not in KINDS:
                continue
        except Rejected:
            continue
        ours, theirs = rendered(hl7v2(raw)), json.loads(expected.read_text("utf-8-sig"))
        for fact, show in FACTS.items():
            mine, other = show(ours), show(theirs)
            if other:
                compared[fact] += 1
                same[fact] += _agrees(fact, mine, other)
                differing += [] if _agrees(fact, mine, other) else [f"{path.name}: {fact}: {mine!r} / {other!r}"[:400]]
    agreement = f"agreement with the converter: { {f: f'{same[f]}/{compared[f]}' for f in FACTS} }"
    with capsys.disabled():
        sys.stdout.write("\n".join(["", agreement, *differing, ""]))
    assert same.total() >= AGREEMENT_MIN * compared.total()
