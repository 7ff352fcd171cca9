"""Observation: OBX with its notes. The value's kind decides OBX-2 (table 0125); SPM of the specimen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.actors import coded_organisation, organisation, xcn, xon
from hub.adapters.fhir.er7.media import attached
from hub.adapters.fhir.er7.patient import is_living_will
from hub.adapters.fhir.er7.rows import Maker, Rows, fields, in_extension, many, one
from hub.adapters.fhir.er7.text import COMPONENT, components, escape, lines, repetitions, segment
from hub.adapters.fhir.times import tm
from hub.errors import Reason, Rejected

Value = tuple[str, str, str]  # OBX-2, OBX-5, OBX-6
_ATTACHMENTS: Final = tuple(f"{codes.EXTENSION_R5}extension-Observation.{part}value" for part in ("", "component."))
_NOTHING: Final[Value] = ("", "", "")
_TEXT_MAX: Final = 199  # of one ST; longer ones are TX (2.5.1, ST)
_DEPTH_MAX: Final = 8  # panels of panels
_DAY_LENGTH: Final = 10
_CE_SEPARATORS: Final = 5
_DIRECTOR: Final = "MDIR"  # v2-0912: medical director
NOT_SAID: Final = "NI^no information^NULLFL"  # OBX-3 is required


def _quantity(value: Any) -> Value:
    amount, unit = datatypes.quantity(value)
    comparator = text(obj(value).get("comparator"))
    if not amount:
        return _NOTHING
    return ("SN", components(escape(comparator), amount), unit) if comparator else ("NM", amount, unit)


def _range(value: Any) -> Value:
    (low, unit), (high, other) = (datatypes.quantity(obj(value).get(end)) for end in ("low", "high"))
    if low and high:
        return "SN", components("", low, "-", high), unit or other
    return ("SN", components(">=" if low else "<=", low or high), unit or other) if low or high else _NOTHING


def _ratio(value: Any) -> Value:
    (first, unit), (second, _) = (datatypes.quantity(obj(value).get(part)) for part in ("numerator", "denominator"))
    comparator = escape(text(obj(obj(value).get("numerator")).get("comparator")))
    return ("SN", components(comparator, first, ":", second), unit) if first and second else _NOTHING


def _string(value: Any) -> Value:
    said = text(value)
    if "\n" in said or len(said) > _TEXT_MAX:
        return "TX", lines(said), ""
    return ("ST", escape(said), "") if said else _NOTHING


def _moment(value: Any) -> Value:
    made = datatypes.moment(value)
    return ("TS" if len(text(value)) > _DAY_LENGTH else "DT", made, "") if made else _NOTHING


def _concept(value: Any) -> Value:
    """CE says all there is to say of most concepts; CWE has the versions and the original text besides."""
    made = datatypes.cwe(value)
    return ("CWE" if made.count(COMPONENT) > _CE_SEPARATORS else "CE", made, "") if made else _NOTHING


def _plain(kind: str, make: Callable[[Any], str]) -> Callable[[Any], Value]:
    def of(value: Any) -> Value:
        made = make(value)
        return (kind, made, "") if made else _NOTHING

    return of


def _flag(value: Any) -> str:
    code = datatypes.flag(value)
    return components(code, {"Y": "Yes", "N": "No"}[code], "HL70136") if code else ""


def _samples(value: Any) -> str:
    return components(*map(escape, text(obj(value).get("data")).replace(COMPONENT, " ").split()))


VALUES: Final[Mapping[str, Callable[[Any], Value]]] = MappingProxyType(
    {
        "valueQuantity": _quantity,
        "valueCodeableConcept": _concept,
        "valueString": _string,
        "valueBoolean": _plain("CE", _flag),
        "valueInteger": _plain("NM", datatypes.number),
        "valueRange": _range,
        "valueRatio": _ratio,
        "valueSampledData": _plain("NA", _samples),
        "valueTime": _plain("TM", lambda v: tm(text(v))),
        "valueDateTime": _moment,
        "valuePeriod": _plain("DR", datatypes.dr),
        "valueAttachment": attached,
    }
)


def value_of(holder: Json) -> Value:
    """value[x] of an Observation or a component, or the attachment in its extension, as OBX-2, 5 and 6."""
    found = next((made for key, make in VALUES.items() if (made := make(holder.get(key)))[1]), _NOTHING)
    given = (datatypes.extension(holder, url).get("valueAttachment") for url in _ATTACHMENTS)
    return found if found[1] else next((made for a in given if (made := attached(a))[1]), _NOTHING)


def _status(observation: Json, _entries: Entries) -> str:
    """OBX-11; a result that was not asked for says so in its reason for being absent."""
    reasons = {text(c.get("code")) for c in datatypes.codings(observation.get("dataAbsentReason"))}
    known = codes.RESULT_STATUS.get(text(observation.get("status")), codes.RESULT_STATUS["unknown"])
    return datatypes.original(observation, "status") or ("N" if "not-asked" in reasons else known)


def _reference_range(observation: Json, _entries: Entries) -> str:
    """OBX-7: the range's text, else its ends."""
    for given in objects(observation.get("referenceRange")):
        low, high = (datatypes.quantity(given.get(end))[0] for end in ("low", "high"))
        made = datatypes.string(given.get("text")) or (f"{low}-{high}" if low and high else f">={low}" if low else high and f"<={high}")
        if made:
            return made
    return ""


