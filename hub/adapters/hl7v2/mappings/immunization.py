"""Immunizations: VXU^V04. RXA, RXR and their ORC are the Immunization; OBX stand beside it, and what R4 has elements for in it as well.

Source: HL7 v2-to-FHIR VXU_V04, RXA[Immunization], RXR[Immunization], ORC[Immunization]. Ours, where the guide leaves it to a realm:
RXA-9 (NIP001) tells whether the record is the giver's own (00) or where it comes from; 999 in RXA-6 means that the amount is not known
(HL7 v2.5.1 4.14.7.6) and so there is none; before version 2.6 the place is RXA-11 (LA2), whose first eight components are PL's; funding,
eligibility, information sheets and the number in the series are known by their LOINC codes. A forecast (RXA-5 = 998, no vaccine given)
is an immunization that was not done; the guide has no map to ImmunizationRecommendation, and what VXU says is too little to make one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import (
    actors,
    codes,
    datatypes,
    order_codes,
    order_types,
    participation,
    pharmacy,
    professionals,
    quantities,
)
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.adapters.hl7v2.mappings.groups import Node, Order, grammar, grouped, order
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.observation import reported
from hub.adapters.hl7v2.mappings.rows import Draft, Row, Rows, apply
from hub.adapters.hl7v2.mappings.service_request import service_request
from hub.adapters.hl7v2.mappings.times import date

_GRAMMAR: Final = grammar(
    message="PID PV1 OBX ORC RXA", PID="NTE PRT OBX", PV1="PRT OBX", ORC="NTE PRT TQ1 RXA!", RXA="NTE PRT RXR OBX", OBX="NTE PRT",
)  # fmt: skip
_UNKNOWN_AMOUNT: Final = "999"
_NOTHING_GIVEN: Final = "998"  # CVX
_OWN_RECORD: Final = "00"
_DELETED: Final = "D"  # 0323
_GIVERS: Final = frozenset({"OP", "AP"})
_ROLES: Final = f"{codes.TERMINOLOGY}v2-0443"


def _status(raw: str, t: Text) -> str:
    return order_codes.COMPLETION.get(datatypes.leaf(raw, t), "")


def _status_said(raw: str, t: Text) -> Json:
    """The code itself, where the status says less."""
    code = datatypes.code(datatypes.leaf(raw, t))
    return datatypes.alternate("0322", code) if code not in {"", "CP", "NA"} else {}


def _expires(raw: str, t: Text) -> str:
    return date(datatypes.leaf(raw, t))


ORC: Final[Rows] = (
    Row(2, "identifier", datatypes.placer, many=True),
    Row(3, "identifier", datatypes.filler, many=True),
    Row(9, "recorded", datatypes.moment),
    Row(28, "meta.security", order_types.sensitivity, many=True),
)
RXA: Final[Rows] = (
    Row(3, "occurrenceDateTime", datatypes.moment),
    Row(5, "vaccineCode", datatypes.cwe),
    Row(15, "lotNumber", datatypes.leaf),
    Row(16, "expirationDate", _expires),
    Row(18, "statusReason", datatypes.cwe),
    Row(19, "reasonCode", datatypes.cwe, many=True),
    Row(20, "status", _status),
    Row(20, "_status", _status_said),
)
RXR: Final[Rows] = pharmacy.RXR[:2]
_FUNDING: Final = "30963-3"
_ELIGIBILITY: Final = "64994-7"
_DOSE_NUMBER: Final = "30973-2"
_SHEETS: Final[Mapping[str, str]] = MappingProxyType(  # LOINC -> element of Immunization.education
    {"69764-9": "documentType", "29768-9": "publicationDate", "29769-7": "presentationDate"}
)


def resources(draft: Draft, subject: Json, visit: Json) -> list[Json]:
    """Add the immunizations of the message with the orders behind them; gives References to the immunizations."""
    about = {"subject": subject} | ({"encounter": visit} if visit else {})
    found, loose = [], []
    for node in grouped(draft.content, _GRAMMAR).children:
        if node.kind in {"ORC", "RXA"}:
            found.append(_immunization(draft, order(node) if node.kind == "ORC" else Order(node.place, None, None, [node]), about))
        else:
            loose += [reported(draft, obx, about) for obx in ([node] if node.kind == "OBX" else node.each("OBX"))]
    return found or loose


def _immunization(draft: Draft, group: Order, about: Json) -> Json:
    made: Json = {"resourceType": "Immunization", "patient": about["subject"]}
    if "encounter" in about:
        made["encounter"] = about["encounter"]
    if group.orc is not None:
        _ordered(draft, group.orc, made, group.place)
    for part, who in participation.parted(draft, group.parts, _GIVERS):
        made.setdefault("performer", []).append({"function": order_types.concept(_ROLES, part), "actor": who})
    rxa = next(group.each("RXA"), None)
    parts = [*group.parts, *(rxa.children if rxa is not None else ())]
    if rxa is not None:
        _given(draft, rxa, made)
    made.setdefault("status", "completed")
    made.setdefault("vaccineCode", order_types.NOT_SAID)
    if "occurrenceDateTime" not in made:
        made["occurrenceString"] = "unknown"
    said = notes(draft, parts)
    if said:
        made["note"] = said
    _facts(draft, parts, made)
    reference = draft.add(group.place, made)
    request = _request(draft, group, about)
    for obx in (p for p in parts if p.kind == "OBX"):
        reported(draft, obx, about | {"partOf": [reference]} | ({"basedOn": [request]} if request else {}))
    return reference


def _ordered(draft: Draft, orc: Segment, made: Json, place: str) -> None:
    """ORC: the order's numbers, when it was written in, who ordered."""
    apply(ORC, orc, made, draft, f"{place}/ORC")
    numbers = order_types.group_number(orc.field(4), draft.text) if orc.field(4) else []
    if numbers:
        made.setdefault("identifier", []).extend(numbers)
    _perform(draft, made, orc, 12, "OP", place)


