"""Who entered, verified, ordered and carried out an order, and where: ORC as Provenance.

Source: HL7 v2-to-FHIR ORC[Provenance]. R4 wants an agent and a time: an ORC that names nobody makes no Provenance, one without ORC-9 is as
old as its message (MSH-7).
"""

from collections.abc import Iterator
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, order_types, professionals
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import instant

_TYPE: Final = f"{codes.TERMINOLOGY}provenance-participant-type"
_OPERATION: Final = f"{codes.TERMINOLOGY}v3-DataOperation"
_ACTIVITIES: Final = {"NW": "CREATE", "SC": "UPDATE", "OC": "CANCEL", "CA": "CANCEL"}  # 0119
_PEOPLE: Final = ((10, "enterer"), (11, "verifier"), (12, "author"), (19, "performer"))


def provenance(draft: Draft, orc: Segment, target: Json, place: str) -> None:
    """Add the Provenance of an order."""
    t = draft.text
    recorded = instant(t.at(datatypes.leaf(orc.field(9), t))) or instant(draft.content.value("MSH", 7))
    agents = list(_agents(draft, orc, place))
    if not agents or not recorded:
        return
    made: Json = {"resourceType": "Provenance", "target": [{"reference": target["reference"]}], "recorded": recorded}
    datatypes.put(made, "occurredDateTime", datatypes.moment(orc.field(9), t))
    activity = _ACTIVITIES.get(datatypes.leaf(orc.field(1), t))
    if activity:
        made["activity"] = order_types.concept(_OPERATION, activity)
    datatypes.put(made, "location", _location(draft, orc, place))
    made["agent"] = agents
    label = order_types.sensitivity(orc.field(28), t) if orc.field(28) else {}
    if label:
        made["meta"] = {"security": [label]}
    draft.add(f"{place}/provenance", made)


def _agents(draft: Draft, orc: Segment, place: str) -> Iterator[Json]:
    t = draft.text
    for number, kind in _PEOPLE:
        for n, raw in enumerate(t.repetitions(orc.field(number))):
            address = next(iter(t.repetitions(orc.field(24))), "") if number == 12 and not n else ""
            who = professionals.practitioner(draft, raw, f"{place}-{number}[{n}]", address)
            if who:
                agent: Json = {"type": order_types.concept(_TYPE, kind), "who": who}
                if number == 10 and orc.field(17):
                    datatypes.put(agent, "onBehalfOf", draft.linked(order_types.coded_organization, orc.field(17), f"{place}-17"))
                yield agent
    if orc.field(18):
        device = draft.linked(order_types.coded_device, orc.field(18), f"{place}-18")
        if device:
            yield {"who": device}


def _location(draft: Draft, orc: Segment, place: str) -> Json:
    """ORC-21 to 23 as the place where the order was made."""
    t = draft.text
    name, address, telecom = (next(iter(t.repetitions(orc.field(n))), "") for n in (21, 22, 23))

    def make() -> Json:
        known = actors.xon(name, t) if name else {}
        made = {k: v for k, v in known.items() if k in {"name", "identifier"}}
        where, phone = datatypes.xad(address, t) if address else {}, datatypes.xtn(telecom, t) if telecom else {}
        datatypes.put(made, "address", where)
        if phone:
            made["telecom"] = [phone]
        return {"resourceType": "Location", "mode": "instance"} | made if made else {}

    return draft.once(("ORC-21", name, address, telecom), f"{place}-21", make) if name or address or telecom else {}
