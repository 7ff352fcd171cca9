"""Answers of the FHIR door as OperationOutcome (R4): fixed words by reason, never a value of the message."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from hub.errors import ANSWERS, Reason, Rejected
from hub.model import Refusal

Json = dict[str, Any]
_PATH: Final = re.compile(r"[A-Z][A-Za-z]*(\.[A-Za-z]+|\[\d+\])*")  # FHIRPath as we write it; other places are words
_STATUS: Final = {202: "202 Accepted", 400: "400 Bad Request", 403: "403 Forbidden", 409: "409 Conflict", 413: "413 Content Too Large",
                  415: "415 Unsupported Media Type", 422: "422 Unprocessable Content", 500: "500 Internal Server Error",
                  503: "503 Service Unavailable"}  # fmt: skip


def accepted(event_id: str) -> Json:
    """It is recorded for good. ``event_id`` is what ``hub trace`` takes."""
    return _outcome("information", "informational", f"recorded for good as event {event_id}; who gets it is decided from here")


def refused(refusal: Rejected | Refusal) -> tuple[int, Json]:
    """HTTP status and outcome of a message that breaks a rule."""
    answer = ANSWERS[refusal.reason]
    return answer.http, _outcome("error", answer.issue, answer.act, refusal.reason, refusal.where)


def missed() -> tuple[int, Json]:
    """HTTP status and outcome of a change that the hub could not record: the sender keeps it and sends it again."""
    return 503, _outcome(
        "fatal", "transient", "a server the hub needs does not answer; send the same again: what was done is not done twice"
    )


def told(event_ids: Sequence[str]) -> Json:
    """What became of one change that is recorded for good; of one that tells nothing by itself, that."""
    if len(event_ids) == 1:
        return accepted(event_ids[0])
    if event_ids:
        return _outcome("information", "informational", f"recorded for good as events {', '.join(event_ids)}")
    return _outcome("information", "informational", "taken with the events of this submission that refer to it; nobody is told of it alone")


def responses(kind: str, answers: Iterable[tuple[int, Json]]) -> Json:
    """The answers to the changes of a submission, in its order, each a status and an outcome (R4 Bundle ``batch-response`` and kin)."""
    entries = [{"response": {"status": _STATUS.get(status, str(status)), "outcome": outcome}} for status, outcome in answers]
    return {"resourceType": "Bundle", "type": kind} | ({"entry": entries} if entries else {})


def all_of(outcomes: Iterable[Json]) -> Json:
    """Several outcomes as one."""
    return {"resourceType": "OperationOutcome", "issue": [issue for outcome in outcomes for issue in outcome["issue"]]}


def _outcome(severity: str, code: str, diagnostics: str, reason: Reason | None = None, where: str = "") -> Json:
    issue: Json = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if reason is not None:
        issue["details"] = {"coding": [{"system": "urn:hub:reason", "code": reason.value}]}
    if _PATH.fullmatch(where):
        issue["expression"] = [where]
    elif where:
        issue["diagnostics"] += f" ({where})"
    return {"resourceType": "OperationOutcome", "issue": [issue]}
