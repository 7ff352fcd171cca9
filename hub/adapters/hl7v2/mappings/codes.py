"""Code tables as data: HL7 v2 table -> FHIR code. A code that is not in a table is not guessed: it stays a v2 code or is left out.

Source: HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), its known errors corrected (``tables`` holds its maps whole); what the hub says
beyond the guide or against it stands beside each table with its reason.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.hl7v2.mappings.tables import plain

Table = Mapping[str, str]
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
CONFIDENTIALITY: Final = f"{TERMINOLOGY}v3-Confidentiality"
ACT_CODE: Final = f"{TERMINOLOGY}v3-ActCode"


def _table(pairs: dict[str, str]) -> Table:
    return MappingProxyType(pairs)


# The guide's tables, and beside each what the hub adds or answers otherwise, with the reason.
GENDER: Final = _table(plain("AdministrativeSex"))  # 0001
NAME_USE: Final = _table(  # 0200
    plain("NameType")
    | {"C": "official", "NOUSE": "old"}  # adopted name; no longer to be used: table 0200's own words, which the guide leaves unmapped
    | {"S": "anonymous"}  # coded pseudo-name: a name that is not to be known must not pass for a usual one
)
NAME_SAID: Final = frozenset(
    {"L", "D", "M", "N", "BAD", "S", "TEMP"}
)  # what a use says by itself; of any other code it says less, or nothing
ADDRESS_USE: Final = _table(plain("AddressType[Use]") | {"V": "temp"})  # 0190; V: a vacation address is one for a time
ADDRESS_TYPE: Final = _table(plain("AddressType[Type]"))  # 0190
ADDRESS_SAID: Final = frozenset({"H", "B", "C", "BI", "BA", "M", "HV"})  # as NAME_SAID; HV has an extension of its own
TELECOM_SYSTEM: Final = _table(  # 0202
    plain("TelecommunicationEquipmentType")
    | {"CP": "phone", "SAT": "phone"}  # "mobile" is a use and no system (CP sets that too); one speaks in a satellite phone
)
TELECOM_USE: Final = _table(  # 0201
    plain("TelecommunicationUseCode") | {"ORN": "home", "VHN": "temp"}  # the table's own words, unmapped in the guide
)
TELECOM_SYSTEM_SAID: Final = frozenset({"PH", "CP", "FX", "BP", "Internet"})
TELECOM_USE_SAID: Final = frozenset({"PRN", "WPN", "VHN"})  # of an e-mail address NET alone, of a mobile telephone PRN alone
CLASS_STATUS: Final = _table({"P": "planned", "U": "unknown"})  # 0004; everything else in-progress
ENCOUNTER_STATUS: Final = _table(  # 0003; events not here leave it to the patient class
    plain("Event[EncounterStatus]")
    | {"A04": "arrived"}  # registered means that the patient is there; the guide's "planned" is what A05 says
    | dict.fromkeys(("A06", "A07", "A09", "A10", "A12", "A15", "A16", "A17", "A22", "A25", "A26"), "in-progress")  # the stay goes on
    | {"A14": "planned", "A27": "cancelled", "A38": "cancelled", "A21": "onleave", "A23": "entered-in-error"}  # table 0003's own words
    | dict.fromkeys(("A28", "A31"), "unknown")  # about the person: they say no more of a stay than A08 does
    | {"S12": "planned", "S13": "planned", "S14": "planned", "S15": "cancelled", "S26": "cancelled"}
)
LABEL: Final = _table({"V": "V", "R": "R", "U": "N", "AID": "HIV", "Y": "R", "N": "N"})  # 0177, 0272 and the Y/N of PV2-22; else as written
HEADER_LABELS: Final = frozenset(  # MSH-8 is often used for a password or a department: only these words are labels
    {"V", "R", "N", "U", "PSY", "HIV", "ETH", "ETHUD", "SDV", "SEX", "STD", "SICKLE", "OPIOIDUD"}
)
CODING_SYSTEMS: Final = _table(  # 0396
    {"LN": "http://loinc.org", "SCT": "http://snomed.info/sct", "SNM": "http://snomed.info/sct", "SCT2": "http://snomed.info/sct",
     "UCUM": "http://unitsofmeasure.org", "I10": "http://hl7.org/fhir/sid/icd-10", "ICD10": "http://hl7.org/fhir/sid/icd-10",
     "I10C": "http://hl7.org/fhir/sid/icd-10-cm", "I9": "http://hl7.org/fhir/sid/icd-9-cm", "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
     "NDC": "http://hl7.org/fhir/sid/ndc", "CVX": "http://hl7.org/fhir/sid/cvx", "MVX": "http://hl7.org/fhir/sid/mvx",
     "C4": "http://www.ama-assn.org/go/cpt", "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm", "ATC": "http://www.whocc.no/atc",
     "CDCREC": "urn:oid:2.16.840.1.113883.6.238", "SNOMED": "http://snomed.info/sct", "ISO3166_1": "urn:iso:std:iso:3166"}
)  # fmt: skip


def coding_system(name: str) -> str:
    """The URI of a v2 coding system name (table 0396); ``HL7nnnn`` is a v2 table; another name stays a v2 name; "" for none."""
    if not name:
        return ""
    known = CODING_SYSTEMS.get(name)
    if known is not None:
        return known
    if name.startswith(("urn:", "http://", "https://")):
        return "%20".join(name.split())
    if name.startswith("HL7") and name[3:].isdigit() and len(name) == 7:
        return f"{TERMINOLOGY}v2-{name[3:]}"
    return f"{TERMINOLOGY}v2-0396/" + "%20".join(name.split())
