"""Comments: NTE as Annotation. A comment belongs to the segment before it (HL7 v2.5.1 chapter 2.5.1); ``groups`` sees to that.

Source: HL7 v2-to-FHIR NTE[Observation], NTE[ServiceRequest], NTE[Appointment-Comment].
"""

from collections.abc import Iterable
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import datatypes
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Node
from hub.adapters.hl7v2.mappings.professionals import practitioner
from hub.adapters.hl7v2.mappings.rows import Draft

_kind: Final = datatypes.table_concept("0364")


def words(draft: Draft, nte: Segment) -> str:
    """NTE-3, its repetitions as lines, and what the coded comment NTE-9 says."""
    t = draft.text
    lines = [line for line in map(t.leaf, t.repetitions(nte.field(3))) if line]
    if nte.field(9):
        concept = datatypes.cwe(nte.field(9), t)
        coded = concept.get("text") or next((c["code"] for c in concept.get("coding", ())), "")
        lines += [coded] if coded and coded not in lines else []
    return "\n".join(lines)


def note(draft: Draft, nte: Segment, place: str) -> Json:
    """NTE as an Annotation: what (NTE-3), of what kind (NTE-4), who (NTE-5) and when (NTE-6); ``{}`` when it says nothing."""
    text = words(draft, nte)
    if not text:
        return {}
    kind = _kind(nte.field(4), draft.text) if len(nte.fields) > 4 and nte.field(4) else {}
    out: Json = {"extension": [datatypes.extension("annotationType", "valueCodeableConcept", kind)]} if kind else {}
    out["text"] = text
    if len(nte.fields) > 5:
        t = draft.text
        who = next(iter(t.repetitions(nte.field(5))), "")
        author = practitioner(draft, who, f"{place}/author") if who else {}
        datatypes.put(out, "authorReference", author)
        datatypes.put(out, "time", datatypes.moment(nte.field(6), t))
    return out


def notes(draft: Draft, nodes: Iterable[Node]) -> list[Json]:
    """The Annotations of the NTE nodes among these."""
    return [made for n in nodes if n.kind == "NTE" and (made := note(draft, n.segment, n.place))]
