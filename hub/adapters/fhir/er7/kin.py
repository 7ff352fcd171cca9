"""Who belongs to the patient: NK1 of a contact (Patient.contact) and of a RelatedPerson, who are often the same."""

from collections.abc import Callable
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import organisation, xon
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.negation import is_so
from hub.adapters.fhir.er7.rows import Maker, Rows, coded, each, many, one, refers, written
from hub.adapters.fhir.er7.text import repetitions

_WORK: Final = "work"
_TABLES: Final = ("0063", "0131")  # what one is to the patient, and as what one may be asked
_REACHABLE: Final = ("name", "address", "telecom")  # of one who is known by a number alone, PID-21 tells
_NO_KIN: Final = (("Coverage", "subscriber"), ("AllergyIntolerance", "recorder"))  # who is there for another reason


def is_work(point: Json) -> bool:
    """Whether a contact point is one at work."""
    return text(point.get("use")) == _WORK


def is_no_work(point: Json) -> bool:
    """Whether a contact point is any other."""
    return not is_work(point)


def _relation(n: int) -> Maker:
    """The n-th relationship in the words of its table; a first one that only the second table has is the second."""

    def maker(kin: Json, _entries: Entries) -> str:
        given = kin.get("relationship")
        concepts: list[Json] = objects(given) if isinstance(given, list) else [obj(given)]
        if concepts and _is_contact_role(concepts[0]):
            concepts.insert(0, {})
        return datatypes.ce(concepts[n], _TABLES[n]) if n < len(concepts) else ""

    return maker


def _is_contact_role(concept: Json) -> bool:
    """Whether a relationship is a word of table 0131 that table 0063 has none for."""
    given = datatypes.codings(concept)
    return (
        bool(given) and all(text(c.get("system")) == f"{codes.V2}{_TABLES[1]}" for c in given) and not datatypes.code(concept, _TABLES[0])
    )


def _of_organisation(element: str, make: Callable[[Any], str]) -> Maker:
    """What the organisation that is next of kin says of whom to reach there."""

    def maker(kin: Json, entries: Entries) -> str:
        contacts = objects(organisation(kin.get("organization"), entries).get("contact"))
        return repetitions(make(v) for c in contacts for v in each(c.get(element)))

    return maker


NK1: Final[Rows] = (
    (2, many("name", datatypes.xpn)),
    (3, _relation(0)),
    (4, many("address", datatypes.xad)),
    (5, many("telecom", datatypes.xtn, is_no_work)),
    (6, many("telecom", datatypes.xtn, is_work)),
    (7, _relation(1)),
    (8, one("period.start", datatypes.day)),
    (9, one("period.end", datatypes.day)),
    (13, refers("organization", xon)),
    (15, coded("gender", codes.GENDER)),
    (16, datatypes.born),
    (20, one("communication.language", datatypes.ce)),
    (30, _of_organisation("name", datatypes.xpn)),
    (31, _of_organisation("telecom", datatypes.xtn)),
    (32, _of_organisation("address", datatypes.xad)),
    (33, many("identifier", datatypes.cx)),
)


def nk1(copy: Copy) -> list[str]:
    """NK1 for each contact of the patient, with what is known of them as a RelatedPerson, then for each RelatedPerson besides."""
    entries = copy.entries
    others = {id(entries.target(r.get(element))) for kind, element in _NO_KIN for r in entries.of(kind)}
    by_name: dict[str, list[Json]] = {}
    for related in entries.of("RelatedPerson"):
        if not related.keys().isdisjoint(_REACHABLE) and is_so(related) and id(related) not in others:
            by_name.setdefault(_name(related), []).append(related)
    told = []
    for contact in objects(copy.message.patient.get("contact")):
        same = by_name.get(_name(contact), [])
        told.append(contact | same.pop(0) if same else contact)
    told += [kin for rest in by_name.values() for kin in rest]
    return [written("NK1", NK1, kin, entries, n) for n, kin in enumerate(told, 1)]


def _name(kin: Json) -> str:
    return next(filter(None, map(datatypes.xpn, each(kin.get("name")))), "")
