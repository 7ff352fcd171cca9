"""Security labels: how confidential they make something, and whether a consent's labels mean it.

Sources: HL7 v3-Confidentiality and v3-ActCode (InformationSensitivityPolicy); FHIR R4 Consent.provision.securityLabel (a confidentiality is
a high-water mark, other codes subsume); Volven 9603 (Norwegian access labels).
"""

from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from hub.consent.question import CONFIDENTIALITY, PATIENT_DENIED, SENSITIVITIES

NORMAL: Final = CONFIDENTIALITY.index("N")
RESTRICTED: Final = CONFIDENTIALITY.index("R")
_HIGHEST: Final = CONFIDENTIALITY.index("V")
# Any other is the highest: what nobody knows, and what its source has locked
_LEVELS: Final = MappingProxyType(
    {label: n for n, label in enumerate(CONFIDENTIALITY)} | dict.fromkeys(SENSITIVITIES, RESTRICTED) | dict.fromkeys(PATIENT_DENIED, NORMAL)
)
# The kinds within each sensitivity, theirs too: v3-ActCode; ETH as IHE PCF has it
NARROWER: Final = MappingProxyType(
    {
        "ETH": frozenset({"ETHUD", "OPIOIDUD"}),
        "SUD": frozenset({"ETHUD", "OPIOIDUD"}),
        "BH": frozenset({"COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD"}),
        "SPI": frozenset({"BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD"}),
    }
)
# Words that senders use for one another. A lock on one is a lock on all; a permit is not.
_AKIN: Final = (
    frozenset({"MH", "PSY", "PSYTHPN"}),
    frozenset({"ETH", "SUD"}),
    frozenset({"SEX", "SDV", "MST"}),
    frozenset({"SEX", "STD", "HIV"}),
    frozenset({"SICKLE", "SCA"}),
)


@lru_cache(maxsize=1024)
def level(labels: tuple[str, ...]) -> int:
    """How confidential, as an index of CONFIDENTIALITY: the highest of the labels; what carries none that says it is taken as N."""
    return max((_LEVELS.get(label, _HIGHEST) for label in labels), default=NORMAL)


def could_mean(wanted: Iterable[str], labels: tuple[str, ...]) -> bool:
    """For a lock: whether any of its labels may mean something that carries these. Nobody has labelled it: it may be anything."""
    return not labels or any(_could_be(one, labels) for one in wanted)


def _could_be(wanted: str, labels: tuple[str, ...]) -> bool:
    if wanted in CONFIDENTIALITY:
        return level(labels) <= CONFIDENTIALITY.index(wanted)
    meant = {wanted}.union(*(akin for akin in _AKIN if wanted in akin))
    meant.update(*(NARROWER.get(one, ()) for one in tuple(meant)))
    # a broader label leaves open which of its kinds it is
    return any(one in meant or wanted in NARROWER.get(one, ()) for one in labels)


def surely_means(wanted: Iterable[str], labels: tuple[str, ...]) -> bool:
    """For a permit: whether its labels cover all that something carries."""
    if not labels:
        return False
    marks = [CONFIDENTIALITY.index(one) for one in wanted if one in CONFIDENTIALITY]
    if marks and level(labels) <= max(marks):
        return True
    covered = {kind for one in wanted for kind in (one, *NARROWER.get(one, ()))}
    sensitive = SENSITIVITIES.intersection(labels)
    return bool(sensitive) and sensitive <= covered and level(labels) <= RESTRICTED
