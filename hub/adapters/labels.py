"""Security labels by code system: what a code of each system says in the hub's words, which ``hub.consent`` knows.

A word that no table has is passed on as it was written: the decision table refuses what it does not know (row 4). A code of a system that
is not known to hold labels is never taken for one that says "not secret".

Sources: HL7 v3 Confidentiality and ActCode (InformationSensitivityPolicy), HL7 v2 tables 0177,
0272, 0717, 0719, 0952; Volven 9603 and 7608.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters import volven

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_NOT_SECRET: Final = frozenset({"U", "L", "M", "N"})
_FOREIGN: Final = "of-an-unknown-system"

# Table 0177 (confidentiality), 0272 (documents), Y and N of PV2-22 and PD1-12; ``U`` there is "usual control"
V2: Final[Mapping[str, str]] = MappingProxyType({"V": "V", "R": "R", "U": "N", "Y": "R", "N": "N", "AID": "HIV", "VIP": "CEL", "UWM": "R"})
# Table 0717: which part of the record is restricted (ARV-3). ALL and SMD (sensitive medical data) say no kind; NO is none.
RESTRICTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"ALL": "R", "DEM": "DEMO", "DRG": "SUD", "HIV": "HIV", "LOC": "PATLOC", "NO": "N", "OI": "N", "OO": "R", "PID-7": "DOB",
     "PID-17": "REL", "PSY": "PSY", "SMD": "R", "STD": "STD"}
)  # fmt: skip
# Table 0719: why (ARV-4)
REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {"ATR": "R", "DIA": "DIA", "EMP": "EMP", "ORG": "R", "PAT": "R", "PHY": "PHY", "REG": "R", "VIP": "CEL"}
)
_NATIONAL: Final[Mapping[str, str]] = MappingProxyType({"SP": "NORS", "BL": "NORS"})  # 7608: locked, blocked; of 9603 the words are ours
_BY_SYSTEM: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "": {},
        f"{_TERMINOLOGY}v3-Confidentiality": {},
        "http://hl7.org/fhir/v3/Confidentiality": {},
        "urn:oid:2.16.840.1.113883.5.25": {},
        f"{_TERMINOLOGY}v3-ActCode": {},
        "urn:oid:2.16.840.1.113883.5.4": {},
        f"{_TERMINOLOGY}v2-0952": {},
        f"{_TERMINOLOGY}v2-0177": V2,
        f"{_TERMINOLOGY}v2-0272": V2,
        f"{_TERMINOLOGY}v2-0717": RESTRICTIONS,
        f"{_TERMINOLOGY}v2-0719": REASONS,
        f"urn:oid:{volven.OID}9603": _NATIONAL,
        f"urn:oid:{volven.OID}7608": _NATIONAL,
    }
)


def label_of(system: str, code: str) -> str:
    """The hub's word for a code of a FHIR code system ("" = none was named)."""
    table = _BY_SYSTEM.get(system)
    if table is not None:
        return table.get(code, code)
    return _FOREIGN if code in _NOT_SECRET else code
