"""Patient administration and what is settled of it: ADT, BAR and DFT. The patient and the visit themselves are every message's."""

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import accounts, incidents, roles
from hub.adapters.hl7v2.mappings.allergies import allergies
from hub.adapters.hl7v2.mappings.conditions import diagnoses
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.observation import observation
from hub.adapters.hl7v2.mappings.procedures import procedure
from hub.adapters.hl7v2.mappings.rows import Draft


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add all that the message tells besides patient and visit; it is about the visit, or about the patient when there is none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    allergies(draft, subject)
    diagnoses(draft, subject, visit)
    last: Json = {}  # the procedure whose roles come next
    for n, segment in enumerate(draft.content):
        last = _one(draft, segment, f"{segment.name}[{n}]", about, last)
    return [visit or subject]


def charges(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """As ``resources``, for a message that posts charges: it is about them."""
    focus = resources(draft, subject, visit)
    items = [e["fullUrl"] for e in draft.entries if e["resource"]["resourceType"] == "ChargeItem"]
    return [{"reference": url} for url in items] or focus


def _one(draft: Draft, segment: Segment, place: str, about: Json, last: Json) -> Json:
    """Add what a segment tells; gives the procedure that a ROL or PRT behind it belongs to."""
    match segment.name:
        case "ROL" | "PRT":
            if last and not roles.is_over(segment, draft.text):
                _performer(draft, segment, last, place)
            return last
        case "PR1":
            return procedure(draft, segment, about, place)
        case "OBX":
            observation(draft, segment, about, place)
        case "FT1":
            accounts.charge(draft, segment, about["subject"], about.get("encounter", {}), place)
        case "ACC":
            incidents.accident(draft, segment, about)
        case "PDA":
            incidents.death(draft, segment, about)
        case _:
            pass
    return {}


def _performer(draft: Draft, segment: Segment, of: Json, place: str) -> None:
    role = roles.practitioner_role(draft, segment, place)
    if role:
        draft.resource(of).setdefault("performer", []).append({"actor": role})
