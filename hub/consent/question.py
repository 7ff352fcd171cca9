"""What is asked, and what is answered, when a recipient is to have a message about a patient."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from hub.model import Provider, Relation, Result, Rule

# v3-ActReason
CARE: Final = frozenset({"TREAT", "COC", "CAREMGT"})
PURPOSES: Final = CARE | {"ETREAT", "BTG", "HPAYMT", "HOPERAT", "PATRQT", "FAMRQT", "PWATRNY", "HRESCH"}
# v3-Confidentiality, lowest first
CONFIDENTIALITY: Final = ("U", "L", "M", "N", "R", "V")
# v3-ActCode, InformationSensitivityPolicy: each is treated as R
SENSITIVITIES: Final = frozenset((
    "ETH", "GDIS", "HIV", "MST", "PREGNANT", "SCA", "SDV", "SEX", "SPI", "BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY",
    "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "STD", "TBOO", "VIO", "SICKLE", "DEMO", "DOB", "GENDER", "LIVARG", "MARST",
    "PATLOC", "RACE", "REL", "B", "EMPL", "LOCIS", "SSP", "ADOL", "CEL", "DIA", "DRGIS", "EMP", "PDS", "PHY", "PRS",
))  # fmt: skip
LABELS: Final = SENSITIVITIES.union(CONFIDENTIALITY)
RESTRICTED: Final = SENSITIVITIES | {"R", "V"}  # above normal
TREATING: Final = frozenset({Relation.GP, Relation.ADDRESSED, Relation.PATHWAY})


@dataclass(frozen=True, slots=True)
class Question:
    """All a decision needs to know besides the patient's consents and the time.

    source: id of the provider the message came from. recipient: None when the directory does not know it.
    relations: what ties the recipient to the patient. conflict: the identifiers point at two people.
    """

    source: str
    recipient: Provider | None
    labels: tuple[str, ...] = ()
    purpose: str = "TREAT"
    relations: tuple[Relation, ...] = ()
    conflict: bool = False

    @property
    def ties(self) -> tuple[str, ...]:
        """The relations as the words of a decision's reasons."""
        return _words(self.relations)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, with the row that gave it. because: consent ids as ``id/version``, then words of a closed vocabulary; no patient data."""

    result: Result
    rule: Rule
    because: tuple[str, ...] = ()


@cache
def _words(relations: tuple[Relation, ...]) -> tuple[str, ...]:
    return tuple(relation.value for relation in relations)


def relations_in(because: Iterable[str]) -> tuple[Relation, ...]:
    """The relations among a recorded decision's reasons: what to ask with when the same delivery is asked about again."""
    return tuple(Relation(word) for word in because if word in Relation.__members__.values())
