"""The official HL7 v2-to-FHIR maps (hl7.fhir.uv.v2mappings) as rows, read from the guide's CSV files where they lie.

Three kinds: message maps (which segment becomes which resource), segment maps (which field becomes which element) and code-system maps.
"""

import csv
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

GUIDE: Final = Path(os.environ.get("HUB_V2_TO_FHIR", Path(__file__).parents[3] / "shared" / "conformance" / "v2-to-fhir"))
_NAME: Final = re.compile(r"R4_ (.+?) - [^-]+\.csv$")
_VOCABULARY: Final = re.compile(r"Concept Map_ (.+?) - Sheet1\.csv$")
_PLACE: Final = re.compile(r"^([A-Z][A-Z0-9]{2})-(\d+)$")
_NO_SEGMENT: Final = re.compile(r"[^A-Z0-9]")

# Slips of the guide, as it writes them and as they are read here: (segment map, element as written) -> element meant.
MEANT: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("IN1[Coverage]", "payer[1](Organization.address)"): "payor[1](Organization.address)",
        ("MSH[Provenance-Source]", "occurred"): "occurredDateTime",
        ("IN3[CareTeam]", "participant.role.coding.value"): "participant.role.coding.code",
        ("OBX[Observation]", "valueSampedData"): "valueSampledData",
        ("OBX[DocumentReference]", "content[2].data"): "content[2].attachment.data",
        ("OBX[DocumentReference]", "content[2].contentType"): "content[2].attachment.contentType",
        ("OBX[DocumentReference]", "content[3].url"): "content[3].attachment.url",
        ("OBX[DocumentReference]", "content[4].data"): "content[4].attachment.data",
        ("OBX[DocumentReference]", "content[4].contentType"): "content[4].attachment.contentType",
        ("NTE[DocumentReference]", "content[2].contentType"): "content[2].attachment.contentType",
        ("EVN[Provenance]", "reason.extension[1].valueCodeableConcept"): "reason.extension[1].valueCode",
        ("SPM[Specimen]", "note(Annotation.text)"): "note.text",
        ("TQ1[ServiceRequest]", "note(Annotation.text)"): "note.text",
        ("TQ1[ServiceRequest]", "occurrenceTiming.duration"): "occurrenceTiming.repeat.duration",
        ("TQ1[ServiceRequest]", "occurrenceTiming.durationUnit"): "occurrenceTiming.repeat.durationUnit",
        ("TQ1[ServiceRequest]", "occurrenceTiming.boundsDuration"): "occurrenceTiming.repeat.boundsDuration",
        ("TQ1[ServiceRequest]", "occurrenceTiming.boundsPeriod.start"): "occurrenceTiming.repeat.boundsPeriod.start",
        ("TQ1[ServiceRequest]", "occurrenceTiming.boundsPeriod.end"): "occurrenceTiming.repeat.boundsPeriod.end",
        ("TQ1[MedicationRequest]", "occurrenceTiming.boundsDuration"): "dosageInstruction.timing.repeat.boundsDuration",
        ("TQ1[MedicationRequest]", "occurrenceTiming.boundsPeriod.end"): "dosageInstruction.timing.repeat.boundsPeriod.end",
        ("TQ1[MedicationRequest]", "occurneceTiming.boundsPeriod.start"): "dosageInstruction.timing.repeat.boundsPeriod.start",
        ("TQ1[MedicationRequest]", "text"): "dosageInstruction.text",
        ("RXO[MedicationRequest]", "medication(Medication.doseForm)"): "medication(Medication.form)",
        ("PR1[Procedure]", "code[1].value"): "code.coding.code",
        # an extension holds a value or extensions, never both: EncounterHistory.location holds what the guide writes side by side
        ("PV1[Basic-EncounterHistory]", "extension[1].url"): "extension.extension.url",
        ("PV1[Basic-EncounterHistory]", "extension[1].valueReference"): "extension.extension.valueReference",
        ("PV1[Basic-EncounterHistory]", "extension[1].valueExtension[1].url"): "extension.extension.url",
        ("PV1[Basic-EncounterHistory]", "extension[1].valueExtension[1].valueCode"): "extension.extension.valueCode",
        ("PV1[Basic-EncounterHistory]", "extension[2].valueExtension[1].url"): "extension.extension.url",
        ("PV1[Basic-EncounterHistory]", "extension[2].valueExtension[1].valueCodeableConcept[1].coding.code"): (
            "extension.extension.valueCodeableConcept.coding.code"
        ),
        ("PV1[Basic-EncounterHistory]", "extension[2].valueExtension[1].valueCodeableConcept[1].coding.system"): (
            "extension.extension.valueCodeableConcept.coding.system"
        ),
    }
)
# ... and words that are misspelt wherever they stand
_SPELLING: Final = (
    ("organziation", "organization"), ("practioner", "practitioner"), ("Practioner", "Practitioner"), ("coveragePeriod", "period"),
    (".coding.uri", ".coding.system"), (".uri", ".url"), ("PractitionerRole.Practitioner(", "PractitionerRole.practitioner("),
    (".coding.value", ".coding.code"), ("([1]", "("),
)  # fmt: skip
# URLs that the guide misspells
_URLS: Final = (
    ("https://hl7.org/fhir/", "http://hl7.org/fhir/"),
    ("/fhir/v\\5.0/", "/fhir/5.0/"),
    ("http://www.hl7.org/fhir/extension-condition-asserteddate", "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"),
    ("http://hl7.org/fhir/R4/extension-humanname-assembly-order.html", "http://hl7.org/fhir/StructureDefinition/humanname-assembly-order"),
    ("http://hl7.org/fhir/R4/extension-data-absent-reason.html", "http://hl7.org/fhir/StructureDefinition/data-absent-reason"),
)
# targets that are not those of the segment map they are written beside: (structure, segment map) -> target
_TARGETS: Final = {("OML_O21", "IN3[CareTeam]"): "CareTeam[1]"}
# literals that are not what they name: value as written -> value meant
_LITERALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # a code is of a code system, not of a value set
        "http://terminology.hl7.org/ValueSet/v2-0119": '"http://terminology.hl7.org/CodeSystem/v2-0119"',
        # a page of the specification
        "http://hl7.org/fhir/R4/v3/ParticipationType/cs.html": '"http://terminology.hl7.org/CodeSystem/v3-ParticipationType"',
        # there are no such media types; text whose escape sequences have been read is plain
        "application/text": '"text/plain; charset=utf-8"',
        "text/hl7v2": '"text/plain; charset=utf-8"',
    }
)
# R5's element is value[x], and its extension has no type in its name
_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation."
# assignments that stand in the wrong row: as they are meant
_ASSIGNED: Final = {
    ("PV1[Encounter]", "participant[2].individual(Practitioner)"): "",
    ("PV1[Encounter]", "location[4].location(Location)"): "",
    ("PV1[Encounter]", "location[4].status"): '"reserved"',
}


