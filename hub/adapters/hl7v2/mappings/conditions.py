"""Diagnoses: DG1 as Condition, and as the Encounter's and the episode's diagnosis."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coding_of, put, table_concept
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.tables import TABLES

_VERIFICATION: Final = f"{codes.TERMINOLOGY}condition-ver-status"
_ACTIVE: Final = {"coding": [coding_of(f"{codes.TERMINOLOGY}condition-clinical", "active")]}
_DELETED: Final = "D"  # table 0206
_FINAL: Final = "F"  # table 0052
_kind: Final = table_concept("0052")
_KINDS: Final = TABLES["DiagnosisType"].codes
_diagnosis: Final = datatypes.concept("")


def _asserted(raw: str, t: Text) -> Json:
    return datatypes.extension("condition-assertedDate", "valueDateTime", datatypes.moment(raw, t))


def _due_to(raw: str, t: Text) -> Json:
    number = datatypes.ei(raw, t)
    reference = {"type": "Condition", "identifier": number}
    return {"url": f"{EXTENSION}condition-dueTo", "valueReference": reference} if number else {}


DG1: Final[Rows] = (
    Row(3, "code", _diagnosis),
    Row(5, "onsetDateTime", datatypes.moment),
    Link(16, "asserter", actors.xcn, many=False),
    Row(19, "recordedDate", datatypes.moment),
    Row(19, "extension", _asserted, many=True),
    Row(20, "identifier", datatypes.ei, many=True),
    Row(22, "extension", _due_to, many=True),
)


def diagnoses(draft: Draft, subject: Json, visit: Json) -> None:
    """Add a Condition for each DG1; the Encounter and the episode, if any, refer to them."""
    for n, dg1 in enumerate(draft.content.segments("DG1")):
        diagnosis(draft, dg1, subject, visit, f"DG1[{n}]")


def diagnosis(draft: Draft, dg1: Segment, subject: Json, visit: Json, place: str) -> Json:
    """Add the Condition of a DG1; gives the Reference, ``{}`` when it says nothing."""
    made = _condition(draft, dg1, subject, visit, place)
    if not made:
        return {}
    reference = draft.add(place, made)
    if visit:
        _relate(draft, dg1, reference, visit)
    return reference


def _condition(draft: Draft, dg1: Segment, subject: Json, visit: Json, place: str) -> Json:
    made: Json = {"resourceType": "Condition", "subject": subject}
    if visit:
        made["encounter"] = visit
    apply(DG1, dg1, made, draft, place)
    text = draft.text.leaf(dg1.field(4))
    if text:
        made["code"] = {**made.get("code", {}), "text": text}
    if "code" not in made:
        return {}
    status = "entered-in-error" if dg1.field(21) == _DELETED else "confirmed" if _word(dg1, 6, draft) == _FINAL else "unconfirmed"
    made["verificationStatus"] = {"coding": [coding_of(_VERIFICATION, status)]}
    if status != "entered-in-error":
        made["clinicalStatus"] = _ACTIVE
    return made


def _word(dg1: Segment, n: int, draft: Draft) -> str:
    return datatypes.leaf(dg1.field(n), draft.text)


def _relate(draft: Draft, dg1: Segment, condition: Json, visit: Json) -> None:
    """Encounter.diagnosis and EpisodeOfCare.diagnosis: in which part (DG1-6) and how important (DG1-15)."""
    raw, rank = dg1.field(6), datatypes.positive(draft.text.leaf(dg1.field(15)))
    part = _part(raw, draft.text) if raw else {}
    said: Json = {"condition": {"reference": condition["reference"]}}
    more: Json = {"rank": rank} if rank else {}
    use = {"use": part} if part else {}
    draft.resource(visit).setdefault("diagnosis", []).append(said | use | more)
    episode = draft.known(("episode",))
    if episode:
        role = {"role": part} if part else {}
        draft.resource(episode).setdefault("diagnosis", []).append(said | role | more)


def _part(raw: str, t: Text) -> Json:
    """Table 0052: admitting, working, final. FHIR has a code of its own for the first; the others stay v2's."""
    concept = _kind(raw, t)
    known = _KINDS.get(datatypes.leaf(raw, t))
    if not known:
        return concept
    made: Json = {}
    put(made, "coding", [coding_of(known.system, known.code, known.display), *concept.get("coding", ())])
    return made
