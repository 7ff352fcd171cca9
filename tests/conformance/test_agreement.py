"""The hub's Bundles agree with other converters' of the same messages, but for what is explained; and a difference would be found."""

import copy
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance import agreed, allowed, corpora, guide, report
from tests.conformance.agreement import Leaf, Outcome, compared
from tests.conformance.alignment import normal
from tests.conformance.allowed import Found, Who, explained, rules

AGREEMENT_MIN = 0.95  # of what the guide and R4 do not decide against the expected Bundle
SHARES_MIN = {"microsoft": 0.86, "reportstream": 0.84}  # of all that is compared
CITED = re.compile(r"[A-Z][A-Z0-9]{1,2}\[|\b[A-Z][A-Z0-9]{2}-\d+|\bR4\b|[A-Z]{3}\^[A-Z]\d\d|exceptions\.toml|extension")


def everything() -> tuple[agreed.Explained, ...]:
    if not guide.is_here() or not corpora.is_here():
        pytest.skip(f"no guide at {guide.GUIDE} or no samples at {corpora.SAMPLES}: set HUB_V2_TO_FHIR, HUB_SAMPLES")
    return agreed.everything()


def unexplained(found: tuple[agreed.Explained, ...] | list[agreed.Explained]) -> list[str]:
    return [
        f"{f.name}: {f.leaf.where}: {f.leaf.outcome}: {f.leaf.ours!r} / {f.leaf.theirs!r}"[:300]
        for f, rule in found
        if rule is None and f.leaf.outcome is not Outcome.AGREE
    ]


def test_every_difference_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    found = everything()
    with capsys.disabled():
        sys.stdout.write(f"\n{agreed.summary()}\n")
    assert unexplained(found) == []


def test_no_rule_explains_nothing() -> None:
    used = {rule for _, rule in everything()}
    assert [(rule.fields, rule.why) for rule in rules() if rule not in used] == []


def test_a_rule_says_who_is_right_and_by_what() -> None:
    assert [rule.why for rule in rules() if len(rule.why) < 25] == []
    assert [rule.why for rule in rules() if rule.is_compared and rule.who is Who.OURS and not CITED.search(rule.why)] == []
    assert [rule.fields for rule in rules() if rule.is_compared and rule.fields == ("*",)] == []


@pytest.mark.parametrize("corpus", corpora.CORPORA)
def test_the_stated_share_agrees(corpus: str) -> None:
    tally = agreed.tally(e for e in everything() if e[0].corpus == corpus)
    assert tally.share >= SHARES_MIN[corpus]
    assert tally.agreement >= AGREEMENT_MIN


def test_nowhere_are_they_right() -> None:
    assert [f"{f.name}: {f.leaf.where}" for f, rule in everything() if rule is not None and rule.who in {Who.THEIRS, Who.NEITHER}] == []


def test_the_page_shows_what_was_measured() -> None:
    everything()
    page = report.PAGE.read_text("utf-8")
    tables = (agreed.summary(), *(agreed.by_type(corpus) for corpus in corpora.CORPORA), agreed.set_aside())
    assert [t.splitlines()[0] for t in tables if t not in page] == [], "python -m tests.conformance.report --write"


PATIENT: dict[str, Any] = {
    "resourceType": "Patient", "id": "p", "name": [{"family": "Berg", "given": ["Ole"]}, {"family": "Lund", "use": "nickname"}],
    "birthDate": "1969-11-13", "identifier": [{"system": "urn:oid:1.2", "value": "A77"}],
    "extension": [{"url": "http://hl7.org/x/a", "valueString": "1"}, {"url": "http://hl7.org/x/b", "valueString": "2"}],
}  # fmt: skip
RESULT: dict[str, Any] = {
    "resourceType": "Observation", "id": "o", "subject": {"reference": "urn:uuid:p"}, "issued": "2026-11-20T08:30:00+01:00",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2951-2"}, {"code": "NA", "display": "Sodium"}]},
    "valueQuantity": {"value": 140.0, "unit": "mmol/L"},
}  # fmt: skip


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources]}


