"""A visit is a frame: a lock on a code or a label does not take it for what is found in it, but one on itself does."""

import pytest

from hub.consent.decide import decide
from hub.consent.narrowed import by_items
from hub.consent.question import Question
from hub.model import Base, Consent, Item, Policy, Provision, Relation, Result
from tests.unit.delivery.test_gate import A

LOINC, CLASSES = "http://loinc.org", "http://terminology.hl7.org/CodeSystem/v2-0004"
VISIT = Item("visit", "Encounter", codes=((CLASSES, "I"),), is_frame=True)


@pytest.mark.parametrize(
    ("provision", "locked"),
    [
        (Provision(True, codes=((LOINC, "7917-8"),)), False),
        (Provision(True, codes=((CLASSES, "I"),)), True),
        (Provision(True, codes=(("", "I"),)), True),
        (Provision(True, labels=("HIV",)), False),
        (Provision(True, labels=("N",)), True),
        (Provision(True, classes=("Encounter",)), True),
        (Provision(True, classes=("Observation",)), False),
    ],
)
def test_what_locks_a_visit(provision: Provision, locked: bool) -> None:  # noqa: FBT001
    policy = Policy((Consent("c", 1, True, provision, Base.LAW),))
    assert by_items(policy)
    found = decide(Question("h", A, relations=(Relation.PATHWAY,), items=(VISIT,)), policy, 1)
    assert (found.result is Result.DENY) is locked


def test_what_is_no_frame_may_be_anything_under_another_name() -> None:
    policy = Policy((Consent("c", 1, True, Provision(True, codes=((LOINC, "7917-8"),)), Base.LAW),))
    thing = Item("thing", "Observation", codes=((CLASSES, "I"),))
    assert decide(Question("h", A, relations=(Relation.PATHWAY,), items=(thing,)), policy, 1).result is Result.DENY
