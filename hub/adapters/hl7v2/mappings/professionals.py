"""Who did it, in what role and for whom: XCN, NDL and XON as Practitioner, PractitionerRole and Organization of the Bundle.

Source: HL7 v2-to-FHIR XCN[PractitionerRole], NDL[PractitionerRole], CNN[Practitioner], XON[Organization], XON[Location].
What is said in the same words is one resource.
"""

from functools import partial
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, order_types
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import date_time, span

RESPONSIBLE: Final = order_types.concept(f"{codes.TERMINOLOGY}practitioner-role", "responsibleObserver")
MEDICAL_DIRECTOR: Final = order_types.concept(f"{codes.TERMINOLOGY}v2-0912", "MDIR")
FUNCTION: Final = f"{datatypes.EXTENSION}event-performerFunction"
_CNN_NAME: Final = 8  # components of a CNN before its assigning authority


def practitioner(draft: Draft, raw: str, place: str, address: str = "") -> Json:
    """XCN (one repetition) as a Practitioner, with the address XAD where one is given; gives the Reference, ``{}`` for nobody nowhere."""
    where = datatypes.xad(address, draft.text) if address else {}
    if not where:
        return draft.linked(actors.xcn, raw, place)

    def make() -> Json:
        return (actors.xcn(raw, draft.text) or {"resourceType": "Practitioner"}) | {"address": [where]}

    return draft.once((actors.xcn, raw, address), place, make)


def organization(draft: Draft, place: str, name: str, address: str = "", telecom: str = "") -> Json:
    """XON with its XAD and XTN as an Organization. One that is known by its address only has no name that could be said (org-1)."""
    if name and not address and not telecom:
        return draft.linked(actors.xon, name, place)
    t = draft.text

    def make() -> Json:
        made: Json = actors.xon(name, t) if name else {}
        where, phone = _of_work(datatypes.xad(address, t) if address else {}), _of_work(datatypes.xtn(telecom, t) if telecom else {})
        if not made and (where or phone):
            made = {"resourceType": "Organization", "_name": order_types.ABSENT}
        datatypes.put(made, "address", [where] if where else [])
        datatypes.put(made, "telecom", [phone] if phone else [])
        return made

    return draft.once((actors.xon, name, address, telecom), place, make)


def _of_work(found: Json) -> Json:
    """R4 org-2 and org-3: an organisation is at home nowhere."""
    return {k: v for k, v in found.items() if k != "use"} if found.get("use") == "home" else found


def role(draft: Draft, place: str, person: Json, code: Json | None = None, where: Json | None = None, more: Json | None = None) -> Json:
    """A person in a role, at an organisation, as a PractitionerRole; gives the Reference with the person's name, ``{}`` for nobody."""
    if not person and not where:
        return {}
    made: Json = {"resourceType": "PractitionerRole"} | (more or {})
    if person:
        made["practitioner"] = person
    if where:
        made["organization"] = where
    if code:
        made["code"] = [code]
    shown = person.get("display") or (where or {}).get("display", "")
    reference = draft.once(("role", repr(made)), place, partial(dict, made))
    if shown:
        reference["display"] = shown
    return reference


def ndl(draft: Draft, raw: str, place: str) -> Json:
    """NDL as a PractitionerRole: who (NDL-1, a CNN), from when to when, and where."""
    t = draft.text
    parts = raw.split(t.component)
    name = parts[0].split(t.subcomponent)
    authority = t.subcomponent.join(name[_CNN_NAME : _CNN_NAME + 3])
    person = practitioner(draft, t.component.join([*name[:_CNN_NAME], authority]).rstrip(t.component), f"{place}/who")
    more: Json = {}
    if len(parts) > 1:
        start, end = (date_time(t.at(t.leaf(p))) for p in [*parts[1:3], ""][:2])
        if start or end:
            more["period"] = span(start, end)
        where = actors.location(draft, t.component.join(parts[3:11]), f"{place}/where") if any(parts[3:11]) else {}
        datatypes.put(more, "location", [where] if where else [])
    return role(draft, place, person, more=more) if person else {}


def requester(draft: Draft, orc: Segment | None, obr: Segment | None, place: str) -> Json:
    """Who ordered (ORC-12 with its address ORC-24, else OBR-16) and for which organisation (ORC-21 to 23)."""
    where = (
        organization(draft, f"{place}/organization", *_first(draft, orc, 21, 22, 23)) if orc is not None and len(orc.fields) > 21 else {}
    )
    who, address = _first(draft, orc, 12, 24) if orc is not None else ("", "")
    if who:
        return role(draft, f"{place}/requester", practitioner(draft, who, f"{place}/ORC-12", address), where=where)
    (who,) = _first(draft, obr, 16) if obr is not None else ("",)
    person = practitioner(draft, who, f"{place}/OBR-16", address) if who or address else {}
    return role(draft, f"{place}/requester", person, where=where) if where else person


def _first(draft: Draft, segment: Segment, *numbers: int) -> list[str]:
    """The first repetition of each field, as written; "" for none."""
    return [next(iter(draft.text.repetitions(segment.field(n))), "") for n in numbers]