def _request(draft: Draft, group: Order, about: Json) -> Json:
    """The order that led to the immunization, where the ORC has numbers for it."""
    if group.orc is None or not (group.orc.field(2) or group.orc.field(3)):
        return {}
    made = service_request(draft, Order(group.place, group.orc, None, [p for p in group.parts if p.kind == "TQ1"]), about)
    return draft.add(f"{group.place}/order", made)


def _given(draft: Draft, rxa: Node, made: Json) -> None:
    """RXA: what was given, how much, by whom, where, of which lot."""
    t, segment, place = draft.text, rxa.segment, rxa.place
    apply(RXA, segment, made, draft, place)
    for rxr in rxa.each("RXR"):
        apply(RXR, rxr.segment, made, draft, rxr.place)
    digits = datatypes.leaf(segment.field(6), t)
    amount = quantities.quantity(digits, quantities.units_of(segment.field(7), t)) if digits != _UNKNOWN_AMOUNT else {}
    datatypes.put(made, "doseQuantity", amount)
    _origin(segment, made, t)
    _perform(draft, made, segment, 10, "AP", place)
    if segment.field(17):
        raw = next(iter(t.repetitions(segment.field(17))), "")
        datatypes.put(made, "manufacturer", draft.linked(order_types.coded_organization, raw, f"{place}-17") if raw else {})
    if made.get("vaccineCode", {}).get("coding", [{}])[0].get("code") == _NOTHING_GIVEN:
        made["status"] = "not-done"  # whatever RXA-20 says of it
    action = datatypes.leaf(segment.field(21), t)
    if action == _DELETED:
        made["status"] = "entered-in-error"
    if action in {"A", ""} and segment.field(22):
        entered = datatypes.moment(segment.field(22), t)
        datatypes.put(made, "recorded", entered)
    _place(draft, segment, made, place)


def _origin(rxa: Segment, made: Json, t: Text) -> None:
    """RXA-9: the first that is a code of NIP001."""
    for raw in t.repetitions(rxa.field(9)):
        parts = t.parts(raw)
        if t.part(parts, 3) == "NIP001":
            made["primarySource"] = parts[0] == _OWN_RECORD
            if not made["primarySource"]:
                made["reportOrigin"] = datatypes.cwe(raw, t)
            return


def _place(draft: Draft, rxa: Segment, made: Json, place: str) -> None:
    """RXA-27 with its address RXA-28; before version 2.6 RXA-11."""
    t = draft.text
    raw = rxa.field(27) or rxa.field(11)
    address = datatypes.xad(rxa.field(28), t) if rxa.field(28) else {}
    if not address:
        datatypes.put(made, "location", actors.location(draft, raw, f"{place}-27") if raw else {})
        return
    levels = actors.pl(raw, t) if raw else []
    where = dict(levels[0]) if levels else {"resourceType": "Location", "mode": "instance"}
    outer = actors.chain(draft, levels[1:], f"{place}-27/outer") if levels[1:] else {}
    made["location"] = draft.add(f"{place}-27", where | {"address": address} | ({"partOf": outer} if outer else {}))


def _perform(draft: Draft, made: Json, segment: Segment, number: int, function: str, place: str) -> None:
    for n, raw in enumerate(draft.text.repetitions(segment.field(number))):
        who = professionals.practitioner(draft, raw, f"{place}-{segment.name}-{number}[{n}]")
        if who:
            actor = professionals.role(draft, f"{place}-{segment.name}-{number}[{n}]/role", who) if segment.name == "ORC" else who
            made.setdefault("performer", []).append({"function": order_types.concept(_ROLES, function), "actor": actor})


def _facts(draft: Draft, parts: list[Node], made: Json) -> None:
    """Write what Immunization has elements for; the Observations keep the codes, dates and methods that it has none for."""
    t = draft.text
    sheets: dict[str, Json] = {}
    for node in parts:
        if node.kind != "OBX":
            continue
        code = datatypes.leaf(node.segment.field(3), t)
        value: Any = node.segment.field(5)
        if code == _FUNDING:
            datatypes.put(made, "fundingSource", datatypes.cwe(value, t))
        elif code == _ELIGIBILITY and (concept := datatypes.cwe(value, t)):
            made.setdefault("programEligibility", []).append(concept)
        elif code == _DOSE_NUMBER and (dose := datatypes.leaf(value, t)):
            made["protocolApplied"] = [{"doseNumberString": dose}]
        elif code in _SHEETS and (said := _sheet(code, value, t)):
            sheets.setdefault(t.leaf(node.segment.field(4)), {})[_SHEETS[code]] = said
    told = [s for s in sheets.values() if "documentType" in s]  # R4 imm-1
    if told:
        made["education"] = told


def _sheet(code: str, value: str, t: Text) -> str:
    if _SHEETS[code] != "documentType":
        return datatypes.moment(value, t)
    parts = t.parts(value)
    return t.part(parts, 2) or t.part(parts, 1)
