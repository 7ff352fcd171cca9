"""Who may know: ARV on the patient and the visit, CON as Consent, DB1 as what the patient needs help with."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coding_of, put
from hub.adapters.hl7v2.mappings.rows import Draft

_RESTRICTIONS: Final = f"{codes.TERMINOLOGY}v2-0717"
_REASONS: Final = f"{codes.TERMINOLOGY}v2-0719"
_SCOPE: Final = {"coding": [coding_of(f"{codes.TERMINOLOGY}consentscope", "patient-privacy")]}
_CATEGORY: Final = [{"coding": [coding_of("http://loinc.org", "59284-0")]}]
_CONSENTED: Final = {
    "A": "active",
    "L": "inactive",
    "O": "inactive",
    "P": "proposed",
    "R": "rejected",
    "X": "inactive",
    "B": "entered-in-error",
}
_POLICY: Final = {"coding": [coding_of(f"{codes.TERMINOLOGY}v3-ActCode", "OPTIN")]}
_RESTRICTED: Final = coding_of(codes.CONFIDENTIALITY, "R")
_DELETED: Final = "D"


def restriction(draft: Draft, arv: Segment, resource: Json) -> None:
    """ARV: the patient's record, or the visit's, is restricted; why (ARV-4) and in what (ARV-3) stand beside it."""
    t = draft.text
    if datatypes.leaf(arv.field(2), t) == _DELETED:
        return
    said = [c for raw in t.repetitions(arv.field(3)) if (c := datatypes.coding(raw, t, _RESTRICTIONS))]
    said += [c for raw in t.repetitions(arv.field(4)) if (c := datatypes.coding(raw, t, _REASONS))]
    if said:
        labels = resource.setdefault("meta", {}).setdefault("security", [])
        labels += [label for label in (_RESTRICTED, *said) if label not in labels]


def consents(draft: Draft, subject: Json) -> None:
    """Add a Consent for each CON."""
    t = draft.text
    for n, con in enumerate(draft.content.segments("CON")):
        status = _CONSENTED.get(datatypes.leaf(con.field(11), t), "proposed")
        made: Json = {"resourceType": "Consent", "status": status, "scope": _SCOPE, "category": _kinds(con, t), "patient": subject}
        put(made, "dateTime", datatypes.moment(con.field(13), t) or datatypes.moment(con.field(12), t))
        number = t.leaf(con.field(3)) or t.part(t.parts(con.field(4)), 1)
        put(made, "identifier", [{"value": number}] if number else [])
        who = next(iter(t.repetitions(con.field(24))), "") if con.field(24) else ""
        put(made, "performer", [p] if who and (p := draft.linked(actors.xcn, who, f"CON[{n}]-24")) else [])
        period = datatypes.period(datatypes.leaf(con.field(14), t), datatypes.leaf(con.field(15), t), t)
        made["policyRule"] = _POLICY
        put(made, "provision", {"period": period} if period else {})
        draft.add(f"CON[{n}]", made)


def _kinds(con: Segment, t: Text) -> list[Json]:
    said = datatypes.cwe(con.field(2), t, f"{codes.TERMINOLOGY}v2-0496") if con.field(2) else {}
    return [*_CATEGORY, said] if said else _CATEGORY


def disability(draft: Draft, db1: Segment, resource: Json) -> None:
    """DB1-4: the patient is disabled; as ``patient-disability`` with what the number (DB1-3) says."""
    t = draft.text
    if datatypes.leaf(db1.field(4), t) != "Y" or datatypes.leaf(db1.field(2), t) not in {"PT", ""}:
        return
    said: Json = {
        "url": f"{EXTENSION}patient-disability",
        "valueCodeableConcept": {"coding": [coding_of(f"{codes.TERMINOLOGY}v2-0136", "Y")]},
    }
    resource.setdefault("extension", []).append(said)
