import warnings

import pytest

from hub.adapters.fhir.reply import accepted, all_of, missed, refused, responses, told
from hub.errors import ANSWERS, Reason, Rejected

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle
    from fhir.resources.R4B.operationoutcome import OperationOutcome


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_is_a_valid_outcome_that_names_the_place(reason: Reason) -> None:
    status, outcome = refused(Rejected(reason, "Patient.identifier"))
    OperationOutcome.model_validate(outcome)
    issue = outcome["issue"][0]
    assert (status, issue["code"], issue["expression"]) == (ANSWERS[reason].http, ANSWERS[reason].issue, ["Patient.identifier"])


def test_accepted_names_the_event() -> None:
    outcome = accepted("01234567-89ab-8def-8123-456789abcdef")
    OperationOutcome.model_validate(outcome)
    assert "01234567-89ab-8def-8123-456789abcdef" in outcome["issue"][0]["diagnostics"]


def test_what_became_of_a_change_names_its_events_or_says_there_is_none() -> None:
    for events in ([], ["e1"], ["e1", "e2"]):
        outcome = told(events)
        OperationOutcome.model_validate(outcome)
        assert all(event in outcome["issue"][0]["diagnostics"] for event in events)
    assert told(["e1"]) == accepted("e1")


def test_what_could_not_be_recorded_is_to_be_sent_again() -> None:
    status, outcome = missed()
    OperationOutcome.model_validate(outcome)
    assert (status, outcome["issue"][0]["code"]) == (503, "transient")


def test_answers_stand_in_the_order_of_the_changes() -> None:
    bundle = responses("batch-response", [(202, told(["e1"])), refused(Rejected(Reason.MISSING_PATIENT)), missed()])
    Bundle.model_validate(bundle)
    statuses = [e["response"]["status"] for e in bundle["entry"]]
    assert statuses == ["202 Accepted", f"{ANSWERS[Reason.MISSING_PATIENT].http} Unprocessable Content", "503 Service Unavailable"]
    Bundle.model_validate(responses("transaction-response", []))


def test_several_outcomes_are_one() -> None:
    outcome = all_of([told(["e1"]), missed()[1]])
    OperationOutcome.model_validate(outcome)
    assert [i["severity"] for i in outcome["issue"]] == ["information", "fatal"]


@pytest.mark.parametrize(
    ("where", "expression"), [("Bundle.entry[0].resource.focus[1]", True), ("character 17", False), ("Content-Type", False)]
)
def test_a_place_that_is_no_path_stands_in_the_words(where: str, expression: bool) -> None:  # noqa: FBT001
    _, outcome = refused(Rejected(Reason.BAD_JSON, where))
    OperationOutcome.model_validate(outcome)
    issue = outcome["issue"][0]
    assert ("expression" in issue) is expression
    assert (where in issue["diagnostics"]) is not expression
