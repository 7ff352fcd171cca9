"""The stay the message is about: PV1 and PV2."""

import re
from html import unescape
from typing import Any, Final

from hub.adapters.fhir import facts
from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import person, pl, xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.rows import Maker, Rows, fields, in_extension, of_table, one
from hub.adapters.fhir.er7.text import escape, repetitions, segment

_UNKNOWN: Final = "U"  # table 0004
_NO_VISIT: Final = "N"  # table 0004: not applicable, for structures that want a PV1 all the same
_PLAIN_TEXT: Final = re.compile(r'<div xmlns="http://www\.w3\.org/1999/xhtml">([^<>]*)</div>')
_FINANCIAL: Final = f"{codes.V2}0064"
_TEMPORARY: Final = "temporary"
_ROLES: Final = frozenset({"ATND", "REF", "CON", "ADM"})
_ARRIVAL: Final = f"{codes.EXTENSION_R5}extension-Encounter.plannedStartDate"
_DEPARTURE: Final = f"{codes.EXTENSION_R5}extension-Encounter.plannedEndDate"


def _class(visit: Json, _entries: Entries) -> str:
    return escape(facts.encounter_class(visit)) or _UNKNOWN


def _is_temporary(place: Json) -> bool:
    return any(
        text(c.get("code")) == _TEMPORARY
        for e in objects(place.get("extension"))
        for c in datatypes.codings(obj(e.get("valueCodeableConcept")))
    )


def _places(visit: Json, *statuses: str, temporary: bool = False) -> list[Json]:
    return [p for p in objects(visit.get("location")) if text(p.get("status")) in statuses and _is_temporary(p) is temporary]


def _here(visit: Json) -> Json:
    """Where the patient is, or will be if that is all there is: the active place, else one without a status, else the planned one."""
    found = _places(visit, "active") or _places(visit, "") or _places(visit, "planned")
    return found[0] if found else {}


def _place(*statuses: str, temporary: bool = False) -> Maker:
    def make(visit: Json, entries: Entries) -> str:
        here = _here(visit)
        found = [p for p in _places(visit, *statuses, temporary=temporary) if p is not here]
        return pl(found[0].get("location"), entries) if found else ""

    return make


def _now(visit: Json, entries: Entries) -> str:
    return pl(_here(visit).get("location"), entries)


def _bed(visit: Json, entries: Entries) -> str:
    return datatypes.string(obj(entries.target(_here(visit).get("location")).get("operationalStatus")).get("code"))


def _role(*roles: str) -> Maker:
    """Participants in any of these roles; "" stands for one without a role."""

    def make(visit: Json, entries: Entries) -> str:
        found = []
        for participant in objects(visit.get("participant")):
            given = {text(c.get("code")) for t in objects(participant.get("type")) for c in datatypes.codings(t)} or {""}
            if given & set(roles) or (not roles and not given & (_ROLES | {""})):
                found.append(participant.get("individual"))
        people = [who for who in found if person(who, entries).get("resourceType", "Practitioner") == "Practitioner"]
        return repetitions(dict.fromkeys(xcn(who, entries) for who in people))

    return make


def _is_visit_number(identifier: Json) -> bool:
    return datatypes.has_type(identifier, "VN")


def _number(visit: Json, _entries: Entries) -> str:
    """The visit's number; one that says it is one, else the first."""
    given = [i for i in objects(visit.get("identifier")) if text(i.get("value"))]
    numbers = [i for i in given if _is_visit_number(i)] or given
    return datatypes.cx(_besides_visit(numbers[0])) if numbers else ""


def _besides_visit(number: Json) -> Json:
    """A visit's number by what it is called besides one, if anything."""
    others = [c for c in datatypes.codings(number.get("type")) if text(c.get("code")) != "VN"]
    return number | {"type": {"coding": others}} if others else number


def _other_number(visit: Json, _entries: Entries) -> str:
    given = [i for i in objects(visit.get("identifier")) if text(i.get("value"))]
    rest = [i for i in given if not _is_visit_number(i)] if any(map(_is_visit_number, given)) else given[1:]
    return datatypes.cx(rest[0]) if rest else ""


