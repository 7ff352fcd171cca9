"""What is wrong with the patient and what was done: AL1, IAM, DG1, PR1."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes, roles
from hub.adapters.fhir.er7.actors import person, xcn
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.negation import is_so
from hub.adapters.fhir.er7.rows import Rows, at, each, fields, one, refers, written
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment
from hub.adapters.fhir.times import microseconds

_WORKING: Final = "W"  # table 0052: the type is required
_ENTERED_IN_ERROR: Final = "entered-in-error"
_CONFIRMED: Final = "confirmed"
_SURGEON: Final = "304292004"  # SNOMED CT, functions of performers in PR1[Procedure]
_ANAESTHETIST: Final = "88189002"


def _category(allergy: Json, _entries: Entries) -> str:
    """AL1-2 (0127): the sender's own words where they were kept beside the category, else the category's."""
    known = next((codes.ALLERGY_CATEGORY[c] for c in datatypes.texts(allergy.get("category")) if c in codes.ALLERGY_CATEGORY), "")
    said = _alternate(allergy.get("_category")) or _alternate(allergy.get("_type"))
    return said or (components(known, "", "HL70127") if known else "")


def _alternate(beside: Any) -> str:
    """The concept that an element was made of, as CE."""
    for holder in each(beside):
        made = datatypes.ce(datatypes.extension(holder, "alternate-codes").get("valueCodeableConcept"))
        if made:
            return made
    return ""


def _severity(allergy: Json, _entries: Entries) -> str:
    said = text(allergy.get("criticality")) or next((text(r.get("severity")) for r in objects(allergy.get("reaction"))), "")
    code = codes.SEVERITY.get(said, "")
    return _alternate(allergy.get("_criticality")) or (components(code, "", "HL70128") if code else "")


def _recorder(allergy: Json, entries: Entries) -> str:
    """IAM-14: who reported it."""
    return next((made for n in objects(person(allergy.get("recorder"), entries).get("name")) if (made := datatypes.xpn(n))), "")


def _relation(allergy: Json, entries: Entries) -> str:
    """IAM-15: what whoever reported it is to the patient."""
    who = person(allergy.get("recorder"), entries)
    if who.get("resourceType") == "Patient":
        return "SEL^Self^HL70063"
    return next((made for c in objects(who.get("relationship")) if (made := datatypes.ce(c, "0063"))), "")


def _reactions(allergy: Json, _entries: Entries) -> str:
    shown = [datatypes.shown(m) for r in objects(allergy.get("reaction")) for m in objects(r.get("manifestation"))]
    return repetitions(escape(s) for s in shown)


def _action(allergy: Json, _entries: Entries) -> str:
    """IAM-6 (table 0323): an allergy in the list is added, one withdrawn or disproved is deleted."""
    is_gone = any(_is_status(allergy, "verificationStatus", status) for status in (_ENTERED_IN_ERROR, "refuted"))
    return components("D" if is_gone else "A", "", "HL70323")


def _is_status(resource: Json, element: str, status: str) -> bool:
    return any(text(c.get("code")) == status for c in datatypes.codings(resource.get(element)))


def _as_said(status: Any) -> str:
    """The v2 code (table 0438) that stands beside a status, as CE."""
    own = [c for c in datatypes.codings(status) if text(c.get("system")) == f"{codes.V2}0438"]
    return datatypes.ce({"coding": own[:1], "text": obj(status).get("text")}) if own else ""


AL1: Final[Rows] = (
    (2, _category),
    (3, one("code", datatypes.ce)),
    (4, _severity),
    (5, _reactions),
    (6, one("onsetDateTime", datatypes.day)),
)
IAM: Final[Rows] = (
    (2, _category),
    (3, one("code", datatypes.ce)),
    (4, _severity),
    (5, _reactions),
    (6, _action),
    (7, one("identifier", datatypes.ei)),
    (11, one("onsetDateTime", datatypes.day)),
    (12, one("onsetString", datatypes.string)),
    (13, one("recordedDate", datatypes.moment)),
    (14, _recorder),
    (15, _relation),
    (17, one("verificationStatus", _as_said)),
    (17, one("clinicalStatus", _as_said)),
    (17, one("clinicalStatus", datatypes.ce)),
)


def _kind(diagnosis: Json, _entries: Entries) -> str:
    """DG1-6: what the visit uses the diagnosis as, else whether it is confirmed."""
    known = escape(datatypes.code(diagnosis.get("use"), "0052"))
    return known or ("F" if _is_status(obj(diagnosis.get("condition")), "verificationStatus", _CONFIRMED) else _WORKING)


def _withdrawn(diagnosis: Json, _entries: Entries) -> str:
    return "D" if _is_status(obj(diagnosis.get("condition")), "verificationStatus", _ENTERED_IN_ERROR) else ""


def _asserted(diagnosis: Json, _entries: Entries) -> str:
    given = datatypes.extension(diagnosis.get("condition"), "condition-assertedDate").get("valueDateTime")
    return datatypes.moment(at(diagnosis, "condition.recordedDate")) or datatypes.moment(given)


DG1: Final[Rows] = (  # over {condition: the Condition itself, use and rank: of Encounter.diagnosis}
    (3, one("condition.code", datatypes.ce)),
    (4, one("condition.code", lambda c: escape(text(obj(c).get("text"))))),
    (5, one("condition.onsetDateTime", datatypes.moment)),
    (6, _kind),
    (15, one("rank", datatypes.number)),
    (16, refers("condition.asserter", xcn)),
    (19, _asserted),
    (20, one("condition.identifier", datatypes.ei)),
    (21, _withdrawn),
)


def _has_function(*functions: str) -> Callable[[Json], bool]:
    return lambda performer: bool({text(c.get("code")) for c in datatypes.codings(performer.get("function"))} & set(functions))


def _performers(*functions: str) -> Callable[[Json, Entries], str]:
    chosen = _has_function(*functions)

    def make(procedure: Json, entries: Entries) -> str:
        given = objects(procedure.get("performer"))
        found = [p for p in given if (chosen(p) if functions else _is_other(p, entries))]
        return repetitions(xcn(p.get("actor"), entries) for p in found)

    return make


def _is_other(performer: Json, entries: Entries) -> bool:
    """Whether a performer is neither surgeon nor anaesthetist, nor there in a role, which is a ROL of its own."""
    return not _has_function(_SURGEON, _ANAESTHETIST)(performer) and not roles.is_role(performer.get("actor"), entries)


def _modifiers(procedure: Json, _entries: Entries) -> str:
    """PR1-16: what follows the code in a coding of the code with its modifiers ("71045:26")."""
    given = [text(c.get("code")) for c in datatypes.codings(procedure.get("code"))]
    joined = next((code for code in given[1:] if given[0] and code.startswith(f"{given[0]}:")), "")
    return repetitions(map(escape, joined.split(":")[1:]))


def _minutes(procedure: Json, _entries: Entries) -> str:
    start, end = (microseconds(text(at(procedure, f"performedPeriod.{end}"))) for end in ("start", "end"))
    return str((end - start) // 60_000_000) if start is not None and end is not None and end > start else ""


PR1: Final[Rows] = (
    (3, one("code", datatypes.ce)),
    (4, one("code", lambda c: escape(text(obj(c).get("text"))))),
    (5, one("performedDateTime", datatypes.moment)),
    (5, one("performedPeriod.start", datatypes.moment)),
    (6, one("category", datatypes.is_code("0230"))),
    (7, _minutes),
    (8, _performers(_ANAESTHETIST)),
    (11, _performers(_SURGEON)),
    (12, _performers()),
    (15, one("reasonCode", datatypes.ce)),
    (16, _modifiers),
    (19, one("identifier", datatypes.ei)),
)


def al1(copy: Copy) -> list[str]:
    """AL1 for each allergy that the patient has."""
    return [written("AL1", AL1, a, copy.entries, n) for n, a in enumerate(filter(is_so, _allergies(copy)), 1)]


def iam(copy: Copy) -> list[str]:
    """IAM for each allergy."""
    return [written("IAM", IAM, a, copy.entries, n) for n, a in enumerate(_allergies(copy), 1)]


def _allergies(copy: Copy) -> list[Json]:
    return [a for a in copy.entries.of("AllergyIntolerance") if datatypes.ce(a.get("code"))]


def dg1(copy: Copy, conditions: Sequence[Json] | None = None) -> list[str]:
    """DG1 for each diagnosis, in the visit's order, then the others'. ``conditions``: only these."""
    entries, named = copy.entries, objects(copy.visit.get("diagnosis"))
    every = entries.of("Condition") if conditions is None else conditions
    wanted = {id(c) for c in every}
    used = [d | {"condition": entries.target(d.get("condition"))} for d in named]
    used = [d for d in used if id(d["condition"]) in wanted]
    seen = {id(d["condition"]) for d in used}
    used += [{"condition": c} for c in every if id(c) not in seen]
    said = [d for d in used if datatypes.ce(at(d, "condition.code")) and is_so(d["condition"])]
    return [written("DG1", DG1, d, entries, n) for n, d in enumerate(said, 1)]


def pr1(copy: Copy) -> list[str]:
    """PR1 for each procedure that was done, of which it is known what and when (both are required), and ROL of who took part in a role."""
    made = [(fields(PR1, p, copy.entries), roles.of_procedure(p, copy.entries)) for p in copy.entries.of("Procedure") if is_so(p)]
    told = [(known, people) for known, people in made if known[3] and known[5]]
    return [line for n, (known, people) in enumerate(told, 1) for line in (segment("PR1", known | {1: str(n)}), *people)]
