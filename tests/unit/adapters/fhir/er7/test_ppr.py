import pytest

from hub.adapters.fhir.er7.ppr import PRB
from hub.errors import Reason, Rejected
from hub.model import Kind
from tests.unit.adapters.fhir.er7.composed import SNOMED, coded, composed, lines, message, named, row_fields, to

STROKE = coded(SNOMED, "422504002", "Stroke")


def test_what_is_known_of_a_problem_stands_in_prb() -> None:
    problem = {
        "code": STROKE,
        "identifier": [{"value": "P1"}],
        "recordedDate": "2026-11-20",
        "abatementDateTime": "2026-11-25",
        "onsetDateTime": "2026-11-19",
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "severity": {"text": "alvorlig"},
        "onsetString": "natt",
    }
    assert row_fields(PRB, problem) == {
        3: "422504002^Stroke^SCT",
        4: "P1",
        7: "20261120",
        9: "20261125",
        13: "confirmed",
        14: "active",
        16: "20261119",
        17: "natt",
        18: "^alvorlig",
    }


@pytest.mark.parametrize(("kind", "action"), [(Kind.PROBLEM_ADDED, "AD"), (Kind.PROBLEM_UPDATED, "UP"), (Kind.PROBLEM_DELETED, "DE")])
def test_what_becomes_of_a_problem_is_its_event(kind: Kind, action: str) -> None:
    told = composed(message(kind, named("c", "Condition", subject=to("pat"), code=STROKE, note=[{"text": "n"}])))
    assert lines(told, "PRB", "NTE") == [f"PRB|{action}|20261120093000+0100|422504002^Stroke^SCT|1", "NTE|1||n"]


def test_a_problem_without_a_name_is_none() -> None:
    with pytest.raises(Rejected) as refused:
        composed(message(Kind.PROBLEM_ADDED, named("c", "Condition", subject=to("pat"))))
    assert refused.value.reason is Reason.NO_TRANSLATION


def test_the_team_of_a_problem_stands_behind_it() -> None:
    member = {"member": to("doc"), "role": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0443", "code": "OP"}]}]}
    told = composed(
        message(
            Kind.PROBLEM_ADDED,
            named("c", "Condition", subject=to("pat"), code=STROKE),
            named("d", "Condition", subject=to("pat"), code=SNOMED and coded(SNOMED, "44054006", "Diabetes")),
            named("doc", "Practitioner", name=[{"family": "Lund"}], identifier=[{"value": "1"}]),
            named("team", "CareTeam", subject=to("pat"), reasonReference=[to("d")], participant=[member]),
        )
    )
    assert [line.split("|")[0] for line in lines(told, "PRB", "ROL")] == ["PRB", "PRB", "ROL"]
    assert lines(told, "ROL")[0].startswith("ROL||UC|OP^^HL70443|1^Lund")
