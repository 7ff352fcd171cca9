"""Answers of the FHIR door as OperationOutcome (R4): fixed words by reason and cause, never a value of the message."""

from typing import Any, Final

from hub.errors import ANSWERS, Cause, Faulted, Reason, Rejected
from hub.model import Refusal

Json = dict[str, Any]
_BUSY: Final = frozenset({Cause.OVERLOADED, Cause.BROKER_UNAVAILABLE, Cause.BROKER_TIMEOUT, Cause.LEDGER_UNAVAILABLE, Cause.FENCED})


def accepted(event_id: str) -> Json:
    """It is recorded for good. ``event_id`` is what ``hub trace`` takes."""
    return _outcome("information", "informational", f"recorded for good as event {event_id}; who gets it is decided from here")


def refused(refusal: Rejected | Refusal) -> tuple[int, Json]:
    """HTTP status and outcome of a message that breaks a rule."""
    answer = ANSWERS[refusal.reason]
    return answer.http, _outcome("error", answer.issue, answer.act, refusal.reason, refusal.where)


def faulted(fault: Faulted) -> tuple[int, Json]:
    """HTTP status and outcome when the hub could not do its part: the sender keeps the message and sends it again."""
    is_passing = fault.cause in _BUSY
    status, issue = (503, "transient") if is_passing else (500, "exception")
    return status, _outcome("fatal", issue, "the hub could not take the message; nothing was recorded, send it again")


def _outcome(severity: str, code: str, diagnostics: str, reason: Reason | None = None, where: str = "") -> Json:
    issue: Json = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if reason is not None:
        issue["details"] = {"coding": [{"system": "urn:hub:reason", "code": reason.value}]}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}
