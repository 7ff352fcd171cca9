"""Observation: OBX with its comments and participants. The value's type is OBX-2's; what cannot be read as that type is kept as text.

A number with a unit and no type is one; a text that holds a measurement holds its unit (OBX-6) too: R4 has no other place for it.
Source: HL7 v2-to-FHIR OBX[Observation], OBX[Observation-Component], SN[Quantity|Ratio|Range], NA[SampledData]. Where R4 says otherwise:
SampledData's values are parted by blanks, not by "^", and its ``period`` is required, so it says that v2 does not tell it; an attachment is
in the extension of R5's ``Observation.value``; a Group of specimens (OBX-33 repeated) cannot be made, so each is referred to.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings import actors, codes, datatypes, media, order_codes, order_types, participation, professionals
from hub.adapters.hl7v2.mappings.content import Text
from hub.adapters.hl7v2.mappings.datatypes import EXTENSION, Json, coded, table_concept
from hub.adapters.hl7v2.mappings.groups import Node
from hub.adapters.hl7v2.mappings.notes import notes
from hub.adapters.hl7v2.mappings.order_types import NOT_SAID, R5
from hub.adapters.hl7v2.mappings.quantities import NUMBER_MARK, is_ordered, number, quantity, units_of
from hub.adapters.hl7v2.mappings.rows import Draft, Link, Row, Rows, apply
from hub.adapters.hl7v2.mappings.specimens import NONE, Numbers, numbered
from hub.adapters.hl7v2.mappings.times import date_time, time_of_day

_SUB_ID: Final = f"{EXTENSION}observation-v2-subid"
_SUB_ID_PARTS: Final = (("original-sub-identifier", False), ("group", True), ("sequence", True), ("identifier", False))
_ANALYSIS: Final = f"{EXTENSION}observation-analysis-date-time"
_NATURE: Final = f"{EXTENSION}observation-nature-of-abnormal-test"
_STRUCTURE: Final = f"{EXTENSION}observation-structure-type"
_NOT_ASKED: Final = order_types.concept(f"{codes.TERMINOLOGY}data-absent-reason", "not-asked")
_NOT_SOUGHT: Final = "N"  # 0085
_population: Final = coded("NatureOfAbnormalTesting")
_concept: Final = datatypes.concept("")
TEXT_TYPES: Final = frozenset({"ST", "TX", "FT"})
_MAY_BE_MEASURED: Final = TEXT_TYPES | {"", "NM", "VR"}
_COMPARED: Final = re.compile(r"(<=|>=|[<>\u2264\u2265])\s*([\d.]+)", re.ASCII)
_SIGNS: Final = {"\u2264": "<=", "\u2265": ">="}
_MEASURED: Final = re.compile(r"[<>=~\u2264\u2265]*\s*[+-]?\d[\d.,:/+\s-]*(?:[eE][+-]?\d+)?", re.ASCII)
_LINES: Final = frozenset({"TX", "FT"})  # their repetitions are the lines of one text (HL7 v2.5.1 7.4.2.5)


def _numeric(raw: str, t: Text, units: Json) -> Json:
    """NM; with a comparator, which only SN has, it can mean but one thing."""
    compared = _COMPARED.fullmatch(t.leaf(raw))
    made = quantity(compared[2], units, _SIGNS.get(compared[1], compared[1])) if compared else quantity(t.leaf(raw), units)
    return {"valueQuantity": made} if made else {}


def _measured(text: str, units: Json) -> str:
    """A text that stands for what was measured, with its unit: without it a number could be taken for one in another unit."""
    unit = units.get("unit", "")
    return f"{text} {unit}" if unit and _MEASURED.fullmatch(text) else text


def _structured(raw: str, t: Text, units: Json) -> Json:
    parts = t.parts(raw)
    comparator, first, separator, second = (t.part(parts, n) for n in (1, 2, 3, 4))
    if comparator == "<>" or separator == "+":
        return {}
    low, high = quantity(first, units), quantity(second, units)
    if separator in {":", "/"} and low and high:
        return {"valueRatio": {"numerator": quantity(first, units, comparator), "denominator": high}}
    written = {"extension": [{"url": f"{EXTENSION}originalText", "valueString": " ".join(p for p in parts[:4] if p)}]}
    if separator == "-" and is_ordered(low, high):
        return {"valueRange": {"low": low, "high": high} | (written if comparator else {})}
    made = quantity(first, units, comparator)
    if not made or separator in {":", "/", "-"}:
        return {}
    return {"valueQuantity": made | (written if separator or second else {})}


def _range(raw: str, t: Text, units: Json) -> Json:
    parts = t.parts(raw)
    ends = {"low": quantity(t.part(parts, 1), units), "high": quantity(t.part(parts, 2), units)}
    found = {k: v for k, v in ends.items() if v}
    return {"valueRange": found} if found and (len(found) == 1 or is_ordered(**found)) else {}


def _sampled(raw: str, t: Text, units: Json) -> Json:
    """NA, one repetition or all of them: rows of numbers, each as long as the first."""
    rows = [t.parts(row) for row in t.repetitions(raw)]
    size = len(rows[0]) if rows else 0
    if not size or any(len(row) != size or not all(map(number, row)) for row in rows):
        return {}
    data = " ".join(number(n).removeprefix(NUMBER_MARK) for row in rows for n in row)
    return {"valueSampledData": {"origin": {"value": 0} | units, "_period": order_types.ABSENT, "dimensions": size, "data": data}}


def _coded(raw: str, t: Text, _units: Json) -> Json:
    concept = datatypes.cwe(raw, t)
    return {"valueCodeableConcept": concept} if concept else {}


def _moment(raw: str, t: Text, _units: Json) -> Json:
    value = date_time(t.at(t.part(t.parts(raw), 1)))
    return {"valueDateTime": value} if value else {}


def _clock(raw: str, t: Text, _units: Json) -> Json:
    value = time_of_day(t.leaf(raw))
    return {"valueTime": value} if value else {}


def _span(raw: str, t: Text, _units: Json) -> Json:
    parts = t.parts(raw)
    value = datatypes.period(t.part(parts, 1), t.part(parts, 2), t)
    return {"valuePeriod": value} if value else {}


def _attached(raw: str, t: Text, _units: Json) -> Json:
    made = media.ed(raw, t)
    if not made:
        return {}
    made.setdefault("contentType", media.UNKNOWN)
    return {"extension": [{"url": f"{R5}Observation.value", "valueAttachment": made}]}


def _pointed(raw: str, t: Text, _units: Json) -> Json:
    made = media.rp(raw, t)
    return {"extension": [{"url": f"{R5}Observation.value", "valueAttachment": made}]} if made else {}


_CODED: Final = dict.fromkeys(("CE", "CWE", "CF", "CNE", "IS", "ID"), _coded)
VALUES: Final[Mapping[str, Callable[[str, Text, Json], Json]]] = MappingProxyType(
    {"NM": _numeric, "SN": _structured, "NR": _range, "NA": _sampled, "DT": _moment, "DTM": _moment, "TS": _moment, "TM": _clock,
     "DR": _span, "ED": _attached, "RP": _pointed, **_CODED}
)  # fmt: skip


def value(kind: str, raw: str, t: Text, units: Json) -> Json:
    """One repetition of OBX-5 as Observation.value[x]; text when its type says nothing better."""
    make = VALUES.get(kind) or (_numeric if units and not kind else None)
    made = make(raw, t, units) if make else {}
    if made:
        return made
    if kind in {"ED", "RP"}:  # without data, or without an address: no text either
        return {}
    text = t.leaf(raw)
    if kind in {"VR", "SN"}:
        parts = [p for p in (t.leaf(p) for p in t.parts(raw)) if p]
        text = "-".join(parts) if kind == "VR" else " ".join([*parts, *([units["unit"]] if parts and units else [])])
    if units and kind in _MAY_BE_MEASURED:
        text = _measured(text, units)
    return {"valueString": text} if text else {}


def _range_text(raw: str, t: Text) -> Json:
    text = t.leaf(raw)
    return {"text": text} if text else {}


def _status(raw: str, made: Json, t: Text) -> None:
    """OBX-11; beside the status the code itself, where the status alone does not tell it."""
    code = datatypes.leaf(raw, t)
    made["status"] = order_codes.RESULT_STATUS.get(code, "unknown")
    if code and code not in order_codes.RESULT_STATUS_SAME:
        made["_status"] = datatypes.alternate("0085", datatypes.code(code))
    if code == _NOT_SOUGHT:
        made["dataAbsentReason"] = _NOT_ASKED


def _sub_id(raw: str, t: Text) -> Json:
    """OG[Extension-Subidentifier]: in most versions a plain text."""
    found = []
    for (name, is_number), text in zip(_SUB_ID_PARTS, t.parts(raw), strict=False):
        said: Any = number(text) if is_number else text
        if said:
            found.append({"url": name, "valueDecimal" if is_number else "valueString": said})
    return {"url": _SUB_ID, "extension": found} if found else {}


def _nature(raw: str, t: Text) -> Json:
    concept = _population(raw, t)
    return {"url": _NATURE, "valueCodeableConcept": concept} if concept else {}


def _analysed(raw: str, t: Text) -> Json:
    when = datatypes.moment(raw, t)
    return {"url": _ANALYSIS, "valueDateTime": when} if when else {}


def _structure(raw: str, t: Text) -> Json:
    code = datatypes.code(datatypes.leaf(raw, t))
    return {"url": _STRUCTURE, "valueCodeableConcept": order_types.concept(_STRUCTURE, code)} if code else {}


OBX: Final[Rows] = (
    Row(3, "code", _concept),
    Row(4, "extension", _sub_id, many=True),
    Row(7, "referenceRange", _range_text, many=True),
    Row(8, "interpretation", coded("InterpretationCodes"), many=True),
    Row(10, "extension", _nature, many=True),
    Row(14, "effectiveDateTime", datatypes.moment),
    Link(15, "performer", order_types.coded_organization),
    Row(17, "method", _concept),
    Row(19, "extension", _analysed, many=True),
    Row(20, "bodySite", _concept),
    Row(21, "identifier", order_types.typed("FILL"), many=True),
    Row(29, "category", table_concept("0936"), many=True),
    Row(30, "extension", _structure, many=True),
)


def observation(draft: Draft, obx: Segment, about: Json, place: str, known: Numbers = NONE) -> Json:
    """Add the Observation of an OBX; gives the Reference.

    ``about`` holds subject, encounter and what the order says of all; ``known`` the message's specimens that OBX-33 may name.
    """
    return draft.add(place, _made(draft, obx, about, place, known))


def reported(draft: Draft, node: Node, about: Json, known: Numbers = NONE) -> Json:
    """As ``observation``, with what belongs to the OBX."""
    made = _made(draft, node.segment, about, node.place, known)
    if node.children:
        datatypes.put(made, "note", notes(draft, node.children))
        participation.observed(draft, node.children, made)
    return draft.add(node.place, made)


def _made(draft: Draft, obx: Segment, about: Json, place: str, known: Numbers) -> Json:
    made = apply(OBX, obx, {"resourceType": "Observation"}, draft, place)
    size = len(obx.fields)
    if size > 16:
        _performers(draft, obx, made, place)
        datatypes.put(made, "device", draft.linked(actors.instrument, raw, f"{place}-18") if (raw := obx.field(18)) else {})
    for key, said in about.items():
        if not (key.startswith("effective") and "effectiveDateTime" in made):
            made.setdefault(key, said)
    made.setdefault("code", NOT_SAID)
    _status(obx.field(11), made, draft.text)
    values = _values(obx, draft.text, made)
    if any(key.startswith("value") for key in values):
        made.pop("dataAbsentReason", None)  # R4 obs-6
    extensions = values.pop("extension", [])
    if extensions:
        made.setdefault("extension", []).extend(extensions)
    if size > 33:
        _specimens(obx, made, known, draft.text)
    return made | values


def _specimens(obx: Segment, made: Json, known: Numbers, t: Text) -> None:
    """OBX-33: one specimen, or several as R5 could say it (R4 has no Group of specimens)."""
    named = [s for raw in t.repetitions(obx.field(33)) if (s := numbered(raw, known, t))]
    if len(named) == 1:
        made["specimen"] = named[0]
    for each in named if len(named) > 1 else ():
        order_types.extended(made, f"{R5}Observation.specimen", "valueReference", each)


def _performers(draft: Draft, obx: Segment, made: Json, place: str) -> None:
    """OBX-16 responsible observers, OBX-23 to 25 the laboratory and who answers for it."""
    size, t = len(obx.fields), draft.text
    found = [
        professionals.role(draft, f"{place}-16[{n}]/role", who, professionals.RESPONSIBLE)
        for n, raw in enumerate(t.repetitions(obx.fields[16]))
        if (who := professionals.practitioner(draft, raw, f"{place}-16[{n}]"))
    ]
    if size > 23:
        name, address, director = (next(iter(t.repetitions(obx.field(n))), "") for n in (23, 24, 25))
        where = professionals.organization(draft, f"{place}-23", name, address) if name or address else {}
        who = professionals.practitioner(draft, director, f"{place}-25") if director else {}
        found.append(professionals.role(draft, f"{place}-25/role", who, professionals.MEDICAL_DIRECTOR, where) if who else where)
    found = [f for f in found if f]
    if found:
        made.setdefault("performer", []).extend(found)


def _values(obx: Segment, t: Text, made: Json) -> Json:
    """OBX-5: one value, lines of text, or components; what is said of the value alone moves into the components."""
    raw = obx.field(5)
    if not raw:
        return {}
    kind, units = t.leaf(obx.field(2)), units_of(obx.field(6), t)
    if kind == "NA" and (sampled := _sampled(raw, t, units)):
        return sampled
    found = [v for v in (value(kind, one, t, units) for one in t.repetitions(raw)) if v]
    if len(found) < 2:
        return found[0] if found else {}
    if kind in _LINES:
        return {"valueString": "\n".join(v["valueString"] for v in found)}
    shared = {"code": made["code"]} | ({"referenceRange": made.pop("referenceRange")} if "referenceRange" in made else {})
    return {"component": [shared | _within(v) for v in found]}


def _within(value: Json) -> Json:
    """A value of a component: R5's attachment has another path there."""
    if "extension" not in value:
        return value
    return {"extension": [{**e, "url": f"{R5}Observation.component.value"} for e in value["extension"]]}