@dataclass(frozen=True)
class MessageRow:
    """One row of a message map. ``place`` names the segment in its groups: ``ORU_R01.PATIENT_RESULT.PATIENT.PID``."""

    structure: str
    n: int  # position in the file
    place: str
    syntax: str
    least: int
    condition: str
    narrative: str
    target: str
    segment_map: str
    references: str

    @property
    def segment(self) -> str:
        return self.place.rpartition(".")[2].partition("(")[0]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups the segment stands in, outermost first."""
        return tuple(self.place.split(".")[1:-1]) if ":follow:" not in self.place else ()

    @property
    def is_group(self) -> bool:
        return not _NO_SEGMENT.sub("", self.syntax)

    @property
    def is_computable(self) -> bool:
        return bool(self.target) and (bool(self.condition) or not self.narrative)

    @property
    def key(self) -> str:
        return " ".join(f"{self.place} -> {self.target} {self.segment_map} {self.condition}".split())


@dataclass(frozen=True)
class SegmentRow:
    """One row of a segment map. ``number`` is 0 where the row speaks of the segment as a whole."""

    map: str
    number: int
    data_type: str
    condition: str
    narrative: str
    element: str
    type_map: str
    vocabulary: str
    assignment: str
    fhir_type: str

    @property
    def segment(self) -> str:
        return self.map.partition("[")[0]

    @property
    def is_computable(self) -> bool:
        return bool(self.element) and (bool(self.condition) or not self.narrative)

    @property
    def meant(self) -> str:
        element = MEANT.get((self.map, self.element), self.element)
        for wrong, right in _SPELLING:
            element = element.replace(wrong, right)
        return element

    @property
    def literal(self) -> str:
        """The assignment as it is meant."""
        said = (self.assignment or (self.element.partition("=")[2] if "=" in self.element else "")).strip()
        if said.strip('"') == f"{_R5}valueAttachment":
            return f'"{_R5}{"component." if self.element.startswith("component") else ""}value"'
        return _LITERALS.get(said.strip('" '), said)

    @property
    def key(self) -> str:
        place = f"{self.segment}-{self.number}" if self.number else self.segment
        return " ".join(f"{self.map} {place} {self.element} {self.condition}".split())


@dataclass(frozen=True)
class TypeRow:
    """One row of a data type map. ``component`` is 0 where the row speaks of the value as a whole."""

    map: str
    component: int
    data_type: str
    condition: str
    narrative: str
    element: str
    vocabulary: str
    assignment: str

    @property
    def is_computable(self) -> bool:
        return bool(self.element) and (bool(self.condition) or not self.narrative)

    @property
    def key(self) -> str:
        return " ".join(f"{self.map} .{self.component or ''} {self.element} {self.condition}".split())


def is_here() -> bool:
    return (GUIDE / "segments").is_dir()


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in list(csv.reader(file))[2:]:
            yield [" ".join(cell.split()) for cell in row] + [""] * 20


@cache
def message_rows() -> tuple[MessageRow, ...]:
    """Every row of every message map, rows without a target included: they are the structure."""
    found = []
    for path in sorted((GUIDE / "messages").glob("*.csv")):
        name = _NAME.search(path.name)
        assert name, path.name
        seen: dict[str, int] = {}
        before = ""
        for n, row in enumerate(_rows(path)):
            if not row[1]:
                continue
            place, segment = _place(name[1], row[1]), _NO_SEGMENT.sub("", row[2])
            if "end" in row[3].split() or place.startswith("/"):
                continue  # where a group ends
            if segment and not place.endswith(f".{segment}"):
                place += f".{segment}"  # VXU_V04.INSURANCE for IN1, IN2 and IN3 alike
            if place != before:
                seen[place] = seen.get(place, 0) + 1
            before = place
            if seen[place] > 1:
                place += f"({seen[place]})"  # ADT_A17 has a second PID, of another patient
            least = int(row[4]) if row[4].isdigit() else 0
            target = _TARGETS.get((name[1], row[10]), row[9])
            found.append(MessageRow(name[1], n, place, row[2], least, row[6], row[8], target, row[10], _refs(row[11])))
    return tuple(found)


def _refs(text: str) -> str:
    return text.replace(".extension-EncounterHistory.", ".").replace("Immunzation", "Immunization")


def _place(structure: str, identifier: str) -> str:
    """Some places are written under another structure's name ("ADT_A01.ARV" in ADT_A11's map)."""
    head, separator, rest = identifier.partition(".")
    if ":follow:" in head:
        return f"{structure}{head[head.index(':') :]}{separator}{rest}"
    return f"{'/' if head.startswith('/') else ''}{structure}{separator}{rest}"


@cache
def segment_rows() -> Mapping[str, tuple[SegmentRow, ...]]:
    """Segment map -> its rows."""
    found = {}
    for path in sorted((GUIDE / "segments").glob("*.csv")):
        name = _NAME.search(path.name)
        assert name, path.name
        made = []
        for row in _rows(path):
            place = _PLACE.match(row[1])
            assigned = _ASSIGNED.get((name[1], row[9]), row[16] or row[10].partition("assign:")[2].strip())
            for wrong, right in _URLS:
                assigned = assigned.replace(wrong, right)
            number = int(place[2]) if place else 0
            made.append(SegmentRow(name[1], number, row[3], row[6], row[8], row[9], row[14], row[15], assigned, row[11]))
        found[name[1]] = tuple(made)
    return MappingProxyType(found)


@cache
def type_rows() -> Mapping[str, tuple[TypeRow, ...]]:
    """Data type map -> its rows."""
    found = {}
    for path in sorted((GUIDE / "datatypes").glob("*.csv")):
        name = _NAME.search(path.name)
        assert name, path.name
        made = []
        for row in _rows(path):
            number = row[1].rpartition(".")[2]
            component = int(number) if number.isdigit() else 0
            assigned = row[16]
            for wrong, right in _URLS:
                assigned = assigned.replace(wrong, right)
            made.append(TypeRow(name[1], component, row[3], row[6], row[8], row[9].replace("sytem", "system"), row[15], assigned))
        found[name[1]] = tuple(made)
    return MappingProxyType(found)


@cache
def vocabularies() -> Mapping[str, tuple[tuple[str, str, str, str], ...]]:
    """Name of a code-system map -> (v2 code, v2 table, FHIR code, FHIR system), rows with a FHIR code only."""
    found = {}
    for path in sorted((GUIDE / "codesystems").glob("*.csv")):
        name = _VOCABULARY.search(path.name)
        if name:
            found[name[1]] = tuple((r[0], r[2], r[6], r[9]) for r in _rows(path) if r[0] and r[6])
    return MappingProxyType(found)
