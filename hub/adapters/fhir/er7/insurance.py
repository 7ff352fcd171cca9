"""Who pays: IN1 of a Coverage."""

from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import organisation, person, xon, xon_of
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.rows import Rows, fields, in_extension, many, one
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment

_SUBSCRIBER: Final = f"{codes.EXTENSION_R5}extension-subscriberId"


def _payor(coverage: Json, entries: Entries) -> Json:
    payors = objects(coverage.get("payor"))
    return organisation(payors[0], entries) if payors else {}


def _plan(coverage: Json, entries: Entries) -> str:
    """IN1-2: the plan, by its number or its kind; the payer's name where neither is told."""
    number = next((i for i in objects(coverage.get("identifier")) if text(i.get("value"))), {})
    if number:
        return components(escape(text(number.get("value"))), "", escape(codes.coding_system(text(number.get("system")))))
    return datatypes.ce(coverage.get("type")) or components("", datatypes.string(_payor(coverage, entries).get("name")))


def _company(coverage: Json, entries: Entries) -> str:
    """IN1-3: the payer's number, else its name."""
    payor = _payor(coverage, entries)
    return repetitions(datatypes.cx(i) for i in objects(payor.get("identifier"))) or datatypes.string(payor.get("name"))


def _subscriber(coverage: Json, entries: Entries) -> str:
    return repetitions(datatypes.xpn(n) for n in objects(person(coverage.get("subscriber"), entries).get("name")))


def _relationship(concept: Any) -> str:
    known = datatypes.mapped(concept, codes.RELATION, "0063")
    return components(known, escape(datatypes.shown(concept)), "HL70063") if known else datatypes.ce(concept)


def _holder(coverage: Json, entries: Entries) -> Json:
    return organisation(coverage.get("policyHolder"), entries)


IN1: Final[Rows] = (
    (2, _plan),
    (3, _company),
    (4, lambda c, entries: xon_of(_payor(c, entries))),
    (5, lambda c, entries: repetitions(datatypes.xad(a) for a in objects(_payor(c, entries).get("address")))),
    (10, lambda c, entries: repetitions(datatypes.cx(i) for i in objects(_holder(c, entries).get("identifier")))),
    (11, lambda c, entries: xon(c.get("policyHolder"), entries)),
    (12, one("period.start", datatypes.day)),
    (13, one("period.end", datatypes.day)),
    (15, one("type", lambda v: escape(datatypes.code(v, "0086")))),
    (16, _subscriber),
    (17, one("relationship", _relationship)),
    (36, one("subscriberId", datatypes.string)),
    (49, in_extension(_SUBSCRIBER, "valueIdentifier", datatypes.cx)),
    (49, many("identifier", datatypes.cx, lambda i: datatypes.has_type(i, "MB", "SN"))),
)


def in1(copy: Copy) -> list[str]:
    """IN1 for each coverage of which plan and payer are known: both are required."""
    made = [fields(IN1, c, copy.entries) for c in copy.entries.of("Coverage")]
    return [segment("IN1", known | {1: str(n)}) for n, known in enumerate((m for m in made if m[2] and m[3]), 1)]
