"""Specimens: SPM."""

from collections.abc import Iterable
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import xcn
from hub.adapters.fhir.er7.negation import is_so
from hub.adapters.fhir.er7.rows import Rows, coded, fields, many, one, refers_once
from hub.adapters.fhir.er7.text import components, escape, inner, repetitions, segment

_NOT_SAID: Final = "NI^no information^NULLFL"  # SPM-4 is required


def _pair(identifiers: list[Json]) -> str:
    """EIP: the placer's number and the filler's."""
    fillers = [i for i in identifiers if datatypes.has_type(i, "FILL", "FGN")]
    placers = [i for i in identifiers if datatypes.has_type(i, "PLAC", "PGN")] or [i for i in identifiers if i not in fillers][:1]
    return components(*(inner(datatypes.ei(found[0])) if found else "" for found in (placers, fillers)))


def _number(specimen: Json, _entries: Entries) -> str:
    return _pair(objects(specimen.get("identifier")))


def _parents(specimen: Json, entries: Entries) -> str:
    """SPM-3: the numbers of the specimens that this one was made of."""
    given = [(objects(entries.target(r).get("identifier")), obj(r.get("identifier"))) for r in objects(specimen.get("parent"))]
    return repetitions(_pair(found or ([own] if own else [])) for found, own in given)


def _collected(specimen: Json, _entries: Entries) -> str:
    collection = obj(specimen.get("collection"))
    return datatypes.moment(collection.get("collectedDateTime")) or datatypes.dr(collection.get("collectedPeriod"))


def _described(note: Any) -> str:
    return escape(text(obj(note).get("text")))


SPM: Final[Rows] = (
    (2, _number),
    (3, _parents),
    (4, one("type", datatypes.cwe_of("0487"))),
    (6, one("container.additiveCodeableConcept", datatypes.cwe)),
    (7, one("collection.method", datatypes.cwe_of("0488"))),
    (8, one("collection.bodySite", datatypes.cwe)),
    (12, one("collection.quantity", datatypes.cq)),
    (14, many("note", _described)),
    (17, _collected),
    (18, one("receivedTime", datatypes.moment)),
    (20, coded("status", codes.AVAILABILITY)),
    (24, many("condition", datatypes.cwe)),
    (27, one("container.type", datatypes.cwe)),
)


OBR: Final[Rows] = (  # what OBR says of the specimen, for those who look there
    (9, one("collection.quantity", datatypes.cq)),
    (10, refers_once("collection.collector", xcn)),
    (14, one("receivedTime", datatypes.moment)),
)


def spm(specimens: Iterable[Json], entries: Entries, first: int = 1) -> list[str]:
    """SPM for each specimen, counted from ``first``."""
    made = [fields(SPM, s, entries) for s in specimens]
    return [segment("SPM", m | {1: str(n), 4: m[4] or _NOT_SAID}) for n, m in enumerate(made, first)]


def specimens_of(resource: Json, entries: Entries) -> list[Json]:
    """The Specimens a report, an order or an observation refers to."""
    given = resource.get("specimen")
    found = [entries.target(r) for r in (objects(given) if isinstance(given, list) else [obj(given)])]
    return [s for s in found if s.get("resourceType") == "Specimen" and is_so(s)]
