"""What somebody on the page may see of a patient: rows 6 and 7 of the decision table (NHN's document source: citizen, parent, attorney).

| who                                                  | sees                                            |
|------------------------------------------------------|-------------------------------------------------|
| the patient, from 16 years                           | N and R                                         |
| the patient, younger                                 | nothing                                         |
| a parent of a child to 11 years                      | N and R                                         |
| an attorney                                          | N and R                                         |
| any of these of an unknown age, or a parent or attorney where an address is protected | nothing        |

Nobody sees what is labelled V, what the patient is denied insight in (NORN_*), or a label that is not known. The ages are settings.
"""

from collections.abc import Iterable
from typing import Final

from hub.consent.question import SENSITIVITIES
from hub.ledger.representations import Basis
from hub.settings import Settings
from hub.web.citizen.times import civil, years_between
from hub.web.citizen.visit import Subject

_SHOWN: Final = SENSITIVITIES | {"U", "L", "M", "N", "R"}


def may_enter(subject: Subject, settings: Settings, now_us: int) -> bool:
    """Whether the page shows anything of this patient's information to whoever looks. Ages in Norwegian civil days."""
    if subject.basis is Basis.ATTORNEY:
        return not subject.protected
    if subject.born is None:
        return False
    years = years_between(subject.born, civil(now_us).date())
    if subject.basis is Basis.PARENT:
        return not subject.protected and 0 <= years <= settings.age_parent_max
    return years >= settings.age_self_min


def may_see(labels: Iterable[str]) -> bool:
    """Whether what carries these labels is shown to who may enter."""
    return _SHOWN.issuperset(labels)
