"""Referrals: REF. RF1 is the ServiceRequest, PRD the professionals between whom the patient is referred."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.encounter import allergies, diagnoses
from hub.adapters.hl7v2.mappings.observation import note, observation
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply

_CANCELLED: Final = "I14"


def _status(raw: str, t: Text) -> str:
    return codes.REFERRAL_STATUS.get(t.part(t.parts(raw), 1), "")


def _priority(raw: str, t: Text) -> str:
    return codes.ORDER_PRIORITY.get(t.part(t.parts(raw), 1), "")


RF1: Final[Rows] = (
    Row(1, "status", _status),
    Row(2, "priority", _priority),
    Row(3, "code", datatypes.cwe),
    Row(5, "category", datatypes.cwe, many=True),
    Row(6, "identifier", datatypes.placer, many=True),
    Row(7, "authoredOn", datatypes.moment),
    Row(8, "occurrencePeriod.end", datatypes.moment),
    Row(10, "reasonCode", datatypes.cwe, many=True),
    Row(11, "identifier", datatypes.filler, many=True),
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the ServiceRequest with its professionals, diagnoses, allergies and observations; gives a Reference to it."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    made: Json = {"resourceType": "ServiceRequest", "intent": "order"} | about
    rf1 = draft.content.segment("RF1")
    if rf1 is not None:
        apply(RF1, rf1, made, draft, "RF1")
        if not made.get("occurrencePeriod", True):
            del made["occurrencePeriod"]
    made.setdefault("status", "active")
    if draft.trigger == _CANCELLED:
        made["status"] = "revoked"
    _professionals(draft, made)
    notes = [text for nte in draft.content.segments("NTE") if (text := note(draft, nte))]
    if notes:
        made["note"] = notes
    observed = [observation(draft, obx, about, f"OBX[{n}]") for n, obx in enumerate(draft.content.segments("OBX"))]
    if observed:
        made["supportingInfo"] = observed
    allergies(draft, subject)
    diagnoses(draft, subject, visit)
    return [draft.add("RF1", made)]


def _professionals(draft: Draft, made: Json) -> None:
    """PRD-1 (table 0286): RP refers, RT is referred to."""
    for n, prd in enumerate(draft.content.segments("PRD")):
        t = draft.text
        role = t.part(t.parts(prd.field(1)), 1)
        if role not in {"RP", "RT"} or not (resource := _practitioner(prd, t)):
            continue
        reference = draft.add(f"PRD[{n}]", resource)
        if role == "RP":
            made.setdefault("requester", reference)
        else:
            made.setdefault("performer", []).append(reference)


def _practitioner(prd: Segment, t: Text) -> Json:
    names = [name for raw in t.repetitions(prd.field(2)) if (name := datatypes.xpn(raw, t))]
    numbers = [i for raw in t.repetitions(prd.field(7)) if (i := datatypes.cx(raw, t))]
    out: Json = {"resourceType": "Practitioner"}
    if names:
        out["name"] = names
    if numbers:
        out["identifier"] = numbers
    return out if len(out) > 1 else {}
