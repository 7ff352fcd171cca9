import warnings

import pytest

from hub.adapters.fhir.reply import accepted, refused
from hub.errors import ANSWERS, Reason, Rejected

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
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
