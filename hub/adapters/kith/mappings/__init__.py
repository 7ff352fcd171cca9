"""Every KITH message the hub carries, by its type (Volven 8279), and what happened when it comes. A type that is not here is refused.

Pasientlogistikk says one of six things and whether it is new (Volven 7309): a cancelled one says the opposite of a new one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.adapters.volven import LOGISTICS
from hub.model import Kind

ANSWER: Final = "LOG_TILBAKEMELDING"
ANSWER_ELEMENT: Final = "TilbakemeldingUtskrivningsklarPasient"
ANY_LOGISTICS: Final = "PASIENTLOGISTIKK"  # version 1.5 and older: the payload says which

# Dialogmelding 1.0 and 1.1: checked by its schema
DIALOGUES: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "DIALOG_FORESPORSEL": Kind.DOCUMENT_PUBLISHED,
        "DIALOG_SVAR": Kind.DOCUMENT_PUBLISHED,
        "DIALOG_NOTAT": Kind.DOCUMENT_PUBLISHED,
        "DIALOG_HELSEFAGLIG": Kind.DOCUMENT_PUBLISHED,  # theme 7 (Volven 7322) is Kind.DISCHARGE_ANSWERED
        "DIALOG_AVVIK": Kind.DOCUMENT_PUBLISHED,
        "DIALOG_STATUS_HENVISNING": Kind.REFERRAL_ANSWERED,
    }
)
# Reports whose schemas the hub does not have: the envelope is checked, what is in it is carried as it is
DOCUMENTS: Final[Mapping[str, Kind]] = MappingProxyType(
    dict.fromkeys(
        (
            "EPIKRISE",
            "UTSKRIVNINGSRAPPORT",
            "INNLEGGELSESRAPPORT",
            "HELSEOPPL_SOKNAD",
            "HELSEOPPLYSNINGER_LEGE",
            "MEDISINSKE_OPPLYSNINGER",
            "ORIENTERING_TJENESTETILBUD",
            "LEGEMIDDELHANDTERING",
        ),
        Kind.DOCUMENT_PUBLISHED,
    )
)
# The payload's element -> its message type
ELEMENTS: Final[Mapping[str, str]] = MappingProxyType({row[0]: code for code, row in LOGISTICS.items()} | {ANSWER_ELEMENT: ANSWER})
# Volven 7309 -> whether it says that the event is no more; H (history) is no news and is refused
SENDINGS: Final[Mapping[str, bool]] = MappingProxyType({"N": False, "M": False, "A": False, "C": True})
TYPES: Final = frozenset({*LOGISTICS, ANSWER, ANY_LOGISTICS, *DIALOGUES, *DOCUMENTS})
