"""Other people's real messages without one of their items: still valid, and asked about with every label they bear."""

import random
import warnings
from typing import Any

from hub.consent.resource_types import ABOUT, ACTORS
from hub.errors import Rejected
from hub.model import Detail, Form
from tests.unit.adapters.invariants import broken
from tests.unit.adapters.made import RECIPIENT, hl7v2, references, rendered, sample_messages

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fhir.resources.R4B.bundle import Bundle


def test_every_sample_can_be_told_without_any_of_its_items() -> None:
    chance, copies = random.Random(1), 0
    for name, raw in sample_messages():
        try:
            m = hl7v2(raw)
            labels = set(m.event().labels)
        except Rejected:
            continue
        items = m.items()
        assert len({i.key for i in items}) == len(items), name
        assert not items or {label for i in items for label in i.labels} >= labels, name
        copy = m.without([chance.choice(items).key]) if items else None
        if copy is None:
            continue
        copies += 1
        assert copy.event().identifiers == m.event().identifiers
        assert copy.render(Form.HL7V2, Detail.FULL, RECIPIENT).startswith(b"MSH"), name
        bundle = rendered(copy)
        Bundle.model_validate(bundle)
        assert set(references(bundle)) <= {e["fullUrl"] for e in bundle["entry"]}, name
        assert set(broken(bundle)) <= set(broken(rendered(m))), name
    assert copies > 300


def test_a_lock_on_a_type_leaves_nothing_of_it() -> None:
    """Whatever segment it is made of: what no item is for goes along with every item, and stays with all of them."""
    looked = 0
    for name, raw in sample_messages():
        try:
            m = hl7v2(raw)
            items, told = m.items(), _types(rendered(m))
        except Rejected:
            continue
        for type_ in sorted(told) if items else ():
            copy = m.without([i.key for i in items if type_ in i.types])
            assert copy is None or type_ not in _types(rendered(copy)), (name, type_)
            looked += 1
    assert looked > 600


def _types(bundle: Any) -> set[str]:
    return {e["resource"]["resourceType"] for e in bundle["entry"]} - ACTORS - ABOUT
