"""The concept maps of HL7 v2-to-FHIR read backwards: v2 table -> FHIR code system -> FHIR code -> v2 code.

Only codes that the guide changes; the others are v2 codes in FHIR, too. Where several v2 codes became one FHIR code the one that says
least beyond it stands here. A few codes are ours, because R4's value sets have them and the guide does not: family
(0063), a discharge diagnosis (0052), substitution (0167), and the LOINC codes of the documents of table 0270.
Source: HL7 v2-to-FHIR (hl7.fhir.uv.v2mappings 1.0.0), code-system maps, CC0-1.0.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_Codes = Mapping[str, str]
_CONCEPTS: Final[Mapping[str, Mapping[str, _Codes]]] = MappingProxyType(
    {
        "0002": {
            "v3-MaritalStatus": {
                "A": "N",
                "C": "C",
                "D": "D",
                "I": "I",
                "L": "A",
                "M": "M",
                "P": "O",
                "S": "S",
                "T": "P",
                "U": "B",
                "W": "W",
            },
            "v3-NullFlavor": {"NAVU": "T", "OTH": "O", "UNK": "U"},
        },
        "0006": {
            "v3-ReligiousAffiliation": {
                "1001": "SEV",
                "1004": "AGN",
                "1005": "ANG",
                "1007": "ATH",
                "1008": "BAH",
                "1009": "BAP",
                "1013": "CHR",
                "1014": "CNF",
                "1020": "HOT",
                "1023": "MOS",
                "1024": "JAI",
                "1025": "JWN",
                "1026": "J",
                "1027": "MOM",
                "1028": "LUT",
                "1029": "BMA",
                "1036": "ORT",
                "1038": "PEN",
                "1041": "CAT",
                "1045": "MSH",
                "1046": "SHN",
                "1047": "SIK",
                "1048": "SPI",
                "1049": "MSU",
                "1051": "BTH",
                "1052": "UNI",
                "1061": "AOG",
                "1062": "BRE",
                "1063": "CHS",
                "1064": "COC",
                "1065": "COG",
                "1066": "COL",
                "1067": "DOC",
                "1068": "EOT",
                "1069": "EPI",
                "1071": "QUA",
                "1072": "FUL",
                "1073": "MET",
                "1074": "NAM",
                "1075": "NAZ",
                "1076": "PRE",
                "1077": "PRO",
                "1078": "PRC",
                "1079": "REC",
                "1080": "SAA",
                "1081": "UNU",
                "1082": "UCC",
            },
        },
        "0009": {
            "encounter-special-arrangements": {"wheel": "A2"},
        },
        "0052": {
            "diagnosis-role": {"AD": "A", "DD": "F"},
        },
        "0062": {
            "v3-ActReason": {"HOPERAT": "03", "PATRQT": "01", "TREAT": "02"},
        },
        "0063": {
            "v3-RoleCode": {
                "BRO": "BRO",
                "CHILD": "CHD",
                "CHLDFOST": "FCH",
                "EXT": "EXF",
                "FRND": "FND",
                "FTH": "FTH",
                "GRNDCHILD": "GCH",
                "GRPRN": "GRP",
                "MTH": "MTH",
                "NCHILD": "NCH",
                "ONESELF": "SEL",
                "PRN": "PAR",
                "SIB": "SIB",
                "SIGOTHR": "DOM",
                "SIS": "SIS",
                "SPS": "SPO",
                "STPCHLD": "SCH",
                "HUSB": "SPO",
                "WIFE": "SPO",
                "DOMPART": "DOM",
                "SON": "CHD",
                "DAU": "CHD",
                "GUARD": "GRD",
                "FAMMEMB": "EXF",
                "NBOR": "OAD",
            },
            "v2-0131": {"C": "EMC", "E": "EMR", "O": "OTH", "U": "UNK"},
        },
        "0069": {
            "service-type": {"222": "URO", "382": "MED"},
        },
        "0162": {
            "v3-RouteOfAdministration": {"IDINJ": "ID", "IM": "IM", "IVINJ": "IV", "PO": "PO", "SQ": "SC", "TRNSDERM": "TD"},
        },
        "0165": {
            "http://snomed.info/sct": {"419747000": "CH", "420606003": "SH", "421257003": "IS", "421682005": "DI", "422152000": "WA"},
        },
        "0177": {
            "v3-Confidentiality": {"HIV": "AID", "R": "R", "V": "V"},
            "v3-ActCode": {"EMP": "EMP", "ETHUD": "ETH", "HIV": "HIV", "PSY": "PSY"},
        },
        "0217": {
            "v3-ActPriority": {"EL": "3", "EM": "1", "UR": "2"},
        },
        "0167": {
            "v3-substanceAdminSubstitution": {"BC": "G", "E": "G", "EC": "G", "F": "T", "G": "G", "N": "N", "TE": "T", "TG": "T"},
        },
        "0270": {
            "http://loinc.org": {
                "11488-4": "CN",
                "11490-0": "DS",
                "11492-6": "HP",
                "11504-8": "OP",
                "11506-3": "PN",
                "11526-1": "SP",
                "18842-5": "DS",
                "28570-0": "PR",
                "34117-2": "HP",
                "57133-1": "CD",
            },
        },
        "0276": {
            "http://snomed.info/sct": {"185389009": "FOLLOWUP", "373110003": "EMERGENCY", "3780001": "ROUTINE", "866149003": "CHECKUP"},
        },
        "0335": {
            "v3-GTSAbbreviation": {"BID": "BID", "QID": "QID", "QOD": "QOD", "TID": "TID"},
        },
        "0443": {
            "v3-ParticipationType": {"ADM": "AD", "ATND": "AT", "CON": "CP", "REF": "RP"},
            "http://snomed.info/sct": {"40570005": "PI", "446050000": "PP"},
        },
        "0482": {
            "v3-RoleCode": {"HOSP": "I", "OF": "O"},
        },
        "0488": {
            "http://snomed.info/sct": {"129314006": "BIO", "129323009": "SCRAPS"},
        },
    }
)


def _whole(system: str) -> str:
    return system if "://" in system else _TERMINOLOGY + system


# v2 table -> (system, code) -> v2 code
CONCEPTS: Final[Mapping[str, Mapping[tuple[str, str], str]]] = MappingProxyType(
    {
        table: MappingProxyType({(_whole(system), code): v2 for system, codes in systems.items() for code, v2 in codes.items()})
        for table, systems in _CONCEPTS.items()
    }
)
