"""What happened to the patient: ACC, an accident, and PDA, a death and its autopsy, as Observations and Procedures."""

from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json, coding_of, put, table_concept
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import date_time

_YES_NO: Final = f"{codes.TERMINOLOGY}v2-0136"
_ACCIDENT: Final = {"coding": [coding_of("http://loinc.org", "11374-6", "Injury incident description Narrative")]}
_accident_code: Final = table_concept("0050")
_FLAGS: Final = ((5, "Accident job related"), (6, "Accident death"), (9, "Police notified"))  # fields of ACC of table 0136
_DEATH: Final = ((3, "Death certificate"), (6, "Autopsy"), (9, "Coroner"))  # fields of PDA of table 0136
_AUTOPSY: Final = {"coding": [coding_of("http://snomed.info/sct", "29240004", "Autopsy examination")]}
_CAUSE: Final = {"coding": [coding_of("http://loinc.org", "69453-9", "Cause of death")]}


def _yes_no(raw: str, t: Text) -> Json:
    word = datatypes.leaf(raw, t)
    return {"coding": [coding_of(_YES_NO, word)]} if word in {"Y", "N"} else {}


def accident(draft: Draft, acc: Segment, about: Json) -> None:
    """Add the Observation of an accident: when, what kind, where, and what is said of it."""
    t = draft.text
    made: Json = {"resourceType": "Observation", "status": "final", "code": _ACCIDENT} | about
    put(made, "effectiveDateTime", datatypes.moment(acc.field(1), t))
    kind = _accident_code(acc.field(2), t) if acc.field(2) else {}
    text = t.leaf(acc.field(8)) or t.leaf(acc.field(3))
    if kind:
        made["valueCodeableConcept"] = kind
    elif text:
        made["valueString"] = text
    if kind and text:
        made["note"] = [{"text": text}]
    parts = [{"code": {"text": shown}, "valueCodeableConcept": said} for n, shown in _FLAGS if (said := _yes_no(acc.field(n), t))]
    put(made, "component", parts)
    number = t.part(t.parts(acc.field(12)), 1) if acc.field(12) else ""
    put(made, "identifier", [{"value": number}] if number else [])
    who = next(iter(t.repetitions(acc.field(7))), "") if acc.field(7) else ""
    put(made, "performer", [p] if who and (p := draft.linked(actors.xcn, who, "ACC-7")) else [])
    if len(made) > 3 + len(about):
        draft.add("ACC", made)


def death(draft: Draft, pda: Segment, about: Json) -> None:
    """Add what PDA says of a death: its causes, what was certified, and the autopsy."""
    t = draft.text
    causes = [c for raw in t.repetitions(pda.field(1)) if (c := datatypes.cwe(raw, t))] if pda.field(1) else []
    for n, cause in enumerate(causes):
        made: Json = {"resourceType": "Observation", "status": "final", "code": _CAUSE, "valueCodeableConcept": cause} | about
        draft.add(f"PDA-1[{n}]", made)
    for n, shown in _DEATH:
        said = _yes_no(pda.field(n), t)
        if said:
            draft.add(
                f"PDA-{n}",
                {"resourceType": "Observation", "status": "final", "code": {"text": shown}, "valueCodeableConcept": said} | about,
            )
    certified = {"code": {"text": "Death certification"}} | _moment(pda, 4, t)
    _done(draft, pda, 5, certified, about)
    parts = t.parts(pda.field(7))
    examined = datatypes.period(t.part(parts, 1), t.part(parts, 2), t)
    _done(draft, pda, 8, {"code": _AUTOPSY} | ({"performedPeriod": examined} if examined else {}), about)


def _moment(pda: Segment, n: int, t: Text) -> Json:
    when = date_time(t.at(datatypes.leaf(pda.field(n), t)))
    return {"performedDateTime": when} if when else {}


def _done(draft: Draft, pda: Segment, n: int, said: Json, about: Json) -> None:
    """A Procedure, where it is known who did it (PDA-5, PDA-8) or when."""
    who = next(iter(draft.text.repetitions(pda.field(n))), "") if pda.field(n) else ""
    by = draft.linked(actors.xcn, who, f"PDA-{n}/who") if who else {}
    if by or len(said) > 1:
        draft.add(
            f"PDA-{n}", {"resourceType": "Procedure", "status": "completed"} | said | ({"performer": [{"actor": by}]} if by else {}) | about
        )
