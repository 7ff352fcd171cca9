"""Minimal messages: the required segments of a structure, and the one segment under test in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from tests.conformance.condition import Demand
from tests.conformance.guide import MessageRow, message_rows
from tests.conformance.values import value

# what a segment needs so that its resource is made at all: field -> value
NEEDED: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        "EVN": {2: "20261120083015+0100"},
        "PID": {3: "A77^^^STOLAV^MR", 5: "Bjornstad^Ase"},
        "PV1": {2: "I"},
        "NK1": {2: "Berg^Ole", 3: "SPO^Spouse^HL70063"},
        "AL1": {3: "N5840^Penicillin^L"},
        "IAM": {3: "N5840^Penicillin^L", 6: "A"},
        "DG1": {3: "I21.9^Infarction^I10", 6: "W"},
        "PR1": {3: "FNG00^Angiography^L", 5: "20261120"},
        "IN1": {2: "P1^Plan^L", 3: "C9", 4: "Company"},
        "IN2": {6: "MC-1"},
        "IN3": {21: "Case Manager"},
        "ROL": {2: "AD", 3: "AT^Attending^HL70443", 4: "77^Lund^Kari"},
        "PRT": {2: "AD", 4: "AT^Attending^HL70443", 5: "77^Lund^Kari"},
        "OBX": {2: "ST", 3: "2951-2^Sodium^LN", 5: "OBX5q", 11: "F"},
        "OBR": {4: "24323-8^Panel^LN", 25: "F"},
        "ORC": {1: "NW", 2: "P1", 3: "F1"},
        "MRG": {1: "B88^^^STOLAV^MR"},
        "SFT": {1: "Vendor", 2: "1.0", 3: "Product", 4: "B1"},
        "TXA": {1: "1", 2: "DS^Summary^L", 12: "D1^STOLAV", 17: "AU"},
        "SCH": {1: "P1", 2: "F1", 6: "RTN", 11: "^^30^20261201090000+0100^20261201093000+0100"},
        "AIS": {3: "CHK^Check^L"},
        "AIG": {3: "77^Thing^L"},
        "AIL": {3: "POLI^2^^STOLAV"},
        "AIP": {3: "77^Lund^Kari"},
        "RXA": {3: "20261120", 5: "08^HepB^CVX", 6: "1"},
        "RXO": {1: "1234^Drug^L"},
        "RXE": {2: "1234^Drug^L"},
        "RXR": {1: "IM^Intramuscular^HL70162"},
        "SPM": {1: "1", 4: "BLD^Blood^HL70487"},
        "TQ1": {1: "1"},
        "NTE": {3: "Remark"},
        "MSA": {1: "AA", 2: "C-1"},
    }
)
_CONTACTS: Final = "22^WPN^PH~90^ORN^CP~a@b.no^NET^Internet~33^WPN^FX~44^PRN^PH~55^WPN^BP"  # one of each that PRT-23 may prefer
# ... and what it needs besides where one map or another makes something of it
NEEDED_BY_MAP: Final[Mapping[str, Mapping[int, str]]] = MappingProxyType(
    {
        "PID[Account]": {18: "4000^^^STOLAV^AN"},
        "MRG[Account]": {3: "4001^^^STOLAV^AN"},
        "NK1[Patient]": {13: "Company^^^^^^^^^9"},
        "ROL[Patient-GeneralPractitioner]": {14: "Clinic^^^^^^^^^8"},
        "PRT[PractitionerRole]": {15: _CONTACTS},
        "PRT[RelatedPerson]": {4: "FTH^Father^HL70063", 15: _CONTACTS},
        "PRT[CareTeam]": {8: "Clinic^^^^^^^^^8"},
        "PRT[Patient-GeneralPractitioner-PractitionerRole]": {8: "Clinic^^^^^^^^^8"},
        "IAM[AllergyIntolerance]": {14: "Berg^Ole"},
        "ORC[Provenance]": {10: "88^Dahl^Eva", 12: "88^Dahl^Eva"},
        "ORC[ServiceRequest]": {12: "88^Dahl^Eva"},
        "OBR[ServiceRequest]": {16: "88^Dahl^Eva"},
        "OBR[Specimen]": {14: "20261120"},
        "TXA[Provenance]": {9: "88^Dahl^Eva", 21: "Corrected", 23: "89^Lie^Per"},
        "RXO[MedicationRequest]": {2: "1", 3: "99", 11: "10", 18: "5", 25: "4"},
    }
)
# what the guide says only in words, or leaves out, as it is read here: segment map -> condition
READINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DG1[EpisodeOfCare]": "IF PV1-54 VALUED",
        "PID[Provenance-Patient]": "IF PID-33 AND PID-34 VALUED",  # MDM_T02 leaves out what every other structure says
    }
)
_BESIDE: Final[Mapping[str, str]] = MappingProxyType({"PV2": "PV1"})  # a segment that says more of what another one is
_HEAD: Final[Mapping[int, str]] = MappingProxyType(
    {3: "DIPS", 4: "STOLAV", 5: "HUB", 6: "REGION", 7: "20261120083015+0100", 10: "C-1", 11: "P", 12: "2.5.1", 18: "UNICODE UTF-8"}
)
HEAD_LEAST: Final = frozenset({7, 9, 10, 11, 12, 18})  # without these no message is taken
_EVENTS: Final[Mapping[str, str]] = MappingProxyType({"ADT_A11": "ADT^A11^ADT_A09"})  # A11 has a map of its own, and A09's structure
# segment maps that no message map uses, where such a segment is sent: segment map -> structure, place, target
EXTRA: Final = (
    MessageRow("ADT_A60", 0, "ADT_A60.MSH", "MSH", 1, "", "", "", "", ""),
    MessageRow("ADT_A60", 1, "ADT_A60.EVN", "EVN", 1, "", "", "", "", ""),
    MessageRow("ADT_A60", 2, "ADT_A60.PID", "PID", 1, "", "", "", "", ""),
    MessageRow("ADT_A60", 3, "ADT_A60.IAM", "IAM", 0, "", "", "AllergyIntolerance", "IAM[AllergyIntolerance]", ""),
    MessageRow("ADT_A60", 4, "ADT_A60.SFT", "SFT", 0, "", "", "MessageHeader", "SFT[MessageHeader]", ""),
    MessageRow("ADT_A39", 0, "ADT_A39.MSH", "MSH", 1, "", "", "", "", ""),
    MessageRow("ADT_A39", 1, "ADT_A39.EVN", "EVN", 1, "", "", "", "", ""),
    MessageRow("ADT_A39", 2, "ADT_A39.PID", "PID", 1, "", "", "", "", ""),
    MessageRow("ADT_A39", 3, "ADT_A39.MRG", "MRG", 1, "", "", "Account", "MRG[Account]", ""),
    MessageRow("RDE_O11", 0, "RDE_O11.MSH", "MSH", 1, "", "", "", "", ""),
    MessageRow("RDE_O11", 1, "RDE_O11.PID", "PID", 1, "", "", "", "", ""),
    MessageRow("RDE_O11", 2, "RDE_O11.ORC", "ORC", 1, "", "", "", "", ""),
    MessageRow("RDE_O11", 3, "RDE_O11.RXO", "RXO", 0, "", "", "MedicationRequest", "RXO[MedicationRequest]", ""),
    MessageRow("RDE_O11", 4, "RDE_O11.RXE", "RXE", 1, "", "", "", "", ""),
    MessageRow("RDE_O11", 5, "RDE_O11.TQ1", "TQ1", 0, "", "", "MedicationRequest", "TQ1[MedicationRequest]", ""),
    MessageRow("RDE_O11", 6, "RDE_O11.RXR", "RXR", 0, "", "", "MedicationRequest", "RXR[MedicationRequest]", ""),
)
_NOT_SOUGHT: Final = ("OBX", 11, "N")  # ... and so without a value (R4 obs-6)
_EXTRA_EVENTS: Final = MappingProxyType({"ADT_A39": "ADT^A40^ADT_A39"})


@dataclass
class Segment:
    """A segment to be written: field number -> text."""

    name: str
    place: str
    fields: dict[int, str] = field(default_factory=dict)

    def text(self) -> str:
        size = max(self.fields, default=0)
        texts = [self.fields.get(n, "") for n in range(1, size + 1)]
        return "|".join([self.name, *(texts if self.name != "MSH" else ["^~\\&", *texts[2:]])])


@dataclass
class Draft:
    """A message in the making. ``tested`` is where in ``segments`` the segment under test stands."""

    segments: list[Segment]
    tested: int

    def first(self, name: str) -> Segment | None:
        """The segment under test if it has the name, else the first of the name."""
        here = self.segments[self.tested]
        return here if here.name == name else next((s for s in self.segments if s.name == name), None)

    def without(self) -> str:
        """The message without the segment under test."""
        return "\r".join(s.text() for n, s in enumerate(self.segments) if n != self.tested) + "\r"

    def text(self) -> str:
        return "\r".join(s.text() for s in self.segments) + "\r"


def rows() -> tuple[MessageRow, ...]:
    """The guide's message rows and those for the segment maps that none of them uses."""
    return (*message_rows(), *EXTRA)