def _interpretation(concept: Any) -> str:
    return next((escape(code) for c in datatypes.codings(concept) if (code := text(c.get("code")))), "")


def _device(observation: Json, entries: Entries) -> str:
    reference = obj(observation.get("device"))
    given = [reference.get("identifier"), *objects(entries.target(reference).get("identifier"))]
    told = dict.fromkeys(datatypes.ei(i) or components("", datatypes.whose_number(i)) for i in given)
    return repetitions(told) or datatypes.string(reference.get("display"))


def _people(*, directors: bool) -> Maker:
    """The performers who are persons: those who answer for the laboratory (OBX-25), or the others (OBX-16)."""

    def maker(observation: Json, entries: Entries) -> str:
        chosen = [r for r in objects(observation.get("performer")) if _directs(r, entries) is directors]
        return repetitions(dict.fromkeys(xcn(r, entries) for r in chosen))

    return maker


def _directs(reference: Json, entries: Entries) -> bool:
    given = objects(entries.target(reference).get("code"))
    return any(text(c.get("code")) == _DIRECTOR for code in given for c in datatypes.codings(code))


def _organisations(observation: Json, entries: Entries) -> list[Any]:
    """The performers that are organisations, or there for one: first the laboratory, which is the director's, else the last named."""
    told = [(xon(r, entries), _address(r, entries), r) for r in objects(observation.get("performer"))]
    found = {(name, where): r for name, where, r in reversed(told) if name or where}
    return sorted(found.values(), key=lambda r: not _directs(r, entries))


def _laboratory(observation: Json, entries: Entries) -> str:
    return next((xon(r, entries) for r in _organisations(observation, entries)[:1]), "")


def _producer(observation: Json, entries: Entries) -> str:
    """OBX-15: who made the result, besides the laboratory that answers for it."""
    return next((coded_organisation(r, entries) for r in _organisations(observation, entries)[1:]), "")


def _laboratory_address(observation: Json, entries: Entries) -> str:
    return next((_address(r, entries) for r in _organisations(observation, entries)[:1]), "")


def _address(reference: Any, entries: Entries) -> str:
    return next((made for a in objects(organisation(reference, entries).get("address")) if (made := datatypes.xad(a))), "")


OBX: Final[Rows] = (
    (3, one("code", datatypes.ce)),
    (7, _reference_range),
    (8, many("interpretation", _interpretation)),
    (10, in_extension("observation-nature-of-abnormal-test", "valueCodeableConcept", _interpretation)),
    (11, _status),
    (14, one("effectiveDateTime", datatypes.moment)),
    (14, one("effectiveInstant", datatypes.moment)),
    (14, one("effectivePeriod.start", datatypes.moment)),
    (16, _people(directors=False)),
    (17, many("method", datatypes.ce)),
    (18, _device),
    (19, in_extension("observation-analysis-date-time", "valueDateTime", datatypes.moment)),
    (15, _producer),
    (23, _laboratory),
    (24, _laboratory_address),
    (25, _people(directors=True)),
)
_OF_ALL: Final = frozenset({11, 14})  # what an observation says of its components, too
_OF_PART: Final[Rows] = tuple((n, make) for n, make in OBX if n in {3, 7, 8})


