"""What is said when emergency access is not given: why, by which row of the table, and what to do; and that it was so is recorded first."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from hub import telemetry
from hub.identity import derived_id
from hub.ledger.emergencies import Emergency, Personnel, Step, Why, keep
from hub.model import Rule
from hub.web.answers import fhir, outcome
from hub.web.state import State

# Why -> status, FHIR IssueType, what is said.
ANSWERS: Final[Mapping[Why, tuple[int, str, str]]] = MappingProxyType(
    {
        Why.NO_REASON: (422, "required", "say why: ten characters or more in words, or the template BLAALYS"),
        Why.NO_SUPERVISOR: (
            403,
            "business-rule",
            "this organisation has no supervisor who can be told of it: ask the hub's operator to set supervisor of its [[provider]]",
        ),
        Why.PATIENT_UNKNOWN: (404, "not-found", "nobody here is known by this identifier: there is nothing to read"),
        Why.DECIDED: (403, "forbidden", "the decision table does not permit it"),
        Why.EXPIRED: (403, "expired", "the access has run out: open another, with its reason, if the emergency goes on"),
        Why.CLOSED: (403, "forbidden", "the access was closed before its time, by the organisation or the hub's operator"),
        Why.OTHER_PERSON: (403, "forbidden", "the access is for another person: whoever reads opens one of their own"),
    }
)


def answer(why: Why, rule: str = "") -> web.Response:
    """An OperationOutcome with the reason and the row as codes."""
    status, issue, said = ANSWERS[why]
    body: dict[str, Any] = outcome("error", issue, f"{said} ({rule})" if rule else said)
    codings = [{"system": "urn:hub:emergency", "code": why.value}, *([{"system": "urn:hub:rule", "code": rule}] if rule else [])]
    body["issue"][0]["details"] = {"coding": codings}
    return fhir(body, status)


async def refused(state: State, asked: Emergency, why: Why, rule: Rule | None = None) -> web.Response:
    """An access that is asked for and not opened. Raises Faulted."""
    row = replace(asked, step=Step.REFUSED, until_us=0, lock_keys=(), code=why.value, rule=rule.value if rule else "", because=())
    return await _noted(state, row, why)


async def denied(state: State, opened: Emergency, by: Personnel, address: str, why: Why, rule: Rule = Rule.EMERGENCY) -> web.Response:
    """A reading by an access that was opened. by: who asks now. Raises HTTPNotFound for another organisation's, Faulted."""
    now_us = state.clock()
    row = Emergency(
        derived_id("emergency", Step.DENIED.value, opened.access, by.provider, by.person, str(now_us)), now_us, Step.DENIED, opened.access,
        by, address, opened.patient_key, opened.grounds.without_words, rule=rule.value, code=why.value,
    )  # fmt: skip
    return await _noted(state, row, why)


async def _noted(state: State, row: Emergency, why: Why) -> web.Response:
    await state.ledger.run(keep, row)
    telemetry.EMERGENCIES.labels(row.step).inc()
    if why is Why.OTHER_ORGANISATION:
        raise web.HTTPNotFound  # in the words for what was never there
    return answer(why, row.rule)
