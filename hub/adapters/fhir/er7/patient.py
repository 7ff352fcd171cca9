"""Who the message is about: PID, PD1, and MRG of the identifiers a merge retires."""

from collections.abc import Iterable
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import organisation, person, xcn_of, xon
from hub.adapters.fhir.er7.copy import Copy
from hub.adapters.fhir.er7.kin import is_no_work, is_work
from hub.adapters.fhir.er7.rows import Rows, always, coded, fields, in_extension, many, one, refers, written
from hub.adapters.fhir.er7.text import components, escape, repetitions, segment
from hub.adapters.fhir.message import unregistered
from hub.errors import Reason, Rejected

_LIVING_WILL: Final = "75320-2"  # LOINC: advance directive
_MOTHERS: Final = frozenset({"MTH", "NMTH", "STPMTH", "ADOPTM"})  # v3-RoleCode of a mother, whose number is PID-21
_NAMELESS: Final = components(*[""] * 6, "U")  # PID-5 is required: a name nobody gave (table 0200)


def _language(patient: Json, _entries: Entries) -> str:
    """The preferred language, else the first."""
    spoken = objects(patient.get("communication"))
    chosen = [c for c in spoken if c.get("preferred") is True] or spoken
    return datatypes.ce(chosen[0].get("language")) if chosen else ""


def _dead(patient: Json, _entries: Entries) -> str:
    return "Y" if datatypes.moment(patient.get("deceasedDateTime")) else datatypes.flag(patient.get("deceasedBoolean"))


def _mother(_patient: Json, entries: Entries) -> str:
    """The number of the RelatedPerson who is the patient's mother."""
    found = [r for r in entries.of("RelatedPerson") if any(_says(concept, _MOTHERS) for concept in objects(r.get("relationship")))]
    return repetitions(datatypes.cx(i) for r in found for i in objects(r.get("identifier"))[:1] if not r.get("name"))


def _numbers(patient: Json, _entries: Entries) -> str:
    bare = unregistered(patient)[:1]
    return repetitions(datatypes.cx(i) for i in objects(patient.get("identifier")) if i not in bare)


def _account(_patient: Json, entries: Entries) -> str:
    """PID-18: the account in use; one whose status nobody knows is what a merge has retired (MRG-3)."""
    return _account_number(entries, is_retired=False)


def _account_number(entries: Entries, *, is_retired: bool) -> str:
    found = [a for a in entries.of("Account") if (text(a.get("status")) == "unknown") is is_retired]
    return next((made for a in found for i in objects(a.get("identifier")) if (made := datatypes.cx(i))), "")


def _changed(patient: Json, entries: Entries) -> Json:
    """The Provenance of the last change of the record; ``{}`` for none."""
    found = [p for p in entries.records(patient) if any(text(c.get("code")) == "UPDATE" for c in datatypes.codings(p.get("activity")))]
    return found[0] if found else {}


def _changed_by(patient: Json, entries: Entries) -> str:
    agents = objects(_changed(patient, entries).get("agent"))
    return datatypes.hd_of(organisation(agents[0].get("who"), entries)) if agents else ""


def _says(concept: Json, known: Iterable[str]) -> bool:
    return any(text(c.get("code")) in known for c in datatypes.codings(concept))


PID: Final[Rows] = (
    (3, _numbers),  # also those of PID-2, 4 and 20, which are kept for older versions only
    (5, many("name", datatypes.xpn)),  # also those of PID-9, kept for older versions only
    (5, always(_NAMELESS)),
    (6, in_extension("patient-mothersMaidenName", "valueString", datatypes.string)),
    (7, datatypes.born),
    (8, coded("gender", codes.GENDER)),
    (11, many("address", datatypes.xad)),
    (13, many("telecom", datatypes.xtn, is_no_work)),
    (14, many("telecom", datatypes.xtn, is_work)),
    (15, _language),
    (16, one("maritalStatus", datatypes.ce_of("0002"))),
    (17, in_extension("patient-religion", "valueCodeableConcept", datatypes.ce_of("0006"))),
    (18, _account),
    (19, lambda patient, _entries: next((datatypes.string(i.get("value")) for i in unregistered(patient)), "")),
    (21, _mother),
    (23, in_extension("patient-birthPlace", "valueAddress", lambda a: datatypes.string(obj(a).get("text") or obj(a).get("city")))),
    (24, one("multipleBirthBoolean", datatypes.flag)),
    (24, one("multipleBirthInteger", lambda order: "Y" if datatypes.number(order) else "")),
    (25, one("multipleBirthInteger", datatypes.number)),
    (26, in_extension("patient-citizenship", "valueCodeableConcept", datatypes.ce, "code")),
    (28, in_extension("patient-nationality", "valueCodeableConcept", datatypes.ce, "code")),
    (29, one("deceasedDateTime", datatypes.moment)),
    (30, _dead),
    (33, lambda patient, entries: datatypes.moment(_changed(patient, entries).get("occurredDateTime"))),
    (34, _changed_by),
    (35, in_extension("patient-animal", "valueCodeableConcept", datatypes.ce, "species")),
    (36, in_extension("patient-animal", "valueCodeableConcept", datatypes.ce, "breed")),
)
PD1: Final[Rows] = (
    (3, refers("generalPractitioner", xon)),
    (4, refers("generalPractitioner", lambda ref, entries: xcn_of(_doctor(ref, entries)))),
    (6, in_extension("patient-disability", "valueCodeableConcept", datatypes.is_code("0295"))),
    (7, lambda _patient, entries: _living_will(entries)),
    (12, one("meta.security", lambda label: "Y" if text(obj(label).get("code")) in codes.SECRET else "")),
    (14, in_extension("patient-congregation", "valueString", datatypes.string)),
)
MRG: Final[Rows] = (
    (1, many("identifier", datatypes.cx)),
    (3, lambda _retired, entries: _account_number(entries, is_retired=True)),
    (7, many("name", datatypes.xpn)),
)


