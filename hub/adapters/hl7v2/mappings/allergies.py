"""Allergies: AL1 and IAM as AllergyIntolerance, with the reactions of IAR and the notes of NTE."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coded, coding_of, put
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.tables import plain

_CLINICAL: Final = f"{codes.TERMINOLOGY}allergyintolerance-clinical"
_CLINICAL_CODES: Final = frozenset({"active", "inactive", "resolved"})
_ACTIVE: Final = {"coding": [coding_of(_CLINICAL, "active")]}
_VERIFICATION: Final = f"{codes.TERMINOLOGY}allergyintolerance-verification"
# 0438, which says both how sure it is and whether it still is: verification, clinical status
_STATUS: Final = {
    "C": ("confirmed", "active"), "I": ("confirmed", "inactive"), "E": ("entered-in-error", ""), "P": ("unconfirmed", "active"),
    "S": ("unconfirmed", "active"), "U": ("unconfirmed", "active"), "D": ("unconfirmed", "active"),
}  # fmt: skip
_CATEGORY: Final = plain("AllergenType[AllergyIntoleranceCategory]")
_TYPE: Final = plain("AllergyType")
# severity used as criticality, as most senders mean it: a severe allergy is a dangerous one (the guide leaves MO and U unmapped)
_CRITICALITY: Final = plain("AllergySeverity[AllergyIntolerance.criticality]") | {"MO": "high", "U": "unable-to-assess"}
_SEVERITY: Final = plain("AllergySeverity[AllergyIntolerance.reaction.severity]")
_original_category: Final = coded("AllergenType[AllergyIntoleranceOriginalCategory]")
_original_severity: Final = coded("AllergySeverity[AllergyIntolerance.criticality-original]")
_relationship: Final = coded("Relationship")
_allergen: Final = datatypes.concept("")
_DELETED: Final = "D"  # 0323
_SELF: Final = "SEL"


def _status(iam: Segment, t: Text) -> Json:
    """Verification and clinical status: of IAM-6, where it deletes the allergy, else of IAM-17 (table 0438).

    FHIR's own word where it is one; else it stands beside "active" as text.
    """
    if datatypes.leaf(iam.field(6), t) == _DELETED:
        return {"verificationStatus": {"coding": [coding_of(_VERIFICATION, "entered-in-error")]}}
    raw = iam.field(17)
    word = datatypes.leaf(raw, t)
    if not word:
        return {"clinicalStatus": _ACTIVE}
    sure, current = _STATUS.get(word, ("", word.lower() if word.lower() in _CLINICAL_CODES else ""))
    said = {"text": text} if (text := datatypes.cwe(raw, t).get("text", "")) else {}
    own = coding_of(f"{codes.TERMINOLOGY}v2-0438", datatypes.code(word))
    out: Json = {"verificationStatus": {"coding": [coding_of(_VERIFICATION, sure), own]} | said} if sure else {}
    if current:
        out["clinicalStatus"] = {"coding": [coding_of(_CLINICAL, current), *(() if sure else (own,))]} | ({} if sure else said)
    elif not sure:
        out["clinicalStatus"] = _ACTIVE | {"text": datatypes.cwe(raw, t).get("text") or word}
    return out


AL1: Final[Rows] = (
    Row(3, "code", _allergen),
    Row(6, "onsetDateTime", datatypes.moment),
)
IAM: Final[Rows] = (
    Row(3, "code", _allergen),
    Row(7, "identifier", datatypes.ei, many=True),
    Row(11, "onsetDateTime", datatypes.moment),
    Row(13, "recordedDate", datatypes.moment),
)


def allergies(draft: Draft, subject: Json) -> None:
    """Add an AllergyIntolerance for each AL1 and IAM."""
    for n, al1 in enumerate(draft.content.segments("AL1")):
        made: Json = {"resourceType": "AllergyIntolerance", "clinicalStatus": _ACTIVE, "patient": subject}
        apply(AL1, al1, made, draft, f"AL1[{n}]")
        _finish(draft, al1, made, f"AL1[{n}]")
    current: Json = {}
    for n, segment in enumerate(draft.content if draft.content.has("IAM") else ()):
        match segment.name:
            case "IAM":
                current = _recorded(draft, segment, subject, f"IAM[{n}]")
            case "IAR" if current:
                _reaction(draft, segment, current)
            case "NTE" if current:
                _note(draft, segment, current)
            case _:
                current = {}


def _recorded(draft: Draft, iam: Segment, subject: Json, place: str) -> Json:
    t = draft.text
    made = apply(IAM, iam, {"resourceType": "AllergyIntolerance", "patient": subject, **_status(iam, t)}, draft, place)
    translated = _allergen(iam.field(27), t) if iam.field(27) else {}
    if translated:
        made["code"] = {**made.get("code", {}), "coding": [*made.get("code", {}).get("coding", ()), *translated.get("coding", ())]}
    if "onsetDateTime" not in made:
        put(made, "onsetString", t.leaf(iam.field(12)))
    if iam.field(14):
        put(made, "recorder", _recorder(draft, iam, subject, place))
    _finish(draft, iam, made, place)
    return made


def _recorder(draft: Draft, iam: Segment, subject: Json, place: str) -> Json:
    """IAM-14 by IAM-15: the patient, somebody related to the patient, or, where nothing is said, a professional."""
    t = draft.text
    name, relation = datatypes.xpn(t.repetitions(iam.field(14))[0], t) if t.repetitions(iam.field(14)) else {}, iam.field(15)
    if not name:
        return {}
    if not datatypes.is_said(relation):
        return draft.add(f"{place}-14", {"resourceType": "Practitioner", "name": [name]})
    if datatypes.leaf(relation, t) == _SELF:
        names = draft.resource(subject).setdefault("name", [])
        names += [] if name in names else [name]
        return {"reference": subject["reference"]}
    person: Json = {"resourceType": "RelatedPerson", "patient": subject, "name": [name]}
    kind = _relationship(relation, t)
    put(person, "relationship", [kind] if kind else [])
    return draft.add(f"{place}-14", person)


def _finish(draft: Draft, segment: Segment, made: Json, place: str) -> None:
    """Category, type, severity and reactions, which AL1 and IAM hold in the same fields; nothing without a substance is added."""
    if "code" not in made:
        made.clear()
        return
    t = draft.text
    kind = segment.field(2)
    if kind:
        word = datatypes.leaf(kind, t)
        put(made, "type", _TYPE.get(word, ""))
        if word in _CATEGORY:
            made["category"] = [_CATEGORY[word]]
            made["_category"] = [_alternate(_original_category(kind, t))]
        elif said := _original_category(kind, t):
            made["_type"] = _alternate(said)
    severity, reactions = segment.field(4), _reactions(segment.field(5), t)
    word = datatypes.leaf(severity, t)
    if word in _CRITICALITY:
        made["criticality"] = _CRITICALITY[word]
        made["_criticality"] = _alternate(_original_severity(severity, t))
    if reactions:
        made["reaction"] = [{"manifestation": reactions} | ({"severity": _SEVERITY[word]} if word in _SEVERITY else {})]
    draft.add(place, made)


def _reactions(field: str, t: Text) -> list[Json]:
    """AL1-5 (text) and IAM-5 (CWE): what happened, each as a manifestation."""
    return [
        made for raw in (t.repetitions(field) if field else ()) if (made := datatypes.cwe(raw, t) if t.component in raw else _text(raw, t))
    ]


def _text(raw: str, t: Text) -> Json:
    said = t.leaf(raw)
    return {"text": said} if said else {}


def _alternate(concept: Json) -> Json:
    return {"extension": [{"url": f"{EXTENSION}alternate-codes", "valueCodeableConcept": concept}]}


_manifestation: Final = datatypes.concept("")


def _reaction(draft: Draft, iar: Segment, made: Json) -> None:
    """IAR: what the reaction was, how severe, and how it was met."""
    t = draft.text
    shown = _manifestation(iar.field(1), t) if iar.field(1) else {}
    if not shown:
        return
    reaction: Json = {"manifestation": [shown]}
    put(reaction, "severity", _SEVERITY.get(datatypes.leaf(iar.field(2), t), ""))
    put(reaction, "description", t.leaf(iar.field(4)))
    made.setdefault("reaction", []).append(reaction)


def _note(draft: Draft, nte: Segment, made: Json) -> None:
    text = "\n".join(line for line in map(draft.text.leaf, draft.text.repetitions(nte.field(3))) if line)
    if text:
        made.setdefault("note", []).append({"text": text})
