"""Patient administration: ADT. The patient and the visit themselves are every message's; here is what only ADT adds."""

from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.encounter import allergies, diagnoses
from hub.adapters.hl7v2.mappings.observation import observation
from hub.adapters.hl7v2.mappings.rows import Draft


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add diagnoses, allergies and observations; the message is about the visit, or about the patient when there is none."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    for n, obx in enumerate(draft.content.segments("OBX")):
        observation(draft, obx, about, f"OBX[{n}]")
    allergies(draft, subject)
    diagnoses(draft, subject, visit)
    return [visit or subject]
