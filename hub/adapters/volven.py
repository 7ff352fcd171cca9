"""The Norwegian code systems (Volven) that KITH's messages are written in, as far as the hub reads and writes them. Code tables only.

A code system's OID is 2.16.578.1.12.4.1.1.<number>.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.identity import DNR, DUF, ENH, FHN, FNR, HER, HNR, HPR, RESH
from hub.model import Kind

OID: Final = "2.16.578.1.12.4.1.1."
PERSON_ID: Final = f"{OID}8116"
ORGANISATION_ID: Final = f"{OID}9051"
PATIENT_ROLE: Final = f"{OID}9034"
EVENT: Final = f"{OID}9121"
THEME: Final = f"{OID}7322"
OUT_STATE: Final = f"{OID}8431"
OUT_TO: Final = f"{OID}8408"
MESSAGE: Final = f"{OID}8279"
ERROR: Final = f"{OID}8221"
MUNICIPALITY: Final = f"{OID}3402"
ICD_10: Final = f"{OID}7110"

OTHER: Final = "XXX"  # 8116: some other identifier
LOCAL: Final = "LIN"  # 9051: a local code of an institution
GP: Final = "6"  # 9034: fastlege
DISCHARGE_ANSWER: Final = "7"  # 7322: answer on receiving a patient ready for discharge
DEAD: Final = "2"  # 8431
ALIVE: Final = "1"

# 8116 and 9051, with the words people read: identifier type -> (code system, words)
ID_TYPES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "FNR": (PERSON_ID, "Fødselsnummer"),
        "DNR": (PERSON_ID, "D-nummer"),
        "HNR": (PERSON_ID, "H-nummer"),
        "FHN": (PERSON_ID, "Felles hjelpenummer"),
        "DUF": (PERSON_ID, "DUF-nummer"),
        "HPR": (PERSON_ID, "HPR-nummer"),
        "XXX": (PERSON_ID, "Annet"),
        "HER": (ORGANISATION_ID, "HER-id"),
        "ENH": (ORGANISATION_ID, "Organisasjonsnummeret i Enhetsregisteret"),
        "RSH": (ORGANISATION_ID, "RESH-id"),
        "LIN": (ORGANISATION_ID, "Lokal kode for institusjon"),
    }
)
TYPE_OF_SYSTEM: Final[Mapping[str, str]] = MappingProxyType(
    {FNR: "FNR", DNR: "DNR", FHN: "FHN", HNR: "HNR", DUF: "DUF", HPR: "HPR", HER: "HER", ENH: "ENH", RESH: "RSH"}
)
# 8279: message types the hub writes
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "LOG_INNLAGT": "Melding om innlagt pasient",
        "LOG_UTSKRIVNINGSKLAR": "Melding om utskrivningsklar pasient",
        "LOG_AVMELDING": "Avmelding av utskrivningsklar pasient",
        "LOG_UTSKREVET": "Melding om utskrevet pasient",
        "LOG_DOD": "Orientering om dødsfall",
        "DIALOG_HELSEFAGLIG": "Helsefaglig dialog",
        "APPREC": "Applikasjonskvittering",
    }
)
# 7309: what a sending is to an earlier one
STATUSES: Final[Mapping[str, str]] = MappingProxyType({"N": "Ny", "M": "Endring", "A": "Tillegg", "C": "Kansellering", "H": "Historikk"})
# 9121: events of logistics
EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {"1": "Innlagt", "2": "Utskrevet", "3": "Utskrivningsklar", "4": "Avmelding av utskrivningsklar", "13": "Død"}
)
OUT_STATES: Final[Mapping[str, str]] = MappingProxyType({ALIVE: "Som levende", DEAD: "Som død"})
# 3101: administrative sex, and the letters older systems write for it -> FHIR
GENDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"0": "unknown", "1": "male", "2": "female", "9": "other", "M": "male", "K": "female", "F": "female", "U": "unknown"}
)
SEXES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"male": ("1", "Mann"), "female": ("2", "Kvinne"), "unknown": ("0", "Ikke kjent"), "other": ("9", "Ikke spesifisert")}
)
# Pasientlogistikk: message type -> (the payload's element, its 9121 code, what it says when new, what it says when cancelled)
LOGISTICS: Final[Mapping[str, tuple[str, str, Kind, Kind]]] = MappingProxyType(
    {
        "LOG_INNLAGT": ("MeldingInnlagtPasient", "1", Kind.ADMITTED, Kind.ADMISSION_CANCELLED),
        "LOG_UTSKRIVNINGSKLAR": ("MeldingUtskrivningsklarPasient", "3", Kind.READY_FOR_DISCHARGE, Kind.NOT_READY_FOR_DISCHARGE),
        "LOG_AVMELDING": ("AvmeldingUtskrivningsklarPasient", "4", Kind.NOT_READY_FOR_DISCHARGE, Kind.READY_FOR_DISCHARGE),
        "LOG_UTSKREVET": ("MeldingOmUtskrevetPasient", "2", Kind.DISCHARGED, Kind.DISCHARGE_CANCELLED),
        "LOG_DOD": ("OrienteringOmDod", "13", Kind.DISCHARGED, Kind.DISCHARGE_CANCELLED),
    }
)