def event_of(structure: str) -> str:
    """MSH-9 of a structure's usual event."""
    known = _EVENTS.get(structure) or _EXTRA_EVENTS.get(structure)
    return known or f"{structure.replace('_', '^')}^{structure}"


def condition_of(row: MessageRow) -> str:
    """The condition of a message row, as written or as read."""
    return row.condition or READINGS.get(row.segment_map, "")


def draft(row: MessageRow) -> Draft:
    """The structure's required segments, and the row's segment with the groups it stands in."""
    own = [r for r in rows() if r.structure == row.structure]
    tested = next(n for n, r in enumerate(own) if r == row)
    while tested and own[tested - 1].place == row.place:
        tested -= 1  # several rows, one segment
    opened = {row.groups[:n] for n in range(1, len(row.groups) + 1)} | {()}
    made: list[Segment] = []
    at = -1
    before = ""
    for n, r in enumerate(own):
        if r.place == before:
            continue
        before = r.place
        path = tuple(r.place.split(".")[1:])
        if r.is_group:
            if r.least and path[:-1] in opened:
                opened.add(path)
            continue
        if n == tested:
            at = len(made)
        elif not ((r.least or r.segment == _BESIDE.get(row.segment)) and r.groups in opened and ":follow:" not in r.place):
            continue
        made.append(Segment(r.segment, r.place, dict(NEEDED.get(r.segment, {}))))
    head = made[0]
    assert head.name == "MSH", row.place
    head.fields = dict(_HEAD) | {9: event_of(row.structure)}
    made[at].fields |= NEEDED_BY_MAP.get(row.segment_map, {})
    return Draft(made, at)