def differences(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> list[tuple[str, Outcome]]:
    patient, result = copy.deepcopy(PATIENT), copy.deepcopy(RESULT)
    change(patient, result)
    found = compared(bundle(PATIENT, RESULT), bundle(patient, result))
    return [(leaf.where, leaf.outcome) for leaf in found if leaf.outcome is not Outcome.AGREE]


def moved(patient: dict[str, Any], result: dict[str, Any]) -> None:
    """Another order, other ids, another zone, another way to write a number: nothing that is said."""
    patient["id"] = "q"
    patient["name"].reverse()
    patient["extension"].reverse()
    result["subject"]["reference"] = "Patient/q"
    result["code"]["coding"].reverse()
    result["issued"] = "2026-11-20T07:30:00Z"
    result["valueQuantity"]["value"] = 140


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (moved, []),
        (lambda p, _: p.update(birthDate="1969-11-12"), [("Patient.birthDate", Outcome.DIFFER)]),
        (lambda p, _: p["name"][1].update(given=["Kari"]), [("Patient.name.given", Outcome.THEIRS)]),
        (lambda p, _: p["identifier"].clear(), [("Patient.identifier.system", Outcome.OURS), ("Patient.identifier.value", Outcome.OURS)]),
        (lambda p, _: p["extension"][0].update(valueString="2"), [("Patient.extension:a.valueString", Outcome.DIFFER)]),
        (lambda p, _: p["name"].pop(), [("Patient.name.family", Outcome.OURS), ("Patient.name.use", Outcome.OURS)]),
        (lambda _, r: r["code"]["coding"][1].update(display="Natrium"), [("Observation.code.coding.display", Outcome.DIFFER)]),
        (lambda _, r: r.update(issued="2026-11-20T08:30:00Z"), [("Observation.issued", Outcome.DIFFER)]),
        (lambda _, r: r["valueQuantity"].update(value=141), [("Observation.valueQuantity.value", Outcome.DIFFER)]),
        (lambda _, r: r["subject"].update(reference="urn:uuid:o"), [("Observation.subject.reference", Outcome.DIFFER)]),
    ],
)
def test_a_seeded_difference_is_found_and_no_other(change: Callable[..., None], expected: list[tuple[str, Outcome]]) -> None:
    assert differences(change) == expected


def test_a_resource_of_one_side_is_counted_field_by_field_and_what_refers_to_it_follows() -> None:
    found = compared(bundle(PATIENT, RESULT), bundle(RESULT))
    alone = [leaf for leaf in found if leaf.resource == "Patient"]
    assert {leaf.outcome for leaf in alone} == {Outcome.OURS}
    assert all(leaf.is_whole and leaf.roles == {"Observation.subject"} for leaf in alone)
    (subject,) = [leaf for leaf in found if leaf.path == "subject.reference"]
    assert subject.is_following


@pytest.mark.parametrize(
    ("value", "expected"),
    [(140.0, "140"), (1.50, "1.5"), (True, "true"), ("2026-11-20", "2026-11-20"), ("a  b ", "a b"),
     ("2026-11-20T08:30:00+01:00", "2026-11-20T07:30:00.000+00:00")],
)  # fmt: skip
def test_values_are_compared_by_what_they_mean(value: Any, expected: str) -> None:
    assert normal(value) == expected


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Patient", lambda r: r.update(birthDate="1900-01-01")),
        ("Patient", lambda r: r.update(gender="other")),
        ("Patient", lambda r: r["name"][0].update(family="Somebody")),
        ("Encounter", lambda r: r["class"].update(code="VR")),
        ("AllergyIntolerance", lambda r: r.pop("code")),
    ],
)
def test_a_mapping_that_went_wrong_would_be_unexplained(kind: str, change: Callable[[dict[str, Any]], None]) -> None:
    everything()
    pair = next(p for p in corpora.pairs() if p.type == "ADT_A01")
    change(next(e["resource"] for e in pair.ours["entry"] if e["resource"]["resourceType"] == kind))
    assert unexplained(explained(allowed.found(pair), rules())) != []


RULE = """
[[rule]]
fields = "Patient.birth*"
outcomes = ["differ"]
ours = "^1969"
who = "ours"
why = "PID[Patient] 7"
"""


@pytest.mark.parametrize(
    ("leaf", "is_covered"),
    [
        (Leaf("Patient", "birthDate", Outcome.DIFFER, "1969-11-13", "1970"), True),
        (Leaf("Patient", "birthDate", Outcome.DIFFER, "1970", "1969-11-13"), False),
        (Leaf("Patient", "birthDate", Outcome.OURS, "1969-11-13"), False),
        (Leaf("Patient", "gender", Outcome.DIFFER, "1969", ""), False),
    ],
)
def test_a_rule_covers_what_it_says(leaf: Leaf, *, is_covered: bool) -> None:
    (rule,) = rules(RULE)
    assert rule.covers(Found("microsoft", "x.hl7", "ADT_A01", leaf, is_defined=True, is_said=True)) is is_covered
