"""FHIR messages as v2 recipients get them: composed, judged by hl7apy against HL7 2.5.1, and read by the hub's own reader."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from hub.adapters.fhir.document import Entries
from hub.adapters.fhir.er7.rows import Rows, fields
from hub.adapters.fhir.mappings import OWN
from hub.adapters.hl7v2.check.judge import judge
from hub.adapters.hl7v2.er7 import Er7
from hub.adapters.profile import Terms
from hub.model import Detail, Form, Kind
from tests.unit.adapters.fhir.made import raw_of
from tests.unit.adapters.made import RECIPIENT, fhir

Json = dict[str, Any]
V2: Final = "http://terminology.hl7.org/CodeSystem/v2-"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
FNR: Final = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}
# what hl7apy takes for an error of a message that the standard allows -> why
MISTAKEN: Final = {
    r"Missing required child ORM_O01_OBRRQDRQ1RXOODSODT_SUPPGRP\.\w+": "a choice of segments: one of them is there",
    r"Missing required child RDE_O11_ORDER\.RDE_O11_TIMING_ENCODED": "TQ1 behind RXE is taken for one before RXO",
    r"Child limit exceeded ADT_A(24|37)\.(PID|PD1|PV1)": "a structure of two patients, each of whom has one",
}
# codes outside the tables of 2.5.1 -> why they are right all the same
BEYOND: Final = {
    "HL70396": "the table has HL7nnnn for every HL7 table, and newer coding systems since",
    "HL70203": "types of numbers are the user's own, FNR among them",
    "HL70291": "PDF came later, and everybody sends it",
    "HL70125": "the table of value types, which hl7apy has without all of its members",
    "HL70200": "types of names of 2.7 for what 2.5.1 has no word for",
    "HL70270": "types of documents are the user's own",
    "Value ADT_A12": "the table forgot what chapter 3.3.12 has",
    "HL70211": "UNICODE UTF-8 is of the table in 2.5.1, and not of hl7apy's",
}


# what is found of any message here: of who is told what, which numbers are known, and codes that come from the sender, not of its form
NOT_OF_ITS_FORM: Final = r"(routing|identity|pathway)\.\S+ \S+|merge\.\S+ MRG-1|patients\.several PID|standard\.table (DG1-15|OBX-5\.3)"

# OMG_O19: by its segments alone, a second order may be an earlier result of the first
ANOTHER_OR_EARLIER: Final = r"standard\.(misplaced-segment DG1|missing-segment OBX)"


def faults(raw: bytes) -> list[str]:
    """What ``hub check-message`` finds of a message's form: code and place."""
    found = [f"{f.code} {f.place}" for f in judge(raw, Terms()).findings]
    form = NOT_OF_ITS_FORM + (f"|{ANOTHER_OR_EARLIER}" if b"|OMG^O19" in raw else "")
    return [f for f in found if not re.fullmatch(form, f)]


def is_mistaken(error: str) -> bool:
    """Whether hl7apy errs."""
    return any(re.fullmatch(pattern, error) for pattern in MISTAKEN)


def judged(raw: bytes) -> tuple[list[str], list[str]]:
    """What hl7apy says against a message: errors, and codes that no table has."""
    message = parse_message(raw.decode().rstrip("\r"), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        with suppress(Exception):  # the first of the errors, which are all in the report
            message.validate(report_file=str(report))
        lines = report.read_text().splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    warnings = [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: ")]
    return [e for e in errors if not is_mistaken(e)], [w for w in warnings if not any(table in w for table in BEYOND)]


def named(name: str, kind: str, /, **elements: Any) -> tuple[str, Json]:
    """A resource under a name that ``to`` refers to."""
    return name, {"resourceType": kind} | {k.rstrip("_"): v for k, v in elements.items()}


def to(name: str, **more: Any) -> Json:
    """A Reference to it."""
    return {"reference": f"urn:uuid:{name}"} | more


def coded(system: str, code: str, display: str = "", text: str = "") -> Json:
    """A CodeableConcept of one coding."""
    coding = {"system": V2 + system if system.isdigit() else system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def much(value: Any, unit: str, code: str = "") -> Json:
    """A Quantity; in UCUM where it has a code."""
    return {"value": value, "unit": unit} | ({"system": UCUM, "code": code} if code else {})


def person(name: str, number: str, family: str, given: str) -> tuple[str, Json]:
    """A Practitioner with a Norwegian number."""
    identifier = {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": number}
    return named(name, "Practitioner", identifier=[identifier], name=[{"family": family, "given": [given]}])


PATIENT: Final = named(
    "pat",
    "Patient",
    identifier=[FNR],
    name=[{"family": "Bjørnstad", "given": ["Åse"], "use": "official"}],
    birthDate="1969-11-13",
    gender="female",
)
VISIT: Final = named(
    "visit",
    "Encounter",
    status="in-progress",
    subject=to("pat"),
    identifier=[{"system": "urn:v", "value": "V1"}],
    class_={"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    period={"start": "2026-11-20T08:25:00+01:00"},
)


def message(kind: Kind, *resources: tuple[str, Json], focus: str = "", event: tuple[str, str] | None = None) -> Json:
    """A message Bundle of an event with these resources; the patient is PATIENT unless another is among them."""
    system, code = event or (OWN, kind.value)
    header: Json = {"resourceType": "MessageHeader", "eventCoding": {"system": system, "code": code}, "source": {"name": "EPJ"}}
    header["sender"] = {"identifier": {"value": "974749025"}}
    if focus:
        header["focus"] = [to(name) for name in focus.split()]
    given = dict([("head", header), *resources])
    if not any(r["resourceType"] == "Patient" for r in given.values()):
        given |= dict([PATIENT])
    entries = [{"fullUrl": f"urn:uuid:{name}", "resource": resource} for name, resource in given.items()]
    return {"resourceType": "Bundle", "type": "message", "id": "b-1", "timestamp": "2026-11-20T08:30:00Z", "entry": entries}


def composed(bundle: Json, detail: Detail = Detail.FULL) -> Er7:
    """What a v2 recipient gets of it. Fails when hl7apy finds an error, or a code that should be in a table and is not."""
    raw = fhir(raw_of(bundle)).render(Form.HL7V2, detail, RECIPIENT)
    if detail is Detail.FULL:
        assert judged(raw) == ([], [])
        assert faults(raw) == [], faults(raw)
    return Er7.from_bytes(raw)


def lines(er7: Er7, *names: str) -> list[str]:
    """Its segments, of these names if any are given."""
    return [s.line for s in er7 if not names or s.name in names]


def row_fields(rows: Rows, resource: Json, others: Mapping[str, Json] | None = None) -> dict[int, str]:
    """What a table makes of a resource, without the empty fields. ``others``: what it refers to, by name."""
    entries = [{"fullUrl": f"urn:uuid:{name}", "resource": r} for name, r in (others or {}).items()]
    return {n: said for n, said in fields(rows, resource, Entries({"entry": entries})).items() if said}


def field_of(er7: Er7, place: str, n: int = 0) -> str:
    """A field as it is written (``PID-5``), of the n-th segment of the name; "" where there is none."""
    name, _, number = place.partition("-")
    found = er7.segment(name, n)
    return found.field(int(number)) if found else ""