def met(made: Draft, demands: tuple[Demand, ...], number: int, data_type: str, own_segment: str = "") -> tuple[Draft, str | None] | None:
    """The draft made to meet the demands, and what they say of the tested field (None = nothing); None when they cannot be met."""
    own: str | None = None
    here = made.segments[made.tested]
    for demand in sorted(demands, key=lambda d: (d.segment, d.number) != ("OBX", 2)):  # the value's type before the value
        is_type = not demand.number and demand.component > 0
        segment = here if is_type else made.first(demand.segment)
        if segment is None:
            if demand.kind == "empty":
                continue
            segment = Segment(demand.segment, "", dict(NEEDED.get(demand.segment, {})))
            made.segments.insert(made.tested, segment)
            made.tested += 1
        field_number = number if is_type else demand.number
        if not field_number:
            if demand.kind == "empty":
                return None
            continue
        is_own = segment is (made.first(own_segment) if own_segment else here) and field_number == number
        kind = data_type if is_own and (segment.name, field_number) != ("OBX", 5) else _type_of(segment, field_number)
        text = own if is_own and own is not None else segment.fields.get(field_number, "")
        wanted = _wanted(
            demand, text, value(segment.name, field_number, kind, "").text, value(segment.name, field_number, kind, "", 1).text
        )
        if is_own:
            own = wanted
            if (segment.name, number, wanted) == _NOT_SOUGHT:
                segment.fields.pop(5)
        else:
            segment.fields |= {field_number: wanted} | _of_its_type(segment, field_number, wanted)
    return made, own


