"""What is asked, and what is answered, when a recipient is to have a message about a patient."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from hub.model import Detail, Identifier, Item, Kind, Provider, Relation, Result, Rule

# v3-ActReason
CARE: Final = frozenset({"TREAT", "COC", "CAREMGT"})
EMERGENCIES: Final = frozenset({"ETREAT", "BTG"})
PURPOSES: Final = CARE | EMERGENCIES | {"HPAYMT", "HOPERAT", "PATRQT", "FAMRQT", "PWATRNY", "HRESCH"}
# v3-Confidentiality, lowest first
CONFIDENTIALITY: Final = ("U", "L", "M", "N", "R", "V")
# v3-ActCode, InformationSensitivityPolicy: each is treated as R
SENSITIVITIES: Final = frozenset((
    "ETH", "GDIS", "HIV", "MST", "PREGNANT", "SCA", "SDV", "SEX", "SPI", "BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY",
    "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "STD", "TBOO", "VIO", "SICKLE", "DEMO", "DOB", "GENDER", "LIVARG", "MARST",
    "PATLOC", "RACE", "REL", "B", "EMPL", "LOCIS", "SSP", "ADOL", "CEL", "DIA", "DRGIS", "EMP", "PDS", "PHY", "PRS",
))  # fmt: skip
# Volven 9603: locked by the source, and denied the patient (all of it, the discharge letter, the doctor's, the nurse's notes ...)
SOURCE_LOCKED: Final = "NORS"
PATIENT_DENIED: Final = frozenset({"NORN_ALL", "NORN_EPO", "NORN_FFL", "NORN_FOR", "NORN_KUT", "NORN_ANG"})
LABELS: Final = SENSITIVITIES.union(CONFIDENTIALITY, PATIENT_DENIED, {SOURCE_LOCKED})
RESTRICTED: Final = SENSITIVITIES | {"R", "V"}  # above normal
# The words of a decision's reasons, beside consents as id/version, relations, labels and purposes
UNKNOWN_RECIPIENT: Final = "unknown_recipient"
SUSPENDED: Final = "suspended"
UNKNOWN_PURPOSE: Final = "unknown_purpose"
NO_LABEL: Final = "no_label"
ACCESS_POLICY: Final = "access_policy"  # not the access policy or the purpose that such a person asks under
AGE: Final = "age"  # too young or too old for it, or nobody knows
PROTECTED_ADDRESS: Final = "protected_address"
WITHHELD_BY_CHILD: Final = "withheld_by_child"
EMERGENCY: Final = "emergency"
CONSENT_GIVEN: Final = "consent_given"
WORDS: Final = frozenset({
    UNKNOWN_RECIPIENT, SUSPENDED, UNKNOWN_PURPOSE, NO_LABEL, ACCESS_POLICY, AGE, PROTECTED_ADDRESS, WITHHELD_BY_CHILD, EMERGENCY,
    CONSENT_GIVEN,
})  # fmt: skip
TREATING: Final = frozenset({Relation.GP, Relation.ADDRESSED, Relation.PATHWAY})


class Capacity(StrEnum):
    """As what a person asks."""

    PATIENT = "patient"  # for themselves
    REPRESENTATIVE = "representative"  # a parent, an attorney, a guardian
    PERSONNEL = "personnel"  # for the organisation that is the question's recipient


class Acp(StrEnum):
    """Access policy under which a person asks: the last figure of the NHN OIDs 2.16.578.1.12.4.1.7.2.1.* (urn:ihe:iti:xua:2012:acp)."""

    NULL = "0"
    PARENT = "1"  # of a child under the limit of age
    ATTORNEY = "2"  # by power of attorney
    GUARDIAN = "3"  # of someone unable to consent
    NOT_REQUIRED = "4"  # personnel, no consent required
    EXPLICIT = "5"  # personnel, explicit consent, locked data too
    UNABLE = "6"  # the patient cannot consent
    EMERGENCY = "7"
    GIVEN = "8"  # personnel, the patient has consented


@dataclass(frozen=True, slots=True)
class Asker:
    """A person who asks to see (a pull); nobody is ever sent anything as one. Whoever makes this has proven who it is."""

    capacity: Capacity
    acp: Acp = Acp.NULL
    acp_given_us: int | None = None  # when the patient gave the consent that the policy names; None = nobody knows
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)  # the person's own
    roles: tuple[Identifier, ...] = ()  # as registered (HPR); without any there is no emergency access
    groups: tuple[Identifier, ...] | None = None  # None = nobody knows them: a lock on any group then holds
    reason: str = field(default="", repr=False)  # why in an emergency, in the asker's words
    since_us: int | None = None  # when emergency access was opened; None = it is not
    birth_date: str = field(default="", repr=False)  # the patient's, as FHIR date: a whole one, or a year or month only; "" = unknown
    protected_address: bool = False  # the patient's or the asker's (address code 6 or 7): no digital representation
    withheld: bool = False  # the child does not want its parents to see


@dataclass(frozen=True, slots=True)
class Question:
    """All a decision needs to know besides the patient's consents and the time.

    source: id of the provider the message came from. recipient: None when the directory does not know it, or where a citizen asks.
    labels: of a message that is asked about whole. relations: what ties the recipient to the patient. conflict: the identifiers point at
    two people. items: what can be left out of the message, each with labels of its own; () = it is one thing of which nobody knows more.
    asker: the person who asks; None = it is to be sent. kind: what happened, for a statutory duty. detail: how much is to be shown.
    """

    source: str
    recipient: Provider | None
    labels: tuple[str, ...] = ()
    purpose: str = "TREAT"
    relations: tuple[Relation, ...] = ()
    conflict: bool = False
    items: tuple[Item, ...] = ()
    asker: Asker | None = None
    kind: Kind | None = None
    detail: Detail = Detail.FULL

    @property
    def ties(self) -> tuple[str, ...]:
        """The relations as the words of a decision's reasons."""
        return _words(self.relations)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, with the row that gave it.

    because: consent ids as ``id/version``, then words of a closed vocabulary; no patient data. dropped: keys of the items that must be
    left out, in the order they were asked about; only of a REDACT. detail: the most that may be shown, where that is less than was asked.
    """

    result: Result
    rule: Rule
    because: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    detail: Detail | None = None


@cache
def _words(relations: tuple[Relation, ...]) -> tuple[str, ...]:
    return tuple(relation.value for relation in relations)


def relations_in(because: Iterable[str]) -> tuple[Relation, ...]:
    """The relations among a recorded decision's reasons: what to ask with when the same delivery is asked about again."""
    return tuple(Relation(word) for word in because if word in Relation.__members__.values())
