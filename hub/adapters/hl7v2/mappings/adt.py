"""Patient administration and what is settled of it: ADT, BAR and DFT. The patient and the visit themselves are every message's."""

from dataclasses import dataclass, field

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import accounts, incidents, insurance, privacy, roles
from hub.adapters.hl7v2.mappings.allergies import allergies
from hub.adapters.hl7v2.mappings.conditions import diagnoses
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.observation import observation
from hub.adapters.hl7v2.mappings.procedures import procedure
from hub.adapters.hl7v2.mappings.rows import Draft


@dataclass(slots=True)
class _Found:
    """What was made so far that later segments add to."""

    procedure: Json = field(default_factory=dict)
    coverage: Json = field(default_factory=dict)
    coverages: list[Json] = field(default_factory=list)
    guarantors: list[Json] = field(default_factory=list)
    charge: Json = field(default_factory=dict)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add all that the message tells besides patient and visit; it is about the visit, or about the patient when there is none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    allergies(draft, subject)
    diagnoses(draft, subject, visit)
    privacy.consents(draft, subject)
    found = _Found()
    for n, segment in enumerate(draft.content):
        _one(draft, segment, f"{segment.name}[{n}]", about, found)
    accounts.settled(draft, found.coverages, found.guarantors)
    return [visit or subject]


def charges(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """As ``resources``, for a message that posts charges: it is about them."""
    focus = resources(draft, subject, visit)
    items = [e["fullUrl"] for e in draft.entries if e["resource"]["resourceType"] == "ChargeItem"]
    return [{"reference": url} for url in items] or focus


def _one(draft: Draft, segment: Segment, place: str, about: Json, found: _Found) -> None:
    match segment.name:
        case "OBX":
            observation(draft, segment, about, place)
        case "PR1":
            found.procedure = procedure(draft, segment, about, place)
        case "ROL" | "PRT" if found.procedure:
            _performer(draft, segment, found.procedure, place)
        case "IN1" | "IN2" | "IN3":
            _insured(draft, segment, about["subject"], found, place)
        case "GT1":
            found.guarantors += [g] if (g := insurance.guarantor(draft, segment, about["subject"], place)) else []
        case "FT1" | "ACC" | "PDA":
            _event(draft, segment, about, found, place)
        case _:
            pass
    if segment.name not in {"PR1", "ROL", "PRT"}:
        found.procedure = {}


def _performer(draft: Draft, segment: Segment, of: Json, place: str) -> None:
    role = roles.practitioner_role(draft, segment, place)
    if role:
        draft.resource(of).setdefault("performer", []).append({"actor": role})


def _insured(draft: Draft, segment: Segment, subject: Json, found: _Found, place: str) -> None:
    if segment.name == "IN1":
        found.coverage = insurance.coverage(draft, segment, subject, place)
        found.coverages.append(found.coverage)
    elif segment.name == "IN2" and found.coverage:
        insurance.more(draft, segment, draft.resource(found.coverage), subject)
    elif segment.name == "IN3":
        insurance.certification(draft, segment, subject, place)


def _event(draft: Draft, segment: Segment, about: Json, found: _Found, place: str) -> None:
    if segment.name == "FT1":
        found.charge = accounts.charge(draft, segment, about["subject"], about.get("encounter", {}), place)
    elif segment.name == "ACC":
        incidents.accident(draft, segment, about)
    else:
        incidents.death(draft, segment, about)
