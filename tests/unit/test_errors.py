"""Every reason has its answer in every protocol, and no failure has room for a patient."""

import pytest

from hub.errors import ANSWERS, Cause, Faulted, Reason, Rejected


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_answered(reason: Reason) -> None:
    answer = ANSWERS[reason]
    assert answer.ack in {"AE", "AR"}
    assert answer.err in {100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207}  # HL7 table 0357
    assert 400 <= answer.http < 600
    assert answer.act, "a person must be told what to do"


def test_only_a_kind_of_message_that_is_not_taken_is_rejected() -> None:
    """HL7 v2.9, 2.9.3: CR is for the message type, the processing id and the version, CE for any other reason; AR and AE follow."""
    of_fhir = {Reason.UNSUPPORTED_FORMAT, Reason.NOT_A_MESSAGE, Reason.UNSUPPORTED_CONSENT}
    rejects = {reason for reason, answer in ANSWERS.items() if answer.ack == "AR"}
    assert {answer.err for reason, answer in ANSWERS.items() if reason in rejects} == {200, 201, 202, 203}
    assert rejects - of_fhir == {r for r in Reason if r.value.startswith("unsupported_")} - of_fhir


def test_what_is_told_is_a_reason_and_a_place() -> None:
    assert str(Rejected(Reason.MISSING_PATIENT, "PID-3")) == "missing_patient at PID-3"
    assert str(Faulted(Cause.BROKER_TIMEOUT)) == "broker_timeout"
