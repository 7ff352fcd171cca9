"""Where a Bundle comes from: the message as its source, the hub that translated it, and what EVN and PID-33/34 say of the event.

Source: HL7 v2-to-FHIR segment maps MSH[Provenance-Source], MSH[Provenance-Transformation], EVN[Provenance], MSH[Provenance-Operator],
PID[Provenance-Patient], SFT[Device]. The raw message is named by its hash (RFC 6920), not carried: see docs/decisions.
"""

import hashlib
from base64 import urlsafe_b64encode
from typing import Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes
from hub.adapters.hl7v2.mappings.datatypes import Json, coded, coding_of, put
from hub.adapters.hl7v2.mappings.rows import Draft
from hub.adapters.hl7v2.mappings.times import date_time, instant, iso_of
from hub.model import Received

_PARTICIPANT: Final = f"{codes.TERMINOLOGY}provenance-participant-type"
_AUTHOR: Final = {"coding": [coding_of(_PARTICIPANT, "author")]}
_PERFORMER: Final = {"coding": [coding_of(_PARTICIPANT, "performer")]}
_ASSEMBLER: Final = {"coding": [coding_of(_PARTICIPANT, "assembler")]}
_TRANSFORMED: Final = {
    "coding": [coding_of("http://hl7.org/fhir/uv/v2mappings/CodeSystem/provenance-activity-type-v2-to-fhir", "v2-fhir-transformation")]
}
_UPDATED: Final = {"coding": [coding_of(f"{codes.TERMINOLOGY}v3-DataOperation", "UPDATE")]}
_POLICY: Final = ["http://hl7.org/fhir/uv/v2mappings/ImplementationGuide/hl7.fhir.uv.v2mappings"]
_HUB: Final = {"display": "Care Pathway Hub"}
_UNKNOWN: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
_VISIT_MOVED: Final = "A45"
_WAS: Final = (("Patient", 1), ("Encounter", 5), ("Encounter", 6))  # MRG
_reason: Final = coded("EventReason")


def raw_name(raw: bytes) -> str:
    """The name of a message by its SHA-256: ``ni:///sha-256;...`` (RFC 6920)."""
    return "ni:///sha-256;" + urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()


def sources(draft: Draft, received: Received, header: Json, sender: Json) -> None:
    """Add the Provenances of the Bundle: its source, its translation, the event behind it. ``header``: the MessageHeader's Reference."""
    content = draft.content
    bundle = {"type": "Bundle", "identifier": {"system": _provider(received), "value": received.control_id}}
    target = [bundle, {"reference": header["reference"]}]
    entity = [{"role": "source", "what": _message(received)}]
    made, at = iso_of(received.received_us), instant(content.value("MSH", 7))
    responsible = content.field("MSH", 22)
    agents = _agents(draft, received, sender, responsible)
    source: Json = {"resourceType": "Provenance", "target": target}
    put(source, "occurredDateTime", date_time(content.value("MSH", 7)))
    source |= {"recorded": at or made, "activity": _activity("message - ", draft), "agent": agents, "entity": entity + _software(draft)}
    draft.add("Provenance/source", source)
    draft.add(
        "Provenance/transformation",
        {
            "resourceType": "Provenance", "target": [bundle], "recorded": made, "policy": _POLICY, "activity": _TRANSFORMED,
            "agent": [{"type": _ASSEMBLER, "who": _HUB}], "entity": entity,
        },
    )  # fmt: skip
    evn = content.segment("EVN")
    if evn is not None:
        draft.add("EVN", _event(draft, evn, header, [{"who": a["who"]} for a in agents], at or made))
    if draft.trigger == _VISIT_MOVED:
        _moved(draft, draft.resource(header).get("focus", []), agents, at or made)


def _provider(received: Received) -> str:
    return f"urn:hub:provider:{received.provider or 'unknown'}"


def _message(received: Received) -> Json:
    """The raw message as what a Provenance is about: known by its hash to whoever keeps it."""
    return {"type": "DocumentReference", "identifier": {"system": "urn:ietf:rfc:3986", "value": raw_name(received.raw)}}


def _agents(draft: Draft, received: Received, sender: Json, responsible: str) -> list[Json]:
    """Who answers for the message: MSH-22, else MSH-4, else the provider that the hub knows it came from."""
    who = (draft.linked(actors.xon, responsible, "MSH-22") if responsible else {}) or sender
    if not who:
        return [{"who": {"identifier": {"system": "urn:hub:provider", "value": received.provider or "unknown"}}}]
    return [{"type": _AUTHOR, "who": who}]