@dataclass(slots=True)
class Results:
    """The OBX and NTE of a message's Observations, in order. A member of several panels is told once."""

    entries: Entries
    _told: set[int] = field(default_factory=set)

    def alone(self) -> list[str]:
        """Every Observation of the message that was not told yet and is no member of another."""
        every = self.entries.of("Observation")
        members = {id(self.entries.target(m)) for o in every for m in objects(o.get("hasMember"))}
        loose = [o for o in every if id(o) not in members | self._told and not is_living_will(o)]
        return [line for o in loose for line in self.of(o)]

    def of_specimens(self, specimens: Sequence[Json]) -> list[str]:
        """OBX of what was seen of these specimens and not told yet."""
        known = {id(s) for s in specimens}
        seen = [o for o in self.entries.of("Observation") if id(self.entries.target(o.get("specimen"))) in known]
        return [line for o in seen if id(o) not in self._told for line in self.of(o) if line.startswith("OBX")]

    def of(self, observation: Json, sub_id: str = "", depth: int = 0) -> list[str]:
        """The OBX of an Observation with its notes, then of its components and members, which its sub-id ties to it."""
        if depth > _DEPTH_MAX:
            raise Rejected(Reason.TOO_COMPLEX, "Observation.hasMember")
        self._told.add(id(observation))
        made = fields(OBX, observation, self.entries)
        made[3] = made[3] or NOT_SAID
        sub_id = sub_id or _sub_id(observation)
        same, others = _parts(observation, made[3])
        made[7] = made[7] or next(filter(None, (_reference_range(c, self.entries) for c in same)), "")
        values = [v for v in (value_of(holder) for holder in (observation, *same)) if v[1]]
        out = [_written(made, values, sub_id), *notes(observation)]
        about = {n: said for n, said in made.items() if n in _OF_ALL}
        for n, part in enumerate(others, 1):
            own = fields(_OF_PART, part, self.entries)
            out.append(_written(about | own | {3: own[3] or NOT_SAID}, [value_of(part)], f"{sub_id or 1}.{n}"))
        for n, member in enumerate(self._members(observation), len(others) + 1):
            out += self.of(member, f"{sub_id or 1}.{n}", depth + 1)
        return out

    def _members(self, observation: Json) -> Iterator[Json]:
        for reference in objects(observation.get("hasMember")):
            member = self.entries.target(reference)
            if member.get("resourceType") == "Observation" and id(member) not in self._told:
                yield member


def _sub_id(observation: Json) -> str:
    """OBX-4 as it was; the parts of an OG (version 2.8) joined by points."""
    given = datatypes.extension(observation, "observation-v2-subid")
    parts = {text(e.get("url")): e for e in objects(given.get("extension"))}
    whole = datatypes.string(obj(parts.get("original-sub-identifier")).get("valueString")) or datatypes.string(given.get("valueString"))
    numbers = [datatypes.number(obj(parts.get(name)).get("valueDecimal")) for name in ("group", "sequence")]
    return whole or ".".join(filter(None, numbers))


def _parts(observation: Json, code: str) -> tuple[list[Json], list[Json]]:
    """The components that are further values of the observation (a repeated OBX-5), and those that are of another kind."""
    parts = [(datatypes.ce(c.get("code")) == code, c) for c in objects(observation.get("component"))]
    return [c for is_same, c in parts if is_same], [c for is_same, c in parts if not is_same]


def _written(made: dict[int, str], values: list[Value], sub_id: str) -> str:
    """One OBX; values of several kinds are told as text."""
    kinds = {v[0] for v in values}
    kind = kinds.pop() if len(kinds) == 1 else "TX" if kinds else ""
    known = {2: kind, 4: sub_id, 5: repetitions(v[1] for v in values), 6: next((v[2] for v in values if v[2]), "")}
    return segment("OBX", made | known)


def numbered(segments: list[str]) -> list[str]:
    """OBX and NTE with their set ids (field 1), each OBX's notes counted anew."""
    out, results, remarks = [], 0, 0
    for one_of_them in segments:
        name, rest = one_of_them[:3], one_of_them[4:].partition("|")[2]
        if name == "OBX":
            results, remarks = results + 1, 0
            out.append(f"OBX|{results}|{rest}")
        else:
            remarks += 1
            out.append(f"{name}|{remarks}|{rest}")
    return out


def notes(holder: Json) -> list[str]:
    """NTE for each note: its text, and of what kind it is."""
    said = [(line, datatypes.ce(_kind(n))) for n in objects(holder.get("note")) if (line := lines(text(n.get("text"))))]
    return [segment("NTE", {1: str(n), 3: line, 4: kind}) for n, (line, kind) in enumerate(said, 1)]


def _kind(note: Json) -> Any:
    return datatypes.extension(note, "annotationType").get("valueCodeableConcept")