def _destination(visit: Json, entries: Entries) -> str:
    """DLD: where to, as a code of table 0113 if it is one, else by name."""
    reference = obj(visit.get("hospitalization")).get("destination")
    target = entries.target(reference)
    given = [code for concept in objects(target.get("type")) if (code := datatypes.code(concept, "0113"))]
    name = datatypes.string(target.get("name")) or datatypes.string(obj(reference).get("display"))
    return escape(given[0]) if given else name


def _days(value: Any) -> str:
    return datatypes.number(obj(value).get("value")) if text(obj(value).get("code")) in {"d", ""} else ""


def _is_secret(visit: Json, _entries: Entries) -> str:
    """PV2-22: whether the visit is one that not everybody may know of, where anything is said of it."""
    labels = {text(s.get("code")) for s in objects(obj(visit.get("meta")).get("security"))}
    return "Y" if labels & codes.SECRET else "N" if "N" in labels else ""


def _described(visit: Json, _entries: Entries) -> str:
    """PV2-12: a narrative that is a text and no more; one that was laid out repeats what the elements say."""
    found = _PLAIN_TEXT.fullmatch(text(obj(visit.get("text")).get("div")))
    return escape(unescape(found[1]).strip()) if found else ""


def _financial_class(_visit: Json, entries: Entries) -> str:
    """PV1-20: the class that a coverage is of."""
    covers = [c for c in entries.of("Coverage") if any(text(d.get("system")) == _FINANCIAL for d in datatypes.codings(c.get("type")))]
    return repetitions(escape(datatypes.code(c.get("type"), "0064")) for c in covers)


PV1: Final[Rows] = (
    (2, _class),
    (3, _now),
    (4, of_table("type", "0007")),
    (5, one("hospitalization.preAdmissionIdentifier", datatypes.cx)),
    (6, _place("completed")),
    (7, _role("ATND", "")),
    (8, _role("REF")),
    (9, _role("CON")),
    (10, of_table("serviceType", "0069")),
    (11, _place("active", temporary=True)),
    (13, of_table("hospitalization.reAdmission", "0092")),
    (14, of_table("hospitalization.admitSource", "0023")),
    (15, of_table("hospitalization.specialArrangement", "0009")),
    (16, of_table("hospitalization.specialCourtesy", "0099")),
    (17, _role("ADM")),
    (19, _number),
    (20, _financial_class),
    (36, of_table("hospitalization.dischargeDisposition", "0112")),
    (37, _destination),
    (38, one("hospitalization.dietPreference", datatypes.ce_of("0114"))),
    (40, _bed),
    (42, _place("reserved")),
    (43, _place("completed", temporary=True)),
    (44, one("period.start", datatypes.moment)),
    (45, one("period.end", datatypes.moment)),
    (50, _other_number),
    (52, _role()),
)
PV2: Final[Rows] = (
    (1, _place("planned")),
    (3, one("reasonCode", datatypes.ce)),
    (8, in_extension(_ARRIVAL, "valueDateTime", datatypes.moment)),
    (9, in_extension(_DEPARTURE, "valueDateTime", datatypes.moment)),
    (11, one("length", _days)),
    (12, _described),
    (22, _is_secret),
    (25, of_table("priority", "0217")),
    (38, in_extension("encounter-modeOfArrival", "valueCoding", datatypes.ce_of("0430"))),
)


def pv1(copy: Copy, *, is_required: bool = True) -> list[str]:
    """PV1 of the visit; without one, the PV1 that a structure wants all the same says so."""
    if not copy.visit:
        return [segment("PV1", {1: "1", 2: _NO_VISIT})] if is_required else []
    return [segment("PV1", {1: "1"} | fields(PV1, copy.visit, copy.entries))]


def pv2(copy: Copy) -> list[str]:
    """PV2 of the visit, where it says anything."""
    made = fields(PV2, copy.visit, copy.entries)
    return [segment("PV2", made)] if any(made.values()) else []
