"""Who pays: IN1 of a Coverage."""

from collections.abc import Callable
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import organisation, person, xon, xon_of
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.negation import is_so
from hub.adapters.fhir.er7.rows import Maker, Rows, each, fields, in_extension, one
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment

_SUBSCRIBER: Final = f"{codes.EXTENSION_R5}extension-subscriberId"


def _payor(coverage: Json, entries: Entries) -> Json:
    payors = objects(coverage.get("payor"))
    return organisation(payors[0], entries) if payors else {}


def _plan(coverage: Json, entries: Entries) -> str:
    """IN1-2: the plan, by its number and its name, or its kind; the payer's name where nothing of it is told."""
    plans = [c for c in objects(coverage.get("class")) if any(text(d.get("code")) == "plan" for d in datatypes.codings(c.get("type")))]
    name = next((datatypes.string(c.get("name")) for c in plans), "")
    number = next((i for i in objects(coverage.get("identifier")) if text(i.get("value")) and not i.get("type")), {})
    value = datatypes.string(number.get("value")) or next((datatypes.string(c.get("value")) for c in plans), "")
    if value or name:
        return components(value if value != name else "", name, escape(codes.coding_system(text(number.get("system")))))
    return datatypes.ce(coverage.get("type"), "0086") or components("", datatypes.string(_payor(coverage, entries).get("name")))


def _company(coverage: Json, entries: Entries) -> str:
    """IN1-3: the payer's number, else its name."""
    payor = _payor(coverage, entries)
    return repetitions(datatypes.cx(i) for i in objects(payor.get("identifier"))) or datatypes.string(payor.get("name"))


def _policy(coverage: Json, _entries: Entries) -> str:
    """IN1-36: the number that says it is the policy's."""
    found = [i for i in objects(coverage.get("identifier")) if text(obj(i.get("type")).get("text")) == "policy number"]
    return next((datatypes.string(i.get("value")) for i in found), "") or datatypes.string(coverage.get("subscriberId"))


def _of_subscriber(element: str, make: Callable[[Any], str]) -> Maker:
    """What is known of whom the patient is insured through."""

    def maker(coverage: Json, entries: Entries) -> str:
        found = person(coverage.get("subscriber"), entries)
        return next((made for v in each(found.get(element)) if (made := make(v))), "")

    return maker


def _holder(coverage: Json, entries: Entries) -> Json:
    return organisation(coverage.get("policyHolder"), entries)


IN1: Final[Rows] = (
    (2, _plan),
    (3, _company),
    (4, lambda c, entries: xon_of(_payor(c, entries))),
    (5, lambda c, entries: repetitions(datatypes.xad(a) for a in objects(_payor(c, entries).get("address")))),
    (7, lambda c, entries: repetitions(datatypes.xtn(t) for t in objects(_payor(c, entries).get("telecom")))),
    (10, lambda c, entries: repetitions(datatypes.cx(i) for i in objects(_holder(c, entries).get("identifier")))),
    (11, lambda c, entries: xon(c.get("policyHolder"), entries)),
    (12, one("period.start", datatypes.day)),
    (13, one("period.end", datatypes.day)),
    (15, one("type", datatypes.is_code("0086"))),
    (16, _of_subscriber("name", datatypes.xpn)),
    (17, one("relationship", datatypes.ce_of("0063"))),
    (18, _of_subscriber("birthDate", datatypes.moment)),
    (19, _of_subscriber("address", datatypes.xad)),
    (36, _policy),
    (43, _of_subscriber("gender", lambda v: codes.GENDER.get(text(v), ""))),
    (49, in_extension(_SUBSCRIBER, "valueIdentifier", datatypes.cx)),
)


def in1(copy: Copy) -> list[str]:
    """IN1 for each coverage of which plan and payer are known: both are required."""
    made = [fields(IN1, c, copy.entries) for c in copy.entries.of("Coverage") if is_so(c)]
    return [segment("IN1", known | {1: str(n)}) for n, known in enumerate((m for m in made if m[2] and m[3]), 1)]
