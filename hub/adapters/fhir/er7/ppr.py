"""Problems: PPR^PC1 to PC3. Each Condition is a PRB."""

from collections.abc import Iterator
from typing import Final

from hub.adapters.fhir.document import Entries, Json, objects
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.observation import notes
from hub.adapters.fhir.er7.patient import pid
from hub.adapters.fhir.er7.roles import of_problem
from hub.adapters.fhir.er7.rows import Rows, fields, one
from hub.adapters.fhir.er7.text import segment
from hub.adapters.fhir.er7.triggers import Trigger
from hub.adapters.fhir.er7.visit import pv1, pv2
from hub.adapters.fhir.times import civil
from hub.errors import Reason, Rejected


def _number(condition: Json, _entries: Entries) -> str:
    given = [datatypes.ei(i) for i in objects(condition.get("identifier"))]
    return next(filter(None, given), "") or datatypes.string(condition.get("id"))


PRB: Final[Rows] = (
    (3, one("code", datatypes.ce)),
    (4, _number),
    (7, one("recordedDate", datatypes.moment)),
    (9, one("abatementDateTime", datatypes.moment)),
    (13, one("verificationStatus", datatypes.ce)),
    (14, one("clinicalStatus", datatypes.ce)),
    (16, one("onsetDateTime", datatypes.moment)),
    (17, one("onsetString", datatypes.string)),
    (18, one("severity", datatypes.ce)),
)


def segments(copy: Copy, trigger: Trigger) -> Iterator[str]:
    """PID, PV1, and PRB for each problem. Raises Rejected(NO_TRANSLATION) when there is none that is named."""
    made = [(fields(PRB, c, copy.entries), c) for c in copy.focus("Condition")]
    named = [(known, c) for known, c in made if known[3]]
    if not named:
        raise Rejected(Reason.NO_TRANSLATION, "MessageHeader.focus")
    yield from (pid(copy), *pv1(copy, is_required=False), *(pv2(copy) if copy.visit else ()))
    when = civil(copy.event.occurred_us)
    for known, condition in named:
        yield segment("PRB", known | {1: codes.PROBLEM_ACTION[trigger.event], 2: when, 4: known[4] or "1"})
        yield from notes(condition)
        yield from of_problem(condition, copy.entries)