def _doctor(reference: Any, entries: Entries) -> Json:
    """A general practitioner who is a person; an organisation is PD1-3's."""
    return {} if organisation(reference, entries) and not entries.target(reference).get("practitioner") else person(reference, entries)


def is_living_will(observation: Json) -> bool:
    """Whether an Observation says that there is a living will: that is PD1-7, and no result."""
    return any(text(c.get("code")) == _LIVING_WILL for c in datatypes.codings(observation.get("code")))


def _living_will(entries: Entries) -> str:
    found = [o for o in entries.of("Observation") if is_living_will(o)]
    return next((made for o in found if (made := escape(datatypes.code(o.get("valueCodeableConcept"), "0315")))), "")


def pid(copy: Copy, patient: Json | None = None) -> str:
    """PID of the patient, or of another one."""
    return written("PID", PID, copy.message.patient if patient is None else patient, copy.entries, 1)


def pd1(copy: Copy) -> list[str]:
    """PD1 of the patient, where it says anything."""
    made = fields(PD1, copy.message.patient, copy.entries)
    return [segment("PD1", made)] if any(made.values()) else []


def others(copy: Copy) -> list[Json]:
    """The patients whom the message ties to this one: each as a Patient, be it that only identifiers are known."""
    patient = copy.message.patient
    found = [p for p in copy.entries.of("Patient") if p is not patient]
    known = {text(i.get("value")) for p in found for i in objects(p.get("identifier"))}
    named = [obj(obj(link.get("other")).get("identifier")) for link in objects(patient.get("link"))]
    return found + [{"resourceType": "Patient", "identifier": [i]} for i in named if (v := text(i.get("value"))) and v not in known]


def _was(copy: Copy, kind: str) -> list[Json]:
    """Whose a moved visit was, or which visit: those of a type that a Provenance names by number as what was revised."""
    entities = [e for p in copy.entries.of("Provenance") for e in objects(p.get("entity")) if text(e.get("role")) == "revision"]
    named = [obj(e.get("what")) for e in entities]
    return [{"resourceType": kind, "identifier": [i]} for w in named if text(w.get("type")) == kind and (i := obj(w.get("identifier")))]


def has_retired_account(copy: Copy) -> bool:
    """Whether the message tells of an account that another has taken the place of."""
    return bool(_account_number(copy.entries, is_retired=True))


def mrg(copy: Copy) -> str:
    """MRG: the identifiers and names retired, or of the patient a visit was taken from. Raises Rejected(NO_TRANSLATION) without any."""
    found = others(copy) + _was(copy, "Patient")
    known = {text(i.get("value")) for p in found for i in objects(p.get("identifier"))}
    alone = [{"system": i.system, "value": i.value} for i in copy.event.merged if i.value not in known]
    names = next((p.get("name") for p in found if p.get("name")), None)
    gone = {"identifier": [i for p in found for i in objects(p.get("identifier"))] + alone, "name": names}
    made = fields(MRG, gone, copy.entries)
    made |= {n: datatypes.cx(visit["identifier"][0]) for n, visit in enumerate(_was(copy, "Encounter")[:2], 5)}
    if not made[1] and (made[3] or made.get(5)):  # an account merged into another of the same patient, or a visit of theirs renumbered
        made[1] = repetitions(datatypes.cx(i) for i in objects(copy.message.patient.get("identifier")))
    if not made[1]:
        raise Rejected(Reason.NO_TRANSLATION, "Patient.link")
    return segment("MRG", made)
