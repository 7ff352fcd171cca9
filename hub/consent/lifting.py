"""Who may lift or weaken a consent that has force: whoever has at least the right of those who wrote it (pbrl § 3-4, § 4-4, § 5-3)."""

from hub.consent.ages import ages
from hub.consent.question import Acp, Asker, Capacity
from hub.model import Boundaries


def may_change(asker: Asker, *, by_representatives: bool, now_us: int, boundaries: Boundaries) -> bool:
    """Whether this person may change what others wrote of the patient.

    The patient always. A representative what representatives wrote, and nothing else: an objection is the patient's, and lasts until
    the patient lifts it. But parents act wholly for a child below the age at which it has a say. That such a person may act at all is
    row 7's to say. by_representatives: whether all who wrote it are known to have acted for the patient; in doubt it was the patient.
    """
    if asker.capacity is Capacity.PATIENT:
        return True
    if asker.capacity is not Capacity.REPRESENTATIVE:
        return False
    years = ages(asker.birth_date, now_us)
    is_of_a_small_child = asker.acp is Acp.PARENT and years is not None and years[1] < min(boundaries.child_years, boundaries.alone_years)
    return by_representatives or is_of_a_small_child