def _type_of(segment: Segment, number: int) -> str:
    return segment.fields[2] if (segment.name, number) == ("OBX", 5) else _TYPES.get((segment.name, number), "ST")


def _of_its_type(segment: Segment, number: int, wanted: str) -> dict[int, str]:
    """The value that goes with the value type."""
    return {5: value("OBX", 5, wanted, "").text} if (segment.name, number) == ("OBX", 2) else {}


def _wanted(demand: Demand, text: str, usual: str, second: str) -> str:
    if (demand.segment, demand.number, demand.component) == ("PR1", 5, 5):  # the fifth part of a DTM: its minutes
        return "202611200830+0100" if demand.kind == "valued" else "20261120"
    if demand.component and "~" in text:
        return "~".join(_wanted(demand, t, usual, second) for t in text.split("~"))
    if demand.component:
        parts = (text or usual).split("^")
        parts += [""] * (demand.component - len(parts))
        old = parts[demand.component - 1]
        said = {"is": demand.values[0] if demand.values else "", "empty": "", "valued": old or "Zq"}
        parts[demand.component - 1] = said.get(demand.kind, "" if old in demand.values else old)
        return "^".join(parts)
    if demand.kind == "not" and (text or usual).split("^")[0] in demand.values:
        return second
    kinds = {
        "empty": "", "valued": text or usual, "is": demand.values[0] if demand.values else "", "repeats": f"{text or usual}~{second}",
        "once": text or usual, "long": "19800229101112+0100",
    }  # fmt: skip
    return kinds.get(demand.kind, text or usual)


_TYPES: Final[Mapping[tuple[str, int], str]] = MappingProxyType(
    {
        ("PID", 11): "XAD", ("PID", 13): "XTN", ("PID", 14): "XTN", ("PID", 29): "DTM", ("PID", 33): "DTM", ("PID", 34): "HD",
        ("PV1", 3): "PL", ("PV1", 43): "PL", ("PV1", 45): "DTM", ("MSH", 22): "XON", ("MSH", 23): "XON", ("MSH", 24): "HD",
        ("MSH", 25): "HD", ("IAM", 11): "DT", ("IAM", 15): "CWE", ("PRT", 5): "XCN", ("PRT", 6): "CWE", ("PRT", 9): "PL",
        ("PRT", 14): "XAD", ("PRT", 10): "EI", ("PRT", 23): "CWE", ("ROL", 4): "XCN", ("OBX", 25): "XCN", ("PR1", 3): "CNE",
        ("PR1", 5): "DTM", ("PR1", 7): "NM", ("OBR", 8): "DTM", ("OBR", 29): "EIP", ("ORC", 4): "EIP", ("SCH", 26): "EI",
        ("SCH", 27): "EI", ("TQ1", 7): "DTM", ("TQ1", 8): "DTM", ("AIS", 4): "DTM", ("AIG", 8): "DTM", ("AIL", 6): "DTM",
        ("AIP", 6): "DTM", ("SPM", 17): "DR", ("RXO", 2): "NM", ("RXO", 4): "CWE", ("RXO", 12): "CWE", ("RXO", 19): "CWE",
        ("RXO", 26): "CWE", ("TXA", 8): "DTM",
    }
)  # fmt: skip