def _activity(kind: str, draft: Draft) -> Json:
    parts = [p for p in draft.text.parts(draft.content.field("MSH", 9))[:3] if p]
    return {"coding": [{"display": kind + "^".join(parts)}]}


def _software(draft: Draft) -> list[Json]:
    """The sending application (MSH-3, where MSH-24 says where it runs), and the software that made or passed on the message (SFT)."""
    content = draft.content
    found: list[Json] = []
    if content.field("MSH", 24) and content.field("MSH", 3):
        found.append({"role": "source", "what": draft.linked(actors.device, content.field("MSH", 3), "MSH-3")})
    for n, sft in enumerate(content.segments("SFT")):
        made = _device(draft, sft)
        if made:  # the first made the message, the others passed it on
            found.append({"role": "derivation" if n else "source", "what": draft.add(f"SFT[{n}]", made)})
    return [e for e in found if e["what"]]


def _device(draft: Draft, sft: Segment) -> Json:
    t = draft.text
    vendor, version, product, model = (t.part(t.parts(sft.field(n)), 1) for n in (1, 2, 3, 4))
    vendor = vendor or t.part(t.parts(sft.field(1)), 10)
    installed = date_time(t.at(t.leaf(sft.field(6))))
    out: Json = {}
    put(out, "manufacturer", vendor)
    put(out, "modelNumber", model)
    put(out, "deviceName", [{"name": product, "type": "manufacturer-name"}] if product else [])
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Device.version.installDate"
    extension = {"extension": [{"url": url, "valueDateTime": installed}]} if installed and version else {}
    put(out, "version", [extension | {"value": version}] if version else [])
    put(out, "note", [{"text": text}] if (text := t.leaf(sft.field(5))) else [])
    return {"resourceType": "Device"} | out | {"type": {"text": "software"}} if out else {}


def _event(draft: Draft, evn: Segment, header: Json, agents: list[Json], recorded: str) -> Json:
    """EVN: when it was recorded and when it happened, why, who wrote it and where."""
    t = draft.text
    made: Json = {"resourceType": "Provenance", "target": [{"reference": header["reference"]}]}
    put(made, "occurredDateTime", date_time(t.at(datatypes.leaf(evn.field(6), t))))
    made["recorded"] = instant(t.at(datatypes.leaf(evn.field(2), t))) or recorded
    place = evn.field(7)
    put(made, "location", draft.linked(actors.site, place, "EVN-7") if place else {})
    reason = evn.field(4)
    if reason:
        concept = _reason(reason, t)
        put(made, "reason", [_UNKNOWN | concept if t.part(t.parts(reason), 1) == "U" else concept] if concept else [])
    made["activity"] = _activity("event - ", draft)
    operators = [who for n, raw in enumerate(t.repetitions(evn.field(5))) if (who := draft.linked(actors.xcn, raw, f"EVN-5[{n}]"))]
    made["agent"] = [{"who": who} for who in operators] or agents
    return made


def _moved(draft: Draft, target: list[Json], agents: list[Json], recorded: str) -> None:
    """MRG of A45: whose the visit was (1), and under which numbers (5, 6). Named by number: the Bundle is about who has the visit now."""
    mrg = draft.content.segment("MRG")
    t = draft.text
    named = [(kind, datatypes.cx(raw, t)) for kind, n in _WAS if mrg is not None for raw in t.repetitions(mrg.field(n))]
    entity = [{"role": "revision", "what": {"type": kind, "identifier": number}} for kind, number in named if number]
    if target and entity:
        made = {"resourceType": "Provenance", "target": target, "recorded": recorded, "activity": _UPDATED, "agent": agents}
        draft.add("MRG/provenance", made | {"entity": entity})


def updated(draft: Draft, pid: Segment, subject: Json, received_us: int) -> None:
    """Add the Provenance of the patient's record where PID-33 says when it was changed, or PID-34 by whom; R4 demands somebody."""
    when, who = pid.field(33), pid.field(34)
    if not datatypes.is_said(when) and not datatypes.is_said(who):
        return
    made: Json = {"resourceType": "Provenance", "target": [{"reference": subject["reference"]}]}
    put(made, "occurredDateTime", date_time(draft.text.at(datatypes.leaf(when, draft.text))))
    made |= {"recorded": iso_of(received_us), "activity": _UPDATED}
    facility = draft.linked(actors.organisation, who, "PID-34") if datatypes.is_said(who) else {}
    if facility or "occurredDateTime" in made:
        made["agent"] = [{"type": _PERFORMER, "who": facility or _UNKNOWN}]
        draft.add("PID/provenance", made)
