"""Answers of the FHIR door as OperationOutcome (R4): fixed words by reason, never a value of the message."""

from typing import Any

from hub.errors import ANSWERS, Reason, Rejected
from hub.model import Refusal

Json = dict[str, Any]


def accepted(event_id: str) -> Json:
    """It is recorded for good. ``event_id`` is what ``hub trace`` takes."""
    return _outcome("information", "informational", f"recorded for good as event {event_id}; who gets it is decided from here")


def refused(refusal: Rejected | Refusal) -> tuple[int, Json]:
    """HTTP status and outcome of a message that breaks a rule."""
    answer = ANSWERS[refusal.reason]
    return answer.http, _outcome("error", answer.issue, answer.act, refusal.reason, refusal.where)


def _outcome(severity: str, code: str, diagnostics: str, reason: Reason | None = None, where: str = "") -> Json:
    issue: Json = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if reason is not None:
        issue["details"] = {"coding": [{"system": "urn:hub:reason", "code": reason.value}]}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}
