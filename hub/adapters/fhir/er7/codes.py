"""Code tables as data: FHIR code -> HL7 v2 code, the other way round of HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0).

Where several v2 codes mean one FHIR code, the one that says least beyond it stands here. A code that is in no table is not guessed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Table = Mapping[str, str]
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
EXTENSION_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/"
V2: Final = f"{TERMINOLOGY}v2-"
UCUM: Final = "http://unitsofmeasure.org"


def _table(pairs: dict[str, str]) -> Table:
    return MappingProxyType(pairs)


GENDER: Final = _table({"female": "F", "male": "M", "other": "O", "unknown": "U"})  # 0001
NAME_USE: Final = _table(  # 0200; BAD and TEMP are of 2.7: 2.5.1 has no word for what they say
    {"official": "L", "usual": "D", "maiden": "M", "nickname": "N", "old": "BAD", "anonymous": "S", "temp": "TEMP"}
)
ADDRESS_USE: Final = _table({"home": "H", "work": "B", "temp": "C", "billing": "BI", "old": "BA"})  # 0190
ADDRESS_TYPE: Final = _table({"postal": "M"})  # 0190, where the use says nothing
TELECOM_USE: Final = _table({"home": "PRN", "work": "WPN", "temp": "VHN", "mobile": "PRN"})  # 0201
TELECOM_SYSTEM: Final = _table({"phone": "PH", "fax": "FX", "pager": "BP", "sms": "CP", "email": "Internet"})  # 0202
PRIORITY: Final = _table({"stat": "S", "asap": "A", "routine": "R", "urgent": "T"})  # 0485, 0027
PRIORITY_NAMES: Final = _table({"S": "Stat", "A": "ASAP", "R": "Routine", "T": "Timing critical"})  # 0485, 0280
REFERRAL_PRIORITY: Final = _table({"stat": "S", "asap": "A", "routine": "R", "urgent": "A"})  # 0280
REFERRAL_STATUS: Final = _table(  # 0283
    {"active": "P", "completed": "A", "draft": "P", "on-hold": "P", "revoked": "R", "entered-in-error": "R"}
)
REPORT_STATUS: Final = _table(  # 0123
    {"registered": "O", "partial": "R", "preliminary": "P", "final": "F", "amended": "C", "corrected": "C", "appended": "C",
     "cancelled": "X", "entered-in-error": "X"}
)  # fmt: skip
RESULT_STATUS: Final = _table(  # 0085; a status nobody knows is a result nobody has verified; what W was, says so beside its status
    {"registered": "I", "preliminary": "P", "final": "F", "amended": "C", "corrected": "C", "cancelled": "X", "entered-in-error": "D",
     "unknown": "R"}
)  # fmt: skip
ORDER_CONTROL: Final = _table(  # 0119, of an order that is placed
    {"active": "NW", "draft": "NW", "unknown": "NW", "on-hold": "HD", "revoked": "CA", "stopped": "DC", "completed": "SC", "ended": "DC",
     "cancelled": "CA", "entered-in-error": "CA"}
)  # fmt: skip
ORDER_STATUS: Final = _table(  # 0038; an order that is active is that because it was placed
    {"on-hold": "HD", "revoked": "CA", "stopped": "DC", "completed": "CM", "ended": "CM", "cancelled": "CA", "entered-in-error": "ER"}
)
APPOINTMENT_STATUS: Final = _table(  # 0278
    {"proposed": "Pending", "pending": "Pending", "booked": "Booked", "arrived": "Started", "checked-in": "Started",
     "fulfilled": "Complete", "cancelled": "Cancelled", "noshow": "Noshow", "entered-in-error": "Deleted", "waitlist": "Waitlist"}
)  # fmt: skip
DOCUMENT_STATUS: Final = _table({"preliminary": "IP", "final": "AU", "amended": "AU", "entered-in-error": "AU"})  # 0271
DOCUMENT_CURRENT: Final = _table({"current": "AV", "superseded": "OB", "entered-in-error": "CA"})  # 0273
LABEL: Final = _table({"N": "U", "L": "U", "M": "U", "U": "U", "R": "R", "V": "V"})  # v3-Confidentiality -> 0177, 0272; others as written
SECRET: Final = frozenset({"R", "V"})  # v3-Confidentiality: not everybody may know
ALLERGY_CATEGORY: Final = _table({"medication": "DA", "food": "FA", "environment": "EA", "biologic": "AA"})  # 0127
SEVERITY: Final = _table(  # criticality and reaction severity -> 0128
    {"high": "SV", "low": "MI", "unable-to-assess": "U", "severe": "SV", "moderate": "MO", "mild": "MI"}
)
PROBLEM_ACTION: Final = _table({"PC1": "AD", "PC2": "UP", "PC3": "DE"})  # 0287
COMPLETION: Final = _table({"completed": "CP", "not-done": "NA", "entered-in-error": "CP"})  # 0322
AVAILABILITY: Final = _table({"available": "Y", "unavailable": "N"})  # 0136
CODING_SYSTEMS: Final = _table(  # URI -> 0396
    {"http://loinc.org": "LN", "http://snomed.info/sct": "SCT", UCUM: "UCUM", "http://hl7.org/fhir/sid/icd-10": "I10",
     "http://hl7.org/fhir/sid/icd-10-cm": "I10C", "http://hl7.org/fhir/sid/icd-9-cm": "I9C", "http://hl7.org/fhir/sid/ndc": "NDC",
     "http://hl7.org/fhir/sid/cvx": "CVX", "http://hl7.org/fhir/sid/mvx": "MVX", "http://www.ama-assn.org/go/cpt": "C4",
     "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM", "http://www.whocc.no/atc": "ATC",
     "urn:oid:2.16.840.1.113883.6.238": "CDCREC", f"{TERMINOLOGY}v3-ObservationInterpretation": "HL70078",
     f"{TERMINOLOGY}v3-NullFlavor": "NULLFL",
     "urn:iso:std:iso:3166": "ISO3166_1", "urn:ietf:bcp:47": ""}
)  # fmt: skip


def coding_system(uri: str) -> str:
    """The v2 name of a coding system (table 0396): ``HL7nnnn`` for a v2 table; a URI nobody has named stays one."""
    known = CODING_SYSTEMS.get(uri)
    if known is not None:
        return known
    if uri.startswith(f"{V2}0396/"):
        return uri.removeprefix(f"{V2}0396/").replace("%20", " ")
    return f"HL7{uri.removeprefix(V2)}" if uri.startswith(V2) else uri
